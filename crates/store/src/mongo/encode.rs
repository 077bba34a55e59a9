use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tracellm_trace::{Issue, Step, Timestamp, Trace, otlp::wire::to_hex};

/// What MongoDB holds in one document.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The `_id` of our documents: a hash, so that two writers of one new trace collide, and a string, so that no document of ours looks like
/// one of another writer.
pub(super) fn id_of(project_id: &str, trace_id: &str) -> String {
    hash_of(&[project_id, trace_id])
}

/// The `_id` of spans of a trace that came together, by how many came together before them. Two writers of the same number collide.
pub(super) fn span_batch_id_of(project_id: &str, trace_id: &str, number: u32) -> String {
    format!("{}:{number}", hash_of(&[project_id, trace_id]))
}

fn hash_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    to_hex(&hash.finalize()[..16])
}

/// The document for a trace.
///
/// # Errors
/// It would be too large, or can't be one.
pub(super) fn encode(trace: &Trace, id: Bson, version: i64) -> Result<RawDocumentBuf, Issue> {
    let failed = |error| Issue::error("trace.unstorable", "$", format!("can't be stored in MongoDB: {error}"));
    let raw = RawDocumentBuf::try_from(&document(trace, id, version)).map_err(failed)?;
    let bytes = raw.as_bytes().len();
    if bytes > MAX_BYTES {
        let message = format!("takes {bytes} bytes as a document of MongoDB, which holds at most {MAX_BYTES}");
        return Err(Issue::error("trace.too_large", "$", message));
    }
    Ok(raw)
}

fn document(trace: &Trace, id: Bson, version: i64) -> Document {
    let mut document = doc! {
        "_id": id,
        "_v": version,
        "trace_id": &trace.trace_id,
        "prompt": &trace.prompt,
        "response": trace.response.as_deref(),
        "latency": trace.latency,
        "token_count": trace.token_count,
        "model_name": &trace.model_name,
        "project_id": &trace.project_id,
        "project_name": trace.project_name.as_deref(),
        "api_key": trace.api_key.as_deref(),
        "environment": &trace.environment,
        "status": trace.status.as_str(),
        "steps": trace.steps.iter().map(step).collect::<Vec<_>>(),
        "retry_count": trace.retry_count,
        "slow_request": trace.slow_request,
        "failure_reason": trace.failure_reason.as_deref(),
        "created_at": date(trace.created_at),
        "updated_at": date(trace.updated_at),
    };
    add(&mut document, "input_tokens", trace.input_tokens);
    add(&mut document, "output_tokens", trace.output_tokens);
    add(&mut document, "cached_tokens", trace.cached_tokens);
    add(&mut document, "reasoning_tokens", trace.reasoning_tokens);
    add(&mut document, "cost_usd", trace.cost_usd);
    add(&mut document, "session_id", trace.session_id.as_deref());
    add(&mut document, "user_id", trace.user_id.as_deref());
    add(&mut document, "tags", (!trace.tags.is_empty()).then(|| trace.tags.clone()));
    add(&mut document, "metadata", (!trace.metadata.is_empty()).then(|| object(&trace.metadata)));
    add(&mut document, "source", trace.source.map(|source| source.as_str()));
    document
}

fn step(step: &Step) -> Document {
    let mut document = doc! {
        "step_id": &step.step_id,
        "tool_name": &step.tool_name,
        "input": object(&step.input),
        "output": object(&step.output),
        "duration": step.duration,
        "success": step.success,
        "timestamp": date(step.timestamp),
    };
    add(&mut document, "kind", step.kind.map(|kind| kind.as_str()));
    add(&mut document, "parent_id", step.parent_id.as_deref());
    add(&mut document, "model_name", step.model_name.as_deref());
    add(&mut document, "input_tokens", step.input_tokens);
    add(&mut document, "output_tokens", step.output_tokens);
    add(&mut document, "cached_tokens", step.cached_tokens);
    add(&mut document, "reasoning_tokens", step.reasoning_tokens);
    add(&mut document, "metadata", (!step.metadata.is_empty()).then(|| object(&step.metadata)));
    add(&mut document, "error", step.error.as_deref());
    document
}

fn add(document: &mut Document, field: &str, value: Option<impl Into<Bson>>) {
    if let Some(value) = value {
        document.insert(field, value);
    }
}

pub(super) fn date(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.millis())
}

fn object(fields: &Map<String, Value>) -> Document {
    fields.iter().map(|(key, field)| (key.clone(), value(field))).collect()
}

fn value(value: &Value) -> Bson {
    match value {
        Value::Null => Bson::Null,
        Value::Bool(flag) => Bson::Boolean(*flag),
        Value::Number(number) if number.is_f64() => number.as_f64().map_or(Bson::Null, Bson::Double),
        // An integer beyond 64 bits came as text, so there is none here; if there were, text it would be.
        Value::Number(number) => number.as_i64().map_or_else(|| Bson::String(number.to_string()), Bson::Int64),
        Value::String(text) => Bson::String(text.clone()),
        Value::Array(items) => Bson::Array(items.iter().map(self::value).collect()),
        Value::Object(fields) => Bson::Document(object(fields)),
    }
}

#[cfg(test)]
mod tests {
    use super::id_of;

    #[test]
    fn ids_tell_where_the_project_ends() {
        assert_eq!(id_of("a", "bc").len(), 32);
        assert_ne!(id_of("a", "bc"), id_of("ab", "c"));
        assert_ne!(id_of("", "a"), id_of("a", ""));
    }
}
