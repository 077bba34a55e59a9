use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tracellm_trace::{Issue, Outcome, Timestamp, otlp::Span};

use super::{
    errors::unreadable,
    writer::{Row, write_row},
};
use crate::{NewSpan, PutOutcome, StoreError, spans};

/// A span on its way to the file.
pub(super) struct SpanRow {
    trace_id: String,
    project_id: String,
    span_id: String,
    row: spans::Row,
}

impl SpanRow {
    pub fn new(NewSpan { project_id, span }: NewSpan) -> Result<Self, StoreError> {
        Ok(Self { row: spans::Row::of(&span)?, trace_id: span.trace_id, span_id: span.span_id, project_id })
    }

    pub fn bytes(&self) -> usize {
        self.row.json.len()
    }
}

/// Writes spans, then each trace that has changed by them, once.
pub(super) fn write(transaction: &Transaction, rows: Vec<SpanRow>, now: Timestamp) -> Result<Vec<PutOutcome>, StoreError> {
    let mut outcomes: Vec<PutOutcome> = Vec::with_capacity(rows.len());
    let mut touched: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (position, row) in rows.into_iter().enumerate() {
        let outcome = write_span(transaction, &row)?;
        if outcome != Outcome::Duplicate {
            touched.entry((row.trace_id, row.project_id)).or_default().push(position);
        }
        outcomes.push(Ok(outcome));
    }
    for ((trace_id, project_id), positions) in touched {
        if let Err(issue) = write_trace(transaction, &trace_id, &project_id, now)? {
            positions.into_iter().for_each(|position| outcomes[position] = Err(issue.clone()));
        }
    }
    Ok(outcomes)
}

fn write_span(transaction: &Transaction, SpanRow { trace_id, project_id, span_id, row }: &SpanRow) -> Result<Outcome, StoreError> {
    let find = "SELECT rank FROM spans WHERE trace_id = ? AND project_id = ? AND span_id = ?";
    let standing =
        transaction.prepare_cached(find)?.query_row([trace_id, project_id, span_id], |row| row.get::<_, String>(0)).optional()?;
    let outcome = match standing {
        Some(standing) if standing >= row.rank => return Ok(Outcome::Duplicate),
        Some(_) => Outcome::Updated,
        None => Outcome::Created,
    };
    let sql = "INSERT INTO spans (trace_id, project_id, span_id, rank, span) VALUES (?, ?, ?, ?, ?)
               ON CONFLICT (trace_id, project_id, span_id) DO UPDATE SET rank = excluded.rank, span = excluded.span";
    transaction.prepare_cached(sql)?.execute(params![trace_id, project_id, span_id, row.rank, row.json])?;
    Ok(outcome)
}

fn write_trace(transaction: &Transaction, trace_id: &str, project_id: &str, now: Timestamp) -> Result<Result<(), Issue>, StoreError> {
    let all = read(transaction, project_id, trace_id)?;
    Ok(match spans::document_of(&all, project_id, now) {
        Ok(trace) => write_row(transaction, Row::new(trace)?).map(|_| Ok(()))?,
        Err(issue) => Err(issue),
    })
}

/// The spans of a trace.
pub(super) fn read(connection: &Connection, project_id: &str, trace_id: &str) -> Result<Vec<Span>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT span FROM spans WHERE trace_id = ? AND project_id = ?")?;
    let mut rows = statement.query([trace_id, project_id])?;
    let mut all: Vec<Span> = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(serde_json::from_str(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?).map_err(unreadable)?);
    }
    Ok(all)
}
