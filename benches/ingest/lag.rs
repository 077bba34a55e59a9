//! How long after a load until a search finds all of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::Value;
use tokio::time::sleep;

use tracellm_bench::{
    Failure,
    product::{Home, Product},
    say,
};

use crate::{
    MEASURED_AGAINST,
    load::{Pattern, connect, send},
    payload::{Format, Payload},
};

/// After which it is given up.
const LONGEST: Duration = Duration::from_secs(600);

/// Sends for a while as fast as it is answered, then asks for a word that no trace has until nothing is said to be missing.
pub async fn lag(home: Home, kilobytes: usize, duration: Duration) -> Result<(), Failure> {
    let payload = Arc::new(Payload::new(Format::Json, kilobytes * 1024));
    let (batch, connections) = MEASURED_AGAINST;
    let product = Product::start(home)?;
    let load = send(product.address, &payload, Pattern { connections, batch, duration, pace: None }).await?;
    let (end, mut slowest) = (Instant::now(), 0.0_f64);
    let mut client = connect(product.address).await?;
    loop {
        let asked = Instant::now();
        let request = Request::get("/api/traces?q=nowhere&limit=1").header("host", "localhost").body(Full::default())?;
        client.ready().await?;
        let answer = client.send_request(request).await?;
        let status = answer.status();
        let page: Value = serde_json::from_slice(&answer.into_body().collect().await?.to_bytes())?;
        slowest = slowest.max(asked.elapsed().as_secs_f64());
        if status != 200 || end.elapsed() > LONGEST {
            return Err(format!("a search {} s after the load: {status}, {page}", end.elapsed().as_secs()).into());
        }
        if page["coverage"].is_null() {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    let lag = end.elapsed().as_secs_f64();
    let usage = product.end().await?;
    let (name, seconds, refused) = (home.name(), duration.as_secs(), load.refused.values().sum::<u64>());
    say(&format!(
        "| {name} | {kilobytes} KB | {seconds} | {} | {:.0} | {refused} | {:.0} | {lag:.1} | {slowest:.2} | {:.0} |",
        load.traces,
        load.rate(),
        load.latency(0.99),
        usage.memory,
    ));
    Ok(())
}
