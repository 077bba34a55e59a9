use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    Lazy, ParamSegment, SsrMode, StaticSegment,
    components::{FlatRoutes, Route, Router},
};

use crate::{
    components::Layout,
    pages::{
        NotFoundPage, TracesPage,
        lazy::{ApiRoute, DiffRoute, FailuresRoute, IngestRoute, LiveRoute, OverviewRoute, ProjectsRoute, SettingsRoute, TraceRoute},
    },
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

/// The document's title for a page's. The server writes it into the HTML as it is, so there it must be escaped: it may hold a prompt.
fn document_title(page: String) -> String {
    let title = if page.is_empty() { "TraceLLM".to_owned() } else { format!("{page} · TraceLLM") };
    if cfg!(feature = "ssr") { title.replace('&', "&amp;").replace('<', "&lt;") } else { title }
}

/// The page body: navigation, and the page that the URL names.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let theme = RwSignal::new(theme::current());
    view! {
        <ThemeOnDocument theme />
        <Title formatter=document_title />
        <Router>
            <Layout theme>
                <FlatRoutes fallback=NotFoundPage>
                    <Route path=StaticSegment("") view={Lazy::<OverviewRoute>::new()} ssr=SsrMode::Async />
                    <Route path=StaticSegment("failures") view={Lazy::<FailuresRoute>::new()} ssr=SsrMode::Async />
                    <Route path=StaticSegment("live") view={Lazy::<LiveRoute>::new()} ssr=SsrMode::Async />
                    <Route path=StaticSegment("projects") view={Lazy::<ProjectsRoute>::new()} ssr=SsrMode::Async />
                    <Route path=StaticSegment("api") view={Lazy::<ApiRoute>::new()} ssr=SsrMode::Async />
                    <Route path=StaticSegment("settings") view={Lazy::<SettingsRoute>::new()} ssr=SsrMode::Async />
                    <Route path=StaticSegment("traces") view=TracesPage ssr=SsrMode::Async />
                    <Route path=(StaticSegment("traces"), ParamSegment("trace_id")) view={Lazy::<TraceRoute>::new()} ssr=SsrMode::Async />
                    <Route path=(StaticSegment("diff"), ParamSegment("pair")) view={Lazy::<DiffRoute>::new()} ssr=SsrMode::Async />
                    <Route path=StaticSegment("ingest") view={Lazy::<IngestRoute>::new()} ssr=SsrMode::Async />
                </FlatRoutes>
            </Layout>
        </Router>
    }
}
