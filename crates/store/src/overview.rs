//! Answers that are made of several questions, the same for every store.

use std::collections::HashSet;

use futures_util::try_join;
use tracellm_trace::{FailureGroups, FailureTotals, Failures, Filter, Query, Sort, Status, Total, Trace, stats::Analytics};

use crate::{StoreError, TraceStore, groups};

/// Failures that an overview shows.
const RECENT: u32 = 5;

/// Numbers over all traces that match.
///
/// # Errors
/// The database does not answer.
pub async fn analytics(store: &dyn TraceStore, filter: &Filter) -> Result<Analytics, StoreError> {
    Ok(store.tally(filter).await?.finish(recent_failures(store, filter).await?))
}

/// The newest traces that failed, carry a warning, were retried or were slow: the newest of each kind, merged.
async fn recent_failures(store: &dyn TraceStore, filter: &Filter) -> Result<Vec<Trace>, StoreError> {
    let kinds = [filter.of_status(Status::Failed), filter.of_status(Status::Warning), Some(retried(filter)), Some(slow(filter))];
    let mut found: Vec<Trace> = Vec::new();
    for kind in kinds.into_iter().flatten() {
        found.extend(newest(store, kind, RECENT).await?);
    }
    found.sort_by(|a, b| Sort::default().compare(a, b));
    let mut seen = HashSet::new();
    found.retain(|trace| seen.insert((trace.project_id.clone(), trace.trace_id.clone())));
    found.truncate(RECENT as usize);
    Ok(found)
}

/// The newest `limit` traces of each kind of failure, and how many there are of each.
///
/// # Errors
/// The database does not answer.
pub async fn failures(store: &dyn TraceStore, filter: &Filter, limit: u32) -> Result<Failures, StoreError> {
    let (failed_traces, failed) = match filter.of_status(Status::Failed) {
        Some(failed) => (newest(store, failed.clone(), limit).await?, store.count(&failed).await?),
        None => (Vec::new(), Total::from_count(0)),
    };
    let (retried, slow) = (retried(filter), slow(filter));
    let totals = [failed, store.count(&retried).await?, store.count(&slow).await?];
    Ok(Failures {
        failed_traces,
        totals: FailureTotals {
            failed_traces: totals[0].count,
            retries: totals[1].count,
            slow_requests: totals[2].count,
            is_capped: totals.iter().any(|total| total.is_capped),
        },
        retries: newest(store, retried, limit).await?,
        slow_requests: newest(store, slow, limit).await?,
    })
}

/// The same, beside failures by what went wrong.
///
/// # Errors
/// The database does not answer.
pub async fn failures_and_groups(store: &dyn TraceStore, filter: &Filter, limit: u32) -> Result<(Failures, FailureGroups), StoreError> {
    try_join!(failures(store, filter, limit), groups::groups(store, filter))
}

async fn newest(store: &dyn TraceStore, filter: Filter, limit: u32) -> Result<Vec<Trace>, StoreError> {
    Ok(store.documents(&Query { filter, limit, ..Query::default() }).await?.0)
}

fn retried(filter: &Filter) -> Filter {
    Filter { retried: true, ..filter.clone() }
}

fn slow(filter: &Filter) -> Filter {
    Filter { slow: true, ..filter.clone() }
}
