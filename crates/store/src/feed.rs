use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{Stream, StreamExt, stream};
use tokio::{
    sync::{
        OnceCell,
        broadcast::{self, error::RecvError},
        oneshot,
    },
    task::AbortHandle,
};
use tracellm_trace::{Filter, Trace};
use uuid::Uuid;

/// Traces that are kept for those whose connection broke.
pub(crate) const KEPT: usize = 500;

/// What reaches those who watch.
#[derive(Clone, Debug)]
pub enum News {
    Stored(Arc<Event>),
    /// Some were missed, and are kept no more: the list has them.
    Gap,
}

/// A trace that was stored.
#[derive(Debug)]
pub struct Event {
    /// Names the event, for resuming behind it.
    pub id: String,
    pub trace: Trace,
}

/// Traces as they are stored, by whichever process, in order. Nothing is followed until someone watches.
pub struct Feed {
    /// Tells the events of this process from those of one before it.
    boot: String,
    kept: Mutex<Kept>,
    follower: OnceCell<AbortHandle>,
}

struct Kept {
    /// None once the feed has ended.
    sender: Option<broadcast::Sender<News>>,
    published: u64,
    events: VecDeque<Arc<Event>>,
}

/// What one who watches gets.
pub struct Subscription {
    /// What came behind the event that was named.
    pub missed: Vec<News>,
    pub news: broadcast::Receiver<News>,
}

impl Subscription {
    /// What is missed and what comes, of the traces that a filter matches, until the feed ends.
    pub fn matching(self, filter: Filter) -> impl Stream<Item = News> + Send {
        let fresh = stream::unfold(self.news, |mut news| async move {
            match news.recv().await {
                Ok(told) => Some((told, news)),
                Err(RecvError::Lagged(_)) => Some((News::Gap, news)),
                Err(RecvError::Closed) => None,
            }
        });
        stream::iter(self.missed).chain(fresh).filter(move |news| {
            let is_wanted = match news {
                News::Stored(event) => filter.matches(&event.trace),
                News::Gap => true,
            };
            std::future::ready(is_wanted)
        })
    }
}

impl Default for Feed {
    fn default() -> Self {
        let boot = Uuid::new_v4().simple().to_string()[..12].to_owned();
        let kept = Kept { sender: Some(broadcast::Sender::new(KEPT)), published: 0, events: VecDeque::new() };
        Self { boot, kept: Mutex::new(kept), follower: OnceCell::new() }
    }
}

impl Feed {
    /// Watches from now on, or from behind an event. The first who does starts `follow`, which says when it knows its place: what is
    /// stored from then on is met.
    pub(crate) async fn watch<F>(&self, behind: Option<&str>, follow: impl FnOnce(oneshot::Sender<()>) -> F) -> Subscription
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let start = || async {
            let (placed, is_placed) = oneshot::channel();
            let follower = tokio::spawn(follow(placed)).abort_handle();
            // One that ended before it knew its place follows nothing; then nothing comes.
            let _ = is_placed.await;
            follower
        };
        self.follower.get_or_init(start).await;
        self.subscribe(behind)
    }

    pub(crate) fn publish(&self, trace: Trace) {
        // That is no news of an application.
        if trace.is_content_removed() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.published += 1;
        let event = Arc::new(Event { id: format!("{}-{}", self.boot, kept.published), trace });
        if kept.events.len() == KEPT {
            kept.events.pop_front();
        }
        kept.events.push_back(event.clone());
        // Sent under the lock, so that whoever subscribes meets each event once.
        kept.send(News::Stored(event));
    }

    /// Says that some could not be followed.
    pub(crate) fn publish_gap(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever resumes behind what came before has missed them too.
        kept.events.clear();
        kept.send(News::Gap);
    }

    /// Ends it for everyone who watches.
    pub fn close(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).sender = None;
        if let Some(follower) = self.follower.get() {
            follower.abort();
        }
    }

    fn subscribe(&self, behind: Option<&str>) -> Subscription {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let news = kept.sender.as_ref().map_or_else(|| broadcast::channel(1).1, broadcast::Sender::subscribe);
        let Some(behind) = behind else { return Subscription { missed: Vec::new(), news } };
        let place = kept.events.iter().position(|event| event.id == behind);
        let gap = place.is_none().then_some(News::Gap);
        let further = kept.events.iter().skip(place.map_or(0, |place| place + 1)).cloned().map(News::Stored);
        Subscription { missed: gap.into_iter().chain(further).collect(), news }
    }
}

impl Kept {
    fn send(&self, news: News) {
        // Nobody may be watching just now.
        let _ = self.sender.as_ref().map(|sender| sender.send(news));
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use tracellm_trace::{Context, Source, Timestamp, normalize};

    use super::{Feed, News};

    fn publish(feed: &Feed, id: &str) {
        let context = Context::with_id(Timestamp::MIN, id, Source::Json);
        feed.publish(normalize("{}", &context).unwrap().trace);
    }

    fn told(news: &News) -> &str {
        match news {
            News::Stored(event) => &event.trace.trace_id,
            News::Gap => "gap",
        }
    }

    #[tokio::test]
    async fn whoever_comes_back_misses_nothing_that_is_kept() {
        let feed = Feed::default();
        let mut first = feed.subscribe(None);
        publish(&feed, "1");
        let News::Stored(seen) = first.news.recv().await.unwrap() else { panic!("a gap") };
        assert_eq!(seen.trace.trace_id, "1");
        drop(first);
        publish(&feed, "2");
        let mut again = feed.subscribe(Some(&seen.id));
        publish(&feed, "3");
        assert_eq!(again.missed.iter().map(told).collect::<Vec<_>>(), ["2"]);
        assert_eq!(told(&again.news.recv().await.unwrap()), "3");
        let stranger = feed.subscribe(Some("another-1"));
        assert_eq!(stranger.missed.iter().map(told).collect::<Vec<_>>(), ["gap", "1", "2", "3"]);
        feed.publish_gap();
        publish(&feed, "4");
        assert_eq!(feed.subscribe(Some(&seen.id)).missed.iter().map(told).collect::<Vec<_>>(), ["gap", "4"]);
    }
}
