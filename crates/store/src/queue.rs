use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::{PutOutcome, StoreError, WriteMetrics};

/// Kilobytes that may wait to be written; a put that finds more waiting is told to come again.
const QUEUE_KB: u32 = 32 * 1024;
/// Documents after which a batch takes no further put.
const BATCH_DOCUMENTS: usize = 2_000;

/// How long the end waits for what was taken to be written.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// What became of the documents of a put, in their order.
pub(crate) type Answer = Result<Vec<PutOutcome>, StoreError>;

/// Puts that wait to be written. There is no timer: what arrives during a commit is the next batch.
pub(crate) struct Queue<W> {
    jobs: Mutex<Option<mpsc::UnboundedSender<Job<W>>>>,
    room: Arc<Semaphore>,
    pub metrics: WriteMetrics,
}

/// A put that waits for its commit.
pub(crate) struct Job<W> {
    pub work: W,
    pub size: Size,
    answer: oneshot::Sender<Answer>,
    _place: Place,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    pub documents: usize,
    pub bytes: usize,
}

/// What a put takes of the queue until it is answered.
struct Place {
    puts: i64,
    bytes: i64,
    metrics: WriteMetrics,
    _room: OwnedSemaphorePermit,
}

impl<W> Queue<W> {
    /// A batch takes no further put once it holds so many bytes.
    pub fn new(batch_bytes: usize, metrics: WriteMetrics) -> (Self, Waiting<W>) {
        let (sender, jobs) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(QUEUE_KB as usize));
        (Self { jobs: Mutex::new(Some(sender)), room, metrics }, Waiting { jobs, batch_bytes })
    }

    /// Answered when all of it is durable; refused at once where too much waits already.
    pub async fn write(&self, work: W, size: Size) -> Answer {
        // What is larger than the whole queue still goes through, alone.
        let kilobytes = u32::try_from(size.bytes / 1024).unwrap_or(u32::MAX).clamp(1, QUEUE_KB);
        let room = self.room.clone().try_acquire_many_owned(kilobytes).map_err(|_| StoreError::Overloaded)?;
        let place = Place::new(size, self.metrics.clone(), room);
        let (answer, answered) = oneshot::channel();
        self.sender()?.send(Job { work, size, answer, _place: place }).map_err(|_| ended())?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Whether anyone still writes.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.sender()?.is_closed() { Err(ended()) } else { Ok(()) }
    }

    /// Takes no more puts; those that wait are still written.
    pub fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn sender(&self) -> Result<mpsc::UnboundedSender<Job<W>>, StoreError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.clone().ok_or_else(|| StoreError::Unavailable("the store is closed".to_owned()))
    }
}

fn ended() -> StoreError {
    StoreError::Failed("the writer has ended".to_owned())
}

impl Place {
    fn new(size: Size, metrics: WriteMetrics, room: OwnedSemaphorePermit) -> Self {
        // What holds no document, the search index say, is no put that somebody waits for.
        let puts = i64::from(size.documents > 0);
        let bytes = i64::try_from(size.bytes).unwrap_or(i64::MAX) * puts;
        metrics.waiting_puts.inc_by(puts);
        metrics.waiting_bytes.inc_by(bytes);
        Self { puts, bytes, metrics, _room: room }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.waiting_puts.dec_by(self.puts);
        self.metrics.waiting_bytes.dec_by(self.bytes);
    }
}

/// Counts a batch that is done, and tells each put of it what became of its own.
pub(crate) fn answer<W>(batch: Vec<Job<W>>, answers: Vec<Answer>, begin: Instant, metrics: &WriteMetrics) {
    if answers.iter().any(Result::is_err) {
        metrics.failed();
    } else {
        let size = batch.iter().map(|job| job.size).sum::<Size>();
        metrics.committed(size.documents, begin.elapsed());
    }
    for (job, answer) in batch.into_iter().zip(answers) {
        // Whoever no longer waits for the answer has their documents stored all the same.
        let _ = job.answer.send(answer);
    }
}

/// Says that the end came before all was written.
pub(crate) fn log_undone() {
    tracing::error!("not all that waited was written within {} s; none of that was acknowledged", DEADLINE.as_secs());
}

/// The end of the queue from which is written.
pub(crate) struct Waiting<W> {
    jobs: mpsc::UnboundedReceiver<Job<W>>,
    batch_bytes: usize,
}

impl<W> Waiting<W> {
    /// What waits, as soon as something does; none when the queue is closed and empty.
    pub async fn batch(&mut self) -> Option<Vec<Job<W>>> {
        let first = self.jobs.recv().await?;
        Some(self.with_those_behind(first))
    }

    /// The same on a thread of its own.
    pub fn blocking_batch(&mut self) -> Option<Vec<Job<W>>> {
        let first = self.jobs.blocking_recv()?;
        Some(self.with_those_behind(first))
    }

    fn with_those_behind(&mut self, first: Job<W>) -> Vec<Job<W>> {
        let mut size = first.size;
        let mut batch = vec![first];
        while size.documents < BATCH_DOCUMENTS
            && size.bytes < self.batch_bytes
            && let Ok(job) = self.jobs.try_recv()
        {
            size = size + job.size;
            batch.push(job);
        }
        batch
    }
}

impl std::ops::Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { documents: self.documents + other.documents, bytes: self.bytes + other.bytes }
    }
}

impl std::iter::Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), |sum, size| sum + size)
    }
}
