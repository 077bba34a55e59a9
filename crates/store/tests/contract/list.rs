use std::cmp::Ordering;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use tracellm_store::TraceStore;
use tracellm_trace::{
    Cursor, Filter, Page, Query, Status, TOTAL_CAP, Timestamp, Trace, TraceSummary,
    query::{Keyset, Sort},
};

use crate::bench::{Bench, document, raw};

/// Random values, the same ones in every run.
fn runner() -> TestRunner {
    TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn draw<T: std::fmt::Debug>(runner: &mut TestRunner, strategy: &impl Strategy<Value = T>) -> T {
    strategy.new_tree(runner).unwrap().current()
}

/// Documents that share names, numbers and starts, so that every filter and every tie matters.
fn documents() -> impl Strategy<Value = Value> {
    let names = (0..3u8, 0..3u8, 0..3u8, 0..3usize);
    (names, 0..6i64, 0..5i64, 0..8i64, 0..30u32).prop_map(|((project, model, environment, status), latency, tokens, start, id)| {
        json!({
            "trace_id": format!("t{id}"), "project_id": format!("p{project}"), "model": format!("m{model}"), "environment": format!("e{environment}"),
            "status": Status::ALL[status].as_str(), "latency": latency as f64 * 500.5, "token_count": tokens * 100,
            "created_at": 1_767_225_600 + start, "prompt": "x".repeat(300), "steps": [{}, {}],
        })
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    let name = |letter: char| prop::option::weighted(0.3, (0..4u8).prop_map(move |n| format!("{letter}{n}")));
    let at = || prop::option::weighted(0.2, (-1..9i64).prop_map(|s| Timestamp::from_millis((1_767_225_600 + s) * 1000).unwrap()));
    let names = (prop::option::weighted(0.3, prop::sample::select(Status::ALL)), name('m'), name('p'), name('e'));
    let latency = || prop::option::weighted(0.2, (0..6i64).prop_map(|n| n as f64 * 500.5));
    let tokens = || prop::option::weighted(0.2, (0..5i64).prop_map(|n| n * 100));
    (names, latency(), latency(), tokens(), tokens(), at(), at()).prop_map(
        |((status, model, project_id, environment), latency_min, latency_max, token_min, token_max, from, to)| Filter {
            status,
            model,
            project_id,
            environment,
            latency_min,
            latency_max,
            token_min,
            token_max,
            from,
            to,
        },
    )
}

/// The filter once more, said in plain Rust.
fn matches(filter: &Filter, trace: &Trace) -> bool {
    filter.status.is_none_or(|status| trace.status == status)
        && filter.model.as_ref().is_none_or(|model| trace.model_name == *model)
        && filter.project_id.as_ref().is_none_or(|project_id| trace.project_id == *project_id)
        && filter.environment.as_ref().is_none_or(|environment| trace.environment == *environment)
        && filter.latency_min.is_none_or(|least| trace.latency >= least)
        && filter.latency_max.is_none_or(|most| trace.latency <= most)
        && filter.token_min.is_none_or(|least| trace.token_count >= least)
        && filter.token_max.is_none_or(|most| trace.token_count <= most)
        && filter.from.is_none_or(|from| trace.created_at >= from)
        && filter.to.is_none_or(|to| trace.created_at < to)
}

/// The order of a list once more, said in plain Rust.
fn compare(sort: Sort, a: &Trace, b: &Trace) -> Ordering {
    let key = |trace: &Trace| (trace.created_at, trace.trace_id.clone(), trace.project_id.clone());
    match sort {
        Sort::NewestFirst => key(b).cmp(&key(a)),
        Sort::OldestFirst => key(a).cmp(&key(b)),
    }
}

/// Stores some documents; gives back what stands then.
async fn filled(bench: &Bench, runner: &mut TestRunner, count: usize) -> Vec<Trace> {
    let mut raw: Vec<Value> = (0..count).map(|_| draw(runner, &documents())).collect();
    raw.sort_by_key(|raw| (raw["project_id"].to_string(), raw["trace_id"].to_string()));
    raw.dedup_by_key(|raw| (raw["project_id"].to_string(), raw["trace_id"].to_string()));
    bench.put(&raw).await;
    raw.iter().map(|raw| document(raw).trace).collect()
}

fn expected<'a>(all: &'a [Trace], query: &Query) -> Vec<&'a Trace> {
    let mut expected: Vec<_> = all.iter().filter(|trace| matches(&query.filter, trace)).collect();
    expected.sort_by(|a, b| compare(query.sort, a, b));
    expected
}

fn ids<'a>(traces: impl IntoIterator<Item = &'a Trace>) -> Vec<Keyset> {
    traces.into_iter().map(Keyset::from).collect()
}

pub async fn every_filter_finds_what_it_should(bench: &Bench) {
    let mut runner = runner();
    let all = filled(bench, &mut runner, 90).await;
    let mut found_some = 0;
    for round in 0..150 {
        let sort = if round % 2 == 0 { Sort::NewestFirst } else { Sort::OldestFirst };
        let query = Query { filter: draw(&mut runner, &filters()), sort, limit: 200, cursor: None };
        let expected = expected(&all, &query);
        let documents = bench.store.list_documents(&query).await.unwrap();
        assert_eq!(ids(&documents.items), ids(expected.iter().copied()), "{query:?}");
        assert_eq!((documents.total.count, documents.total.is_capped), (expected.len() as u64, false));
        let rows = bench.store.list(&query).await.unwrap();
        assert_eq!(rows.items, expected.iter().map(|trace| TraceSummary::from(*trace)).collect::<Vec<_>>());
        assert_eq!((rows.next, rows.previous), (None, None));
        found_some += usize::from(!expected.is_empty());
    }
    assert!(found_some > 50, "the filters of this test match too little: {found_some}");
}

async fn page(store: &dyn TraceStore, query: &Query, cursor: Option<Cursor>) -> Page<Trace> {
    store.list_documents(&query.at(cursor)).await.unwrap()
}

pub async fn pages_lead_through_everything_once_and_back(bench: &Bench) {
    let mut runner = runner();
    let all = filled(bench, &mut runner, 70).await;
    for round in 0..12 {
        let sort = if round % 2 == 0 { Sort::NewestFirst } else { Sort::OldestFirst };
        let filter = if round < 2 { Filter::default() } else { draw(&mut runner, &filters()) };
        let query = Query { filter, sort, limit: 1 + round * 3, cursor: None };
        let expected = ids(expected(&all, &query));
        let (mut there, mut pages) = (Vec::new(), vec![page(&*bench.store, &query, None).await]);
        assert_eq!(pages[0].previous, None);
        while let Some(next) = pages.last().and_then(|page| page.next.clone()) {
            pages.push(page(&*bench.store, &query, Some(next)).await);
        }
        for page in &pages {
            there.extend(ids(&page.items));
        }
        assert_eq!(there, expected, "{query:?}");
        // Back again, page by page.
        let mut current = pages.pop().unwrap();
        while let Some(previous) = current.previous.clone() {
            current = page(&*bench.store, &query, Some(previous)).await;
            assert_eq!(ids(&current.items), ids(&pages.pop().expect("no more pages back than there").items));
        }
        assert!(pages.is_empty(), "fewer pages back than there");
    }
}

/// Neither a gap nor a repeat among those that were there, wherever new ones come to stand.
pub async fn documents_that_come_while_paging_harm_nothing(bench: &Bench) {
    let mut runner = runner();
    let all = filled(bench, &mut runner, 40).await;
    let query = Query { limit: 4, ..Query::default() };
    let mut seen: Vec<Keyset> = Vec::new();
    let mut cursor = None;
    for round in 0.. {
        let page = page(&*bench.store, &query, cursor).await;
        seen.extend(ids(&page.items).into_iter().filter(|place| !place.trace_id.starts_with("new")));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
        bench.put(&[raw(&format!("new {round}"), round % 8), raw(&format!("new later {round}"), 100 + round)]).await;
    }
    assert_eq!(seen, ids(expected(&all, &query)));
}

pub async fn totals_stop_at_the_cap(bench: &Bench) {
    let documents = |from: u64, to: u64| (from..to).map(|n| document(&raw(&n.to_string(), n as i64))).collect();
    bench.store.put(documents(0, TOTAL_CAP)).await.unwrap();
    let query = Query { limit: 1, ..Query::default() };
    let total = bench.store.list(&query).await.unwrap().total;
    assert_eq!((total.count, total.is_capped), (TOTAL_CAP, false));
    bench.store.put(documents(TOTAL_CAP, TOTAL_CAP + 5)).await.unwrap();
    let total = bench.store.list(&query).await.unwrap().total;
    assert_eq!((total.count, total.is_capped), (TOTAL_CAP, true));
}

pub async fn projects_are_those_that_traces_name(bench: &Bench) {
    assert_eq!(bench.store.projects().await.unwrap(), [""; 0]);
    let of = |id: &str, project: &str| json!({"trace_id": id, "project_id": project});
    bench.put(&[of("1", "web"), of("2", "api"), of("3", "web"), of("4", "Über"), json!({"trace_id": "5"})]).await;
    assert_eq!(bench.store.projects().await.unwrap(), ["api", "default", "web", "Über"]);
}
