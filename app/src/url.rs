use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use tracellm_trace::{DEFAULT_PROJECT, Filter, Query};

use crate::ApiError;

/// The query that the page's URL asks.
pub fn use_query() -> Memo<Result<Query, ApiError>> {
    let parameters = use_query_map();
    Memo::new(move |_| {
        parameters
            .with(|map| Query::from_pairs(map.latest_values().map(|(name, value)| (name.as_ref(), value))))
            .map_err(ApiError::BadQuery)
    })
}

/// The filter of the page's URL. What a list has besides it, order and place, is no fault elsewhere.
pub fn use_filter() -> Memo<Result<Filter, ApiError>> {
    let query = use_query();
    Memo::new(move |_| query.get().map(|query| query.filter))
}

/// An address with these parameters, behind those that it has.
pub fn href(address: &str, pairs: &[(&'static str, String)]) -> String {
    pairs.iter().fold(address.to_owned(), |address, (name, value)| {
        let joint = if address.contains('?') { '&' } else { '?' };
        format!("{address}{joint}{name}={}", escape(value))
    })
}

/// The parameter that names a project; none for the default one.
pub fn of_project(name: &'static str, project_id: &str) -> Vec<(&'static str, String)> {
    if project_id == DEFAULT_PROJECT { Vec::new() } else { vec![(name, project_id.to_owned())] }
}

/// The address of a list.
pub fn list_href(query: &Query) -> String {
    href("/traces", &query.to_pairs())
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

/// Where this server is, as the browser reached it: `http://127.0.0.1:8000`.
pub fn origin() -> String {
    #[cfg(feature = "ssr")]
    if let Some(parts) = use_context::<http::request::Parts>() {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let scheme = header("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or("http");
        return format!("{scheme}://{}", header("host").unwrap_or("127.0.0.1:8000"));
    }
    #[cfg(not(feature = "ssr"))]
    if let Ok(origin) = window().location().origin() {
        return origin;
    }
    "http://127.0.0.1:8000".to_owned()
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
