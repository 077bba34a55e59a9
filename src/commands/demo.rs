use tracellm_store::{Location, TraceStore, ingest};
use tracellm_trace::{Outcome, Source};

use crate::{Failure, commands::traces, demo::Demo, progress, settings::DemoOptions};

/// Traces that are stored at once.
const BATCH: usize = 500;

pub async fn demo(location: Location, options: DemoOptions) -> Result<(), Failure> {
    let store = tracellm_store::open(&location).await?;
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let count = fill(&*store, seed, options.count).await?;
    store.close().await;
    eprintln!("stored {} of seed {seed}; `tracellm start` shows them", traces(count));
    Ok(())
}

/// Stores made-up traces, the newest of them just now.
pub async fn fill(store: &dyn TraceStore, seed: u64, count: u32) -> Result<usize, Failure> {
    let documents: Vec<String> = Demo::new(seed, ingest::now()).take(count as usize).collect();
    let mut stored = 0;
    let progress = progress::bar("storing", u64::from(count));
    for batch in documents.chunks(BATCH) {
        let items: Vec<&str> = batch.iter().map(String::as_str).collect();
        let results = ingest::store_items(store, &items, &Source::Demo.into()).await?;
        stored += results.iter().filter(|result| result.outcome() != Some(Outcome::Duplicate)).count();
        progress.inc(batch.len() as u64);
    }
    progress.finish_and_clear();
    Ok(stored)
}
