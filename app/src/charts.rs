/// A canvas for plotters whose drawing is elements of the page, coloured by the style sheet.
mod canvas;
use canvas::{Canvas, Ink};

/// The charts themselves.
mod timeline;
pub use timeline::{CostChart, LatencyChart, VolumeChart};

/// Latencies over time, as fields.
mod heat;
pub use heat::HeatMap;

/// Choosing a time range on a chart.
mod brush;
use brush::Brush;

/// Counts by name, as bars that lead to what they count.
mod breakdown;
pub use breakdown::Breakdown;
