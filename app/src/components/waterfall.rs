use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use tracellm_trace::{Repeat, RepeatKind, Step, Trace, Why};

use super::time_axis::{Axis, DEEPEST, TimeAxis, bar};
use crate::{
    components::{JsonBlock, StepSide},
    format,
    visible::visible,
};

/// The steps in order, each as a bar on the time axis of the trace, each opening to what went in and came out. The first of them is the
/// trace's step `first`, from 0.
#[component]
pub fn Waterfall(trace: Trace, first: usize, why: Why) -> impl IntoView {
    let (start, length) = stretch(&trace);
    let axis = Axis { begin: 0.0, length };
    let levels = levels(&trace.steps);
    let again: BTreeMap<usize, &'static str> = why.repeats.iter().flat_map(again).collect();
    let critical: BTreeSet<usize> = why.critical.iter().map(|(step, _)| *step).collect();
    let steps = trace.steps.into_iter().zip(levels).enumerate();
    let row = |(place, (step, level))| {
        let index = first + place;
        view! { <StepRow index step level start axis again=again.get(&index).copied() is_critical=critical.contains(&index) /> }
    };
    let rows = steps.map(row).collect_view();
    view! {
        <div class="waterfall">
            <TimeAxis axis />
            <ol>{rows}</ol>
        </div>
    }
}

/// The steps of a repeat that came again, and as what.
fn again(repeat: &Repeat) -> impl Iterator<Item = (usize, &'static str)> {
    let said = if matches!(repeat.kind, RepeatKind::Retry { .. }) { "retry" } else { "loop" };
    repeat.again().map(move |step| (step, said))
}

/// How deep each step stands below others that are shown.
fn levels(steps: &[Step]) -> Vec<usize> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let level = |step: &Step, known: &BTreeMap<&str, usize>| {
        let above = step.parent_id.as_deref().and_then(|parent| known.get(parent));
        above.map_or(0, |above| (above + 1).min(DEEPEST))
    };
    let levels = steps.iter().map(|step| {
        let level = level(step, &known);
        known.insert(&step.step_id, level);
        level
    });
    levels.collect()
}

/// From the first start, in ms after 1970, to the last end, in ms, more than 0: clocks of senders disagree, and a step may stand outside its
/// trace.
fn stretch(trace: &Trace) -> (i64, f64) {
    let starts = trace.steps.iter().map(|step| step.timestamp.millis());
    let start = starts.chain([trace.created_at.millis()]).min().unwrap_or_default();
    let end_of = |from: i64, duration: f64| (from - start) as f64 + duration;
    let ends = trace.steps.iter().map(|step| end_of(step.timestamp.millis(), step.duration));
    let length = ends.fold(end_of(trace.created_at.millis(), trace.latency), f64::max);
    (start, if length > 0.0 { length.min(f64::MAX) } else { 1.0 })
}

#[component]
fn StepRow(
    index: usize,
    step: Step,
    level: usize,
    /// When the axis begins, in ms after 1970.
    start: i64,
    axis: Axis,
    again: Option<&'static str>,
    is_critical: bool,
) -> impl IntoView {
    let offset = (step.timestamp.millis() - start) as f64;
    let hint = format!("starts at {}, takes {}", format::duration(offset), format::duration(step.duration));
    let outcome = outcome(&step);
    let has_failed = !step.success;
    view! {
        <li class:failed=has_failed class:critical=is_critical id=format!("step-{}", index + 1)>
            <details>
                <summary>
                    <span class="step-name">
                        <span class="step-number">{index + 1}</span>
                        <span class=format!("step-tool level-{level}")>{visible(step.tool_name.as_str())}</span>
                        {step.kind.map(|kind| view! { <span class="tag">{kind.as_str()}</span> })}
                        {again.map(|again| view! { <span class="tag warning">{again}</span> })}
                        <span class="visually-hidden">{format!(", {outcome}")}{is_critical.then_some(", on the critical path")}</span>
                    </span>
                    <svg class="bar" role="img" aria-label=hint.clone() preserveAspectRatio="none">
                        <title>{hint.clone()}</title>
                        {axis.place(offset, step.duration).map(bar)}
                    </svg>
                    <span class="step-duration number">{format::duration(step.duration)}</span>
                </summary>
                <StepBody step />
            </details>
        </li>
    }
}

/// What a step did, what went in and what came out.
#[component]
pub fn StepBody(step: Step) -> impl IntoView {
    let tokens = step.tokens();
    view! {
        <div class="step-body">
            <p class="step-facts muted">
                {format!("{} · started {}", outcome(&step), format::exact_time(step.timestamp))}
                {step.model_name.map(|model| format!(" · {model}"))}
                {tokens.map(|tokens| format!(" · {}", format::things(tokens, "token")))}
            </p>
            {step.error.map(|error| view! { <p class="callout failed">{error}</p> })}
            <div class="pair">
                <StepSide label="Input" value=step.input />
                <StepSide label="Output" value=step.output />
            </div>
            {(!step.metadata.is_empty()).then(|| view! { <JsonBlock label="Metadata" value=step.metadata /> })}
        </div>
    }
}

fn outcome(step: &Step) -> &'static str {
    if step.success { "succeeded" } else { "failed" }
}

#[cfg(test)]
mod tests {
    use tracellm_trace::{Context, Source, Step, Timestamp, normalize};

    use super::{Axis, stretch};

    #[track_caller]
    fn check(raw: &str, length: f64, places: &[(f64, f64)]) {
        let context = Context::with_id(Timestamp::MIN, "t", Source::Json);
        let trace = normalize(raw, &context).unwrap().trace;
        let (start, found) = stretch(&trace);
        let axis = Axis { begin: 0.0, length: found };
        assert_eq!(axis.length, length);
        let rounded = |share: f64| (share * 1e6).round() / 1e6;
        let place = |step: &Step| axis.place((step.timestamp.millis() - start) as f64, step.duration).unwrap();
        let found = trace.steps.iter().map(place).map(|(left, width)| (rounded(left), rounded(width)));
        assert_eq!(found.collect::<Vec<_>>(), places);
    }

    #[test]
    fn bars_stand_where_their_steps_were() {
        check(r#"{"created_at":1e9,"latency":100,"steps":[{"duration":25},{"duration":75}]}"#, 100.0, &[(0.0, 25.0), (25.0, 75.0)]);
    }

    #[test]
    fn a_step_outside_its_trace_widens_the_axis() {
        let raw = r#"{"created_at":1000000000.100,"latency":50,"steps":[{"timestamp":1000000000.0,"duration":200}]}"#;
        check(raw, 200.0, &[(0.0, 100.0)]);
    }

    #[test]
    fn nothing_to_measure_is_still_drawn() {
        check(r#"{"created_at":1e9,"steps":[{}]}"#, 1.0, &[(0.0, 0.4)]);
        check(r#"{"created_at":1e9,"steps":[{"duration":1.7e308},{"duration":1.7e308}]}"#, 1.7e308, &[(0.0, 100.0), (0.0, 100.0)]);
    }
}
