use tracellm_trace::{AuditLog, Going, Limit, Retention, masking::Masking};

use super::server;
use crate::{ApiError, wire::Json};

/// How long traces are kept; none where the database does not say, which is no failure of the page that tells so.
#[server(prefix = "/fn", endpoint = "retention/get", input = Json, output = Json)]
pub async fn get_retention() -> Result<Option<Retention>, ApiError> {
    Ok(tracellm_store::removal::retention(&*server::store()).await.map_err(ApiError::from).ok())
}

/// How much would go under these rules now.
#[server(prefix = "/fn", endpoint = "retention/preview", input = Json, output = Json)]
pub async fn preview_retention(retention: Retention) -> Result<Vec<Going>, ApiError> {
    server::answer(server::sound(retention.check()))?;
    server::answer(tracellm_store::removal::preview(&*server::store(), &retention).await)
}

/// Sets how long traces are kept; what is too old goes at once.
#[server(prefix = "/fn", endpoint = "retention/set", input = Json, output = Json)]
pub async fn set_retention(retention: Retention) -> Result<(), ApiError> {
    server::answer(server::sound(retention.check()))?;
    server::answer(tracellm_store::removal::set_retention(&*server::store(), &server::auditor(), &retention).await)?;
    server::answer(server::jobs()?.apply_retention().await.map(drop))
}

/// What is masked before it is stored; none where the database does not say.
#[server(prefix = "/fn", endpoint = "masking/get", input = Json, output = Json)]
pub async fn get_masking() -> Result<Option<Masking>, ApiError> {
    Ok(tracellm_store::masking::masking(&*server::store()).await.map_err(ApiError::from).ok())
}

/// Sets what is masked, from the next trace on.
#[server(prefix = "/fn", endpoint = "masking/set", input = Json, output = Json)]
pub async fn set_masking(masking: Masking) -> Result<(), ApiError> {
    server::answer(server::sound(masking.check()))?;
    server::answer(tracellm_store::masking::set_masking(&*server::store(), &server::auditor(), &masking).await)
}

/// Who did what lately, and whether the log is as it was written; none where the database does not say.
#[server(prefix = "/fn", endpoint = "audit", input = Json, output = Json)]
pub async fn get_audit_log(most: usize) -> Result<Option<AuditLog>, ApiError> {
    // What it tells is of all projects.
    server::jobs()?;
    Ok(server::auditor().log(most.min(1_000)).await.map_err(ApiError::from).ok())
}

/// How much may be sent and asked.
#[server(prefix = "/fn", endpoint = "limits", input = Json, output = Json)]
pub async fn get_limits() -> Result<Vec<Limit>, ApiError> {
    Ok(server::limits().told())
}

/// What the server tells the pages of its settings.
#[cfg(feature = "ssr")]
#[derive(Clone, Copy)]
pub struct Told {
    pub limits: tracellm_trace::Limits,
}
