use prost::Message;
use serde_json::{Map, Value};
use tracellm_trace::{
    Issue,
    otlp::wire::{self, to_hex},
};

/// Reads an `ExportTraceServiceRequest` of protobuf.
///
/// # Errors
/// It is none.
pub fn read(bytes: &[u8]) -> Result<wire::Request, Issue> {
    let request =
        Request::decode(bytes).map_err(|error| Issue::error("otlp.invalid", "$", format!("is no export request of traces: {error}")))?;
    Ok(request.into())
}

impl From<Request> for wire::Request {
    fn from(request: Request) -> Self {
        let mut read = Self::default();
        read.resource_spans = request.resource_spans.into_iter().map(ResourceSpans::read).collect();
        read
    }
}

// The messages of opentelemetry-proto 1.x, those fields that are read. What is not named here is skipped, as protobuf has it.

/// `ExportTraceServiceRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, repeated, tag = "11")]
    events: Vec<Event>,
    #[prost(message, optional, tag = "15")]
    status: Option<SpanStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct SpanStatus {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(int64, tag = "3")]
    Whole(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    Array(ArrayValue),
    #[prost(message, tag = "6")]
    List(KeyValueList),
    #[prost(bytes, tag = "7")]
    Bytes(Vec<u8>),
}

#[derive(Clone, PartialEq, Message)]
struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    values: Vec<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValueList {
    #[prost(message, repeated, tag = "1")]
    values: Vec<KeyValue>,
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct Response {
    #[prost(message, optional, tag = "1")]
    pub partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub rejected_spans: i64,
    #[prost(string, tag = "2")]
    pub error_message: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
}

impl ResourceSpans {
    fn read(self) -> wire::ResourceSpans {
        let attributes = attributes(self.resource.unwrap_or_default().attributes);
        let scope_spans = self.scope_spans.into_iter().map(ScopeSpans::read).collect();
        wire::ResourceSpans { resource: wire::Resource { attributes }, scope_spans }
    }
}

impl ScopeSpans {
    fn read(self) -> wire::ScopeSpans {
        let scope = wire::Scope { name: self.scope.unwrap_or_default().name };
        wire::ScopeSpans { scope, spans: self.spans.into_iter().map(Span::read).collect() }
    }
}

impl Span {
    fn read(self) -> wire::WireSpan {
        let event = |event: Event| wire::WireEvent {
            time_unix_nano: event.time_unix_nano,
            name: event.name,
            attributes: attributes(event.attributes),
        };
        let status = self.status.unwrap_or_default();
        wire::WireSpan {
            trace_id: to_hex(&self.trace_id),
            span_id: to_hex(&self.span_id),
            parent_span_id: to_hex(&self.parent_span_id),
            name: self.name,
            start_time_unix_nano: self.start_time_unix_nano,
            end_time_unix_nano: self.end_time_unix_nano,
            attributes: attributes(self.attributes),
            events: self.events.into_iter().map(event).collect(),
            status: wire::WireStatus { code: status.code.into(), message: status.message },
        }
    }
}

fn attributes(pairs: Vec<KeyValue>) -> wire::Attributes {
    wire::Attributes(pairs.into_iter().map(|pair| (pair.key, pair.value.map_or(Value::Null, plain))).collect())
}

fn plain(value: AnyValue) -> Value {
    use base64::{Engine, prelude::BASE64_STANDARD};
    match value.kind {
        None => Value::Null,
        Some(Kind::Text(text)) => text.into(),
        Some(Kind::Flag(flag)) => flag.into(),
        Some(Kind::Whole(whole)) => whole.into(),
        Some(Kind::Double(number)) => wire::double(number),
        Some(Kind::Array(array)) => array.values.into_iter().map(plain).collect(),
        Some(Kind::List(list)) => {
            Value::Object(Map::from_iter(list.values.into_iter().map(|pair| (pair.key, pair.value.map_or(Value::Null, plain)))))
        }
        // As OTLP/JSON writes them.
        Some(Kind::Bytes(bytes)) => BASE64_STANDARD.encode(bytes).into(),
    }
}
