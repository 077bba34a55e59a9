use leptos::prelude::*;
use tracellm_trace::{Arguments, Repeat, RepeatKind, Why};

use crate::{components::steps_href, format, visible::visible};

/// Repeats that are told at once; the rest on demand.
const TOLD: usize = 5;
/// Steps of a repeat that have a link.
const LINKED: usize = 6;
/// Steps that take at least this share of the time are told, and at most so many.
const SHARE: f64 = 0.1;
const LONGEST: usize = 3;

/// Why a trace went as it did: what failed first, what was tried again and whether that helped, what was in vain, where the time went.
#[component]
pub fn WhyPanel(
    why: Why,
    /// The steps that the page shows, from `first` on.
    names: Vec<String>,
    first: usize,
    own: String,
    /// The failure reason that the page tells anyway.
    reason: Option<String>,
) -> impl IntoView {
    let Why { first_failed, repeats, more_repeats, waste, critical, length, gaps, of_first } = why;
    let link = move |step: usize, text: String| view! { <a href=steps_href(&own, step)>{text}</a> }.into_any();
    let failed = first_failed.map(|failed| {
        let error =
            failed.error.filter(|error| Some(error) != reason.as_ref()).map(|error| view! { <span class="reason">{visible(error)}</span> });
        let name = format!("step {}", failed.step + 1);
        view! { <dt>"First to fail"</dt><dd>{link(failed.step, name)} " " <code>{visible(failed.tool_name)}</code> {error}</dd> }
    });
    let mut told: Vec<_> = repeats.iter().map(|repeat| repeated(repeat, &link)).collect();
    let behind = told.split_off(told.len().min(TOLD));
    let again = (!told.is_empty()).then(|| {
        let count = (behind.len() + more_repeats) as i64;
        let untold =
            (more_repeats > 0).then(|| view! { <li class="muted">{format!("and {} more", format::count(more_repeats as i64))}</li> });
        let more = (count > 0).then(|| {
            view! { <details><summary>{format!("{} more", format::count(count))}</summary><ul>{behind}{untold}</ul></details> }
        });
        view! { <dt>"Done again"</dt><dd><ul>{told}</ul>{more}</dd> }
    });
    let vain = (waste.steps > 0).then(|| {
        let tokens = (waste.tokens > 0).then(|| format!(" and {}", format::things(waste.tokens, "token")));
        let said =
            format!("{}{} in {}", format::duration(waste.ms), tokens.unwrap_or_default(), format::things(waste.steps as i64, "step"));
        view! { <dt>"In vain"</dt><dd>{said} " that failed or did once more what was done"</dd> }
    });
    let mut longest: Vec<_> = critical.into_iter().filter(|(_, ms)| *ms >= length * SHARE && *ms > 0.0).collect();
    longest.sort_by(|a, b| b.1.total_cmp(&a.1));
    longest.truncate(LONGEST);
    let takes = longest.into_iter().map(|(step, ms)| {
        let name =
            step.checked_sub(first).and_then(|place| names.get(place)).cloned().map(|name| view! { " " <code>{visible(name)}</code> });
        let share = format!("{:.0} %", ms / length * 100.0);
        view! { <li>{format!("{share}, {}: ", format::duration(ms))} {link(step, format!("step {}", step + 1))} {name}</li> }
    });
    let takes = takes.collect_view();
    let idle = gaps.into_iter().next().map(|gap| {
        let share = format!("{:.0} %", gap.length / length * 100.0);
        let after = match gap.after {
            Some(step) => view! { "after " {link(step, format!("step {}", step + 1))} }.into_any(),
            None => "at the beginning".into_any(),
        };
        view! { <li>{format!("{share}, {}: idle or between steps, ", format::duration(gap.length))} {after}</li> }
    });
    let time = (!takes.is_empty() || idle.is_some()).then(|| view! { <dt>"Time went to"</dt><dd><ul>{takes}{idle}</ul></dd> });
    let partly =
        of_first.map(|steps| view! { <p class="muted">{format!("This is about the first {}.", format::things(steps as i64, "step"))}</p> });
    (failed.is_some() || again.is_some() || vain.is_some() || time.is_some()).then(|| {
        view! {
            <section aria-labelledby="why">
                <h2 id="why">"Why"</h2>
                <dl class="why panel">{failed}{again}{vain}{time}</dl>
                {partly}
            </section>
        }
    })
}

/// A repeat in words, with its steps.
fn repeated(repeat: &Repeat, link: &impl Fn(usize, String) -> AnyView) -> AnyView {
    let times = repeat.count;
    let (kind, said) = match repeat.kind {
        RepeatKind::Retry { arguments, helped } => {
            let with = match arguments {
                Arguments::Same => " with the same arguments",
                Arguments::Other => " with other arguments",
                Arguments::Unknown => "",
            };
            let end = if helped { "the last call succeeded" } else { "no call succeeded" };
            ("retry", format!("failed and was called again{with}, {times} calls: {end}"))
        }
        RepeatKind::Loop => ("loop", format!("succeeded {times} times with the same arguments")),
        RepeatKind::Alternation => ("loop", format!("and another took turns, {times} calls, each the same as before")),
    };
    let steps = repeat.steps.iter().take(LINKED).map(|step| view! { " " {link(*step, format!("{}", step + 1))} }).collect_view();
    let more = (times > LINKED).then_some(" …");
    view! { <li><span class="tag">{kind}</span> " " <code>{visible(repeat.tool_name.as_str())}</code> " " {said} ". Steps" {steps} {more}</li> }
        .into_any()
}
