/// `/api/traces`: storing, listing, one.
pub mod traces;

/// `/api/analytics`, `/api/failures` and `/api/facets`: numbers over all that match.
pub mod numbers;

/// `/api/projects` and `/api/api-keys`.
pub mod access;

/// What is kept: deleting, jobs, how long traces are kept, what is masked, and the log of who did what.
pub mod keeping;

/// `/api/openapi.json`: the description of all this.
pub mod openapi;

use std::sync::Arc;

use axum::{
    Router,
    extract::{FromRequestParts, Query as Parameters, State},
    routing::{delete, get, post},
};
use http::request;
use tracellm_app::ApiError;
use tracellm_store::TraceStore;
use tracellm_trace::Issue;

use crate::server::{AppState, answer::Failure};

type Store = State<Arc<dyn TraceStore>>;

/// Every route under `/api`.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/openapi.json", get(openapi::document))
        .route("/api/traces", get(traces::list).post(traces::ingest).delete(keeping::traces))
        .route("/api/traces/{trace_id}", get(traces::get).delete(keeping::trace))
        .route("/api/traces/{trace_id}/html", get(traces::get_html))
        .route("/api/analytics", get(numbers::analytics))
        .route("/api/failures", get(numbers::failures))
        .route("/api/failures/groups", get(numbers::failure_groups))
        .route("/api/facets", get(numbers::facets))
        .route("/api/projects", get(access::list_projects).post(access::create_project))
        .route("/api/projects/{project_id}", delete(keeping::project))
        .route("/api/jobs", get(keeping::jobs))
        .route("/api/jobs/{job_id}", get(keeping::job).delete(keeping::cancel_job))
        .route("/api/retention", get(keeping::retention).put(keeping::set_retention))
        .route("/api/retention/preview", post(keeping::preview))
        .route("/api/masking", get(keeping::masking).put(keeping::set_masking))
        .route("/api/audit", get(keeping::audit_log))
        .route("/api/api-keys", get(access::list_keys).post(access::create_key))
        .route("/api/api-keys/{key_id}", delete(access::revoke_key))
}

/// The parameters of the URL, in order.
pub struct Pairs(pub Vec<(String, String)>);

impl Pairs {
    /// The project, where that is the only thing that can be said.
    pub fn project_id(self) -> Result<Option<String>, Failure> {
        let mut project_id = None;
        for (name, value) in self.0 {
            match name.as_str() {
                "project_id" => project_id = Some(value).filter(|project| !project.is_empty()),
                _ => return Err(bad_query(&name, "is no parameter here; there is project_id")),
            }
        }
        Ok(project_id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self, Failure> {
        match Parameters::from_request_parts(parts, state).await {
            Ok(Parameters(pairs)) => Ok(Self(pairs)),
            Err(rejection) => Err(bad_query("$", &rejection.body_text())),
        }
    }
}

fn bad_query(name: &str, message: &str) -> Failure {
    ApiError::BadQuery(vec![Issue::error("query.invalid", name, message)]).into()
}
