use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tracellm_store::StoreError;
use tracellm_trace::{Coverage, Filter, Outcome, Query, Search, Sort, Trace, stats::Summary};

use crate::{
    bench::{Bench, PACE, document},
    list::{draw, runner},
    numbers::by_hand,
};

const WORDS: &[&str] = &["parcel", "invoice", "Zürich", "東京都", "TimeoutError", "rate limit", "محمد ﷺ"];
const SEARCHES: &[&str] = &[
    "parcel",
    "PARCEL invoice",
    "zurich -invoice",
    "\"parcel invoice\"",
    "-\"rate limit\" limit",
    "京都",
    "都",
    "timeout",
    "timeouterror error*",
    "inv*",
    "tool:track",
    "tool:track parcel -model:m1",
    "محمد",
    "ﷺ",
    "-parcel",
    "latency:>3s rate",
    "tag:\"a b\" parcel",
];

fn traces() -> impl Strategy<Value = Vec<Value>> {
    let words = || prop::collection::vec(prop::sample::select(WORDS), 0..4).prop_map(|words| words.join(" "));
    let one = (words(), words(), words(), 0..40i64, 0..5u8, 0..8i64).prop_map(|(prompt, response, output, start, model, latency)| {
        json!({
            "prompt": prompt, "response": response, "model": format!("m{model}"), "latency": latency * 1000, "created_at": 1_767_225_600 + start,
            "tags": if model == 1 { vec!["a b"] } else { vec![] },
            "steps": [{"tool_name": if latency % 2 == 0 { "track" } else { "Track it" }, "output": {"said": output}}],
        })
    });
    prop::collection::vec(one, 450)
}

/// Asks again where a busy machine took longer to read the index than what it says holds, which is short here.
pub async fn patiently<T>(ask: impl AsyncFn() -> Result<T, StoreError>) -> T {
    for _ in 0..20 {
        match ask().await {
            Err(StoreError::Unavailable(_)) => sleep(PACE.every).await,
            answer => return answer.unwrap(),
        }
    }
    ask().await.unwrap()
}

/// What is found, sorted each way, a page at a time, is what each trace by itself says, and the numbers are theirs.
async fn finds_what_is_there(bench: &Bench, all: &[Trace]) {
    let sorts: Vec<Sort> = Sort::all().collect();
    for (round, typed) in SEARCHES.iter().enumerate() {
        let filter = Filter { q: Some(Search::parse(typed).unwrap()), ..Filter::default() };
        let mut expected: Vec<&Trace> = all.iter().filter(|trace| filter.matches(trace)).collect();
        let mut query = Query { filter, sort: sorts[round % sorts.len()], limit: 60, cursor: None };
        expected.sort_by(|a, b| query.sort.compare(a, b));
        let mut found = Vec::new();
        loop {
            let page = patiently(async || bench.store.list_documents(&query).await).await;
            assert_eq!((page.total.count, page.total.is_capped), (expected.len() as u64, false), "{typed}");
            found.extend(page.items.into_iter().map(|trace| trace.trace_id));
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, expected.iter().map(|trace| trace.trace_id.clone()).collect::<Vec<_>>(), "{typed}");
        assert_eq!(patiently(async || bench.store.count(&query.filter).await).await.count, expected.len() as u64, "{typed}");
        let numbers = patiently(async || bench.store.tally(&query.filter).await).await.finish(Vec::new());
        let Summary { total_traces, failed_traces, total_token_usage, .. } = by_hand(all, &query.filter).summary;
        let summary = &numbers.summary;
        assert_eq!(
            (summary.total_traces, summary.failed_traces, summary.total_token_usage),
            (total_traces, failed_traces, total_token_usage)
        );
        assert_eq!(numbers.charts.iter().map(|point| point.traces).sum::<u64>(), total_traces, "{typed}");
    }
}

/// Waits until no more are missing in the index than are looked at one by one.
async fn caught_up(bench: &Bench) {
    let query = Query { filter: Filter { q: Some(Search::parse("parcel").unwrap()), ..Filter::default() }, ..Query::default() };
    let wait = async {
        while bench.store.list(&query).await.unwrap().coverage.is_some_and(|Coverage { not_indexed, .. }| not_indexed > 0) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), wait).await.expect("the index catches up");
    sleep(2 * bench.rests).await;
}

pub async fn a_search_finds_what_is_stored_and_what_has_changed(bench: &Bench) {
    let mut runner = runner();
    let mut raw = draw(&mut runner, &traces());
    for (index, raw) in raw.iter_mut().enumerate() {
        raw["trace_id"] = format!("t{index:03}").into();
    }
    let all = |raw: &[Value]| raw.iter().map(|raw| document(raw).trace).collect::<Vec<_>>();
    bench.put(&raw).await;
    caught_up(bench).await;
    finds_what_is_there(bench, &all(&raw)).await;
    // Other words in the place of some: what stood there is found no longer.
    let other = draw(&mut runner, &traces());
    for (index, other) in other.into_iter().enumerate().filter(|(index, _)| index % 3 == 0) {
        raw[index] = other;
        raw[index]["trace_id"] = format!("t{index:03}").into();
    }
    let outcomes = bench.put(&raw).await;
    assert!(outcomes.iter().filter(|outcome| **outcome == Outcome::Updated).count() > 100, "{outcomes:?}");
    caught_up(bench).await;
    finds_what_is_there(bench, &all(&raw)).await;
}

pub async fn a_row_shows_what_was_found(bench: &Bench) {
    bench.put(&[json!({"trace_id": "t", "prompt": "Hello", "steps": [{}, {"tool_name": "track", "output": {"said": "the Parcel is in Zürich"}}]})]).await;
    let of = |typed: &str| Query { filter: Filter { q: Some(Search::parse(typed).unwrap()), ..Filter::default() }, ..Query::default() };
    let row = bench.store.list(&of("zurich")).await.unwrap().items.remove(0);
    let snippet = serde_json::to_value(row.snippet.unwrap()).unwrap();
    assert_eq!(
        snippet,
        json!({"place": {"step": 1}, "pieces": [{"text": "the Parcel is in ", "is_hit": false}, {"text": "Zürich", "is_hit": true}]})
    );
    assert_eq!(bench.store.list(&of("tool:track")).await.unwrap().items.remove(0).snippet, None);
}
