use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};
use tracellm_store::TraceStore;

/// `GET /livez`: this process answers. Asks nothing of others, as restarting it would not mend them.
pub async fn alive() -> Json<Value> {
    Json(json!({"status": "alive"}))
}

/// `GET /readyz`: the database answers and its indexes stand.
pub async fn ready(State(store): State<Arc<dyn TraceStore>>) -> Response {
    let asked = Instant::now();
    match store.health().await {
        Ok(health) => {
            let latency_ms = asked.elapsed().as_secs_f64() * 1e3;
            Json(json!({
                "status": "ready", "database": health.database, "server_version": health.server_version, "latency_ms": latency_ms,
            }))
            .into_response()
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "unavailable", "error": error.to_string()}))).into_response(),
    }
}
