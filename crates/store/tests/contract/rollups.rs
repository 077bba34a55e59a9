use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use tokio::time::sleep;
use tracellm_store::{TraceKey, TraceStore, overview::analytics};
use tracellm_trace::{Facet, FacetBy, FacetValue, Facets, Filter, Status, Timestamp, Trace};

use crate::{
    bench::{Bench, PACE, document},
    list::{draw, runner},
    numbers::{by_hand, compare},
};

const MINUTE: i64 = 60_000;
pub const DAY: i64 = 1_440 * MINUTE;
/// The first of January 2026, in ms.
pub const BEGIN: i64 = 1_767_225_600_000;

/// Moments that meet, miss and touch the bounds of minutes, hours and days.
fn moments() -> impl Strategy<Value = i64> {
    let within = prop::sample::select(&[0, 1, MINUTE - 1, MINUTE, 59 * MINUTE, 60 * MINUTE, 61 * MINUTE + 1, DAY - 1][..]);
    (prop::sample::select(&[-3i64, 0, 0, 0, 1, 2, 30][..]), 0..3i64, within)
        .prop_map(|(day, hour, within)| BEGIN + day * DAY + hour * 60 * MINUTE + within)
}

/// Documents with few ids, so that many of them change what stands.
pub fn documents() -> impl Strategy<Value = Value> {
    let names = (0..25u8, 0..2u8, 0..3u8, 0..3u8, 0..3usize);
    let labels = prop::collection::vec(0..4u8, 0..4);
    (names, moments(), 0..40_000u32, 0..5i64, prop::option::of(1..9u32), labels).prop_map(|(names, begin, latency, retries, cost, labels)| {
        let (id, project, model, environment, status) = names;
        json!({
            "trace_id": format!("t{id}"), "project_id": format!("p{project}"), "model": format!("m{model}"), "environment": format!("e{environment}"),
            "status": Status::ALL[status].as_str(), "latency": f64::from(latency) / 7.0, "token_count": latency, "created_at": begin,
            "retry_count": retries, "cost_usd": cost.map(|cost| 0.1 / f64::from(cost)),
            "tags": labels.iter().map(|n| format!("tag {n}")).collect::<Vec<_>>(),
            "steps": labels.iter().map(|n| json!({"tool_name": format!("tool-{n}")})).collect::<Vec<_>>(),
        })
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    let name = |letter: char| prop::option::weighted(0.2, (0..4u8).prop_map(move |n| format!("{letter}{n}")));
    let moment = || prop::option::weighted(0.3, moments().prop_map(|millis| Timestamp::from_millis(millis).unwrap()));
    let status = prop::option::weighted(0.2, prop::sample::select(Status::ALL));
    let kind = (prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    let tag = prop::option::weighted(0.1, (0..4u8).prop_map(|n| format!("tag {n}")));
    (status, name('p'), name('m'), name('e'), moment(), moment(), kind, tag).prop_map(
        |(status, project_id, model, environment, from, to, kind, tag)| Filter {
            tag,
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

pub async fn check(store: &dyn TraceStore, runner: &mut TestRunner, all: &[Trace], rounds: usize) {
    for _ in 0..rounds {
        let filter = draw(runner, &filters());
        compare(&analytics(store, &filter).await.unwrap(), &by_hand(all, &filter));
        assert_eq!(store.count(&filter).await.unwrap().count, all.iter().filter(|trace| filter.matches(trace)).count() as u64);
        let facets = store.facets(&filter).await.unwrap().finish();
        assert_eq!(facets, facets_by_hand(all, &filter), "{filter:?}");
    }
}

fn facets_by_hand(all: &[Trace], filter: &Filter) -> Facets {
    let facets = FacetBy::ALL.map(|by| {
        let mut rest = filter.clone();
        match by {
            FacetBy::Status => rest.status = None,
            FacetBy::Model => rest.model = None,
            FacetBy::Project => rest.project_id = None,
            FacetBy::Environment => rest.environment = None,
            FacetBy::Tool | FacetBy::Tag => {}
        }
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for trace in all.iter().filter(|trace| rest.matches(trace)) {
            let values: BTreeSet<String> = match by {
                FacetBy::Status => [trace.status.to_string()].into(),
                FacetBy::Model => [trace.model_name.clone()].into(),
                FacetBy::Project => [trace.project_id.clone()].into(),
                FacetBy::Environment => [trace.environment.clone()].into(),
                FacetBy::Tool => trace.steps.iter().map(|step| step.tool_name.clone()).collect(),
                FacetBy::Tag => trace.tags.iter().cloned().collect(),
            };
            values.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
        }
        let mut values: Vec<_> = counts.into_iter().map(|(value, traces)| FacetValue { value, traces }).collect();
        values.sort_by_key(|value| Reverse(value.traces));
        Facet { by, values, more: 0 }
    });
    Facets { facets: facets.into(), coverage: None }
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

pub async fn values_that_are_never_the_same_are_counted(bench: &Bench) {
    const TRACES: i64 = 4_000;
    let raw: Vec<Value> = (0..TRACES)
        .map(|n| {
            let begin = BEGIN + (n % 2) * 60 * MINUTE;
            json!({"trace_id": format!("t{n}"), "created_at": begin, "tags": ["each", format!("only of the run of number {n:010}")]})
        })
        .collect();
    for batch in raw.chunks(400) {
        bench.put(batch).await;
    }
    let hour = Timestamp::from_millis(BEGIN + 60 * MINUTE);
    let expect = async |traces: u64| {
        let of = |from, to| Filter { from, to, ..Filter::default() };
        let minute = Timestamp::from_millis(BEGIN + 61 * MINUTE);
        for (filter, share) in [(of(None, None), 1), (of(hour, None), 2), (of(None, hour), 2), (of(hour, minute), 2)] {
            let mut found = bench.store.facets(&filter).await.unwrap().finish();
            // The index comes behind, and says so.
            while found.coverage.is_some() {
                sleep(PACE.every).await;
                found = bench.store.facets(&filter).await.unwrap().finish();
            }
            let tags = found.facets.iter().find(|facet| facet.by == FacetBy::Tag).unwrap();
            assert_eq!((tags.values[0].value.as_str(), tags.values[0].traces), ("each", traces / share), "{filter:?}");
            assert_eq!(tags.values.len() as u64 + tags.more, traces / share + 1, "{filter:?}");
        }
    };
    expect(TRACES as u64).await;
    bench.check_sums().await;
    let gone = |n: i64| TraceKey { project_id: "default".to_owned(), trace_id: format!("t{n}") };
    let gone: Vec<TraceKey> = (100..TRACES).map(gone).collect();
    // As many at a time as a job takes.
    for keys in gone.chunks(500) {
        bench.store.remove(keys.to_vec()).await.unwrap();
    }
    expect(100).await;
    bench.check_sums().await;
    expect(100).await;
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
        // Some go again.
        let gone: Vec<_> = all.keys().filter(|_| draw(&mut runner, &(0..12u8)) == 0).cloned().collect();
        let keys = gone.iter().map(|(project_id, trace_id)| TraceKey { project_id: project_id.clone(), trace_id: trace_id.clone() });
        assert_eq!(bench.store.remove(keys.collect()).await.unwrap(), gone.len() as u64);
        // Where sums are made behind the writes, some are by now.
        if draw(&mut runner, &(0..4u8)) == 0 {
            sleep(bench.rests).await;
        }
        all.retain(|key, _| !gone.contains(key));
        let all: Vec<Trace> = all.values().cloned().collect();
        check(&*bench.store, &mut runner, &all, 6).await;
    }
    bench.check_sums().await;
}
