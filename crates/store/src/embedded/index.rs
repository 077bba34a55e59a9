use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::{sync::watch, time::timeout};
use tracellm_trace::{Labels, Timestamp, Trace, search, stats::Sample};

use super::{
    connections::Connections,
    facets::{FacetCounts, read_labels, write_labels},
    writer::Inlet,
};
use crate::StoreError;

/// How often one looks for what other processes have stored.
const POLL: Duration = Duration::from_millis(250);
/// Traces that are added at a time, so that what waits to be written waits little longer.
const BATCH: usize = 1_024;
/// Bytes of terms after which no more are added at that time.
const BATCH_BYTES: usize = 4 << 20;

/// Where others write all the time, the index waits so many times as long as its batches take; where they do half the time, a fourth of that.
const YIELD: f64 = 24.0;
/// It waits no longer than this at a time, as so much may come meanwhile.
const LONGEST: Duration = Duration::from_secs(2);
/// Once what it lacks takes it longer than this, more are added at a time, which is faster.
const BEHIND: Duration = Duration::from_secs(2);
const BEHIND_BYTES: usize = 8 << 20;
/// Once it takes longer than this, the index waits for nobody.
const LAGGING: Duration = Duration::from_secs(10);
/// Once it takes longer than this and gets more, puts wait for it: what is stored is to be found half a minute later.
const BRAKING: Duration = Duration::from_secs(15);

/// Numbers of entries that begin at one moment: more that do are put at the moments before.
const NUMBER_BITS: u32 = 14;

/// Traces on their way to the index.
pub(super) struct Entries {
    /// The last row before them.
    behind: i64,
    /// The last row of them.
    upto: i64,
    /// The last row that there is.
    newest: i64,
    entries: Vec<Entry>,
}

struct Entry {
    id: i64,
    created_at: i64,
    /// Parted by spaces.
    terms: String,
    labels: Labels,
    /// The trace without its texts.
    head: Trace,
}

impl Entries {
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.terms.len()).sum()
    }
}

/// The first entry of a moment. Entries are numbered in order of time, so that the newest are found first.
pub(super) fn first_of(created_at: i64) -> i64 {
    Timestamp::from_millis_clamped(created_at).millis().saturating_sub(Timestamp::MIN.millis()) << NUMBER_BITS
}

/// The last row that is in the index, or was passed over.
pub(super) fn indexed(connection: &Connection) -> Result<i64, StoreError> {
    // A row whose number was taken back may come again.
    let sql = "SELECT min(indexed, (SELECT coalesce(max(id), 0) FROM traces)) FROM search_state";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// Keeps the index up with what is stored, by whichever process, until the store is closed.
pub(super) async fn keep_up(readers: Arc<Connections>, mut inlet: Inlet, mut commits: watch::Receiver<()>) {
    // While some are written, the next are read.
    let mut ahead = None;
    let mut bytes = BATCH_BYTES;
    let mut lacked = 0;
    loop {
        let read = match ahead.take() {
            Some(entries) => Ok(entries),
            None => readers.run(move |connection| next(connection, indexed(connection)?, bytes)).await,
        };
        let added = match read {
            Ok(entries) if entries.upto == entries.behind => {
                // In a moment, unless something is stored before.
                if !matches!(timeout(POLL, commits.changed()).await, Ok(Ok(()))) {
                    tokio::time::sleep(POLL).await;
                }
                continue;
            }
            Ok(entries) => {
                let (begin, upto) = (Instant::now(), entries.upto);
                let (count, missing) = (upto - entries.behind, entries.newest - upto);
                let (added, following) =
                    tokio::join!(inlet.add_to_index(entries), readers.run(move |connection| next(connection, upto, bytes)));
                // Where another process was faster, it may have come further.
                let is_next = readers.run(move |connection| Ok(indexed(connection)? == upto)).await;
                ahead = following.ok().filter(|_| matches!(is_next, Ok(true)));
                let (took, waits) = (begin.elapsed(), YIELD * inlet.busy().powi(2));
                let lag = lag(took, count, missing);
                let grows = missing > std::mem::replace(&mut lacked, missing);
                inlet.brake.set(grows && lag > BRAKING);
                bytes = if lag > BEHIND { BEHIND_BYTES } else { BATCH_BYTES };
                if lag <= LAGGING {
                    tokio::time::sleep(took.mul_f64(waits).min(LONGEST)).await;
                }
                added
            }
            Err(error) => Err(error),
        };
        if let Err(error) = added {
            inlet.brake.set(false);
            tracing::debug!("the search index: {error}");
            tokio::time::sleep(POLL).await;
        }
    }
}

/// How long those take that are missing, if some took so long. Fewer than none are, where some came after the newest was looked up.
fn lag(took: Duration, some: i64, missing: i64) -> Duration {
    took.mul_f64(missing.max(0) as f64 / some.max(1) as f64)
}

/// What is to be added behind a row, until it has so many bytes of terms.
fn next(connection: &Connection, behind: i64, most: usize) -> Result<Entries, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id, created_at, doc FROM traces WHERE id > ? ORDER BY id")?;
    let mut rows = statement.query([behind])?;
    let newest = connection.prepare_cached("SELECT coalesce(max(id), 0) FROM traces")?.query_row([], |row| row.get(0))?;
    let mut next = Entries { behind, upto: behind, newest, entries: Vec::new() };
    let mut bytes = 0;
    while next.entries.len() < BATCH
        && bytes < most
        && let Some(row) = rows.next()?
    {
        next.upto = row.get(0)?;
        // What can't be read can't be shown either.
        let Ok(trace) = serde_json::from_str::<Trace>(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?) else { continue };
        let terms = search::terms(&trace).into_text();
        bytes += terms.len();
        let labels = Labels::from(&trace);
        let head = trace.into_head();
        next.entries.push(Entry { id: next.upto, created_at: row.get(1)?, terms, labels, head });
    }
    Ok(next)
}

/// Adds entries, unless another process was faster.
pub(super) fn add(transaction: &Transaction, facets: &mut FacetCounts, entries: &Entries) -> Result<(), StoreError> {
    if indexed(transaction)? != entries.behind {
        return Ok(());
    }
    let mut stands = transaction.prepare_cached("SELECT 1 FROM traces WHERE id = ? AND created_at = ?")?;
    let mut last = transaction.prepare_cached("SELECT max(entry) FROM search_entries WHERE entry >= ? AND entry < ?")?;
    let mut number = transaction.prepare_cached("INSERT INTO search_entries (entry, id, labels) VALUES (?, ?, ?)")?;
    let mut insert = transaction.prepare_cached("INSERT INTO search (rowid, terms) VALUES (?, ?)")?;
    let mut numbered = Vec::with_capacity(entries.entries.len());
    for Entry { id, created_at, terms, labels, head } in &entries.entries {
        // It may have changed meanwhile; then its row has another number.
        if !stands.exists([id, created_at])? {
            continue;
        }
        let mut moment = *created_at;
        let entry = loop {
            let (first, end) = (first_of(moment), first_of(moment) + (1 << NUMBER_BITS));
            match last.query_row([first, end], |row| row.get::<_, Option<i64>>(0))? {
                None => break first,
                Some(last) if last + 1 < end => break last + 1,
                Some(_) => moment -= 1,
            }
        };
        number.execute(params![entry, id, write_labels(labels)?])?;
        numbered.push((entry, terms));
        facets.change(&Sample::from(head), labels, 1);
    }
    // FTS5 begins another segment for each that is smaller than the one before.
    numbered.sort_unstable_by_key(|(entry, _)| *entry);
    for (entry, terms) in numbered {
        insert.execute(params![entry, terms])?;
    }
    transaction.prepare_cached("UPDATE search_state SET indexed = ?")?.execute([entries.upto])?;
    Ok(())
}

/// Takes a row out of the index, in the transaction that takes it away or gives it another number.
pub(super) fn forget(transaction: &Transaction, facets: &mut FacetCounts, id: i64, old: &Sample) -> Result<(), StoreError> {
    let sql = "DELETE FROM search_entries WHERE id = ? RETURNING entry, labels";
    let entry = transaction.prepare_cached(sql)?.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((entry, labels)): Option<(i64, Option<String>)> = entry else { return Ok(()) };
    transaction.prepare_cached("DELETE FROM search WHERE rowid = ?")?.execute([entry])?;
    facets.change(old, &read_labels(labels.as_deref())?, -1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::lag;

    #[test]
    fn what_is_missing_takes_as_long_as_what_was_added() {
        let took = Duration::from_secs(1);
        assert_eq!(lag(took, 100, 1_000), Duration::from_secs(10));
        assert_eq!(lag(took, 100, -1), Duration::ZERO);
        assert_eq!(lag(took, 0, 2), Duration::from_secs(2));
    }
}
