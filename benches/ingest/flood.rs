//! Those who mean ill, beside honest senders: heads and bodies that drip, a body without end, keys that nobody has.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet, time::sleep};

use tracellm_bench::{
    Failure,
    product::{Home, Product},
    say,
};

use crate::{
    load::{Pattern, connect, send},
    payload::{Format, Payload},
};

/// Requests a second of the honest, on so many connections.
const HONEST: (f64, u64) = (200.0, 4);
const DRIPPING: usize = 100;
const BAD_KEYS_A_SECOND: u64 = 1_000;
const ENDLESS: u64 = 10 << 30;

/// What became of the flood.
#[derive(Default)]
struct Poured {
    bytes: AtomicU64,
    keys: AtomicU64,
    limited: AtomicU64,
}

/// Honest senders alone for a third of the time, then beside the flood.
pub async fn flood(home: Home, duration: Duration) -> Result<(), Failure> {
    let payload = Arc::new(Payload::new(Format::Json, 2048));
    let mut product = Product::start(home)?;
    let honest = |duration| Pattern { connections: HONEST.1, batch: 1, duration, pace: Some(HONEST.0) };
    send(product.address, &payload, honest(Duration::from_secs(2))).await?;
    let calm = send(product.address, &payload, honest(duration / 3)).await?;
    product.begin();
    let (until, address, poured) = (Instant::now() + duration, product.address, Arc::new(Poured::default()));
    let mut flood = JoinSet::new();
    for n in 0..DRIPPING {
        flood.spawn(drip(address, until, n % 2 == 0));
    }
    flood.spawn(pour(address, until, poured.clone()));
    let tries: Vec<_> = (0..4).map(|_| tokio::spawn(try_keys(address, until, poured.clone()))).collect();
    let load = send(address, &payload, honest(duration)).await?;
    flood.join_all().await;
    for tried in tries {
        tried.await??;
    }
    let lines = product.lines();
    let usage = product.end().await?;
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let refused: u64 = load.refused.values().sum();
    say(&format!(
        "| {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.2} | {refused} of {} | {:.1} | {} ({} × 429) | {:.0} | {:.0} | {lines} |",
        home.name(),
        calm.latency(0.5),
        calm.latency(0.99),
        load.latency(0.5),
        load.latency(0.99),
        load.latency(0.99) / calm.latency(0.99),
        load.traces + refused,
        of(&poured.bytes) as f64 / f64::from(1 << 30),
        of(&poured.keys),
        of(&poured.limited),
        usage.cpu,
        usage.memory,
    ));
    Ok(())
}

/// A request whose head, or body, comes a byte at a time.
async fn drip(address: SocketAddr, until: Instant, is_head: bool) {
    let head = if is_head {
        "POST /api/traces HTTP/1.1\r\nhost: localhost\r\nx: "
    } else {
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
    };
    while Instant::now() < until {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        let mut bytes = head.bytes().chain(std::iter::repeat(b'x'));
        while Instant::now() < until && stream.write_u8(bytes.next().unwrap_or(b'x')).await.is_ok() {
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Bodies that say nothing of their length and go on until they are cut off.
async fn pour(address: SocketAddr, until: Instant, poured: Arc<Poured>) {
    let head = "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = [format!("{:x}\r\n", 1 << 20).into_bytes(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
    while Instant::now() < until && poured.bytes.load(Ordering::Relaxed) < ENDLESS {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        if stream.write_all(head.as_bytes()).await.is_err() {
            continue;
        }
        while Instant::now() < until && stream.write_all(&chunk).await.is_ok() {
            poured.bytes.fetch_add(1 << 20, Ordering::Relaxed);
        }
    }
}

/// Requests with keys that nobody has, a quarter of all.
async fn try_keys(address: SocketAddr, until: Instant, poured: Arc<Poured>) -> Result<(), Failure> {
    let mut sender = connect(address).await?;
    let every = Duration::from_secs(4) / u32::try_from(BAD_KEYS_A_SECOND)?;
    let mut next = Instant::now();
    while Instant::now() < until {
        tokio::time::sleep_until(next.into()).await;
        next += every;
        let key = format!("Bearer tlm_sk_{:044}", fastrand::u64(..));
        let request = Request::get("/api/traces").header("host", "localhost").header("authorization", key);
        sender.ready().await?;
        let answer = sender.send_request(request.body(Full::default())?).await?;
        poured.keys.fetch_add(1, Ordering::Relaxed);
        poured.limited.fetch_add(u64::from(answer.status() == 429), Ordering::Relaxed);
        answer.into_body().collect().await?;
    }
    Ok(())
}
