use std::path::Path;

use tokio::task::spawn_blocking;
use tracellm_trace::{Page, Query, Trace, TraceSummary};

use crate::{BoxFuture, Health, NewTrace, PutOutcome, StoreError, TraceStore};

/// What SQLite's errors mean to those who asked.
mod errors;
/// Pages, totals, single documents and project ids.
mod queries;
/// A few connections that only read.
mod readers;
/// The file: where it lies, how it is opened, and its tables.
mod schema;
pub(crate) use schema::FILE_NAME;
/// The one thread that writes. What arrives during a commit is its next transaction.
mod writer;

use readers::Readers;
use writer::Writer;

/// Traces in one SQLite file. Other processes may have it open too.
pub struct EmbeddedStore {
    writer: Writer,
    readers: Readers,
}

impl EmbeddedStore {
    /// Opens `tracellm.db` in `data_dir`, making folder and file where they are missing.
    ///
    /// # Errors
    /// The file can't be made or opened, is none of SQLite's, or was written by a newer version.
    pub async fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let data_dir = data_dir.to_owned();
        let opened = spawn_blocking(move || {
            let file = schema::file_in(&data_dir)?;
            Ok(Self { writer: Writer::start(schema::open(&file)?)?, readers: Readers::new(file) })
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
        Box::pin(self.readers.read(move |connection| queries::get(connection, project_id.as_deref(), &trace_id)))
    }

    fn list<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<TraceSummary>, StoreError>> {
        let query = query.clone();
        Box::pin(self.readers.read(move |connection| queries::list(connection, &query, "summary")))
    }

    fn list_documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<Trace>, StoreError>> {
        let query = query.clone();
        Box::pin(self.readers.read(move |connection| queries::list(connection, &query, "doc")))
    }

    fn projects(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(self.readers.read(queries::projects))
    }

    fn health(&self) -> BoxFuture<'_, Result<Health, StoreError>> {
        Box::pin(async {
            self.writer.check()?;
            let server_version = self.readers.read(queries::version).await?;
            Ok(Health { database: "sqlite".to_owned(), server_version })
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.writer.close().await;
            self.readers.close().await;
        })
    }
}
