use axum::{
    Json,
    extract::{Path, Request, State},
};
use http::StatusCode;
use tracellm_app::ApiError;
use tracellm_store::{
    TraceKey,
    ingest::now,
    removal::{self, Jobs},
};
use tracellm_trace::{Filter, Going, Issue, Job, Retention};

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
pub async fn trace(State(store): Store, _admin: Admin, Path(trace_id): Path<String>, pairs: Pairs) -> Result<StatusCode, Failure> {
    let project_id = pairs.project_id()?;
    let not_found = || ApiError::no_trace(&trace_id);
    let trace = store.document(project_id.as_deref(), &trace_id).await?.ok_or_else(not_found)?;
    store.remove(vec![TraceKey { project_id: trace.project_id, trace_id: trace.trace_id }]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes all that match, as a job. Without any filter nothing is deleted.
#[utoipa::path(delete, path = "/api/traces", tag = "removal", params(Filter),
    responses((status = 202, description = "It has begun", body = Job), (status = 400, body = ErrorBody)))]
pub async fn traces(State(jobs): State<Jobs>, _admin: Admin, pairs: Pairs) -> Result<(StatusCode, Json<Job>), Failure> {
    let filter = Filter::from_pairs(pairs.iter()).map_err(ApiError::BadQuery)?;
    if filter.is_empty() {
        return Err(bad_query("$", "names no filter, so all traces would be deleted; to do that say to=9999-12-31"));
    }
    Ok((StatusCode::ACCEPTED, Json(jobs.remove_matching(filter.at(now())).await?)))
}

/// Deletes a project, as a job: its traces, then its keys and itself.
#[utoipa::path(delete, path = "/api/projects/{project_id}", tag = "removal", params(("project_id" = String, Path)),
    responses((status = 202, description = "It has begun", body = Job)))]
pub async fn project(State(jobs): State<Jobs>, _admin: Admin, Path(project_id): Path<String>) -> Result<(StatusCode, Json<Job>), Failure> {
    Ok((StatusCode::ACCEPTED, Json(jobs.remove_project(project_id).await?)))
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
    _admin: Admin,
    request: Request,
) -> Result<Json<Retention>, Failure> {
    let retention = read(request).await?;
    removal::set_retention(&*store, &retention).await?;
    jobs.apply_retention().await?;
    Ok(Json(retention))
}

/// How much would go under these rules now; nothing goes.
#[utoipa::path(post, path = "/api/retention/preview", tag = "removal", request_body = Retention,
    responses((status = 200, body = Vec<Going>), (status = 422, body = ErrorBody)))]
pub async fn preview(State(store): Store, _admin: Admin, request: Request) -> Result<Json<Vec<Going>>, Failure> {
    Ok(Json(removal::preview(&*store, &read(request).await?).await?))
}

async fn read(request: Request) -> Result<Retention, Failure> {
    let text = body::read_text(request).await?;
    let wrong = |error: serde_json::Error| ApiError::Unreadable(Issue::error("json.wrong", "$", error.to_string()));
    let retention: Retention = serde_json::from_str(&text).map_err(wrong)?;
    let issues = retention.check();
    if issues.is_empty() { Ok(retention) } else { Err(ApiError::Invalid(issues).into()) }
}
