use serde_json::json;
use tracellm_store::{
    ingest::{Origin, ingest, ingest_export, store_spans},
    masking::{masking, set_masking},
    open,
};
use tracellm_trace::{
    ApiKey, Limits, Report, Scope, Source, Timestamp,
    body::Layout,
    masking::{Detector, MaskRules, Masking},
    otlp::wire,
};

use crate::bench::{Bench, NOW};

fn rules() -> Masking {
    let of = |detectors: &[Detector]| MaskRules { detectors: detectors.to_vec(), ..MaskRules::default() };
    Masking { default: of(&[Detector::Email]), projects: [("open".to_owned(), of(&[]))].into() }
}

/// Whichever way a text comes in, what is masked is stored nowhere; a project may have rules of its own.
pub async fn what_is_masked_is_stored_nowhere(bench: &Bench) {
    let store = &*bench.store;
    assert_eq!(masking(store).await.unwrap(), Masking::default());
    let send = async |raw: &str| ingest(store, raw.to_owned(), Layout::Detect, &Source::Json.into()).await.unwrap();
    send(r#"{"trace_id": "before", "prompt": "ada@example.com"}"#).await;
    assert_eq!(bench.get("default", "before").await.prompt, "ada@example.com", "nothing is masked until somebody says so");
    set_masking(store, &bench.audit(), &rules()).await.unwrap();
    assert_eq!(masking(store).await.unwrap(), rules());

    let Report::One(stored) =
        send(r#"{"trace_id": "json", "prompt": "ada@example.com", "steps": [{"input": {"to": "eve@example.com"}}]}"#).await
    else {
        panic!("one")
    };
    let told: Vec<_> = stored.issues.iter().filter(|issue| issue.code == "content.masked").map(|issue| issue.message.as_str()).collect();
    assert_eq!(told, ["masked before it is stored: 2 email"]);
    send(r#"[{"trace_id": "kept", "project_id": "open", "prompt": "ada@example.com"}]"#).await;
    let span = |id: &str, trace: &str| {
        json!({"traceId": trace, "spanId": id, "name": "chat", "startTimeUnixNano": "1780000000000000000",
        "attributes": [{"key": "input.value", "value": {"stringValue": "ada@example.com"}}]})
    };
    let export = |trace: &str| json!({"resourceSpans": [{"scopeSpans": [{"spans": [span("0000000000000001", trace)]}]}]}).to_string();
    let (first, second) = ("a".repeat(32), "b".repeat(32));
    store_spans(store, wire::read(&export(&first)).unwrap(), &Source::Otlp.into()).await.unwrap();
    ingest_export(store, &export(&second), Limits::default()).await.unwrap();

    // Another process knows too, and masks what it stores.
    let other = open(&bench.location).await.unwrap();
    ingest(&*other, r#"{"trace_id": "other", "prompt": "ada@example.com"}"#.to_owned(), Layout::Detect, &Source::Json.into())
        .await
        .unwrap();
    other.close().await;

    for trace_id in ["json", "other", &first, &second] {
        let trace = store.get(Some("default"), trace_id).await.unwrap().unwrap();
        assert!(!json!(trace).to_string().contains("example.com"), "{trace:?}");
        let spans = store.spans("default", trace_id).await.unwrap();
        assert!(!json!(spans).to_string().contains("example.com"), "{spans:?}");
    }
    assert_eq!(bench.get("open", "kept").await.prompt, "ada@example.com");
    // The same again is the same.
    let Report::One(again) =
        send(r#"{"trace_id": "json", "prompt": "ada@example.com", "steps": [{"input": {"to": "eve@example.com"}}]}"#).await
    else {
        panic!("one")
    };
    assert_eq!(json!(again.outcome), json!("duplicate"));
    set_masking(store, &bench.audit(), &Masking::default()).await.unwrap();
    send(r#"{"trace_id": "after", "prompt": "ada@example.com"}"#).await;
    assert_eq!(bench.get("default", "after").await.prompt, "ada@example.com", "at once");
}

/// Where a key has brought as much as it may, texts are dropped and the rest is stored; that is told.
pub async fn who_has_brought_enough_loses_texts_alone(bench: &Bench) {
    let at = Timestamp::from_millis(NOW).unwrap();
    let key = ApiKey {
        key_id: "k".to_owned(),
        project_id: "shop".to_owned(),
        environment: "production".to_owned(),
        scope: Scope::Ingest,
        created_at: at,
        last_used_at: None,
        expires_at: None,
        revoked_at: None,
    };
    let origin = |source| Origin { key: Some(key.clone()), without_content: true, ..Origin::from(source) };
    let raw = r#"{"trace_id": "a", "prompt": "a long story", "latency": 12, "steps": [{"tool_name": "search", "input": {"q": "x"}, "success": false}]}"#;
    let Report::One(stored) = ingest(&*bench.store, raw.to_owned(), Layout::Detect, &origin(Source::Json)).await.unwrap() else {
        panic!("one")
    };
    assert!(stored.issues.iter().any(|issue| issue.code == "content.dropped"), "{stored:?}");
    let trace = bench.get("shop", "a").await;
    assert_eq!((trace.prompt.as_str(), trace.latency, trace.steps.len(), trace.steps[0].input.len()), ("", 12.0, 1, 0));
    assert!(trace.is_content_removed() && trace.failure_reason.is_some());

    let id = "c".repeat(32);
    let export = |text: &str| {
        let attributes = json!([{"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4.1"}}, {"key": "input.value", "value": {"stringValue": text}}]);
        let span = json!({"traceId": id, "spanId": "0000000000000001", "name": "chat", "startTimeUnixNano": "1780000000000000000", "endTimeUnixNano": "1780000001000000000", "attributes": attributes});
        wire::read(&json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string()).unwrap()
    };
    store_spans(&*bench.store, export(&"long ".repeat(100)), &origin(Source::Otlp)).await.unwrap();
    let trace = bench.get("shop", &id).await;
    assert!(trace.is_content_dropped() && !json!(trace).to_string().contains("long long"));
    assert_eq!((trace.model_name.as_str(), trace.latency), ("gpt-4.1", 1_000.0));
    // Once it came whole, a repetition without its texts changes nothing.
    let whole = Origin { without_content: false, ..origin(Source::Otlp) };
    store_spans(&*bench.store, export(&"long ".repeat(100)), &whole).await.unwrap();
    store_spans(&*bench.store, export(&"long ".repeat(100)), &origin(Source::Otlp)).await.unwrap();
    let trace = bench.get("shop", &id).await;
    assert!(!trace.is_content_dropped() && json!(trace).to_string().contains("long long"), "{trace:?}");
}
