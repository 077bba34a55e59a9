use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use mongodb::{
    Collection,
    bson::{RawDocumentBuf, doc},
    options::ConnectionString,
};
use tokio::{sync::OnceCell, time::timeout};
use tracellm_trace::{Page, Query, Trace, TraceSummary};

use crate::{BoxFuture, Health, NewTrace, PutOutcome, StoreError, TraceStore};

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
/// Storing: what stands is read, compared and replaced under a version.
mod put;
/// Pages, totals, single documents and project ids.
mod queries;

/// A server that takes longer for an answer is as good as gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same for a sign of life.
const PING_PATIENCE: Duration = Duration::from_secs(3);

/// Traces in a MongoDB, in the collection `traces`.
pub struct MongoStore {
    url: ConnectionString,
    db_name: String,
    /// Raw, as the driver's typed reading takes an object `{"$date": …}` in a trace for a date.
    traces: OnceCell<Collection<RawDocumentBuf>>,
    has_indexes: AtomicBool,
}

impl MongoStore {
    /// Reads the URL; the first question connects.
    ///
    /// # Errors
    /// The URL can't be used. What is said about it never holds the password.
    pub fn open(url: &str, db_name: Option<&str>) -> Result<Self, StoreError> {
        let parsed = connect::parse(url)?;
        let db_name = db_name.or(parsed.default_database.as_deref()).unwrap_or("tracellm").to_owned();
        Ok(Self { url: parsed, db_name, traces: OnceCell::new(), has_indexes: AtomicBool::new(false) })
    }

    /// The collection, of which nothing is known yet.
    async fn collection(&self) -> Result<&Collection<RawDocumentBuf>, StoreError> {
        self.traces.get_or_try_init(|| connect::collection(&self.url, &self.db_name)).await
    }

    /// The collection with its indexes. Those who come together at first make them together, so that none waits for the other's timeout.
    async fn traces(&self) -> Result<&Collection<RawDocumentBuf>, StoreError> {
        let traces = self.collection().await?;
        if !self.has_indexes.load(Ordering::Acquire) {
            indexes::ensure(traces).await?;
            self.has_indexes.store(true, Ordering::Release);
        }
        Ok(traces)
    }
}

/// Gives up on a server that neither answers nor closes the connection.
async fn within<T>(patience: Duration, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let too_late = |_| Err(StoreError::Unavailable(format!("no answer within {} s", patience.as_secs())));
    timeout(patience, answer).await.unwrap_or_else(too_late)
}

impl TraceStore for MongoStore {
    fn put(&self, traces: Vec<NewTrace>) -> BoxFuture<'_, Result<Vec<PutOutcome>, StoreError>> {
        Box::pin(async { put::put(self.traces().await?, traces).await })
    }

    fn get<'a>(&'a self, project_id: Option<&'a str>, trace_id: &'a str) -> BoxFuture<'a, Result<Option<Trace>, StoreError>> {
        Box::pin(async move { within(PATIENCE, queries::get(self.traces().await?, project_id, trace_id)).await })
    }

    fn list<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<TraceSummary>, StoreError>> {
        Box::pin(async { within(PATIENCE, queries::list(self.traces().await?, query)).await })
    }

    fn list_documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<Trace>, StoreError>> {
        Box::pin(async { within(PATIENCE, queries::list_documents(self.traces().await?, query)).await })
    }

    fn projects(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(async { within(PATIENCE, queries::projects(self.traces().await?)).await })
    }

    fn health(&self) -> BoxFuture<'_, Result<Health, StoreError>> {
        Box::pin(within(PING_PATIENCE, async {
            let admin = self.collection().await?.client().database("admin");
            admin.run_command(doc! { "ping": 1 }).await?;
            let build = admin.run_command(doc! { "buildInfo": 1 }).await?;
            self.traces().await?;
            let server_version = build.get_str("version").unwrap_or("unknown").to_owned();
            Ok(Health { database: "mongodb".to_owned(), server_version })
        }))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(traces) = self.traces.get() {
                traces.client().clone().shutdown().await;
            }
        })
    }
}
