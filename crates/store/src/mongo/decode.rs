use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, error::Error, raw::CStr};
use serde_json::{Map, Number, Value, json};
use tracellm_trace::{
    ApiKey, DEFAULT_ENVIRONMENT, DEFAULT_PROJECT, Project, SLOW_TRACE_THRESHOLD_MS, Source, Status, Step, StepKind, Timestamp, Trace,
    TraceSummary, UNKNOWN_MODEL, UNREADABLE, mask_api_key,
};

use super::access;
use crate::{StoreError, StoredKey};

type Read<T> = Result<T, StoreError>;

/// The fields of a document as they stand in the database. (Reading them by serde would take some objects for values of other types.)
pub(super) fn document(raw: &RawDocument) -> Read<Document> {
    Document::try_from(raw).map_err(unreadable)
}

fn unreadable(error: Error) -> StoreError {
    StoreError::Failed(format!("a stored document can't be read: {error}"))
}

/// What stands in a field; null where there is none.
pub(super) fn value(raw: &RawDocument, name: &str) -> Read<Bson> {
    raw.get(name).and_then(|value| value.map_or(Ok(Bson::Null), Bson::try_from)).map_err(unreadable)
}

/// The id under which the traces of a project are shown, which stands in this field.
pub(super) fn project_id(raw: &RawDocument, field: &str) -> Read<String> {
    Fields::of(raw)?.name(field, DEFAULT_PROJECT)
}

/// The project that a document holds.
pub(super) fn project(raw: &RawDocument) -> Read<Project> {
    let mut fields = Fields::of(raw)?;
    let project_id = fields.text("project_id")?.unwrap_or_default();
    Ok(Project {
        name: fields.text("name")?.unwrap_or_else(|| project_id.clone()),
        project_id,
        description: fields.text("description")?.unwrap_or_default(),
        created_at: fields.time("created_at")?,
    })
}

/// The key that a document holds.
pub(super) fn key(raw: &RawDocument) -> Read<StoredKey> {
    let mut fields = Fields::of(raw)?;
    let stored_as = fields.text("key")?.unwrap_or_default();
    let key = ApiKey {
        key_id: fields.text("key_id")?.unwrap_or_else(|| mask_api_key(stored_as.clone())),
        project_id: fields.name("project_id", DEFAULT_PROJECT)?,
        environment: fields.name("environment", DEFAULT_ENVIRONMENT)?,
        scope: access::scope(fields.text("scope")?.as_deref()),
        created_at: fields.time("created_at")?.unwrap_or(Timestamp::MIN),
        last_used_at: fields.time("last_used_at")?,
        expires_at: fields.time("expires_at")?,
        revoked_at: fields.time("revoked_at")?,
    };
    Ok(StoredKey { stored_as, key })
}

/// Fields that every trace has, and every step.
const OF_A_TRACE: [&str; 9] =
    ["trace_id", "prompt", "latency", "token_count", "model_name", "project_id", "environment", "status", "created_at"];
const OF_A_STEP: [&str; 5] = ["tool_name", "input", "output", "duration", "success"];

/// The trace that a document holds. What is missing gets its default, and what can't be read as its field stands in `metadata`.
pub(super) fn trace(raw: &RawDocument) -> Read<Trace> {
    let mut fields = Fields::with(raw, &OF_A_TRACE)?;
    let created_at = fields.time("created_at")?.unwrap_or(Timestamp::MIN);
    let steps = match fields.get("steps") {
        Some(RawBsonRef::Array(items)) => {
            let step = |(index, item): (usize, Result<_, _>)| step(item.map_err(unreadable)?, index, created_at);
            items.into_iter().enumerate().map(step).collect::<Read<_>>()?
        }
        other => fields.misread("steps", other.unwrap_or(RawBsonRef::Null))?.unwrap_or_default(),
    };
    let latency = fields.number("latency")?.unwrap_or(0.0);
    let retry_count = fields.count("retry_count")?.unwrap_or(0);
    let failure_reason = fields.text("failure_reason")?;
    Ok(Trace {
        trace_id: fields.trace_id()?,
        prompt: fields.text("prompt")?.unwrap_or_default(),
        response: fields.text("response")?,
        latency,
        token_count: fields.count("token_count")?.unwrap_or(0),
        model_name: fields.name("model_name", UNKNOWN_MODEL)?,
        project_id: fields.name("project_id", DEFAULT_PROJECT)?,
        project_name: fields.text("project_name")?,
        api_key: fields.text("api_key")?.map(mask_api_key),
        environment: fields.name("environment", DEFAULT_ENVIRONMENT)?,
        status: fields.status(failure_reason.as_deref(), retry_count)?,
        steps,
        retry_count,
        slow_request: fields.flag("slow_request")?.unwrap_or(latency >= SLOW_TRACE_THRESHOLD_MS),
        failure_reason,
        created_at,
        updated_at: fields.time("updated_at")?.unwrap_or(created_at),
        input_tokens: fields.count("input_tokens")?,
        output_tokens: fields.count("output_tokens")?,
        cached_tokens: fields.count("cached_tokens")?,
        reasoning_tokens: fields.count("reasoning_tokens")?,
        cost_usd: fields.number("cost_usd")?,
        session_id: fields.text("session_id")?,
        user_id: fields.text("user_id")?,
        tags: match fields.get("tags") {
            Some(RawBsonRef::Array(tags)) => tags.into_iter().map(|tag| text(tag.map_err(unreadable)?)).collect::<Read<_>>()?,
            Some(other) => fields.misread("tags", other)?.unwrap_or_default(),
            None => Vec::new(),
        },
        source: fields.word("source", Source::from_word)?,
        metadata: fields.metadata()?,
    })
}

/// The row that a projected document holds.
pub(super) fn summary(raw: &RawDocument) -> Read<TraceSummary> {
    let mut fields = Fields::with(raw, &OF_A_TRACE)?;
    let step_count = fields.count("step_count")?;
    let steps_total = fields.count("steps_total")?;
    let latency = fields.number("latency")?.unwrap_or(0.0);
    let retry_count = fields.count("retry_count")?.unwrap_or(0);
    let failure_reason = fields.text("failure_reason")?;
    Ok(TraceSummary {
        trace_id: fields.trace_id()?,
        project_id: fields.name("project_id", DEFAULT_PROJECT)?,
        prompt: TraceSummary::preview(&fields.text("prompt")?.unwrap_or_default()),
        model_name: fields.name("model_name", UNKNOWN_MODEL)?,
        environment: fields.name("environment", DEFAULT_ENVIRONMENT)?,
        status: fields.status(failure_reason.as_deref(), retry_count)?,
        latency,
        token_count: fields.count("token_count")?.unwrap_or(0),
        cost_usd: fields.number("cost_usd")?,
        retry_count,
        slow_request: fields.flag("slow_request")?.unwrap_or(latency >= SLOW_TRACE_THRESHOLD_MS),
        failure_reason: failure_reason.as_deref().map(TraceSummary::preview),
        step_count: steps_total.or(step_count).map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX)),
        created_at: fields.time("created_at")?.unwrap_or(Timestamp::MIN),
        unreadable: step_count.is_none() || !fields.misread.is_empty(),
        in_progress: fields.is_true("in_progress"),
        content_removed: fields.is_true("content_removed"),
        snippet: None,
    })
}

fn step(item: RawBsonRef<'_>, index: usize, created_at: Timestamp) -> Read<Step> {
    let mut fields = match item {
        RawBsonRef::Document(raw) => Fields::with(raw, &OF_A_STEP)?,
        other => Fields::new(vec![("output", other)], &OF_A_STEP),
    };
    Ok(Step {
        step_id: fields.text("step_id")?.unwrap_or_else(|| index.to_string()),
        tool_name: fields.name("tool_name", "agent")?,
        input: fields.object("input")?,
        output: fields.object("output")?,
        duration: fields.number("duration")?.unwrap_or(0.0),
        success: fields.flag("success")?.unwrap_or(true),
        timestamp: fields.time("timestamp")?.unwrap_or(created_at),
        kind: fields.word("kind", StepKind::from_word)?,
        parent_id: fields.text("parent_id")?,
        model_name: fields.text("model_name")?,
        input_tokens: fields.count("input_tokens")?,
        output_tokens: fields.count("output_tokens")?,
        cached_tokens: fields.count("cached_tokens")?,
        reasoning_tokens: fields.count("reasoning_tokens")?,
        error: fields.text("error")?,
        metadata: fields.metadata()?,
    })
}

/// The fields of a document, each read as what it should be.
struct Fields<'a> {
    fields: Vec<(&'a str, RawBsonRef<'a>)>,
    misread: Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn of(raw: &'a RawDocument) -> Read<Self> {
        Self::with(raw, &[])
    }

    /// The fields of a document that should have these.
    fn with(raw: &'a RawDocument, required: &[&str]) -> Read<Self> {
        // As many as a step has; a trace has some more.
        let mut fields = Vec::with_capacity(18);
        for field in raw {
            let (name, value) = field.map_err(unreadable)?;
            fields.push((name.as_str(), value));
        }
        Ok(Self::new(fields, required))
    }

    fn new(fields: Vec<(&'a str, RawBsonRef<'a>)>, required: &[&str]) -> Self {
        let mut new = Self { fields, misread: Map::new() };
        let missing = required.iter().filter(|name| new.get(name).is_none());
        new.misread = missing.map(|name| ((*name).to_owned(), Value::Null)).collect();
        new
    }

    /// The value of a field; null counts as none. Of several of one name the last stands.
    fn get(&self, name: &str) -> Option<RawBsonRef<'a>> {
        let (_, value) = self.fields.iter().rfind(|(field, _)| *field == name)?;
        Some(*value).filter(|value| !matches!(value, RawBsonRef::Null | RawBsonRef::Undefined))
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name).and_then(|value| value.as_bool()).unwrap_or(false)
    }

    /// Keeps what is no value for its field where it can be seen.
    fn misread<T>(&mut self, name: &str, value: RawBsonRef<'_>) -> Read<Option<T>> {
        self.misread.insert(name.to_owned(), json(value)?);
        Ok(None)
    }

    fn read<T>(&mut self, name: &str, read: impl FnOnce(RawBsonRef<'_>) -> Option<T>) -> Read<Option<T>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let found = read(value);
        // A number or a date that is a text is read, and still not what it should be.
        let should_be_text = matches!(name, "status" | "source" | "kind");
        if found.is_none() || (matches!(value, RawBsonRef::String(_)) && !should_be_text) {
            self.misread::<T>(name, value)?;
        }
        Ok(found)
    }

    fn text(&mut self, name: &str) -> Read<Option<String>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if !matches!(value, RawBsonRef::String(_)) {
            self.misread::<String>(name, value)?;
        }
        text(value).map(Some)
    }

    fn name(&mut self, name: &str, default: &str) -> Read<String> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()).unwrap_or_else(|| default.to_owned()))
    }

    fn trace_id(&mut self) -> Read<String> {
        match (self.text("trace_id")?, self.get("_id")) {
            (Some(trace_id), _) => Ok(trace_id),
            (None, own_id) => own_id.map_or(Ok(String::new()), text),
        }
    }

    fn number(&mut self, name: &str) -> Read<Option<f64>> {
        self.read(name, |value| number(value).filter(|number| *number >= 0.0 && number.is_finite()))
    }

    fn count(&mut self, name: &str) -> Read<Option<i64>> {
        self.read(name, |value| {
            match value {
                RawBsonRef::Int64(count) => Some(count),
                other => number(other).filter(|number| number.fract() == 0.0).map(|number| number as i64),
            }
            .filter(|count| *count >= 0)
        })
    }

    fn flag(&mut self, name: &str) -> Read<Option<bool>> {
        self.read(name, |value| value.as_bool())
    }

    fn time(&mut self, name: &str) -> Read<Option<Timestamp>> {
        self.read(name, |value| match value {
            RawBsonRef::DateTime(date) => Timestamp::from_millis(date.timestamp_millis()),
            RawBsonRef::String(text) => Timestamp::parse(text),
            other => number(other).and_then(Timestamp::from_epoch),
        })
    }

    fn word<T>(&mut self, name: &str, from_word: impl FnOnce(&str) -> Option<T>) -> Read<Option<T>> {
        self.read(name, |value| value.as_str().and_then(from_word))
    }

    /// The status, else what those fields say of it that a list has too.
    fn status(&mut self, failure_reason: Option<&str>, retry_count: i64) -> Read<Status> {
        Ok(self.word("status", Status::from_word)?.unwrap_or(match failure_reason {
            Some(reason) if !reason.is_empty() => Status::Failed,
            _ if retry_count > 0 => Status::Warning,
            _ => Status::Success,
        }))
    }

    fn object(&mut self, name: &str) -> Read<Map<String, Value>> {
        Ok(match self.get(name).map(json).transpose()? {
            None => Map::new(),
            Some(Value::Object(fields)) => fields,
            Some(other) => {
                self.misread.insert(name.to_owned(), other.clone());
                Map::from_iter([("value".to_owned(), other)])
            }
        })
    }

    fn metadata(mut self) -> Read<Map<String, Value>> {
        let mut metadata = self.object("metadata")?;
        if !self.misread.is_empty() {
            metadata.entry(UNREADABLE).or_insert(self.misread.into());
        }
        Ok(metadata)
    }
}

/// The number in a field of another's answer.
pub(super) fn number_of(raw: &RawDocument, name: &str) -> Option<f64> {
    number(raw.get(name).ok()??)
}

/// The text in a field of another's answer.
pub(super) fn text_of(raw: &RawDocument, name: &str) -> Read<Option<String>> {
    Fields::of(raw)?.text(name)
}

fn number(value: RawBsonRef<'_>) -> Option<f64> {
    match value {
        RawBsonRef::Double(number) => Some(number),
        RawBsonRef::Int32(number) => Some(f64::from(number)),
        RawBsonRef::Int64(number) => Some(number as f64),
        RawBsonRef::Decimal128(number) => number.to_string().parse().ok(),
        RawBsonRef::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn text(value: RawBsonRef<'_>) -> Read<String> {
    Ok(match json(value)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// The JSON for a value, whatever else than JSON it may be.
fn json(value: RawBsonRef<'_>) -> Read<Value> {
    Ok(match value {
        RawBsonRef::Null | RawBsonRef::Undefined => Value::Null,
        RawBsonRef::Boolean(flag) => Value::Bool(flag),
        RawBsonRef::Int32(number) => number.into(),
        RawBsonRef::Int64(number) => number.into(),
        RawBsonRef::Double(number) => Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number),
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => Value::String(text.to_owned()),
        RawBsonRef::Array(items) => items.into_iter().map(|item| json(item.map_err(unreadable)?)).collect::<Read<_>>()?,
        RawBsonRef::Document(raw) => {
            let field = |field: Result<_, _>| {
                let (name, value): (&CStr, _) = field.map_err(unreadable)?;
                Ok((name.as_str().to_owned(), json(value)?))
            };
            Value::Object(raw.iter().map(field).collect::<Read<_>>()?)
        }
        RawBsonRef::DateTime(date) => match Timestamp::from_millis(date.timestamp_millis()) {
            Some(time) => Value::String(time.to_string()),
            None => json!({ "$date": date.timestamp_millis() }),
        },
        RawBsonRef::ObjectId(id) => Value::String(id.to_hex()),
        RawBsonRef::Decimal128(number) => Value::String(number.to_string()),
        other => Value::String(Bson::try_from(other).map_err(unreadable)?.to_string()),
    })
}
