use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use mongodb::bson::{DateTime, Document, doc};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::sleep;
use tracellm_store::{StoreError, TraceKey, mongo::Pace, open_at};
use tracellm_trace::{Filter, Query, Search, Timestamp, Total, Trace};

use crate::{
    bench::{Bench, NOW, PACE, raw},
    list::{draw, runner},
    mongo::{collection, of_reference},
    rollups::BEGIN,
    search::patiently,
    sums::{HOUR, all, rest},
};

/// In ms.
const TICK: i64 = 15_000;

/// Segments whose name, behind that of the database, is like this.
async fn segments(bench: &Bench, of: &str) -> u64 {
    let traces = collection(bench).await;
    let segments = traces.client().database(&traces.namespace().db).collection::<Document>("search_segments");
    segments.count_documents(doc! { "_id": { "$regex": of } }).await.unwrap()
}

pub fn raw_of(trace_id: &str, seconds: i64, prompt: &str) -> Value {
    let mut raw = raw(trace_id, seconds);
    raw["prompt"] = prompt.into();
    raw
}

#[tokio::test(flavor = "multi_thread")]
async fn words_come_from_an_index_that_can_be_made_anew() {
    let bench = Bench::mongo().await;
    let of = |word: &str| Query { filter: Filter { q: Some(Search::parse(word).unwrap()), ..Filter::default() }, ..Query::default() };
    let ids = async |word: &str| {
        let page = bench.store.list(&of(word)).await.unwrap();
        assert_eq!((page.total, page.coverage), (Total::from_count(page.items.len() as u64), None));
        page.items.into_iter().map(|row| row.trace_id).collect::<Vec<_>>()
    };
    bench.put(&[raw_of("a", 0, "a zebra"), raw_of("b", 5_000, "two zebras, one zebra"), raw_of("c", 9_000, "a gnu")]).await;
    assert_eq!(ids("zebra").await, ["b", "a"]);
    rest(&bench).await;
    assert_eq!(ids("zebra").await, ["b", "a"]);
    // A change that nobody marks.
    let theirs = collection(&bench).await;
    theirs.update_one(doc! { "trace_id": "c" }, doc! { "$set": { "prompt": "a zebra after all" } }).await.unwrap();
    theirs.update_one(doc! { "trace_id": "a" }, doc! { "$set": { "prompt": "an ass in stripes" } }).await.unwrap();
    assert_eq!(ids("zebra").await, ["b"], "what the index does not know is not found, and what is gone neither");
    bench.store.repair_rollups().await.unwrap();
    assert_eq!(ids("zebra").await, ["c", "b"]);
    rest(&bench).await;
    assert_eq!(ids("zebra").await, ["c", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_a_day_are_found_while_it_grows_and_shrinks() {
    let bench = Bench::mongo().await;
    let zebra = Filter { q: Some(Search::parse("zebra").unwrap()), ..Filter::default() };
    // What the index said holds for no longer than a mark here, which a busy machine may take to read it.
    let count = async || loop {
        match bench.store.count(&zebra).await {
            Err(StoreError::Unavailable(_)) => sleep(PACE.every).await,
            found => break found.unwrap(),
        }
    };
    // Its segments, as far as they are of the whole day or of an hour.
    let segments = async |of: &str| segments(&bench, of).await;
    let some: Vec<_> = (0..40).map(|n| raw_of(&format!("early {n}"), n * 2_000, "a zebra")).collect();
    bench.put(&some).await;
    rest(&bench).await;
    assert_eq!((count().await, segments("/d").await, segments("/0").await), (Total::from_count(40), 1, 0));
    // More than stand in one.
    for batch in 0..5_i64 {
        let more: Vec<_> = (0..1_000).map(|n| raw_of(&format!("more {batch} {n}"), batch * 16_000 + n, "a zebra")).collect();
        bench.put(&more).await;
        let (found, stored) = (count().await, 40 + 1_000 * (batch as u64 + 1));
        assert!(found.count == stored || (found.is_capped && found.count < stored), "{found:?} of {stored}");
    }
    rest(&bench).await;
    assert_eq!((count().await, segments("/d").await), (Total { count: 5_040, is_capped: false }, 0));
    assert!(segments("/0").await > 5);
    for batch in 0..5 {
        let these = (0..1_000).map(|n| TraceKey { project_id: "default".to_owned(), trace_id: format!("more {batch} {n}") });
        bench.store.remove(these.collect()).await.unwrap();
    }
    rest(&bench).await;
    assert_eq!((count().await, segments("/d").await, segments("/0").await), (Total::from_count(40), 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_goes_on_where_what_the_index_said_holds_no_more() {
    let mut bench = Bench::mongo().await;
    // Shorter than it takes to look at so many.
    bench.store = open_at(&bench.location, Pace { holds: Duration::from_millis(80), ..PACE }).await.unwrap();
    for batch in 0..6_i64 {
        // Some that began together, and some that have the words and not the phrase.
        let text = |n: i64| if n % 5 == 0 { "it was out and timed" } else { "it timed out" };
        let some: Vec<_> = (0..500).map(|n| raw_of(&format!("{batch} {n}"), batch * 500 + n / 3, text(n))).collect();
        bench.put(&some).await;
    }
    rest(&bench).await;
    let filter = Filter { q: Some(Search::parse("\"timed out\"").unwrap()), ..Filter::default() };
    let tally = patiently(async || bench.store.tally(&filter).await).await;
    let until = tally.coverage.as_ref().and_then(|coverage| coverage.until);
    let is_seen = |trace: &&Trace| filter.matches(trace) && until.is_none_or(|until| trace.created_at >= until);
    let expected = all(&*bench.store).await.iter().filter(is_seen).count();
    assert!(expected > 400, "{expected}, {until:?}");
    assert_eq!(tally.finish(Vec::new()).summary.total_traces, expected as u64);
    let query = Query { filter, limit: 200, ..Query::default() };
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let query = Query { cursor: cursor.take(), ..query.clone() };
        let (rows, next) = patiently(async || bench.store.rows(&query).await).await;
        found.extend(rows.into_iter().map(|row| row.trace_id));
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    let distinct: BTreeSet<&String> = found.iter().collect();
    assert_eq!((found.len(), distinct.len()), (2_400, 2_400));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_stored_twice_is_found_twice() {
    let bench = Bench::mongo().await;
    let theirs = collection(&bench).await;
    for _ in 0..2 {
        let mut document = of_reference("twice", NOW);
        document.insert("prompt", "a zebra");
        theirs.insert_one(document).await.unwrap();
    }
    let zebra = Filter { q: Some(Search::parse("zebra").unwrap()), ..Filter::default() };
    for filter in [Filter::default(), zebra] {
        for _ in 0..2 {
            let query = Query { filter: filter.clone(), ..Query::default() };
            let page = patiently(async || bench.store.list(&query).await).await;
            assert_eq!((page.items.len(), page.total), (2, Total::from_count(2)), "{filter:?}");
            rest(&bench).await;
        }
    }
}

/// Waits until the ticks of what is over are brought together.
async fn until_no_ticks(bench: &Bench) {
    while segments(bench, "/t").await > 0 {
        sleep(PACE.every).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ticks_of_an_hour_tell_until_they_are_brought_together() {
    let bench = Bench::mongo().await;
    let zebra = Filter { q: Some(Search::parse("zebra").unwrap()), ..Filter::default() };
    let count = async || patiently(async || bench.store.count(&zebra).await).await;
    // Too many for a day in one.
    for batch in 0..5_i64 {
        let some: Vec<_> = (0..1_000).map(|n| raw_of(&format!("many {batch} {n}"), 7_200 + batch * 700 + n / 2, "a gnu")).collect();
        bench.put(&some).await;
    }
    rest(&bench).await;
    until_no_ticks(&bench).await;
    let of_others = (segments(&bench, "/0").await, segments(&bench, "/$").await);
    for batch in 0..9_i64 {
        let some: Vec<_> = (0..1_000).map(|n| raw_of(&format!("{batch} {n}"), batch * 20 + n / 50, "a zebra")).collect();
        bench.put(&some).await;
    }
    rest(&bench).await;
    assert_eq!((count().await, segments(&bench, "/t").await), (Total::from_count(9_000), 12));
    let begin = Instant::now();
    while segments(&bench, "/t").await > 0 {
        assert_eq!(count().await.count, 9_000, "while they are brought together");
        assert!(begin.elapsed() < Duration::from_secs(60), "the ticks of an hour that is over stay");
    }
    let in_one = (of_others.0 + 2, of_others.1 + 1);
    assert_eq!((count().await.count, segments(&bench, "/0").await, segments(&bench, "/$").await), (9_000, in_one.0, in_one.1));
    // What comes to it later is found, before it is made anew and then.
    bench.put(&[raw_of("late", 30, "a late zebra")]).await;
    assert_eq!(count().await.count, 9_001);
    rest(&bench).await;
    assert_eq!((count().await.count, segments(&bench, "/t").await, segments(&bench, "/$").await), (9_001, 0, in_one.1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_to_an_hour_that_is_being_made_is_found() {
    let bench = Bench::mongo().await;
    // Too many for a day in one.
    for batch in 0..5_i64 {
        let some: Vec<_> = (0..1_000).map(|n| raw_of(&format!("many {batch} {n}"), 7_200 + batch * 700 + n / 2, "a gnu")).collect();
        bench.put(&some).await;
    }
    rest(&bench).await;
    until_no_ticks(&bench).await;
    let others = segments(&bench, "/0").await;
    // So many ticks that all of their hour is marked, with so many words that several segments take several turns.
    let long = |n: i64| (n * 200_000..(n + 1) * 200_000).map(|word| format!("w{word} ")).collect::<String>();
    let words = |n: i64| if n % 4 == 0 { long(n / 4) } else { "a zebra".to_owned() };
    let some: Vec<_> = (0..12).map(|n| raw_of(&format!("{n}"), n * 20, &words(n))).collect();
    bench.put(&some).await;
    while segments(&bench, "/0").await == others {
        sleep(PACE.every).await;
    }
    bench.put(&[raw_of("late", 30, "a late zebra")]).await;
    sleep(PACE.holds * 3).await;
    assert_eq!((segments(&bench, "/$").await, segments(&bench, "/t").await), (1, 0), "it is being made still, and so is the test of use");
    rest(&bench).await;
    let zebra = Filter { q: Some(Search::parse("zebra").unwrap()), ..Filter::default() };
    assert_eq!(patiently(async || bench.store.count(&zebra).await).await.count, 10);
    assert_eq!((segments(&bench, "/0").await, segments(&bench, "/$").await), (others + 4, 2));
}

const WORDS: [&str; 5] = ["zebra", "gnu", "okapi", "kudu", "eland"];

/// Traces with few ids, of the hours around the present one and of a day that is long over.
fn traces(now: i64) -> impl Strategy<Value = Vec<Value>> {
    let moment = (prop::sample::select(&[-2, -1, 0, 0, 0, 1][..]), 0..8i64, 0..TICK)
        .prop_map(move |(hour, tick, within)| now.div_euclid(HOUR) * HOUR + hour * HOUR + tick * TICK + within);
    let moment = prop_oneof![5 => moment, 1 => (0..8i64).prop_map(|tick| BEGIN + tick * TICK)];
    let words = prop::collection::vec(prop::sample::select(&WORDS[..]), 0..4).prop_map(|words| words.join(" "));
    let one =
        (0..60u8, moment, words).prop_map(|(id, begin, words)| json!({"trace_id": format!("t{id}"), "created_at": begin, "prompt": words}));
    prop::collection::vec(one, 1..8)
}

async fn finds_what_is_there(bench: &Bench, there: &[Trace], filter: Filter) {
    let expected: BTreeSet<&str> = there.iter().filter(|trace| filter.matches(trace)).map(|trace| trace.trace_id.as_str()).collect();
    let query = Query { filter, limit: 200, ..Query::default() };
    let page = patiently(async || bench.store.list(&query).await).await;
    let found: BTreeSet<&str> = page.items.iter().map(|row| row.trace_id.as_str()).collect();
    let of = &query.filter;
    assert_eq!((found, page.total, page.coverage), (expected.clone(), Total::from_count(expected.len() as u64), None), "{of:?}");
    assert_eq!(patiently(async || bench.store.count(of).await).await.count, expected.len() as u64, "{of:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_in_whatever_order_all_comes_and_goes() {
    let mut bench = Bench::mongo().await;
    let pace = Pace { rests: Duration::from_millis(300), ..PACE };
    bench.store = open_at(&bench.location, pace).await.unwrap();
    let other = open_at(&bench.location, pace).await.unwrap();
    let theirs = collection(&bench).await;
    let mut runner = runner();
    for turn in 0..120 {
        let now = DateTime::now().timestamp_millis();
        match draw(&mut runner, &(0..10u8)) {
            0..4 => drop(bench.put(&draw(&mut runner, &traces(now))).await),
            4..6 => {
                let some = draw(&mut runner, &traces(now));
                other.put(some.iter().map(crate::bench::document).collect()).await.unwrap();
            }
            6 => {
                let mut document = of_reference(&format!("theirs {turn}"), now - draw(&mut runner, &(0..2 * HOUR)));
                document.insert("prompt", draw(&mut runner, &prop::sample::select(&WORDS[..])));
                theirs.insert_one(document).await.unwrap();
            }
            7 => {
                let gone = all(&*bench.store).await.into_iter().filter(|_| draw(&mut runner, &(0..6u8)) == 0);
                let key = |trace: Trace| TraceKey { project_id: trace.project_id, trace_id: trace.trace_id };
                other.remove(gone.map(key).collect()).await.unwrap();
            }
            8 => sleep(pace.rests.mul_f64(f64::from(draw(&mut runner, &(0..20u8))) / 2.0)).await,
            _ => sleep(pace.holds).await,
        }
        let there = all(&*bench.store).await;
        for word in WORDS {
            let q = Some(Search::parse(word).unwrap());
            let from = draw(&mut runner, &prop::option::of(0..3 * HOUR)).and_then(|ago| Timestamp::from_millis(now - ago));
            finds_what_is_there(&bench, &there, Filter { q, from, ..Filter::default() }).await;
        }
    }
    rest(&bench).await;
    let there = all(&*bench.store).await;
    assert!(there.len() > 20);
    for word in WORDS {
        finds_what_is_there(&bench, &there, Filter { q: Some(Search::parse(word).unwrap()), ..Filter::default() }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_writes_beside_is_found() {
    let bench = Bench::mongo().await;
    let zebra = Filter { q: Some(Search::parse("zebra").unwrap()), ..Filter::default() };
    let count = async || patiently(async || bench.store.count(&zebra).await).await.count;
    bench.put(&[raw_of("ours", 0, "a zebra")]).await;
    rest(&bench).await;
    // It has ids that are no ObjectIds, and marks for sums alone.
    let theirs = collection(&bench).await;
    let marks = theirs.client().database(&theirs.namespace().db).collection::<Document>("marks");
    let mark = doc! { "_id": "earlier", "from": BEGIN, "to": BEGIN + 60_000, "made": "once", "ended": true };
    marks.insert_one(mark).await.unwrap();
    let mut document = of_reference("theirs", BEGIN + 20_000);
    document.insert("_id", "default/theirs");
    document.insert("prompt", "a zebra, too");
    theirs.insert_one(document).await.unwrap();
    assert_eq!(count().await, 2);
    rest(&bench).await;
    assert_eq!(count().await, 2);
}
