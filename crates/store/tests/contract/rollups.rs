use std::collections::BTreeMap;

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use tracellm_store::overview::analytics;
use tracellm_trace::{Filter, Status, Timestamp, Trace};

use crate::{
    bench::{Bench, document},
    list::{draw, runner},
    numbers::{by_hand, compare},
};

const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;
/// The first of January 2026, in ms.
const BEGIN: i64 = 1_767_225_600_000;

/// Moments that meet, miss and touch the bounds of minutes, hours and days.
fn moments() -> impl Strategy<Value = i64> {
    let within = prop::sample::select(&[0, 1, MINUTE - 1, MINUTE, 59 * MINUTE, 60 * MINUTE, 61 * MINUTE + 1, DAY - 1][..]);
    (prop::sample::select(&[-3i64, 0, 0, 0, 1, 2, 30][..]), 0..3i64, within)
        .prop_map(|(day, hour, within)| BEGIN + day * DAY + hour * 60 * MINUTE + within)
}

/// Documents with few ids, so that many of them change what stands.
fn documents() -> impl Strategy<Value = Value> {
    let names = (0..25u8, 0..2u8, 0..3u8, 0..3u8, 0..3usize);
    (names, moments(), 0..40_000u32, 0..5i64, prop::option::of(1..9u32)).prop_map(|(names, begin, latency, retries, cost)| {
        let (id, project, model, environment, status) = names;
        json!({
            "trace_id": format!("t{id}"), "project_id": format!("p{project}"), "model": format!("m{model}"), "environment": format!("e{environment}"),
            "status": Status::ALL[status].as_str(), "latency": f64::from(latency) / 7.0, "token_count": latency, "created_at": begin,
            "retry_count": retries, "cost_usd": cost.map(|cost| 0.1 / f64::from(cost)),
        })
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    let name = |letter: char| prop::option::weighted(0.2, (0..4u8).prop_map(move |n| format!("{letter}{n}")));
    let moment = || prop::option::weighted(0.3, moments().prop_map(|millis| Timestamp::from_millis(millis).unwrap()));
    let status = prop::option::weighted(0.2, prop::sample::select(Status::ALL));
    let kind = (prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    (status, name('p'), name('m'), name('e'), moment(), moment(), kind).prop_map(
        |(status, project_id, model, environment, from, to, kind)| Filter {
            retried: kind.0,
            slow: kind.1,
            status,
            project_id,
            model,
            environment,
            from,
            to,
            ..Filter::default()
        },
    )
}

async fn check(bench: &Bench, runner: &mut TestRunner, all: &[Trace], rounds: usize) {
    for _ in 0..rounds {
        let filter = draw(runner, &filters());
        compare(&analytics(&*bench.store, &filter).await.unwrap(), &by_hand(all, &filter));
        assert_eq!(bench.store.count(&filter).await.unwrap().count, all.iter().filter(|trace| filter.matches(trace)).count() as u64);
    }
}

pub async fn the_first_and_the_last_moment_count(bench: &Bench) {
    let raw = ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"]
        .map(|begin| json!({"trace_id": begin, "created_at": begin}));
    bench.put(&raw).await;
    let all: Vec<Trace> = raw.iter().map(|raw| document(raw).trace).collect();
    for (from, to) in [(None, None), (Some(Timestamp::MIN), None), (None, Some(Timestamp::MAX)), (Some(Timestamp::MAX), None)] {
        let filter = Filter { from, to, ..Filter::default() };
        compare(&analytics(&*bench.store, &filter).await.unwrap(), &by_hand(&all, &filter));
        assert_eq!(bench.store.count(&filter).await.unwrap().count, all.iter().filter(|trace| filter.matches(trace)).count() as u64);
    }
    bench.check_sums().await;
}

pub async fn sums_follow_whatever_is_stored_and_changed(bench: &Bench) {
    let mut runner = runner();
    let mut all: BTreeMap<(String, String), Trace> = BTreeMap::new();
    for _ in 0..30 {
        let batch: Vec<Value> = (0..8).map(|_| draw(&mut runner, &documents())).collect();
        bench.put(&batch).await;
        for raw in &batch {
            let trace = document(raw).trace;
            all.insert((trace.project_id.clone(), trace.trace_id.clone()), trace);
        }
        let all: Vec<Trace> = all.values().cloned().collect();
        check(bench, &mut runner, &all, 6).await;
    }
    bench.check_sums().await;
}
