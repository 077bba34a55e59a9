//! OpenTelemetry: spans of any instrumented application, and the trace that they make.
//!
//! A trace is a fold over the **set** of its spans: their order, their batches and their repetition change nothing.

/// A span as it is kept: checked ids, plain JSON attributes.
mod span;
pub use span::{Event, Rejected, Span, SpanStatus, Via, given_tags};

/// OTLP/JSON, and the same shapes for what protobuf decodes to.
pub mod wire;

/// The names of attributes, generation by generation, with their sources.
mod names;

/// A span's attributes, each looked up under all of its names.
mod attributes;

/// Conversations: messages of any generation in one form, and as readable text.
mod messages;

/// What a span did: model call, tool call, retrieval, …
mod kind;

/// Token counts, whichever way an emitter adds them up.
mod tokens;

/// What model calls cost.
mod prices;
pub use prices::{Prices, install_prices, prices};

/// A span as a step.
mod step;

/// Which attribute gave which field.
mod explain;
pub use explain::{Explanation, FieldSource, Place, Placed, SpanPlaces, explain};

/// What of a trace stands in its document.
mod cut;
pub use cut::{STEPS_TOTAL, document};

/// Spans as a trace.
mod fold;
pub use fold::{CONTENT_DROPPED, ROOT_MISSING, fold, fold_steps};
