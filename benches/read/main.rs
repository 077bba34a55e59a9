//! How fast traces are read, at several sizes, beside the bare query of the same rows by SQLite or the driver: `make bench-read`.
//!
//! SIZES (10000,100000,1000000) of a demo of seed 7, REQUESTS (200) of each question, one after the other on one connection;
//! ONLY=sqlite names one of the stores, ASK=search some of the questions. What a run fills stays in BENCH_DATA, for the next one.

/// What is asked.
mod questions;

/// The same rows, asked of the database itself.
mod raw;

use std::{
    net::SocketAddr,
    path::PathBuf,
    pin::pin,
    time::{Duration, Instant},
};

use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use questions::{QUESTIONS, Question};
use tokio::net::TcpStream;
use tracellm_bench::{
    Failure, median,
    product::{Home, Place, Product, mongo_url},
    say,
};

/// Milliseconds of one question at one size.
struct Times {
    p50: f64,
    p99: f64,
    /// Of the bare query, the median.
    raw: Option<f64>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    // Within a task, as a server asks its database, too: whoever waits beside the runtime has to be woken each time.
    tokio::spawn(run()).await?
}

async fn run() -> Result<(), Failure> {
    let given = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let sizes: Vec<u64> = given("SIZES", "10000,100000,1000000").split(',').map(str::parse).collect::<Result<_, _>>()?;
    let requests: usize = given("REQUESTS", "200").parse()?;
    let data = PathBuf::from(given("BENCH_DATA", "target/bench-data"));
    let only = given("ONLY", "").to_lowercase();
    let homes = [Some(Home::Sqlite), mongo_url().map(|_| Home::Mongo)].into_iter().flatten();
    for home in homes.filter(|home| home.name().to_lowercase().contains(&only)) {
        let mut columns = Vec::new();
        // The database of the tests takes too long for more.
        let sizes: Vec<u64> = sizes.iter().copied().filter(|size| home == Home::Sqlite || *size <= 100_000).collect();
        for &size in &sizes {
            columns.push(measure(home, size, requests, &data).await?);
        }
        tell(home, &sizes, &columns);
    }
    Ok(())
}

/// Fills a store where it is empty, waits for its index, and asks.
async fn measure(home: Home, size: u64, requests: usize, data: &std::path::Path) -> Result<Vec<Times>, Failure> {
    let place = Place { home, data: std::path::absolute(data.join(size.to_string()))?, db_name: format!("bench_read_{size}") };
    let is_filled = home == Home::Sqlite && place.file().exists();
    if !is_filled {
        eprintln!("filling {} with {size} traces", home.name());
        let done = place.command(&["demo", "--seed", "7", "--count", &size.to_string()])?.status()?;
        if !done.success() {
            return Err("the demo did not end well".into());
        }
    }
    let product = Product::start_on(place, tempfile::tempdir()?)?;
    let mut client = connect(product.address).await?;
    // A word that is nowhere tells how many traces the index lacks.
    while get(&mut client, "/api/traces?q=xylophone").await?.windows(13).any(|part| part == b"\"not_indexed\"") {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    raw::wait_until_indexed(product.place()).await?;
    let mut all = Vec::new();
    for question in questions() {
        // A connection on which nobody asks is closed, while the database is asked.
        let mut client = connect(product.address).await?;
        let path = question.path(&mut client).await?;
        let mut times = Vec::with_capacity(requests);
        // What is made at the first use is not what is measured.
        get(&mut client, &path).await?;
        for _ in 0..requests {
            let asked = Instant::now();
            get(&mut client, &path).await?;
            times.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_unstable_by(f64::total_cmp);
        let at = |quantile: f64| times[((times.len() as f64 * quantile).ceil() as usize).max(1) - 1];
        let raw = if question.has_raw { raw::times(product.place(), &path, requests).await?.map(median) } else { None };
        // What is measured is told at once, as a run may take long.
        eprintln!("{} {size}, {}: {:.1} ms, bare {:.1}", home.name(), question.name, at(0.5), raw.unwrap_or(f64::NAN));
        all.push(Times { p50: at(0.5), p99: at(0.99), raw });
    }
    Ok(all)
}

/// Those whose name is asked for.
fn questions() -> impl Iterator<Item = &'static Question> {
    let asked = std::env::var("ASK").unwrap_or_default();
    QUESTIONS.iter().filter(move |question| question.name.contains(&asked))
}

fn tell(home: Home, sizes: &[u64], columns: &[Vec<Times>]) {
    let heads: Vec<String> = sizes.iter().map(|size| format!("{size}: p50 | p99 | × bare")).collect();
    say(&format!("| {} | {} | growth |", home.name(), heads.join(" | ")));
    say(&format!("|---|{}--:|", "--:|--:|--:|".repeat(sizes.len())));
    for (index, Question { name, .. }) in questions().enumerate() {
        let cells = columns.iter().map(|column| {
            let Times { p50, p99, raw } = &column[index];
            let ratio = raw.map_or_else(|| "–".to_owned(), |raw| format!("{:.2}", p50 / raw));
            format!("{p50:.1} | {p99:.1} | {ratio}")
        });
        let cells: Vec<_> = cells.collect();
        let growth = columns.first().zip(columns.last()).map_or(1.0, |(first, last)| last[index].p50 / first[index].p50);
        say(&format!("| {name} | {} | {growth:.1} × |", cells.join(" | ")));
    }
}

/// A connection that is kept. Whoever asks drives it, so that no time goes by between two tasks of ours.
pub struct Client {
    sender: http1::SendRequest<Empty<Bytes>>,
    connection: http1::Connection<TokioIo<TcpStream>, Empty<Bytes>>,
}

async fn connect(address: SocketAddr) -> Result<Client, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    Ok(Client { sender, connection })
}

/// The body of an answer, which must be 200.
pub async fn get(client: &mut Client, path: &str) -> Result<Bytes, Failure> {
    let Client { sender, connection } = client;
    let ask = async {
        sender.ready().await?;
        let answer = sender.send_request(Request::get(path).header("host", "localhost").body(Empty::new())?).await?;
        Ok::<_, Failure>((answer.status(), answer.into_body().collect().await?.to_bytes()))
    };
    let (status, body) = match select(pin!(ask), connection).await {
        Either::Left((answered, _)) => answered?,
        Either::Right((ended, _)) => return Err(format!("{path}: the connection ended: {ended:?}").into()),
    };
    if status == 200 { Ok(body) } else { Err(format!("{path}: {status}: {}", String::from_utf8_lossy(&body)).into()) }
}
