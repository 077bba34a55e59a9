//! What holds for every input, not only for the fixtures.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tracellm_trace::{
    Context, Cursor, Query, Source, Status, Timestamp, Trace, body,
    masking::{Detector, MaskRules, Masked, Masker},
    normalize,
};

fn context() -> Context {
    Context::with_id(Timestamp::parse("2026-11-23T12:00:00Z").unwrap(), "tr_fresh", Source::Json)
}

/// Any JSON, leaning towards values that mean something to the normaliser.
fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-3i64..2000).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop_oneof!["success", "FAILED", "warning", "", "12", "-1.5", "1e400", "2026-05-29T02:46:58.5+02:00", "llm", "tlm_sk_abcdefgh"]
            .prop_map(Value::from),
        (0i64..300_000_000_000_000).prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_key(STEP_FIELDS), inner), 0..5).prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

const TRACE_FIELDS: &[&str] = &[
    "trace_id",
    "id",
    "prompt",
    "response",
    "latency",
    "token_count",
    "model_name",
    "model",
    "project_id",
    "project_name",
    "api_key",
    "environment",
    "status",
    "steps",
    "retry_count",
    "slow_request",
    "failure_reason",
    "created_at",
    "timestamp",
    "updated_at",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost_usd",
    "session_id",
    "user_id",
    "tags",
    "metadata",
    "source",
];
const STEP_FIELDS: &[&str] = &[
    "step_id",
    "tool_name",
    "step_type",
    "input",
    "input_data",
    "output",
    "output_data",
    "duration",
    "success",
    "timestamp",
    "created_at",
    "kind",
    "parent_id",
    "model_name",
    "input_tokens",
    "output_tokens",
    "metadata",
    "error",
    "message",
    "value",
];

fn any_key(known: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![8 => prop::sample::select(known).prop_map(str::to_owned), 1 => any::<String>()]
}

fn any_object(known: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::collection::vec((any_key(known), any_value()), 0..8).prop_map(|fields| Value::Object(Map::from_iter(fields)))
}

/// A document that is refused for at most a few of its fields, so that most runs get past validation.
fn any_document() -> impl Strategy<Value = Value> {
    let plausible = (
        prop::collection::vec(any_object(STEP_FIELDS), 0..4),
        prop::option::of(0f64..1e6),
        prop::option::of(prop_oneof!["success", "failed", "odd", ""]),
        prop::option::of(any::<String>()),
        any_value(),
    )
        .prop_map(|(steps, latency, status, prompt, metadata)| {
            json!({"trace_id": "t", "steps": steps, "latency": latency, "status": status, "prompt": prompt, "metadata": metadata})
        });
    prop_oneof![any_value(), any_object(TRACE_FIELDS), plausible]
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let once = normalize(text, &context());
    prop_assert_eq!(&once, &normalize(text, &context()), "deterministic");
    match once {
        Ok(done) => {
            prop_assert!(done.issues.iter().all(|issue| !issue.is_error()));
            prop_assert!(done.trace.latency >= 0.0 && done.trace.latency.is_finite());
            prop_assert!(done.trace.steps.iter().all(|step| step.duration >= 0.0 && step.duration.is_finite()));
            prop_assert!(!done.trace.trace_id.is_empty() && done.trace.token_count >= 0 && done.trace.retry_count >= 0);
            let written = serde_json::to_string(&done.trace).unwrap();
            let read: Trace = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(&read, &done.trace, "bit-exact through JSON");
            let later = Context::with_id(Timestamp::MAX, "tr_other", Source::Import);
            let again = normalize(&written, &later).map_err(|refused| TestCaseError::fail(format!("refused its own: {refused:?}")))?;
            let again = Trace { updated_at: done.trace.updated_at, ..again.trace };
            prop_assert_eq!(again, done.trace, "idempotent");
        }
        Err(refused) => prop_assert!(refused.errors().next().is_some(), "a refusal says why"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn normalising_any_document(document in any_document()) {
        check(&document.to_string())?;
    }

    #[test]
    fn normalising_any_text(text in any::<String>()) {
        check(&text)?;
        for layout in [body::Layout::Json, body::Layout::Ndjson, body::Layout::Detect] {
            let _ = body::split(&text, layout);
        }
    }

    /// Bytes that look like JSON reach further into the scanner than random ones.
    #[test]
    fn normalising_json_like_text(text in r#"[\[\]{}",:\\u0-9dDeE.+\-a-c 😀]{0,60}"#) {
        check(&text)?;
    }

    #[test]
    fn reading_any_time(text in any::<String>(), millis in Timestamp::MIN.millis()..=Timestamp::MAX.millis(), epoch in any::<f64>()) {
        let _ = Timestamp::parse(&text);
        let _ = Timestamp::from_epoch(epoch);
        let time = Timestamp::from_millis(millis).unwrap();
        prop_assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
    }

    #[test]
    fn any_query_survives_its_url(
        status in prop::option::of(prop::sample::select(Status::ALL)),
        model in prop::option::of("[^\0]{1,20}"),
        latency in prop::option::of(0f64..1e9),
        tokens in prop::option::of(0i64..),
        limit in 1u32..=200,
    ) {
        let mut query = Query { limit, ..Query::default() };
        query.filter.status = status;
        query.filter.model = model;
        query.filter.latency_min = latency;
        query.filter.token_max = tokens;
        let pairs = query.to_pairs();
        prop_assert_eq!(Query::from_pairs(pairs.iter().map(|(name, value)| (*name, value.as_str()))), Ok(query));
    }

    #[test]
    fn any_text_is_a_cursor_or_none(text in any::<String>()) {
        if let Some(cursor) = Cursor::decode(&text) {
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
    }
}

/// A text as masked by every detector and these patterns.
fn masked(patterns: &[(&str, &str)], text: &str) -> String {
    let patterns = patterns.iter().map(|(name, pattern)| ((*name).to_owned(), (*pattern).to_owned())).collect();
    let masker = Masker::new(&MaskRules { detectors: Detector::ALL.to_vec(), patterns }).unwrap();
    masker.text(text, &mut Masked::new()).unwrap_or_else(|| text.to_owned())
}

/// Texts of which many hold something.
fn sensitive_texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,12}",
        Just("ada@example.com".to_owned()),
        Just("4111111111111111".to_owned()),
        Just("+49 30 1234567".to_owned()),
        Just("sk-abc123DEF456ghi789jkl".to_owned()),
        Just("password".to_owned()),
        Just("Bearer ".to_owned()),
        Just("://".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("eyJhbGciOiJI.".to_owned()),
        "[=:@.\"'\\\\ +()\\-]{1,3}",
        "[äß漢😀]{1,2}",
        "[0-9]{1,6}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_masked_stays_as_it_is(text in sensitive_texts()) {
        let once = masked(&[], &text);
        prop_assert_eq!(masked(&[], &once), once.clone(), "of {}", text);
    }

    #[test]
    fn nothing_panics_with_patterns(text in sensitive_texts()) {
        masked(&[("digits", r"\d+"), ("any", "[a-e]")], &text);
    }
}
