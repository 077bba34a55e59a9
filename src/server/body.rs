use std::{error::Error, io, sync::Arc, time::Duration};

use axum::{
    BoxError,
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};
use tracellm_app::ApiError;
use tracellm_trace::{Issue, Limits, body::Layout};

use crate::server::{answer::Failure, caller::Writer, otlp};

/// Of a body that is too large, what is read and thrown away: a client that is cut off while it sends never sees the answer.
const DRAINED_BYTES: usize = 160 << 20;

/// Refuses a body that says it is too large; of one that turns out so, reads on what the client still sends. None takes longer than it may.
pub async fn bound(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let until = Instant::now() + Duration::from_secs(limits.body_time);
    if announced(request.headers()).is_some_and(|length| length > limits.body) {
        let error = ApiError::TooLarge(limits.body);
        let refusal = match request.uri().path() {
            path if otlp::PATHS.contains(&path) => otlp::refused(&error, request.headers()),
            _ => Failure(error).into_response(),
        };
        let (parts, mut body) = request.into_parts();
        // The log tells whose it was; the refusal stands either way.
        let _ = Writer::of(&parts);
        drain(&mut body, until).await;
        return refusal;
    }
    let (parts, body) = request.into_parts();
    // Shared, as what decompresses it lets go of it when it has had enough.
    let sent = Arc::new(Mutex::new(body));
    let response = next.run(Request::from_parts(parts, shared(sent.clone(), until))).await;
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        drain(&mut *sent.lock().await, until).await;
    }
    response
}

/// Bytes that a body may become however few they were.
const SMALL: u64 = 1 << 20;

/// Bytes that a body is said to have.
pub fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body that was not there in time.
#[derive(Debug, thiserror::Error)]
#[error("the body was not there in time")]
struct Late;

fn shared(body: Arc<Mutex<Body>>, until: Instant) -> Body {
    let frames = stream::unfold(body, move |body| async move {
        let frame = match timeout_at(until, async { body.lock().await.frame().await }).await {
            Ok(frame) => frame?.map_err(Into::into),
            Err(_) => Err(BoxError::from(Late)),
        };
        Some((frame.map(|frame| frame.into_data().unwrap_or_default()), body))
    });
    // A decompressor asks again behind the end.
    Body::from_stream(frames.fuse())
}

/// Reads on what a client still sends, within bounds.
pub async fn drain(body: &mut Body, until: Instant) {
    let mut budget = DRAINED_BYTES;
    while let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await {
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
pub async fn read_text(request: Request, limits: &Limits) -> Result<String, ApiError> {
    let (parts, body) = request.into_parts();
    String::from_utf8(read(&parts.headers, body, limits).await?).map_err(|_| unreadable("the body is not UTF-8 text".to_owned()))
}

fn unreadable(message: String) -> ApiError {
    ApiError::Unreadable(Issue::error("body.unreadable", "$", message))
}

/// Reads a body, already decompressed.
///
/// # Errors
/// It is too large, breaks off, is late, or does not decompress.
pub async fn read(headers: &HeaderMap, mut body: Body, limits: &Limits) -> Result<Vec<u8>, ApiError> {
    let sent = announced(headers);
    // What grows so much is no trace; small ones may.
    let by_ratio = sent.map(|sent| sent.saturating_mul(limits.ratio).max(SMALL)).filter(|_| headers.contains_key(header::CONTENT_ENCODING));
    let most = by_ratio.unwrap_or(u64::MAX).min(limits.decompressed);
    // Room at once for what is announced, so that a large body is not copied again and again while it grows.
    let mut bytes = Vec::with_capacity(sent.map_or(0, |length| length.min(most) as usize));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if is_late(&error) { ApiError::TooSlow(limits.body_time) } else { unreadable(format!("the body could not be read: {error}")) }
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if (bytes.len() + data.len()) as u64 > most {
            return Err(ApiError::TooLarge(most));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Whether this is, or comes from, [`Late`].
fn is_late(error: &axum::Error) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        // What decompresses wraps it in an error of its own, which does not tell it as its source.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if error.is::<Late>() || inner.is_some_and(|inner| inner.to_string() == Late.to_string()) {
            return true;
        }
        next = error.source();
    }
    false
}

/// How a body's items are laid out, by its content type.
pub fn layout(request: &Request) -> Layout {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_lines = ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"].contains(&kind.as_str());
    if is_lines { Layout::Ndjson } else { Layout::Json }
}
