use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use leptos::{ev, prelude::*};
use tracellm_trace::json_text::{self, Within};

use super::{ErrorPanel, text_block::CopyAs};
use crate::{format, functions::get_document, visible::visible};

/// Values that are shown at a time of those that stand beside each other.
const SHOWN: usize = 200;
/// Characters of a text that are shown at first, and how many times as many each further time.
const LETTERS: usize = 1_000;
/// Places that a search tells of.
const MOST_FOUND: usize = 1_000;

/// The whole document of a trace, once it is asked for.
#[component]
pub fn JsonExplorer(project_id: String, trace_id: String) -> impl IntoView {
    let document = Action::new(move |(): &()| {
        let (project_id, trace_id) = (project_id.clone(), trace_id.clone());
        // Shared, as it may be large.
        async move { get_document(project_id, trace_id).await.map(Arc::<str>::from) }
    });
    let shown = move || match document.value().get() {
        None => {
            let label = move || if document.pending().get() { "Fetching…" } else { "Explore all of it" };
            view! {
                <button type="button" class="button needs-script" disabled=move || document.pending().get() on:click=move |_| { document.dispatch(()); }>{label}</button>
            }
            .into_any()
        }
        Some(Ok(text)) => view! { <JsonTree text /> }.into_any(),
        Some(Err(error)) => view! { <ErrorPanel error /> }.into_any(),
    };
    view! { <div class="explorer">{shown}</div> }
}

/// What is shown of a text. Values are known by where they begin in it.
#[derive(Clone, Copy)]
struct Tree {
    text: StoredValue<Arc<str>>,
    open: RwSignal<BTreeSet<usize>>,
    /// Which values are shown within one, the end not included, where those are not the first.
    shown: RwSignal<BTreeMap<usize, (usize, usize)>>,
    /// The value that was found.
    lit: RwSignal<Option<usize>>,
}

impl Tree {
    fn with<T>(self, read: impl FnOnce(&str) -> T) -> T {
        self.text.with_value(|text| read(text))
    }

    fn part(self, at: &Range<usize>) -> String {
        self.with(|text| text.get(at.clone()).unwrap_or_default().to_owned())
    }

    fn toggle(self, value: usize) {
        self.open.update(|open| {
            if !open.remove(&value) {
                open.insert(value);
            }
        });
    }

    /// Opens the way to a place, and brings what stands there into view.
    fn show(self, place: usize) {
        let mut above = self.with(json_text::whole).start;
        for turn in self.with(|text| json_text::way_to(text, place)) {
            self.open.update(|open| {
                open.insert(above);
            });
            self.shown.update(|shown| {
                let (from, to) = shown.entry(above).or_insert((0, SHOWN));
                if !(*from..*to).contains(&turn.index) {
                    // Those around it alone, as there may be very many.
                    *from = turn.index / SHOWN * SHOWN;
                    *to = *from + SHOWN;
                }
            });
            above = turn.at.start;
        }
        self.lit.set(Some(above));
        // Behind the drawing of it.
        let bring = move || {
            if let Some(found) = document().get_element_by_id(&format!("json-{above}")) {
                found.scroll_into_view_with_bool(false);
            }
        };
        set_timeout(bring, Duration::from_millis(30));
    }
}

/// JSON as a tree, of which only what is open is read.
#[component]
fn JsonTree(text: Arc<str>) -> impl IntoView {
    let whole = json_text::whole(&text);
    let tree = Tree {
        open: RwSignal::new(BTreeSet::from([whole.start])),
        text: StoredValue::new(text),
        shown: RwSignal::default(),
        lit: RwSignal::new(None),
    };
    let (sought, found, at) = (RwSignal::new(String::new()), RwSignal::new(None::<Vec<usize>>), RwSignal::new(0_usize));
    let show = move || {
        if let Some(place) = found.with_untracked(|found| found.as_ref()?.get(at.get_untracked()).copied()) {
            tree.show(place);
        }
    };
    let step = move |by: isize| {
        let count = found.with_untracked(|found| found.as_ref().map_or(0, Vec::len));
        if count > 0 {
            at.update(|at| *at = (*at + count).saturating_add_signed(by) % count);
            show();
        }
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if found.with_untracked(Option::is_some) {
            return step(1);
        }
        found.set(Some(tree.with(|text| json_text::find(text, sought.get_untracked().trim(), MOST_FOUND))));
        at.set(0);
        show();
    };
    let typed = move |event| {
        sought.set(event_target_value(&event));
        found.set(None);
        tree.lit.set(None);
    };
    let counted = move || {
        let count = found.with(|found| found.as_ref().map(Vec::len))?;
        Some(match count {
            0 => "not found".to_owned(),
            MOST_FOUND => format!("{} of the first {}", at.get() + 1, format::count(MOST_FOUND as i64)),
            count => format!("{} of {}", at.get() + 1, format::count(count as i64)),
        })
    };
    let several = move || found.with(|found| found.as_ref().is_some_and(|found| found.len() > 1));
    let backward = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && event.shift_key() {
            event.prevent_default();
            step(-1);
        }
    };
    view! {
        <div class="json-tree">
            <form class="tools" role="search" on:submit=submit>
                <input type="search" aria-label="Find in the document" placeholder="Find in the document" on:input=typed on:keydown=backward />
                <button class="button">"Find"</button>
                <span class="muted" aria-live="polite">{counted}</span>
                {move || several().then(|| view! {
                    <button type="button" class="copy" on:click=move |_| step(-1)>"Previous"</button>
                    <button type="button" class="copy" on:click=move |_| step(1)>"Next"</button>
                })}
            </form>
            <div class="json-body" role="group" aria-label="The document" tabindex="0">{node(tree, None, "$".to_owned(), whole)}</div>
        </div>
    }
}

/// A value with its name and path, and what stands within it where it is open.
fn node(tree: Tree, name: Option<String>, path: String, at: Range<usize>) -> AnyView {
    let start = at.start;
    let is_lit = Memo::new(move |_| tree.lit.get() == Some(start));
    let first = tree.with(|text| text.as_bytes().get(start).copied());
    let copied = (path.clone(), at.clone());
    let tools = view! {
        <span class="json-tools">
            <CopyAs label="Copy path" text=Callback::new(move |()| copied.0.clone()) />
            <CopyAs label="Copy value" text=Callback::new(move |()| tree.part(&copied.1)) />
        </span>
    };
    let name = name.map(|name| view! { <span class="json-name">{visible(name)}</span> ": " });
    let content = if matches!(first, Some(b'{' | b'[')) {
        let is_open = Memo::new(move |_| tree.open.with(|open| open.contains(&start)));
        let brief = format!("{} {}", if first == Some(b'{') { "{…}" } else { "[…]" }, format::bytes(at.len()));
        let inner = move || is_open.get().then(|| children(tree, &path, &at));
        view! {
            <div class="json-line">
                <button type="button" class="json-fold" aria-expanded=move || is_open.get().to_string() on:click=move |_| tree.toggle(start)>
                    {name} <span class="muted">{brief}</span>
                </button>
                {tools}
            </div>
            {inner}
        }
        .into_any()
    } else {
        view! { <div class="json-line"><span class="json-leaf">{name} {leaf(tree, at, first)}</span> {tools}</div> }.into_any()
    };
    view! { <div class="json-node" class:lit=move || is_lit.get() id=format!("json-{start}")>{content}</div> }.into_any()
}

/// What stands within a value, as many as are to be shown.
fn children(tree: Tree, path: &str, at: &Range<usize>) -> AnyView {
    let all = match tree.with(|text| json_text::within(text, at)) {
        Some(Within::Object(fields)) => {
            fields.into_iter().map(|(name, at)| (format!("{path}{}", json_text::field(&name)), name, at)).collect::<Vec<_>>()
        }
        Some(Within::Array(items)) => {
            items.into_iter().enumerate().map(|(index, at)| (format!("{path}[{index}]"), index.to_string(), at)).collect()
        }
        Some(Within::Nothing) | None => Vec::new(),
    };
    let (start, count) = (at.start, all.len());
    let all = StoredValue::new(all);
    let shown = Memo::new(move |_| {
        let (from, to) = tree.shown.with(|shown| shown.get(&start).copied().unwrap_or((0, SHOWN)));
        (from.min(count), to.min(count))
    });
    let rows = move || all.with_value(|all| all.get(shown.get().0..shown.get().1).unwrap_or_default().to_vec());
    let button = move |further: usize, of: &'static str, now: (usize, usize)| {
        let show = move |_| {
            tree.shown.update(|shown| {
                shown.insert(start, now);
            });
        };
        (further > 0).then(|| {
            let label = format!("{} {of} of {}", format::count(further as i64), format::count(count as i64));
            view! { <button type="button" class="copy" on:click=show>{label}</button> }
        })
    };
    let before = move || {
        let (from, to) = shown.get();
        button(from.min(SHOWN), "before", (from.saturating_sub(SHOWN), to))
    };
    let more = move || {
        let (from, to) = shown.get();
        button((count - to).min(SHOWN), "more", (from, to + SHOWN))
    };
    view! {
        <div class="json-within">
            {before}
            <For each=rows key=|(.., at)| at.start children=move |(path, name, at)| node(tree, Some(name), path, at) />
            {more}
        </div>
    }
    .into_any()
}

/// A text, as it reads, or any other value, as it is written.
fn leaf(tree: Tree, at: Range<usize>, first: Option<u8>) -> AnyView {
    let written = tree.part(&at);
    let kind = match first {
        Some(b'"') => "text",
        Some(b't' | b'f' | b'n') => "word",
        _ => "number",
    };
    let said = serde_json::from_str::<String>(&written).unwrap_or(written);
    let length = said.chars().count();
    let (said, most) = (StoredValue::new(said), RwSignal::new(LETTERS));
    let shown = move || visible(said.with_value(|said| said.chars().take(most.get()).collect::<String>()));
    let more = move || {
        (length > most.get()).then(|| {
            let label = format!("… {} more of {}", format::count((length - most.get()) as i64), format::things(length as i64, "character"));
            view! { <button type="button" class="copy" on:click=move |_| most.update(|most| *most *= 20)>{label}</button> }
        })
    };
    view! { <span class=format!("json-{kind}")>{shown}</span> {more} }.into_any()
}
