use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tracellm_app::ApiError;
use tracellm_store::{
    access::{self, CreatedKey},
    ingest::now,
};
use tracellm_trace::{ApiKey, Issue, NewKey, NewProject};

use super::{Pairs, Store, bad_query};
use crate::server::{answer::Failure, body, caller::Admin};

/// `GET /api/projects`: those that were created, and those that only traces name.
pub async fn list_projects(State(store): Store, _admin: Admin) -> Result<Json<Value>, Failure> {
    let projects = access::projects(&*store).await?;
    let told = |project: &tracellm_trace::Project| {
        let mut told = json!(project);
        told["created"] = project.created_at.is_some().into();
        told
    };
    Ok(Json(projects.iter().map(told).collect()))
}

/// `POST /api/projects`: from a JSON body, or from the parameters that the reference package sends.
pub async fn create_project(State(store): Store, _admin: Admin, pairs: Pairs, request: Request) -> Result<Response, Failure> {
    let new: NewProject = read(pairs, request).await?;
    let (project, created) = access::create_project(&*store, new, now()).await?;
    Ok((StatusCode::CREATED, Json(json!({"project": project, "api_key": told(&created)}))).into_response())
}

/// `GET /api/api-keys`: without secrets; of one project with `?project_id=`.
pub async fn list_keys(State(store): Store, _admin: Admin, pairs: Pairs) -> Result<Json<Vec<ApiKey>>, Failure> {
    let mut project_id = None;
    for (name, value) in pairs.0 {
        match name.as_str() {
            "project_id" => project_id = Some(value).filter(|project| !project.is_empty()),
            _ => return Err(bad_query(&name, "is no parameter here; there is project_id")),
        }
    }
    Ok(Json(store.keys(project_id.as_deref()).await?))
}

/// `POST /api/api-keys`: the secret is in this answer and nowhere else.
pub async fn create_key(State(store): Store, _admin: Admin, pairs: Pairs, request: Request) -> Result<Response, Failure> {
    let new: NewKey = read(pairs, request).await?;
    let created = access::create_key(&*store, new, now()).await?;
    Ok((StatusCode::CREATED, Json(told(&created))).into_response())
}

/// `DELETE /api/api-keys/{key_id}`.
pub async fn revoke_key(State(store): Store, _admin: Admin, Path(key_id): Path<String>) -> Result<StatusCode, Failure> {
    access::revoke_key(&*store, &key_id, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new key with its secret, under the name that the reference package reads.
fn told(created: &CreatedKey) -> Value {
    let mut told = json!(created.key);
    told["key"] = created.secret.as_str().into();
    told
}

/// What is asked for: the JSON object of the body, else the parameters.
async fn read<T: DeserializeOwned>(pairs: Pairs, request: Request) -> Result<T, Failure> {
    let text = body::read_text(request.into_body()).await?;
    let asked: Value = if text.trim().is_empty() {
        pairs.0.into_iter().map(|(name, value)| (name, Value::String(value))).collect::<Map<_, _>>().into()
    } else {
        let syntax = |error: serde_json::Error| ApiError::Unreadable(Issue::error("json.syntax", "$", format!("not JSON: {error}")));
        serde_json::from_str(&text).map_err(syntax)?
    };
    let wrong = |error: serde_json::Error| ApiError::Invalid(vec![Issue::error("type.wrong", "$", error.to_string())]);
    Ok(serde_json::from_value(asked).map_err(wrong)?)
}
