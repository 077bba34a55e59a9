use leptos::prelude::*;
use tracellm_trace::{Cursor, Query};

/// The address of a list.
pub fn list_href(query: &Query) -> String {
    let pairs = query.to_pairs();
    let parameters: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    if parameters.is_empty() { "/traces".to_owned() } else { format!("/traces?{}", parameters.join("&")) }
}

/// Percent-encodes a text for a part of a URL; the same on both sides, unlike the browser's own.
pub fn escape(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}

#[component]
pub fn Pager(query: Query, previous: Option<Cursor>, next: Option<Cursor>) -> impl IntoView {
    let link = |cursor: Option<Cursor>, rel: &'static str, label: &'static str| match cursor {
        Some(cursor) => view! { <a class="button" rel=rel href=list_href(&query.at(Some(cursor)))>{label}</a> }.into_any(),
        None => view! { <span class="button" aria-disabled="true">{label}</span> }.into_any(),
    };
    view! {
        <nav class="pager" aria-label="Pages of the list">
            {link(previous, "prev", "Previous")}
            {link(next, "next", "Next")}
        </nav>
    }
}

#[cfg(test)]
mod tests {
    use tracellm_trace::Query;

    #[test]
    fn addresses_are_escaped() {
        let query = Query::from_pairs([("model", "a b&c=ü"), ("limit", "10")]).unwrap();
        assert_eq!(super::list_href(&query), "/traces?model=a%20b%26c%3D%C3%BC&limit=10");
    }
}
