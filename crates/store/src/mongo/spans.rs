use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::{
    Collection, Database,
    bson::{RawDocumentBuf, doc, rawdoc},
    error::{Error, ErrorKind},
};
use tracellm_trace::{Issue, Outcome, Timestamp, otlp::Span};

use super::{PATIENCE, SPANS, TRACES, encode, put, within};
use crate::{NewSpan, PutOutcome, StoreError, spans};

/// Spans that are written at a time, and traces that are folded at a time.
const CHUNK: usize = 500;
const FOLDS: usize = 8;
/// What one document may hold, with room for what stands beside the span.
const MAX_BYTES: usize = 16_000_000;

type Key = (String, String);

/// Writes spans, then each trace that they belong to, once.
pub(super) async fn put(database: &Database, spans: Vec<NewSpan>, now: Timestamp) -> Result<Vec<PutOutcome>, StoreError> {
    let collection = database.collection(SPANS);
    let mut outcomes: Vec<PutOutcome> = Vec::with_capacity(spans.len());
    // Those of repeats too: an earlier request may have stored a span and ended before its trace.
    let mut touched: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    let mut rows = Vec::with_capacity(spans.len());
    for (position, NewSpan { project_id, span }) in spans.into_iter().enumerate() {
        let row = spans::Row::of(&span)?;
        if row.json.len() > MAX_BYTES {
            let message = format!("takes {} bytes, and a document of MongoDB holds 16 MB", row.json.len());
            outcomes.push(Err(Issue::error("span.too_large", "$", message)));
            continue;
        }
        outcomes.push(Ok(Outcome::Duplicate));
        let id = encode::span_id_of(&project_id, &span.trace_id, &span.span_id);
        rows.push((position, id, project_id.clone(), span.trace_id.clone(), row));
        touched.entry((project_id, span.trace_id)).or_default().push(position);
    }
    for chunk in rows.chunks(CHUNK) {
        for (position, outcome) in within(PATIENCE, write(&collection, chunk)).await? {
            outcomes[position] = Ok(outcome);
        }
    }
    let folds = touched.into_iter().map(|((project_id, trace_id), positions)| async move {
        let folded = fold(database, &project_id, &trace_id, now).await?;
        Ok::<_, StoreError>((positions, folded))
    });
    let mut folds = stream::iter(folds).buffer_unordered(FOLDS);
    while let Some((positions, folded)) = folds.try_next().await? {
        if let Err(issue) = folded {
            positions.into_iter().for_each(|position| outcomes[position] = Err(issue.clone()));
        }
    }
    Ok(outcomes)
}

type SpanRow = (usize, String, String, String, spans::Row);

/// Inserts what is new together; what stands already gives way to a higher rank.
async fn write(collection: &Collection<RawDocumentBuf>, rows: &[SpanRow]) -> Result<Vec<(usize, Outcome)>, StoreError> {
    let documents = rows.iter().map(|(_, id, project_id, trace_id, row)| {
        rawdoc! { "_id": id.as_str(), "project_id": project_id.as_str(), "trace_id": trace_id.as_str(), "rank": row.rank.as_str(), "span": row.json.as_str() }
    });
    let mut outcomes: HashMap<usize, Outcome> = rows.iter().map(|(position, ..)| (*position, Outcome::Created)).collect();
    if let Err(error) = collection.insert_many(documents).ordered(false).await {
        let ErrorKind::InsertMany(failed) = error.kind.as_ref() else { return Err(error.into()) };
        if failed.write_concern_error.is_some() || failed.write_errors.iter().flatten().any(|failed| failed.code != 11000) {
            return Err(error.into());
        }
        for failed in failed.write_errors.iter().flatten() {
            let (position, id, .., row) = &rows[failed.index];
            outcomes.insert(*position, replace(collection, id, row).await?);
        }
    }
    Ok(outcomes.into_iter().collect())
}

async fn replace(collection: &Collection<RawDocumentBuf>, id: &str, row: &spans::Row) -> Result<Outcome, Error> {
    let lesser = doc! { "_id": { "$eq": id }, "rank": { "$lt": &row.rank } };
    let set = doc! { "$set": { "rank": &row.rank, "span": &row.json } };
    let done = collection.update_one(lesser, set).await?;
    Ok(if done.matched_count == 1 { Outcome::Updated } else { Outcome::Duplicate })
}

/// Makes a trace of all its spans and writes it under the version that stood before they were read, so that none of another writer is lost.
async fn fold(database: &Database, project_id: &str, trace_id: &str, now: Timestamp) -> Result<Result<(), Issue>, StoreError> {
    let traces = database.collection(TRACES);
    put::until_won(&traces, (project_id.to_owned(), trace_id.to_owned()), || async {
        Ok(spans::document_of(&read(database, project_id, trace_id).await?, project_id, now))
    })
    .await
}

/// The spans of a trace.
pub(super) async fn read(database: &Database, project_id: &str, trace_id: &str) -> Result<Vec<Span>, StoreError> {
    let wanted = doc! { "trace_id": { "$eq": trace_id }, "project_id": { "$eq": project_id } };
    let mut found = database.collection::<RawDocumentBuf>(SPANS).find(wanted).await?;
    let mut spans = Vec::new();
    while let Some(raw) = found.try_next().await? {
        let unreadable = |why: String| StoreError::Failed(format!("a stored span can't be read: {why}"));
        let text = raw.get_str("span").map_err(|error| unreadable(error.to_string()))?;
        spans.push(serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?);
    }
    Ok(spans)
}
