use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use tracellm_trace::{Filter, Query, Timestamp, stats::ChartPoint};

use super::timeline::Plot;
use crate::{format, url::href};

/// In ms: how long the one bucket of a chart is that has no second.
const MINUTE: f64 = 60_000.0;

/// Over a chart: tells of the bucket under the pointer, and narrows the page to the buckets that are clicked, dragged over, or chosen by keys.
#[component]
pub fn Brush(points: StoredValue<Vec<ChartPoint>>, plot: Plot, class: &'static str, filter: StoredValue<Filter>) -> impl IntoView {
    // Where the choice began, and where it is.
    let chosen = RwSignal::new(None::<(usize, usize)>);
    let is_dragging = RwSignal::new(false);
    let navigate = use_navigate();
    let narrow = move || {
        if let Some(address) = chosen.get_untracked().and_then(|(from, to)| narrowed(points, filter, from.min(to), from.max(to))) {
            navigate(&address, NavigateOptions { scroll: false, ..Default::default() });
        }
    };
    let narrow_by_key = narrow.clone();
    let under = move |event: &ev::PointerEvent| {
        let target = event.current_target()?.dyn_into::<web_sys::Element>().ok()?;
        let room = target.get_bounding_client_rect();
        plot.bucket_at((f64::from(event.client_x()) - room.left()) / room.width())
    };
    let press = move |event: ev::PointerEvent| {
        if let Some(bucket) = under(&event).filter(|_| event.button() == 0) {
            is_dragging.set(true);
            chosen.set(Some((bucket, bucket)));
        }
    };
    let pass = move |event: ev::PointerEvent| {
        let bucket = under(&event);
        chosen.update(|chosen| match (is_dragging.get_untracked(), bucket) {
            (true, Some(bucket)) => *chosen = chosen.map(|(from, _)| (from, bucket)),
            (true, None) => {}
            (false, bucket) => *chosen = bucket.map(|bucket| (bucket, bucket)),
        });
    };
    let release = move |_| {
        if is_dragging.get_untracked() {
            is_dragging.set(false);
            narrow();
        }
    };
    let leave = move |_| {
        is_dragging.set(false);
        chosen.set(None);
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let by = match event.key().as_str() {
            "ArrowRight" => 1,
            "ArrowLeft" => -1,
            "Enter" => return narrow_by_key(),
            "Escape" => return chosen.set(None),
            _ => return,
        };
        event.prevent_default();
        let last = plot.buckets.saturating_sub(1);
        chosen.update(|chosen| {
            let (from, at) = chosen.unwrap_or((last, last));
            let next = at.saturating_add_signed(by).min(last);
            *chosen = Some(if event.shift_key() { (from, next) } else { (next, next) });
        });
    };
    let mark = move || {
        let (from, to) = chosen.get()?;
        let (left, width) = plot.span(from.min(to), from.max(to));
        Some(view! { <rect x=format!("{left:.1}") y=Plot::TOP width=format!("{width:.1}") height=plot.height() /> })
    };
    let tip = move || {
        let (from, to) = chosen.get()?;
        points.with_value(|points| told(points.get(from.min(to)..=from.max(to))?))
    };
    view! {
        <svg
            class=format!("brush {class}")
            viewBox=plot.view_box()
            tabindex="0"
            role="group"
            aria-label="Time range: arrow keys choose, Shift extends, Enter narrows the page to it"
            on:pointerdown=press
            on:pointermove=pass
            on:pointerup=release
            on:pointerleave=leave
            on:keydown=on_key
            on:blur=move |_| chosen.set(None)
        >
            {mark}
        </svg>
        <p class=format!("tip {class}") aria-live="polite">{tip}</p>
    }
}

/// The address of the page for the time of some buckets.
fn narrowed(points: StoredValue<Vec<ChartPoint>>, filter: StoredValue<Filter>, first: usize, last: usize) -> Option<String> {
    let (from, to) = points.with_value(|points| {
        let width = points.get(1).zip(points.first()).map_or(MINUTE, |(second, first)| (second.time.millis() - first.time.millis()) as f64);
        Some::<(Timestamp, Timestamp)>((points.get(first)?.time, points.get(last)?.time.plus(width)))
    })?;
    let filter = Filter { from: Some(from), to: Some(to), last: None, ..filter.get_value() };
    Some(href("/", &Query { filter, ..Query::default() }.to_pairs()))
}

/// What buckets hold, in words.
fn told(points: &[ChartPoint]) -> Option<String> {
    let (first, last) = (points.first()?, points.last()?);
    let traces: u64 = points.iter().map(|point| point.traces).sum();
    let failed: u64 = points.iter().map(|point| point.failed).sum();
    let cost: f64 = points.iter().map(|point| point.cost_usd).sum();
    let time =
        if points.len() == 1 { format::time(first.time) } else { format!("{} to {}", format::time(first.time), format::time(last.time)) };
    let mut more = String::new();
    if failed > 0 {
        more += &format!(", {} failed", format::count(format::whole(failed)));
    }
    // Percentiles of several don't add up.
    if points.len() == 1 && traces > 0 {
        more += &format!(", p95 {}", format::duration(first.p95_latency));
    }
    Some(format!("{time}: {}{more}, {}", format::things(format::whole(traces), "trace"), format::dollars(cost)))
}
