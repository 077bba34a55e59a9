use std::{error::Error, io, sync::Arc, time::Duration};

use axum::{
    BoxError,
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use http_body_util::BodyExt;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until, timeout_at},
};
use tracellm_app::ApiError;
use tracellm_trace::{Issue, Limits, body::Layout};

use crate::server::{answer::refusal, caller::Writer};

/// Of a body that is too large, what is read and thrown away: a client that is cut off while it sends never sees the answer.
const DRAINED_BYTES: usize = 160 << 20;
/// So many bytes of one a second: reading what nobody wants must not take the processor from others.
const DRAINED_A_SECOND: f64 = (32 << 20) as f64;

/// Refuses a body that says it is too large; of one that turns out so, reads on what the client still sends. None takes longer than it may.
pub async fn bound(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let until = Instant::now() + Duration::from_secs(limits.body_time);
    if announced(request.headers()).is_some_and(|length| length > limits.body) {
        let refusal = refusal(ApiError::TooLarge(limits.body), request.uri(), request.headers());
        let (parts, mut body) = request.into_parts();
        // The log tells whose it was; the refusal stands either way.
        let _ = Writer::of(&parts);
        drain(&mut body, until).await;
        return refusal;
    }
    let (mut parts, body) = request.into_parts();
    // What decompresses it takes that away.
    let is_compressed = parts.headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    parts.extensions.insert(Sent { bytes: announced(&parts.headers), is_compressed });
    // Shared, as what decompresses it lets go of it when it has had enough.
    let sent = Arc::new(Mutex::new(body));
    let response = next.run(Request::from_parts(parts, shared(sent.clone(), until, limits.body))).await;
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

/// How a body was sent.
#[derive(Clone, Copy)]
struct Sent {
    /// Where that was said.
    bytes: Option<u64>,
    is_compressed: bool,
}

/// Why a body was not read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    #[error("the body was not there in time")]
    Late,
    #[error("the body is larger than it may be")]
    Large,
}

fn shared(body: Arc<Mutex<Body>>, until: Instant, most: u64) -> Body {
    let frames = stream::unfold((body, 0), move |(body, read)| async move {
        let frame = match timeout_at(until, async { body.lock().await.frame().await }).await {
            Ok(frame) => frame?.map(|frame| frame.into_data().unwrap_or_default()).map_err(BoxError::from),
            Err(_) => Err(Cut::Late.into()),
        };
        let read = read + frame.as_ref().map_or(0, |data| data.len() as u64);
        let frame = if read > most { Err(Cut::Large.into()) } else { frame };
        Some((frame, (body, read)))
    });
    // A decompressor asks again behind the end.
    Body::from_stream(frames.fuse())
}

/// Reads on what a client still sends, within bounds.
pub async fn drain(body: &mut Body, until: Instant) {
    let (begin, mut budget) = (Instant::now(), DRAINED_BYTES);
    while let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await {
        let read = frame.data_ref().map_or(0, |data| data.len());
        match budget.checked_sub(read) {
            Some(left) => budget = left,
            None => break,
        }
        sleep_until(begin + Duration::from_secs_f64((DRAINED_BYTES - budget) as f64 / DRAINED_A_SECOND)).await;
    }
}

/// Reads the body of a call from the browser as REST reads its own: one that is late, too large or broken is refused as such.
pub async fn whole(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    match read(&parts, body, &limits).await {
        Ok(bytes) => next.run(Request::from_parts(parts, bytes.into())).await,
        Err(error) => refusal(error, &parts.uri, &parts.headers),
    }
}

/// Reads a body, already decompressed, as text.
///
/// # Errors
/// It is too large, breaks off, does not decompress, or is not UTF-8.
pub async fn read_text(request: Request, limits: &Limits) -> Result<String, ApiError> {
    let (parts, body) = request.into_parts();
    String::from_utf8(read(&parts, body, limits).await?).map_err(|_| unreadable("the body is not UTF-8 text".to_owned()))
}

fn unreadable(message: String) -> ApiError {
    ApiError::Unreadable(Issue::error("body.unreadable", "$", message))
}

/// Reads a body, already decompressed.
///
/// # Errors
/// It is too large, breaks off, is late, or does not decompress.
pub async fn read(parts: &Parts, mut body: Body, limits: &Limits) -> Result<Vec<u8>, ApiError> {
    let sent = parts.extensions.get::<Sent>().copied();
    // What grows so much is no trace; small ones may.
    let packed = sent.filter(|sent| sent.is_compressed).and_then(|sent| sent.bytes);
    let by_ratio = packed.map(|bytes| bytes.saturating_mul(limits.ratio).max(SMALL));
    let most = by_ratio.unwrap_or(u64::MAX).min(limits.decompressed);
    // Room at once for what is announced, so that a large body is not copied again and again while it grows.
    let mut bytes = Vec::with_capacity(sent.and_then(|sent| sent.bytes).map_or(0, |length| length.min(most) as usize));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match why_cut(&error) {
            Some(cut) => cut.told(limits),
            None => unreadable(format!("the body could not be read: {error}")),
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if (bytes.len() + data.len()) as u64 > most {
            return Err(ApiError::TooLarge(most));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

impl Cut {
    pub fn told(self, limits: &Limits) -> ApiError {
        match self {
            Self::Late => ApiError::TooSlow(limits.body_time),
            Self::Large => ApiError::TooLarge(limits.body),
        }
    }

    /// The one that a message of an error tells; what wraps it may tell it in no other way.
    pub fn in_message(message: &str) -> Option<Self> {
        [Self::Late, Self::Large].into_iter().find(|cut| message.contains(&cut.to_string()))
    }
}

/// Why a body was cut, where that is what an error comes from.
fn why_cut(error: &axum::Error) -> Option<Cut> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).map(ToString::to_string);
        let found = error.downcast_ref::<Cut>().copied().or_else(|| Cut::in_message(&inner.unwrap_or_default()));
        if found.is_some() {
            return found;
        }
        next = error.source();
    }
    None
}

/// How a body's items are laid out, by its content type.
pub fn layout(request: &Request) -> Layout {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_lines = ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"].contains(&kind.as_str());
    if is_lines { Layout::Ndjson } else { Layout::Json }
}
