use leptos::prelude::*;
use leptos_router::{components::A, hooks::use_query_map};
use tracellm_trace::Filter;

use super::Keyboard;
use crate::{account::Account, theme::ThemeSwitch, url::href};

/// A page in the navigation: its path, its name and its icon.
const PAGES: [(&str, &str, &str); 8] = [
    ("/", "Overview", "M2 13.5h12M4 11V7M8 11V3M12 11V5.5"),
    ("/traces", "Traces", "M2 3.5h12M2 8h12M2 12.5h12"),
    ("/failures", "Failures", "M8 2 14.5 13.5h-13zM8 6.5v3M8 11.5v.2"),
    ("/live", "Live", "M1.5 8h3l2-4.5 3 9 2-4.5h3"),
    ("/ingest", "Ingest", "M8 2v8M4.5 6.5 8 10l3.5-3.5M2.5 13.5h11"),
    ("/projects", "Projects", "M2 5.5h12v8H2zM5.5 5.5v-3h5v3"),
    ("/api", "API", "M5 4 1.5 8 5 12M11 4l3.5 4L11 12M9.2 2.5 6.8 13.5"),
    ("/settings", "Settings", "M2 4.5h7M12 4.5h2M10.5 3v3M2 11.5h2M7 11.5h7M5.5 10v3"),
];

#[component]
pub fn Layout(theme: RwSignal<Option<&'static str>>, children: Children) -> impl IntoView {
    let parameters = use_query_map();
    // Filters go along from page to page, also through those that have no use for them; a list's order and place do not.
    let kept = Memo::new(move |_| {
        let is_filter = |name: &str| Filter::PARAMETERS.iter().find(|known| **known == name).copied();
        parameters.with(|map| {
            map.latest_values().filter_map(|(name, value)| Some((is_filter(name.as_ref())?, value.to_owned()))).collect::<Vec<_>>()
        })
    });
    let links = PAGES.into_iter().map(|(path, name, icon)| {
        let address = move || kept.with(|kept| href(path, kept));
        view! {
            <A href=address exact=path == "/">
                <svg viewBox="0 0 16 16" aria-hidden="true"><path d=icon /></svg>
                {name}
            </A>
        }
    });
    view! {
        <a class="skip" href="#main">"Skip to content"</a>
        <header class="nav">
            <A href="/" attr:class="brand" exact=true>
                <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M1 3h9M4 8h11M7 13h6" /></svg>
                "TraceLLM"
            </A>
            <nav aria-label="Pages">{links.collect_view()}</nav>
            <Account />
            <ThemeSwitch theme />
        </header>
        <main id="main">{children()}</main>
        <Keyboard theme />
    }
}
