use std::time::Duration;

use leptos::{ev, prelude::*, web_sys};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};

use super::keyboard::is_typing;
use crate::last_list::here;

/// How long a step is shown where steps go on by themselves.
const EACH: Duration = Duration::from_millis(1_500);

/// The step that the address names, from 0.
pub fn named_step(hash: &str) -> Option<usize> {
    hash.trim_start_matches('#').strip_prefix("step-")?.parse::<usize>().ok()?.checked_sub(1)
}

/// Walks through the steps of a trace, one by one or by itself. The address names the step, so that a link leads to it.
#[component]
pub fn Replay(total: usize) -> impl IntoView {
    let hash = use_location().hash;
    let at = Memo::new(move |_| hash.with(|hash| named_step(hash)).filter(|step| *step < total));
    let is_on = RwSignal::new(false);
    let is_playing = RwSignal::new(false);
    let navigate = StoredValue::new(use_navigate());
    let go = move |step: Option<usize>| {
        let address = step.map_or_else(here, |step| format!("{}#step-{}", here(), step + 1));
        let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
        navigate.with_value(|navigate| navigate(&address, options));
    };
    let step = move |by: isize| {
        is_on.set(true);
        let next = match at.get_untracked() {
            Some(at) => at.saturating_add_signed(by),
            None if by > 0 => 0,
            None => total - 1,
        };
        if next >= total {
            return is_playing.set(false);
        }
        go(Some(next));
    };
    let end = move || {
        is_on.set(false);
        is_playing.set(false);
        go(None);
    };
    // The next step follows each that is reached, for as long as it plays.
    Effect::new(move |_| {
        let reached = at.get();
        if is_playing.get() {
            let go_on = move || {
                let is_still_there = at.try_get_untracked() == Some(reached) && is_playing.try_get_untracked() == Some(true);
                if is_still_there {
                    step(1);
                }
            };
            set_timeout(go_on, EACH);
        }
    });
    let on_key = move |event: web_sys::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing(&event) {
            return;
        }
        match event.key().as_str() {
            "]" => step(1),
            "[" => step(-1),
            "Escape" if is_on.get_untracked() => end(),
            _ => {}
        }
    };
    Effect::new(move |_| {
        let listener = window_event_listener(ev::keydown, on_key);
        on_cleanup(move || listener.remove());
    });
    let bar = move || {
        if !is_on.get() {
            return view! { <button type="button" class="copy needs-script" title="] and [" on:click=move |_| step(1)>"Replay"</button> }
                .into_any();
        }
        let place = move || at.get().map_or_else(String::new, |at| format!("Step {} of {total}", at + 1));
        let play = move |_| {
            // From the end it begins again.
            if !is_playing.get_untracked() && at.get_untracked() == Some(total - 1) {
                go(Some(0));
            }
            is_playing.update(|is_playing| *is_playing = !*is_playing);
        };
        view! {
            <span class="replay" role="group" aria-label="Replay">
                <button type="button" class="button" title="[" on:click=move |_| step(-1)>"Back"</button>
                <button type="button" class="button" on:click=play>{move || if is_playing.get() { "Pause" } else { "Play" }}</button>
                <button type="button" class="button" title="]" on:click=move |_| step(1)>"Next"</button>
                <span class="muted" aria-live="polite">{place}</span>
                <button type="button" class="copy" title="Esc" on:click=move |_| end()>"End"</button>
            </span>
        }
        .into_any()
    };
    view! { {bar} }
}

/// Opens the step that the address names and closes the one before, where all steps stand in the page.
pub fn open_named_step() {
    let hash = use_location().hash;
    Effect::new(move |last: Option<Option<usize>>| {
        let step = hash.with(|hash| named_step(hash));
        let row = |step: usize| document().query_selector(&format!("#step-{} > details", step + 1)).ok().flatten();
        if let Some(last) = last.flatten().filter(|last| Some(*last) != step).and_then(row) {
            // Neither name is one that is refused.
            let _ = last.remove_attribute("open");
        }
        if let Some(row) = step.and_then(row) {
            let _ = row.set_attribute("open", "");
            row.scroll_into_view();
        }
        step
    });
}
