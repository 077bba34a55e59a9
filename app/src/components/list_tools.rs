use leptos::{ev, prelude::*, web_sys};

use super::{ErrorPanel, removal::Delete, text_block::save_as};
use crate::{
    columns, cookies, dom, format,
    functions::{export_traces, remove_traces, tag_traces},
    url::{escape, href, of_project},
};

/// What one does with rows and columns of a list. A browser loads it once it is wanted.
#[component]
pub fn ListTools() -> impl IntoView {
    let (is_open, has_picked) = (RwSignal::new(false), RwSignal::new(false));
    Effect::new(move |_| {
        // A browser may have kept what was ticked before one went away and back.
        has_picked.set(!boxes(":checked").is_empty());
        let listener = window_event_listener(ev::change, move |_| {
            if !has_picked.get_untracked() && !boxes(":checked").is_empty() {
                has_picked.set(true);
            }
        });
        on_cleanup(move || listener.remove());
    });
    // How long ago something was is known to a browser alone, and the list may be another one by then.
    let is_relative = RwSignal::new(false);
    Effect::new(move |_| is_relative.set(columns::times().is_some()));
    view! {
        <details class="columns needs-script" on:toggle=move |_| is_open.set(true)>
            <summary class="copy">"Columns"</summary>
            <Wanted is_wanted=is_open load=move || column_choices(is_relative) />
        </details>
        <Wanted is_wanted=is_relative load=relative_times />
        <Wanted is_wanted=has_picked load=selection />
    }
}

/// What is loaded once it is wanted, in a boundary of its own, so that nothing around it waits.
#[component]
pub fn Wanted<L, A>(is_wanted: RwSignal<bool>, load: L) -> impl IntoView
where
    L: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = AnyView> + Send + 'static,
{
    view! { <Suspense fallback=|| ()>{move || is_wanted.get().then(|| Suspend::new(load()))}</Suspense> }
}

#[lazy]
fn column_choices(is_relative: RwSignal<bool>) -> AnyView {
    view! { <ColumnChoices is_relative /> }.into_any()
}

#[lazy]
fn relative_times() -> AnyView {
    view! { <RelativeTimes /> }.into_any()
}

/// Writes on each row how long ago its trace began, now and every half minute.
#[component]
fn RelativeTimes() -> impl IntoView {
    let write = || {
        let now = dom::now().millis() as f64;
        for cell in dom::elements("td[data-at]") {
            let at = cell.get_attribute("data-at").and_then(|at| at.parse::<f64>().ok());
            // An attribute name that is valid is never refused.
            let _ = at.map(|at| cell.set_attribute("data-ago", &format::ago(now - at)));
        }
    };
    write();
    Effect::new(move |_| {
        let every = set_interval_with_handle(write, std::time::Duration::from_secs(30)).ok();
        on_cleanup(move || every.into_iter().for_each(|every| every.clear()));
    });
    on_cleanup(|| dom::elements("td[data-ago]").iter().for_each(|cell| drop(cell.remove_attribute("data-ago"))));
}

#[lazy]
fn selection() -> AnyView {
    view! { <Selection /> }.into_any()
}

/// Which columns are shown, how wide they are, and how times are told.
#[component]
fn ColumnChoices(is_relative: RwSignal<bool>) -> impl IntoView {
    let hidden = RwSignal::new(columns::hidden().unwrap_or_default());
    let is_shown = move |name: &str| !hidden.with(|hidden| hidden.split(' ').any(|other| other == name));
    let toggle = move |name: &'static str| {
        let is_wanted = |other: &str| is_shown(other) == (other == name);
        let now: Vec<_> = columns::ALL.into_iter().map(|(name, _)| name).filter(|other| is_wanted(other)).collect();
        cookies::remember(columns::COOKIE, &now.join("."));
        dom::put_on_document("data-hide", Some(&now.join(" ")));
        hidden.set(now.join(" "));
    };
    let choices = columns::ALL.into_iter().map(|(name, label)| {
        let width = columns::width(name).unwrap_or_else(|| dom::width_of(&columns::heading(name)));
        view! {
            <li>
                <label><input type="checkbox" prop:checked=move || is_shown(name) on:change=move |_| toggle(name) /> {label}</label>
                <input
                    type="range"
                    min=columns::NARROWEST
                    max=columns::WIDEST
                    step="10"
                    aria-label=format!("Width of {label}")
                    prop:value=width.to_string()
                    on:input=move |event| columns::set_width(name, event_target_value(&event).parse().unwrap_or(width))
                />
            </li>
        }
    });
    let relative = move |event| {
        let is_wanted = event_target_checked(&event);
        columns::set_times(is_wanted);
        is_relative.set(is_wanted);
    };
    view! {
        <ul class="panel">
            {choices.collect_view()}
            <li><label><input type="checkbox" prop:checked=is_relative on:change=relative /> "Times as how long ago"</label></li>
        </ul>
    }
}

/// A row that is selected: project and id of its trace.
type Picked = (String, String);

/// What one does with rows that are selected; nothing where none is.
#[component]
fn Selection() -> impl IntoView {
    let picked = RwSignal::new(Vec::<Picked>::new());
    let look = move || picked.set(boxes(":checked").iter().filter_map(picked_by).collect());
    // The rows may change without a word.
    look();
    Effect::new(move |_| {
        let listener = window_event_listener(ev::change, move |_| look());
        on_cleanup(move || listener.remove());
    });
    let tick = move |is_ticked: bool| {
        boxes("").iter().for_each(|one| one.set_checked(is_ticked));
        look();
    };
    let export = Action::new(|rows: &Vec<Picked>| export_traces(rows.clone()));
    Effect::new(move |_| {
        if let Some(Ok(lines)) = export.value().get() {
            save_as("traces.jsonl", "application/x-ndjson", &lines);
        }
    });
    let remove = Action::new(|rows: &Vec<Picked>| remove_traces(rows.clone()));
    Effect::new(move |_| {
        if let Some(Ok(_)) = remove.value().get() {
            // The list as it is now, at the place where it was.
            let _ = window().location().reload();
        }
    });
    let word = RwSignal::new(String::new());
    let tag = Action::new(move |is_given: &bool| tag_traces(picked.get_untracked(), word.get_untracked(), *is_given));
    let cannot_tag = move || word.with(|word| word.trim().is_empty()) || tag.pending().get();
    let failed = move || {
        let of_tag = || tag.value().get().and_then(Result::err);
        let why = export.value().get().and_then(Result::err).or_else(|| remove.value().get().and_then(Result::err)).or_else(of_tag);
        why.map(|error| view! { <ErrorPanel error /> })
    };
    let is_none = Memo::new(move |_| picked.with(Vec::is_empty));
    let bar = move || {
        if is_none.get() {
            return ().into_any();
        }
        let compare = move || picked.with(|picked| compared(picked)).map(|address| view! { <a class="button" href=address>"Compare"</a> });
        let count = move || format!("{} selected", format::count(picked.with(Vec::len) as i64));
        view! {
            <div class="selection" role="group" aria-label="Selected rows">
                <strong aria-live="polite">{count}</strong>
                {compare}
                <button type="button" class="button" disabled=move || export.pending().get() on:click=move |_| { export.dispatch(picked.get_untracked()); }>
                    {move || if export.pending().get() { "Exporting…" } else { "Export" }}
                </button>
                <form class="tagging" aria-label="Tag selected" on:submit=move |event| { event.prevent_default(); tag.dispatch(true); }>
                    <input type="text" aria-label="Tag" placeholder="Tag" maxlength="100" autocomplete="off" bind:value=word />
                    <button type="submit" class="button" disabled=cannot_tag>"Add tag"</button>
                    <button type="button" class="button" disabled=cannot_tag on:click=move |_| { tag.dispatch(false); }>"Remove tag"</button>
                    {move || tag.value().get().and_then(Result::ok).map(|count| view! { <span role="status">{format!("{} changed", format::count(format::whole(count)))}</span> })}
                </form>
                <Delete
                    label="Delete selected"
                    warning="The selected traces go with their steps and spans, and do not come back.".to_owned()
                    on_confirm=move |()| { remove.dispatch(picked.get_untracked()); }
                />
                <button type="button" class="copy" on:click=move |_| tick(true)>"Select all of this page"</button>
                <button type="button" class="copy" on:click=move |_| tick(false)>"Select none"</button>
                {failed}
            </div>
        }
        .into_any()
    };
    view! { {bar} }
}

/// The boxes before rows, or those of a kind.
fn boxes(kind: &str) -> Vec<web_sys::HtmlInputElement> {
    dom::all(&format!("input[name=pick]{kind}"))
}

fn picked_by(one: &web_sys::HtmlInputElement) -> Option<Picked> {
    Some((one.get_attribute("data-project")?, one.value()))
}

/// The address that puts two traces beside each other.
fn compared(picked: &[Picked]) -> Option<String> {
    let [(left_project, left), (right_project, right)] = picked else { return None };
    let address = href(&format!("/diff/{}..{}", escape(left), escape(right)), &of_project("left_project", left_project));
    Some(href(&address, &of_project("right_project", right_project)))
}
