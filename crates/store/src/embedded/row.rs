use rusqlite::{OptionalExtension, Transaction, params};
use tracellm_trace::{Filled, Outcome, Trace, TraceSummary, stats::Sample};

use super::{errors::unreadable, index, sums::Sums};
use crate::{
    NewTrace, StoreError,
    merge::{Merged, merge},
};

/// A trace on its way to the file, as it will stand there if none stands yet. What waits is held once, as text.
pub(super) struct Row {
    /// The trace without what is only in its text.
    head: Trace,
    filled: Filled,
    tags: Option<String>,
    summary: String,
    doc: String,
}

impl Row {
    pub fn new(NewTrace { trace, filled }: NewTrace) -> Result<Self, StoreError> {
        let failed = |error| StoreError::Failed(format!("a trace can't be written as JSON ({error})"));
        let summary = serde_json::to_string(&TraceSummary::from(&trace)).map_err(failed)?;
        let tags = Some(&trace.tags).filter(|tags| !tags.is_empty()).map(serde_json::to_string).transpose().map_err(failed)?;
        let doc = serde_json::to_string(&trace).map_err(failed)?;
        Ok(Self { head: trace.into_head(), filled, tags, summary, doc })
    }

    pub fn bytes(&self) -> usize {
        self.doc.len() + self.summary.len()
    }
}

pub(super) fn write_row(transaction: &Transaction, sums: &mut Sums, row: &Row) -> Result<Outcome, StoreError> {
    let find = "SELECT id, doc FROM traces WHERE trace_id = ? AND project_id = ?";
    let key = params![row.head.trace_id, row.head.project_id];
    let found = transaction.prepare_cached(find)?.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((old_id, doc)): Option<(i64, String)> = found else {
        store(transaction, None, row)?;
        sums.rollups.change(None, &Sample::from(&row.head))?;
        return Ok(Outcome::Created);
    };
    let read = |doc: &str| serde_json::from_str::<Trace>(doc).map_err(unreadable);
    let old = read(&doc)?;
    match merge(&old, NewTrace { trace: read(&row.doc)?, filled: row.filled.clone() }) {
        Merged::Duplicate => Ok(Outcome::Duplicate),
        Merged::Updated(trace) => {
            // A row whose number grows with each change is found by whoever follows what is stored.
            let renumber = format!("UPDATE traces SET id = {NEXT_ID} WHERE id = ? RETURNING id");
            let id = transaction.prepare_cached(&renumber)?.query_row([old_id], |row| row.get(0))?;
            let sample = Sample::from(&old);
            index::forget(transaction, &mut sums.facets, old_id, &sample)?;
            sums.rollups.change(Some(&sample), &Sample::from(&*trace))?;
            store(transaction, Some(id), &Row::new(NewTrace { trace: *trace, filled: Filled::default() })?)?;
            Ok(Outcome::Updated)
        }
    }
}

/// A number greater than any that a row has or had.
const NEXT_ID: &str = "(SELECT max(last, (SELECT coalesce(max(id), 0) FROM traces)) + 1 FROM removed)";

/// Writes a document to the row `id`, else to a new one.
fn store(transaction: &Transaction, id: Option<i64>, Row { head: trace, tags, summary, doc, .. }: &Row) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO traces
                   (id, project_id, trace_id, created_at, status, model_name, environment, latency, token_count, cost_usd, retry_count,
                    slow_request, session_id, user_id, tags, summary, doc)
               VALUES (coalesce(?, {NEXT_ID}), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (id) DO UPDATE SET
                   created_at = excluded.created_at, status = excluded.status, model_name = excluded.model_name,
                   environment = excluded.environment, latency = excluded.latency, token_count = excluded.token_count,
                   cost_usd = excluded.cost_usd, retry_count = excluded.retry_count, slow_request = excluded.slow_request,
                   session_id = excluded.session_id, user_id = excluded.user_id, tags = excluded.tags,
                   summary = excluded.summary, doc = excluded.doc"
    );
    transaction.prepare_cached(&sql)?.execute(params![
        id,
        trace.project_id,
        trace.trace_id,
        trace.created_at.millis(),
        trace.status.as_str(),
        trace.model_name,
        trace.environment,
        trace.latency,
        trace.token_count,
        trace.cost_usd,
        trace.retry_count,
        trace.slow_request,
        trace.session_id,
        trace.user_id,
        tags,
        summary,
        doc,
    ])?;
    Ok(())
}
