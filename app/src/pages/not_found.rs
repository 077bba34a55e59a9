use leptos::prelude::*;
use leptos_meta::Title;

use crate::{ApiError, components::ErrorPanel};

#[component]
pub fn NotFoundPage() -> impl IntoView {
    #[cfg(debug_assertions)]
    if leptos_router::hooks::use_location().pathname.get_untracked() == super::components::PATH {
        return view! { <super::components::ComponentsPage /> }.into_any();
    }
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
    view! {
        <Title text="Not found" />
        <header class="page-head"><h1>"Nothing here"</h1></header>
        <ErrorPanel error=ApiError::NotFound("there is no page at this address".to_owned()) />
    }
    .into_any()
}
