use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use mongodb::{
    Collection, Database,
    bson::{RawDocumentBuf, doc},
    options::{CollectionOptions, ReadPreference, SelectionCriteria},
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use tracellm_trace::{
    ApiKey, Diagnosis, FacetTally, Filter, Page, Project, Query, Timestamp, Total, Trace, TraceSummary, masking::Maskers, otlp::Span,
    stats::Tally,
};

use crate::{
    BoxFuture, Documents, Feed, Health, KeyMark, NewSpan, NewTrace, Plan, PutOutcome, Repaired, Rows, StoreError, StoredKey, Subscription,
    TraceKey, TraceStore, WriteMetrics, known::KnownKeys, masking::Masks, patience::patience,
};

/// Projects and keys.
mod access;
/// How long ago something was, also where the machine slept.
mod awake;
/// Slower writing, where the search index would fall behind.
mod brake;
/// Documents as bytes.
mod bson;
/// The client, and what the driver's errors mean to those who asked.
mod connect;
/// Documents of anyone's as traces: whatever cannot be read as it should be is shown as it can.
mod decode;
/// Traces as documents, by the contract.
mod encode;
/// What may be wrong with the database.
mod examine;
/// What the database removes by itself.
mod expiry;
/// How the database would find a page.
mod explain;
/// Filters as database queries.
mod filter;
/// What is stored, as it is stored.
mod follow;
/// The words of traces, and which have them.
mod index;
/// Bringing into that what is marked, and together what is over.
mod indexer;
/// The indexes that the contract names and those that lists need.
mod indexes;
/// Numbers from sums where they are right, and from traces where not.
mod kept;
/// Writing: what waits for several requests is written together.
mod lanes;
/// Which of all processes adds up.
mod lease;
/// Which traces the index names.
mod lookup;
/// Saying of which time the sums are not right while something is written.
mod marking;
/// What was said so: it stands in the database until someone adds up.
mod marks;
/// The order of a list as walks along indexes.
mod order;
/// Storing: what stands is read, compared and replaced under a version.
mod put;
/// Pages, totals, single documents and project ids.
mod queries;
/// Removing traces; settings.
mod removal;
/// Sums that are not what the traces add up to.
mod repair;
/// What a search has still to look at, and what it has found at its moment.
mod rest;
/// Adding up what is marked.
mod roller;
/// Sums that are kept: their documents.
mod rollups;
/// What a search finds.
mod search;
/// Spans, and the traces that they make.
mod spans;
/// Minutes, hours and days.
mod stretches;
/// Sums over all that match.
mod tally;
/// What earlier versions stored otherwise.
mod upgrade;
/// What documents should look like, told to the database in a mode that warns and refuses nobody.
mod validator;
/// What goes on beside requests: adding up, and the search index.
mod work;

use brake::Brake;
use connect::Connection;
use lanes::Lanes;
use marking::{Marked, Marks};
pub use work::Pace;

/// Who adds up may finish what is begun for so long.
const REST: Duration = Duration::from_secs(5);
/// A server that takes longer for a write is as good as gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same for adding up a whole collection.
const LONG_PATIENCE: Duration = Duration::from_secs(120);
/// The same for a sign of life; a little longer than finding no server takes, as that says more.
const PING_PATIENCE: Duration = Duration::from_millis(3_500);

/// The collection of the traces.
const TRACES: &str = "traces";

/// The collection of the spans that OpenTelemetry sent: those of a trace that came together are one document.
const SPAN_BATCHES: &str = "span_batches";

/// Traces in a MongoDB, in the collection `traces`; projects and keys beside them.
pub struct MongoStore {
    connection: Arc<Connection>,
    marks: Arc<Marks>,
    brake: Arc<Brake>,
    lanes: OnceLock<Lanes>,
    pace: Pace,
    work: OnceLock<Work>,
    metrics: WriteMetrics,
    feed: Arc<Feed>,
    masks: Masks,
    known_keys: KnownKeys,
}

/// What goes on beside requests, and how it is told to stop.
type Work = Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>;

impl MongoStore {
    /// Reads the URL; the first question connects.
    ///
    /// # Errors
    /// The URL can't be used. What is said about it never holds the password.
    pub fn open(url: &str, db_name: Option<&str>, pace: Pace) -> Result<Self, StoreError> {
        Ok(Self {
            connection: Arc::new(Connection::new(url, db_name)?),
            marks: Arc::new(Marks::new(pace.holds)),
            brake: Arc::default(),
            lanes: OnceLock::new(),
            pace,
            work: OnceLock::new(),
            metrics: WriteMetrics::default(),
            feed: Arc::default(),
            masks: Masks::default(),
            known_keys: KnownKeys::default(),
        })
    }

    fn lanes(&self) -> &Lanes {
        self.work();
        self.lanes.get_or_init(|| Lanes::start(&self.connection, &self.marks, &self.brake, &self.metrics))
    }

    /// Begins to add up what is marked, on the runtime that asks.
    fn work(&self) {
        self.work.get_or_init(|| {
            let (stop, stopped) = oneshot::channel();
            let work = work::run(self.connection.clone(), self.marks.clone(), self.brake.clone(), self.pace, stopped);
            Mutex::new(Some((stop, tokio::spawn(work))))
        });
    }

    async fn marked(&self) -> Result<Marked<'_>, StoreError> {
        self.work();
        self.connection.marked(&self.marks).await
    }

    async fn stop_work(&self) {
        let working = self.work.get().and_then(|work| work.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some((stop, working)) = working {
            // It may have ended by itself.
            let _ = stop.send(());
            let abort = working.abort_handle();
            if timeout(REST, working).await.is_err() {
                abort.abort();
            }
        }
    }
}

/// A collection as those need it who write under what they read, whatever the URL says of reading: a secondary may be behind.
fn of_primary(database: &Database, name: &str) -> Collection<RawDocumentBuf> {
    let options = CollectionOptions::builder().selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary)).build();
    database.collection_with_options(name, options)
}

/// Gives up on a server that neither answers nor closes the connection.
async fn within<T>(patience: Duration, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let too_late = |_| Err(StoreError::Unavailable(format!("no answer within {} s", patience.as_secs())));
    timeout(patience, answer).await.unwrap_or_else(too_late)
}

impl TraceStore for MongoStore {
    fn put(&self, traces: Vec<NewTrace>) -> BoxFuture<'_, Result<Vec<PutOutcome>, StoreError>> {
        Box::pin(self.lanes().put(traces))
    }

    fn put_spans(&self, spans: Vec<NewSpan>, now: Timestamp) -> BoxFuture<'_, Result<Vec<PutOutcome>, StoreError>> {
        Box::pin(self.lanes().put_spans(spans, now))
    }

    fn spans<'a>(&'a self, project_id: &'a str, trace_id: &'a str) -> BoxFuture<'a, Result<Vec<Span>, StoreError>> {
        Box::pin(async move { within(patience(), spans::read(self.connection.database().await?, project_id, trace_id)).await })
    }

    fn document<'a>(&'a self, project_id: Option<&'a str>, trace_id: &'a str) -> BoxFuture<'a, Result<Option<Trace>, StoreError>> {
        Box::pin(async move { within(patience(), queries::document(&self.connection.traces().await?, project_id, trace_id)).await })
    }

    fn list<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<TraceSummary>, StoreError>> {
        Box::pin(async { within(patience(), queries::list(self.marked().await?, query)).await })
    }

    fn list_documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<Trace>, StoreError>> {
        Box::pin(async { within(patience(), queries::list_documents(self.marked().await?, query)).await })
    }

    fn documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Documents, StoreError>> {
        Box::pin(async { within(patience(), queries::documents(self.marked().await?, query)).await })
    }

    fn count<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Total, StoreError>> {
        Box::pin(async { within(patience(), queries::count(self.marked().await?, filter)).await })
    }

    fn rows<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Rows, StoreError>> {
        Box::pin(async { within(patience(), queries::rows(self.marked().await?, query)).await })
    }

    fn remove(&self, keys: Vec<TraceKey>) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move { within(patience(), removal::remove(self.marked().await?, &keys)).await })
    }

    fn remove_spans(&self, keys: Vec<TraceKey>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { within(patience(), removal::remove_spans(self.connection.database().await?, &keys)).await })
    }

    /// WiredTiger uses the room again by itself.
    fn reclaim(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(std::future::ready(Ok(false)))
    }

    fn remove_project<'a>(&'a self, project_id: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        let done = async { within(patience(), removal::remove_project(self.connection.database().await?, project_id)).await };
        Box::pin(done.inspect(|_| self.known_keys.forget()))
    }

    fn setting<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(async { within(patience(), removal::setting(self.connection.database().await?, name)).await })
    }

    fn settings<'a>(&'a self, begin: &'a str) -> BoxFuture<'a, Result<BTreeMap<String, String>, StoreError>> {
        Box::pin(async { within(patience(), removal::settings(self.connection.database().await?, begin)).await })
    }

    fn set_setting<'a>(&'a self, name: &'a str, value: Option<&'a str>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let set = within(patience(), removal::set_setting(self.connection.database().await?, name, value)).await;
            self.masks.forget(name);
            set
        })
    }

    fn add_setting<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { within(patience(), removal::add_setting(self.connection.database().await?, name, value)).await })
    }

    fn maskers(&self) -> BoxFuture<'_, Result<Arc<Maskers>, StoreError>> {
        Box::pin(self.masks.get(self))
    }

    fn tally<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Tally, StoreError>> {
        Box::pin(async { within(LONG_PATIENCE, tally::tally(self.marked().await?, filter)).await })
    }

    fn facets<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<FacetTally, StoreError>> {
        Box::pin(async { within(patience(), queries::facets(self.marked().await?, filter)).await })
    }

    fn repair_rollups(&self) -> BoxFuture<'_, Result<Repaired, StoreError>> {
        Box::pin(async { repair::repair(self.marked().await?.database, self.pace).await })
    }

    fn project_ids(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(async { within(patience(), queries::project_ids(&self.connection.traces().await?)).await })
    }

    fn projects(&self) -> BoxFuture<'_, Result<Vec<Project>, StoreError>> {
        Box::pin(async { within(patience(), access::projects(self.connection.database().await?)).await })
    }

    fn add_project<'a>(&'a self, project: &'a Project) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async { within(patience(), access::add_project(self.connection.database().await?, project)).await })
    }

    fn keys<'a>(&'a self, project_id: Option<&'a str>) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreError>> {
        Box::pin(async move { within(patience(), access::keys(self.connection.database().await?, project_id)).await })
    }

    fn add_key<'a>(&'a self, key: &'a StoredKey) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async { within(patience(), access::add_key(self.connection.database().await?, key)).await })
    }

    fn hide_key<'a>(&'a self, clear: &'a str, hash: &'a str, key_id: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        let done = async move { within(patience(), access::hide_key(self.connection.database().await?, clear, hash, key_id)).await };
        Box::pin(done.inspect(|_| self.known_keys.forget()))
    }

    fn find_key<'a>(&'a self, stored_as: &'a [String]) -> BoxFuture<'a, Result<Option<ApiKey>, StoreError>> {
        let look = async { within(patience(), access::find_key(self.connection.database().await?, stored_as)).await };
        Box::pin(self.known_keys.get(stored_as, look))
    }

    fn mark_key<'a>(&'a self, key_id: &'a str, mark: KeyMark, at: Timestamp) -> BoxFuture<'a, Result<bool, StoreError>> {
        let done = async move { within(patience(), access::mark_key(self.connection.database().await?, key_id, mark, at)).await };
        Box::pin(done.inspect(|_| self.known_keys.forget()))
    }

    fn watch<'a>(&'a self, behind: Option<&'a str>) -> BoxFuture<'a, Subscription> {
        Box::pin(self.feed.watch(behind, |placed| follow::follow(self.connection.clone(), self.feed.clone(), placed)))
    }

    fn stop_watching(&self) {
        self.feed.close();
    }

    fn plan<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Plan, StoreError>> {
        Box::pin(async { within(patience(), explain::plan(self.connection.database().await?, query)).await })
    }

    fn examine(&self, thorough: bool) -> BoxFuture<'_, Result<Diagnosis, StoreError>> {
        Box::pin(async move { within(LONG_PATIENCE, examine::examine(self.connection.database().await?, thorough)).await })
    }

    fn health(&self) -> BoxFuture<'_, Result<Health, StoreError>> {
        // Whoever serves is asked for it, even if nothing comes in.
        self.work();
        Box::pin(within(PING_PATIENCE, async {
            let admin = self.connection.unprepared().await?.client().database("admin");
            admin.run_command(doc! { "ping": 1 }).await?;
            let build = admin.run_command(doc! { "buildInfo": 1 }).await?;
            let database = self.connection.database().await?;
            if self.metrics.is_failing() {
                lanes::probe(database, &self.metrics).await?;
            }
            let server_version = build.get_str("version").unwrap_or("unknown").to_owned();
            Ok(Health { database: "mongodb".to_owned(), server_version })
        }))
    }

    fn write_metrics(&self) -> WriteMetrics {
        self.metrics.clone()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.feed.close();
            self.brake.turn_off();
            if let Some(lanes) = self.lanes.get() {
                lanes.close().await;
            }
            self.stop_work().await;
            // What was never asked for anything has no marks.
            let end = async { self.marks.end(self.connection.database().await?, true).await };
            if self.work.get().is_some()
                && let Err(error) = within(REST, end).await
            {
                tracing::debug!("telling that marks have ended: {error}");
            }
            self.connection.close().await;
        })
    }
}
