/// `/`: numbers over all that match.
mod overview;
pub use overview::OverviewPage;

/// `/failures`: failed, retried, slow.
mod failures;
pub use failures::FailuresPage;

/// `/live`: traces as they are stored.
mod live;
pub use live::LivePage;

/// `/projects`: projects and their keys.
mod projects;
pub use projects::ProjectsPage;

/// `/traces`: the list.
mod traces;
pub use traces::TracesPage;

/// `/traces/{trace_id}`: one trace.
mod trace;
pub use trace::TracePage;

/// `/diff/{left}..{right}`: two traces beside each other.
mod diff;
pub use diff::DiffPage;

/// `/ingest`: paste, preview, store.
mod ingest;
pub use ingest::IngestPage;

/// `/settings`: the database, and what the doctor says of it.
mod settings;
pub use settings::SettingsPage;

/// `/api`: the REST routes, to be read.
mod api;
pub use api::ApiPage;

/// `/_components`: what pages are made of, in all states, for those who work on it. No release has it.
#[cfg(debug_assertions)]
mod components;

/// Every other address.
mod not_found;
pub use not_found::NotFoundPage;

/// Pages whose code a browser loads when it first shows them, each apart, so that the list is there at once.
pub mod lazy {
    use leptos::prelude::*;
    use leptos_router::{LazyRoute, lazy_route};

    macro_rules! lazy {
        ($($route:ident: $page:ident),+ $(,)?) => {$(
            pub struct $route;

            #[lazy_route]
            impl LazyRoute for $route {
                fn data() -> Self {
                    Self
                }

                fn view(_this: Self) -> AnyView {
                    view! { <super::$page /> }.into_any()
                }
            }
        )+};
    }

    lazy! {
        OverviewRoute: OverviewPage,
        FailuresRoute: FailuresPage,
        LiveRoute: LivePage,
        ProjectsRoute: ProjectsPage,
        TraceRoute: TracePage,
        DiffRoute: DiffPage,
        IngestRoute: IngestPage,
        SettingsRoute: SettingsPage,
        ApiRoute: ApiPage,
    }
}
