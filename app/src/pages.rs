/// `/`: numbers over all that match.
mod overview;
pub use overview::OverviewPage;

/// `/failures`: failed, retried, slow.
mod failures;
pub use failures::FailuresPage;

/// `/live`: traces as they are stored.
mod live;
pub use live::LivePage;

/// `/projects`: projects and their keys.
mod projects;
pub use projects::ProjectsPage;

/// `/traces`: the list.
mod traces;
pub use traces::TracesPage;

/// `/traces/{trace_id}`: one trace.
mod trace;
pub use trace::TracePage;

/// `/diff/{left}..{right}`: two traces beside each other.
mod diff;
pub use diff::DiffPage;

/// `/ingest`: paste, preview, store.
mod ingest;
pub use ingest::IngestPage;

/// `/settings`: the database, and what the doctor says of it.
mod settings;
pub use settings::SettingsPage;

/// `/api`: the REST routes, to be read.
mod api;
pub use api::ApiPage;

/// Every other address.
mod not_found;
pub use not_found::NotFoundPage;
