use leptos::prelude::*;
use tracellm_trace::Status;

/// A status as word and colour.
#[component]
pub fn StatusBadge(status: Status) -> impl IntoView {
    view! { <span class=format!("status {status}")>{status.as_str()}</span> }
}

/// A named value in a `<dl>`.
#[component]
pub fn Fact(name: &'static str, #[prop(into)] value: String, #[prop(optional, into)] title: Option<String>) -> impl IntoView {
    view! {
        <div class="fact">
            <dt>{name}</dt>
            <dd title=title>{value}</dd>
        </div>
    }
}
