use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::spawn_blocking,
};
use tracellm_trace::{Outcome, Timestamp, Trace, TraceSummary};

use super::{
    errors::unreadable,
    spans::{self, SpanRow},
};
use crate::{
    NewSpan, NewTrace, PutOutcome, StoreError,
    merge::{Merged, merge},
};

/// Kilobytes of documents that may wait to be written; a put that finds more waiting is told to come again.
const QUEUE_KB: u32 = 64 * 1024;
/// Documents after which a transaction takes no further put.
const MAX_BATCH: usize = 2_000;

/// The way to the thread that writes.
pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::UnboundedSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    room: Arc<Semaphore>,
    commits: Arc<Notify>,
}

type Answer = Result<Vec<PutOutcome>, StoreError>;

/// A put that waits for its transaction.
struct Job {
    work: Work,
    answer: oneshot::Sender<Answer>,
    _room: OwnedSemaphorePermit,
}

/// What is to be written.
enum Work {
    Documents(Vec<Row>),
    Spans(Vec<SpanRow>, Timestamp),
}

impl Work {
    fn len(&self) -> usize {
        match self {
            Self::Documents(rows) => rows.len(),
            Self::Spans(rows, _) => rows.len(),
        }
    }
}

/// A document as it came, and as it will stand in the file if none stands there yet.
pub(super) struct Row {
    new: NewTrace,
    json: Json,
}

struct Json {
    tags: Option<String>,
    summary: String,
    doc: String,
}

impl Writer {
    pub fn start(connection: Connection) -> Result<Self, StoreError> {
        let (sender, jobs) = mpsc::unbounded_channel();
        let commits = Arc::<Notify>::default();
        let committed = commits.clone();
        let thread = thread::Builder::new().name("writer".to_owned()).spawn(move || run(connection, jobs, &committed));
        let thread = thread.map_err(|error| StoreError::Failed(format!("the writer can't be started: {error}")))?;
        let room = Arc::new(Semaphore::new(QUEUE_KB as usize));
        Ok(Self { jobs: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), room, commits })
    }

    pub async fn put(&self, traces: Vec<NewTrace>) -> Answer {
        let rows = traces.into_iter().map(Row::new).collect::<Result<Vec<_>, _>>()?;
        let bytes = rows.iter().map(|row| row.json.doc.len()).sum();
        self.write(Work::Documents(rows), bytes).await
    }

    pub async fn put_spans(&self, spans: Vec<NewSpan>, now: Timestamp) -> Answer {
        let rows = spans.into_iter().map(SpanRow::new).collect::<Result<Vec<_>, _>>()?;
        let bytes = rows.iter().map(SpanRow::bytes).sum();
        self.write(Work::Spans(rows, now), bytes).await
    }

    async fn write(&self, work: Work, bytes: usize) -> Answer {
        let kilobytes = bytes / 1024;
        // What is larger than the whole queue still goes through, alone.
        let kilobytes = u32::try_from(kilobytes).unwrap_or(u32::MAX).clamp(1, QUEUE_KB);
        let full = |_| StoreError::Unavailable("too many traces wait to be written".to_owned());
        let room = self.room.clone().try_acquire_many_owned(kilobytes).map_err(full)?;
        let (answer, answered) = oneshot::channel();
        self.sender()?.send(Job { work, answer, _room: room }).map_err(|_| ended())?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Rings after each commit.
    pub fn commits(&self) -> Arc<Notify> {
        self.commits.clone()
    }

    /// Says whether the thread is there.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.sender()?.is_closed() { Err(ended()) } else { Ok(()) }
    }

    /// Takes no more puts, and waits for those that were taken.
    pub async fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && !matches!(spawn_blocking(move || thread.join()).await, Ok(Ok(())))
        {
            tracing::error!("the writer ended in a panic");
        }
    }

    fn sender(&self) -> Result<mpsc::UnboundedSender<Job>, StoreError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.clone().ok_or_else(|| StoreError::Unavailable("the store is closed".to_owned()))
    }
}

fn ended() -> StoreError {
    StoreError::Failed("the writer has ended".to_owned())
}

impl Row {
    pub fn new(new: NewTrace) -> Result<Self, StoreError> {
        Ok(Self { json: Json::of(&new.trace)?, new })
    }
}

impl Json {
    fn of(trace: &Trace) -> Result<Self, StoreError> {
        let failed = |error| StoreError::Failed(format!("a trace can't be written as JSON ({error})"));
        let summary = serde_json::to_string(&TraceSummary::from(trace)).map_err(failed)?;
        let tags = Some(&trace.tags).filter(|tags| !tags.is_empty()).map(serde_json::to_string).transpose().map_err(failed)?;
        Ok(Self { tags, summary, doc: serde_json::to_string(trace).map_err(failed)? })
    }
}

fn run(mut connection: Connection, mut jobs: mpsc::UnboundedReceiver<Job>, commits: &Notify) {
    while let Some(first) = jobs.blocking_recv() {
        let mut documents = first.work.len();
        let mut batch = vec![first];
        while documents < MAX_BATCH
            && let Ok(job) = jobs.try_recv()
        {
            documents += job.work.len();
            batch.push(job);
        }
        let (work, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.work, (job.answer, job._room))).unzip();
        let mut result = write(&mut connection, work).map(Vec::into_iter);
        if let Err(error) = &result {
            tracing::error!("{documents} traces could not be written: {error}");
        }
        commits.notify_one();
        for (answer, _room) in answers {
            // Whoever no longer waits for the answer has their documents stored all the same.
            let _ = answer.send(match &mut result {
                Ok(outcomes) => outcomes.next().ok_or_else(ended),
                Err(error) => Err(error.clone()),
            });
        }
    }
}

/// Writes what some puts brought in one transaction.
fn write(connection: &mut Connection, puts: Vec<Work>) -> Result<Vec<Vec<PutOutcome>>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut outcomes = Vec::with_capacity(puts.len());
    for work in puts {
        outcomes.push(match work {
            Work::Documents(rows) => {
                rows.into_iter().map(|row| Ok(Ok(write_row(&transaction, row)?))).collect::<Result<_, StoreError>>()?
            }
            Work::Spans(rows, now) => spans::write(&transaction, rows, now)?,
        });
    }
    transaction.commit()?;
    Ok(outcomes)
}

pub(super) fn write_row(transaction: &Transaction, Row { new, json }: Row) -> Result<Outcome, StoreError> {
    let find = "SELECT id, doc FROM traces WHERE trace_id = ? AND project_id = ?";
    let key = params![new.trace.trace_id, new.trace.project_id];
    let found = transaction.prepare_cached(find)?.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((id, doc)): Option<(i64, String)> = found else {
        store(transaction, None, &new.trace, &json)?;
        return Ok(Outcome::Created);
    };
    let stored = serde_json::from_str(&doc).map_err(unreadable)?;
    match merge(&stored, new) {
        Merged::Duplicate => Ok(Outcome::Duplicate),
        Merged::Updated(trace) => {
            // A row whose number grows with each change is found by whoever follows what is stored.
            let renumber = "UPDATE traces SET id = (SELECT max(id) + 1 FROM traces) WHERE id = ? RETURNING id";
            let id = transaction.prepare_cached(renumber)?.query_row([id], |row| row.get(0))?;
            store(transaction, Some(id), &trace, &Json::of(&trace)?)?;
            Ok(Outcome::Updated)
        }
    }
}

/// Writes a document to the row `id`, else to a new one.
fn store(transaction: &Transaction, id: Option<i64>, trace: &Trace, json: &Json) -> Result<(), StoreError> {
    let sql = "INSERT INTO traces
                   (id, project_id, trace_id, created_at, status, model_name, environment, latency, token_count, cost_usd, retry_count,
                    slow_request, session_id, user_id, tags, summary, doc)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (id) DO UPDATE SET
                   created_at = excluded.created_at, status = excluded.status, model_name = excluded.model_name,
                   environment = excluded.environment, latency = excluded.latency, token_count = excluded.token_count,
                   cost_usd = excluded.cost_usd, retry_count = excluded.retry_count, slow_request = excluded.slow_request,
                   session_id = excluded.session_id, user_id = excluded.user_id, tags = excluded.tags,
                   summary = excluded.summary, doc = excluded.doc";
    transaction.prepare_cached(sql)?.execute(params![
        id,
        trace.project_id,
        trace.trace_id,
        trace.created_at.millis(),
        trace.status.as_str(),
        trace.model_name,
        trace.environment,
        trace.latency,
        trace.token_count,
        trace.cost_usd,
        trace.retry_count,
        trace.slow_request,
        trace.session_id,
        trace.user_id,
        json.tags,
        json.summary,
        json.doc,
    ])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tracellm_trace::{Context, Outcome, Source, Timestamp, normalize};

    use super::{Row, Work, write};
    use crate::{StoreError, embedded::schema};

    fn row(id: &str, prompt: &str) -> Row {
        let context = Context { now: Timestamp::MIN, fresh_id: id.to_owned(), source: Source::Json, key: None };
        Row::new(normalize(&format!("{{\"prompt\":\"{prompt}\"}}"), &context).unwrap().into()).unwrap()
    }

    #[test]
    fn a_full_disk_stores_nothing_of_a_batch_and_later_ones_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = schema::open(&folder.path().join("tracellm.db")).unwrap();
        connection.pragma_update(None, "max_page_count", 100).unwrap();
        let error = write(
            &mut connection,
            vec![Work::Documents(vec![row("small", "")]), Work::Documents(vec![row("large", &"x".repeat(1 << 20))])],
        )
        .unwrap_err();
        assert!(matches!(&error, StoreError::Unavailable(message) if message.contains("disk is full")), "{error}");
        let outcomes = write(&mut connection, vec![Work::Documents(vec![row("small", "")])]).unwrap();
        assert_eq!(outcomes, [[Ok(Outcome::Created)]]);
    }
}
