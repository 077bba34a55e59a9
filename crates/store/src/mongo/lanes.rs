use std::{
    slice,
    sync::{Arc, Mutex as SyncMutex, PoisonError},
    time::Instant,
};

use mongodb::{
    Database,
    bson::{Document, doc},
};
use tokio::{sync::Mutex, task::JoinSet, time::timeout};
use tracellm_trace::Timestamp;

use super::{
    brake::Brake,
    connect::Connection,
    marking::{Marked, Marks},
    put::{self, NewDocument},
    spans,
};
use crate::{
    NewSpan, NewTrace, PutOutcome, StoreError, WriteMetrics,
    queue::{Answer, DEADLINE, Job, Queue, Size, Waiting, answer, log_undone},
    spans::{Outcomes, SpanBatch, batches},
    turns::in_turns,
};

/// Batches that are under way at once: with one alone, nothing would be written while its answer is on the way, and with more each commits less.
const LANES: usize = 2;
/// A server reads and writes a command by itself: several of this size are done sooner than one of their sum.
const BATCH_BYTES: usize = 1 << 20;

/// The way to those who write. Each takes what waits when it is free; that two of them write one trace is told by its version.
pub(super) struct Lanes {
    queue: Queue<Work>,
    lanes: SyncMutex<JoinSet<()>>,
}

/// What is to be written.
enum Work {
    Documents(Vec<NewDocument>),
    Spans { traces: Vec<(SpanBatch, NewDocument)>, refused: Outcomes },
}

impl Lanes {
    /// Starts them on the runtime that asks.
    pub fn start(connection: &Arc<Connection>, marks: &Arc<Marks>, brake: &Arc<Brake>, metrics: &WriteMetrics) -> Self {
        let (queue, waiting) = Queue::new(BATCH_BYTES, metrics.clone());
        let waiting = Arc::new(Mutex::new(waiting));
        let lanes = (0..LANES).map(|_| run(connection.clone(), marks.clone(), brake.clone(), waiting.clone(), metrics.clone())).collect();
        Self { queue, lanes: SyncMutex::new(lanes) }
    }

    pub async fn put(&self, traces: Vec<NewTrace>) -> Answer {
        let documents = in_turns(traces, |trace| Ok(NewDocument::from(trace))).await?;
        let size = Size { documents: documents.len(), bytes: documents.iter().map(NewDocument::bytes).sum() };
        self.queue.write(Work::Documents(documents), size).await
    }

    pub async fn put_spans(&self, spans: Vec<NewSpan>, now: Timestamp) -> Answer {
        let (traces, refused) = batches(spans, now, |trace| Ok(NewDocument::from(trace))).await?;
        let bytes = traces.iter().map(|(batch, new)| batch.packed.len() + new.bytes()).sum();
        let size = Size { documents: traces.len(), bytes };
        self.queue.write(Work::Spans { traces, refused }, size).await
    }

    /// Takes no more puts, and waits for those that were taken.
    pub async fn close(&self) {
        self.queue.close();
        let lanes = std::mem::take(&mut *self.lanes.lock().unwrap_or_else(PoisonError::into_inner));
        if timeout(DEADLINE, lanes.join_all()).await.is_err() {
            log_undone();
        }
    }
}

async fn run(connection: Arc<Connection>, marks: Arc<Marks>, brake: Arc<Brake>, waiting: Arc<Mutex<Waiting<Work>>>, metrics: WriteMetrics) {
    loop {
        let Some(batch) = waiting.lock().await.batch().await else { return };
        let begin = Instant::now();
        let answers = write_all(&connection, &marks, &batch).await;
        answer(batch, answers, begin, &metrics);
        brake.pause(begin.elapsed()).await;
    }
}

/// Writes a batch together. Where that fails for what is in it, each put is written alone, so that it takes no other with it.
async fn write_all(connection: &Connection, marks: &Marks, batch: &[Job<Work>]) -> Vec<Answer> {
    let together = match connection.marked(marks).await {
        Ok(marked) => write(marked, batch).await,
        Err(error) => Err(error),
    };
    match together {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(StoreError::Failed(_)) if batch.len() > 1 => {
            let mut answers = Vec::with_capacity(batch.len());
            for job in batch {
                answers.extend(Box::pin(write_all(connection, marks, slice::from_ref(job))).await);
            }
            answers
        }
        Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
    }
}

/// Writes some puts; outcomes are in their order.
async fn write(marked: Marked<'_>, batch: &[Job<Work>]) -> Result<Vec<Vec<PutOutcome>>, StoreError> {
    let (mut documents, mut of_spans) = (Vec::new(), Vec::new());
    for (number, job) in batch.iter().enumerate() {
        match &job.work {
            Work::Documents(new) => documents.extend(new.iter().map(|new| (number, new))),
            Work::Spans { traces, .. } => of_spans.extend(traces.iter().map(|(batch, new)| (number, batch, new))),
        }
    }
    let mut outcomes: Vec<Vec<PutOutcome>> = batch.iter().map(|_| Vec::new()).collect();
    let (numbers, documents): (Vec<usize>, Vec<&NewDocument>) = documents.into_iter().unzip();
    for (number, outcome) in numbers.into_iter().zip(put::put(marked, &documents).await?) {
        outcomes[number].push(outcome);
    }
    let mut told: Vec<Outcomes> = batch.iter().map(|job| job.work.refused().clone()).collect();
    let (numbers, of_spans): (Vec<usize>, Vec<(&SpanBatch, &NewDocument)>) =
        of_spans.into_iter().map(|(number, batch, new)| (number, (batch, new))).unzip();
    for (number, of_batch) in numbers.into_iter().zip(spans::put(marked, &of_spans).await?) {
        told[number].extend(of_batch);
    }
    for (outcomes, mut told) in outcomes.iter_mut().zip(told) {
        told.sort_unstable_by_key(|(position, _)| *position);
        outcomes.extend(told.into_iter().map(|(_, outcome)| outcome));
    }
    Ok(outcomes)
}

impl Work {
    fn refused(&self) -> Outcomes {
        match self {
            Self::Documents(_) => Outcomes::new(),
            Self::Spans { refused, .. } => refused.clone(),
        }
    }
}

/// Writes something that is of no use, to see whether anything can be written again.
pub(super) async fn probe(database: &Database, metrics: &WriteMetrics) -> Result<(), StoreError> {
    let probes = database.collection::<Document>("probe");
    probes.replace_one(doc! { "_id": "probe" }, doc! { "at": mongodb::bson::DateTime::now() }).upsert(true).await?;
    metrics.recovered();
    Ok(())
}
