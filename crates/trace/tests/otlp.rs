//! What OpenTelemetry clients really send becomes the traces that stand beside it, on the server's target and on the browser's.
//!
//! `fixtures/otlp/NAME.json` was captured from a client (`tests/otel/capture.py`), `fixtures/otlp/expected/NAME.json` holds its traces. After
//! a change of the mapping, `UPDATE_FIXTURES=1 cargo test -p tracellm-trace --test otlp` writes the latter anew, to be read as a diff.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;

use serde_json::json;
use tracellm_trace::{
    Limits, StepKind, Timestamp, Trace, UNKNOWN_MODEL,
    otlp::{Place, Span, explain, fold, wire},
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn folded(spans: &[Span]) -> Trace {
    fold(spans, "default", Timestamp::parse("2026-11-23T12:00:00Z").unwrap()).unwrap().trace
}

/// The traces of a request, by their ids.
fn traces(request: &str) -> BTreeMap<String, Vec<Span>> {
    let (spans, rejected) = wire::read(request).unwrap().into_spans(&Limits::default());
    assert!(rejected.is_empty(), "{rejected:?}");
    let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for span in spans {
        traces.entry(span.trace_id.clone()).or_default().push(span);
    }
    traces
}

macro_rules! fixtures {
    ($($name:literal)+) => {
        &[$(($name, include_str!(concat!("../fixtures/otlp/", $name, ".json")), include_str!(concat!("../fixtures/otlp/expected/", $name, ".json")))),+]
    };
}

const FIXTURES: &[(&str, &str, &str)] = fixtures! {
    "langfuse-sdk"
    "manual-agent"
    "mlflow-tracing"
    "openai-v2"
    "openai-v2-old"
    "openinference-anthropic"
    "openinference-langchain"
    "openinference-openai"
    "openllmetry-anthropic"
    "openllmetry-openai"
    "vercel-ai"
};

#[test]
fn what_clients_send_becomes_what_is_expected() {
    for (name, request, expected) in FIXTURES {
        let mut found: Vec<Trace> = traces(request).values().map(|spans| folded(spans)).collect();
        found.sort_by_key(|trace| (trace.created_at, trace.trace_id.clone()));
        let found = serde_json::to_string_pretty(&found).unwrap() + "\n";
        if cfg!(not(target_arch = "wasm32")) && std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(format!("{}/fixtures/otlp/expected/{name}.json", env!("CARGO_MANIFEST_DIR")), &found).unwrap();
        } else {
            assert_eq!(found, *expected, "{name}");
        }
    }
}

#[test]
fn an_explanation_accounts_for_every_attribute() {
    for (name, request, _) in FIXTURES {
        for spans in traces(request).values() {
            let (trace, explanation) = (folded(spans), explain(spans, "default", 1_000));
            assert_eq!(explanation.spans.len(), trace.steps.len(), "{name}");
            for (places, step) in explanation.spans.iter().zip(&trace.steps) {
                let span = spans.iter().find(|span| span.span_id == places.span_id).unwrap();
                let of_span = || {
                    places
                        .attributes
                        .iter()
                        .filter(|placed| span.attributes.keys().any(|known| known.starts_with(placed.attribute.trim_end_matches('*'))))
                };
                assert_eq!(of_span().map(|placed| placed.count).sum::<usize>(), span.attributes.len(), "{name}: {places:?}");
                for placed in of_span().filter(|placed| !placed.attribute.ends_with('*')) {
                    assert_eq!(placed.place == Place::Metadata, step.metadata.contains_key(&placed.attribute), "{name}: {placed:?}");
                }
                let gave = |field: &str| places.attributes.iter().any(|placed| placed.place == Place::Field(field.to_owned()));
                assert_eq!(gave("output"), !step.output.is_empty(), "{name}: {places:?}");
                assert_eq!(gave("input"), !step.input.is_empty(), "{name}: {places:?}");
                assert_eq!(gave("error"), step.error.is_some(), "{name}: {places:?}");
            }
            let from = |field: &str| &explanation.fields.iter().find(|source| source.field == field).unwrap().from;
            assert_eq!(from("model_name") == "no span names one", trace.model_name == UNKNOWN_MODEL, "{name}: {}", from("model_name"));
        }
    }
}

/// What the fixtures must say, whoever last wrote them anew.
#[test]
fn every_client_lands_right() {
    let all = |name: &str| -> Vec<Trace> {
        let (_, request, _) = FIXTURES.iter().find(|(known, ..)| *known == name).unwrap();
        let mut traces: Vec<_> = traces(request).values().map(|spans| folded(spans)).collect();
        traces.sort_by_key(|trace| trace.created_at);
        traces
    };
    let question = "What is the weather in Lisbon?";
    for (name, model, cost) in
        [("langfuse-sdk", "gpt-4.1-mini", Some(0.001)), ("mlflow-tracing", "gpt-4.1-mini-2025-04-14", Some(0.0000768))]
    {
        let [trace] = &all(name)[..] else { panic!("{name}") };
        assert_eq!((trace.prompt.as_str(), trace.response.as_deref()), (question, Some("It is sunny in Lisbon.")), "{name}");
        assert_eq!((trace.model_name.as_str(), trace.cost_usd), (model, cost), "{name}");
        assert_eq!(
            (trace.input_tokens, trace.output_tokens, trace.cached_tokens, trace.token_count),
            (Some(120), Some(30), Some(64), 150),
            "{name}"
        );
        let calls: Vec<_> = trace.steps.iter().filter(|step| step.kind == Some(StepKind::Llm)).collect();
        assert_eq!((calls.len(), &calls[0].output["messages"][0]["content"]), (1, &json!("It is sunny in Lisbon.")), "{name}");
    }
    let langfuse = all("langfuse-sdk").remove(0);
    assert_eq!(
        (langfuse.session_id.as_deref(), langfuse.user_id.as_deref(), langfuse.environment.as_str()),
        (Some("session-7"), Some("user-9"), "staging")
    );
    assert_eq!((langfuse.failure_reason.as_deref(), &langfuse.metadata["release"]), (Some("fully booked"), &json!("1.2")));
    for name in ["openai-v2", "openinference-openai", "openllmetry-openai"] {
        let traces = all(name);
        assert_eq!(traces.len(), 4, "{name}");
        let [call, answer, stream, failed] = &traces[..] else { panic!("{name}") };
        assert_eq!((call.prompt.as_str(), call.response.as_deref()), (question, Some(r#"get_weather({"city":"Lisbon"})"#)), "{name}");
        assert!(
            answer.prompt.ends_with("tool: {\"sky\": \"sunny\"}") && answer.prompt.starts_with("user: What"),
            "{name}: {}",
            answer.prompt
        );
        for answered in [answer, stream] {
            assert_eq!(answered.response.as_deref(), Some("It is sunny in Lisbon."), "{name}");
        }
        for told in [call, answer, stream] {
            assert_eq!((told.model_name.as_str(), told.environment.as_str()), ("gpt-4.1-mini-2025-04-14", "staging"), "{name}");
            assert_eq!((told.token_count, told.input_tokens, told.output_tokens), (150, Some(120), Some(30)), "{name}");
            assert_eq!(told.steps[0].input["messages"][0]["role"], "system", "{name}: what was told to the model stays with the call");
        }
        assert_eq!((failed.status.as_str(), failed.model_name.as_str()), ("failed", "gpt-4.1-mini"), "{name}");
        assert!(failed.failure_reason.as_ref().unwrap().contains("asked to fail"), "{name}");
    }
    for name in ["openinference-openai", "openllmetry-openai"] {
        assert_eq!(all(name)[0].cached_tokens, Some(64), "{name}");
    }
    let anthropic = all("openllmetry-anthropic");
    assert!(anthropic.iter().all(|trace| (trace.input_tokens, trace.cached_tokens, trace.token_count) == (Some(120), Some(100), 132)));
    let chain = &all("openinference-langchain")[0];
    assert_eq!(
        (chain.session_id.as_deref(), chain.user_id.as_deref(), &chain.metadata["release"]),
        (Some("session-7"), Some("user-9"), &json!("1.2"))
    );
    assert_eq!(
        (chain.tags.join(" ").as_str(), chain.steps.len(), chain.token_count),
        ("blue green", 3, 150),
        "the sum above is not counted twice"
    );
    let agent = &all("manual-agent")[0];
    assert_eq!((agent.status.as_str(), agent.retry_count, agent.token_count), ("warning", 1, 50));
    assert_eq!((agent.failure_reason.as_deref(), agent.session_id.as_deref()), (Some("search took 5 s"), Some("conv-1")));
    assert_eq!(agent.steps[1].metadata["shop.floor"], 3, "an unknown attribute is kept");
    let vercel = &all("vercel-ai")[0];
    assert_eq!((vercel.steps.len(), vercel.token_count, vercel.cached_tokens), (4, 300, Some(128)));
    assert_eq!((vercel.steps[2].tool_name.as_str(), &vercel.steps[2].output["sky"]), ("get_weather", &json!("sunny in Lisbon")));
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::{prelude::*, sample::SizeRange};
    use serde_json::Value;
    use tracellm_trace::{
        Context, Source, normalize,
        otlp::{STEPS_TOTAL, SpanStatus, document},
    };

    use super::*;

    /// Spans with few ids, so that parents, repeats and cycles come about, and attributes of every generation, right and wrong.
    fn spans(count: impl Into<SizeRange>) -> impl Strategy<Value = Vec<Span>> {
        let names = prop::sample::select(vec![
            "gen_ai.operation.name",
            "openinference.span.kind",
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens",
            "gen_ai.tool.name",
            "gen_ai.tool.call.arguments",
            "llm.input_messages.0.message.role",
            "llm.input_messages.0.message.content",
            "gen_ai.prompt.1.content",
            "gen_ai.input.messages",
            "input.value",
            "output.value",
            "session.id",
            "gen_ai.response.model",
            "gen_ai.usage.cost",
            "metadata",
            "tag.tags",
            "ai.prompt",
            "other",
        ]);
        let values = prop::sample::select(vec![
            json!("chat"),
            json!("execute_tool"),
            json!("LLM"),
            json!(5),
            json!(-5),
            json!("7"),
            json!(1.5),
            json!("x".repeat(600)),
            json!("a\nb\u{0}"),
            json!(r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#),
            json!({"a": [1, null]}),
            json!([]),
            json!(null),
            json!(true),
            json!(format!("{}{}", "[".repeat(70), "]".repeat(70))),
            json!(format!("{}{}", "[".repeat(60), "]".repeat(60))),
            json!(u64::MAX),
        ]);
        let attributes = prop::collection::btree_map(names.prop_map(str::to_owned), values, 0..6);
        let id = 1..6_u64;
        let span = (id.clone(), prop::option::of(id), any::<u16>(), any::<u16>(), attributes, 0..3_u8).prop_map(
            |(id, parent, start, end, attributes, status)| Span {
                trace_id: format!("{:032x}", 7),
                span_id: format!("{id:016x}"),
                parent_id: parent.map(|parent| format!("{parent:016x}")),
                name: if start % 7 == 0 { String::new() } else { format!("span {id}") },
                start_ns: u64::from(start) * 1_000_000,
                end_ns: u64::from(end) * 1_000_000,
                attributes: attributes.into_iter().collect(),
                events: Vec::new(),
                status: [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error][usize::from(status)],
                status_message: String::new(),
                resource: serde_json::Map::new().into(),
                scope: String::new(),
                via: None,
            },
        );
        prop::collection::vec(span, count)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn order_and_repeats_change_nothing(spans in spans(1..12), seed in any::<u64>()) {
            let trace = folded(&spans);
            let mut other: Vec<Span> = spans.iter().chain(spans.iter().take(3)).cloned().collect();
            let rotate = usize::try_from(seed % other.len() as u64).unwrap();
            other.rotate_left(rotate);
            if seed % 2 == 0 {
                other.reverse();
            }
            prop_assert_eq!(folded(&other), trace);
        }

        #[test]
        fn any_spans_make_a_trace_that_keeps_every_rule(spans in spans(1..12)) {
            let trace = folded(&spans);
            let context = Context::with_id(trace.updated_at, "", Source::Otlp);
            let again = normalize(&serde_json::to_string(&trace).unwrap(), &context).unwrap().trace;
            prop_assert_eq!(again, trace);
        }

        #[test]
        fn no_text_makes_the_decoder_panic(text in ".{0,200}") {
            let _ = wire::read(&text);
            let _ = wire::read(&format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{text}]}}]}}]}}"#));
        }
    }

    #[test]
    fn a_tree_200_deep_and_a_cycle_are_read() {
        let deep: Vec<Value> = (1..=200)
            .map(|n| json!({"traceId": format!("{:032x}", 1), "spanId": format!("{n:016x}"), "parentSpanId": if n > 1 { format!("{:016x}", n - 1) } else { String::new() },
                "name": format!("level {n}"), "startTimeUnixNano": n, "endTimeUnixNano": 1_000 - n}))
            .collect();
        let request = |spans: Vec<Value>| json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string();
        let trace = folded(&traces(&request(deep))[&format!("{:032x}", 1)]);
        assert_eq!((trace.steps.len(), trace.prompt.as_str()), (200, "level 1"));
        let cycle = (1..=2_u64).map(|n| json!({"traceId": format!("{:032x}", 1), "spanId": format!("{n:016x}"), "parentSpanId": format!("{:016x}", 3 - n), "name": "round", "startTimeUnixNano": n}));
        let trace = folded(&traces(&request(cycle.collect()))[&format!("{:032x}", 1)]);
        assert_eq!((trace.steps.len(), &trace.metadata["root_missing"]), (2, &json!(true)));
    }

    #[test]
    fn a_document_has_the_first_steps_and_counts_all() {
        let spans: Vec<Value> = (0..2_500)
            .map(|n| json!({"traceId": format!("{:032x}", 1), "spanId": format!("{:016x}", n + 1), "parentSpanId": if n > 0 { format!("{:016x}", 1) } else { String::new() },
                "name": format!("call {n}"), "startTimeUnixNano": 1_000_000 + n, "endTimeUnixNano": 9_000_000, "status": {"code": if n == 2_400 { 2 } else { 0 }},
                "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}, {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "2"}},
                    {"key": "gen_ai.output.messages", "value": {"stringValue": format!("answer {n}")}}]}))
            .collect();
        let spans = &traces(&json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string())[&format!("{:032x}", 1)];
        let (mut whole, mut cut) =
            (folded(spans), document(spans, "default", Timestamp::parse("2026-11-23T12:00:00Z").unwrap()).unwrap().trace);
        assert_eq!(
            (whole.token_count, whole.status.as_str(), whole.failure_reason.as_deref()),
            (4_998, "warning", Some("call 2400 failed"))
        );
        assert_eq!((whole.steps.len(), cut.steps.len(), &cut.metadata[STEPS_TOTAL]), (2_500, 1_000, &json!(2_500)));
        whole.steps.truncate(1_000);
        cut.metadata.remove(STEPS_TOTAL);
        assert_eq!(cut, whole);
    }

    #[test]
    fn what_is_nested_too_deep_for_a_document_is_kept_as_text() {
        let array = |depth: usize, inner: Value| (0..depth).fold(inner, |inner, _| json!({"arrayValue": {"values": [inner]}}));
        let text = json!({"stringValue": format!("{}1{}", "[".repeat(50), "]".repeat(50))});
        let attributes = json!([{"key": "ai.values", "value": array(10, text)}, {"key": "gen_ai.operation.name", "value": {"stringValue": "embeddings"}}]);
        let span = json!({"traceId": format!("{:032x}", 1), "spanId": format!("{:016x}", 1), "name": "deep", "startTimeUnixNano": 1, "attributes": attributes});
        let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string();
        let trace = folded(&traces(&request)[&format!("{:032x}", 1)]);
        assert!(trace.steps[0].input["value"].as_str().is_some_and(|text| text.starts_with("[[[[")), "{:?}", trace.steps[0].input);
    }

    #[test]
    fn costs_add_up_the_same_each_time() {
        let call = |n: u64, cost: f64| {
            json!({"traceId": format!("{:032x}", 1), "spanId": format!("{n:016x}"), "name": "call", "startTimeUnixNano": n, "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}, {"key": "gen_ai.usage.input_tokens", "value": {"intValue": 1}},
            {"key": "gen_ai.usage.cost", "value": {"doubleValue": cost}}]})
        };
        let calls: Vec<Value> = (1..40).map(|n| call(n, 0.1 / n as f64)).collect();
        let spans = &traces(&json!({"resourceSpans": [{"scopeSpans": [{"spans": calls}]}]}).to_string())[&format!("{:032x}", 1)];
        let first = folded(spans).cost_usd;
        assert!((0..20).all(|_| folded(spans).cost_usd == first));
    }

    #[test]
    fn a_large_resource_on_very_many_spans_is_refused_by_name() {
        let spans: Vec<Value> = (1..=80)
            .map(|n| json!({"traceId": format!("{:032x}", 1), "spanId": format!("{n:016x}"), "name": "small", "startTimeUnixNano": 1}))
            .collect();
        let resource = json!({"attributes": [{"key": "notes", "value": {"stringValue": "x".repeat(1 << 20)}}]});
        let (spans, rejected) =
            wire::read(&json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).to_string())
                .unwrap()
                .into_spans(&Limits::default());
        assert_eq!((spans.len(), rejected.len()), (63, 17));
        assert!(rejected[0].name == "small" && rejected[0].reason.contains("the attributes of its resource"), "{:?}", rejected[0]);
    }
}
