use std::sync::{Arc, LazyLock};

use axum::response::IntoResponse;
use http::header;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, ContentBuilder, Ref, ResponseBuilder,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::{access, keeping, numbers, traces};
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
        keeping::trace,
        keeping::traces,
        keeping::project,
        keeping::jobs,
        keeping::job,
        keeping::cancel_job,
        keeping::retention,
        keeping::set_retention,
        keeping::preview,
        keeping::masking,
        keeping::set_masking,
        keeping::audit_log,
        health::alive,
        health::ready,
        metrics::show
    ),
    components(schemas(tracellm_trace::Last)),
    modifiers(&Keys, &Refusals)
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

/// What every route that reads a request may answer, by status; a route that has more to say of one says it itself.
struct Refusals;

const REFUSALS: [(&str, &str); 7] = [
    ("400", "A parameter or the body can't be read"),
    ("401", "The key that was shown is unknown, expired or revoked"),
    ("403", "The key is not for this, or a page of another site asks"),
    ("408", "The body was not there in time"),
    ("413", "The body is larger than may be, before or after decompression"),
    ("429", "Too many keys that nobody has, or too many requests; ask again after `Retry-After`"),
    ("503", "Too much is on its way, or the database does not answer; ask again after `Retry-After`"),
];

impl Modify for Refusals {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for (status, about) in REFUSALS {
            let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
            let response = ResponseBuilder::new().description(about).content("application/json", body).build();
            components.responses.insert(status.to_owned(), response.into());
        }
        for (path, item) in &mut document.paths.paths {
            // OTLP words its refusals by its own specification; others read nothing but who asks.
            let reads = path.starts_with("/api/") || path == "/ws";
            let may = |status: &str| reads || (status == "403" && path != "/v1/traces");
            for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
                for (status, _) in REFUSALS.iter().filter(|(status, _)| may(status)) {
                    let shared = || Ref::from_response_name(*status).into();
                    operation.responses.responses.entry((*status).to_owned()).or_insert_with(shared);
                }
            }
        }
    }
}

/// The description as JSON text, made when it is first asked for.
pub static DOCUMENT: LazyLock<Arc<str>> = LazyLock::new(|| Description::openapi().to_json().unwrap_or_default().into());

/// `GET /api/openapi.json`: this API, for programs.
pub async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.to_string())
}
