use leptos::prelude::*;
use leptos_router::components::A;

use crate::theme::ThemeSwitch;

#[component]
pub fn Layout(theme: RwSignal<Option<&'static str>>, children: Children) -> impl IntoView {
    view! {
        <a class="skip" href="#main">"Skip to content"</a>
        <header class="nav">
            <A href="/traces" attr:class="brand">
                <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M1 3h9M4 8h11M7 13h6" /></svg>
                "TraceLLM"
            </A>
            <nav aria-label="Pages">
                <A href="/traces">
                    <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 3.5h12M2 8h12M2 12.5h12" /></svg>
                    "Traces"
                </A>
                <A href="/ingest">
                    <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2v8M4.5 6.5 8 10l3.5-3.5M2.5 13.5h11" /></svg>
                    "Ingest"
                </A>
            </nav>
            <ThemeSwitch theme />
        </header>
        <main id="main">{children()}</main>
    }
}
