use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::header;
use http_body_util::BodyExt;
use tracellm_app::{ApiError, MAX_BODY_BYTES};
use tracellm_trace::{Issue, body::Layout};

use crate::server::answer::Failure;

/// Of a body that is too large, what is read and thrown away: a client that is cut off while it sends never sees the answer.
const DRAINED_BYTES: usize = 8 * MAX_BODY_BYTES;

/// Refuses a body that says it is too large.
pub async fn refuse_too_large(request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        drain(request.into_body(), DRAINED_BYTES).await;
        return Failure(ApiError::TooLarge).into_response();
    }
    next.run(request).await
}

async fn drain(mut body: Body, mut budget: usize) {
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, |data| data.len());
        match budget.checked_sub(read) {
            Some(left) => budget = left,
            None => break,
        }
    }
}

/// Reads a body, already decompressed, as text.
///
/// # Errors
/// It is too large, breaks off, does not decompress, or is not UTF-8.
pub async fn read_text(mut body: Body) -> Result<String, ApiError> {
    let unreadable = |message: String| ApiError::Unreadable(Issue::error("body.unreadable", "$", message));
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(format!("the body could not be read: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > MAX_BODY_BYTES {
            drain(body, DRAINED_BYTES).await;
            return Err(ApiError::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    String::from_utf8(bytes).map_err(|_| unreadable("the body is not UTF-8 text".to_owned()))
}

/// How a body's items are laid out, by its content type.
pub fn layout(request: &Request) -> Layout {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_lines = ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"].contains(&kind.as_str());
    if is_lines { Layout::Ndjson } else { Layout::Json }
}
