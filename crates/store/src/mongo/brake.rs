use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use tokio::time::sleep;

/// What is stored is to be found half a minute later: so far behind, the index may be.
const BEHIND: Duration = Duration::from_secs(20);
/// Those who write pause at most for so many times as long as they write.
const MOST: f64 = 3.0;
/// And no longer than this at a time.
const LONGEST: Duration = Duration::from_secs(1);

/// Has those who write pause, where traces come so fast that the search index would fall behind ever further.
#[derive(Debug, Default)]
pub(super) struct Brake {
    /// Thousandths of what a batch takes.
    pause: AtomicU32,
    is_off: AtomicBool,
}

impl Brake {
    /// Pulls it the more, the longer what the index lacks takes it.
    pub fn set(&self, lacks: Duration) {
        let times = (lacks.div_duration_f64(BEHIND) - 1.0).clamp(0.0, MOST);
        self.pause.store((times * 1e3) as u32, Ordering::Relaxed);
    }

    /// After a batch that took so long.
    pub async fn pause(&self, took: Duration) {
        let pause = took.saturating_mul(self.pause.load(Ordering::Relaxed)) / 1_000;
        if !pause.is_zero() && !self.is_off.load(Ordering::Relaxed) {
            sleep(pause.min(LONGEST)).await;
        }
    }

    /// For good: what waits at the end is written as fast as it can be.
    pub fn turn_off(&self) {
        self.is_off.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use futures_util::FutureExt;

    use super::{BEHIND, Brake, Ordering};

    #[tokio::test]
    async fn who_writes_pauses_the_longer_the_more_the_index_lacks() {
        let brake = Brake::default();
        let second = Duration::from_secs(1);
        let paused = async |lacks| {
            brake.set(lacks);
            let begin = Instant::now();
            brake.pause(second / 10).await;
            begin.elapsed()
        };
        brake.set(BEHIND);
        assert_eq!(brake.pause.load(Ordering::Relaxed), 0);
        assert!(paused(BEHIND * 2).await >= second / 10);
        assert!(paused(BEHIND * 3).await >= second / 5);
        brake.set(Duration::MAX);
        assert_eq!(brake.pause.load(Ordering::Relaxed), 3_000);
        brake.turn_off();
        assert!(brake.pause(second).now_or_never().is_some(), "nobody pauses at the end");
    }
}
