//! Failures by what went wrong, and what was decided about each kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tracellm_trace::{FailureGroups, Filter, GroupState, Query, Status, Timestamp};

use crate::{StoreError, TraceStore};

/// Failed traces that are looked at, the newest.
const LOOKED_AT: usize = 2_000;
/// Groups that are told.
const TOLD: usize = 100;
/// Decisions that are remembered for a project; the oldest go.
const REMEMBERED: usize = 1_000;

/// By fingerprint.
type Decisions = BTreeMap<String, Decision>;

/// What somebody decided about a group, and when.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Decision {
    state: GroupState,
    at: Timestamp,
}

/// Groups the newest failures that match.
///
/// # Errors
/// The database does not answer.
pub async fn groups(store: &dyn TraceStore, filter: &Filter) -> Result<FailureGroups, StoreError> {
    let filter = Filter { status: Some(Status::Failed), ..filter.clone() };
    let mut query = Query { filter, limit: tracellm_trace::query::MAX_LIMIT, ..Query::default() };
    let mut failed = Vec::new();
    loop {
        let (rows, next) = store.rows(&query).await?;
        failed.extend(rows);
        query.cursor = next;
        if query.cursor.is_none() || failed.len() >= LOOKED_AT {
            break;
        }
    }
    let mut found = FailureGroups::of(&failed, query.cursor.is_some());
    let mut decided: BTreeMap<String, Decisions> = BTreeMap::new();
    for group in &mut found.groups {
        if !decided.contains_key(&group.project_id) {
            decided.insert(group.project_id.clone(), decisions(store, &group.project_id).await?);
        }
        let decision = decided.get(&group.project_id).and_then(|decided| decided.get(&group.fingerprint));
        group.state = match decision {
            None => GroupState::Open,
            Some(Decision { state: GroupState::Resolved, at }) if group.last_seen > *at => GroupState::Regressed,
            Some(Decision { state, .. }) => *state,
        };
    }
    // The most frequent first, of those that need a look.
    found.groups.sort_by(|a, b| a.state.cmp(&b.state).then(b.count.cmp(&a.count)).then(b.last_seen.cmp(&a.last_seen)));
    found.groups.truncate(TOLD);
    Ok(found)
}

/// Mutes or resolves a group, or opens it again.
///
/// # Errors
/// The database does not answer.
pub async fn decide(
    store: &dyn TraceStore,
    project_id: &str,
    fingerprint: &str,
    state: GroupState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut decided = decisions(store, project_id).await?;
    match state {
        GroupState::Muted | GroupState::Resolved => drop(decided.insert(fingerprint.to_owned(), Decision { state, at: now })),
        GroupState::Open | GroupState::Regressed => drop(decided.remove(fingerprint)),
    }
    while decided.len() > REMEMBERED {
        let oldest = decided.iter().min_by_key(|(_, decision)| decision.at).map(|(fingerprint, _)| fingerprint.clone());
        decided.retain(|fingerprint, _| Some(fingerprint) != oldest.as_ref());
    }
    let text = serde_json::to_string(&decided).map_err(|error| StoreError::Failed(error.to_string()))?;
    store.set_setting(&name(project_id), &text).await
}

async fn decisions(store: &dyn TraceStore, project_id: &str) -> Result<Decisions, StoreError> {
    let Some(text) = store.setting(&name(project_id)).await? else { return Ok(Decisions::new()) };
    serde_json::from_str(&text).map_err(|error| StoreError::Failed(format!("what was decided about failures can't be read: {error}")))
}

/// Under which a project's decisions are kept.
fn name(project_id: &str) -> String {
    format!("failure_groups/{project_id}")
}
