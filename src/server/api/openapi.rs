use std::sync::{Arc, LazyLock};

use axum::response::IntoResponse;
use http::header;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::{access, numbers, removal, traces};
use crate::server::{health, live, metrics, otlp};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "TraceLLM",
        description = "Stores what LLM applications do, and answers what they did. On a loopback address without users every route is open; \
                       elsewhere the key of a project opens what its scope allows."
    ),
    paths(
        traces::ingest,
        otlp::export,
        traces::list,
        traces::get,
        traces::get_html,
        numbers::analytics,
        numbers::failures,
        numbers::failure_groups,
        numbers::facets,
        live::events,
        live::websocket,
        access::list_projects,
        access::create_project,
        access::list_keys,
        access::create_key,
        access::revoke_key,
        removal::trace,
        removal::traces,
        removal::project,
        removal::jobs,
        removal::job,
        removal::cancel_job,
        removal::retention,
        removal::set_retention,
        removal::preview,
        health::alive,
        health::ready,
        metrics::show
    ),
    components(schemas(tracellm_trace::Last)),
    modifiers(&Keys)
)]
struct Description;

/// How a key is sent.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let nothing: [&str; 0] = [];
        document.security = Some(vec![SecurityRequirement::default(), SecurityRequirement::new("key", nothing)]);
    }
}

/// The description as JSON text, made when it is first asked for.
pub static DOCUMENT: LazyLock<Arc<str>> = LazyLock::new(|| Description::openapi().to_json().unwrap_or_default().into());

/// `GET /api/openapi.json`: this API, for programs.
pub async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.to_string())
}
