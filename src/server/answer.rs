use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use tracellm_app::ApiError;

/// An error as HTTP: the one place where errors get their status and body.
pub struct Failure(pub ApiError);

impl<E: Into<ApiError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let mut body = json!({
            "error": {"code": error.code(), "message": error.to_string()},
            "errors": error.issues(),
        });
        if let ApiError::Refused(results) = &error {
            body["accepted"] = 0.into();
            body["rejected"] = results.len().into();
            body["results"] = json!(results);
        }
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
