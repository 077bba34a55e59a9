use axum::{
    Json,
    extract::{Path, Request, State},
};
use http::StatusCode;
use serde::de::DeserializeOwned;
use tracellm_app::ApiError;
use tracellm_store::{
    TraceKey, audit,
    ingest::now,
    masking,
    removal::{self, Jobs},
};
use tracellm_trace::{AuditLog, Filter, Going, Issue, Job, Limits, Retention, masking::Masking};

use super::{Pairs, Store, bad_query};
use crate::server::{
    answer::{ErrorBody, Failure},
    body,
    caller::Admin,
};

/// Deletes one trace: in the project that is named, else the newest of that id in any.
#[utoipa::path(delete, path = "/api/traces/{trace_id}", tag = "removal",
    params(("trace_id" = String, Path), ("project_id" = Option<String>, Query)),
    responses((status = 204, description = "It is gone"), (status = 404, body = ErrorBody)))]
pub async fn trace(State(store): Store, Admin(audit): Admin, Path(trace_id): Path<String>, pairs: Pairs) -> Result<StatusCode, Failure> {
    let project_id = pairs.project_id()?;
    let not_found = || ApiError::no_trace(&trace_id);
    let trace = store.document(project_id.as_deref(), &trace_id).await?.ok_or_else(not_found)?;
    removal::remove(&*store, &audit, vec![TraceKey { project_id: trace.project_id, trace_id: trace.trace_id }]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes all that match, as a job. Without any filter nothing is deleted.
#[utoipa::path(delete, path = "/api/traces", tag = "removal", params(Filter),
    responses((status = 202, description = "It has begun", body = Job), (status = 400, body = ErrorBody)))]
pub async fn traces(State(jobs): State<Jobs>, Admin(audit): Admin, pairs: Pairs) -> Result<(StatusCode, Json<Job>), Failure> {
    let filter = Filter::from_pairs(pairs.iter()).map_err(ApiError::BadQuery)?;
    if filter.is_empty() {
        return Err(bad_query("$", "names no filter, so all traces would be deleted; to do that say to=9999-12-31"));
    }
    Ok((StatusCode::ACCEPTED, Json(jobs.remove_matching(&audit, filter.at(now())).await?)))
}

/// Deletes a project, as a job: its traces, then its keys and itself.
#[utoipa::path(delete, path = "/api/projects/{project_id}", tag = "removal", params(("project_id" = String, Path)),
    responses((status = 202, description = "It has begun", body = Job)))]
pub async fn project(
    State(jobs): State<Jobs>,
    Admin(audit): Admin,
    Path(project_id): Path<String>,
) -> Result<(StatusCode, Json<Job>), Failure> {
    Ok((StatusCode::ACCEPTED, Json(jobs.remove_project(&audit, project_id).await?)))
}

/// The jobs of this server, the newest first.
#[utoipa::path(get, path = "/api/jobs", tag = "removal", responses((status = 200, body = Vec<Job>)))]
pub async fn jobs(State(jobs): State<Jobs>, _admin: Admin) -> Json<Vec<Job>> {
    Json(jobs.list())
}

/// How far a job is.
#[utoipa::path(get, path = "/api/jobs/{job_id}", tag = "removal", params(("job_id" = String, Path)),
    responses((status = 200, body = Job), (status = 404, body = ErrorBody)))]
pub async fn job(State(jobs): State<Jobs>, _admin: Admin, Path(job_id): Path<String>) -> Result<Json<Job>, Failure> {
    Ok(Json(jobs.get(&job_id).ok_or_else(|| no_job(&job_id))?))
}

/// Ends a job; what it removed is gone.
#[utoipa::path(delete, path = "/api/jobs/{job_id}", tag = "removal", params(("job_id" = String, Path)),
    responses((status = 204, description = "It ends behind its next batch"), (status = 404, body = ErrorBody)))]
pub async fn cancel_job(State(jobs): State<Jobs>, _admin: Admin, Path(job_id): Path<String>) -> Result<StatusCode, Failure> {
    if jobs.cancel(&job_id) { Ok(StatusCode::NO_CONTENT) } else { Err(no_job(&job_id).into()) }
}

fn no_job(job_id: &str) -> ApiError {
    ApiError::NotFound(format!("there is no job `{job_id}`"))
}

/// How long traces are kept.
#[utoipa::path(get, path = "/api/retention", tag = "removal", responses((status = 200, body = Retention)))]
pub async fn retention(State(store): Store, _admin: Admin) -> Result<Json<Retention>, Failure> {
    Ok(Json(removal::retention(&*store).await?))
}

/// Sets how long traces are kept. What is too old goes at once, as a job, and then every hour.
#[utoipa::path(put, path = "/api/retention", tag = "removal", request_body = Retention,
    responses((status = 200, body = Retention), (status = 422, body = ErrorBody)))]
pub async fn set_retention(
    State(store): Store,
    State(jobs): State<Jobs>,
    State(limits): State<Limits>,
    Admin(audit): Admin,
    request: Request,
) -> Result<Json<Retention>, Failure> {
    let retention: Retention = rules(request, &limits, Retention::check).await?;
    removal::set_retention(&*store, &audit, &retention).await?;
    jobs.apply_retention().await?;
    Ok(Json(retention))
}

/// How much would go under these rules now; nothing goes.
#[utoipa::path(post, path = "/api/retention/preview", tag = "removal", request_body = Retention,
    responses((status = 200, body = Vec<Going>), (status = 422, body = ErrorBody)))]
pub async fn preview(
    State(store): Store,
    State(limits): State<Limits>,
    _admin: Admin,
    request: Request,
) -> Result<Json<Vec<Going>>, Failure> {
    Ok(Json(removal::preview(&*store, &rules(request, &limits, Retention::check).await?).await?))
}

/// What is masked before it is stored.
#[utoipa::path(get, path = "/api/masking", tag = "access", responses((status = 200, body = Masking)))]
pub async fn masking(State(store): Store, _admin: Admin) -> Result<Json<Masking>, Failure> {
    Ok(Json(masking::masking(&*store).await?))
}

/// Sets what is masked before it is stored, from the next trace on. Other servers on the same database know within two seconds.
#[utoipa::path(put, path = "/api/masking", tag = "access", request_body = Masking,
    responses((status = 200, body = Masking), (status = 422, body = ErrorBody)))]
pub async fn set_masking(
    State(store): Store,
    State(limits): State<Limits>,
    Admin(audit): Admin,
    request: Request,
) -> Result<Json<Masking>, Failure> {
    let rules: Masking = rules(request, &limits, Masking::check).await?;
    masking::set_masking(&*store, &audit, &rules).await?;
    Ok(Json(rules))
}

/// Who created, changed, revoked, deleted or exported what: the newest 1,000 entries, and whether all of them are as they were written.
#[utoipa::path(get, path = "/api/audit", tag = "access", responses((status = 200, body = AuditLog)))]
pub async fn audit_log(State(store): Store, _admin: Admin) -> Result<Json<AuditLog>, Failure> {
    Ok(Json(audit::log(&*store, 1_000).await?))
}

/// Rules as a body tells them, with which nothing is wrong.
async fn rules<T: DeserializeOwned>(request: Request, limits: &Limits, check: impl Fn(&T) -> Vec<Issue>) -> Result<T, Failure> {
    let text = body::read_text(request, limits).await?;
    let wrong = |error: serde_json::Error| ApiError::Unreadable(Issue::error("json.wrong", "$", error.to_string()));
    let rules = serde_json::from_str(&text).map_err(wrong)?;
    let issues = check(&rules);
    if issues.is_empty() { Ok(rules) } else { Err(ApiError::Invalid(issues).into()) }
}
