use std::{collections::BTreeMap, path::Path, sync::Arc};

use futures_util::{FutureExt, try_join};
use rusqlite::Connection;
use tokio::task::{AbortHandle, spawn_blocking};
use tracellm_trace::{
    ApiKey, Diagnosis, FacetTally, Filter, Page, Project, Query, Timestamp, Total, Trace, TraceSummary, masking::Maskers, otlp::Span,
    stats::Tally,
};

use crate::{
    BoxFuture, Documents, Feed, Health, KeyMark, NewSpan, NewTrace, Plan, PutOutcome, Repaired, Rows, StoreError, StoredKey, Subscription,
    TraceKey, TraceStore, WriteMetrics, known::KnownKeys, masking::Masks, paging::UNKNOWN,
};

/// Projects and keys.
mod access;
/// Where puts wait for the search index.
mod brake;
/// Filters as SQL.
mod conditions;
/// Connections off the threads that serve requests.
mod connections;
/// How many traces have which values, in one text.
mod counts;
/// What SQLite's errors mean to those who asked.
mod errors;
/// What may be wrong with the file.
mod examine;
/// How many traces have which tool or tag, kept with the index.
mod facets;
/// What is stored, as it is stored.
mod follow;
/// The search index: which traces it lacks, and how it catches up.
mod index;
/// Pages, totals, sums, single documents and project ids.
mod queries;
/// Removing traces, and giving their room back; settings.
mod removal;
/// Sums kept beside the traces, changed with them in one transaction.
mod rollups;
/// Traces as rows.
mod row;
/// The file: where it lies, how it is opened, and its tables.
mod schema;
pub(crate) use schema::FILE_NAME;
/// What a search finds.
mod search;
/// Spans, and the traces that they make.
mod spans;
/// All numbers that change with a trace.
mod sums;
/// The one thread that writes. What arrives during a commit is its next transaction.
mod writer;

use connections::Connections;
use writer::Writer;

/// Traces in one SQLite file. Other processes may have it open too.
pub struct EmbeddedStore {
    writer: Writer,
    readers: Arc<Connections>,
    feed: Arc<Feed>,
    /// Keeps the search index.
    indexer: AbortHandle,
    /// For projects and keys, which are written now and then.
    access: Connections,
    masks: Masks,
    known_keys: KnownKeys,
}

/// Connections that read at a time.
const READERS: u32 = 4;

/// What reads a page, and counts how many match if that is asked.
type List<T> = fn(&Connection, &Query, bool) -> Result<Page<T>, StoreError>;

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
            let access = Connections::new(file.clone(), 1, schema::open, false);
            let readers = Arc::new(Connections::new(file, READERS, schema::open_reader, true));
            Ok((writer, access, readers))
        });
        let (writer, access, readers) = opened.await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))?;
        let indexer = tokio::spawn(index::keep_up(readers.clone(), writer.inlet(), writer.commits())).abort_handle();
        Ok(Self { writer, access, feed: Arc::default(), readers, indexer, masks: Masks::default(), known_keys: KnownKeys::default() })
    }

    /// A page. What is counted row by row is counted on another connection meanwhile.
    async fn page<T: Send + 'static>(&self, query: &Query, list: List<T>) -> Result<Page<T>, StoreError> {
        let is_apart = queries::is_counted_apart(&query.filter);
        let (query, filter) = (query.clone(), query.filter.clone());
        let page = self.readers.run(move |connection| list(connection, &query, !is_apart));
        if !is_apart {
            return page.await;
        }
        let (mut page, total) = try_join!(page, self.readers.run(move |connection| queries::total(connection, &filter)))?;
        if page.total == UNKNOWN {
            page.total = total;
        }
        Ok(page)
    }
}

impl TraceStore for EmbeddedStore {
    fn put(&self, traces: Vec<NewTrace>) -> BoxFuture<'_, Result<Vec<PutOutcome>, StoreError>> {
        Box::pin(self.writer.put(traces))
    }

    fn put_spans(&self, spans: Vec<NewSpan>, now: Timestamp) -> BoxFuture<'_, Result<Vec<PutOutcome>, StoreError>> {
        Box::pin(self.writer.put_spans(spans, now))
    }

    fn spans<'a>(&'a self, project_id: &'a str, trace_id: &'a str) -> BoxFuture<'a, Result<Vec<Span>, StoreError>> {
        let (project_id, trace_id) = (project_id.to_owned(), trace_id.to_owned());
        Box::pin(
            self.readers.run(move |connection| spans::read(connection, &project_id, &trace_id).map(crate::spans::Standing::into_spans)),
        )
    }

    fn document<'a>(&'a self, project_id: Option<&'a str>, trace_id: &'a str) -> BoxFuture<'a, Result<Option<Trace>, StoreError>> {
        let (project_id, trace_id) = (project_id.map(str::to_owned), trace_id.to_owned());
        Box::pin(self.readers.run(move |connection| queries::document(connection, project_id.as_deref(), &trace_id)))
    }

    fn list<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<TraceSummary>, StoreError>> {
        Box::pin(self.page(query, queries::list))
    }

    fn list_documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<Trace>, StoreError>> {
        Box::pin(self.page(query, queries::list_documents))
    }

    fn documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Documents, StoreError>> {
        let query = query.clone();
        Box::pin(self.readers.run(move |connection| queries::documents(connection, &query)))
    }

    fn count<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Total, StoreError>> {
        let filter = filter.clone();
        Box::pin(self.readers.run(move |connection| queries::count(connection, &filter)))
    }

    fn rows<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Rows, StoreError>> {
        let query = query.clone();
        Box::pin(self.readers.run(move |connection| queries::rows(connection, &query)))
    }

    fn remove(&self, keys: Vec<TraceKey>) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.writer.remove(keys))
    }

    fn remove_spans(&self, keys: Vec<TraceKey>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.writer.remove_spans(keys))
    }

    fn reclaim(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.access.run(removal::reclaim))
    }

    fn remove_project<'a>(&'a self, project_id: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        let project_id = project_id.to_owned();
        let done = self.access.run(move |connection| removal::remove_project(connection, &project_id));
        Box::pin(done.inspect(|_| self.known_keys.forget()))
    }

    fn setting<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        let name = name.to_owned();
        Box::pin(self.readers.run(move |connection| removal::setting(connection, &name)))
    }

    fn settings<'a>(&'a self, begin: &'a str) -> BoxFuture<'a, Result<BTreeMap<String, String>, StoreError>> {
        let begin = begin.to_owned();
        Box::pin(self.readers.run(move |connection| removal::settings(connection, &begin)))
    }

    fn set_setting<'a>(&'a self, name: &'a str, value: Option<&'a str>) -> BoxFuture<'a, Result<(), StoreError>> {
        let (kept, value) = (name.to_owned(), value.map(str::to_owned));
        let set = self.access.run(move |connection| removal::set_setting(connection, &kept, value.as_deref()));
        Box::pin(set.inspect(|_| self.masks.forget(name)))
    }

    fn add_setting<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        let (name, value) = (name.to_owned(), value.to_owned());
        Box::pin(self.access.run(move |connection| removal::add_setting(connection, &name, &value)))
    }

    fn maskers(&self) -> BoxFuture<'_, Result<Arc<Maskers>, StoreError>> {
        Box::pin(self.masks.get(self))
    }

    fn tally<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Tally, StoreError>> {
        let filter = filter.clone();
        Box::pin(self.readers.run(move |connection| queries::tally(connection, &filter)))
    }

    fn facets<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<FacetTally, StoreError>> {
        let filter = filter.clone();
        Box::pin(self.readers.run(move |connection| facets::count(connection, &filter)))
    }

    fn repair_rollups(&self) -> BoxFuture<'_, Result<Repaired, StoreError>> {
        Box::pin(self.access.run(rollups::repair))
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

    fn keys<'a>(&'a self, project_id: Option<&'a str>) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreError>> {
        let project_id = project_id.map(str::to_owned);
        Box::pin(self.readers.run(move |connection| access::keys(connection, project_id.as_deref())))
    }

    fn add_key<'a>(&'a self, key: &'a StoredKey) -> BoxFuture<'a, Result<bool, StoreError>> {
        let key = key.clone();
        Box::pin(self.access.run(move |connection| access::add_key(connection, &key)))
    }

    fn hide_key<'a>(&'a self, clear: &'a str, hash: &'a str, key_id: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        let [clear, hash, key_id] = [clear, hash, key_id].map(str::to_owned);
        let done = self.access.run(move |connection| access::hide_key(connection, &clear, &hash, &key_id));
        Box::pin(done.inspect(|_| self.known_keys.forget()))
    }

    fn find_key<'a>(&'a self, stored_as: &'a [String]) -> BoxFuture<'a, Result<Option<ApiKey>, StoreError>> {
        let wanted = stored_as.to_vec();
        let look = self.readers.run(move |connection| access::find_key(connection, &wanted));
        Box::pin(self.known_keys.get(stored_as, look))
    }

    fn mark_key<'a>(&'a self, key_id: &'a str, mark: KeyMark, at: Timestamp) -> BoxFuture<'a, Result<bool, StoreError>> {
        let key_id = key_id.to_owned();
        let done = self.access.run(move |connection| access::mark_key(connection, &key_id, mark, at));
        Box::pin(done.inspect(|_| self.known_keys.forget()))
    }

    fn watch<'a>(&'a self, behind: Option<&'a str>) -> BoxFuture<'a, Subscription> {
        let follow = |placed| follow::follow(self.readers.clone(), self.feed.clone(), self.writer.commits(), placed);
        Box::pin(self.feed.watch(behind, follow))
    }

    fn stop_watching(&self) {
        self.feed.close();
    }

    fn plan<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Plan, StoreError>> {
        let query = query.clone();
        Box::pin(self.readers.run(move |connection| queries::plan(connection, &query)))
    }

    fn examine(&self, thorough: bool) -> BoxFuture<'_, Result<Diagnosis, StoreError>> {
        Box::pin(self.access.run(move |connection| examine::examine(connection, thorough)))
    }

    fn health(&self) -> BoxFuture<'_, Result<Health, StoreError>> {
        Box::pin(async {
            self.writer.check().await?;
            let server_version = self.readers.run(queries::version).await?;
            Ok(Health { database: "sqlite".to_owned(), server_version })
        })
    }

    fn write_metrics(&self) -> WriteMetrics {
        self.writer.metrics.clone()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.feed.close();
            self.indexer.abort();
            self.writer.close().await;
            self.access.close().await;
            self.readers.close().await;
        })
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.indexer.abort();
    }
}
