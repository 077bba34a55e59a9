use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use serde::{Deserialize, Serialize};
use tracellm_trace::{
    ApiKey, Cursor, Diagnosis, FacetTally, Filled, Filter, Issue, Normalized, Outcome, Page, Project, Query, Timestamp, Total, Trace,
    TraceSummary, masking::Maskers, otlp::Span, stats::Tally,
};

use crate::{StoreError, Subscription, WriteMetrics};

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A document to store, with what came from the clock and not from its sender.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTrace {
    pub trace: Trace,
    pub filled: Filled,
}

/// A span, and the project that its trace belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSpan {
    pub project_id: String,
    pub span: Span,
}

impl From<Normalized> for NewTrace {
    fn from(done: Normalized) -> Self {
        Self { trace: done.trace, filled: done.filled }
    }
}

/// What became of one document of a put: stored, or refused for what it is (too large, say).
pub type PutOutcome = Result<Outcome, Issue>;

/// Documents of a page, and where the next one starts; none where this is the last.
pub type Documents = (Vec<Trace>, Option<Cursor>);

/// Rows of a page, and where the next one starts; none where this is the last.
pub type Rows = (Vec<TraceSummary>, Option<Cursor>);

/// What is noted on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMark {
    Used,
    Revoked,
}

/// A key, and what is stored of its secret: the hash, or the secret itself where the reference package made it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    pub stored_as: String,
    pub key: ApiKey,
}

/// What a trace is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceKey {
    pub project_id: String,
    pub trace_id: String,
}

/// How a page is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The indexes that are walked; none where every document is read.
    pub indexes: Vec<String>,
    /// What matches is put in order only after all of it was found.
    pub sorts: bool,
}

/// What a repair of sums found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Sums that are kept.
    pub cells: u64,
    /// Those that were not what the traces add up to, missing ones and superfluous ones too; now they are right.
    pub wrong: u64,
}

/// How the database is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// `mongodb` or `sqlite`.
    pub database: String,
    pub server_version: String,
}

/// A home of traces. A trace is known by (`project_id`, `trace_id`).
pub trait TraceStore: Send + Sync + 'static {
    /// Stores documents durably, each on its own, in order; outcomes are in the order of the documents.
    ///
    /// A document whose key is stored with the same content is a `Duplicate` and writes nothing; with other content it replaces the
    /// stored one whole. `updated_at`, `source` and what [`Filled`] names are not compared, and a `created_at` from the clock never
    /// replaces a stored one.
    ///
    /// # Errors
    /// The database could not store them; some may be stored, and the same put may be repeated.
    fn put(&self, traces: Vec<NewTrace>) -> BoxFuture<'_, Result<Vec<PutOutcome>, StoreError>>;

    /// Adds spans to their traces, durably; outcomes are in the order of the spans. Of a span that comes more than once one version is
    /// kept, the same whatever came first, and each trace is the fold of all its spans.
    ///
    /// # Errors
    /// As [`TraceStore::put`].
    fn put_spans(&self, spans: Vec<NewSpan>, now: Timestamp) -> BoxFuture<'_, Result<Vec<PutOutcome>, StoreError>>;

    /// The spans that a trace was made of, in no order; none where it did not come as spans.
    fn spans<'a>(&'a self, project_id: &'a str, trace_id: &'a str) -> BoxFuture<'a, Result<Vec<Span>, StoreError>>;

    /// The document, of a very large trace with the first steps only ([`Trace::cut_from`]). Without a project, the one with the newest
    /// `created_at` among all that have the id.
    fn document<'a>(&'a self, project_id: Option<&'a str>, trace_id: &'a str) -> BoxFuture<'a, Result<Option<Trace>, StoreError>>;

    /// A page of rows.
    fn list<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<TraceSummary>, StoreError>>;

    /// A page of documents, of very large traces with the first steps only ([`Trace::cut_from`]); otherwise as [`TraceStore::list`].
    fn list_documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<Trace>, StoreError>>;

    /// The documents of a page as [`TraceStore::list_documents`] finds them, and where the next page starts: nobody counts what matches.
    fn documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Documents, StoreError>>;

    /// How many traces match: all of them, unless a search took long enough, which makes it capped.
    fn count<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Total, StoreError>>;

    /// As [`TraceStore::list`], without counting what matches.
    fn rows<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Rows, StoreError>>;

    /// Removes traces, and all that is kept of them; says how many there were.
    fn remove(&self, keys: Vec<TraceKey>) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Removes the spans that traces were made of; the traces stay.
    fn remove_spans(&self, keys: Vec<TraceKey>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Gives some of the room on the disk back that removed traces left; says whether there is more.
    fn reclaim(&self) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Removes what was created of a project, and its keys. Its traces are removed otherwise.
    fn remove_project<'a>(&'a self, project_id: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;

    /// A text that is kept under a name.
    fn setting<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>>;

    /// All texts whose names begin so, by name.
    fn settings<'a>(&'a self, begin: &'a str) -> BoxFuture<'a, Result<BTreeMap<String, String>, StoreError>>;

    /// Keeps a text under a name, or forgets what is kept there.
    fn set_setting<'a>(&'a self, name: &'a str, value: Option<&'a str>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Keeps a text under a name; says `false`, and changes nothing, where something is kept there already.
    fn add_setting<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// What masks texts before they are stored, as the rules have it that are kept as a setting.
    fn maskers(&self) -> BoxFuture<'_, Result<Arc<Maskers>, StoreError>>;

    /// Adds up every trace that matches.
    fn tally<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Tally, StoreError>>;

    /// Counts the values that traces have, of each name by which they are told apart.
    fn facets<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<FacetTally, StoreError>>;

    /// Adds up all traces anew, and mends the sums that are kept.
    fn repair_rollups(&self) -> BoxFuture<'_, Result<Repaired, StoreError>>;

    /// Every project id that a trace has, in order.
    fn project_ids(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>>;

    /// The projects that were created, in order of creation.
    fn projects(&self) -> BoxFuture<'_, Result<Vec<Project>, StoreError>>;

    /// Adds a project; says `false`, and changes nothing, where its id or name is taken.
    fn add_project<'a>(&'a self, project: &'a Project) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// The keys, of one project or all, the newest first.
    fn keys<'a>(&'a self, project_id: Option<&'a str>) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreError>>;

    /// Adds a key; says `false`, and changes nothing, where one is stored so already.
    fn add_key<'a>(&'a self, key: &'a StoredKey) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Stores a key under its hash that another writer stored in clear, and gives it its public id.
    fn hide_key<'a>(&'a self, clear: &'a str, hash: &'a str, key_id: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The key that is stored under one of these: the hash of a secret, or the secret itself, as the reference package stores it.
    fn find_key<'a>(&'a self, stored_as: &'a [String]) -> BoxFuture<'a, Result<Option<ApiKey>, StoreError>>;

    /// Sets when a key was last used, or when it was revoked; says whether there is such a key. What is revoked stays revoked.
    fn mark_key<'a>(&'a self, key_id: &'a str, mark: KeyMark, at: Timestamp) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Traces as they are stored from now on, by this process or another, created or changed; or those behind an event.
    fn watch<'a>(&'a self, behind: Option<&'a str>) -> BoxFuture<'a, Subscription>;

    /// Ends it for everyone who watches.
    fn stop_watching(&self);

    /// How the first page of a query would be found.
    fn plan<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Plan, StoreError>>;

    /// Looks at everything that can be wrong with the database; `thorough` reads all of it.
    fn examine(&self, thorough: bool) -> BoxFuture<'_, Result<Diagnosis, StoreError>>;

    /// Asks the database for a sign of life, and whether it takes writes again if it last took none; says which it is.
    fn health(&self) -> BoxFuture<'_, Result<Health, StoreError>>;

    /// What its write path counts.
    fn write_metrics(&self) -> WriteMetrics;

    /// Finishes what is under way and lets go of the database.
    fn close(&self) -> BoxFuture<'_, ()>;
}
