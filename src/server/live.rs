use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    response::{
        IntoResponse, Response, Sse,
        sse::{Event as SentEvent, KeepAlive},
    },
};
use futures_util::{Stream, StreamExt};
use http::request::Parts;
use serde_json::{Value, json};
use tracellm_app::ApiError;
use tracellm_store::{Event, News, TraceStore};
use tracellm_trace::Filter;
use utoipa::ToSchema;

use crate::server::{Doors, answer::Failure, api::Pairs, caller::Reader, keys::Keys, listen::Permit};

type Store = State<Arc<dyn TraceStore>>;

/// Whoever follows a stream is asked for their session or key again after so long.
const AGAIN: Duration = Duration::from_secs(10);

/// Sees to it that nobody reads on whose session or key has ended.
#[derive(Clone)]
pub struct Watch {
    pub doors: Doors,
    pub keys: Keys,
}

impl Watch {
    /// Ends when whoever asked may no longer read.
    async fn ends(self, request: Parts) {
        loop {
            tokio::time::sleep(AGAIN).await;
            // A database that does not answer says nothing of who asks.
            let is_refused = matches!(self.keys.look(&request).await, Err(ApiError::Unauthorized(_) | ApiError::Forbidden(_)));
            if is_refused || !self.doors.still_open(&request).await {
                break;
            }
        }
    }
}

/// Traces as they are stored, as server-sent events; a `Last-Event-ID` resumes behind the event it names.
///
/// Events are `trace.created`, with `{"type", "trace"}`, and `system.gap` where some were missed.
#[utoipa::path(get, path = "/api/live", tag = "live", params(Filter, ("last-event-id" = Option<String>, Header)),
    responses((status = 200, description = "One after another, without end", content_type = "text/event-stream", body = LiveEvent)))]
pub async fn events(
    State(store): Store,
    State(watch): State<Watch>,
    reader: Reader,
    pairs: Pairs,
    request: Parts,
) -> Result<Sse<impl Stream<Item = Result<SentEvent, Infallible>>>, Failure> {
    let filter = reader.narrow(Filter::from_pairs(pairs.iter()).map_err(ApiError::BadQuery)?)?;
    let behind = request.headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let news = store.watch(behind).await.matching(filter).map(|news| Ok(sent(&news)));
    let news = news.take_until(watch.ends(request.clone()));
    Ok(Sse::new(news).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// A server-sent event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is described here and written by `sent`")]
struct LiveEvent {
    /// `trace.created` or `system.gap`.
    event: String,
    /// JSON: of a trace `{"type", "trace"}`, of a gap nothing.
    data: String,
    /// Of a trace: what `Last-Event-ID` takes.
    id: Option<String>,
}

fn sent(news: &News) -> SentEvent {
    match news {
        News::Stored(event) => SentEvent::default().id(&event.id).event("trace.created").data(told(event).to_string()),
        News::Gap => SentEvent::default().event("system.gap").data("{}"),
    }
}

fn told(event: &Event) -> Value {
    json!({"type": "trace.created", "trace": event.trace})
}

/// The same as a WebSocket, as `tracellm monitor` of the reference package follows it.
///
/// First `{"type":"system.connected"}`, then `{"type":"trace.created","trace"}` for each stored trace; `{"type":"ping","ts"}` is answered
/// with `{"type":"system.pong","timestamp"}`.
#[utoipa::path(get, path = "/ws", tag = "live", responses(
    (status = 101, description = "The connection is a WebSocket from here on"),
    (status = 400, description = "It does not ask for a WebSocket", content_type = "text/plain", body = String),
    (status = 426, description = "The connection can't become a WebSocket", content_type = "text/plain", body = String),
))]
pub async fn websocket(
    State(store): Store,
    State(watch): State<Watch>,
    reader: Reader,
    permit: Option<Extension<Permit>>,
    request: Parts,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Failure> {
    let filter = reader.narrow(Filter::default())?;
    let news = store.watch(None).await.matching(filter).take_until(watch.ends(request));
    let conversation = async move |socket| {
        let _permit = permit;
        converse(socket, news).await;
    };
    Ok(upgrade.on_upgrade(conversation).into_response())
}

async fn converse(mut socket: WebSocket, news: impl Stream<Item = News> + Send) {
    let greeting = json!({"type": "system.connected", "status": "connected", "message": "TraceLLM websocket active"});
    if send(&mut socket, &greeting).await.is_err() {
        return;
    }
    let mut news = std::pin::pin!(news);
    loop {
        let said = tokio::select! {
            news = news.next() => match news {
                Some(News::Stored(event)) => send(&mut socket, &told(&event)).await,
                Some(News::Gap) => send(&mut socket, &json!({"type": "system.gap"})).await,
                None => break,
            },
            heard = socket.recv() => match heard {
                Some(Ok(Message::Text(text))) => match serde_json::from_str::<Value>(&text) {
                    Ok(asked) if asked["type"] == "ping" => send(&mut socket, &json!({"type": "system.pong", "timestamp": asked["ts"]})).await,
                    _ => Ok(()),
                },
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => Ok(()),
            },
        };
        if said.is_err() {
            break;
        }
    }
}

async fn send(socket: &mut WebSocket, message: &Value) -> Result<(), axum::Error> {
    socket.send(Message::Text(message.to_string().into())).await
}
