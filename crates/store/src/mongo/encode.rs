use mongodb::bson::{
    Bson, DateTime, RawArrayBuf, RawBson, RawBsonRef, RawDocumentBuf,
    error::Error,
    raw::{BindRawBsonRef, CStr, cstr},
    rawdoc,
};
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
pub(super) fn encode(trace: &Trace, id: &Bson, version: i64) -> Result<RawDocumentBuf, Issue> {
    let failed = |error| Issue::error("trace.unstorable", "$", format!("can't be stored in MongoDB: {error}"));
    let raw = document(trace, id, version).map_err(failed)?;
    let bytes = raw.as_bytes().len();
    if bytes > MAX_BYTES {
        let message = format!("takes {bytes} bytes as a document of MongoDB, which holds at most {MAX_BYTES}");
        return Err(Issue::error("trace.too_large", "$", message));
    }
    Ok(raw)
}

fn document(trace: &Trace, id: &Bson, version: i64) -> Result<RawDocumentBuf, Error> {
    let mut steps = RawArrayBuf::new();
    for of_trace in &trace.steps {
        steps.push(step(of_trace)?);
    }
    let mut document = rawdoc! {
        "_id": RawBson::try_from(id.clone())?,
        "_v": version,
        "trace_id": trace.trace_id.as_str(),
        "prompt": trace.prompt.as_str(),
        "response": text(trace.response.as_deref()),
        "latency": trace.latency,
        "token_count": trace.token_count,
        "model_name": trace.model_name.as_str(),
        "project_id": trace.project_id.as_str(),
        "project_name": text(trace.project_name.as_deref()),
        "api_key": text(trace.api_key.as_deref()),
        "environment": trace.environment.as_str(),
        "status": trace.status.as_str(),
        "steps": steps,
        "retry_count": trace.retry_count,
        "slow_request": trace.slow_request,
        "failure_reason": text(trace.failure_reason.as_deref()),
        "created_at": date(trace.created_at),
        "updated_at": date(trace.updated_at),
    };
    add(&mut document, cstr!("input_tokens"), trace.input_tokens);
    add(&mut document, cstr!("output_tokens"), trace.output_tokens);
    add(&mut document, cstr!("cached_tokens"), trace.cached_tokens);
    add(&mut document, cstr!("reasoning_tokens"), trace.reasoning_tokens);
    add(&mut document, cstr!("cost_usd"), trace.cost_usd);
    add(&mut document, cstr!("session_id"), trace.session_id.as_deref());
    add(&mut document, cstr!("user_id"), trace.user_id.as_deref());
    add(&mut document, cstr!("tags"), (!trace.tags.is_empty()).then(|| trace.tags.iter().map(String::as_str).collect::<RawArrayBuf>()));
    add(&mut document, cstr!("metadata"), some_object(&trace.metadata)?);
    add(&mut document, cstr!("source"), trace.source.map(|source| source.as_str()));
    Ok(document)
}

fn step(step: &Step) -> Result<RawDocumentBuf, Error> {
    let mut document = rawdoc! {
        "step_id": step.step_id.as_str(),
        "tool_name": step.tool_name.as_str(),
        "input": object(&step.input)?,
        "output": object(&step.output)?,
        "duration": step.duration,
        "success": step.success,
        "timestamp": date(step.timestamp),
    };
    add(&mut document, cstr!("kind"), step.kind.map(|kind| kind.as_str()));
    add(&mut document, cstr!("parent_id"), step.parent_id.as_deref());
    add(&mut document, cstr!("model_name"), step.model_name.as_deref());
    add(&mut document, cstr!("input_tokens"), step.input_tokens);
    add(&mut document, cstr!("output_tokens"), step.output_tokens);
    add(&mut document, cstr!("cached_tokens"), step.cached_tokens);
    add(&mut document, cstr!("reasoning_tokens"), step.reasoning_tokens);
    add(&mut document, cstr!("metadata"), some_object(&step.metadata)?);
    add(&mut document, cstr!("error"), step.error.as_deref());
    Ok(document)
}

fn add(document: &mut RawDocumentBuf, field: &CStr, value: Option<impl BindRawBsonRef>) {
    if let Some(value) = value {
        document.append(field, value);
    }
}

fn text(text: Option<&str>) -> RawBsonRef<'_> {
    text.map_or(RawBsonRef::Null, RawBsonRef::String)
}

pub(super) fn date(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.millis())
}

fn some_object(fields: &Map<String, Value>) -> Result<Option<RawDocumentBuf>, Error> {
    if fields.is_empty() { Ok(None) } else { object(fields).map(Some) }
}

fn object(fields: &Map<String, Value>) -> Result<RawDocumentBuf, Error> {
    let mut document = RawDocumentBuf::new();
    for (name, field) in fields {
        document.append(<&CStr>::try_from(name.as_str())?, value(field)?);
    }
    Ok(document)
}

fn value(value: &Value) -> Result<RawBson, Error> {
    Ok(match value {
        Value::Null => RawBson::Null,
        Value::Bool(flag) => RawBson::Boolean(*flag),
        Value::Number(number) if number.is_f64() => number.as_f64().map_or(RawBson::Null, RawBson::Double),
        // An integer beyond 64 bits came as text, so there is none here; if there were, text it would be.
        Value::Number(number) => number.as_i64().map_or_else(|| RawBson::String(number.to_string()), RawBson::Int64),
        Value::String(text) => RawBson::String(text.clone()),
        Value::Array(items) => {
            let mut array = RawArrayBuf::new();
            for item in items {
                array.push(self::value(item)?);
            }
            RawBson::Array(array)
        }
        Value::Object(fields) => RawBson::Document(object(fields)?),
    })
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
