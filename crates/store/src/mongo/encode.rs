use mongodb::bson::{Bson, DateTime, RawDocumentBuf};
use sha2::{Digest, Sha256};
use tracellm_trace::{Issue, Step, Timestamp, Trace, otlp::wire::to_hex};

use super::bson::{self, Fields, Unwritable};

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

fn document(trace: &Trace, id: &Bson, version: i64) -> Result<RawDocumentBuf, Unwritable> {
    // Beside the steps, the texts take most of it.
    let bytes =
        1_000 + trace.prompt.len() + trace.response.as_ref().map_or(0, String::len) + trace.steps.iter().map(Step::size).sum::<usize>();
    bson::document(bytes, |fields| {
        fields.id(id)?;
        fields.integer("_v", version)?;
        fields.text("trace_id", &trace.trace_id)?;
        fields.text("prompt", &trace.prompt)?;
        text(fields, "response", trace.response.as_deref())?;
        fields.float("latency", trace.latency)?;
        fields.integer("token_count", trace.token_count)?;
        fields.text("model_name", &trace.model_name)?;
        fields.text("project_id", &trace.project_id)?;
        text(fields, "project_name", trace.project_name.as_deref())?;
        text(fields, "api_key", trace.api_key.as_deref())?;
        fields.text("environment", &trace.environment)?;
        fields.text("status", trace.status.as_str())?;
        fields.array("steps", &trace.steps, |fields, place, of_trace| fields.within(place, |fields| step(fields, of_trace)))?;
        fields.integer("retry_count", trace.retry_count)?;
        fields.flag("slow_request", trace.slow_request)?;
        text(fields, "failure_reason", trace.failure_reason.as_deref())?;
        fields.date("created_at", date(trace.created_at))?;
        fields.date("updated_at", date(trace.updated_at))?;
        tokens(fields, [trace.input_tokens, trace.output_tokens, trace.cached_tokens, trace.reasoning_tokens])?;
        some([("cost_usd", trace.cost_usd)], |name, cost| fields.float(name, cost))?;
        some([("session_id", trace.session_id.as_deref()), ("user_id", trace.user_id.as_deref())], |name, id| fields.text(name, id))?;
        if !trace.tags.is_empty() {
            fields.array("tags", &trace.tags, |fields, place, tag| fields.text(place, tag))?;
        }
        if !trace.metadata.is_empty() {
            fields.object("metadata", &trace.metadata)?;
        }
        some([("source", trace.source)], |name, source| fields.text(name, source.as_str()))
    })
}

fn step(fields: &mut Fields<'_>, step: &Step) -> Result<(), Unwritable> {
    fields.text("step_id", &step.step_id)?;
    fields.text("tool_name", &step.tool_name)?;
    fields.object("input", &step.input)?;
    fields.object("output", &step.output)?;
    fields.float("duration", step.duration)?;
    fields.flag("success", step.success)?;
    fields.date("timestamp", date(step.timestamp))?;
    some([("kind", step.kind)], |name, kind| fields.text(name, kind.as_str()))?;
    some([("parent_id", step.parent_id.as_deref()), ("model_name", step.model_name.as_deref())], |name, text| fields.text(name, text))?;
    tokens(fields, [step.input_tokens, step.output_tokens, step.cached_tokens, step.reasoning_tokens])?;
    if !step.metadata.is_empty() {
        fields.object("metadata", &step.metadata)?;
    }
    some([("error", step.error.as_deref())], |name, error| fields.text(name, error))
}

/// Of input, output, cache and reasoning.
fn tokens(fields: &mut Fields<'_>, counts: [Option<i64>; 4]) -> Result<(), Unwritable> {
    let names = ["input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"];
    some(names.into_iter().zip(counts), |name, count| fields.integer(name, count))
}

/// The fields that are there.
fn some<T>(
    fields: impl IntoIterator<Item = (&'static str, Option<T>)>,
    mut write: impl FnMut(&str, T) -> Result<(), Unwritable>,
) -> Result<(), Unwritable> {
    fields.into_iter().try_for_each(|(name, value)| value.map_or(Ok(()), |value| write(name, value)))
}

fn text(fields: &mut Fields<'_>, name: &str, text: Option<&str>) -> Result<(), Unwritable> {
    match text {
        Some(text) => fields.text(name, text),
        None => fields.null(name),
    }
}

pub(super) fn date(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.millis())
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
