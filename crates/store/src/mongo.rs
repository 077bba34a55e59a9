use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use mongodb::{
    Collection, Database,
    bson::{RawDocumentBuf, doc},
    options::ConnectionString,
};
use tokio::{sync::OnceCell, time::timeout};
use tracellm_trace::{ApiKey, Filter, Page, Project, Query, Timestamp, Trace, TraceSummary, stats::Tally};

use crate::{BoxFuture, Feed, Health, KeyMark, NewTrace, PutOutcome, StoreError, TraceStore};

/// Projects and keys.
mod access;
/// The client, and what the driver's errors mean to those who asked.
mod connect;
/// Documents of anyone's as traces: whatever cannot be read as it should be is shown as it can.
mod decode;
/// Traces as documents, by the contract.
mod encode;
/// Filters as database queries.
mod filter;
/// The indexes that the contract names and those that lists need.
mod indexes;
/// The order of a list as walks along indexes.
mod order;
/// Storing: what stands is read, compared and replaced under a version.
mod put;
/// Pages, totals, single documents and project ids.
mod queries;
/// Sums over all that match.
mod tally;

/// A server that takes longer for an answer is as good as gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same for adding up a whole collection.
const LONG_PATIENCE: Duration = Duration::from_secs(120);
/// The same for a sign of life.
const PING_PATIENCE: Duration = Duration::from_secs(3);

/// The collection of the traces.
const TRACES: &str = "traces";

/// Traces in a MongoDB, in the collection `traces`; projects and keys beside them.
pub struct MongoStore {
    url: ConnectionString,
    db_name: String,
    database: OnceCell<Database>,
    has_indexes: AtomicBool,
    feed: Feed,
}

impl MongoStore {
    /// Reads the URL; the first question connects.
    ///
    /// # Errors
    /// The URL can't be used. What is said about it never holds the password.
    pub fn open(url: &str, db_name: Option<&str>) -> Result<Self, StoreError> {
        let parsed = connect::parse(url)?;
        let db_name = db_name.or(parsed.default_database.as_deref()).unwrap_or("tracellm").to_owned();
        Ok(Self { url: parsed, db_name, database: OnceCell::new(), has_indexes: AtomicBool::new(false), feed: Feed::default() })
    }

    /// The database, of which nothing is known yet.
    async fn unchecked(&self) -> Result<&Database, StoreError> {
        self.database.get_or_try_init(|| connect::database(&self.url, &self.db_name)).await
    }

    /// The database with its indexes.
    async fn database(&self) -> Result<&Database, StoreError> {
        let database = self.unchecked().await?;
        if !self.has_indexes.load(Ordering::Acquire) {
            indexes::ensure(database).await?;
            self.has_indexes.store(true, Ordering::Release);
        }
        Ok(database)
    }

    /// The collection, raw: the driver's typed reading takes an object `{"$date": …}` in a trace for a date.
    async fn traces(&self) -> Result<Collection<RawDocumentBuf>, StoreError> {
        Ok(self.database().await?.collection(TRACES))
    }
}

/// Gives up on a server that neither answers nor closes the connection.
async fn within<T>(patience: Duration, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let too_late = |_| Err(StoreError::Unavailable(format!("no answer within {} s", patience.as_secs())));
    timeout(patience, answer).await.unwrap_or_else(too_late)
}

impl TraceStore for MongoStore {
    fn put(&self, traces: Vec<NewTrace>) -> BoxFuture<'_, Result<Vec<PutOutcome>, StoreError>> {
        Box::pin(async { put::put(&self.traces().await?, traces).await })
    }

    fn get<'a>(&'a self, project_id: Option<&'a str>, trace_id: &'a str) -> BoxFuture<'a, Result<Option<Trace>, StoreError>> {
        Box::pin(async move { within(PATIENCE, queries::get(&self.traces().await?, project_id, trace_id)).await })
    }

    fn list<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<TraceSummary>, StoreError>> {
        Box::pin(async { within(PATIENCE, queries::list(&self.traces().await?, query)).await })
    }

    fn list_documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<Trace>, StoreError>> {
        Box::pin(async { within(PATIENCE, queries::list_documents(&self.traces().await?, query)).await })
    }

    fn count<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async { within(PATIENCE, queries::count(&self.traces().await?, filter)).await })
    }

    fn tally<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Tally, StoreError>> {
        Box::pin(async { within(LONG_PATIENCE, tally::tally(&self.traces().await?, filter)).await })
    }

    fn project_ids(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(async { within(PATIENCE, queries::project_ids(&self.traces().await?)).await })
    }

    fn projects(&self) -> BoxFuture<'_, Result<Vec<Project>, StoreError>> {
        Box::pin(async { within(PATIENCE, access::projects(self.database().await?)).await })
    }

    fn add_project<'a>(&'a self, project: &'a Project) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async { within(PATIENCE, access::add_project(self.database().await?, project)).await })
    }

    fn keys<'a>(&'a self, project_id: Option<&'a str>) -> BoxFuture<'a, Result<Vec<ApiKey>, StoreError>> {
        Box::pin(async move { within(PATIENCE, access::keys(self.database().await?, project_id)).await })
    }

    fn add_key<'a>(&'a self, hash: &'a str, key: &'a ApiKey) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { within(PATIENCE, access::add_key(self.database().await?, hash, key)).await })
    }

    fn find_key<'a>(&'a self, stored_as: &'a [String]) -> BoxFuture<'a, Result<Option<ApiKey>, StoreError>> {
        Box::pin(async { within(PATIENCE, access::find_key(self.database().await?, stored_as)).await })
    }

    fn mark_key<'a>(&'a self, key_id: &'a str, mark: KeyMark, at: Timestamp) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { within(PATIENCE, access::mark_key(self.database().await?, key_id, mark, at)).await })
    }

    fn feed(&self) -> &Feed {
        &self.feed
    }

    fn health(&self) -> BoxFuture<'_, Result<Health, StoreError>> {
        Box::pin(within(PING_PATIENCE, async {
            let admin = self.unchecked().await?.client().database("admin");
            admin.run_command(doc! { "ping": 1 }).await?;
            let build = admin.run_command(doc! { "buildInfo": 1 }).await?;
            self.database().await?;
            let server_version = build.get_str("version").unwrap_or("unknown").to_owned();
            Ok(Health { database: "mongodb".to_owned(), server_version })
        }))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(database) = self.database.get() {
                database.client().clone().shutdown().await;
            }
        })
    }
}
