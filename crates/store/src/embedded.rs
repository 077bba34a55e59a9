use std::path::Path;

use tokio::task::spawn_blocking;
use tracellm_trace::{ApiKey, Filter, Page, Project, Query, Timestamp, Trace, TraceSummary, stats::Tally};

use crate::{BoxFuture, Feed, Health, KeyMark, NewTrace, PutOutcome, StoreError, TraceStore};

/// Projects and keys.
mod access;
/// Filters as SQL.
mod conditions;

/// Connections off the threads that serve requests.
mod connections;
/// What SQLite's errors mean to those who asked.
mod errors;
/// The SQL function that searches texts.
mod mentions;
/// Pages, totals, sums, single documents and project ids.
mod queries;
/// The file: where it lies, how it is opened, and its tables.
mod schema;
pub(crate) use schema::FILE_NAME;
/// The one thread that writes. What arrives during a commit is its next transaction.
mod writer;

use connections::Connections;
use writer::Writer;

/// Traces in one SQLite file. Other processes may have it open too.
pub struct EmbeddedStore {
    writer: Writer,
    readers: Connections,
    feed: Feed,
    /// For projects and keys, which are written now and then.
    access: Connections,
}

/// Connections that read at a time.
const READERS: u32 = 4;

impl EmbeddedStore {
    /// Opens `tracellm.db` in `data_dir`, making folder and file where they are missing.
    ///
    /// # Errors
    /// The file can't be made or opened, is none of SQLite's, or was written by a newer version.
    pub async fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let data_dir = data_dir.to_owned();
        let opened = spawn_blocking(move || {
            let file = schema::file_in(&data_dir)?;
            let writer = Writer::start(schema::open(&file)?)?;
            let access = Connections::new(file.clone(), 1, schema::open);
            Ok(Self { writer, access, feed: Feed::default(), readers: Connections::new(file, READERS, schema::open_reader) })
        });
        opened.await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
    }
}

impl TraceStore for EmbeddedStore {
    fn put(&self, traces: Vec<NewTrace>) -> BoxFuture<'_, Result<Vec<PutOutcome>, StoreError>> {
        Box::pin(self.writer.put(traces))
    }

    fn get<'a>(&'a self, project_id: Option<&'a str>, trace_id: &'a str) -> BoxFuture<'a, Result<Option<Trace>, StoreError>> {
        let (project_id, trace_id) = (project_id.map(str::to_owned), trace_id.to_owned());
        Box::pin(self.readers.run(move |connection| queries::get(connection, project_id.as_deref(), &trace_id)))
    }

    fn list<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<TraceSummary>, StoreError>> {
        let query = query.clone();
        Box::pin(self.readers.run(move |connection| queries::list(connection, &query, "summary")))
    }

    fn list_documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<Trace>, StoreError>> {
        let query = query.clone();
        Box::pin(self.readers.run(move |connection| queries::list(connection, &query, "doc")))
    }

    fn count<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<u64, StoreError>> {
        let filter = filter.clone();
        Box::pin(self.readers.run(move |connection| queries::count(connection, &filter, None)))
    }

    fn tally<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Tally, StoreError>> {
        let filter = filter.clone();
        Box::pin(self.readers.run(move |connection| queries::tally(connection, &filter)))
    }

    fn project_ids(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(self.readers.run(queries::project_ids))
    }

    fn projects(&self) -> BoxFuture<'_, Result<Vec<Project>, StoreError>> {
        Box::pin(self.readers.run(access::projects))
    }

    fn add_project<'a>(&'a self, project: &'a Project) -> BoxFuture<'a, Result<bool, StoreError>> {
        let project = project.clone();
        Box::pin(self.access.run(move |connection| access::add_project(connection, &project)))
    }

    fn keys<'a>(&'a self, project_id: Option<&'a str>) -> BoxFuture<'a, Result<Vec<ApiKey>, StoreError>> {
        let project_id = project_id.map(str::to_owned);
        Box::pin(self.readers.run(move |connection| access::keys(connection, project_id.as_deref())))
    }

    fn add_key<'a>(&'a self, hash: &'a str, key: &'a ApiKey) -> BoxFuture<'a, Result<(), StoreError>> {
        let (hash, key) = (hash.to_owned(), key.clone());
        Box::pin(self.access.run(move |connection| access::add_key(connection, &hash, &key)))
    }

    fn find_key<'a>(&'a self, stored_as: &'a [String]) -> BoxFuture<'a, Result<Option<ApiKey>, StoreError>> {
        let stored_as = stored_as.to_vec();
        Box::pin(self.readers.run(move |connection| access::find_key(connection, &stored_as)))
    }

    fn mark_key<'a>(&'a self, key_id: &'a str, mark: KeyMark, at: Timestamp) -> BoxFuture<'a, Result<bool, StoreError>> {
        let key_id = key_id.to_owned();
        Box::pin(self.access.run(move |connection| access::mark_key(connection, &key_id, mark, at)))
    }

    fn feed(&self) -> &Feed {
        &self.feed
    }

    fn health(&self) -> BoxFuture<'_, Result<Health, StoreError>> {
        Box::pin(async {
            self.writer.check()?;
            let server_version = self.readers.run(queries::version).await?;
            Ok(Health { database: "sqlite".to_owned(), server_version })
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.writer.close().await;
            self.access.close().await;
            self.readers.close().await;
        })
    }
}
