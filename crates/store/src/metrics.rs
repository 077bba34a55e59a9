use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use tracellm_trace::masking::Masked;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Masking {
    what: String,
}

/// What the write path counts. Clones count together.
#[derive(Clone, Debug)]
pub struct WriteMetrics {
    pub(crate) waiting_puts: Gauge,
    pub(crate) waiting_bytes: Gauge,
    batch_documents: Histogram,
    commit_seconds: Histogram,
    failed: Counter,
    last_commit: Gauge<f64, AtomicU64>,
    masked: Family<Masking, Counter>,
    /// How long commits took that somebody waited for, in µs.
    committing: Arc<AtomicU64>,
    is_failing: Arc<AtomicBool>,
}

impl Default for WriteMetrics {
    fn default() -> Self {
        Self {
            waiting_puts: Gauge::default(),
            waiting_bytes: Gauge::default(),
            batch_documents: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            commit_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            failed: Counter::default(),
            last_commit: Gauge::default(),
            masked: Family::default(),
            committing: Arc::default(),
            is_failing: Arc::default(),
        }
    }
}

impl WriteMetrics {
    /// Gives them their names.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("write_queue_puts", "Puts that wait to be durable", self.waiting_puts.clone());
        registry.register_with_unit("write_queue", "Documents that wait to be durable", Unit::Bytes, self.waiting_bytes.clone());
        registry.register("write_batch_documents", "Documents and spans' traces of a commit", self.batch_documents.clone());
        registry.register_with_unit("write_commit", "Time that a commit takes", Unit::Seconds, self.commit_seconds.clone());
        registry.register("write_failed_commits", "Commits that failed", self.failed.clone());
        let help = "When something was last made durable, in seconds since 1970; 0 where nothing was yet";
        registry.register("masked_values", "Values that were masked before they were stored, by what they were", self.masked.clone());
        registry.register_with_unit("write_last_commit_timestamp", help, Unit::Seconds, self.last_commit.clone());
    }

    pub(crate) fn masked(&self, masked: &Masked) {
        for (what, count) in masked {
            self.masked.get_or_create(&Masking { what: what.clone() }).inc_by(*count);
        }
    }

    pub(crate) fn committed(&self, documents: usize, took: Duration) {
        self.recovered();
        // Nobody waits for what holds none: the search index, a try whether anything can be written.
        if documents == 0 {
            return;
        }
        self.batch_documents.observe(documents as f64);
        self.commit_seconds.observe(took.as_secs_f64());
        self.committing.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.last_commit.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
    }

    /// How long all commits took together that somebody waited for.
    pub(crate) fn committing(&self) -> Duration {
        Duration::from_micros(self.committing.load(Ordering::Relaxed))
    }

    /// Something could be written again.
    pub(crate) fn recovered(&self) {
        self.is_failing.store(false, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failed.inc();
        self.is_failing.store(true, Ordering::Relaxed);
    }

    /// Whether the last write failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }
}
