//! `POST /v1/traces`: OTLP/HTTP, by its specification.

/// What protobuf carries, as the shapes of OTLP/JSON.
pub mod proto;

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use prost::Message;
use serde_json::json;
use tracellm_app::ApiError;
use tracellm_store::{
    TraceStore,
    ingest::{OVER_QUOTA, Origin, SpanReport, store_spans},
};
use tracellm_trace::{
    Issue, Limits, Source,
    otlp::{Rejected, wire},
};

use crate::server::{
    answer::{Failure, retry_after, status_of},
    body,
    caller::Writer,
    intake::Told,
    keys::Keys,
};

type Store = State<Arc<dyn TraceStore>>;

/// Where OpenTelemetry exporters send traces; and where Langfuse's SDK does, which is one of them.
pub const PATHS: [&str; 2] = ["/v1/traces", "/api/public/otel/v1/traces"];

/// How a request is written, and so its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        })
    }

    fn respond(self, status: StatusCode, body: Vec<u8>) -> Response {
        let mut response = (status, body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, self.content_type());
        response
    }
}

/// Takes spans in; answered when they are stored. A span that can't be kept is counted in the answer and harms no other.
#[utoipa::path(post, path = "/v1/traces", tag = "traces", request_body(content((Vec<u8> = "application/x-protobuf"), (Object = "application/json"))),
    responses(
        (status = 200, description = "`ExportTraceServiceResponse`, with `partial_success` where spans were rejected"),
        (status = 400, description = "Not readable: `google.rpc.Status`. Sending it again is of no use"),
        (status = 401, description = "The key that was shown is unknown, expired or revoked"),
        (status = 403, description = "The key is not for this, or a page of another site asks"),
        (status = 413, description = "Larger than may be, before or after decompression"),
        (status = 415, description = "Neither protobuf nor JSON"),
        (status = 429, description = "Too many keys that nobody has came from there, or too many requests with this one; wait for `Retry-After`"),
        (status = 503, description = "Too much is on its way, or the database does not answer; send it again after `Retry-After`"),
    ))]
pub async fn export(State(store): Store, State(keys): State<Keys>, State(limits): State<Limits>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let key = Writer::of(&parts);
    let Some(encoding) = Encoding::of(&parts.headers) else {
        let message = "send application/x-protobuf or application/json".to_owned();
        return refusal(Encoding::Json, StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    };
    match take_in(&*store, &keys, limits, key, &parts, body, encoding).await {
        Ok((report, without_content)) => {
            let answer = success(encoding, partial_success(&report.rejected, without_content));
            (Extension(Told::of_spans(report, without_content)), answer).into_response()
        }
        Err(error) => failure(&error, encoding),
    }
}

/// What became of the spans, and whether they lost their texts as their key has sent enough today.
async fn take_in(
    store: &dyn TraceStore,
    keys: &Keys,
    limits: Limits,
    key: Result<Writer, Failure>,
    parts: &Parts,
    body: Body,
    encoding: Encoding,
) -> Result<(SpanReport, bool), ApiError> {
    let Writer(key) = key.map_err(|Failure(error)| error)?;
    let bytes = body::read(parts, body, &limits).await?;
    let request = read(&bytes, encoding).map_err(ApiError::Unreadable)?;
    let size = bytes.len();
    let without_content = keys.is_over(key.as_ref(), size);
    // What waits to be written is held once.
    drop(bytes);
    let origin = Origin { source: Source::Otlp, key, without_content, limits };
    let report = store_spans(store, request, &origin).await?;
    keys.has_brought(origin.key.as_ref(), size);
    Ok((report, without_content))
}

fn read(bytes: &[u8], encoding: Encoding) -> Result<wire::Request, Issue> {
    match encoding {
        Encoding::Protobuf => proto::read(bytes),
        Encoding::Json => {
            let text = std::str::from_utf8(bytes).map_err(|_| Issue::error("body.unreadable", "$", "the body is not UTF-8 text"))?;
            wire::read(text)
        }
    }
}

fn success(encoding: Encoding, partial_success: Option<proto::PartialSuccess>) -> Response {
    let body = match (encoding, partial_success) {
        (Encoding::Json, None) => b"{}".to_vec(),
        (Encoding::Json, Some(proto::PartialSuccess { rejected_spans, error_message })) => {
            json!({"partialSuccess": {"rejectedSpans": rejected_spans.to_string(), "errorMessage": error_message}}).to_string().into_bytes()
        }
        (Encoding::Protobuf, partial_success) => proto::Response { partial_success }.encode_to_vec(),
    };
    encoding.respond(StatusCode::OK, body)
}

/// How many spans were rejected, and why the first was; or, by the specification with none rejected, that they lost their texts.
pub fn partial_success(rejected: &[Rejected], without_content: bool) -> Option<proto::PartialSuccess> {
    let Some(first) = rejected.first() else {
        return without_content.then(|| proto::PartialSuccess { rejected_spans: 0, error_message: OVER_QUOTA.to_owned() });
    };
    let hint = if rejected.iter().all(|span| span.reason.contains("traceId")) {
        " (are these logs or metrics? this address takes traces)"
    } else {
        ""
    };
    Some(proto::PartialSuccess {
        rejected_spans: i64::try_from(rejected.len()).unwrap_or(i64::MAX),
        error_message: format!("{} spans were rejected; `{}`: {}{hint}", rejected.len(), first.name, first.reason),
    })
}

/// An error as `google.rpc.Status`. Only what may be sent again has a status that says so.
fn failure(error: &ApiError, encoding: Encoding) -> Response {
    // By the specification 408 is not sent again.
    let status = if let ApiError::TooSlow(_) = error { StatusCode::SERVICE_UNAVAILABLE } else { status_of(error) };
    let mut response = refusal(encoding, status, error.to_string());
    response.headers_mut().extend(retry_after(error).map(|seconds| (header::RETRY_AFTER, seconds)));
    (Extension(Told::from(error)), response).into_response()
}

fn refusal(encoding: Encoding, status: StatusCode, message: String) -> Response {
    let code = code_of(status.as_u16());
    let body = match encoding {
        Encoding::Json => json!({"code": code, "message": message}).to_string().into_bytes(),
        Encoding::Protobuf => proto::Status { code, message }.encode_to_vec(),
    };
    encoding.respond(status, body)
}

/// The code of gRPC for an HTTP status.
pub fn code_of(status: u16) -> i32 {
    match status {
        401 => 16,
        403 => 7,
        413 | 429 => 8,
        503 => 14,
        500 => 13,
        _ => 3,
    }
}

/// An error as the sender of spans is told it, in the encoding of its request.
pub fn refused(error: &ApiError, headers: &HeaderMap) -> Response {
    failure(error, Encoding::of(headers).unwrap_or(Encoding::Json))
}
