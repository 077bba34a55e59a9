use rusqlite::{Connection, Transaction, params};
use tracellm_trace::Timestamp;

use super::{
    row::{Row, write_row},
    sums::Sums,
};
use crate::{
    NewSpan, PutOutcome, StoreError,
    queue::Size,
    spans::{self, Outcomes, SpanBatch, Standing},
};

/// The spans of a request on their way to the file: folded, written as text and packed before the one thread that writes sees them.
pub(super) struct SpanRows {
    /// How many came.
    spans: usize,
    traces: Vec<(SpanBatch, Row)>,
    refused: Outcomes,
}

impl SpanRows {
    pub async fn new(spans: Vec<NewSpan>, now: Timestamp) -> Result<Self, StoreError> {
        let count = spans.len();
        let (traces, refused) = spans::batches(spans, now, Row::new).await?;
        Ok(Self { spans: count, traces, refused })
    }

    pub fn size(&self) -> Size {
        let bytes = self.traces.iter().map(|(batch, row)| batch.packed.len() + row.bytes()).sum();
        Size { documents: self.traces.len(), bytes }
    }
}

/// Writes spans, and the trace that each batch has changed.
pub(super) fn write(transaction: &Transaction, sums: &mut Sums, rows: &SpanRows) -> Result<Vec<PutOutcome>, StoreError> {
    let mut outcomes = rows.refused.clone();
    for (batch, row) in &rows.traces {
        outcomes.extend(write_batch(transaction, sums, batch, row)?);
    }
    outcomes.sort_unstable_by_key(|(position, _)| *position);
    debug_assert_eq!(outcomes.len(), rows.spans, "each span has an outcome");
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

fn write_batch(transaction: &Transaction, sums: &mut Sums, batch: &SpanBatch, row: &Row) -> Result<Outcomes, StoreError> {
    let standing = read(transaction, &batch.project_id, &batch.trace_id)?;
    if standing.is_empty() {
        add(transaction, batch, &batch.packed)?;
        write_row(transaction, sums, row)?;
        return Ok(batch.outcomes());
    }
    let joined = match batch.join(standing)? {
        Ok(joined) => joined,
        Err(issue) => return Ok(batch.refused(&issue)),
    };
    if let Some(packed) = joined.packed {
        add(transaction, batch, &packed)?;
        write_row(transaction, sums, &Row::new(joined.trace)?)?;
    }
    Ok(joined.outcomes)
}

fn add(transaction: &Transaction, batch: &SpanBatch, packed: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO span_batches (trace_id, project_id, spans) VALUES (?, ?, ?)";
    transaction.prepare_cached(sql)?.execute(params![batch.trace_id, batch.project_id, packed])?;
    Ok(())
}

/// The spans of a trace, each in the version that stands.
pub(super) fn read(connection: &Connection, project_id: &str, trace_id: &str) -> Result<Standing, StoreError> {
    let mut statement = connection.prepare_cached("SELECT spans FROM span_batches WHERE trace_id = ? AND project_id = ? ORDER BY id")?;
    let mut rows = statement.query([trace_id, project_id])?;
    let mut standing = Standing::default();
    while let Some(row) = rows.next()? {
        for span in spans::unpack(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?)? {
            standing.add(span);
        }
    }
    Ok(standing)
}
