//! Where traces are **kept**: one contract, two homes. No caller asks which one it is.

/// What every home of traces promises.
mod contract;
pub use contract::{
    BoxFuture, Documents, Health, KeyMark, NewSpan, NewTrace, Plan, PutOutcome, Repaired, Rows, StoredKey, TraceKey, TraceStore,
};

/// Why a store could not do what was asked.
mod error;
pub use error::StoreError;

/// Settings as text.
mod json;

/// How long a question may take.
mod patience;
pub use patience::bound_questions;

/// What waits to be written, and what is written together.
mod queue;

/// Long work in parts.
mod turns;

/// What the write path counts.
mod metrics;
pub use metrics::WriteMetrics;

/// Traces as they are stored, for those who watch.
mod feed;
pub use feed::{Event, Feed, News, Subscription};

/// Comparing what is stored with what came, and merging the two.
mod merge;

/// Spans: which version of one stands, and the traces that they make.
mod spans;

/// A trace with all of its steps, or some of them.
mod whole;

/// Sums kept beside the traces: of which periods and names, and which of them make up a range.
mod rollups;

/// A page as both homes read it: from where, in which direction, and which cursors lead on.
mod paging;

/// What a search collects, until a page is full or it took long enough.
mod search;

/// One SQLite file, for those who run no database.
pub mod embedded;

/// MongoDB: a single server, a replica set, a sharded cluster or Atlas.
pub mod mongo;

/// Raw bodies in, stored documents out: the one way in for REST, server functions and the command line.
pub mod ingest;

/// Analytics and failures.
pub mod overview;

/// Failures by what went wrong.
pub mod groups;

/// Tags that somebody gives.
pub mod tagging;

/// Lists that somebody saved.
pub mod views;

/// Two traces beside each other, and which one to put beside a trace that failed.
pub mod compare;

/// Projects, keys, and who may do what.
pub mod access;

/// Keys that were shown lately.
mod known;

/// Users and their sessions.
pub mod users;

/// Who created, changed, revoked, deleted or exported what.
pub mod audit;

/// What is masked before it is stored.
pub mod masking;

/// A store as one user may use it.
mod scoped;
pub use scoped::ScopedStore;

/// Removing traces: how long they are kept, and the jobs that remove them.
pub mod removal;

/// What may be wrong with a store, and what to do about it.
pub mod doctor;

/// From one store to another.
pub mod copy;

/// Which store the settings ask for.
mod open;
pub use open::{Location, open, open_at};
