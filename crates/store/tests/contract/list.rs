use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use tracellm_store::TraceStore;
use tracellm_trace::{Cursor, Filter, Page, Query, Search, Sort, Status, TOTAL_CAP, Timestamp, Trace, TraceSummary};

use crate::bench::{Bench, document, raw};

/// Random values, the same ones in every run.
pub fn runner() -> TestRunner {
    TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

pub fn draw<T: std::fmt::Debug>(runner: &mut TestRunner, strategy: &impl Strategy<Value = T>) -> T {
    strategy.new_tree(runner).unwrap().current()
}

/// Documents that share names, numbers and starts, so that every filter and every tie matters.
pub fn documents() -> impl Strategy<Value = Value> {
    let names = (0..3u8, 0..3u8, 0..3u8, 0..3usize);
    let extras = (prop::option::of(0..4u8), 0..4u8, 0..4u8, 0..3i64);
    (names, 0..6i64, 0..5i64, 0..8i64, 0..30u32, extras).prop_map(|(names, latency, tokens, start, id, (cost, session, words, retries))| {
        let (project, model, environment, status) = names;
        let words = ["Time OUT", "a.b*c\\d", "ÜBER alles", ""][usize::from(words)];
        let mut document = json!({
            "trace_id": format!("t{id}"), "project_id": format!("p{project}"), "model": format!("m{model}"), "environment": format!("e{environment}"),
            "status": Status::ALL[status].as_str(), "latency": latency as f64 * 500.5, "token_count": tokens * 100,
            "created_at": 1_767_225_600 + start * 40, "prompt": "x".repeat(300), "retry_count": retries,
            "session_id": format!("s{session}"), "user_id": format!("u{session}"), "tags": [format!("g{session}"), "all"],
            "steps": [{}, {"tool_name": if id % 3 == 0 { words } else { "tool" }}],
        });
        if id % 3 == 1 {
            document["response"] = words.into();
        }
        if let Some(cost) = cost {
            document["cost_usd"] = (f64::from(cost) * 0.1).into();
        }
        document
    })
}

pub fn filters() -> impl Strategy<Value = Filter> {
    let name = |letter: char| prop::option::weighted(0.2, (0..4u8).prop_map(move |n| format!("{letter}{n}")));
    let at = || prop::option::weighted(0.15, (-1..9i64).prop_map(|s| Timestamp::from_millis((1_767_225_600 + s * 40) * 1000).unwrap()));
    let names = (prop::option::weighted(0.2, prop::sample::select(Status::ALL)), name('m'), name('p'), name('e'));
    let latency = || prop::option::weighted(0.15, (0..6i64).prop_map(|n| n as f64 * 500.5));
    let tokens = || prop::option::weighted(0.15, (0..5i64).prop_map(|n| n * 100));
    let texts = (prop::option::weighted(0.3, prop::sample::select(SEARCHES)), name('s'), name('u'), name('g'));
    let flags = (prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    let ranges = (latency(), latency(), tokens(), tokens(), at(), at());
    (names, ranges, texts, flags).prop_map(|(names, ranges, (q, session_id, user_id, tag), (retried, slow))| {
        let (status, model, project_id, environment) = names;
        let (latency_min, latency_max, token_min, token_max, from, to) = ranges;
        Filter {
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
            last: None,
            q: q.map(|q| Search::parse(q).unwrap()),
            session_id,
            user_id,
            tag,
            retried,
            slow,
        }
    })
}

/// What people type: words, phrases, beginnings, what must not be there, fields and all of these at once.
const SEARCHES: &[&str] = &[
    "time out",
    "\"time out\"",
    "\"out time\"",
    "TIME",
    "b c",
    "a.b*c",
    "über",
    "uber -time",
    "tool",
    "nowhere",
    "x*",
    "-tool",
    "-\"time out\"",
    "tool:tool",
    "-tool:tool",
    "tool:\"Time OUT\",tool all*",
    "model:m0,m1 status:failed,warning",
    "time model:m1",
    "-model:m1 -status:failed latency:>500ms",
    "latency:1s..2s tool",
    "tokens:<300 cost:<=0.2",
    "-cost:>0.1",
    "-tag:g1 session:s0,s1,s2",
    "user:u1 tool",
    "-session:s3 project:p0,p1 env:e0,e2",
    "t1",
];

fn sorts() -> Vec<Sort> {
    Sort::all().collect()
}

/// Stores some documents; gives back what stands then.
pub async fn filled(bench: &Bench, runner: &mut TestRunner, count: usize) -> Vec<Trace> {
    let mut raw: Vec<Value> = (0..count).map(|_| draw(runner, &documents())).collect();
    raw.sort_by_key(|raw| (raw["project_id"].to_string(), raw["trace_id"].to_string()));
    raw.dedup_by_key(|raw| (raw["project_id"].to_string(), raw["trace_id"].to_string()));
    bench.put(&raw).await;
    raw.iter().map(|raw| document(raw).trace).collect()
}

fn expected<'a>(all: &'a [Trace], query: &Query) -> Vec<&'a Trace> {
    let mut expected: Vec<_> = all.iter().filter(|trace| query.filter.matches(trace)).collect();
    expected.sort_by(|a, b| query.sort.compare(a, b));
    expected
}

fn ids<'a>(traces: impl IntoIterator<Item = &'a Trace>) -> Vec<(String, String)> {
    traces.into_iter().map(|trace| (trace.trace_id.clone(), trace.project_id.clone())).collect()
}

pub async fn every_filter_finds_what_it_should(bench: &Bench) {
    let mut runner = runner();
    let all = filled(bench, &mut runner, 90).await;
    let mut found_some = 0;
    for round in 0..300 {
        let sort = sorts()[round % sorts().len()];
        let query = Query { filter: draw(&mut runner, &filters()), sort, limit: 200, cursor: None };
        let expected = expected(&all, &query);
        let documents = bench.store.list_documents(&query).await.unwrap();
        assert_eq!(ids(&documents.items), ids(expected.iter().copied()), "{query:?}");
        assert_eq!((documents.total.count, documents.total.is_capped), (expected.len() as u64, false));
        let rows = bench.store.list(&query).await.unwrap();
        assert_eq!(rows.items, expected.iter().map(|trace| TraceSummary::found(trace, query.filter.q.as_ref())).collect::<Vec<_>>());
        assert_eq!((rows.next, rows.previous), (None, None));
        found_some += usize::from(!expected.is_empty());
    }
    assert!(found_some > 80, "the filters of this test match too little: {found_some}");
}

async fn page(store: &dyn TraceStore, query: &Query, cursor: Option<Cursor>) -> Page<Trace> {
    store.list_documents(&query.at(cursor)).await.unwrap()
}

pub async fn pages_lead_through_everything_once_and_back(bench: &Bench) {
    let mut runner = runner();
    let all = filled(bench, &mut runner, 70).await;
    for round in 0..24 {
        let sort = sorts()[round % sorts().len()];
        let filter = if round < 8 { Filter::default() } else { draw(&mut runner, &filters()) };
        let query = Query { filter, sort, limit: 1 + round as u32 * 3, cursor: None };
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
    let mut seen = Vec::new();
    let mut cursor = None;
    for round in 0.. {
        let page = page(&*bench.store, &query, cursor).await;
        seen.extend(ids(&page.items).into_iter().filter(|(trace_id, _)| !trace_id.starts_with("new")));
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
    assert_eq!(bench.store.project_ids().await.unwrap(), [""; 0]);
    let of = |id: &str, project: &str| json!({"trace_id": id, "project_id": project});
    bench.put(&[of("1", "web"), of("2", "api"), of("3", "web"), of("4", "Über"), json!({"trace_id": "5"})]).await;
    assert_eq!(bench.store.project_ids().await.unwrap(), ["api", "default", "web", "Über"]);
}
