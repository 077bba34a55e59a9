use std::collections::BTreeMap;

use tracellm_store::overview::{analytics, failures};
use tracellm_trace::{
    Filter, Sort, Status, Timestamp, Trace,
    stats::{Analytics, Bucket, Count, Summary},
};

use crate::{
    bench::Bench,
    list::{draw, filled, filters, runner},
};

/// The answer once more, from all traces, as one would do it on paper.
pub fn by_hand(all: &[Trace], filter: &Filter) -> Analytics {
    let mut found: Vec<&Trace> = all.iter().filter(|trace| filter.matches(trace)).collect();
    found.sort_by(|a, b| Sort::default().compare(a, b));
    let n = found.len() as u64;
    let count = |is: &dyn Fn(&Trace) -> bool| found.iter().filter(|trace| is(trace)).count() as u64;
    let mean = |of: &[&Trace]| if of.is_empty() { 0.0 } else { of.iter().map(|t| t.latency).sum::<f64>() / of.len() as f64 };
    let summary = Summary {
        total_traces: n,
        success_rate: if n == 0 { 0.0 } else { count(&|t| t.status == Status::Success) as f64 * 100.0 / n as f64 },
        average_latency: mean(&found),
        p50_latency: percentile(&found, 0.5),
        p95_latency: percentile(&found, 0.95),
        p99_latency: percentile(&found, 0.99),
        total_token_usage: found.iter().map(|t| t.token_count).sum(),
        total_cost_usd: found.iter().filter_map(|t| t.cost_usd).sum(),
        failed_traces: count(&|t| t.status == Status::Failed),
        warning_traces: count(&|t| t.status == Status::Warning),
        retries: found.iter().map(|t| t.retry_count).sum(),
        slow_requests: count(&|t| t.slow_request),
    };
    let breakdown = |key: &dyn Fn(&Trace) -> String| {
        let mut groups = BTreeMap::new();
        found.iter().for_each(|trace| *groups.entry(key(trace)).or_insert(0) += 1);
        let mut counts: Vec<Count> = groups.into_iter().map(|(key, count)| Count { key, count }).collect();
        counts.sort_by_key(|group| std::cmp::Reverse(group.count));
        counts
    };
    let is_trouble = |t: &&&Trace| t.status != Status::Success || t.retry_count > 0 || t.slow_request;
    Analytics {
        summary,
        charts: Vec::new(),
        status_breakdown: breakdown(&|t| t.status.to_string()),
        model_breakdown: breakdown(&|t| t.model_name.clone()),
        project_breakdown: breakdown(&|t| t.project_id.clone()),
        environment_breakdown: breakdown(&|t| t.environment.clone()),
        recent_failures: found.iter().filter(is_trouble).take(5).map(|t| (*t).clone()).collect(),
        coverage: None,
    }
}

/// Nearest rank: the value at place ⌈p·n⌉ of the sorted ones.
fn percentile(traces: &[&Trace], p: f64) -> f64 {
    let mut latencies: Vec<f64> = traces.iter().map(|trace| trace.latency).collect();
    latencies.sort_by(f64::total_cmp);
    let rank = (p * latencies.len() as f64).ceil() as usize;
    latencies.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= expected.abs() * tolerance + 1e-6, "{what}: {found} for {expected}");
}

pub fn compare(found: &Analytics, expected: &Analytics) {
    let (a, b) = (&found.summary, &expected.summary);
    let counts = |s: &Summary| (s.total_traces, s.failed_traces, s.warning_traces, s.slow_requests, s.retries, s.total_token_usage);
    assert_eq!(counts(a), counts(b));
    close(a.success_rate, b.success_rate, 1e-9, "success rate");
    close(a.average_latency, b.average_latency, 1e-9, "average latency");
    close(a.total_cost_usd, b.total_cost_usd, 1e-9, "cost");
    for (what, a, b) in
        [("p50", a.p50_latency, b.p50_latency), ("p95", a.p95_latency, b.p95_latency), ("p99", a.p99_latency, b.p99_latency)]
    {
        close(a, b, 0.0101, what);
    }
    assert_eq!(found.status_breakdown, expected.status_breakdown);
    assert_eq!(found.model_breakdown, expected.model_breakdown);
    assert_eq!(found.project_breakdown, expected.project_breakdown);
    assert_eq!(found.environment_breakdown, expected.environment_breakdown);
    assert_eq!(found.recent_failures, expected.recent_failures);
}

pub async fn analytics_are_those_of_a_plain_computation(bench: &Bench) {
    let mut runner = runner();
    let all = filled(bench, &mut runner, 90).await;
    for round in 0..40 {
        let filter = if round == 0 { Filter::default() } else { draw(&mut runner, &filters()) };
        let found = analytics(&*bench.store, &filter).await.unwrap();
        let expected = by_hand(&all, &filter);
        compare(&found, &expected);
        // Every trace is in the one bucket that holds its start, and the buckets have no gap.
        let matching: Vec<&Trace> = all.iter().filter(|trace| filter.matches(trace)).collect();
        let Some(first) = matching.iter().map(|trace| trace.created_at).min() else {
            assert!(found.charts.is_empty());
            continue;
        };
        let last = matching.iter().map(|trace| trace.created_at).max().unwrap();
        let bucket = Bucket::for_range(filter.from.unwrap_or(first), filter.to.map_or(last, |to| to.plus(-1.0)));
        let width = found.charts.windows(2).map(|pair| pair[1].time.millis() - pair[0].time.millis());
        assert!(width.clone().all(|width| width == bucket.width()), "{:?}", width.collect::<Vec<_>>());
        for point in &found.charts {
            let within: Vec<&Trace> = matching.iter().filter(|trace| bucket.start_of(trace.created_at) == point.time).copied().collect();
            assert_eq!(point.traces, within.len() as u64);
            assert_eq!(point.failed, within.iter().filter(|trace| trace.status == Status::Failed).count() as u64);
            assert_eq!(point.tokens, within.iter().map(|trace| trace.token_count).sum::<i64>());
            close(point.latency, within.iter().map(|t| t.latency).sum::<f64>() / (within.len().max(1) as f64), 1e-9, "mean of a bucket");
            close(point.p95_latency, percentile(&within, 0.95), 0.0101, "p95 of a bucket");
        }
        assert_eq!(found.charts.iter().map(|point| point.traces).sum::<u64>(), found.summary.total_traces);
    }
}

pub async fn analytics_of_nothing_are_zero(bench: &Bench) {
    let found = analytics(&*bench.store, &Filter { from: Some(Timestamp::MIN), ..Filter::default() }).await.unwrap();
    assert_eq!(found.summary, Summary::default());
    assert!(found.charts.is_empty() && found.model_breakdown.is_empty() && found.recent_failures.is_empty());
}

/// The newest of a kind, how many there are, and what makes one.
type Kind<'a> = (&'a [Trace], u64, fn(&Trace) -> bool);

pub async fn failures_are_the_newest_of_each_kind_and_all_are_counted(bench: &Bench) {
    let mut runner = runner();
    let all = filled(bench, &mut runner, 90).await;
    for round in 0..20 {
        let filter = if round == 0 { Filter::default() } else { draw(&mut runner, &filters()) };
        let found = failures(&*bench.store, &filter, 3).await.unwrap();
        let mut matching: Vec<&Trace> = all.iter().filter(|trace| filter.matches(trace)).collect();
        matching.sort_by(|a, b| Sort::default().compare(a, b));
        let kinds: [Kind; 3] = [
            (&found.failed_traces, found.totals.failed_traces, |trace| trace.status == Status::Failed),
            (&found.retries, found.totals.retries, |trace| trace.retry_count > 0),
            (&found.slow_requests, found.totals.slow_requests, |trace| trace.slow_request),
        ];
        for (newest, total, is_one) in kinds {
            let expected: Vec<&Trace> = matching.iter().filter(|trace| is_one(trace)).copied().collect();
            assert_eq!(total, expected.len() as u64);
            assert_eq!(newest.iter().collect::<Vec<_>>(), expected.into_iter().take(3).collect::<Vec<_>>());
        }
    }
}
