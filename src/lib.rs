//! The browser's copy of the app: woken over the page that the server sent.

#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(async {
        leptos::mount::hydrate_from_async(leptos::tachys::dom::body(), tracellm_app::App).await.forget();
        // Behind the effects of the page.
        leptos::task::tick().await;
        // From here on it answers to clicks and keys: for tests, and for whoever asks why a page does not.
        if let Some(root) = leptos::prelude::document().document_element() {
            // An attribute name that is valid is never refused.
            let _ = root.set_attribute("data-hydrated", "");
        }
    });
}
