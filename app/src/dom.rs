use leptos::{prelude::document, wasm_bindgen::JsCast, web_sys};
use tracellm_trace::Timestamp;

/// The elements of the page that a selector finds, in order.
pub fn all<T: JsCast>(selector: &str) -> Vec<T> {
    let found = document().query_selector_all(selector).ok();
    found.into_iter().flat_map(|found| (0..found.length()).filter_map(move |at| found.get(at)?.dyn_into().ok())).collect()
}

/// What the server has put on the document for its browser.
#[cfg(not(feature = "ssr"))]
pub fn on_document(attribute: &str) -> Option<String> {
    document().document_element()?.get_attribute(attribute)
}

/// The same, whatever kinds of elements they are.
pub fn elements(selector: &str) -> Vec<web_sys::Element> {
    all(selector)
}

/// Puts it there from now on, or takes it away.
pub fn put_on_document(attribute: &str, value: Option<&str>) {
    let Some(root) = document().document_element() else { return };
    // An attribute name that is valid is never refused.
    let _ = match value {
        Some(value) => root.set_attribute(attribute, value),
        None => root.remove_attribute(attribute),
    };
}

/// Pixels that the first element that a selector finds is wide.
pub fn width_of(selector: &str) -> u32 {
    let first = all::<web_sys::HtmlElement>(selector).into_iter().next();
    first.and_then(|first| u32::try_from(first.offset_width()).ok()).unwrap_or_default()
}

/// The browser's clock. The server has none that matters to a page: both draw the same first.
#[cfg(feature = "hydrate")]
pub fn now() -> Timestamp {
    Timestamp::from_millis_clamped(chrono::Utc::now().timestamp_millis())
}

#[cfg(not(feature = "hydrate"))]
pub fn now() -> Timestamp {
    Timestamp::MIN
}
