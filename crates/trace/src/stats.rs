/// A mergeable histogram of latencies with a bounded relative error.
mod sketch;
pub use sketch::Sketch;

/// Sums over traces, and the answer that they make.
mod analytics;
pub use analytics::{Analytics, ChartPoint, Count, Sample, Summary, Sums, Tally};

/// How wide the buckets of a chart are.
mod bucket;
pub use bucket::Bucket;
