use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;
use tracellm_store::TraceStore;
use utoipa::ToSchema;

use crate::server::Doors;

#[derive(Serialize, ToSchema)]
pub struct Alive {
    /// `alive`.
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct Ready {
    /// `ready`.
    status: &'static str,
    /// `mongodb` or `sqlite`.
    database: String,
    server_version: String,
    /// Time that the database took to answer.
    latency_ms: f64,
}

#[derive(Serialize, ToSchema)]
pub struct NotReady {
    /// `unavailable`.
    status: &'static str,
    error: String,
}

/// This process answers. Asks nothing of others, as restarting it would not mend them.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, body = Alive)))]
pub async fn alive() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// The database answers and its indexes stand.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, body = Ready),
    (status = 503, description = "The database does not answer", body = NotReady),
))]
pub async fn ready(State(store): State<Arc<dyn TraceStore>>, State(doors): State<Doors>) -> Response {
    let asked = Instant::now();
    match store.health().await {
        Ok(health) => {
            let latency_ms = asked.elapsed().as_secs_f64() * 1e3;
            let (database, server_version) = (health.database, health.server_version);
            Json(Ready { status: "ready", database, server_version, latency_ms }).into_response()
        }
        Err(error) => {
            // Who is not signed in need not know where the database is.
            let error = if doors.may_be_closed() { "the database does not answer".to_owned() } else { error.to_string() };
            (StatusCode::SERVICE_UNAVAILABLE, Json(NotReady { status: "unavailable", error })).into_response()
        }
    }
}
