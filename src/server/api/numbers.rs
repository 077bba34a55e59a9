use axum::{Json, extract::State};
use tracellm_app::ApiError;
use tracellm_store::overview;
use tracellm_trace::{Failures, Filter, stats::Analytics};

use super::{Pairs, Store};
use crate::server::{answer::Failure, caller::Reader};

/// `GET /api/analytics`: over all that match.
pub async fn analytics(State(store): Store, reader: Reader, pairs: Pairs) -> Result<Json<Analytics>, Failure> {
    let filter = Filter::from_pairs(pairs.iter()).map_err(ApiError::BadQuery)?;
    Ok(Json(overview::analytics(&*store, &reader.narrow(filter)?).await?))
}

/// `GET /api/failures`: the newest of each kind, and totals of all that match.
pub async fn failures(State(store): Store, reader: Reader, pairs: Pairs) -> Result<Json<Failures>, Failure> {
    let limits = (Failures::DEFAULT_LIMIT, Failures::MAX_LIMIT);
    let (filter, limit) = Filter::from_pairs_with_limit(pairs.iter(), limits.0, limits.1).map_err(ApiError::BadQuery)?;
    Ok(Json(overview::failures(&*store, &reader.narrow(filter)?, limit).await?))
}
