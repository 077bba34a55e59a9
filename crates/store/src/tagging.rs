//! Tags that somebody gives traces, or takes from them, once they are stored.

use tracellm_trace::{
    Issue, Source, Timestamp,
    otlp::{Span, given_tags},
};

use crate::{NewSpan, NewTrace, StoreError, TraceKey, TraceStore, audit::Auditor};

/// Bytes of a tag.
const LONGEST: usize = 100;

/// A tag that may be given.
///
/// # Errors
/// It is empty or too long, or holds what can't be seen.
pub fn checked(tag: &str) -> Result<String, Issue> {
    let tag = tag.trim();
    if tag.is_empty() || tag.len() > LONGEST || tag.chars().any(char::is_control) {
        return Err(Issue::error("tag.invalid", "tag", format!("must be 1 to {LONGEST} bytes, in one line")));
    }
    Ok(tag.to_owned())
}

/// Gives traces a tag, or takes it from them; says how many have changed. What the emitter of spans has given itself stays.
///
/// # Errors
/// The database does not answer, or whoever asks may not.
pub async fn tag(
    store: &dyn TraceStore,
    audit: &Auditor,
    keys: Vec<TraceKey>,
    tag: &str,
    is_given: bool,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut changed = Vec::new();
    let mut failed = None;
    for key in keys {
        match change_one(store, &key, tag, is_given, now).await {
            Ok(false) => {}
            Ok(true) => changed.push(format!("{}/{}", key.project_id, key.trace_id)),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    if !changed.is_empty() {
        let sign = if is_given { '+' } else { '-' };
        audit.note("traces.tagged", format!("{sign}{tag}: {}", changed.join(", "))).await?;
    }
    failed.map_or(Ok(changed.len() as u64), Err)
}

/// Says whether that changed the trace.
async fn change_one(
    store: &dyn TraceStore,
    TraceKey { project_id, trace_id }: &TraceKey,
    tag: &str,
    is_given: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(mut trace) = store.document(Some(project_id), trace_id).await? else { return Ok(false) };
    let spans = if trace.source == Some(Source::Otlp) { store.spans(project_id, trace_id).await? } else { Vec::new() };
    let outcome = if spans.is_empty() {
        if !change(&mut trace.tags, tag, is_given) {
            return Ok(false);
        }
        store.put(vec![NewTrace { trace, filled: Default::default() }]).await?
    } else {
        // The trace is what its spans make, so its tags are one of them.
        let mut tags = given_tags(&spans);
        if trace.tags.iter().any(|known| known == tag) == is_given || !change(&mut tags, tag, is_given) {
            return Ok(false);
        }
        // One that is there comes along: spans that come together have to make a trace.
        let known = spans.into_iter().find(|span| !span.is_of_tags());
        let new = |span| NewSpan { project_id: project_id.clone(), span };
        store.put_spans(known.into_iter().chain([Span::of_tags(trace_id.clone(), tags, now)]).map(new).collect(), now).await?
    };
    Ok(outcome.iter().all(Result::is_ok))
}

/// Says whether that changed anything.
fn change(tags: &mut Vec<String>, tag: &str, is_given: bool) -> bool {
    let before = tags.len();
    tags.retain(|known| known != tag);
    let was_there = tags.len() < before;
    if is_given {
        tags.push(tag.to_owned());
    }
    was_there != is_given
}
