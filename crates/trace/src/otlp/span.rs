use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{attributes::family, names, step::identifier};
use crate::{DEFAULT_PROJECT, Issue, Timestamp, text::is_short};

/// One operation, as its instrumentation told it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// 32 lower-case hex digits, not all zero.
    pub trace_id: String,
    /// 16 lower-case hex digits, not all zero.
    pub span_id: String,
    /// None for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    pub name: String,
    /// Nanoseconds since 1970.
    pub start_ns: u64,
    /// Nanoseconds since 1970; may lie before the start where a clock was set.
    pub end_ns: u64,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    #[serde(default)]
    pub status: SpanStatus,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status_message: String,
    /// Attributes of what emitted the span: service, environment, SDK.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub resource: Arc<Map<String, Value>>,
    /// The instrumentation library.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The key that it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// What the key of a request says of its spans.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Via {
    pub key_id: String,
    pub environment: String,
    /// It came without its long texts, as its key had sent as much as it may in a day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub content_dropped: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub time_ns: u64,
    pub name: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanStatus {
    #[default]
    Unset,
    Ok,
    Error,
}

fn is_empty(resource: &Arc<Map<String, Value>>) -> bool {
    resource.is_empty()
}

/// Why a span can't be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its name, as it has no id to be known by.
    pub name: String,
    pub reason: String,
}

impl From<&Rejected> for Issue {
    fn from(Rejected { name, reason }: &Rejected) -> Self {
        Self::error("otlp.span", "resourceSpans", format!("span `{name}`: {reason}"))
    }
}

/// The scope of the one span of a trace that no emitter sent: it carries the tags that somebody gave the trace, and is no step.
pub(super) const TAGS: &str = "tracellm.tags";
/// Its id.
const TAGS_ID: &str = "74616773746167ff";

/// The tags that somebody gave the trace of these spans.
pub fn given_tags(spans: &[Span]) -> Vec<String> {
    let standing = spans.iter().filter(|span| span.is_of_tags()).reduce(|a, b| if b.outranks(a) { b } else { a });
    let tags = standing.and_then(|span| span.attributes.get(TAGS)?.as_array());
    tags.into_iter().flatten().filter_map(|tag| tag.as_str().map(str::to_owned)).collect()
}

impl Span {
    /// The tags of a trace, as they are given now.
    pub fn of_tags(trace_id: String, tags: Vec<String>, now: Timestamp) -> Self {
        let at = u64::try_from(now.millis()).unwrap_or(0).max(1) * 1_000_000;
        Self {
            trace_id,
            span_id: TAGS_ID.to_owned(),
            parent_id: None,
            name: TAGS.to_owned(),
            start_ns: at,
            end_ns: at,
            attributes: Map::from_iter([(TAGS.to_owned(), tags.into())]),
            events: Vec::new(),
            status: SpanStatus::Unset,
            status_message: String::new(),
            resource: Arc::default(),
            scope: TAGS.to_owned(),
            via: None,
        }
    }

    /// It carries tags and did nothing.
    pub fn is_of_tags(&self) -> bool {
        self.scope == TAGS && self.span_id == TAGS_ID
    }

    /// Of two versions of one span, whether this one stands: the later end, then more attributes and events, then the greater content.
    pub fn outranks(&self, other: &Self) -> bool {
        let in_brief = |span: &Self| (span.end_ns, span.attributes.len() + span.events.len());
        let content = |span: &Self| serde_json::to_string(&Self { via: None, ..span.clone() }).unwrap_or_default();
        in_brief(self).cmp(&in_brief(other)).then_with(|| content(self).cmp(&content(other))).is_gt()
    }

    /// Takes long texts out of it. Numbers, names and short texts stay.
    pub fn drop_content(&mut self) {
        /// Bytes of a text that stays.
        const SHORT: usize = 128;
        let of_events = self.events.iter_mut().map(|event| &mut event.attributes);
        of_events.chain([&mut self.attributes]).for_each(|attributes| attributes.retain(|_, value| is_short(value, SHORT)));
    }

    /// Milliseconds between start and end; none where the end lies before the start.
    pub fn duration_ms(&self) -> Option<f64> {
        Some(self.end_ns.checked_sub(self.start_ns)? as f64 / 1e6)
    }

    pub fn failed(&self) -> bool {
        self.status == SpanStatus::Error
    }

    /// What is said of its failure: the status, else the exception.
    pub fn error(&self) -> Option<String> {
        if !self.failed() {
            return None;
        }
        let exception = self.events.iter().rev().find(|event| event.name == "exception");
        let of_exception = |name: &str| exception.and_then(|event| event.attributes.get(name)).and_then(Value::as_str);
        let of_span = |name: &str| self.attributes.get(name).and_then(Value::as_str);
        let candidates =
            [Some(self.status_message.as_str()), of_exception("exception.message"), of_exception("exception.type"), of_span("error.type")];
        let found = candidates.into_iter().flatten().find(|text| !text.trim().is_empty());
        Some(found.map_or_else(|| format!("{} failed", self.name), str::to_owned))
    }

    /// The project that its emitter names, else the default one.
    pub fn project_id(&self) -> String {
        let given = names::PROJECT.iter().filter_map(|name| self.resource.get(*name)?.as_str());
        given.map(identifier).find(|name| !name.is_empty()).unwrap_or_else(|| DEFAULT_PROJECT.to_owned())
    }

    /// The attributes that no field is for, those that are numbered as one (`llm.tools.*`). They are kept in the metadata.
    pub fn without_field(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.attributes.keys().filter(|name| !names::is_known(name)).map(|name| family(name))
    }
}
