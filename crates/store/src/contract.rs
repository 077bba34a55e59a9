use std::{future::Future, pin::Pin};

use serde::{Deserialize, Serialize};
use tracellm_trace::{
    ApiKey, Filled, Filter, Issue, Normalized, Outcome, Page, Project, Query, Timestamp, Trace, TraceSummary, stats::Tally,
};

use crate::{Feed, StoreError};

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A document to store, with what came from the clock and not from its sender.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTrace {
    pub trace: Trace,
    pub filled: Filled,
}

impl From<Normalized> for NewTrace {
    fn from(done: Normalized) -> Self {
        Self { trace: done.trace, filled: done.filled }
    }
}

/// What became of one document of a put: stored, or refused for what it is (too large, say).
pub type PutOutcome = Result<Outcome, Issue>;

/// What is noted on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMark {
    Used,
    Revoked,
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

    /// The whole document. Without a project, the one with the newest `created_at` among all that have the id.
    fn get<'a>(&'a self, project_id: Option<&'a str>, trace_id: &'a str) -> BoxFuture<'a, Result<Option<Trace>, StoreError>>;

    /// A page of rows.
    fn list<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<TraceSummary>, StoreError>>;

    /// A page of whole documents; otherwise as [`TraceStore::list`].
    fn list_documents<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Page<Trace>, StoreError>>;

    /// How many traces match, all of them.
    fn count<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Adds up every trace that matches.
    fn tally<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Tally, StoreError>>;

    /// Every project id that a trace has, in order.
    fn project_ids(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>>;

    /// The projects that were created, in order of creation.
    fn projects(&self) -> BoxFuture<'_, Result<Vec<Project>, StoreError>>;

    /// Adds a project; says `false`, and changes nothing, where its id or name is taken.
    fn add_project<'a>(&'a self, project: &'a Project) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// The keys, of one project or all, the newest first.
    fn keys<'a>(&'a self, project_id: Option<&'a str>) -> BoxFuture<'a, Result<Vec<ApiKey>, StoreError>>;

    /// Adds a key under the hash of its secret.
    fn add_key<'a>(&'a self, hash: &'a str, key: &'a ApiKey) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The key that is stored under one of these: the hash of a secret, or the secret itself, as the reference package stores it.
    fn find_key<'a>(&'a self, stored_as: &'a [String]) -> BoxFuture<'a, Result<Option<ApiKey>, StoreError>>;

    /// Sets when a key was last used, or when it was revoked; says whether there is such a key. What is revoked stays revoked.
    fn mark_key<'a>(&'a self, key_id: &'a str, mark: KeyMark, at: Timestamp) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// What is being stored by this process.
    fn feed(&self) -> &Feed;

    /// Asks the database for a sign of life; says which it is.
    fn health(&self) -> BoxFuture<'_, Result<Health, StoreError>>;

    /// Finishes what is under way and lets go of the database.
    fn close(&self) -> BoxFuture<'_, ()>;
}
