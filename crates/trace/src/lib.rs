//! What a trace **is**: the document, how raw JSON becomes one, and how one asks for it.
//!
//! Everything here is pure (no I/O, no clock, no randomness) and is compiled twice: for the server, which validates with it, and for the
//! browser, which previews with it.

/// The trace document and its steps, as stored and as answered.
mod document;
pub use document::{
    CONTENT_REMOVED, DEFAULT_ENVIRONMENT, DEFAULT_PROJECT, SLOW_TRACE_THRESHOLD_MS, Source, Status, Step, StepKind, Trace, UNKNOWN_MODEL,
    UNREADABLE,
};

/// A moment in whole milliseconds, and every way clients write one.
mod timestamp;
pub use timestamp::Timestamp;

/// What the normaliser has to say about a document: errors, warnings and what it inferred.
mod issue;
pub use issue::{Issue, Severity};

/// How API keys are shown once they stand in a document.
mod mask;
pub use mask::mask_api_key;

/// Cutting texts.
pub mod text;

/// What is taken out of texts before they are stored.
pub mod masking;

/// A request body as its items: one document, an array, or NDJSON.
pub mod body;

/// JSON text as a value, with what plain JSON parsers lose or die of.
mod decode;

/// JSON text that is read where one looks.
pub mod json_text;

/// One item of raw JSON as a [`Trace`] with issues, or as errors.
mod normalize;
pub use normalize::{Context, Filled, Normalized, Refused, normalize};

/// OpenTelemetry: spans, and the traces that they make.
pub mod otlp;

/// Filters, order, page size and cursor: the one query type of URL, REST, command line and stores.
pub mod query;
pub use query::{Cursor, Filter, Last, Query, Sort};

/// The search box: what is typed, the words of a trace, and where they meet.
pub mod search;
pub use search::Search;

/// Sums and percentiles over many traces.
pub mod stats;

/// What one can narrow a list down to: names, tools and tags, with counts.
mod facets;
pub use facets::{Facet, FacetBy, FacetNames, FacetTally, FacetValue, Facets, Labels};

/// What selected traces have in common.
mod standouts;
pub use standouts::{Prompt, Selection, Standout, prompts};

/// Which step ran under which.
mod tree;

/// All steps of a trace, as a waterfall draws them.
mod outline;
pub use outline::Outline;

/// What was said and done in a trace, in order.
pub mod conversation;

/// Why a trace went as it did.
mod why;
pub use why::{Arguments, FailedStep, Gap, Repeat, RepeatKind, Waste, Why};

/// Two traces beside each other.
mod diff;
pub use diff::{Change, Diff, Pairing, Piece, Side, StepPair, StepRow};

/// What went wrong lately: failed, retried, slow.
mod failures;
pub use failures::{FailureTotals, Failures};

/// Failures by what went wrong.
mod groups;
pub use groups::{FailureGroup, FailureGroups, GroupState, fingerprint};

/// Projects, and the keys that write and read their traces.
mod access;
pub use access::{ApiKey, NewKey, NewProject, Project, Scope, slug};

/// Who signs in, and what they may do.
mod user;
pub use user::{Role, User};

/// Who did what.
mod audit;
pub use audit::{AuditEntry, AuditLog};

/// How a store is: what was looked at, what was found, what to do about it.
mod diagnosis;
pub use diagnosis::{Check, Diagnosis, Index, Verdict};

/// How much may be sent and asked.
mod limits;
pub use limits::{Limit, Limits};

/// A list with a name.
mod saved_view;
pub use saved_view::SavedView;

/// How long traces are kept.
mod retention;
pub use retention::{Due, Goes, Going, Keep, Retention};

/// Work that takes a while, and how far it is.
mod job;
pub use job::{Job, JobState};

/// A row of a list, and a page of rows.
mod page;
pub use page::{Coverage, Page, TOTAL_CAP, Total, TraceSummary};

/// What became of the items of one request.
mod report;
pub use report::{ItemReport, ItemResult, Outcome, RefusedItem, Report, Stored};

/// How OpenAPI describes those types that JSON writes as texts.
#[cfg(feature = "openapi")]
mod openapi;
