use leptos::prelude::*;
use leptos_meta::Html;

use crate::{columns, cookies};

/// The cookie that carries the choice, so that the server's first page has it already.
const COOKIE: &str = "theme";

/// Sets `data-theme` on the document: `light`, `dark`, or none where the system decides; and which columns of lists are hidden.
#[component]
pub fn ThemeOnDocument(theme: RwSignal<Option<&'static str>>) -> impl IntoView {
    view! { <Html attr:data-theme=move || theme.get() attr:data-hide=columns::hidden() attr:data-widths=columns::widths() attr:data-times=columns::times() /> }
}

/// Switches between light and dark and remembers it.
#[component]
pub fn ThemeSwitch(theme: RwSignal<Option<&'static str>>) -> impl IntoView {
    view! {
        <button type="button" class="theme-switch needs-script" on:click=move |_| switch(theme) aria-label="Switch between light and dark" title="Light or dark">
            <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.25" /><path d="M8 1.75a6.25 6.25 0 0 1 0 12.5z" /></svg>
        </button>
    }
}

/// To the other of the two.
pub fn switch(theme: RwSignal<Option<&'static str>>) {
    let next = match theme.get_untracked() {
        Some("dark") => "light",
        Some(_) => "dark",
        None if system_is_dark() => "light",
        None => "dark",
    };
    theme.set(Some(next));
    cookies::remember(COOKIE, next);
}

fn known(name: &str) -> Option<&'static str> {
    ["light", "dark"].into_iter().find(|theme| *theme == name)
}

/// The choice that the request's cookie carries.
#[cfg(feature = "ssr")]
pub fn current() -> Option<&'static str> {
    known(&cookies::read(COOKIE)?)
}

/// The choice that the server has put on the document.
#[cfg(not(feature = "ssr"))]
pub fn current() -> Option<&'static str> {
    known(&crate::dom::on_document("data-theme")?)
}

fn system_is_dark() -> bool {
    window().match_media("(prefers-color-scheme: dark)").ok().flatten().is_some_and(|query| query.matches())
}
