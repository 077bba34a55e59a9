use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;
use tracellm_store::{NewSpan, News};
use tracellm_trace::{
    Filter, Outcome, Query, Source, Status, Timestamp, Trace,
    otlp::{Span, SpanStatus, fold},
};

use crate::bench::{Bench, NOW};

pub const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

pub fn now() -> Timestamp {
    Timestamp::from_millis(NOW).unwrap()
}

/// The span `n` of a trace; 0 is its root.
pub fn span(n: u64) -> Span {
    let ms = 1_780_000_000_000_000_000 + n * 1_000_000;
    Span {
        trace_id: TRACE.to_owned(),
        span_id: format!("{:016x}", n + 1),
        parent_id: (n > 0).then(|| format!("{:016x}", n.div_ceil(3))),
        name: format!("span {n}"),
        start_ns: ms,
        end_ns: ms + 500_000,
        attributes: json!({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": n, "gen_ai.usage.output_tokens": 1})
            .as_object()
            .unwrap()
            .clone(),
        events: Vec::new(),
        status: if n % 5 == 4 { SpanStatus::Error } else { SpanStatus::Unset },
        status_message: String::new(),
        resource: serde_json::Map::new().into(),
        scope: "test".to_owned(),
        via: None,
    }
}

pub fn new(spans: &[Span]) -> Vec<NewSpan> {
    spans.iter().map(|span| NewSpan { project_id: "web".to_owned(), span: span.clone() }).collect()
}

async fn put(bench: &Bench, spans: &[Span]) -> Vec<Outcome> {
    let outcomes = bench.store.put_spans(new(spans), now()).await.unwrap();
    outcomes.into_iter().map(|outcome| outcome.unwrap()).collect()
}

fn folded(spans: &[Span]) -> Trace {
    fold(spans, "web", now()).unwrap().trace
}

pub async fn spans_make_a_trace_that_grows(bench: &Bench) {
    let spans: Vec<_> = (0..5).map(span).collect();
    assert_eq!(put(bench, &spans[1..3]).await, [Outcome::Created; 2]);
    let early = bench.get("web", TRACE).await;
    assert_eq!((early.steps.len(), early.source, early.in_progress()), (2, Some(Source::Otlp), true));
    assert!(bench.store.list(&Query::default()).await.unwrap().items[0].in_progress, "a list says so too");
    assert_eq!(put(bench, &spans).await, [Outcome::Created, Outcome::Duplicate, Outcome::Duplicate, Outcome::Created, Outcome::Created]);
    let whole = bench.get("web", TRACE).await;
    assert_eq!(whole, folded(&spans));
    assert!(!whole.in_progress() && whole.status == Status::Warning);
    let longer = Span { end_ns: spans[0].end_ns + 9_000_000, name: "longer".to_owned(), ..spans[0].clone() };
    assert_eq!(put(bench, std::slice::from_ref(&longer)).await, [Outcome::Updated], "the later end stands");
    assert_eq!(put(bench, &spans[..1]).await, [Outcome::Duplicate], "and an earlier one does not come back");
    assert_eq!(bench.get("web", TRACE).await.prompt, "longer");
    let page = bench
        .store
        .list(&Query { filter: Filter { status: Some(Status::Warning), ..Filter::default() }, ..Query::default() })
        .await
        .unwrap();
    assert_eq!((page.items.len(), page.items[0].step_count, page.items[0].in_progress), (1, 5, false));
    // A trace of the same id in another project is another one.
    let other = NewSpan { project_id: "shop".to_owned(), span: spans[0].clone() };
    bench.store.put_spans(vec![other], now()).await.unwrap();
    assert_eq!((bench.get("shop", TRACE).await.steps.len(), bench.get("web", TRACE).await.steps.len()), (1, 5));
    bench.check_sums().await;
}

/// A trace may have come in another way before its spans do: those are new all the same, and change it.
pub async fn spans_of_a_trace_that_stands_are_new(bench: &Bench) {
    let spans: Vec<_> = (0..4).map(span).collect();
    bench.put(&[json!({"trace_id": TRACE, "project_id": "web", "prompt": "by hand"})]).await;
    assert_eq!(put(bench, &spans[..3]).await, [Outcome::Created; 3]);
    assert_eq!(put(bench, &spans[2..]).await, [Outcome::Duplicate, Outcome::Created]);
    let trace = bench.get("web", TRACE).await;
    assert_eq!((trace.prompt.as_str(), trace.steps.len()), ("span 0", 4));
    assert_eq!(bench.store.list(&Query::default()).await.unwrap().total.count, 1);
    bench.check_sums().await;
}

/// Eight senders at once, each with a share of the spans in its own order, some of them twice.
pub async fn senders_at_once_make_the_same_trace(bench: &Bench) {
    let spans: Vec<_> = (0..96).map(span).collect();
    let store = bench.store.clone();
    let mut watching = store.watch(None).await;
    let mut senders = JoinSet::new();
    for sender in 0..8 {
        let mut share: Vec<_> =
            spans.iter().enumerate().filter(|(n, _)| n % 8 == sender || n % 7 == sender).map(|(_, span)| span.clone()).collect();
        if sender % 2 == 0 {
            share.reverse();
        }
        let store = Arc::clone(&store);
        senders.spawn(async move {
            for batch in share.chunks(5) {
                for outcome in store.put_spans(new(batch), now()).await.unwrap() {
                    outcome.unwrap();
                }
            }
        });
    }
    senders.join_all().await;
    assert_eq!(bench.get("web", TRACE).await, folded(&spans));
    assert_eq!(bench.store.list(&Query::default()).await.unwrap().total.count, 1);
    let News::Stored(event) = watching.news.recv().await.unwrap() else { panic!("a gap") };
    assert_eq!(event.trace.trace_id, TRACE, "it is news");
    bench.check_sums().await;
}

/// More steps than a document shows, and more text than one of MongoDB holds: all of it is there when one asks for the trace.
pub async fn a_very_large_trace_is_kept_whole(bench: &Bench) {
    let mut spans: Vec<_> = (0..1_200).map(span).collect();
    for large in &mut spans[5..9] {
        large.attributes.insert("gen_ai.input.messages".to_owned(), json!([{"role": "user", "content": "x".repeat(5 << 20)}]));
    }
    for batch in spans.chunks(300) {
        put(bench, batch).await;
    }
    let whole = bench.get("web", TRACE).await;
    assert_eq!(whole, folded(&spans));
    assert_eq!(whole.steps[5].input["messages"][0]["content"].as_str().map(str::len), Some(5 << 20));
    let listed = bench.store.list_documents(&Query::default()).await.unwrap().items.remove(0);
    assert_eq!((listed.steps.len(), listed.cut_from()), (1_000, Some(1_200)));
    let part = |steps| bench.store.get_steps(Some("web"), TRACE, steps);
    let (some, total) = part(1_100..1_103).await.unwrap().unwrap();
    assert_eq!(
        (total, some.steps.iter().map(|step| step.tool_name.as_str()).collect::<Vec<_>>()),
        (1_200, vec!["span 1100", "span 1101", "span 1102"])
    );
    assert_eq!(part(5_000..5_100).await.unwrap().unwrap().0.steps.len(), 1, "the last one");
    assert!(serde_json::to_string(&listed).unwrap().len() < 8 << 20);
    assert_eq!(bench.store.list(&Query::default()).await.unwrap().items[0].step_count, 1_200);

    let target = Bench::embedded().await;
    let copied = tracellm_store::copy::copy(&*bench.store, &*target.store, None, |_, _| {}).await.unwrap();
    assert_eq!((copied.created, copied.faults.as_slice()), (1, &[] as &[String]));
    assert_eq!(Trace { updated_at: whole.updated_at, ..target.get("web", TRACE).await }, whole);
    assert_eq!(put(&target, &spans[..1]).await, [Outcome::Duplicate], "a late span finds its trace");
}
