use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tokio::sync::Mutex;
use tracellm_app::{ApiError, MAX_BODY_BYTES};
use tracellm_store::TraceStore;
use tracellm_trace::{Issue, body::Layout};

use crate::server::{answer::Failure, caller::Writer, otlp};

/// Of a body that is too large, what is read and thrown away: a client that is cut off while it sends never sees the answer.
const DRAINED_BYTES: usize = 8 * MAX_BODY_BYTES;

/// Refuses a body that says it is too large; of one that turns out so, reads on what the client still sends.
pub async fn refuse_too_large(State(store): State<Arc<dyn TraceStore>>, request: Request, next: Next) -> Response {
    if announced(request.headers()).is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        let refusal = match request.uri().path() {
            path if otlp::PATHS.contains(&path) => otlp::too_large(request.headers()),
            _ => Failure(ApiError::TooLarge).into_response(),
        };
        let (parts, mut body) = request.into_parts();
        // The log tells whose it was; the refusal stands either way.
        let _ = Writer::of(&parts, &*store).await;
        drain(&mut body).await;
        return refusal;
    }
    let (parts, body) = request.into_parts();
    // Shared, as what decompresses it lets go of it when it has had enough.
    let sent = Arc::new(Mutex::new(body));
    let response = next.run(Request::from_parts(parts, shared(sent.clone()))).await;
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        drain(&mut *sent.lock().await).await;
    }
    response
}

/// Bytes that a body is said to have.
pub fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn shared(body: Arc<Mutex<Body>>) -> Body {
    let frames = stream::unfold(body, |body| async move {
        let frame = body.lock().await.frame().await?;
        Some((frame.map(|frame| frame.into_data().unwrap_or_default()), body))
    });
    // A decompressor asks again behind the end.
    Body::from_stream(frames.fuse())
}

/// Reads on what a client still sends, within bounds.
pub async fn drain(body: &mut Body) {
    let mut budget = DRAINED_BYTES;
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
pub async fn read_text(request: Request) -> Result<String, ApiError> {
    let (parts, body) = request.into_parts();
    String::from_utf8(read(&parts.headers, body).await?).map_err(|_| unreadable("the body is not UTF-8 text".to_owned()))
}

fn unreadable(message: String) -> ApiError {
    ApiError::Unreadable(Issue::error("body.unreadable", "$", message))
}

/// Reads a body, already decompressed.
///
/// # Errors
/// It is too large, breaks off, or does not decompress.
pub async fn read(headers: &HeaderMap, mut body: Body) -> Result<Vec<u8>, ApiError> {
    // Room at once for what is announced, so that a large body is not copied again and again while it grows.
    let mut bytes = Vec::with_capacity(announced(headers).map_or(0, |length| length.min(MAX_BODY_BYTES as u64) as usize));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(format!("the body could not be read: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > MAX_BODY_BYTES {
            return Err(ApiError::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// How a body's items are laid out, by its content type.
pub fn layout(request: &Request) -> Layout {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_lines = ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"].contains(&kind.as_str());
    if is_lines { Layout::Ndjson } else { Layout::Json }
}
