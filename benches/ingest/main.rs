//! How fast traces come in, beside what the database alone does with the same rows in the same run: `make bench`.
//!
//! ROUNDS (3) and SECONDS (5) of each measurement; ONLY=sqlite/otlp names some of them, SHAPE=50x16 some of the shapes; LOAD=overload measures too
//! many senders, LOAD=flood those who mean ill, LOAD=lag when a search finds all that came.

/// What is sent.
mod payload;

/// Who sends.
mod load;

/// Those who mean ill.
mod flood;

/// How far the search index is behind.
mod lag;

/// How fast the database alone is.
mod ceiling;

use std::{sync::Arc, time::Duration};

use load::{Load, Pattern, send};
use payload::{Format, Payload};
use tracellm_bench::{
    Failure, median,
    product::{Home, Product, Stopped, Usage, mongo_url},
    say,
};

/// Traces of a request, and connections.
const SHAPES: [(u64, u64); 6] = [(1, 1), (1, 16), (1, 64), (50, 1), (50, 16), (50, 64)];
/// The rows that this one stored are what the database alone is measured with.
const MEASURED_AGAINST: (u64, u64) = (50, 16);

fn main() -> Result<(), Failure> {
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|given| given.parse().ok()).unwrap_or(usual);
    let (rounds, seconds) = (number("ROUNDS", 3), number("SECONDS", 5));
    let only = std::env::var("ONLY").unwrap_or_default().to_lowercase();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let homes = [Some(Home::Sqlite), mongo_url().map(|_| Home::Mongo)].into_iter().flatten();
    let load = std::env::var("LOAD").unwrap_or_default();
    if load == "flood" {
        say(
            "| store | p50 ms | p99 ms | p50 in the flood | p99 in the flood | × | refused | GB poured | bad keys | CPU % | MB | lines of the log |",
        );
        say("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        for home in homes.filter(|home| home.name().to_lowercase().contains(&only)) {
            runtime.block_on(flood::flood(home, Duration::from_secs(number("SECONDS", 60))))?;
        }
        return Ok(());
    }
    if load == "lag" {
        say("| store | trace | load, s | traces | traces/s | refused | p99 ms | found after, s | slowest search, s | MB |");
        say("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|");
        for home in homes.filter(|home| home.name().to_lowercase().contains(&only)) {
            for kilobytes in [2, 20] {
                runtime.block_on(lag::lag(home, kilobytes, Duration::from_secs(number("SECONDS", 10))))?;
            }
        }
        return Ok(());
    }
    if load == "overload" {
        say("| store | format | trace | due/s | accepted/s | refused | p50 ms | p99 ms | CPU % | MB |");
        say("|---|---|--:|--:|--:|---|--:|--:|--:|--:|");
    } else {
        say("| store | format | trace | batch | connections | traces/s | × ceiling | p50 ms | p99 ms | CPU % | MB |");
        say("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    }
    for home in homes {
        for format in [Format::Json, Format::Otlp] {
            for kilobytes in [2, 20] {
                let label = format!("{} | {} | {kilobytes} KB", home.name(), format!("{format:?}").to_uppercase());
                let is_wanted = only.split('/').all(|word| label.to_lowercase().contains(word));
                if is_wanted && load == "overload" {
                    runtime.block_on(overload(&label, home, format, kilobytes * 1024, Duration::from_secs(seconds)))?;
                } else if is_wanted {
                    runtime.block_on(measure(&label, home, format, kilobytes * 1024, rounds, Duration::from_secs(seconds)))?;
                }
            }
        }
    }
    Ok(())
}

async fn measure(label: &str, home: Home, format: Format, size: usize, rounds: u64, duration: Duration) -> Result<(), Failure> {
    let payload = Arc::new(Payload::new(format, size));
    let wanted = std::env::var("SHAPE").unwrap_or_default();
    let shapes: Vec<_> = SHAPES.into_iter().filter(|(batch, connections)| format!("{batch}x{connections}").starts_with(&wanted)).collect();
    let (mut ceilings, mut left) = (Vec::new(), Vec::new());
    let mut measured: Vec<Vec<(Load, Usage)>> = shapes.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (shape, results) in shapes.iter().zip(&mut measured) {
            let (batch, connections) = *shape;
            let mut product = Product::start(home)?;
            // What is made at the first use is not what is measured.
            let warm = Pattern { connections: 1, batch: 1, duration: Duration::from_millis(100), pace: None };
            send(product.address, &Arc::new(Payload::new(format, 2048)), warm).await?;
            product.begin();
            let load = send(product.address, &payload, Pattern { connections, batch, duration, pace: None }).await?;
            if !load.refused.is_empty() {
                eprintln!("{label}, {batch} x {connections}: refused {:?}", load.refused);
            }
            let Stopped { usage, product } = product.stop()?;
            left.push(product.place().clone());
            if *shape == MEASURED_AGAINST {
                ceilings.push(match home {
                    Home::Sqlite => vec![ceiling::sqlite(&product.place().file())?],
                    Home::Mongo => ceiling::mongo(&product.place().db_name).await?,
                });
            }
            results.push((load, usage));
        }
    }
    for place in left {
        place.forget().await?;
    }
    // Of the fastest way of asking, by the medians of all.
    let ways = ceilings.first().map_or(0, Vec::len);
    let of_way = |way: usize| ceilings.iter().map(|rates: &Vec<f64>| rates[way]).collect::<Vec<f64>>();
    let ceilings = (0..ways).map(of_way).max_by(|a, b| median(a.clone()).total_cmp(&median(b.clone()))).unwrap_or_default();
    let ceiling = median(ceilings.clone());
    say(&format!("| {label} | the database alone, 50 | | {ceiling:.0} | 1.00 | | | | |"));
    for ((batch, connections), results) in shapes.iter().zip(&measured) {
        let of = |value: fn(&(Load, Usage)) -> f64| median(results.iter().map(value).collect());
        let rate = of(|(load, _)| load.rate());
        let (p50, p99) = (of(|(load, _)| load.latency(0.5)), of(|(load, _)| load.latency(0.99)));
        let (cpu, memory) = (of(|(_, usage)| usage.cpu), of(|(_, usage)| usage.memory));
        // To that of its own round, as the machine is faster in one than in another.
        let ratio = median(results.iter().zip(&ceilings).map(|((load, _), ceiling)| load.rate() / ceiling).collect());
        say(&format!("| {label} | {batch} | {connections} | {rate:.0} | {ratio:.2} | {p50:.1} | {p99:.1} | {cpu:.0} | {memory:.0} |"));
    }
    Ok(())
}

/// Twice as much as can be written, whatever the answers, for five times as long.
async fn overload(label: &str, home: Home, format: Format, size: usize, duration: Duration) -> Result<(), Failure> {
    let payload = Arc::new(Payload::new(format, size));
    let (batch, connections) = MEASURED_AGAINST;
    let product = Product::start(home)?;
    let most = send(product.address, &payload, Pattern { connections, batch, duration, pace: None }).await?.rate();
    product.end().await?;
    let mut product = Product::start(home)?;
    product.begin();
    let due = 2.0 * most;
    let pattern = Pattern { connections: 64, batch, duration: duration * 5, pace: Some(due / batch as f64) };
    let load = send(product.address, &payload, pattern).await?;
    let Usage { cpu, memory } = product.end().await?;
    let (rate, p50, p99) = (load.rate(), load.latency(0.5), load.latency(0.99));
    let refused: Vec<String> = load.refused.iter().map(|(status, count)| format!("{count} × {status}")).collect();
    let refused = refused.join(", ");
    say(&format!("| {label} | {due:.0} | {rate:.0} | {refused} | {p50:.0} | {p99:.0} | {cpu:.0} | {memory:.0} |"));
    Ok(())
}
