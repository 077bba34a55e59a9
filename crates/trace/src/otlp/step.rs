use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{
    Span, SpanStatus,
    attributes::{Attributes, dequoted, parsed, text},
    explain::Placed,
    kind::kind,
    messages::{Conversation, Message},
    names::{self, Names},
    prices::cost,
    tokens::Tokens,
};
use crate::{Step, StepKind, Timestamp, decode, text::truncate};

/// Levels of a value in a step: around it stand the trace, its steps, the step and its field, and what the normaliser wraps.
const DEPTH: usize = decode::MAX_DEPTH - 8;

/// A span as a step, and what it says of its trace.
pub(super) struct Read {
    pub kind: StepKind,
    pub name: String,
    pub input: Side,
    pub output: Side,
    pub tokens: Tokens,
    pub model: Option<String>,
    pub cost: Option<f64>,
    pub session: Option<String>,
    pub user: Option<String>,
    pub environment: Option<String>,
    pub tags: Vec<String>,
    pub of_trace: Map<String, Value>,
    metadata: Map<String, Value>,
}

pub(super) fn read(span: &Span) -> Read {
    read_by(span, &Attributes::of(span))
}

/// The same, and where each attribute went.
pub(super) fn explained(span: &Span) -> (Read, Vec<Placed>) {
    let attributes = Attributes::of(span);
    (read_by(span, &attributes), attributes.placed())
}

fn read_by(span: &Span, attributes: &Attributes) -> Read {
    let kind = kind(attributes);
    let input = Side::input(span, attributes, kind);
    let output = Side::output(span, attributes, kind);
    let name = match kind {
        StepKind::Tool => attributes.text(&names::TOOL_NAME).or_else(|| attributes.text(&names::ENTITY_NAME)),
        StepKind::Agent => attributes.text(&names::AGENT_NAME),
        _ => None,
    };
    let tags = match attributes.json(&names::TAGS).as_deref() {
        Some(Value::Array(tags)) => tags.iter().map(text).collect(),
        Some(tag) => vec![text(tag)],
        None => Vec::new(),
    };
    let mut of_trace = match attributes.json(&names::METADATA).map(Cow::into_owned) {
        Some(Value::Object(fields)) => fields,
        Some(other) => Map::from_iter([("metadata".to_owned(), other)]),
        None => Map::new(),
    };
    of_trace.extend(attributes.below(&names::METADATA_BELOW));
    let tokens = Tokens::of(attributes);
    attributes.set_aside(&names::MIME_TYPES);
    // A call that failed may name its model only among its parameters, which stay where they are.
    let parameters = span.attributes.get("llm.invocation_parameters").map(parsed);
    let of_parameters = || parameters.as_deref().and_then(|given| given.get("model").and_then(Value::as_str).map(str::to_owned));
    let model = attributes.text(&names::MODEL).or_else(of_parameters).map(|model| identifier(&model)).filter(|model| !model.is_empty());
    let of_table = model.as_deref().and_then(|model| cost(model, &tokens));
    let of_resource = names::ENVIRONMENT.all.iter().find_map(|name| span.resource.get(*name)).map(text);
    Read {
        kind,
        model,
        cost: attributes.number(&names::COST).or_else(|| of_parts(attributes)).or(of_table),
        session: attributes.text(&names::SESSION).map(|id| identifier(&id)),
        user: attributes.text(&names::USER).map(|id| identifier(&id)),
        environment: of_resource.or_else(|| attributes.text(&names::ENVIRONMENT)).map(|name| identifier(&name)),
        tags,
        of_trace: storable(of_trace),
        tokens,
        metadata: storable(metadata(span, attributes, name.as_deref())),
        name: name.unwrap_or_else(|| span.name.clone()),
        input,
        output,
    }
}

/// Fields as a document can hold them, as a trace of which one span is too deep would take no further span.
pub(super) fn storable(fields: Map<String, Value>) -> Map<String, Value> {
    decode::storable(fields, DEPTH)
}

/// What the parts of a call cost together.
fn of_parts(attributes: &Attributes) -> Option<f64> {
    let parts = attributes.json(&names::COST_PARTS)?;
    let parts = parts.as_object()?;
    let total = parts.get("total").and_then(Value::as_f64);
    let sum = || parts.values().filter_map(Value::as_f64).reduce(|a, b| a + b);
    total.or_else(sum).filter(|cost| cost.is_finite() && *cost >= 0.0)
}

impl Read {
    /// The step, by the rules that the normaliser has for one. Tokens are given where they count.
    pub fn into_step(self, span: &Span, counts: bool) -> Step {
        let tokens = if counts { self.tokens } else { Tokens::default() };
        Step {
            step_id: span.span_id.clone(),
            tool_name: if self.name.is_empty() { "span".to_owned() } else { self.name },
            input: storable(self.input.into_object()),
            output: storable(self.output.into_object()),
            duration: span.duration_ms().unwrap_or(0.0),
            success: !span.failed(),
            timestamp: start(span),
            kind: Some(self.kind),
            parent_id: span.parent_id.clone(),
            model_name: self.model,
            input_tokens: tokens.input,
            output_tokens: tokens.output,
            cached_tokens: tokens.cached,
            reasoning_tokens: tokens.reasoning,
            metadata: self.metadata,
            error: span.error(),
        }
    }
}

pub(super) fn start(span: &Span) -> Timestamp {
    Timestamp::from_millis_clamped(i64::try_from(span.start_ns / 1_000_000).unwrap_or(i64::MAX))
}

/// A text as an identifier may be: at most 512 bytes, without control characters.
pub(super) fn identifier(text: &str) -> String {
    let mut name: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    truncate(&mut name, 512);
    name
}

/// What went in or came out.
#[derive(Clone, Default)]
pub(super) enum Side {
    #[default]
    Nothing,
    Conversation(Conversation),
    Value(Value),
    /// What was found; nobody said it.
    Documents(Value),
}

impl Side {
    fn input(span: &Span, attributes: &Attributes, kind: StepKind) -> Self {
        if kind == StepKind::Tool
            && let Some(arguments) = attributes.json(&names::TOOL_ARGUMENTS)
        {
            attributes.set_aside(&names::INPUT);
            return Self::Value(arguments.into_owned());
        }
        if let Some(quoted) = attributes.first(&names::QUOTED_INPUT) {
            return Self::Value(unquoted(quoted));
        }
        let mut conversation = Conversation::default();
        if let Some(system) = attributes.json(&names::SYSTEM) {
            conversation.0.extend(merged(Conversation::read(&system, "system"), "system"));
        }
        conversation.0.extend(conversation_of(attributes, &names::INPUT_MESSAGES, &names::INPUT_INDEXED, "user").0);
        conversation.0.extend(of_events(span, names::INPUT_EVENTS));
        Self::of(conversation, attributes, &names::INPUT, kind, "user")
    }

    fn output(span: &Span, attributes: &Attributes, kind: StepKind) -> Self {
        if kind == StepKind::Tool
            && let Some(result) = attributes.json(&names::TOOL_RESULT)
        {
            attributes.set_aside(&names::OUTPUT);
            return Self::Value(result.into_owned());
        }
        if let Some(documents) = attributes.indexed(&names::DOCUMENTS).pop() {
            attributes.set_aside(&names::OUTPUT);
            return Self::Documents(match documents {
                Value::Array(items) => items.into_iter().map(|item| item.get("document").cloned().unwrap_or(item)).collect(),
                other => other,
            });
        }
        let mut conversation = conversation_of(attributes, &names::OUTPUT_MESSAGES, &names::OUTPUT_INDEXED, "assistant");
        conversation.0.extend(of_events(span, names::OUTPUT_EVENTS));
        if conversation.is_empty() && matches!(kind, StepKind::Llm | StepKind::Chain) {
            let said = attributes.text(&names::OUTPUT_TEXT);
            let calls = attributes.json(&names::OUTPUT_TOOL_CALLS);
            if said.is_some() || calls.is_some() {
                let calls = json!({"role": "assistant", "content": said, "tool_calls": calls});
                conversation = Conversation::read(&calls, "assistant");
            }
        }
        Self::of(conversation, attributes, &names::OUTPUT, kind, "assistant")
    }

    /// The conversation, else what stands in one attribute; a model's is a conversation too.
    fn of(conversation: Conversation, attributes: &Attributes, names: &Names, kind: StepKind, role: &str) -> Self {
        if !conversation.is_empty() {
            attributes.set_aside(names);
            return Self::Conversation(conversation);
        }
        match attributes.json(names).map(Cow::into_owned) {
            None => Self::Nothing,
            Some(value) if kind == StepKind::Llm => {
                let conversation = Conversation::read(&value, role);
                if conversation.is_empty() { Self::Value(value) } else { Self::Conversation(conversation) }
            }
            Some(value) => Self::Value(value),
        }
    }

    /// For a person; none where there is nothing to read.
    pub fn text(&self) -> Option<String> {
        let value = match self {
            Self::Nothing | Self::Documents(_) => return None,
            Self::Conversation(conversation) => return Some(conversation.to_text()).filter(|text| !text.is_empty()),
            Self::Value(value) => value,
        };
        let said = match value {
            Value::Object(fields) if fields.contains_key("messages") => Conversation::read(value, "user").to_text(),
            // A message by itself.
            Value::Object(fields) if fields.contains_key("type") && (fields.contains_key("data") || fields.contains_key("content")) => {
                Conversation::read(value, "user").to_text()
            }
            // What wraps one text says that text.
            Value::Object(fields) if fields.len() == 1 && fields.values().all(Value::is_string) => fields.values().map(text).collect(),
            other => text(other),
        };
        Some(said).filter(|said| !said.is_empty())
    }

    /// For the step.
    pub fn into_object(self) -> Map<String, Value> {
        let (name, value) = match self {
            Self::Nothing => return Map::new(),
            Self::Conversation(conversation) => ("messages", conversation.into_json()),
            Self::Documents(documents) => ("documents", documents),
            Self::Value(Value::Object(fields)) => return fields,
            Self::Value(other) => ("value", other),
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}

fn conversation_of(attributes: &Attributes, whole: &Names, indexed: &Names, role: &str) -> Conversation {
    let found = attributes.json(whole).map(|value| Conversation::read(&value, role)).filter(|found| !found.is_empty());
    // Read even where it is not needed, so that its parts do not count as unknown.
    let spread = attributes.indexed(indexed);
    if found.is_some() {
        attributes.set_aside_indexed(indexed);
    }
    found.or_else(|| spread.iter().map(|value| Conversation::read(value, role)).find(|found| !found.is_empty())).unwrap_or_default()
}

/// The text that a JSON text stands for, or each of several does.
fn unquoted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(unquoted).collect(),
        other => parsed(&dequoted(other)).into_owned(),
    }
}

/// Instructions that came in parts, as one message.
fn merged(conversation: Conversation, role: &str) -> Option<Message> {
    let texts: Vec<String> = conversation.0.into_iter().flat_map(|message| message.texts).collect();
    (!texts.is_empty()).then(|| Message { role: role.to_owned(), texts, ..Message::default() })
}

/// Messages that came as events, each on its own.
fn of_events(span: &Span, kinds: &[(&str, &str)]) -> Vec<Message> {
    let messages = span.events.iter().filter_map(|event| {
        let (_, role) = kinds.iter().find(|(name, _)| *name == event.name)?;
        let fields = &event.attributes;
        let of_content = ["gen_ai.prompt", "gen_ai.completion", "gen_ai.event.content"].iter().find_map(|name| fields.get(*name));
        let message = match (of_content, fields.get("message")) {
            (Some(content), _) => Conversation::read(content, role),
            (None, Some(message)) => Conversation::read(&parsed(message), role),
            (None, None) => Conversation::read(&Value::Object(fields.clone()), role),
        };
        Some(message.0)
    });
    messages.flatten().collect()
}

/// What has no field of its own: unknown attributes, other events, and where the span comes from.
fn metadata(span: &Span, attributes: &Attributes, name: Option<&str>) -> Map<String, Value> {
    let mut metadata = attributes.rest();
    let is_message = |name: &str| names::INPUT_EVENTS.iter().chain(names::OUTPUT_EVENTS).any(|(known, _)| *known == name);
    let events = span.events.iter().filter(|event| !is_message(&event.name));
    let events: Vec<Value> =
        events.map(|event| json!({"name": event.name, "attributes": event.attributes, "time_ns": event.time_ns})).collect();
    let ended_early = span.end_ns < span.start_ns;
    let own = [
        ("otel.span.name", name.filter(|name| *name != span.name).map(|_| span.name.as_str().into())),
        ("otel.scope", (!span.scope.is_empty()).then(|| span.scope.as_str().into())),
        ("otel.events", (!events.is_empty()).then(|| events.into())),
        ("otel.status", (span.status == SpanStatus::Ok).then(|| "ok".into())),
        ("otel.ends_before_start", ended_early.then(|| true.into())),
    ];
    metadata.extend(own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    metadata
}
