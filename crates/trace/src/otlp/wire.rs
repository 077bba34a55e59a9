//! OTLP/JSON, and the same shapes for what protobuf decodes to.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

use super::{Event, Rejected, Span, SpanStatus, span::TAGS};
use crate::{Issue, Limits, decode, text::truncate};

/// Each span is kept with the attributes of its resource: so many bytes of them may a request make, written once a span.
const RESOURCE_BYTES: usize = 64 << 20;

/// `ExportTraceServiceRequest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    pub resource_spans: Vec<ResourceSpans>,
    /// What some send to the wrong address.
    resource_logs: Option<serde::de::IgnoredAny>,
    resource_metrics: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceSpans {
    pub resource: Resource,
    #[serde(alias = "instrumentationLibrarySpans")]
    pub scope_spans: Vec<ScopeSpans>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Resource {
    pub attributes: Attributes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScopeSpans {
    #[serde(alias = "instrumentationLibrary")]
    pub scope: Scope,
    pub spans: Vec<WireSpan>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Scope {
    pub name: String,
}

/// A span whose ids nobody has checked.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireSpan {
    /// Hex; base64 is tolerated.
    pub trace_id: String,
    pub span_id: String,
    pub parent_span_id: String,
    pub name: String,
    #[serde(deserialize_with = "nanoseconds")]
    pub start_time_unix_nano: u64,
    #[serde(deserialize_with = "nanoseconds")]
    pub end_time_unix_nano: u64,
    pub attributes: Attributes,
    pub events: Vec<WireEvent>,
    pub status: WireStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireEvent {
    #[serde(deserialize_with = "nanoseconds")]
    pub time_unix_nano: u64,
    pub name: String,
    pub attributes: Attributes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WireStatus {
    /// A number, or its name.
    pub code: Value,
    pub message: String,
}

/// Attributes as plain JSON; of a name that stands twice the last value counts.
#[derive(Debug, Default)]
pub struct Attributes(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Pair {
            #[serde(default)]
            key: String,
            #[serde(default)]
            value: Value,
        }
        let pairs = Vec::<Pair>::deserialize(deserializer)?;
        Ok(Self(pairs.into_iter().map(|pair| (pair.key, plain(pair.value))).collect()))
    }
}

impl Attributes {
    /// Drops those beyond what one span may have, cuts texts that are longer than one may be, and keeps as text what is nested too deep;
    /// each says so.
    fn bound(&mut self, limits: &Limits) {
        let most = usize::try_from(limits.attributes).unwrap_or(usize::MAX);
        if self.0.len() > most {
            let dropped = self.0.len() - most;
            self.0 = std::mem::take(&mut self.0).into_iter().take(most).collect();
            self.0.insert(ATTRIBUTES_DROPPED.to_owned(), dropped.into());
        }
        let longest = usize::try_from(limits.attribute_bytes).unwrap_or(usize::MAX);
        for value in self.0.values_mut() {
            flatten(value, limits.deepest());
            cut(value, longest);
        }
    }
}

/// An attribute that says how many of its span were dropped.
const ATTRIBUTES_DROPPED: &str = "tracellm.attributes_dropped";

/// What is nested too deep, or is JSON in a text that is, becomes a text that nobody takes for JSON.
fn flatten(value: &mut Value, deepest: usize) {
    let levels = match value {
        // Texts that are nested deeper than documents may be are read as JSON nowhere.
        Value::String(text) if deepest < decode::MAX_DEPTH && text.trim_start().starts_with(['{', '[']) => {
            decode::decode(text).map_or(0, |decoded| decoded.depth)
        }
        _ => decode::depth(value),
    };
    if levels > deepest {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        *value = Value::String(format!("(nested {levels} levels) {text}"));
    }
}

fn cut(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) if text.len() > longest => {
            let length = text.len();
            truncate(text, longest);
            text.push_str(&format!("… (cut, {length} bytes)"));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| cut(item, longest)),
        Value::Object(fields) => fields.values_mut().for_each(|field| cut(field, longest)),
        _ => {}
    }
}

/// An `AnyValue` of OTLP/JSON as the JSON it stands for.
fn plain(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let Some((kind, value)) = fields.into_iter().next() else { return Value::Null };
    match (kind.as_str(), value) {
        ("intValue", Value::String(digits)) => digits.parse::<i64>().map_or(Value::String(digits), Value::from),
        ("doubleValue", Value::String(word)) => double(word.parse().unwrap_or(f64::NAN)),
        ("arrayValue", Value::Object(mut array)) => match array.remove("values") {
            Some(Value::Array(items)) => items.into_iter().map(plain).collect(),
            _ => Value::Array(Vec::new()),
        },
        ("kvlistValue", Value::Object(mut list)) => {
            let pairs = list.remove("values").unwrap_or_default();
            serde_json::from_value::<Attributes>(pairs).unwrap_or_default().0.into()
        }
        (_, value) => value,
    }
}

/// A double as JSON, which has no infinities.
pub fn double(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

/// 64-bit numbers are texts in OTLP/JSON; many send plain numbers.
fn nanoseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(digits) => digits.trim().parse().unwrap_or(0),
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().map(|number| number as u64)).unwrap_or(0),
        _ => 0,
    })
}

/// Whether a text is meant as a request of OTLP/JSON, readable or not.
pub fn is_meant(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Meant {
        #[serde(rename = "resourceSpans")]
        _resource_spans: serde::de::IgnoredAny,
    }
    text.contains("\"resourceSpans\"") && serde_json::from_str::<Meant>(text).is_ok()
}

/// Reads a request of OTLP/JSON.
///
/// # Errors
/// It is no JSON, nested too deep, or none of traces.
pub fn read(text: &str) -> Result<Request, Issue> {
    let decoded = decode::decode(text)?;
    if !decoded.value.is_object() {
        return Err(Issue::error("otlp.invalid", "$", "is no export request of traces, which is an object with `resourceSpans`"));
    }
    let wrong = |error: serde_json::Error| Issue::error("otlp.invalid", "$", format!("is no export request of traces: {error}"));
    let request: Request = serde_json::from_value(decoded.value).map_err(wrong)?;
    for (is_there, what) in [(request.resource_logs.is_some(), "logs"), (request.resource_metrics.is_some(), "metrics")] {
        if is_there && request.resource_spans.is_empty() {
            let message =
                format!("holds {what}, and this address takes traces: set OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, and export {what} elsewhere");
            return Err(Issue::error("otlp.signal", "$", message));
        }
    }
    Ok(request)
}

impl Request {
    /// Its spans, and those that can't be kept.
    pub fn into_spans(self, limits: &Limits) -> (Vec<Span>, Vec<Rejected>) {
        let (mut spans, mut rejected) = (Vec::new(), Vec::new());
        let mut room = RESOURCE_BYTES;
        for of_resource in self.resource_spans {
            let mut resource = of_resource.resource.attributes;
            resource.bound(limits);
            let resource = Arc::new(resource.0);
            let bytes = serde_json::to_string(&*resource).map_or(0, |json| json.len());
            for of_scope in of_resource.scope_spans {
                for mut span in of_scope.spans {
                    if spans.len() as u64 == limits.spans {
                        rejected.push(Rejected { name: span.name, reason: format!("a request holds at most {} spans", limits.spans) });
                        continue;
                    }
                    if bytes > room {
                        let reason = format!("the attributes of its resource, {bytes} bytes, stand on too many spans of this request");
                        rejected.push(Rejected { name: span.name, reason });
                        continue;
                    }
                    span.attributes.bound(limits);
                    span.events.iter_mut().for_each(|event| event.attributes.bound(limits));
                    match span.checked(&resource, &of_scope.scope.name) {
                        Ok(span) => {
                            room -= bytes;
                            spans.push(span);
                        }
                        Err(reason) => rejected.push(reason),
                    }
                }
            }
        }
        (spans, rejected)
    }
}

impl WireSpan {
    fn checked(self, resource: &Arc<Map<String, Value>>, scope: &str) -> Result<Span, Rejected> {
        let rejected = |reason: String| Rejected { name: self.name.clone(), reason };
        let wrong = |field: &str, digits| rejected(format!("{field} must be {digits} hex digits, not all zero"));
        let trace_id = id(&self.trace_id, 16).ok_or_else(|| wrong("traceId", 32))?;
        let span_id = id(&self.span_id, 8).ok_or_else(|| wrong("spanId", 16))?;
        if scope == TAGS {
            return Err(rejected(format!("`{TAGS}` is the scope of what TraceLLM itself adds to a trace")));
        }
        // A parent that is none makes a root, as the specification has it for an empty one.
        let parent_id = id(&self.parent_span_id, 8).filter(|parent| *parent != span_id);
        if self.start_time_unix_nano == 0 {
            return Err(rejected("startTimeUnixNano is missing".to_owned()));
        }
        let status = match (&self.status.code, self.status.code.as_str()) {
            (_, Some("STATUS_CODE_ERROR")) => SpanStatus::Error,
            (_, Some("STATUS_CODE_OK")) => SpanStatus::Ok,
            (code, _) => match code.as_u64() {
                Some(2) => SpanStatus::Error,
                Some(1) => SpanStatus::Ok,
                _ => SpanStatus::Unset,
            },
        };
        let event = |event: WireEvent| Event { time_ns: event.time_unix_nano, name: event.name, attributes: event.attributes.0 };
        Ok(Span {
            trace_id,
            span_id,
            parent_id,
            name: self.name,
            start_ns: self.start_time_unix_nano,
            end_ns: self.end_time_unix_nano,
            attributes: self.attributes.0,
            events: self.events.into_iter().map(event).collect(),
            status,
            status_message: self.status.message,
            resource: resource.clone(),
            scope: scope.to_owned(),
            via: None,
        })
    }
}

/// An id as lower-case hex, from hex or, as some clients send it, base64.
fn id(text: &str, bytes: usize) -> Option<String> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let is_hex = text.len() == 2 * bytes && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hex = if is_hex {
        text.to_ascii_lowercase()
    } else {
        let decoded = BASE64_STANDARD.decode(text).ok().filter(|decoded| decoded.len() == bytes)?;
        to_hex(&decoded)
    };
    hex.bytes().any(|digit| digit != b'0').then_some(hex)
}

/// Bytes as lower-case hex digits.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        hex.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    hex
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;
    use crate::{Limits, otlp::SpanStatus};

    #[test]
    fn every_way_to_write_a_request_is_read() {
        let request = json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeSpans": [{"scope": {"name": "lib"}, "spans": [
                {"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "name": "a", "startTimeUnixNano": "1544712660000000000",
                 "endTimeUnixNano": 1544712661000000000_u64, "status": {"code": 2, "message": "boom"}, "unknown": 1, "attributes": [
                    {"key": "i", "value": {"intValue": "9007199254740993"}}, {"key": "d", "value": {"doubleValue": "NaN"}},
                    {"key": "l", "value": {"arrayValue": {"values": [{"boolValue": true}, {"intValue": 3}]}}},
                    {"key": "m", "value": {"kvlistValue": {"values": [{"key": "x", "value": {"stringValue": "y"}}]}}}, {"key": "n", "value": {}}]},
                {"traceId": "W47/95gDgQPSabYzgT/GDA==", "spanId": "7uGbfsPBsXU=", "parentSpanId": "EEE19B7EC3C1B174", "startTimeUnixNano": 1},
                {"traceId": "00000000000000000000000000000000", "spanId": "EEE19B7EC3C1B174", "name": "zero", "startTimeUnixNano": 1},
                {"name": "none"}]}]}]});
        let (spans, rejected) = read(&request.to_string()).unwrap().into_spans(&Limits::default());
        assert_eq!(spans.len(), 2);
        assert_eq!(
            (spans[0].trace_id.as_str(), spans[0].status, spans[0].duration_ms()),
            ("5b8efff798038103d269b633813fc60c", SpanStatus::Error, Some(1000.0))
        );
        assert_eq!(json!(spans[0].attributes), json!({"i": 9007199254740993_i64, "d": "NaN", "l": [true, 3], "m": {"x": "y"}, "n": null}));
        assert_eq!(
            (spans[1].trace_id.as_str(), spans[1].parent_id.as_deref()),
            ("5b8efff798038103d269b633813fc60c", Some("eee19b7ec3c1b174"))
        );
        assert_eq!(rejected.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["zero", "none"]);
        assert!(read(r#"{"resourceLogs": [{}]}"#).unwrap_err().message.contains("logs"));
        assert!(read("{}").unwrap().into_spans(&Limits::default()).0.is_empty());
    }

    #[test]
    fn what_is_too_much_of_it_is_cut_and_told() {
        let text = |name: &str, text: &str| json!({"key": name, "value": {"stringValue": text}});
        let span = |id: &str| json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": id, "startTimeUnixNano": 1, "attributes": [text("a", "äääää"), text("b", "x"), text("c", "y")]});
        let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span("eee19b7ec3c1b174"), span("eee19b7ec3c1b175")]}]}]});
        let limits = Limits { spans: 1, attributes: 2, attribute_bytes: 5, ..Limits::default() };
        let (spans, rejected) = read(&request.to_string()).unwrap().into_spans(&limits);
        assert_eq!(json!(spans[0].attributes), json!({"a": "ää… (cut, 10 bytes)", "b": "x", "tracellm.attributes_dropped": 1}));
        assert_eq!(rejected[0].reason, "a request holds at most 1 spans");
    }

    #[test]
    fn what_is_nested_too_deep_becomes_its_text() {
        let array = |inner: serde_json::Value| json!({"arrayValue": {"values": [inner]}});
        let deep = (0..9).fold(json!({"intValue": "1"}), |inner, _| array(inner));
        let span = json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "startTimeUnixNano": 1, "attributes": [{"key": "a", "value": &deep}, {"key": "input.value", "value": {"stringValue": "[[[[[[[[[1]]]]]]]]]"}}]});
        let request =
            json!({"resourceSpans": [{"resource": {"attributes": [{"key": "r", "value": &deep}]}, "scopeSpans": [{"spans": [span]}]}]})
                .to_string();
        let read = |depth| read(&request).unwrap().into_spans(&Limits { depth, ..Limits::default() }).0;
        let text = "[[[[[[[[[1]]]]]]]]]";
        assert_eq!(
            json!(read(8)[0].attributes),
            json!({"a": format!("(nested 9 levels) {text}"), "input.value": format!("(nested 9 levels) {text}")})
        );
        assert_eq!(json!(read(8)[0].resource), json!({"r": format!("(nested 9 levels) {text}")}));
        assert_eq!(json!(read(9)[0].attributes), json!({"a": [[[[[[[[[1]]]]]]]]], "input.value": text}));
        // Nor is it read as JSON once it is a step.
        let trace = super::super::fold(&read(8), "p", crate::Timestamp::MIN).unwrap().trace;
        assert_eq!(json!(trace.steps[0].input), json!({"value": format!("(nested 9 levels) {text}")}));
    }
}
