use leptos::{ev, html, prelude::*, wasm_bindgen::JsCast, web_sys};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use tracellm_trace::SavedView;

use crate::{
    functions::list_views,
    last_list::{LastList, here, rows},
    theme,
    url::{href, list_href},
};

/// What one can do from anywhere.
#[derive(Clone, Copy, PartialEq)]
enum Deed {
    Go(&'static str),
    Search,
    SaveView,
    Theme,
    Help,
}

/// Name, keys, deed.
const DEEDS: [(&str, &str, Deed); 12] = [
    ("Overview", "g o", Deed::Go("/")),
    ("Traces", "g t", Deed::Go("/traces")),
    ("Failures", "g f", Deed::Go("/failures")),
    ("Live", "g l", Deed::Go("/live")),
    ("Ingest", "g i", Deed::Go("/ingest")),
    ("Projects", "g p", Deed::Go("/projects")),
    ("API", "g a", Deed::Go("/api")),
    ("Settings", "g s", Deed::Go("/settings")),
    ("Search", "/", Deed::Search),
    ("Save this view", "s", Deed::SaveView),
    ("Switch between light and dark", "", Deed::Theme),
    ("Keyboard shortcuts", "?", Deed::Help),
];

/// Two keys are pressed together within so many ms.
const TOGETHER: f64 = 1_500.0;

/// Keys that mean something where there is a list or a trace.
const MOVES: [(&str, &str); 6] = [
    ("j, k", "next and previous row; beside a trace, the next and previous one of the list"),
    ("Enter", "opens the row"),
    ("x", "selects the row"),
    ("], [", "replays a trace: next and previous step"),
    ("Ctrl K", "all commands"),
    ("Esc", "closes what is open"),
];

/// Shortcuts on every page, a list of them, and one of all commands.
#[component]
pub fn Keyboard(theme: RwSignal<Option<&'static str>>) -> impl IntoView {
    let navigate = StoredValue::new(use_navigate());
    let go = move |path: &str| navigate.with_value(|navigate| navigate(path, NavigateOptions::default()));
    let (palette, help) = (NodeRef::<html::Dialog>::new(), NodeRef::<html::Dialog>::new());
    let typed = RwSignal::new(String::new());
    let field = NodeRef::<html::Input>::new();
    let open = |dialog: NodeRef<html::Dialog>| {
        // Refused only for one that is open or gone.
        let _ = dialog.get_untracked().map(|dialog| dialog.show_modal());
    };
    let views = Action::new(|(): &()| list_views());
    let open_palette = move || {
        views.dispatch(());
        typed.set(String::new());
        open(palette);
        if let Some(field) = field.get_untracked() {
            field.set_value("");
        }
    };
    let run = move |deed: Deed| {
        for dialog in [palette, help].into_iter().filter_map(|dialog| dialog.get_untracked()) {
            dialog.close();
        }
        match deed {
            Deed::Go(path) => go(path),
            Deed::Search if !focus_search() => go("/traces"),
            Deed::Search => {}
            Deed::SaveView if !press("#save-view") => go("/traces"),
            Deed::SaveView => {}
            Deed::Theme => theme::switch(theme),
            Deed::Help => open(help),
        }
    };
    // When `g` was pressed, in ms.
    let after_g = StoredValue::new(None::<f64>);
    let on_key = move |event: web_sys::KeyboardEvent| {
        let key = event.key();
        if (event.ctrl_key() || event.meta_key()) && key.eq_ignore_ascii_case("k") {
            event.prevent_default();
            return open_palette();
        }
        let pressed = after_g.try_update_value(Option::take).flatten();
        if event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing(&event) || is_any_open([palette, help]) {
            return;
        }
        let follows_g = pressed.is_some_and(|at| event.time_stamp() - at < TOGETHER);
        if !follows_g && key == "g" {
            after_g.set_value(Some(event.time_stamp()));
        }
        let keys = if follows_g { format!("g {key}") } else { key };
        if let Some((.., deed)) = DEEDS.into_iter().find(|(_, known, _)| *known == keys && !known.is_empty()) {
            event.prevent_default();
            run(deed);
        } else if matches!(keys.as_str(), "j" | "k") {
            move_by(if keys == "j" { 1 } else { -1 }, go);
        } else if keys == "x" {
            press("tr:focus-within input[name=pick]");
        }
    };
    Effect::new(move |_| {
        let listener = window_event_listener(ev::keydown, on_key);
        on_cleanup(move || listener.remove());
    });
    let fitting = move || {
        let typed = typed.get().trim().to_lowercase();
        DEEDS.into_iter().filter(move |(name, ..)| name.to_lowercase().contains(&typed)).collect::<Vec<_>>()
    };
    // Saved views, once they are here.
    let visits = move || {
        let (typed, found) = (typed.get().trim().to_lowercase(), views.value().get().and_then(Result::ok).unwrap_or_default());
        let visit = |view: SavedView| Some((view.query().ok().map(|query| list_href(&query))?, format!("View: {}", view.name)));
        found.into_iter().filter_map(visit).filter(|(_, name)| name.to_lowercase().contains(&typed)).collect::<Vec<_>>()
    };
    let visit = move |address: &str| {
        if let Some(palette) = palette.get_untracked() {
            palette.close();
        }
        go(address);
    };
    let search = move || {
        let text = typed.get_untracked();
        visit(&href("/traces", &[("q", text.trim().to_owned())]));
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        match (fitting().first(), visits().first()) {
            (Some((.., deed)), _) => run(*deed),
            (None, Some((address, _))) => visit(address),
            (None, None) => search(),
        }
    };
    let commands = move || {
        let command = |(name, keys, deed): (&'static str, &'static str, Deed)| {
            view! { <li><button type="button" on:click=move |_| run(deed)>{name} <kbd>{keys}</kbd></button></li> }
        };
        let asked = (!typed.read().trim().is_empty()).then(|| {
            view! { <li><button type="button" on:click=move |_| search()>{format!("Search traces for “{}”", typed.read().trim())}</button></li> }
        });
        let views = visits().into_iter().map(|(address, name)| {
            view! { <li><button type="button" on:click=move |_| visit(&address)>{name}</button></li> }
        });
        view! { {fitting().into_iter().map(command).collect_view()} {views.collect_view()} {asked} }
    };
    let keys = DEEDS.into_iter().filter(|(_, keys, _)| !keys.is_empty()).map(|(name, keys, _)| (keys, name));
    let rows = MOVES.into_iter().chain(keys).map(|(keys, name)| view! { <dt><kbd>{keys}</kbd></dt><dd>{name}</dd> }).collect_view();
    view! {
        <dialog class="palette" node_ref=palette aria-label="Commands">
            <form on:submit=submit>
                <input
                    type="text"
                    node_ref=field
                    aria-label="Command, or what to search for"
                    placeholder="Go to, or search for"
                    autocomplete="off"
                    spellcheck="false"
                    on:input=move |event| typed.set(event_target_value(&event))
                />
            </form>
            <ul>{commands}</ul>
        </dialog>
        <dialog class="help" node_ref=help aria-labelledby="help">
            <form method="dialog"><h2 id="help">"Keyboard shortcuts"</h2><button class="button">"Close"</button></form>
            <dl>{rows}</dl>
        </dialog>
    }
}

pub(super) fn is_typing(event: &web_sys::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    // A dialog that was just closed keeps the focus for a moment.
    let is_gone = |target: &web_sys::Element| target.closest("dialog:not([open])").is_ok_and(|dialog| dialog.is_some());
    target.is_some_and(|target| matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") && !is_gone(&target))
}

fn is_any_open(dialogs: [NodeRef<html::Dialog>; 2]) -> bool {
    dialogs.into_iter().filter_map(|dialog| dialog.get_untracked()).any(|dialog| dialog.open())
}

/// Presses a button; says whether it is there.
fn press(button: &str) -> bool {
    let button = document().query_selector(button).ok().flatten().and_then(|button| button.dyn_into::<web_sys::HtmlElement>().ok());
    button.is_some_and(|button| {
        button.click();
        true
    })
}

/// Says whether there is a field for it.
fn focus_search() -> bool {
    let field = document().query_selector("input[name=q]").ok().flatten().and_then(|field| field.dyn_into::<web_sys::HtmlElement>().ok());
    field.is_some_and(|field| field.focus().is_ok())
}

/// To the next or previous row; on the page of a trace to the next or previous of the list that led there.
fn move_by(by: isize, go: impl Fn(&str)) {
    let rows = rows();
    if rows.is_empty() {
        let address = LastList::read().and_then(|list| list.beside(&here(), by).map(str::to_owned));
        return address.into_iter().for_each(|address| go(&address));
    }
    let focused = document().active_element().and_then(|focused| rows.iter().position(|row| **row == focused));
    let next = focused.map_or(if by > 0 { Some(0) } else { None }, |at| at.checked_add_signed(by));
    if let Some(row) = next.and_then(|next| rows.get(next)) {
        // A row that is gone has no focus to take.
        let _ = row.focus();
    }
}
