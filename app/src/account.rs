use leptos::prelude::*;
use leptos_meta::Html;

/// Who is signed in, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn(pub String);

/// Who is signed in, as the server knows.
#[cfg(feature = "ssr")]
pub fn name() -> Option<String> {
    use_context::<SignedIn>().map(|SignedIn(name)| name)
}

/// The same, as the server has put it on the document.
#[cfg(not(feature = "ssr"))]
pub fn name() -> Option<String> {
    crate::dom::on_document("data-user")
}

/// Who is signed in, and the way out. Nothing where nobody has to.
#[component]
pub fn Account() -> impl IntoView {
    let name = name();
    view! {
        <Html attr:data-user=name.clone() />
        {name.map(|name| view! {
            <form class="account" method="post" action="/logout">
                <span title=name.clone()>{name.clone()}</span>
                <button class="copy">"Sign out"</button>
            </form>
        })}
    }
}
