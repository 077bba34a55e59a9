use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Milliseconds.
static PATIENCE: AtomicU64 = AtomicU64::new(30_000);

/// Bounds how long the database may take for a question, in this process.
pub fn bound_questions(time: Duration) {
    PATIENCE.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// How long the database may take for a question. One that takes longer is as good as gone.
pub(crate) fn patience() -> Duration {
    Duration::from_millis(PATIENCE.load(Ordering::Relaxed))
}
