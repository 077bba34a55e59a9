use std::{convert::Infallible, ops::Range};

use leptos::prelude::*;
use plotters::{coord::types::RangedCoordf64, prelude::*};
use tracellm_trace::{Filter, stats::ChartPoint};

use super::{Brush, Canvas, Ink};
use crate::format;

/// Units of the picture where there is much room, where there is some, and where there is little. It is drawn as wide as its room, so
/// that labels can be read in each; the style sheet shows the one that fits.
#[derive(Clone, Copy)]
enum Room {
    Whole,
    Half,
    Little,
}

impl Room {
    fn size(self) -> (u32, u32) {
        match self {
            Self::Whole => (1_080, 200),
            Self::Half => (540, 190),
            Self::Little => (340, 170),
        }
    }
}

type Failed = DrawingAreaErrorKind<Infallible>;
type Chart<'a> = ChartContext<'a, Canvas, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Where there are fewer buckets than this, there is room on both sides of them.
const FEWEST: usize = 16;

/// Where the buckets of a chart lie in its picture.
#[derive(Clone, Copy, Debug)]
pub struct Plot {
    width: f64,
    height: f64,
    pub buckets: usize,
}

impl Plot {
    /// Room above the plot, and left and right of it with the labels.
    pub const TOP: u32 = 4;
    const LEFT: u32 = 62;
    const RIGHT: u32 = 10;
    /// Below it, with its labels.
    const BOTTOM: u32 = 20;

    /// Where there are few buckets, there is room on both sides of them, as wide as this many.
    fn beside(self) -> f64 {
        FEWEST.saturating_sub(self.buckets) as f64 / 2.0
    }

    fn left(self) -> f64 {
        f64::from(Self::TOP + Self::LEFT)
    }

    /// Of one bucket.
    fn step(self) -> f64 {
        (self.width - self.left() - f64::from(Self::RIGHT)) / (self.buckets as f64 + 2.0 * self.beside())
    }

    /// The bucket at a share of the picture's width, if there is one.
    pub fn bucket_at(self, share: f64) -> Option<usize> {
        let place = (share * self.width - self.left()) / self.step() - self.beside();
        (place >= 0.0 && place < self.buckets as f64).then_some(place as usize)
    }

    /// Left edge and width of some buckets.
    pub fn span(self, first: usize, last: usize) -> (f64, f64) {
        (self.left() + (first as f64 + self.beside()) * self.step(), (last - first + 1) as f64 * self.step())
    }

    pub fn height(self) -> f64 {
        self.height - f64::from(Self::TOP + Self::BOTTOM + Self::TOP)
    }

    pub fn view_box(self) -> String {
        format!("0 0 {} {}", self.width, self.height)
    }
}

/// Traces per bucket, the failed ones at the foot of each bar.
#[component]
pub fn VolumeChart(points: Vec<ChartPoint>, filter: Filter) -> impl IntoView {
    let most = points.iter().map(|point| point.traces).max().unwrap_or(0);
    let failed: u64 = points.iter().map(|point| point.failed).sum();
    let label = format!("Traces over time: at most {most} in a bucket, {failed} failed in all");
    draw(
        Room::Whole,
        &points,
        most as f64,
        |value| if value.fract() == 0.0 { format::count(value as i64) } else { String::new() },
        label,
        filter,
        |chart| {
            bars(chart, &points, |point| point.traces as f64, Ink::Traces)?;
            bars(chart, &points, |point| point.failed as f64, Ink::Failed)
        },
    )
}

/// Mean and 95th percentile of the latency per bucket.
#[component]
pub fn LatencyChart(points: Vec<ChartPoint>, filter: Filter) -> impl IntoView {
    let most = points.iter().map(|point| point.p95_latency.max(point.latency)).fold(0.0, f64::max);
    let label = format!("Latency over time: mean and 95th percentile, at most {}", format::duration(most));
    draw(Room::Half, &points, most, format::duration, label, filter, |chart| {
        lines(chart, &points, |point| point.latency, Ink::Mean)?;
        lines(chart, &points, |point| point.p95_latency, Ink::P95)
    })
}

/// US dollars per bucket.
#[component]
pub fn CostChart(points: Vec<ChartPoint>, filter: Filter) -> impl IntoView {
    let most = points.iter().map(|point| point.cost_usd).fold(0.0, f64::max);
    let label = format!("Cost over time: at most {} in a bucket", format::dollars(most));
    draw(
        Room::Half,
        &points,
        most,
        |usd| format::dollars_to(most, usd),
        label,
        filter,
        |chart| bars(chart, &points, |point| point.cost_usd, Ink::Cost),
    )
}

/// A chart with its axes, for its usual room and for little, and what chooses a time range on it.
fn draw(
    room: Room,
    points: &[ChartPoint],
    most: f64,
    name: impl Fn(f64) -> String,
    label: String,
    filter: Filter,
    series: impl Fn(&mut Chart) -> Result<(), Failed>,
) -> AnyView {
    let (kept, filter) = (StoredValue::new(points.to_vec()), StoredValue::new(filter));
    let drawn = [(room, "chart roomy", "roomy"), (Room::Little, "chart tight", "tight")].map(|(room, class, fit)| {
        let (canvas, drawing) = Canvas::new(room.size().0, room.size().1);
        // The canvas itself never fails; what plotters can't draw is left out.
        let _ = draw_on(canvas, room, points, most, &name, &series);
        let plot = Plot { width: room.size().0.into(), height: room.size().1.into(), buckets: points.len() };
        view! { {drawing.into_view(room.size(), class, label.clone())} <Brush points=kept plot class=fit filter /> }
    });
    view! { <div class="chart-frame">{drawn.into_iter().collect_view()}</div> }.into_any()
}

/// Each point is one unit wide.
fn draw_on(
    canvas: Canvas,
    room: Room,
    points: &[ChartPoint],
    most: f64,
    name: impl Fn(f64) -> String,
    series: impl Fn(&mut Chart) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let area = canvas.into_drawing_area();
    let top = if most > 0.0 && most.is_finite() { most * 1.05 } else { 1.0 };
    let room_beside = FEWEST.saturating_sub(points.len()) as f64 / 2.0;
    let across: Range<f64> = -room_beside..points.len() as f64 + room_beside;
    let mut builder = ChartBuilder::on(&area);
    builder.margin(Plot::TOP).margin_right(Plot::RIGHT).x_label_area_size(Plot::BOTTOM).y_label_area_size(Plot::LEFT);
    let mut chart = builder.build_cartesian_2d(across, 0.0..top)?;
    let text = ("sans-serif", 11).into_font().color(&Ink::Label.color());
    let span = points.last().zip(points.first()).map_or(0, |(last, first)| last.time.millis() - first.time.millis());
    let when = |place: &f64| {
        let is_start = place.fract() == 0.0 && *place >= 0.0;
        points.get(*place as usize).filter(|_| is_start).map_or_else(String::new, |point| format::tick(point.time, span))
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(Ink::Grid.color())
        .axis_style(Ink::Grid.color())
        .label_style(text)
        .x_labels(match room {
            Room::Whole => 10,
            Room::Half => 6,
            Room::Little => 4,
        })
        .y_labels(4)
        .x_label_formatter(&when)
        .y_label_formatter(&|value| name(*value))
        .draw()?;
    series(&mut chart)
}

fn bars(chart: &mut Chart, points: &[ChartPoint], value: impl Fn(&ChartPoint) -> f64, ink: Ink) -> Result<(), Failed> {
    let bars = points.iter().enumerate().filter(|(_, point)| value(point) > 0.0);
    let drawn = bars.map(|(index, point)| {
        let left = index as f64;
        Rectangle::new([(left + 0.08, 0.0), (left + 0.92, value(point))], ink.color().filled())
    });
    chart.draw_series(drawn).map(drop)
}

/// A line through the buckets that hold traces; empty ones have no latency.
fn lines(chart: &mut Chart, points: &[ChartPoint], value: impl Fn(&ChartPoint) -> f64, ink: Ink) -> Result<(), Failed> {
    let line = points.iter().enumerate().filter(|(_, point)| point.traces > 0).map(|(index, point)| (index as f64 + 0.5, value(point)));
    let line: Vec<_> = line.collect();
    if let [(x, y)] = line[..] {
        // One point makes no line, but it is to be seen.
        return chart.draw_series([Rectangle::new([(x - 0.2, y * 0.99), (x + 0.2, y)], ink.color().filled())]).map(drop);
    }
    chart.draw_series(LineSeries::new(line, ink.color().stroke_width(2))).map(drop)
}
