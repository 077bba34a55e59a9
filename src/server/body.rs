use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tracellm_app::{ApiError, MAX_BODY_BYTES};
use tracellm_trace::{Issue, body::Layout};

use crate::server::answer::Failure;

/// Refuses a body that says it is too large before a byte of it is read.
pub async fn refuse_too_large(request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Failure(ApiError::TooLarge).into_response();
    }
    next.run(request).await
}

/// Reads a body, already decompressed, as text.
///
/// # Errors
/// It is too large, breaks off, does not decompress, or is not UTF-8.
pub async fn read_text(body: Body) -> Result<String, ApiError> {
    let unreadable = |message: String| ApiError::Unreadable(Issue::error("body.unreadable", "$", message));
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => String::from_utf8(body.to_bytes().into()).map_err(|_| unreadable("the body is not UTF-8 text".to_owned())),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge),
        Err(error) => Err(unreadable(format!("the body could not be read: {error}"))),
    }
}

/// How a body's items are laid out, by its content type.
pub fn layout(request: &Request) -> Layout {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_lines = ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"].contains(&kind.as_str());
    if is_lines { Layout::Ndjson } else { Layout::Json }
}
