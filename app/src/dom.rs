use leptos::{prelude::document, wasm_bindgen::JsCast};

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
