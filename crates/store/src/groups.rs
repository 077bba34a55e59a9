//! Failures by what went wrong, and what was decided about each kind.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracellm_trace::{FailureGroups, Filter, GroupState, Query, Status, Timestamp, TraceSummary, fingerprint};

use crate::{StoreError, TraceStore, audit::Auditor, json::written};

/// Failed traces that are looked at, the newest.
const LOOKED_AT: usize = 2_000;
/// After so long no more are looked at.
const PATIENCE: Duration = Duration::from_millis(500);
/// Groups that are told.
const TOLD: usize = 100;
/// Decisions that are remembered for a project; the oldest go.
const REMEMBERED: usize = 1_000;

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
    let Some(filter) = filter.of_status(Status::Failed) else { return Ok(FailureGroups::of(&[], false)) };
    let (failed, is_capped) = newest(store, filter).await?;
    let mut found = FailureGroups::of(&failed, is_capped);
    let mut decided: BTreeMap<String, BTreeMap<String, Decision>> = BTreeMap::new();
    for group in &mut found.groups {
        if !decided.contains_key(&group.project_id) {
            decided.insert(group.project_id.clone(), decisions(store, &group.project_id).await?);
        }
        let decision = decided.get(&group.project_id).and_then(|decided| decided.get(&name(&group.project_id, &group.fingerprint)));
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

/// The newest that match, with their reasons as far as these tell kinds apart, and whether there are more.
async fn newest(store: &dyn TraceStore, filter: Filter) -> Result<(Vec<TraceSummary>, bool), StoreError> {
    let until = Instant::now() + PATIENCE;
    let mut query = Query { filter, limit: tracellm_trace::query::MAX_LIMIT, ..Query::default() };
    let mut failed: Vec<TraceSummary> = Vec::new();
    // A row has the beginning of a reason. Of those that begin alike, one is read whole.
    let mut whole: HashMap<(String, String), String> = HashMap::new();
    loop {
        let (mut rows, next) = store.rows(&query).await?;
        for row in &mut rows {
            let Some(reason) = row.failure_reason.as_mut().filter(|reason| TraceSummary::is_cut(reason)) else { continue };
            let key = (row.project_id.clone(), fingerprint(reason));
            if !whole.contains_key(&key) && Instant::now() < until {
                let document = store.document(Some(&row.project_id), &row.trace_id).await?;
                whole.extend(document.and_then(|document| Some((key.clone(), document.failure_reason?))));
            }
            if let Some(whole) = whole.get(&key) {
                reason.clone_from(whole);
            }
        }
        failed.extend(rows);
        query.cursor = next;
        if query.cursor.is_none() || failed.len() >= LOOKED_AT || Instant::now() >= until {
            return Ok((failed, query.cursor.is_some()));
        }
    }
}

/// Mutes or resolves a group, or opens it again.
///
/// # Errors
/// The database does not answer.
pub async fn decide(
    store: &dyn TraceStore,
    audit: &Auditor,
    project_id: &str,
    fingerprint: &str,
    state: GroupState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let name = name(project_id, fingerprint);
    let did = match state {
        GroupState::Open | GroupState::Regressed => "failures.opened",
        GroupState::Resolved => "failures.resolved",
        GroupState::Muted => "failures.muted",
    };
    let is_kept = !matches!(state, GroupState::Open | GroupState::Regressed);
    let text = is_kept.then(|| written(&Decision { state, at: now })).transpose()?;
    store.set_setting(&name, text.as_deref()).await?;
    audit.note(did, format!("in {project_id}: {fingerprint}")).await?;
    if is_kept { forget_the_oldest(store, project_id).await } else { Ok(()) }
}

/// Of the decisions of a project only so many are kept.
async fn forget_the_oldest(store: &dyn TraceStore, project_id: &str) -> Result<(), StoreError> {
    let mut decided = Vec::from_iter(decisions(store, project_id).await?);
    decided.sort_by_key(|(_, decision)| decision.at);
    let too_many = decided.len().saturating_sub(REMEMBERED);
    for (name, _) in decided.into_iter().take(too_many) {
        store.set_setting(&name, None).await?;
    }
    Ok(())
}

/// What was decided in a project, by the names under which it is kept. What can't be read is as if nobody had decided.
async fn decisions(store: &dyn TraceStore, project_id: &str) -> Result<BTreeMap<String, Decision>, StoreError> {
    let found = store.settings(&of_project(project_id)).await?;
    Ok(found.into_iter().filter_map(|(name, text)| Some((name, serde_json::from_str(&text).ok()?))).collect())
}

/// Each decision stands by itself, as several may be made at once.
fn name(project_id: &str, fingerprint: &str) -> String {
    format!("{}{:x}", of_project(project_id), Sha256::digest(fingerprint))
}

/// With which the names of a project's decisions begin. No project id has a slash.
pub(crate) fn of_project(project_id: &str) -> String {
    format!("{NAMES}{project_id}/")
}

/// The project of such a name, or of what such names begin with.
pub(crate) fn project_of(name: &str) -> Option<&str> {
    Some(name.strip_prefix(NAMES)?.split_once('/')?.0)
}

/// Under which decisions are kept.
const NAMES: &str = "failure_groups/";
