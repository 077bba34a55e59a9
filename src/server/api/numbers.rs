use axum::{Json, extract::State};
use tracellm_app::ApiError;
use tracellm_store::{groups, overview};
use tracellm_trace::{Facets, FailureGroups, Failures, Filter, stats::Analytics};

use super::{Pairs, Store};
use crate::server::{answer::Failure, caller::Reader};

/// Numbers over all traces that match, never over a sample.
#[utoipa::path(get, path = "/api/analytics", tag = "numbers", params(Filter), responses((status = 200, body = Analytics)))]
pub async fn analytics(State(store): Store, reader: Reader, pairs: Pairs) -> Result<Json<Analytics>, Failure> {
    let filter = Filter::from_pairs(pairs.iter()).map_err(ApiError::BadQuery)?;
    Ok(Json(overview::analytics(&*store, &reader.narrow(filter)?).await?))
}

/// The values that traces have, with counts: status, model, project and environment as if the filter said nothing of them, tools and tags
/// within all that match.
#[utoipa::path(get, path = "/api/facets", tag = "numbers", params(Filter), responses((status = 200, body = Facets)))]
pub async fn facets(State(store): Store, reader: Reader, pairs: Pairs) -> Result<Json<Facets>, Failure> {
    let filter = Filter::from_pairs(pairs.iter()).map_err(ApiError::BadQuery)?;
    let filter = reader.narrow(filter)?;
    let facets = store.facets(&filter).await?.finish();
    Ok(Json(match filter.project_id.filter(|_| !reader.reads_everything()) {
        Some(project_id) => facets.of_project(&project_id),
        None => facets,
    }))
}

/// The newest of each kind of failure, and how many there are of each among all that match.
#[utoipa::path(get, path = "/api/failures", tag = "numbers", responses((status = 200, body = Failures)),
    params(Filter, ("limit" = Option<u32>, Query, description = "Traces of each kind, 1 to 100; 25 where not given")))]
pub async fn failures(State(store): Store, reader: Reader, pairs: Pairs) -> Result<Json<Failures>, Failure> {
    let limits = (Failures::DEFAULT_LIMIT, Failures::MAX_LIMIT);
    let (filter, limit) = Filter::from_pairs_with_limit(pairs.iter(), limits.0, limits.1).map_err(ApiError::BadQuery)?;
    Ok(Json(overview::failures(&*store, &reader.narrow(filter)?, limit).await?))
}

/// Failures by what went wrong: kinds of reasons that differ in nothing but numbers, ids and the like, with what was decided about each.
///
/// Over the newest 2,000 failed traces that match.
#[utoipa::path(get, path = "/api/failures/groups", tag = "numbers", params(Filter), responses((status = 200, body = FailureGroups)))]
pub async fn failure_groups(State(store): Store, reader: Reader, pairs: Pairs) -> Result<Json<FailureGroups>, Failure> {
    let filter = Filter::from_pairs(pairs.iter()).map_err(ApiError::BadQuery)?;
    Ok(Json(groups::groups(&*store, &reader.narrow(filter)?).await?))
}
