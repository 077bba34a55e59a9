use serde_json::json;
use tracellm_store::{
    TraceKey,
    ingest::{ingest, store_spans},
    tagging::{checked, tag},
};
use tracellm_trace::{Filter, Query, Source, Timestamp, body::Layout, otlp::wire};

use crate::bench::{Bench, NOW};

fn key(trace_id: &str) -> TraceKey {
    TraceKey { project_id: "default".to_owned(), trace_id: trace_id.to_owned() }
}

/// A tag is given and taken away, found by, and outlives spans that come later; it is no step.
pub async fn tags_are_given_and_taken_away(bench: &Bench) {
    let store = &*bench.store;
    let id = "d".repeat(32);
    let span = |n: u64, tags: &str| {
        let attributes = json!([{"key": "langfuse.trace.tags", "value": {"arrayValue": {"values": [{"stringValue": tags}]}}}]);
        let span = json!({"traceId": id, "spanId": format!("{n:016x}"), "name": "work", "startTimeUnixNano": "1780000000000000000", "endTimeUnixNano": "1780000001000000000", "attributes": attributes});
        wire::read(&json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string()).unwrap()
    };
    ingest(store, r#"{"trace_id": "json", "tags": ["old"]}"#.to_owned(), Layout::Detect, &Source::Json.into()).await.unwrap();
    store_spans(store, span(1, "sent"), &Source::Otlp.into()).await.unwrap();
    let at = |second: i64| Timestamp::from_millis(NOW + second * 1_000).unwrap();
    let both = || vec![key("json"), key(&id), key("nobody")];
    let tags = async |trace_id: &str| bench.get("default", trace_id).await.tags;
    assert_eq!(tag(store, &bench.audit(), both(), "look at", true, at(1)).await.unwrap(), 2);
    assert_eq!(tag(store, &bench.audit(), both(), "look at", true, at(2)).await.unwrap(), 0, "it has it");
    assert_eq!(
        (tags("json").await, tags(&id).await),
        (vec!["old".to_owned(), "look at".to_owned()], vec!["look at".to_owned(), "sent".to_owned()])
    );
    let tagged = Query { filter: Filter { tag: Some("look at".to_owned()), ..Filter::default() }, ..Query::default() };
    assert_eq!(store.list(&tagged).await.unwrap().items.len(), 2);

    store_spans(store, span(2, "sent"), &Source::Otlp.into()).await.unwrap();
    let trace = bench.get("default", &id).await;
    assert_eq!((trace.tags.len(), trace.steps.len(), trace.latency), (2, 2, 1_000.0), "{trace:?}");
    assert_eq!(tag(store, &bench.audit(), both(), "old", false, at(3)).await.unwrap(), 1);
    assert_eq!(tag(store, &bench.audit(), both(), "sent", false, at(4)).await.unwrap(), 0, "its emitter gave it");
    assert_eq!(tag(store, &bench.audit(), both(), "look at", false, at(5)).await.unwrap(), 2);
    assert_eq!((tags("json").await.len(), tags(&id).await), (0, vec!["sent".to_owned()]));
    assert_eq!(store.list(&tagged).await.unwrap().items.len(), 0);
    bench.check_sums().await;
    assert!(checked(" ").is_err() && checked("a\nb").is_err() && checked(&"x".repeat(101)).is_err());
    assert_eq!(checked(" fine ").unwrap(), "fine");
}
