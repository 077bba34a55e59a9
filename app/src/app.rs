use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    ParamSegment, SsrMode, StaticSegment,
    components::{FlatRoutes, Route, Router},
};

use crate::{
    components::Layout,
    pages::{IngestPage, NotFoundPage, TracePage, TracesPage},
    theme::{self, ThemeOnDocument},
};

/// The HTML document around the app. `pkg` is the folder of the site's css, js and wasm, whose name changes with their content.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let pkg = format!("/{}", options.site_pkg_dir);
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="preload" href=format!("{pkg}/{}.css", options.output_name) r#as="style" />
                <link rel="stylesheet" href=format!("{pkg}/{}.css", options.output_name) />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The page body: navigation, and the page that the URL names.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let theme = RwSignal::new(theme::current());
    view! {
        <ThemeOnDocument theme />
        <Title formatter=|title: String| if title.is_empty() { "TraceLLM".to_owned() } else { format!("{title} · TraceLLM") } />
        <Router>
            <Layout theme>
                <FlatRoutes fallback=NotFoundPage>
                    <Route path=StaticSegment("traces") view=TracesPage ssr=SsrMode::Async />
                    <Route path=(StaticSegment("traces"), ParamSegment("trace_id")) view=TracePage ssr=SsrMode::Async />
                    <Route path=StaticSegment("ingest") view=IngestPage ssr=SsrMode::Async />
                </FlatRoutes>
            </Layout>
        </Router>
    }
}
