//! What is sent: traces with words in them, each with an id of its own.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
};
use prost::Message;
use serde_json::json;

/// How a trace is written on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// REST.
    Json,
    /// Six spans of protobuf.
    Otlp,
}

impl Format {
    pub fn path(self) -> &'static str {
        match self {
            Self::Json => "/api/traces",
            Self::Otlp => "/v1/traces",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Otlp => "application/x-protobuf",
        }
    }
}

/// Traces that were written beforehand; only their ids are still to be filled in.
pub struct Payload {
    pub format: Format,
    templates: Vec<Template>,
}

/// Different texts, so that what compresses them has something to do.
const TEMPLATES: u64 = 64;
const JSON_ID: &[u8] = b"00000000000000000000000000000000";
const OTLP_ID: [u8; 16] = *b"the-id-of-trace!";

struct Template {
    bytes: Vec<u8>,
    /// Where the id stands.
    ids: Vec<usize>,
}

impl Payload {
    /// Traces of about so many bytes.
    pub fn new(format: Format, size: usize) -> Self {
        let templates = (0..TEMPLATES).map(|seed| {
            let mut words = Words(fastrand::Rng::with_seed(seed));
            let (bytes, id): (_, &[u8]) = match format {
                Format::Json => (json_trace(&mut words, size), JSON_ID),
                Format::Otlp => (otlp_trace(&mut words, size), &OTLP_ID),
            };
            let ids = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(id)).collect();
            Template { bytes, ids }
        });
        Self { format, templates: templates.collect() }
    }

    /// A request with the traces of these numbers.
    pub fn request(&self, numbers: std::ops::Range<u64>) -> Vec<u8> {
        let is_list = self.format == Format::Json && numbers.end - numbers.start > 1;
        let mut body = Vec::new();
        for (place, number) in numbers.enumerate() {
            if is_list {
                body.push(if place == 0 { b'[' } else { b',' });
            }
            let Template { bytes, ids } = &self.templates[(number % TEMPLATES) as usize];
            let start = body.len();
            body.extend_from_slice(bytes);
            let id = u128::from(scattered(number)) << 64 | u128::from(number);
            for at in ids {
                match self.format {
                    Format::Json => body[start + at..][..32].copy_from_slice(format!("{id:032x}").as_bytes()),
                    // Messages that follow each other are one, with the repeated fields of all.
                    Format::Otlp => body[start + at..][..16].copy_from_slice(&id.to_be_bytes()),
                }
            }
        }
        if is_list {
            body.push(b']');
        }
        body
    }
}

/// As ids are: in no order.
fn scattered(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits ^ (bits >> 31)
}

fn json_trace(words: &mut Words, size: usize) -> Vec<u8> {
    let text = size.saturating_sub(480);
    let steps = ["search_documents", "answer"].map(|tool| {
        json!({"tool_name": tool, "input": words.text(text / 8), "output": words.text(text / 8), "duration": words.number(900), "success": true})
    });
    let trace = json!({
        "trace_id": std::str::from_utf8(JSON_ID).unwrap_or_default(), "prompt": words.text(text / 4), "response": words.text(text / 4),
        "model_name": words.model(), "environment": "production", "latency": words.number(9_000),
        "token_count": words.number(4_000) as i64, "input_tokens": 1_200, "output_tokens": 310, "cost_usd": words.number(100) / 1e4,
        "session_id": format!("session-{}", words.number(500) as i64), "steps": steps,
    });
    trace.to_string().into_bytes()
}

/// An agent that asks a model three times and calls two tools in between.
fn otlp_trace(words: &mut Words, size: usize) -> Vec<u8> {
    let text = size.saturating_sub(1_400) / 10;
    let message = |role: &str, text: &str| json!([{"role": role, "parts": [{"type": "text", "content": text}]}]).to_string();
    let spans = (1..=6_u64).map(|number| {
        let (name, mut attributes) = match number {
            1 => (
                "invoke_agent support",
                vec![attribute("gen_ai.operation.name", "invoke_agent"), attribute("gen_ai.agent.name", "support")],
            ),
            3 | 5 => (
                "execute_tool search",
                vec![
                    attribute("gen_ai.operation.name", "execute_tool"),
                    attribute("gen_ai.tool.name", "search"),
                    attribute("gen_ai.tool.call.arguments", &json!({"query": words.text(text)}).to_string()),
                    attribute("gen_ai.tool.call.result", &words.text(text)),
                ],
            ),
            _ => (
                "chat",
                vec![
                    attribute("gen_ai.operation.name", "chat"),
                    attribute("gen_ai.request.model", words.model()),
                    attribute("gen_ai.input.messages", &message("user", &words.text(text))),
                    attribute("gen_ai.output.messages", &message("assistant", &words.text(text))),
                ],
            ),
        };
        if name == "chat" {
            for usage in ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"] {
                attributes.push(KeyValue {
                    value: Some(AnyValue { value: Some(Value::IntValue(words.number(900) as i64)) }),
                    ..attribute(usage, "")
                });
            }
        }
        let start = 1_780_000_000_000_000_000 + number * 1_000_000;
        Span {
            trace_id: OTLP_ID.to_vec(),
            span_id: number.to_be_bytes().to_vec(),
            parent_span_id: if number == 1 { Vec::new() } else { 1_u64.to_be_bytes().to_vec() },
            name: name.to_owned(),
            kind: 3,
            start_time_unix_nano: start,
            end_time_unix_nano: start + words.number(2_000) as u64 * 1_000_000,
            attributes,
            status: Some(Status::default()),
            ..Span::default()
        }
    });
    let resource = [("service.name", "support"), ("deployment.environment.name", "production"), ("telemetry.sdk.language", "python")];
    let resource = Resource { attributes: resource.map(|(name, value)| attribute(name, value)).to_vec(), ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) }), ..KeyValue::default() }
}

struct Words(fastrand::Rng);

const WORDS: &str = "the of and to in a is that for it as was with be by on not he his but at are this have from which one had or an they \
    invoice payment refund customer order ticket account delivery address policy contract please answer question document section search \
    result tool error retry model agent context summary language translate explain because however therefore between against under above \
    morning evening quarter revenue growth percent decline forecast market supplier warehouse shipment tracking number status pending approved";

impl Words {
    fn text(&mut self, bytes: usize) -> String {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let mut text = String::with_capacity(bytes + 16);
        while text.len() < bytes {
            match self.0.u8(..10) {
                0 => text.push_str(&self.0.u32(..100_000).to_string()),
                _ => text.push_str(self.0.choice(&words).copied().unwrap_or_default()),
            }
            text.push(' ');
        }
        text.truncate(bytes);
        text
    }

    fn number(&mut self, most: u32) -> f64 {
        f64::from(self.0.u32(1..=most))
    }

    fn model(&mut self) -> &'static str {
        self.0.choice(["gpt-4o", "claude-sonnet-4", "gemini-2.5-pro"]).unwrap_or("gpt-4o")
    }
}
