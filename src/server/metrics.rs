use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use tracellm_app::{ApiError, intake::Intake};
use tracellm_store::TraceStore;

use crate::server::{answer::Failure, caller::Admin};

/// What this process counts, for Prometheus.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<Request, Counter>,
    items: Family<Items, Counter>,
    rejected: Family<Rejection, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    way: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Items {
    way: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rejection {
    way: String,
    reason: &'static str,
}

impl Metrics {
    pub fn new(store: &dyn TraceStore) -> Self {
        let mut registry = Registry::with_prefix("tracellm");
        let (requests, items, rejected) = (Family::default(), Family::default(), Family::default());
        registry.register(
            "ingest_requests",
            "Requests that brought traces, by the way they came and the status of the answer",
            requests.clone(),
        );
        registry.register("ingest_items", "Traces, or spans of OpenTelemetry, that were accepted and rejected", items.clone());
        registry.register("ingest_rejected_requests", "Requests that were rejected, by the code of their error", rejected.clone());
        store.write_metrics().register(&mut registry);
        Self { registry: Arc::new(registry), requests, items, rejected }
    }

    /// Counts a request that brought traces, or tried to.
    pub fn count(&self, intake: &Intake, code: Option<&'static str>) {
        let way = || intake.way.clone();
        self.requests.get_or_create(&Request { way: way(), status: intake.status }).inc();
        for (outcome, count) in [("accepted", intake.accepted), ("rejected", intake.rejected)] {
            self.items.get_or_create(&Items { way: way(), outcome }).inc_by(count);
        }
        if let Some(reason) = code {
            self.rejected.get_or_create(&Rejection { way: way(), reason }).inc();
        }
    }
}

/// What is counted, for Prometheus: what waits to be written, what commits take, what was rejected and why.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "OpenMetrics text", content_type = "application/openmetrics-text", body = String),
))]
pub async fn show(State(metrics): State<Metrics>, _admin: Admin) -> Response {
    let mut text = String::new();
    match encode(&mut text, &metrics.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response(),
        Err(error) => {
            tracing::error!("the metrics can't be written: {error}");
            Failure(ApiError::Failed).into_response()
        }
    }
}
