use leptos::{
    ev::{FocusEvent, KeyboardEvent, MouseEvent},
    html,
    prelude::*,
};
use tracellm_trace::{
    FacetBy,
    search::{Completion, complete},
};

use crate::components::FacetsToCome;

/// The field of the search. While one types it offers what can be asked; without script it is a field like any other.
#[component]
pub fn SearchBox(value: Option<String>, facets: Option<FacetsToCome>) -> impl IntoView {
    let known = move |name: &str| {
        let facets = facets.and_then(|facets| facets.get_untracked()).and_then(Result::ok);
        let by = FacetBy::ALL.into_iter().find(|by| by.as_str() == name);
        by.zip(facets).map(|(by, facets)| facets.of(by).iter().map(|value| value.value.clone()).collect()).unwrap_or_default()
    };
    let input = NodeRef::<html::Input>::new();
    let offers = RwSignal::new(Vec::<Completion>::new());
    let chosen = RwSignal::new(None::<usize>);
    let close = move || {
        offers.set(Vec::new());
        chosen.set(None);
    };
    let offer = move || {
        let Some(input) = input.get_untracked() else { return };
        chosen.set(None);
        offers.set(complete(&input.value(), &known).1);
    };
    let take = move |index: usize| {
        let (Some(input), Some(offered)) = (input.get_untracked(), offers.with_untracked(|offers| offers.get(index).cloned())) else {
            return;
        };
        let typed = input.value();
        let (start, _) = complete(&typed, &known);
        let gap = if offered.word.ends_with(':') { "" } else { " " };
        input.set_value(&format!("{}{}{gap}", &typed[..start], offered.word));
        offer();
    };
    let on_key = move |event: KeyboardEvent| {
        let count = offers.with_untracked(Vec::len);
        if count == 0 {
            return;
        }
        let next = |step: usize| chosen.get_untracked().map_or(if step == 1 { 0 } else { count - 1 }, |at| (at + step) % count);
        match (event.key().as_str(), chosen.get_untracked()) {
            ("ArrowDown", _) => chosen.set(Some(next(1))),
            ("ArrowUp", _) => chosen.set(Some(next(count - 1))),
            ("Enter" | "Tab", Some(index)) => take(index),
            ("Escape", _) => close(),
            _ => return,
        }
        event.prevent_default();
    };
    let options = move || {
        let option = move |(index, Completion { word, hint }): (usize, Completion)| {
            // Before the field loses the focus.
            let on_press = move |event: MouseEvent| {
                event.prevent_default();
                take(index);
            };
            let is_chosen = move || (chosen.get() == Some(index)).to_string();
            view! {
                <li role="option" id=format!("search-offer-{index}") aria-selected=is_chosen on:mousedown=on_press>
                    <code>{word}</code> <span class="muted">{hint}</span>
                </li>
            }
        };
        offers.get().into_iter().enumerate().map(option).collect_view()
    };
    let is_open = move || offers.with(|offers| !offers.is_empty());
    view! {
        <div class="search">
            <label>
                <span>"Search"</span>
                <input
                    type="search"
                    name="q"
                    value=value
                    node_ref=input
                    placeholder="words, \"phrases\", -not, model:, latency:>2s"
                    autocomplete="off"
                    spellcheck="false"
                    role="combobox"
                    aria-expanded=move || is_open().to_string()
                    aria-controls="search-offers"
                    aria-autocomplete="list"
                    aria-activedescendant=move || chosen.get().map(|index| format!("search-offer-{index}"))
                    on:input=move |_| offer()
                    on:click=move |_| offer()
                    on:keydown=on_key
                    on:blur=move |_: FocusEvent| close()
                />
            </label>
            <ul id="search-offers" class="offers" role="listbox" aria-label="What can be asked" hidden=move || !is_open()>
                {options}
            </ul>
        </div>
    }
}
