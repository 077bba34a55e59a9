use std::convert::Infallible;

use leptos::prelude::*;
use plotters::prelude::*;
use tracellm_trace::{Filter, Query, stats::Count};

use super::{Canvas, Ink};
use crate::{format, url::list_href};

/// Names that are drawn; the rest is said.
const SHOWN: usize = 8;
/// Units of the picture: its width, and the height of a row. It is stretched to the room that the names take.
const WIDTH: u32 = 1_000;
const ROW: u32 = 28;

/// Counts by name, most first, each a link to the traces that it counts.
#[component]
pub fn Breakdown(heading: &'static str, counts: Vec<Count>, filter: Filter, parameter: &'static str) -> impl IntoView {
    let rest = counts.len().saturating_sub(SHOWN);
    let shown = &counts[..counts.len().min(SHOWN)];
    let bars = bars(shown);
    let rows = shown.iter().map(|Count { key, count }| {
        let query = Query { filter: narrowed(&filter, parameter, key), ..Query::default() };
        view! {
            <li>
                <a href=list_href(&query)>{key.clone()}</a>
                <span class="number">{format::count(format::whole(*count))}</span>
            </li>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section class="panel breakdown">
            <h2>{heading}</h2>
            <div class="bars">
                {bars}
                <ol>{rows}</ol>
            </div>
            {(rest > 0).then(|| view! { <p class="muted">{format!("and {} more", format::things(rest as i64, "name"))}</p> })}
        </section>
    }
}

/// A bar for each row, the longest as long as there is room.
fn bars(counts: &[Count]) -> AnyView {
    let size = (WIDTH, ROW * u32::try_from(counts.len().max(1)).unwrap_or(1));
    let (canvas, drawing) = Canvas::new(size.0, size.1);
    let most = counts.iter().map(|count| count.count).max().unwrap_or(0).max(1) as f64;
    let drawn = || -> Result<(), DrawingAreaErrorKind<Infallible>> {
        let area = canvas.into_drawing_area();
        let mut chart = ChartBuilder::on(&area).build_cartesian_2d(0.0..most, 0.0..counts.len().max(1) as f64)?;
        let bars = counts.iter().rev().enumerate().map(|(row, count)| {
            let foot = row as f64;
            Rectangle::new([(0.0, foot + 0.07), (count.count as f64, foot + 0.93)], Ink::Share.color().filled())
        });
        chart.draw_series(bars).map(drop)
    };
    // The canvas itself never fails; what plotters can't draw is left out.
    let _ = drawn();
    drawing.into_backdrop(size)
}

/// The filter with one parameter more; a value that can't be one leaves it as it is.
fn narrowed(filter: &Filter, parameter: &'static str, value: &str) -> Filter {
    let mut pairs = filter.to_pairs();
    pairs.retain(|(name, _)| *name != parameter);
    pairs.push((parameter, value.to_owned()));
    Filter::from_pairs(pairs.iter().map(|(name, value)| (*name, value.as_str()))).unwrap_or_else(|_| filter.clone())
}
