//! Answers that are made of several questions, the same for every store.

use std::collections::HashSet;

use futures_util::{future::try_join_all, try_join};
use tracellm_trace::{
    FacetBy, FacetTally, FailureGroups, FailureTotals, Failures, Filter, Query, Selection, Sort, Status, Timestamp, Total, Trace,
    TraceSummary, prompts,
    query::MAX_LIMIT,
    stats::{Analytics, ByName, Overview, Summary},
};

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

/// The same, how many traces took how long and when, and the numbers of the time before, where there is one.
///
/// # Errors
/// The database does not answer.
pub async fn overview(store: &dyn TraceStore, filter: &Filter, now: Timestamp) -> Result<Overview, StoreError> {
    let before = async {
        match filter.before(now) {
            Some(before) => summary(store, &before).await.map(Some),
            None => Ok(None),
        }
    };
    let (tally, before, recent) = try_join!(store.tally(filter), before, recent_failures(store, filter))?;
    Ok(Overview { heat: tally.heat(), numbers: tally.finish(recent), before })
}

async fn summary(store: &dyn TraceStore, filter: &Filter) -> Result<Summary, StoreError> {
    Ok(store.tally(filter).await?.finish(Vec::new()).summary)
}

/// Numbers of each model and tool, of at most so many.
///
/// # Errors
/// The database does not answer.
pub async fn by_name(store: &dyn TraceStore, filter: &Filter, most: usize) -> Result<ByName, StoreError> {
    let failed = async {
        match filter.of_status(Status::Failed) {
            Some(failed) => store.facets(&failed).await.map(Some),
            None => Ok(None),
        }
    };
    let (all, failed) = try_join!(store.facets(filter), failed)?;
    let (all, failed) = (all.finish(), failed.map(FacetTally::finish));
    // What a filter asks for is the one model there is.
    let (asked, further) = match &filter.model {
        Some(model) => (vec![model.clone()], 0),
        None => (all.of(FacetBy::Model).iter().map(|value| value.value.clone()).collect(), all.more_of(FacetBy::Model)),
    };
    let more_models = asked.len().saturating_sub(most) as u64 + further;
    let numbers = async |model: String| {
        let numbers = summary(store, &Filter { model: Some(model.clone()), ..filter.clone() }).await?;
        Ok::<_, StoreError>((model, numbers))
    };
    let models = try_join_all(asked.into_iter().take(most).map(numbers)).await?;
    let failures = |tool: &str| match &failed {
        None => Some(0),
        Some(failed) => {
            let found = failed.of(FacetBy::Tool).iter().find(|value| value.value == tool).map(|value| value.traces);
            found.or_else(|| (failed.more_of(FacetBy::Tool) == 0).then_some(0))
        }
    };
    let tools = all.of(FacetBy::Tool).iter().take(most).map(|tool| (tool.value.clone(), tool.traces, failures(&tool.value)));
    Ok(ByName { models, more_models, tools: tools.collect(), is_partial: all.coverage.is_some() })
}

/// What selected traces have more often than the rest of all that match.
///
/// # Errors
/// The database does not answer.
pub async fn selection(store: &dyn TraceStore, filter: &Filter, selected: &Filter) -> Result<Selection, StoreError> {
    let facets = async { try_join!(store.facets(filter), store.facets(selected)) };
    let rows = async { try_join!(newest_rows(store, selected), newest_rows(store, filter)) };
    let ((all, part), (inside, all_rows)) = try_join!(facets, rows)?;
    let known: HashSet<_> = inside.iter().map(|row| (&row.project_id, &row.trace_id)).collect();
    let outside = all_rows.iter().filter(|row| !known.contains(&(&row.project_id, &row.trace_id)));
    let of = |rows: &mut dyn Iterator<Item = &TraceSummary>| rows.map(|row| row.prompt.clone()).collect::<Vec<_>>();
    let prompts = prompts(&of(&mut inside.iter()), &of(&mut outside.into_iter()));
    Ok(Selection { prompts, ..Selection::new(filter, &all.finish(), &part.finish()) })
}

/// Some hundred of the newest rows, which tell of all well enough.
async fn newest_rows(store: &dyn TraceStore, filter: &Filter) -> Result<Vec<TraceSummary>, StoreError> {
    /// Pages of them.
    const PAGES: usize = 4;
    let mut query = Query { filter: filter.clone(), limit: MAX_LIMIT, ..Query::default() };
    let mut all = Vec::new();
    for _ in 0..PAGES {
        let (rows, next) = store.rows(&query).await?;
        all.extend(rows);
        query.cursor = next;
        if query.cursor.is_none() {
            break;
        }
    }
    Ok(all)
}

/// The newest traces that failed, carry a warning, were retried or were slow: the newest of each kind, merged.
async fn recent_failures(store: &dyn TraceStore, filter: &Filter) -> Result<Vec<Trace>, StoreError> {
    let mut found = match filter.of_status(Status::Failed) {
        Some(failed) => newest(store, failed, RECENT).await?,
        None => Vec::new(),
    };
    // Of the other kinds, what is older than these has no place. (What has no time is shown with the first.)
    let oldest = found.get(RECENT as usize - 1).map(|oldest| oldest.created_at).filter(|time| *time > Timestamp::MIN);
    let newer = |kind: Filter| Filter { from: kind.from.max(oldest), ..kind };
    let kinds = [filter.of_status(Status::Warning), Some(retried(filter)), Some(slow(filter))];
    let kinds = kinds.into_iter().flatten().map(|kind| newest(store, newer(kind), RECENT));
    found.extend(try_join_all(kinds).await?.into_iter().flatten());
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
    let kind = async |kind: Option<Filter>| match kind {
        Some(kind) => try_join!(newest(store, kind.clone(), limit), store.count(&kind)),
        None => Ok((Vec::new(), Total::from_count(0))),
    };
    let ((failed_traces, failed), (retries, retried), (slow_requests, slow)) =
        try_join!(kind(filter.of_status(Status::Failed)), kind(Some(retried(filter))), kind(Some(slow(filter))))?;
    Ok(Failures {
        failed_traces,
        totals: FailureTotals {
            failed_traces: failed.count,
            retries: retried.count,
            slow_requests: slow.count,
            is_capped: [failed, retried, slow].iter().any(|total| total.is_capped),
        },
        retries,
        slow_requests,
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
