/// A mergeable histogram of latencies with a bounded relative error.
mod sketch;
pub use sketch::Sketch;

/// Sums over traces.
mod sums;
pub use sums::{Sums, cost, latency};

/// The answer that sums make.
mod analytics;
pub use analytics::{Analytics, ChartPoint, Count, Sample, Summary, Tally};

/// How many traces took how long, and when.
mod heat;
pub use heat::Heat;

/// What an overview shows.
mod overview;
pub use overview::{ByName, Overview};

/// How wide the buckets of a chart are.
mod bucket;
pub use bucket::Bucket;
