use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, resume_unwind},
    time::{Duration, Instant},
};

use futures_util::{FutureExt, TryStreamExt};
use mongodb::{
    Collection,
    bson::{DateTime, Document, doc},
};
use proptest::{prelude::*, test_runner::TestRunner};
use tokio::{runtime::Runtime, time::sleep};
use tracellm_store::{TraceKey, TraceStore, mongo::Pace, open_at, overview::analytics};
use tracellm_trace::{FacetBy, Filter, Query, Trace};

use crate::{
    bench::{Bench, PACE, document, raw},
    list::{draw, runner},
    mongo::{collection, of_reference},
    numbers::{by_hand, compare},
    rollups::{BEGIN, DAY, check, documents},
};

/// In ms.
pub const HOUR: i64 = 3_600_000;

/// Everything that stands, as it is shown.
pub async fn all(store: &dyn TraceStore) -> Vec<Trace> {
    let (mut query, mut all) = (Query { limit: 200, ..Query::default() }, Vec::new());
    loop {
        let (traces, next) = store.documents(&query).await.unwrap();
        all.extend(traces);
        query.cursor = next;
        if query.cursor.is_none() {
            return all;
        }
    }
}

/// Waits until the sums are those of all that was written.
pub async fn rest(bench: &Bench) {
    let traces = collection(bench).await;
    for name in ["marks", "search_marks"] {
        let marks = traces.client().database(&traces.namespace().db).collection::<Document>(name);
        while marks.count_documents(doc! {}).await.unwrap() > 0 {
            sleep(PACE.every).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_meanwhile_stays_until_it_is_marked_for_long_enough() {
    let mut bench = Bench::mongo().await;
    let pace = Pace { holds: Duration::from_millis(700), rests: Duration::from_millis(1_600), ..PACE };
    bench.store = open_at(&bench.location, pace).await.unwrap();
    let traces = collection(&bench).await;
    let database = traces.client().database(&traces.namespace().db);
    let (sums, marks) = (database.collection::<Document>("rollups"), database.collection::<Document>("search_marks"));
    // Of today, as a day that is over is indexed in one. All in one hour, in the first and the last quarter of it.
    let hour = DateTime::now().timestamp_millis() / HOUR * HOUR - HOUR;
    let early = |prompt: &str| raw_at("early", hour + 1_000, prompt);
    bench.put(&[early("a zebra"), raw_at("late", hour + HOUR - 1_000, "a zebra")]).await;
    rest(&bench).await;
    // Who adds up the first minute leaves what stands of the last quarter.
    let last_quarter = doc! { "_id": { "$regex": "/quarter/" }, "period": hour + HOUR * 3 / 4 };
    let known = doc! { "$set": { "known": true } };
    assert_eq!(sums.update_many(last_quarter.clone(), known.clone()).await.unwrap().modified_count, 2);
    bench.put(&[early("two zebras")]).await;
    rest(&bench).await;
    assert_eq!(sums.count_documents(doc! { "known": true }).await.unwrap(), 2);
    bench.check_sums().await;
    rest(&bench).await;
    // Of an hour that is marked, the words stand for as long as a reader may not know of the mark.
    let begin = Instant::now();
    marks.insert_one(doc! { "_id": "by hand", "from": hour, "to": hour + HOUR, "made": "by hand", "ended": true }).await.unwrap();
    rest(&bench).await;
    assert!(begin.elapsed() >= pace.holds);
}

fn raw_at(trace_id: &str, millis: i64, prompt: &str) -> serde_json::Value {
    serde_json::json!({ "trace_id": trace_id, "created_at": millis as f64 / 1e3, "prompt": prompt })
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_come_from_sums_and_wrong_ones_are_found_and_mended() {
    let bench = Bench::mongo().await;
    let theirs = collection(&bench).await;
    let mut undated = of_reference("no time", 0);
    undated.remove("created_at");
    // What stood before there were sums.
    theirs.insert_many([of_reference("old", BEGIN + 5), undated.clone()]).await.unwrap();
    let mut runner = runner();
    let raw: Vec<_> = (0..40).map(|_| draw(&mut runner, &documents())).collect();
    bench.put(&raw).await;
    let whole = Filter::default();
    let count = async || bench.store.count(&whole).await.unwrap().count;
    let expected = all(&*bench.store).await.len() as u64;
    assert_eq!(count().await, expected);
    rest(&bench).await;
    assert_eq!((count().await, analytics(&*bench.store, &whole).await.unwrap().summary.total_traces), (expected, expected));

    // A change that nobody marks: the sums tell what was.
    theirs.delete_one(doc! { "trace_id": "old" }).await.unwrap();
    theirs.update_one(doc! { "trace_id": "no time" }, doc! { "$set": { "project_id": "elsewhere" } }).await.unwrap();
    assert_eq!(count().await, expected);
    assert!(bench.store.repair_rollups().await.unwrap().wrong > 0);
    assert_eq!(count().await, expected - 1);
    let projects = bench.store.facets(&whole).await.unwrap().finish();
    assert!(projects.of(FacetBy::Project).iter().any(|project| project.value == "elsewhere" && project.traces == 1), "{projects:?}");
    bench.check_sums().await;

    // What others insert is found without a mark of theirs, with a time and without.
    undated.insert("trace_id", "no time again");
    theirs.insert_many([of_reference("new", BEGIN + 40 * DAY), undated]).await.unwrap();
    assert_eq!(count().await, expected + 1);
    sleep(2 * bench.rests).await;
    rest(&bench).await;
    assert_eq!(count().await, expected + 1);
    compare(&analytics(&*bench.store, &whole).await.unwrap(), &by_hand(&all(&*bench.store).await, &whole));
    bench.check_sums().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_removes_by_itself_is_counted_no_longer() {
    let bench = Bench::mongo().await;
    let theirs = collection(&bench).await;
    bench.put(&[raw("stays", 0), raw("goes", 70)]).await;
    rest(&bench).await;
    let whole = Filter::default();
    assert_eq!(bench.store.count(&whole).await.unwrap().count, 2);
    let soon = DateTime::from_millis(DateTime::now().timestamp_millis() + 3_000);
    theirs.update_one(doc! { "trace_id": "goes" }, doc! { "$set": { "expires_at": soon } }).await.unwrap();
    while theirs.count_documents(doc! {}).await.unwrap() > 1 {
        assert!(bench.store.count(&whole).await.unwrap().count > 0);
        sleep(PACE.every).await;
    }
    sleep(PACE.rests).await;
    rest(&bench).await;
    assert_eq!(bench.store.count(&whole).await.unwrap().count, 1);
    bench.check_sums().await;
}

/// What a killed process has sent may come late on a busy machine.
const SLOW: Pace = Pace { rests: Duration::from_millis(1_000), late: Duration::from_secs(10), ..PACE };

/// A process, which can be killed.
struct Process {
    runtime: Runtime,
    store: std::sync::Arc<dyn TraceStore>,
}

impl Process {
    async fn start(bench: &Bench) -> Self {
        Self { runtime: Runtime::new().unwrap(), store: open_at(&bench.location, SLOW).await.unwrap() }
    }

    /// Has it do something, and wait for that.
    async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime.spawn(work).await.unwrap()
    }

    /// Ends it in the middle of whatever it does.
    fn kill(self) {
        self.runtime.shutdown_background();
    }
}

#[derive(Clone, Debug)]
enum Deed {
    Put,
    Remove,
    /// By another writer, who knows of no marks.
    Insert,
    Rest,
    /// While it writes.
    Kill,
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![6 => Just(Deed::Put), 2 => Just(Deed::Remove), 2 => Just(Deed::Insert), 2 => Just(Deed::Rest), 2 => Just(Deed::Kill)]
}

/// Says of which minutes the sums are wrong, and what marks there are.
async fn tell_minutes(theirs: &Collection<Document>, found: &[Trace]) {
    let database = theirs.client().database(&theirs.namespace().db);
    let sums = database.collection::<Document>("rollups").find(doc! { "_id": { "$regex": "^all/minute/" } }).await.unwrap();
    let sums: Vec<Document> = sums.try_collect().await.unwrap();
    let mut minutes: BTreeMap<i64, (i64, Vec<&Trace>)> = BTreeMap::new();
    for period in sums {
        let cells = period.get_array("cells").unwrap().iter().map(|cell| cell.as_document().unwrap().get_i64("traces").unwrap());
        minutes.entry(period.get_i64("period").unwrap()).or_default().0 = cells.sum();
    }
    for trace in found {
        minutes.entry(trace.created_at.millis().div_euclid(60_000) * 60_000).or_default().1.push(trace);
    }
    for (minute, (told, traces)) in minutes.iter().filter(|(_, (told, traces))| *told != traces.len() as i64) {
        eprintln!("minute {minute}: sums tell of {told}, there are {traces:?}");
    }
    for name in ["marks", "search_marks"] {
        let marks: Vec<Document> = database.collection(name).find(doc! {}).await.unwrap().try_collect().await.unwrap();
        eprintln!("{name}: {marks:?}");
    }
}

async fn put(store: &dyn TraceStore, runner: &mut TestRunner) {
    let batch = (0..8).map(|_| document(&draw(runner, &documents()))).collect();
    store.put(batch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_hold_whoever_writes_and_whoever_is_killed() {
    let mut bench = Bench::mongo().await;
    bench.store = open_at(&bench.location, SLOW).await.unwrap();
    let theirs = collection(&bench).await;
    let behind = theirs.client().database(&theirs.namespace().db).collection::<Document>("behind");
    let mut runner = runner();
    let mut process = Process::start(&bench).await;
    let mut killed = 0;
    for turn in 0..60 {
        let store = process.store.clone();
        match draw(&mut runner, &deeds()) {
            Deed::Put => {
                let batch = (0..8).map(|_| document(&draw(&mut runner, &documents()))).collect();
                process.run(async move { store.put(batch).await }).await.unwrap();
            }
            Deed::Remove => {
                let gone = all(&*bench.store).await.into_iter().filter(|_| draw(&mut runner, &(0..6u8)) == 0);
                let keys: BTreeSet<_> = gone.map(|trace| (trace.project_id, trace.trace_id)).collect();
                let keys = keys.into_iter().map(|(project_id, trace_id)| TraceKey { project_id, trace_id }).collect();
                process.run(async move { store.remove(keys).await }).await.unwrap();
            }
            Deed::Insert => {
                let moment = BEGIN + DAY * draw(&mut runner, &(0..40i64)) + draw(&mut runner, &(0..DAY));
                let mut document = of_reference(&format!("theirs {turn}"), moment);
                document.insert("updated_at", DateTime::from_millis(moment));
                theirs.insert_one(document).await.unwrap();
            }
            Deed::Rest => sleep(SLOW.rests.mul_f64(f64::from(draw(&mut runner, &(0..12u8))) / 7.0)).await,
            Deed::Kill => {
                killed += 1;
                for _ in 0..3 {
                    let (store, batch) = (store.clone(), (0..8).map(|_| document(&draw(&mut runner, &documents()))).collect());
                    process.runtime.spawn(async move { store.put(batch).await });
                }
                sleep(Duration::from_millis(draw(&mut runner, &(0..25u64)))).await;
                process.kill();
                process = Process::start(&bench).await;
                // What was on its way arrives, or does not; on a busy machine that takes a while. What is written behind it comes after it.
                behind.insert_one(doc! {}).await.unwrap();
                let (mut before, mut arrived) = (usize::MAX, 0);
                while before != arrived {
                    before = arrived;
                    sleep(Duration::from_millis(200)).await;
                    arrived = all(&*bench.store).await.len();
                }
            }
        }
        loop {
            let found = all(&*bench.store).await;
            let checks = async {
                check(&*process.store, &mut runner, &found, 3).await;
                // One that only reads knows as much.
                check(&*bench.store, &mut runner, &found, 1).await;
            };
            let Err(panic) = AssertUnwindSafe(checks).catch_unwind().await else { break };
            // What a killed process had sent may have arrived between two looks; then one looks again.
            if all(&*bench.store).await == found {
                tell_minutes(&theirs, &found).await;
                resume_unwind(panic);
            }
        }
    }
    put(&*bench.store, &mut runner).await;
    assert!(killed > 2);
    bench.check_sums().await;
    process.kill();
}
