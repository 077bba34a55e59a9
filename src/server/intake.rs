use std::sync::{Arc, OnceLock};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, Method, header, request::Parts};
use tracellm_app::{ApiError, intake::Intake};
use tracellm_store::ingest::{OVER_QUOTA, SpanReport, now};
use tracellm_trace::{ApiKey, Issue, ItemReport, ItemResult, Report};

use crate::server::{Inlet, grpc, otlp};

/// What a handler knows of the request that it answers, for the log; it travels with the answer.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub accepted: u64,
    pub rejected: u64,
    pub reason: Option<String>,
    /// Of the error, where the request as a whole came to nothing.
    pub code: Option<&'static str>,
    pub without_field: Vec<String>,
}

/// The public id of the key that a request showed, once it is known; it travels with the request.
#[derive(Clone, Debug, Default)]
pub struct KeyShown(Arc<OnceLock<String>>);

impl KeyShown {
    pub fn note(parts: &Parts, key: Option<&ApiKey>) {
        if let (Some(shown), Some(key)) = (parts.extensions.get::<Self>(), key) {
            // A second key of the same request is the same key.
            let _ = shown.0.set(key.key_id.clone());
        }
    }
}

impl From<&Report> for Told {
    fn from(report: &Report) -> Self {
        match report {
            Report::One(stored) => Self { accepted: 1, reason: dropped(&stored.issues).map(said), ..Self::default() },
            Report::Batch { accepted, rejected, results } => {
                let of_stored = |item: &ItemReport| {
                    if let ItemResult::Stored(stored) = &item.result { dropped(&stored.issues).map(said) } else { None }
                };
                let reason = results.iter().find_map(|item| item.errors().first()).map(said);
                let reason = reason.or_else(|| results.first().and_then(of_stored));
                Self { accepted: (*accepted).into(), rejected: (*rejected).into(), reason, ..Self::default() }
            }
        }
    }
}

impl Told {
    pub fn of_spans(SpanReport { accepted, rejected, without_field }: SpanReport, without_content: bool) -> Self {
        let reason = rejected.first().map(|first| format!("`{}`: {}", first.name, first.reason));
        let reason = reason.or_else(|| without_content.then(|| OVER_QUOTA.to_owned()));
        let without_field = without_field.into_iter().collect();
        Self { accepted: accepted as u64, rejected: rejected.len() as u64, reason, code: None, without_field }
    }
}

impl From<&ApiError> for Told {
    fn from(error: &ApiError) -> Self {
        let reason = error.issues().first().map_or_else(|| error.to_string(), said);
        let rejected = if let ApiError::Refused(results) = error { results.len() } else { 0 };
        Self { rejected: rejected as u64, reason: Some(reason), code: Some(error.code()), ..Self::default() }
    }
}

/// What says that texts were dropped.
fn dropped(issues: &[Issue]) -> Option<&Issue> {
    issues.iter().find(|issue| issue.code == "content.dropped")
}

fn said(issue: &Issue) -> String {
    format!("{} {}", issue.path, issue.message)
}

/// Notes every request that brings traces, whatever becomes of it.
pub async fn note(State(inlet): State<Inlet>, mut request: Request, next: Next) -> Response {
    let Some(way) = way(request.method(), request.uri().path()) else { return next.run(request).await };
    let (client, bytes) = (client(request.headers()), text(request.headers(), header::CONTENT_LENGTH).parse().ok());
    let (at, shown) = (now(), KeyShown::default());
    request.extensions_mut().insert(shown.clone());
    let response = next.run(request).await;
    let Told { accepted, rejected, reason, code, without_field } = response.extensions().get::<Told>().cloned().unwrap_or_default();
    let (status, key_id) = (response.status().as_u16(), shown.0.get().cloned());
    inlet.note(Intake { at, way: way.to_owned(), status, accepted, rejected, reason, bytes, client, key_id, without_field }, code);
    response
}

impl Inlet {
    /// Counts a request and remembers it.
    pub fn note(&self, intake: Intake, code: Option<&'static str>) {
        self.metrics.count(&intake, code);
        self.log.add(intake);
    }
}

/// The way by which a request brings traces; none where it brings none.
pub fn way(method: &Method, path: &str) -> Option<&'static str> {
    match path {
        _ if method != Method::POST => None,
        "/api/traces" => Some("json"),
        grpc::EXPORT => Some("grpc"),
        path if otlp::PATHS.contains(&path) => Some("otlp"),
        _ => None,
    }
}

/// What a sender calls itself.
pub fn client(headers: &HeaderMap) -> String {
    text(headers, header::USER_AGENT).chars().take(200).collect()
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
