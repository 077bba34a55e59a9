use futures_util::{StreamExt, TryStreamExt, stream};
use tracellm_store::{Location, TraceStore, ingest};
use tracellm_trace::{Outcome, Source};

use crate::{Failure, commands::traces, demo::Demo, progress, settings::DemoOptions};

/// Traces that are stored at once, and how many of such batches are on their way.
const BATCH: usize = 500;
const AT_ONCE: usize = 4;

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
    let mut traces = Demo::new(seed, ingest::now(), u64::from(count));
    let batches = std::iter::from_fn(|| Some(traces.by_ref().take(BATCH).collect::<Vec<String>>()).filter(|batch| !batch.is_empty()));
    let storing = batches.map(|batch| async move {
        let items: Vec<&str> = batch.iter().map(String::as_str).collect();
        ingest::store_items(store, &items, &Source::Demo.into()).await
    });
    let mut storing = stream::iter(storing).buffered(AT_ONCE);
    let mut stored = 0;
    let progress = progress::bar("storing", u64::from(count));
    while let Some(results) = storing.try_next().await? {
        stored += results.iter().filter(|result| matches!(result.outcome(), Some(Outcome::Created | Outcome::Updated))).count();
        progress.inc(results.len() as u64);
    }
    progress.finish_and_clear();
    Ok(stored)
}
