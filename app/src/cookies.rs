use leptos::prelude::*;

/// What a cookie of the request says.
#[cfg(feature = "ssr")]
pub fn read(name: &str) -> Option<String> {
    let parts = use_context::<http::request::Parts>()?;
    let cookies = parts.headers.get(http::header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").filter_map(|cookie| cookie.split_once('=')).find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
}

/// Has the browser send it from now on.
pub fn remember(name: &str, value: &str) {
    use leptos::wasm_bindgen::JsCast;
    if let Some(document) = document().dyn_ref::<web_sys::HtmlDocument>() {
        // A cookie that the browser refuses costs the memory of a choice, no more.
        let _ = document.set_cookie(&format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax"));
    }
}
