use leptos::prelude::*;

use crate::format;

/// Levels that are indented; deeper ones stand where the last of these do.
pub const DEEPEST: usize = 8;

/// What the full width of the bars of a waterfall stands for, in ms after its trace began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    pub begin: f64,
    /// More than 0.
    pub length: f64,
}

impl Axis {
    /// Left edge and width of a bar, in per cent; at least wide enough to be seen. None where it lies beside the axis.
    pub fn place(self, start: f64, duration: f64) -> Option<(f64, f64)> {
        const LEAST: f64 = 0.4;
        let of_axis = |ms: f64| ms / self.length * 100.0;
        let from = of_axis(start - self.begin);
        let left = from.clamp(0.0, 100.0 - LEAST);
        // Of what began before, only the rest is there.
        let width = (of_axis(duration) - (left - from).max(0.0)).clamp(LEAST, 100.0 - left);
        (from <= 100.0 && from + of_axis(duration) >= 0.0).then_some((left, width))
    }
}

/// The bar of a step, at left edge and width.
pub fn bar((left, width): (f64, f64)) -> impl IntoView {
    view! { <rect x=format!("{left:.3}%") y="25%" width=format!("{width:.3}%") height="50%" rx="2" /> }
}

/// The heading of a waterfall, with what its bars stand for.
#[component]
pub fn TimeAxis(#[prop(into)] axis: Signal<Axis>) -> impl IntoView {
    let ticks = move || {
        let Axis { begin, length } = axis.get();
        let tick = |quarter: i32| view! { <span>{format::instant(begin + length * f64::from(quarter) / 4.0, length / 4.0)}</span> };
        (0..=4).map(tick).collect_view()
    };
    view! {
        <div class="axis" aria-hidden="true">
            <span class="axis-name">"Step"</span>
            <span class="ticks">{ticks}</span>
            <span class="axis-end">"Duration"</span>
        </div>
    }
}
