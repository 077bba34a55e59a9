use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use tracellm_trace::{Change, Pairing, Piece, Side, StepPair, StepRow, TraceSummary};

use crate::{
    ApiError,
    components::{Heading, Loaded, PlainTable, StatusBadge, TextBlock, Verbatim, steps_href, trace_href},
    format,
    functions::{Asked, Compared, compare_traces},
    visible::visible,
};

/// Characters of what both have that stand around a difference.
const CONTEXT: usize = 160;

/// Two traces beside each other: `/diff/left..right`, or `/diff/left` beside one that succeeded.
#[component]
pub fn DiffPage() -> impl IntoView {
    let (parameters, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let project = |name: &str| query.with(|map| map.get(name)).filter(|project| !project.is_empty());
        let pair = parameters.with(|map| map.get("pair")).unwrap_or_default();
        Ok::<_, ApiError>(Asked { pair, left_project: project("left_project"), right_project: project("right_project") })
    });
    view! {
        <Title text="Compare" />
        <Loaded question=asked load=compare_traces show=|_, found| view! { <Found found /> }.into_any() heading="Compare" />
    }
}

#[component]
fn Found(found: Compared) -> impl IntoView {
    let Compared { left, right, prompt, response, diff } = found;
    let Some(right) = right else {
        let href = trace_href(&left.project_id, &left.trace_id);
        return view! {
            <header class="page-head"><h1>"Compare"</h1></header>
            <div class="notice">
                <h2>"Nothing to compare with"</h2>
                <p>"No other trace of this project has the same prompt and succeeded."</p>
                <p><a class="button" href=href>"Back to the trace"</a></p>
            </div>
        }
        .into_any();
    };
    let (left_own, right_own) = (trace_href(&left.project_id, &left.trace_id), trace_href(&right.project_id, &right.trace_id));
    let count = |pairing| diff.counts.get(&pairing).map_or(0, |count| *count as i64);
    let counts = [
        (count(Pairing::Changed), "changed"),
        (count(Pairing::Moved), "moved"),
        (count(Pairing::OnlyLeft), "only left"),
        (count(Pairing::OnlyRight), "only right"),
    ];
    let counts: Vec<_> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{} {what}", format::count(*count))).collect();
    let counts = if counts.is_empty() { "the same calls in the same order".to_owned() } else { counts.join(", ") };
    let row = |row| match row {
        StepRow::Pair(pair) => view! { <PairRow pair left=left_own.clone() right=right_own.clone() /> }.into_any(),
        StepRow::Same(count) => {
            let said = format!("{} more calls, the same in both", format::count(count as i64));
            view! { <tr class="folded"><td colspan="5">{said}</td></tr> }.into_any()
        }
    };
    let rows: Vec<_> = diff.steps.into_iter().map(row).collect();
    let mut notes = Vec::new();
    if diff.more > 0 {
        notes.push(format!("{} more are not shown.", format::things(diff.more as i64, "row")));
    }
    if let Some(steps) = diff.of_first {
        notes.push(format!("This compares the first {} of a longer trace.", format::things(steps as i64, "step")));
    }
    let steps = if rows.is_empty() {
        view! { <p class="muted none">"Neither has steps."</p> }.into_any()
    } else {
        view! {
            <PlainTable class="steps-diff" headings=vec![
                Heading::Text("Left"),
                Heading::Unseen("How they differ"),
                Heading::Text("Right"),
                Heading::Number("Duration"),
                Heading::Number("Tokens"),
            ]>{rows}</PlainTable>
            {(!notes.is_empty()).then(|| view! { <p class="muted more">{notes.join(" ")}</p> })}
        }
        .into_any()
    };
    view! {
        <header class="page-head"><h1>"Compare"</h1></header>
        <Heads left right />
        <section aria-labelledby="steps">
            <h2 id="steps">"Steps " <span class="muted">{counts}</span></h2>
            {steps}
        </section>
        <section class="pair" aria-label="Texts">
            <Text label="Prompt" pieces=diff.prompt same=prompt />
            <Text label="Response" pieces=diff.response same=response.unwrap_or_default() />
        </section>
    }
    .into_any()
}

/// What each trace is, and by how much they differ.
#[component]
fn Heads(left: TraceSummary, right: TraceSummary) -> impl IntoView {
    let link =
        |row: &TraceSummary| view! { <a class="id" href=trace_href(&row.project_id, &row.trace_id)>{row.trace_id.clone()}</a> }.into_any();
    let status = |row: &TraceSummary| view! { <StatusBadge status=row.status /> }.into_any();
    let text = |name: &'static str, of: fn(&TraceSummary) -> String| {
        let (left, right) = (of(&left), of(&right));
        let differs = left != right;
        let titled = |text: String| view! { <span title=text.clone()>{text.clone()}</span> }.into_any();
        (name, titled(left), titled(right), if differs { "differs".to_owned() } else { String::new() })
    };
    let number = |name: &'static str, of: fn(&TraceSummary) -> Option<f64>, write: fn(f64) -> String| {
        let written = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), write).into_any();
        (name, written(of(&left)), written(of(&right)), format::change(of(&left), of(&right), write))
    };
    let rows = [
        ("Trace", link(&left), link(&right), String::new()),
        ("Status", status(&left), status(&right), if left.status == right.status { String::new() } else { "differs".to_owned() }),
        text("Failure reason", |row| row.failure_reason.clone().unwrap_or_else(|| "–".to_owned())),
        number("Latency", |row| Some(row.latency), format::duration),
        number("Tokens", |row| Some(row.token_count as f64), |tokens| format::count(tokens as i64)),
        number("Cost", |row| row.cost_usd, format::dollars),
        number("Steps", |row| Some(f64::from(row.step_count)), |steps| format::count(steps as i64)),
        number("Retries", |row| Some(row.retry_count as f64), |retries| format::count(retries as i64)),
        text("Model", |row| row.model_name.clone()),
        text("Environment", |row| row.environment.clone()),
        ("Started", format::time(left.created_at).into_any(), format::time(right.created_at).into_any(), String::new()),
    ];
    let rows = rows.map(|(name, left, right, change)| {
        view! { <tr><th scope="row">{name}</th><td><div class="clamped">{left}</div></td><td><div class="clamped">{right}</div></td><td class="number change">{change}</td></tr> }
    });
    view! {
        <PlainTable class="heads" headings=vec![Heading::Unseen("Of both"), Heading::Text("Left"), Heading::Text("Right"), Heading::Number("Change")]>
            {rows.into_iter().collect_view()}
        </PlainTable>
    }
}

#[component]
fn PairRow(pair: StepPair, left: String, right: String) -> impl IntoView {
    let StepPair { pairing, left: from, right: to } = pair;
    let (class, mark, said) = match pairing {
        Pairing::Same => ("same", "=", "same call"),
        Pairing::Changed => ("changed", "≠", "other arguments"),
        Pairing::Moved => ("moved", "↕", "moved"),
        Pairing::OnlyLeft => ("only-left", "−", "only left"),
        Pairing::OnlyRight => ("only-right", "+", "only right"),
    };
    let sum = |of: fn(&Side) -> Option<f64>, write: fn(f64) -> String| {
        let (from, to) = (from.as_ref().and_then(of), to.as_ref().and_then(of));
        match (from, to) {
            (Some(_), Some(_)) => format::change(from, to, write),
            (one, other) => one.or(other).map(write).unwrap_or_default(),
        }
    };
    let duration = sum(|side| Some(side.duration), format::duration);
    let tokens = sum(|side| side.tokens.map(|tokens| tokens as f64), |tokens| format::count(tokens as i64));
    // In a narrow window there is no room for what says nothing.
    let is_untold = |number: &str| number.is_empty() || number == "=";
    let cell = |side: Option<Side>, own: String| {
        side.map(|side| {
            let failed = (!side.success).then(|| view! { <span class="status failed">"failed"</span> });
            view! {
                <a href=steps_href(&own, side.step)>{side.step + 1}</a> " " <code class="clamped" title=side.tool_name.clone()>{visible(side.tool_name.clone())}</code> " " {failed}
                {side.error.map(|error| view! { <span class="under">{error}</span> })}
            }
        })
    };
    view! {
        <tr class=class>
            <td>{cell(from, left)}</td>
            <td class="mark"><span aria-hidden="true" title=said>{mark}</span><span class="visually-hidden">{said}</span></td>
            <td>{cell(to, right)}</td>
            <td class="number" class:untold=is_untold(&duration)>{duration.clone()}</td>
            <td class="number" class:untold=is_untold(&tokens)>{tokens.clone()}</td>
        </tr>
    }
}

/// A text of both: once, where it is the same, else with what was taken out and put in.
#[component]
fn Text(label: &'static str, pieces: Option<Vec<Piece>>, same: String) -> impl IntoView {
    let Some(pieces) = pieces else {
        let label = format!("{label}, the same in both");
        return view! { <TextBlock label text=same /> }.into_any();
    };
    let last = pieces.len() - 1;
    let pieces = pieces.into_iter().enumerate().map(move |(index, Piece { change, text })| match change {
        Change::Same => visible(shorten(&text, index > 0, index < last)).into_any(),
        Change::OnlyLeft => view! { <del>{visible(text)}</del> }.into_any(),
        Change::OnlyRight => view! { <ins>{visible(text)}</ins> }.into_any(),
    });
    view! {
        <figure class="text-block">
            <figcaption>{label} " " <span class="legend"><del>"left"</del> " " <ins>"right"</ins></span></figcaption>
            <Verbatim class="prose">{pieces.collect_view()}</Verbatim>
        </figure>
    }
    .into_any()
}

/// What both have, but for its middle where that is long: as much as stands beside a difference.
fn shorten(text: &str, follows: bool, leads: bool) -> String {
    let (head, tail) = (if follows { CONTEXT } else { 0 }, if leads { CONTEXT } else { 0 });
    let characters = text.chars().count();
    if characters <= head + tail + CONTEXT {
        return text.to_owned();
    }
    let (begin, end): (String, String) = (text.chars().take(head).collect(), text.chars().skip(characters - tail).collect());
    format!("{begin} … {} the same … {end}", format::things((characters - head - tail) as i64, "character"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_both_have_is_cut_where_it_is_long() {
        let text = "a".repeat(1_000);
        assert_eq!(super::shorten("short", true, true), "short");
        assert_eq!(super::shorten(&text, false, true), format!(" … 840 characters the same … {}", "a".repeat(160)));
        assert_eq!(super::shorten(&text, true, false), format!("{} … 840 characters the same … ", "a".repeat(160)));
    }
}
