use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tracellm_app::ApiError;
use tracellm_store::{
    access::{self, CreatedKey},
    ingest::now,
};
use tracellm_trace::{ApiKey, Issue, Limits, NewKey, NewProject, Project};
use utoipa::ToSchema;

use super::{Pairs, Store};
use crate::server::{
    answer::{ErrorBody, Failure},
    body,
    caller::Admin,
};

/// A project, and whether it was created; others are only named by traces.
#[derive(Serialize, ToSchema)]
pub struct ListedProject {
    #[serde(flatten)]
    project: Project,
    created: bool,
}

/// A new key with its secret, under the name that the reference package reads.
#[derive(Serialize, ToSchema)]
pub struct NewSecret {
    #[serde(flatten)]
    about: ApiKey,
    /// The secret: in this answer and nowhere else.
    key: String,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedProject {
    project: Project,
    api_key: NewSecret,
}

impl From<CreatedKey> for NewSecret {
    fn from(created: CreatedKey) -> Self {
        Self { about: created.key, key: created.secret }
    }
}

/// The projects that were created, then those that only traces name.
#[utoipa::path(get, path = "/api/projects", tag = "access", responses((status = 200, body = Vec<ListedProject>)))]
pub async fn list_projects(State(store): Store, _admin: Admin) -> Result<Json<Vec<ListedProject>>, Failure> {
    let projects = access::projects(&*store).await?;
    Ok(Json(projects.into_iter().map(|project| ListedProject { created: project.created_at.is_some(), project }).collect()))
}

/// Makes a project and its first key. A JSON body, or the parameters that the reference package sends.
#[utoipa::path(post, path = "/api/projects", tag = "access", request_body = NewProject, responses(
    (status = 201, body = CreatedProject),
    (status = 409, description = "Its id or its name is taken", body = ErrorBody),
    (status = 422, body = ErrorBody),
))]
pub async fn create_project(
    State(store): Store,
    State(limits): State<Limits>,
    Admin(audit): Admin,
    pairs: Pairs,
    request: Request,
) -> Result<Response, Failure> {
    let new: NewProject = read(pairs, request, &limits).await?;
    let (project, created) = access::create_project(&*store, &audit, new, now()).await?;
    Ok((StatusCode::CREATED, Json(CreatedProject { project, api_key: created.into() })).into_response())
}

/// The keys, without their secrets.
#[utoipa::path(get, path = "/api/api-keys", tag = "access", params(("project_id" = Option<String>, Query)),
    responses((status = 200, body = Vec<ApiKey>)))]
pub async fn list_keys(State(store): Store, _admin: Admin, pairs: Pairs) -> Result<Json<Vec<ApiKey>>, Failure> {
    Ok(Json(access::keys(&*store, pairs.project_id()?.as_deref()).await?))
}

/// Makes a key of a project. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/api-keys", tag = "access", request_body = NewKey,
    responses((status = 201, body = NewSecret), (status = 422, body = ErrorBody)))]
pub async fn create_key(
    State(store): Store,
    State(limits): State<Limits>,
    Admin(audit): Admin,
    pairs: Pairs,
    request: Request,
) -> Result<Response, Failure> {
    let new: NewKey = read(pairs, request, &limits).await?;
    let created = access::create_key(&*store, &audit, new, now()).await?;
    Ok((StatusCode::CREATED, Json(NewSecret::from(created))).into_response())
}

/// Ends a key for good.
#[utoipa::path(delete, path = "/api/api-keys/{key_id}", tag = "access", params(("key_id" = String, Path)),
    responses((status = 204, description = "It is ended"), (status = 404, body = ErrorBody)))]
pub async fn revoke_key(State(store): Store, Admin(audit): Admin, Path(key_id): Path<String>) -> Result<StatusCode, Failure> {
    access::revoke_key(&*store, &audit, &key_id, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is asked for: the JSON object of the body, else the parameters.
async fn read<T: DeserializeOwned>(pairs: Pairs, request: Request, limits: &Limits) -> Result<T, Failure> {
    let text = body::read_text(request, limits).await?;
    let asked: Value = if text.trim().is_empty() {
        pairs.0.into_iter().map(|(name, value)| (name, Value::String(value))).collect::<Map<_, _>>().into()
    } else {
        let syntax = |error: serde_json::Error| ApiError::Unreadable(Issue::error("json.syntax", "$", format!("not JSON: {error}")));
        serde_json::from_str(&text).map_err(syntax)?
    };
    let wrong = |error: serde_json::Error| ApiError::Invalid(vec![Issue::error("type.wrong", "$", error.to_string())]);
    Ok(serde_json::from_value(asked).map_err(wrong)?)
}
