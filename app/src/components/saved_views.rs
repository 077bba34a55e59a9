use leptos::{html, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use tracellm_trace::{Query, SavedView};

use crate::{
    ApiError,
    components::ErrorPanel,
    functions::{remove_view, save_view},
    url::list_href,
};

/// Views that are still on their way.
pub type ViewsToCome = Resource<Result<Vec<SavedView>, ApiError>>;

/// Lists that somebody saved, and a way to save the one that is shown.
#[component]
pub fn SavedViews(views: ViewsToCome, query: Query) -> impl IntoView {
    let shown = Query { cursor: None, ..query };
    let address = list_href(&shown);
    let remove = Action::new(|view_id: &String| remove_view(view_id.clone()));
    Effect::new(move || {
        if remove.value().get().is_some() {
            views.refetch();
        }
    });
    let can_be_saved = shown != Query::default();
    let list = {
        let address = address.clone();
        move || {
            let address = address.clone();
            Suspend::new(async move {
                // What can't be read is told by the list itself.
                let saved = views.await.unwrap_or_default();
                let is_saved = saved.iter().any(|view| view.query().is_ok_and(|query| list_href(&query) == address));
                let save = (can_be_saved && !is_saved).then(|| view! { <Save views address=address.clone() /> });
                let rows = saved.into_iter().map(|view| view! { <Saved view address=address.clone() remove /> }).collect_view();
                (!rows.is_empty() || save.is_some()).then(|| view! { <ul class="views" aria-label="Saved views">{rows}{save}</ul> })
            })
        }
    };
    view! {
        <Transition>{list}</Transition>
        {move || remove.value().get().and_then(Result::err).map(|error| view! { <ErrorPanel error /> })}
    }
}

#[component]
fn Saved(view: SavedView, address: String, remove: Action<String, Result<(), ApiError>>) -> impl IntoView {
    let own = view.query().map(|query| list_href(&query)).unwrap_or_else(|_| format!("/traces?{}", view.query));
    let is_shown = own == address;
    let label = format!("Forget the view {}", view.name);
    let forget = is_shown.then(|| {
        view! {
            <button type="button" class="needs-script" aria-label=label on:click=move |_| { remove.dispatch(view.view_id.clone()); }>"×"</button>
        }
    });
    view! { <li class="chip"><a href=own aria-current=is_shown.then_some("true")>{view.name}</a>{forget}</li> }
}

/// A button that asks for a name, and saves the list under it.
#[component]
fn Save(views: ViewsToCome, address: String) -> impl IntoView {
    let is_asking = RwSignal::new(false);
    let name = NodeRef::<html::Input>::new();
    let save = Action::new(move |name: &String| {
        let query = address.split_once('?').map_or("", |(_, query)| query).to_owned();
        save_view(name.clone(), query)
    });
    let navigate = use_navigate();
    Effect::new(move || {
        if let Some(Ok(view)) = save.value().get() {
            is_asking.set(false);
            views.refetch();
            let address = view.query().map(|query| list_href(&query)).unwrap_or_default();
            navigate(&address, NavigateOptions { replace: true, scroll: false, ..Default::default() });
        }
    });
    Effect::new(move || {
        if let Some(name) = name.get() {
            // Refused only for a field that is not in the page.
            let _ = name.focus();
        }
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let given = name.get_untracked().map(|name| name.value()).unwrap_or_default();
        if !save.pending().get_untracked() {
            save.dispatch(given);
        }
    };
    let form = move || {
        view! {
            <form class="save-view" on:submit=submit>
                <input
                    type="text"
                    node_ref=name
                    aria-label="Name of the view"
                    placeholder="Name of the view"
                    maxlength=SavedView::LONGEST.to_string()
                    required
                    on:keydown=move |event| { if event.key() == "Escape" { is_asking.set(false); } }
                />
                <button class="button primary">"Save"</button>
            </form>
        }
    };
    view! {
        <li class="needs-script">
            {move || {
                if is_asking.get() {
                    form().into_any()
                } else {
                    view! { <button type="button" id="save-view" class="copy" on:click=move |_| is_asking.set(true)>"Save this view"</button> }
                        .into_any()
                }
            }}
            {move || save.value().get().and_then(Result::err).map(|error| view! { <ErrorPanel error /> })}
        </li>
    }
}
