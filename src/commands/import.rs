use std::{io::Read, path::Path};

use tracellm_store::{Location, TraceStore, ingest};
use tracellm_trace::{
    ItemResult, Outcome, Source,
    body::{self, Body, Layout},
    otlp::wire,
};

use crate::{Failure, commands::traces, progress, settings::ImportOptions};

/// Items that are stored at once.
const BATCH: usize = 500;

#[derive(Default)]
struct Tally {
    created: usize,
    updated: usize,
    duplicates: usize,
    refused: usize,
    spans: usize,
}

/// Stores files one after the other: what a later one says of a trace stands.
pub async fn import(location: Location, options: ImportOptions) -> Result<(), Failure> {
    let store = tracellm_store::open(&location).await?;
    let mut tally = Tally::default();
    let mut unreadable = 0;
    for path in &options.files {
        if let Err(error) = import_file(&*store, path, &mut tally).await {
            // A database that fails would fail for the next file too.
            if error.downcast_ref::<tracellm_store::StoreError>().is_some() {
                return Err(error);
            }
            unreadable += 1;
            eprintln!("{}: {error}", path.display());
        }
    }
    store.close().await;
    let Tally { created, updated, duplicates, refused, spans } = tally;
    eprintln!(
        "{} stored: {created} new, {updated} replaced; {duplicates} were there already; {refused} refused",
        traces(created + updated)
    );
    if spans > 0 {
        eprintln!("{spans} spans of OpenTelemetry taken in");
    }
    if refused + unreadable > 0 {
        return Err("not everything could be imported, see above".into());
    }
    Ok(())
}

async fn import_file(store: &dyn TraceStore, path: &Path, tally: &mut Tally) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(path)?;
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8 text")?;
    let items = match body::split(&text, Layout::Detect).map_err(|issue| issue.message)? {
        Body::One(item) => vec![item],
        Body::Batch(items) => items,
    };
    if items.is_empty() {
        return Err("holds no trace".into());
    }
    // Export requests of OpenTelemetry, as its collector writes them to files.
    let (exports, items): (Vec<&str>, Vec<&str>) =
        items.into_iter().partition(|item| item.contains("\"resourceSpans\"") && wire::read(item).is_ok());
    for export in exports {
        let report = ingest::store_spans(store, wire::read(export).map_err(|issue| issue.message)?, &Source::Import.into()).await?;
        tally.spans += report.accepted;
        tally.refused += report.rejected.len();
        for rejected in report.rejected {
            eprintln!("{}: span `{}`: {}", path.display(), rejected.name, rejected.reason);
        }
    }
    let progress = progress::bar("importing", items.len() as u64);
    for (batch, first) in items.chunks(BATCH).zip((0..).step_by(BATCH)) {
        for (result, index) in ingest::store_items(store, batch, &Source::Import.into()).await?.iter().zip(first..) {
            match result {
                ItemResult::Stored(stored) => match stored.outcome {
                    Outcome::Created => tally.created += 1,
                    Outcome::Updated => tally.updated += 1,
                    Outcome::Duplicate => tally.duplicates += 1,
                },
                ItemResult::Refused(refused) => {
                    tally.refused += 1;
                    progress.suspend(|| {
                        for issue in &refused.errors {
                            eprintln!("{}: trace {}: `{}` {}", path.display(), index + 1, issue.path, issue.message);
                        }
                    });
                }
            }
        }
        progress.inc(batch.len() as u64);
    }
    progress.finish_and_clear();
    Ok(())
}
