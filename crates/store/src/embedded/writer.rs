use std::{
    slice,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::{sync::watch, task::spawn_blocking, time::timeout};
use tracellm_trace::{Outcome, Timestamp};

use super::{
    brake::Brake,
    index::{self, Entries},
    removal,
    row::{Row, write_row},
    spans::{self, SpanRows},
    sums::Sums,
};
use crate::{
    NewSpan, NewTrace, PutOutcome, StoreError, TraceKey, WriteMetrics,
    queue::{Answer, DEADLINE, Job, Queue, Size, Waiting, answer, log_undone},
    turns::in_turns,
};

/// After which a transaction takes no further put.
const BATCH_BYTES: usize = 4 << 20;

/// Takes room on the disk, and leaves it free for what comes next.
const PROBE: [&str; 2] = ["CREATE TABLE IF NOT EXISTS probe AS SELECT zeroblob(262144)", "DROP TABLE IF EXISTS probe"];

/// The way to the thread that writes.
pub(super) struct Writer {
    queue: Arc<Queue<Work>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    commits: watch::Receiver<()>,
    brake: Arc<Brake>,
    pub metrics: WriteMetrics,
}

/// What is to be written.
enum Work {
    Documents(Vec<Row>),
    Spans(SpanRows),
    Index(Entries),
    Remove(Vec<TraceKey>),
    RemoveSpans(Vec<TraceKey>),
    /// Nothing that stays: it tells whether anything can be written.
    Probe(&'static str),
}

impl Writer {
    pub fn start(connection: Connection) -> Result<Self, StoreError> {
        let metrics = WriteMetrics::default();
        let (queue, waiting) = Queue::new(BATCH_BYTES, metrics.clone());
        let (committed, commits) = watch::channel(());
        let count = metrics.clone();
        let thread = thread::Builder::new().name("writer".to_owned()).spawn(move || run(connection, waiting, &committed, &count));
        let thread = thread.map_err(|error| StoreError::Failed(format!("the writer can't be started: {error}")))?;
        Ok(Self { queue: Arc::new(queue), thread: Mutex::new(Some(thread)), commits, brake: Arc::default(), metrics })
    }

    pub async fn put(&self, traces: Vec<NewTrace>) -> Answer {
        let rows = in_turns(traces, Row::new).await?;
        let size = Size { documents: rows.len(), bytes: rows.iter().map(Row::bytes).sum() };
        self.brake.wait().await;
        self.queue.write(Work::Documents(rows), size).await
    }

    pub async fn put_spans(&self, spans: Vec<NewSpan>, now: Timestamp) -> Answer {
        let rows = SpanRows::new(spans, now).await?;
        let size = rows.size();
        self.brake.wait().await;
        self.queue.write(Work::Spans(rows), size).await
    }

    /// Says how many there were.
    pub async fn remove(&self, keys: Vec<TraceKey>) -> Result<u64, StoreError> {
        let size = Size { documents: keys.len(), bytes: 0 };
        self.queue.write(Work::Remove(keys), size).await.map(|outcomes| outcomes.len() as u64)
    }

    pub async fn remove_spans(&self, keys: Vec<TraceKey>) -> Result<(), StoreError> {
        let size = Size { documents: keys.len(), bytes: 0 };
        self.queue.write(Work::RemoveSpans(keys), size).await.map(drop)
    }

    /// Rings after each commit.
    pub fn commits(&self) -> watch::Receiver<()> {
        self.commits.clone()
    }

    /// For who keeps the index.
    pub fn inlet(&self) -> Inlet {
        Inlet { queue: self.queue.clone(), brake: self.brake.clone(), last: (Instant::now(), self.metrics.committing()) }
    }

    /// Says whether the thread is there, and after a write that failed, whether it can write again.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.queue.check()?;
        if self.metrics.is_failing() {
            for sql in PROBE {
                self.queue.write(Work::Probe(sql), Size::default()).await?;
            }
        }
        Ok(())
    }

    /// Takes no more puts, and waits for those that were taken.
    pub async fn close(&self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        match timeout(DEADLINE, spawn_blocking(move || thread.join())).await {
            Ok(Ok(Ok(()))) => {}
            Ok(_) => tracing::error!("the writer ended in a panic"),
            Err(_) => log_undone(),
        }
    }
}

/// The way for what is made of stored traces.
pub(super) struct Inlet {
    queue: Arc<Queue<Work>>,
    pub brake: Arc<Brake>,
    /// When it was last asked how busy the writer is, and how long that had committed by then.
    last: (Instant, Duration),
}

impl Inlet {
    /// How much of the time since it was last asked was taken by commits that somebody waits for, from 0 to 1.
    pub fn busy(&mut self) -> f64 {
        let now = (Instant::now(), self.queue.metrics.committing());
        let (then, committed) = std::mem::replace(&mut self.last, now);
        now.1.saturating_sub(committed).div_duration_f64(now.0.duration_since(then)).min(1.0)
    }

    pub async fn add_to_index(&self, entries: Entries) -> Result<(), StoreError> {
        // The room is for those who put.
        let size = Size { documents: 0, bytes: entries.bytes().min(BATCH_BYTES) };
        self.queue.write(Work::Index(entries), size).await.map(drop)
    }
}

fn run(mut connection: Connection, mut waiting: Waiting<Work>, commits: &watch::Sender<()>, metrics: &WriteMetrics) {
    while let Some(batch) = waiting.blocking_batch() {
        let begin = Instant::now();
        let answers = write_all(&mut connection, &batch);
        commits.send_replace(());
        answer(batch, answers, begin, metrics);
    }
}

/// Writes a batch in one transaction. Where that fails, each put gets one of its own, so that what can't be written takes no other with it.
fn write_all(connection: &mut Connection, batch: &[Job<Work>]) -> Vec<Answer> {
    let together = match begin(connection) {
        Ok(transaction) => write(transaction, batch),
        Err(error) => return batch.iter().map(|_| Err(error.clone())).collect(),
    };
    match together {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(error) if batch.len() == 1 => vec![Err(error)],
        Err(_) => batch.iter().flat_map(|job| write_all(connection, slice::from_ref(job))).collect(),
    }
}

/// Begins, as soon as no other process writes.
fn begin(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// Writes some puts, and commits.
fn write(transaction: Transaction, batch: &[Job<Work>]) -> Result<Vec<Vec<PutOutcome>>, StoreError> {
    let mut sums = Sums::new(&transaction);
    let outcomes = batch.iter().map(|job| match &job.work {
        Work::Documents(rows) => rows.iter().map(|row| Ok(Ok(write_row(&transaction, &mut sums, row)?))).collect(),
        Work::Spans(rows) => spans::write(&transaction, &mut sums, rows),
        Work::Index(entries) => index::add(&transaction, &mut sums.facets, entries).map(|()| Vec::new()),
        // One outcome for each trace that is gone.
        Work::Remove(keys) => Ok(vec![Ok(Outcome::Updated); removal::remove(&transaction, &mut sums, keys)?]),
        Work::RemoveSpans(keys) => removal::remove_spans(&transaction, keys).map(|()| Vec::new()),
        Work::Probe(sql) => Ok(transaction.execute_batch(sql).map(|()| Vec::new())?),
    });
    let outcomes = outcomes.collect::<Result<_, _>>()?;
    sums.write()?;
    transaction.commit()?;
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;
    use tokio::task::{JoinSet, yield_now};
    use tracellm_trace::{Context, Outcome, Source, Timestamp, normalize};

    use super::{BATCH_BYTES, Row, Work, Writer, write_all};
    use crate::{
        NewTrace, StoreError,
        embedded::schema,
        queue::{Queue, Size},
    };

    fn trace(id: &str, bytes: usize) -> NewTrace {
        let context = Context::with_id(Timestamp::MIN, id, Source::Json);
        normalize(&format!("{{\"prompt\":\"{}\"}}", "x".repeat(bytes)), &context).unwrap().into()
    }

    /// A file that may grow to so many bytes.
    fn small_disk(folder: &Path, bytes: i64) -> Connection {
        let connection = schema::open(&folder.join("tracellm.db")).unwrap();
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
        connection.pragma_update(None, "max_page_count", bytes / page).unwrap();
        connection
    }

    fn is_full(answer: Result<impl Sized, StoreError>) -> bool {
        matches!(answer.err(), Some(StoreError::Unavailable(message)) if message.contains("the disk is full"))
    }

    #[tokio::test]
    async fn what_finds_no_room_takes_no_other_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = small_disk(folder.path(), 800_000);
        let (queue, mut waiting) = Queue::new(BATCH_BYTES, Default::default());
        let queue = std::sync::Arc::new(queue);
        let mut puts = JoinSet::new();
        for (id, bytes) in [("small", 10), ("large", 1 << 20), ("too", 10)] {
            let (queue, row) = (queue.clone(), Row::new(trace(id, bytes)).unwrap());
            puts.spawn(async move { queue.write(Work::Documents(vec![row]), Size { documents: 1, bytes }).await });
        }
        yield_now().await;
        let batch = waiting.batch().await.unwrap();
        assert_eq!(batch.len(), 3, "all of them wait for one transaction");
        let mut answers = write_all(&mut connection, &batch);
        assert!(is_full(answers.remove(1)));
        let outcomes: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().remove(0).unwrap()).collect();
        assert_eq!(outcomes, [Outcome::Created; 2]);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_room_is_used_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::start(small_disk(folder.path(), 900_000)).unwrap();
        let mut stored = 0;
        while let Ok(outcomes) = writer.put(vec![trace(&format!("{stored}"), 20_000)]).await {
            assert_eq!(outcomes, [Ok(Outcome::Created)]);
            stored += 1;
        }
        assert!((3..30).contains(&stored), "{stored}");
        assert!(is_full(writer.put(vec![trace("one more", 20_000)]).await));
        assert!(is_full(writer.check().await), "nothing can be written yet");
        let other = schema::open(&folder.path().join("tracellm.db")).unwrap();
        let count = || other.query_row("SELECT count(*) FROM traces", [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count(), stored, "reading goes on");
        // Some made room.
        other.execute("DELETE FROM traces WHERE trace_id <> '0'", []).unwrap();
        writer.check().await.unwrap();
        assert_eq!(writer.put(vec![trace("one more", 20_000)]).await.unwrap(), [Ok(Outcome::Created)]);
        assert_eq!(count(), 2);
        writer.close().await;
    }
}
