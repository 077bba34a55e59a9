//! From one store to another: everything, compared afterwards.

use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};
use tracellm_trace::{Cursor, Filled, Outcome, Query, Sort, Source, Trace, otlp::wire::to_hex, query::MAX_LIMIT, query::SortBy};

use crate::{NewSpan, NewTrace, StoreError, TraceStore, audit, users};

/// Documents of the target that are read at a time.
const READS: usize = 32;

/// What came later is copied later, so that nothing that comes meanwhile is passed over.
pub const ORDER: Sort = Sort { by: SortBy::CreatedAt, descending: false };

/// What a copy came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Copied {
    pub created: usize,
    pub updated: usize,
    pub duplicates: usize,
    pub projects: usize,
    pub keys: usize,
    /// Users, saved views, decisions and rules.
    pub settings: usize,
    /// Traces that were read on both sides.
    pub compared: usize,
    /// SHA-256 over the compared traces of the target, in order, without `updated_at` and `source`, which are the stores' own.
    pub digest: String,
    /// What is not on the other side as it should be, and why.
    pub faults: Vec<String>,
}

/// A copy that did not come to its end, and where it goes on.
#[derive(Debug)]
pub struct Stopped {
    pub error: StoreError,
    pub cursor: Option<Cursor>,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Copying,
    Comparing,
}

/// Copies projects, keys, users, views and rules, then traces, the oldest first, then reads all of both sides and compares. What is there
/// already is not written again. `advance` is told of each page.
///
/// # Errors
/// A database does not answer. The copy goes on from the cursor, or from the start.
pub async fn copy(
    from: &dyn TraceStore,
    to: &dyn TraceStore,
    cursor: Option<Cursor>,
    advance: impl Fn(Stage, usize),
) -> Result<Copied, Stopped> {
    let mut copied = Copied::default();
    copy_access(from, to, &mut copied).await.map_err(|error| Stopped { error, cursor: None })?;
    let mut query = Query { sort: ORDER, limit: MAX_LIMIT, cursor, ..Query::default() };
    loop {
        match copy_page(from, to, &query, &mut copied).await {
            Ok((count, next)) => {
                advance(Stage::Copying, count);
                let Some(next) = next else { break };
                query.cursor = Some(next);
            }
            Err(error) => return Err(Stopped { error, cursor: query.cursor }),
        }
    }
    compare(from, to, Query { cursor: None, ..query }, &mut copied, advance).await.map_err(|error| Stopped { error, cursor: None })?;
    Ok(copied)
}

async fn copy_access(from: &dyn TraceStore, to: &dyn TraceStore, copied: &mut Copied) -> Result<(), StoreError> {
    let (projects, keys) = (to.projects().await?, to.keys(None).await?);
    for project in from.projects().await? {
        if to.add_project(&project).await? {
            copied.projects += 1;
        } else if !projects.contains(&project) {
            copied.faults.push(format!("project `{}`: there is another one of its id or name", project.project_id));
        }
    }
    for key in from.keys(None).await? {
        if to.add_key(&key).await? {
            copied.keys += 1;
        } else if !keys.iter().any(|known| known.stored_as == key.stored_as) {
            copied.faults.push(format!("key `{}`: there is another one of its public id", key.key.key_id));
        }
    }
    // Sessions are of one place, and the log of what was done tells of that one alone.
    let stays = |name: &str| name.starts_with(users::SESSIONS) || name.starts_with(audit::NAMES);
    let there = to.settings("").await?;
    for (name, text) in from.settings("").await?.into_iter().filter(|(name, _)| !stays(name)) {
        if to.add_setting(&name, &text).await? {
            copied.settings += 1;
        } else if there.get(&name).is_some_and(|found| *found != text) {
            copied.faults.push(format!("`{name}`: something else is kept there"));
        }
    }
    Ok(())
}

async fn copy_page(
    from: &dyn TraceStore,
    to: &dyn TraceStore,
    query: &Query,
    copied: &mut Copied,
) -> Result<(usize, Option<Cursor>), StoreError> {
    let (documents, next) = from.documents(query).await?;
    let count = documents.len();
    // What came as spans goes as spans, so that late ones find their trace on the other side.
    let (of_spans, documents): (Vec<_>, Vec<_>) = documents.into_iter().partition(|trace| trace.source == Some(Source::Otlp));
    let mut documents: Vec<NewTrace> = documents.into_iter().map(|trace| NewTrace { trace, filled: Filled::default() }).collect();
    for trace in of_spans {
        let spans = from.spans(&trace.project_id, &trace.trace_id).await?;
        if spans.is_empty() {
            documents.push(NewTrace { trace, filled: Filled::default() });
            continue;
        }
        let new = |span| NewSpan { project_id: trace.project_id.clone(), span };
        let outcomes = to.put_spans(spans.into_iter().map(new).collect(), trace.updated_at).await?;
        match outcomes.iter().find_map(|outcome| outcome.as_ref().err()) {
            Some(issue) => copied.faults.push(format!("trace `{}`: {}", trace.trace_id, issue.message)),
            None if outcomes.iter().all(|outcome| *outcome == Ok(Outcome::Duplicate)) => copied.duplicates += 1,
            None if outcomes.contains(&Ok(Outcome::Created)) => copied.created += 1,
            None => copied.updated += 1,
        }
    }
    let ids: Vec<_> = documents.iter().map(|new| new.trace.trace_id.clone()).collect();
    for (outcome, id) in to.put(documents).await?.into_iter().zip(ids) {
        match outcome {
            Ok(Outcome::Created) => copied.created += 1,
            Ok(Outcome::Updated) => copied.updated += 1,
            Ok(Outcome::Duplicate) => copied.duplicates += 1,
            Err(issue) => copied.faults.push(format!("trace `{id}`: {}", issue.message)),
        }
    }
    Ok((count, next))
}

async fn compare(
    from: &dyn TraceStore,
    to: &dyn TraceStore,
    mut query: Query,
    copied: &mut Copied,
    advance: impl Fn(Stage, usize),
) -> Result<(), StoreError> {
    let mut digest = Sha256::new();
    loop {
        let (documents, next) = from.documents(&query).await?;
        advance(Stage::Comparing, documents.len());
        let pairs = stream::iter(documents).map(|ours| async move {
            let ours = match ours.cut_from() {
                Some(_) => from.get(Some(&ours.project_id), &ours.trace_id).await?.unwrap_or(ours),
                None => ours,
            };
            let theirs = to.get(Some(&ours.project_id), &ours.trace_id).await?;
            Ok::<_, StoreError>((ours, theirs))
        });
        let mut pairs = pairs.buffered(READS);
        while let Some((ours, theirs)) = pairs.try_next().await? {
            copied.compared += 1;
            let ours = comparable(ours);
            let Some(theirs) = theirs.map(comparable) else {
                copied.faults.push(format!("trace `{}` is not there", ours.trace_id));
                continue;
            };
            digest.update(serde_json::to_vec(&theirs).map_err(|error| StoreError::Failed(error.to_string()))?);
            // It may have changed since it was copied, or stand there twice, as another writer can do.
            let is_equal = ours == theirs || {
                let now = from.get(Some(&ours.project_id), &ours.trace_id).await?;
                now.map(comparable).as_ref() == Some(&theirs)
            };
            if !is_equal {
                copied.faults.push(format!("trace `{}` differs", ours.trace_id));
            }
        }
        match next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    copied.digest = to_hex(&digest.finalize());
    Ok(())
}

/// A trace without what a store does not compare when it stores.
fn comparable(trace: Trace) -> Trace {
    Trace { updated_at: trace.created_at, source: None, ..trace }
}
