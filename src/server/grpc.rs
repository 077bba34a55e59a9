//! OTLP/gRPC, on an address of its own: for collectors and SDKs that speak nothing else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::from_fn_with_state,
    response::Response,
    routing::post,
};
use http::HeaderMap;
use prost::Message;
use tonic::{Code, Status, codec::CompressionEncoding, server::Grpc};
use tonic_prost::ProstCodec;
use tower::Service;
use tracellm_app::{ApiError, intake::Intake};
use tracellm_store::{
    TraceStore,
    ingest::{Origin, now, store_spans},
};
use tracellm_trace::{ApiKey, Issue, Source};

use crate::server::{
    Inlet, admission,
    answer::Failure,
    body,
    caller::Writer,
    guard,
    intake::{Told, client},
    keys,
    otlp::{self, proto},
};

/// The path of the one method.
pub const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// The one service, `TraceService`.
pub fn router(inlet: Inlet) -> Router {
    let admission = from_fn_with_state(inlet.admission.clone(), admission::limit);
    let doors = from_fn_with_state(inlet.doors.clone(), guard::check);
    let keys = from_fn_with_state(inlet.keys.clone(), keys::look);
    let bounds = from_fn_with_state(inlet.limits, body::bound);
    Router::new().route(EXPORT, post(export)).fallback(unknown).layer(admission).layer(bounds).layer(keys).layer(doors).with_state(inlet)
}

/// An error in the words of gRPC.
pub fn refused(error: &ApiError) -> Response {
    status(error).into_http()
}

fn status(error: &ApiError) -> Status {
    let code = match error {
        // What may be sent again says so; what is merely exhausted is not sent again.
        ApiError::Limited(_) | ApiError::TooSlow(_) => Code::Unavailable,
        error => Code::from_i32(otlp::code_of(error.status())),
    };
    Status::new(code, error.to_string())
}

async fn unknown() -> Response {
    Status::unimplemented(format!("there is {EXPORT} here, and nothing else")).into_http()
}

async fn export(State(inlet): State<Inlet>, request: Request) -> Response {
    let store = inlet.store.clone();
    let (parts, body) = request.into_parts();
    let key = Writer::of(&parts);
    let key_id = key.as_ref().ok().and_then(|Writer(key)| key.as_ref().map(|key| key.key_id.clone()));
    let noted = Noted { inlet: inlet.clone(), client: client(&parts.headers), key_id, was_called: Arc::default() };
    let key = match key {
        Ok(Writer(key)) => key,
        Err(Failure(error)) => return noted.refused(&error).into_http(),
    };
    let mut grpc = Grpc::new(ProstCodec::<proto::Response, proto::Request>::default())
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(usize::try_from(inlet.limits.decompressed).unwrap_or(usize::MAX));
    let answer = grpc.unary(Export { store, key, noted: noted.clone() }, Request::from_parts(parts, body)).await;
    if noted.was_called.load(Ordering::Relaxed) { answer.map(Body::new) } else { noted.unread(answer.headers()).into_http() }
}

/// One call.
struct Export {
    store: Arc<dyn TraceStore>,
    key: Option<ApiKey>,
    noted: Noted,
}

impl Service<tonic::Request<proto::Request>> for Export {
    type Response = tonic::Response<proto::Response>;
    type Error = Status;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<proto::Request>) -> Self::Future {
        let (store, key, noted) = (self.store.clone(), self.key.clone(), self.noted.clone());
        noted.was_called.store(true, Ordering::Relaxed);
        Box::pin(async move {
            let request = request.into_inner();
            let size = request.encoded_len();
            let without_content = noted.inlet.keys.is_over(key.as_ref(), size);
            let origin = Origin { source: Source::Otlp, key, without_content, limits: noted.inlet.limits };
            match store_spans(&*store, request.into(), &origin).await {
                Ok(report) => {
                    noted.inlet.keys.has_brought(origin.key.as_ref(), size);
                    let partial_success = otlp::partial_success(&report.rejected, without_content);
                    noted.note(200, Told::of_spans(report, without_content));
                    Ok(tonic::Response::new(proto::Response { partial_success }))
                }
                Err(error) => Err(noted.refused(&error.into())),
            }
        })
    }
}

/// What the log says of a call.
#[derive(Clone)]
struct Noted {
    inlet: Inlet,
    client: String,
    key_id: Option<String>,
    /// Its message was read.
    was_called: Arc<AtomicBool>,
}

impl Noted {
    fn note(self, status: u16, told: Told) {
        let Told { accepted, rejected, reason, code, without_field } = told;
        let Self { inlet, client, key_id, .. } = self;
        let intake =
            Intake { at: now(), way: "grpc".to_owned(), status, accepted, rejected, reason, bytes: None, client, key_id, without_field };
        inlet.note(intake, code);
    }

    /// What could not be read is not to be sent again, whatever tonic says of it.
    fn unread(self, answer: &HeaderMap) -> Status {
        let status = Status::from_header_map(answer).unwrap_or_else(|| Status::invalid_argument("is no export request of traces"));
        if let Some(cut) = body::Cut::in_message(status.message()) {
            let limits = self.inlet.limits;
            return self.refused(&cut.told(&limits));
        }
        match status.code() {
            Code::OutOfRange | Code::ResourceExhausted => {
                let most = self.inlet.limits.decompressed;
                self.refused(&ApiError::TooLarge(most))
            }
            _ => self.refused(&ApiError::Unreadable(Issue::error("otlp.invalid", "$", status.message().to_owned()))),
        }
    }

    fn refused(self, error: &ApiError) -> Status {
        self.note(error.status(), error.into());
        status(error)
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request};
    use tower::Service;
    use tracellm_store::{Location, open};
    use tracellm_trace::Limits;

    use super::{EXPORT, router};
    use crate::server::Inlet;

    #[tokio::test]
    async fn who_shows_no_key_or_a_bad_one_is_told_so_as_grpc_does() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&Location::Embedded { data_dir: folder.path().to_owned() }).await.unwrap();
        let status = async |is_closed: bool, path: &str, key: Option<&str>| {
            let mut router = router(Inlet::new(store.clone(), Limits::default(), is_closed, None));
            let mut request = Request::post(path).header("content-type", "application/grpc");
            if let Some(key) = key {
                request = request.header("authorization", format!("Bearer {key}"));
            }
            // An empty message: a flag, and a length of 0.
            let answer = router.call(request.body(Body::from(vec![0; 5])).unwrap()).await.unwrap();
            let headers = answer.headers().clone();
            headers.get("grpc-status").map(|status| status.to_str().unwrap().to_owned())
        };
        assert_eq!(status(true, EXPORT, None).await.as_deref(), Some("16"));
        assert_eq!(status(true, EXPORT, Some("tlm_sk_nobody")).await.as_deref(), Some("16"));
        assert_eq!(status(false, EXPORT, Some("tlm_sk_nobody")).await.as_deref(), Some("16"));
        assert_ne!(status(false, EXPORT, None).await.as_deref(), Some("16"), "without users everybody is let in");
        assert_ne!(status(true, "/else", None).await.as_deref(), Some("0"));
    }
}
