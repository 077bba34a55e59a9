use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::broadcast;
use tracellm_trace::Trace;
use uuid::Uuid;

/// Events that are kept for those whose connection broke.
const KEPT: usize = 500;

/// A trace that was stored.
#[derive(Debug)]
pub struct Event {
    /// Names the event, for resuming behind it.
    pub id: String,
    pub trace: Trace,
}

/// Traces as they are stored by this process, in order.
pub struct Feed {
    /// Tells the events of this process from those of one before it.
    boot: String,
    kept: Mutex<Kept>,
}

struct Kept {
    /// None once the feed has ended.
    sender: Option<broadcast::Sender<Arc<Event>>>,
    published: u64,
    events: VecDeque<Arc<Event>>,
}

/// What one who watches gets.
pub struct Subscription {
    /// Events behind the one that was named.
    pub missed: Vec<Arc<Event>>,
    /// The named event is not kept any more: some may be missing before the first.
    pub has_gap: bool,
    pub events: broadcast::Receiver<Arc<Event>>,
}

impl Default for Feed {
    fn default() -> Self {
        let boot = Uuid::new_v4().simple().to_string()[..12].to_owned();
        let kept = Kept { sender: Some(broadcast::Sender::new(KEPT)), published: 0, events: VecDeque::new() };
        Self { boot, kept: Mutex::new(kept) }
    }
}

impl Feed {
    pub fn publish(&self, trace: Trace) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.published += 1;
        let event = Arc::new(Event { id: format!("{}-{}", self.boot, kept.published), trace });
        if kept.events.len() == KEPT {
            kept.events.pop_front();
        }
        kept.events.push_back(event.clone());
        // Sent under the lock, so that whoever subscribes meets each event once. Nobody may be watching.
        let _ = kept.sender.as_ref().map(|sender| sender.send(event));
    }

    /// Ends it for everyone who watches, as the server is to stop.
    pub fn close(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).sender = None;
    }

    /// Watches from now on, or from behind an event.
    pub fn subscribe(&self, behind: Option<&str>) -> Subscription {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let events = kept.sender.as_ref().map_or_else(|| broadcast::channel(1).1, broadcast::Sender::subscribe);
        let Some(behind) = behind else { return Subscription { missed: Vec::new(), has_gap: false, events } };
        let place = kept.events.iter().position(|event| event.id == behind);
        let missed = kept.events.iter().skip(place.map_or(0, |place| place + 1)).cloned().collect();
        Subscription { missed, has_gap: place.is_none(), events }
    }
}

#[cfg(test)]
mod tests {
    use tracellm_trace::{Context, Source, Timestamp, normalize};

    use super::Feed;

    fn publish(feed: &Feed, id: &str) {
        let context = Context { now: Timestamp::MIN, fresh_id: id.to_owned(), source: Source::Json, key: None };
        feed.publish(normalize("{}", &context).unwrap().trace);
    }

    #[tokio::test]
    async fn whoever_comes_back_misses_nothing_that_is_kept() {
        let feed = Feed::default();
        let mut first = feed.subscribe(None);
        publish(&feed, "1");
        let seen = first.events.recv().await.unwrap();
        assert_eq!(seen.trace.trace_id, "1");
        drop(first);
        publish(&feed, "2");
        let mut again = feed.subscribe(Some(&seen.id));
        publish(&feed, "3");
        assert_eq!(again.missed.iter().map(|event| event.trace.trace_id.as_str()).collect::<Vec<_>>(), ["2"]);
        assert!(!again.has_gap);
        assert_eq!(again.events.recv().await.unwrap().trace.trace_id, "3");
        assert!(feed.subscribe(Some("another-1")).has_gap);
    }
}
