use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

/// What waits goes on after this, whatever became of the index.
const LONGEST: Duration = Duration::from_secs(1);

/// Lets puts wait for the search index, where they come so fast that it would fall behind ever further.
#[derive(Debug, Default)]
pub(super) struct Brake {
    is_on: AtomicBool,
    eased: Notify,
}

impl Brake {
    /// Whether those that come now wait until this is set again; those that waited go on.
    pub fn set(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::Relaxed);
        self.eased.notify_waiters();
    }

    pub async fn wait(&self) {
        let eased = self.eased.notified();
        if self.is_on.load(Ordering::Relaxed) {
            let _ = timeout(LONGEST, eased).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::Brake;

    #[tokio::test]
    async fn a_put_waits_for_one_turn_of_the_index() {
        let brake = Brake::default();
        assert!(brake.wait().now_or_never().is_some());
        brake.set(true);
        let mut waits = Box::pin(brake.wait());
        assert!(waits.as_mut().now_or_never().is_none());
        brake.set(true);
        assert!(waits.now_or_never().is_some());
        let waits = brake.wait();
        brake.set(false);
        waits.await;
        assert!(brake.wait().now_or_never().is_some());
    }

    #[tokio::test]
    async fn an_index_that_does_nothing_holds_up_nobody() {
        let brake = Brake::default();
        brake.set(true);
        brake.wait().await;
    }
}
