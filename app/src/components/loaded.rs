use leptos::prelude::*;

use crate::{ApiError, components::ErrorPanel};

/// A part of a page that the server's answer to a question fills. While a new answer is on its way the old one stays, faded.
#[component]
pub fn Loaded<Q, T, L, A, V>(
    /// What the URL asks.
    #[prop(into)]
    question: Signal<Result<Q, ApiError>>,
    load: L,
    /// The content for a question and its answer.
    show: V,
    /// What stands above an error.
    heading: &'static str,
) -> impl IntoView
where
    Q: Clone + PartialEq + Send + Sync + 'static,
    T: Clone + serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
    Q: serde::Serialize + serde::de::DeserializeOwned,
    L: Fn(Q) -> A + Copy + Send + Sync + 'static,
    A: Future<Output = Result<T, ApiError>> + Send + 'static,
    V: Fn(Q, T) -> AnyView + Copy + Send + Sync + 'static,
{
    let answer = Resource::new(
        move || question.get(),
        move |question| async move {
            let question = question.inspect_err(ApiError::say_status)?;
            let answer = load(question.clone()).await?;
            Ok::<_, ApiError>((question, answer))
        },
    );
    let is_loading = RwSignal::new(false);
    view! {
        <Transition fallback=|| view! { <p class="muted">"Loading…"</p> } set_pending=is_loading>
            <div class="content" class:loading=move || is_loading.get()>
                {move || Suspend::new(async move {
                    match answer.await {
                        Ok((question, answer)) => show(question, answer),
                        Err(error) => {
                            view! {
                                <header class="page-head"><h1>{heading}</h1></header>
                                <ErrorPanel error />
                            }
                                .into_any()
                        }
                    }
                })}
            </div>
        </Transition>
    }
}
