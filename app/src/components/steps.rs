use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use tracellm_trace::{Trace, Why};

use super::{LongWaterfall, Replay, Talk, Waterfall, replay::open_named_step};
use crate::{
    format,
    functions::{STEPS_SHOWN, get_outline},
    url::href,
};

/// The parameter of the address that asks for another view than the time line, and what it says.
const VIEW: (&str, &str) = ("view", "conversation");

/// Ways to look at steps; each is an address.
#[component]
fn Views(own: String, is_talk: bool, first: usize) -> impl IntoView {
    let place = if first == 0 { own } else { href(&own, &[("steps_from", first.to_string())]) };
    let talk = href(&place, &[(VIEW.0, VIEW.1.to_owned())]);
    let link = |address: String, label: &'static str, is_shown: bool| {
        view! { <a class="view" href=format!("{address}#steps") aria-current=is_shown.then_some("true")>{label}</a> }
    };
    view! { <nav class="step-views" aria-label="View of the steps">{link(place, "Time line", !is_talk)} {link(talk, "Conversation", is_talk)}</nav> }
}

/// The steps of a trace on a time line, or as a conversation where the address asks for that.
#[component]
pub fn Steps(trace: Trace, first: usize, total: usize, why: Why, own: String) -> impl IntoView {
    if trace.steps.is_empty() {
        return view! { <section><h2>"0 steps"</h2><p class="muted none">"This trace has no steps."</p></section> }.into_any();
    }
    // A file has no addresses of its own.
    if own.is_empty() {
        return view! { <TimeLine trace first total why own /> }.into_any();
    }
    let parameters = use_query_map();
    let is_talk = Memo::new(move |_| parameters.with(|map| map.get(VIEW.0).is_some_and(|view| view == VIEW.1)));
    let part = StoredValue::new((trace, why, own));
    let shown = move || {
        let (trace, why, own) = part.get_value();
        if is_talk.get() {
            view! { <TalkPart trace first total own /> }.into_any()
        } else {
            view! { <TimeLine trace first total why own /> }.into_any()
        }
    };
    view! { {shown} }.into_any()
}

/// The steps that are at hand as a conversation.
#[component]
fn TalkPart(trace: Trace, first: usize, total: usize, own: String) -> impl IntoView {
    let shown = trace.steps.len();
    let heading = if shown == total { format::things(total as i64, "step") } else { range(first, shown, total) };
    let pages = href(&own, &[(VIEW.0, VIEW.1.to_owned())]);
    let further = (shown < total).then(|| view! { <Pages first last=first + shown total own=pages /> });
    view! {
        <section aria-labelledby="steps">
            <div class="section-head"><h2 id="steps">{heading}</h2><Views own=own.clone() is_talk=true first /></div>
            <Talk trace first own />
            {further}
        </section>
    }
}

/// The steps that are at hand, and where there are more, once the script runs, all of them in one list.
#[component]
fn TimeLine(trace: Trace, first: usize, total: usize, why: Why, own: String) -> impl IntoView {
    let shown = trace.steps.len();
    if shown == total || own.is_empty() {
        let heading = if shown == total { format::things(total as i64, "step") } else { range(first, shown, total) };
        let tools = (!own.is_empty()).then(|| {
            open_named_step();
            view! { <Views own=own.clone() is_talk=false first /> {(total > 1).then(|| view! { <Replay total /> })} }
        });
        return view! {
            <section aria-labelledby="steps">
                <div class="section-head"><h2 id="steps">{heading}</h2>{tools}</div>
                <Waterfall trace first why />
            </section>
        }
        .into_any();
    }
    let part = StoredValue::new((trace, why));
    let outline = Action::new(move |(): &()| {
        let (project_id, trace_id) = part.with_value(|(trace, _)| (trace.project_id.clone(), trace.trace_id.clone()));
        // Shared, as it is large.
        async move { get_outline(project_id, trace_id).await.map(Arc::new) }
    });
    // In the browser alone: the page does not wait for all steps.
    Effect::new(move |_| {
        outline.dispatch(());
    });
    let all = move || match outline.value().get() {
        Some(Ok(outline)) if !outline.is_empty() => {
            let (project_id, trace_id) = part.with_value(|(trace, _)| (trace.project_id.clone(), trace.trace_id.clone()));
            view! {
                <div class="section-head">
                    <h2 id="steps">{format::things(total as i64, "step")}</h2>
                    <Views own=own.clone() is_talk=false first />
                    <Replay total />
                </div>
                <LongWaterfall outline project_id trace_id first />
            }
            .into_any()
        }
        // Without a script, an answer or its spans there is this part, and ways to the others.
        _ => {
            let (trace, why) = part.get_value();
            view! {
                <div class="section-head"><h2 id="steps">{range(first, shown, total)}</h2><Views own=own.clone() is_talk=false first /></div>
                <Waterfall trace first why />
                <Pages first last=first + shown total own=own.clone() />
            }
            .into_any()
        }
    };
    view! { <section aria-labelledby="steps">{all}</section> }.into_any()
}

fn range(first: usize, shown: usize, total: usize) -> String {
    format!("Steps {} to {} of {}", first + 1, first + shown, format::count(total as i64))
}

#[component]
fn Pages(first: usize, last: usize, total: usize, own: String) -> impl IntoView {
    let link = |from: usize, label: &'static str| {
        let page = href(&own, &[("steps_from", from.to_string())]);
        view! { <a class="button" href=format!("{page}#steps")>{label}</a> }
    };
    view! {
        <nav class="pager" aria-label="Pages of steps">
            {(first > 0).then(|| link(first.saturating_sub(STEPS_SHOWN), "Previous steps"))}
            {(last < total).then(|| link(last, "Next steps"))}
        </nav>
    }
}
