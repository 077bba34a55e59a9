/// `/traces`: the list.
mod traces;
pub use traces::TracesPage;

/// `/traces/{trace_id}`: one trace.
mod trace;
pub use trace::TracePage;

/// `/ingest`: paste, preview, store.
mod ingest;
pub use ingest::IngestPage;

/// Every other address.
mod not_found;
pub use not_found::NotFoundPage;
