//! Who sends: some connections at once, each with one request under way.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use tracellm_bench::Failure;

use crate::payload::Payload;

/// What became of what was sent.
#[derive(Default)]
pub struct Load {
    /// Traces that were acknowledged.
    pub traces: u64,
    pub seconds: f64,
    /// Of each request that was acknowledged, in milliseconds, in order.
    pub latencies: Vec<f64>,
    /// Other answers, by status; 0 for those that came without the `Retry-After` which their status asks for.
    pub refused: BTreeMap<u16, u64>,
}

impl Load {
    pub fn rate(&self) -> f64 {
        self.traces as f64 / self.seconds
    }

    /// A quantile of the latencies, by nearest rank.
    pub fn latency(&self, quantile: f64) -> f64 {
        let rank = (quantile * self.latencies.len() as f64).ceil() as usize;
        self.latencies.get(rank.max(1) - 1).copied().unwrap_or_default()
    }
}

/// How it is sent.
#[derive(Clone, Copy)]
pub struct Pattern {
    pub connections: u64,
    /// Traces of a request.
    pub batch: u64,
    pub duration: Duration,
    /// Requests a second, of all connections together, whatever the answers; else each connection sends as soon as it is answered, and waits as
    /// it is told where it was refused.
    pub pace: Option<f64>,
}

/// Sends for a while, and waits for the last answers.
pub async fn send(address: SocketAddr, payload: &Arc<Payload>, pattern: Pattern) -> Result<Load, Failure> {
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..pattern.connections {
        senders.spawn(sender(address, payload.clone(), pattern, next.clone(), start));
    }
    let mut total = Load::default();
    while let Some(done) = senders.join_next().await {
        let load = done??;
        total.traces += load.traces;
        total.latencies.extend(load.latencies);
        for (status, count) in load.refused {
            *total.refused.entry(status).or_default() += count;
        }
    }
    total.seconds = start.elapsed().as_secs_f64();
    total.latencies.sort_unstable_by(f64::total_cmp);
    Ok(total)
}

async fn sender(
    address: SocketAddr,
    payload: Arc<Payload>,
    pattern: Pattern,
    next: Arc<AtomicU64>,
    start: Instant,
) -> Result<Load, Failure> {
    let mut load = Load::default();
    let mut connection = None;
    while start.elapsed() < pattern.duration {
        let request = next.fetch_add(1, Ordering::Relaxed);
        if let Some(pace) = pattern.pace {
            tokio::time::sleep_until((start + Duration::from_secs_f64(request as f64 / pace)).into()).await;
        }
        let body = payload.request(request * pattern.batch..(request + 1) * pattern.batch);
        let sender = match &mut connection {
            Some(sender) => sender,
            None => connection.insert(connect(address).await?),
        };
        let request =
            Request::post(payload.format.path()).header("host", "localhost").header("content-type", payload.format.content_type());
        let asked = Instant::now();
        sender.ready().await?;
        let answer = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get("retry-after").and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let is_last = answer.headers().get("connection").is_some_and(|said| said == "close");
        let body = answer.into_body().collect().await?.to_bytes();
        if (400..429).contains(&status) {
            return Err(format!("what is sent is refused: {status}: {}", String::from_utf8_lossy(&body)).into());
        }
        if matches!(status, 200 | 201) {
            load.traces += pattern.batch;
            load.latencies.push(asked.elapsed().as_secs_f64() * 1e3);
        } else {
            *load.refused.entry(if retry_after.is_some() { status } else { 0 }).or_default() += 1;
            if pattern.pace.is_none() {
                let until = pattern.duration.saturating_sub(start.elapsed());
                tokio::time::sleep(Duration::from_secs(retry_after.unwrap_or_default()).min(until)).await;
            }
        }
        if is_last {
            connection = None;
        }
    }
    Ok(load)
}

/// A connection to the program.
pub async fn connect(address: SocketAddr) -> Result<http1::SendRequest<Full<Bytes>>, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
