use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::Serialize;
use tracellm_app::ApiError;
use tracellm_trace::{Issue, ItemReport};
use utoipa::ToSchema;

use crate::server::{grpc, intake::Told, otlp};

/// An error as HTTP: the one place where errors get their status and body.
pub struct Failure(pub ApiError);

/// The body of every error.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody {
    error: ErrorSummary,
    /// Everything that was found wrong, each with its path: a field of the body, or a parameter.
    errors: Vec<Issue>,
    /// Where a whole batch was refused: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<usize>,
    /// Where a whole batch was refused: how many items it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<usize>,
    /// Where a whole batch was refused: what became of each item.
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<ItemReport>>,
}

#[derive(Serialize, ToSchema)]
struct ErrorSummary {
    /// Stable, for programs.
    code: &'static str,
    message: String,
}

impl<E: Into<ApiError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// An error as whoever asks reads it: the browser's half of a server function has a form of its own, and so has OpenTelemetry.
pub fn refusal(error: ApiError, uri: &Uri, headers: &HeaderMap) -> Response {
    match uri.path() {
        path if path.starts_with("/fn/") => (status_of(&error), Json(error)).into_response(),
        path if otlp::PATHS.contains(&path) => otlp::refused(&error, headers),
        grpc::EXPORT => grpc::refused(&error),
        _ => Failure(error).into_response(),
    }
}

/// The HTTP status that says an error.
pub fn status_of(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Seconds after which the same may be sent again, where that is of use: what overflows is written within one, a database that does not
/// answer takes longer.
pub fn retry_after(error: &ApiError) -> Option<HeaderValue> {
    match error {
        ApiError::Overloaded => Some(HeaderValue::from_static("1")),
        ApiError::Limited(_) => Some(HeaderValue::from_static("60")),
        ApiError::TooSlow(_) => Some(HeaderValue::from_static("5")),
        error => (status_of(error) == StatusCode::SERVICE_UNAVAILABLE).then(|| HeaderValue::from_static("5")),
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = status_of(&error);
        let (told, retry_after) = (Told::from(&error), retry_after(&error));
        let summary = ErrorSummary { code: error.code(), message: error.to_string() };
        let errors = error.issues();
        let results = if let ApiError::Refused(results) = error { Some(results) } else { None };
        let (accepted, rejected) = (results.as_ref().map(|_| 0), results.as_ref().map(Vec::len));
        let mut response = (status, Json(ErrorBody { error: summary, errors, accepted, rejected, results })).into_response();
        response.extensions_mut().insert(told);
        response.headers_mut().extend(retry_after.map(|seconds| (header::RETRY_AFTER, seconds)));
        response
    }
}
