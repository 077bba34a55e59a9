use leptos::prelude::*;

/// What stands above a column.
#[derive(Clone, Copy)]
pub enum Heading {
    Text(&'static str),
    /// Above numbers, which stand to the right.
    Number(&'static str),
    /// For screen readers; the column speaks for itself.
    Unseen(&'static str),
}

/// A table without sort and links, in a frame that scrolls where it is narrow. Its rows are the children.
#[component]
pub fn PlainTable(headings: Vec<Heading>, #[prop(optional)] class: &'static str, children: Children) -> impl IntoView {
    let headings = headings.into_iter().map(|heading| match heading {
        Heading::Text(name) => view! { <th scope="col">{name}</th> }.into_any(),
        Heading::Number(name) => view! { <th scope="col" class="number">{name}</th> }.into_any(),
        Heading::Unseen(name) => view! { <th scope="col"><span class="visually-hidden">{name}</span></th> }.into_any(),
    });
    view! {
        <div class=format!("table-frame {class}") tabindex="0" role="group" aria-label="Table">
            <table class="plain">
                <thead><tr>{headings.collect_view()}</tr></thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}
