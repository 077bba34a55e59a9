use mongodb::bson::{Bson, Document, RawDocumentBuf};
use serde_json::{Map, Number, Value, json};
use tracellm_trace::{
    ApiKey, DEFAULT_ENVIRONMENT, DEFAULT_PROJECT, Project, SLOW_TRACE_THRESHOLD_MS, Source, Status, Step, StepKind, Timestamp, Trace,
    TraceSummary, UNKNOWN_MODEL, UNREADABLE, mask_api_key,
};

use super::access;
use crate::{StoreError, StoredKey};

/// The fields of a document as they stand in the database. (Reading them by serde would take some objects for values of other types.)
pub(super) fn document(raw: &RawDocumentBuf) -> Result<Document, StoreError> {
    Document::try_from(raw.as_ref()).map_err(|error| StoreError::Failed(format!("a stored document can't be read: {error}")))
}

/// The id under which the traces of a project are shown.
pub(super) fn project_id(found: Option<Bson>) -> String {
    let field = found.map(|id| ("project_id".to_owned(), id));
    Fields::of(field.into_iter().collect()).name("project_id", DEFAULT_PROJECT)
}

/// The project that a document holds.
pub(super) fn project(document: Document) -> Project {
    let mut fields = Fields::of(document);
    let project_id = fields.text("project_id").unwrap_or_default();
    Project {
        name: fields.text("name").unwrap_or_else(|| project_id.clone()),
        project_id,
        description: fields.text("description").unwrap_or_default(),
        created_at: fields.time("created_at"),
    }
}

/// The key that a document holds.
pub(super) fn key(document: Document) -> StoredKey {
    let mut fields = Fields::of(document);
    let stored_as = fields.text("key").unwrap_or_default();
    let key = ApiKey {
        key_id: fields.text("key_id").unwrap_or_else(|| mask_api_key(stored_as.clone())),
        project_id: fields.name("project_id", DEFAULT_PROJECT),
        environment: fields.name("environment", DEFAULT_ENVIRONMENT),
        scope: access::scope(fields.text("scope").as_deref()),
        created_at: fields.time("created_at").unwrap_or(Timestamp::MIN),
        last_used_at: fields.time("last_used_at"),
        expires_at: fields.time("expires_at"),
        revoked_at: fields.time("revoked_at"),
    };
    StoredKey { stored_as, key }
}

/// Fields that every trace has, and every step.
const OF_A_TRACE: [&str; 9] =
    ["trace_id", "prompt", "latency", "token_count", "model_name", "project_id", "environment", "status", "created_at"];
const OF_A_STEP: [&str; 5] = ["tool_name", "input", "output", "duration", "success"];

/// The trace that a document holds. What is missing gets its default, and what can't be read as its field stands in `metadata`.
pub(super) fn trace(document: Document) -> Trace {
    let mut fields = Fields::with(document, &OF_A_TRACE);
    let created_at = fields.time("created_at").unwrap_or(Timestamp::MIN);
    let steps = match fields.take("steps") {
        Some(Bson::Array(items)) => items.into_iter().enumerate().map(|(index, item)| step(item, index, created_at)).collect(),
        Some(other) => fields.misread("steps", other).unwrap_or_default(),
        None => fields.misread("steps", Bson::Null).unwrap_or_default(),
    };
    let latency = fields.number("latency").unwrap_or(0.0);
    let retry_count = fields.count("retry_count").unwrap_or(0);
    let failure_reason = fields.text("failure_reason");
    Trace {
        trace_id: fields.trace_id(),
        prompt: fields.text("prompt").unwrap_or_default(),
        response: fields.text("response"),
        latency,
        token_count: fields.count("token_count").unwrap_or(0),
        model_name: fields.name("model_name", UNKNOWN_MODEL),
        project_id: fields.name("project_id", DEFAULT_PROJECT),
        project_name: fields.text("project_name"),
        api_key: fields.text("api_key").map(mask_api_key),
        environment: fields.name("environment", DEFAULT_ENVIRONMENT),
        status: fields.status(failure_reason.as_deref(), retry_count),
        steps,
        retry_count,
        slow_request: fields.flag("slow_request").unwrap_or(latency >= SLOW_TRACE_THRESHOLD_MS),
        failure_reason,
        created_at,
        updated_at: fields.time("updated_at").unwrap_or(created_at),
        input_tokens: fields.count("input_tokens"),
        output_tokens: fields.count("output_tokens"),
        cached_tokens: fields.count("cached_tokens"),
        reasoning_tokens: fields.count("reasoning_tokens"),
        cost_usd: fields.number("cost_usd"),
        session_id: fields.text("session_id"),
        user_id: fields.text("user_id"),
        tags: match fields.take("tags") {
            Some(Bson::Array(tags)) => tags.into_iter().map(text).collect(),
            Some(other) => fields.misread("tags", other).unwrap_or_default(),
            None => Vec::new(),
        },
        source: fields.word("source", Source::from_word),
        metadata: fields.metadata(),
    }
}

/// The row that a projected document holds.
pub(super) fn summary(document: Document) -> TraceSummary {
    let mut fields = Fields::with(document, &OF_A_TRACE);
    let step_count = fields.count("step_count");
    let steps_total = fields.count("steps_total");
    let latency = fields.number("latency").unwrap_or(0.0);
    let retry_count = fields.count("retry_count").unwrap_or(0);
    let failure_reason = fields.text("failure_reason");
    TraceSummary {
        trace_id: fields.trace_id(),
        project_id: fields.name("project_id", DEFAULT_PROJECT),
        prompt: TraceSummary::preview(&fields.text("prompt").unwrap_or_default()),
        model_name: fields.name("model_name", UNKNOWN_MODEL),
        environment: fields.name("environment", DEFAULT_ENVIRONMENT),
        status: fields.status(failure_reason.as_deref(), retry_count),
        latency,
        token_count: fields.count("token_count").unwrap_or(0),
        cost_usd: fields.number("cost_usd"),
        retry_count,
        slow_request: fields.flag("slow_request").unwrap_or(latency >= SLOW_TRACE_THRESHOLD_MS),
        failure_reason: failure_reason.as_deref().map(TraceSummary::preview),
        step_count: steps_total.or(step_count).map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX)),
        created_at: fields.time("created_at").unwrap_or(Timestamp::MIN),
        unreadable: step_count.is_none() || !fields.misread.is_empty(),
        in_progress: fields.take("in_progress") == Some(Bson::Boolean(true)),
        content_removed: fields.take("content_removed") == Some(Bson::Boolean(true)),
        snippet: None,
    }
}

fn step(item: Bson, index: usize, created_at: Timestamp) -> Step {
    let document = match item {
        Bson::Document(document) => document,
        other => [("output".to_owned(), other)].into_iter().collect(),
    };
    let mut fields = Fields::with(document, &OF_A_STEP);
    Step {
        step_id: fields.text("step_id").unwrap_or_else(|| index.to_string()),
        tool_name: fields.name("tool_name", "agent"),
        input: fields.object("input"),
        output: fields.object("output"),
        duration: fields.number("duration").unwrap_or(0.0),
        success: fields.flag("success").unwrap_or(true),
        timestamp: fields.time("timestamp").unwrap_or(created_at),
        kind: fields.word("kind", StepKind::from_word),
        parent_id: fields.text("parent_id"),
        model_name: fields.text("model_name"),
        input_tokens: fields.count("input_tokens"),
        output_tokens: fields.count("output_tokens"),
        cached_tokens: fields.count("cached_tokens"),
        reasoning_tokens: fields.count("reasoning_tokens"),
        error: fields.text("error"),
        metadata: fields.metadata(),
    }
}

/// The fields of a document, each taken as what it should be.
struct Fields {
    document: Document,
    misread: Map<String, Value>,
}

impl Fields {
    fn of(document: Document) -> Self {
        Self { document, misread: Map::new() }
    }

    /// The fields of a document that should have these; null counts as none.
    fn with(document: Document, required: &[&str]) -> Self {
        let is_missing = |name: &&&str| matches!(document.get(**name), None | Some(Bson::Null | Bson::Undefined));
        let misread = required.iter().filter(is_missing).map(|name| ((*name).to_owned(), Value::Null)).collect();
        Self { document, misread }
    }

    /// The value of a field; null counts as none.
    fn take(&mut self, name: &str) -> Option<Bson> {
        self.document.remove(name).filter(|value| !matches!(value, Bson::Null | Bson::Undefined))
    }

    /// Keeps what is no value for its field where it can be seen.
    fn misread<T>(&mut self, name: &str, value: Bson) -> Option<T> {
        self.misread.insert(name.to_owned(), json(value));
        None
    }

    fn read<T>(&mut self, name: &str, read: impl FnOnce(&Bson) -> Option<T>) -> Option<T> {
        let value = self.take(name)?;
        let found = read(&value);
        // A number or a date that is a text is read, and still not what it should be.
        let should_be_text = matches!(name, "status" | "source" | "kind");
        if found.is_none() || (matches!(value, Bson::String(_)) && !should_be_text) {
            self.misread.insert(name.to_owned(), json(value));
        }
        found
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let value = self.take(name)?;
        if !matches!(value, Bson::String(_)) {
            self.misread.insert(name.to_owned(), json(value.clone()));
        }
        Some(text(value))
    }

    fn name(&mut self, name: &str, default: &str) -> String {
        self.text(name).filter(|text| !text.is_empty()).unwrap_or_else(|| default.to_owned())
    }

    fn trace_id(&mut self) -> String {
        let own_id = self.take("_id").map(text);
        self.text("trace_id").or(own_id).unwrap_or_default()
    }

    fn number(&mut self, name: &str) -> Option<f64> {
        self.read(name, |value| number(value).filter(|number| *number >= 0.0 && number.is_finite()))
    }

    fn count(&mut self, name: &str) -> Option<i64> {
        self.read(name, |value| {
            match value {
                Bson::Int64(count) => Some(*count),
                other => number(other).filter(|number| number.fract() == 0.0).map(|number| number as i64),
            }
            .filter(|count| *count >= 0)
        })
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        self.read(name, Bson::as_bool)
    }

    fn time(&mut self, name: &str) -> Option<Timestamp> {
        self.read(name, |value| match value {
            Bson::DateTime(date) => Timestamp::from_millis(date.timestamp_millis()),
            Bson::String(text) => Timestamp::parse(text),
            other => number(other).and_then(Timestamp::from_epoch),
        })
    }

    fn word<T>(&mut self, name: &str, from_word: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.read(name, |value| value.as_str().and_then(from_word))
    }

    /// The status, else what those fields say of it that a list has too.
    fn status(&mut self, failure_reason: Option<&str>, retry_count: i64) -> Status {
        self.word("status", Status::from_word).unwrap_or(match failure_reason {
            Some(reason) if !reason.is_empty() => Status::Failed,
            _ if retry_count > 0 => Status::Warning,
            _ => Status::Success,
        })
    }

    fn object(&mut self, name: &str) -> Map<String, Value> {
        match self.take(name).map(json) {
            None => Map::new(),
            Some(Value::Object(fields)) => fields,
            Some(other) => {
                self.misread.insert(name.to_owned(), other.clone());
                Map::from_iter([("value".to_owned(), other)])
            }
        }
    }

    fn metadata(mut self) -> Map<String, Value> {
        let mut metadata = self.object("metadata");
        if !self.misread.is_empty() {
            metadata.entry(UNREADABLE).or_insert(self.misread.into());
        }
        metadata
    }
}

pub(super) fn number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Double(number) => Some(*number),
        Bson::Int32(number) => Some(f64::from(*number)),
        Bson::Int64(number) => Some(*number as f64),
        Bson::Decimal128(number) => number.to_string().parse().ok(),
        Bson::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(super) fn text(value: Bson) -> String {
    match json(value) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// The JSON for a value, whatever else than JSON it may be.
fn json(value: Bson) -> Value {
    match value {
        Bson::Null | Bson::Undefined => Value::Null,
        Bson::Boolean(flag) => Value::Bool(flag),
        Bson::Int32(number) => number.into(),
        Bson::Int64(number) => number.into(),
        Bson::Double(number) => Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number),
        Bson::String(text) | Bson::Symbol(text) => Value::String(text),
        Bson::Array(items) => items.into_iter().map(json).collect(),
        Bson::Document(document) => document.into_iter().map(|(key, value)| (key, json(value))).collect(),
        Bson::DateTime(date) => match Timestamp::from_millis(date.timestamp_millis()) {
            Some(time) => Value::String(time.to_string()),
            None => json!({ "$date": date.timestamp_millis() }),
        },
        Bson::ObjectId(id) => Value::String(id.to_hex()),
        Bson::Decimal128(number) => Value::String(number.to_string()),
        other => Value::String(other.to_string()),
    }
}
