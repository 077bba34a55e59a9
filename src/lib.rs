//! The browser's copy of the app: woken over the page that the server sent.

#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        // The server was brought up to date, or the network broke off: its page as it is now works again.
        if info.to_string().contains("load callback should succeed") {
            tracellm_app::reload_once();
        }
    }));
    wasm_bindgen_futures::spawn_local(async {
        leptos::mount::hydrate_from_async(leptos::tachys::dom::body(), tracellm_app::App).await.forget();
        tracellm_app::reloading_works();
        // Behind the effects of the page.
        leptos::task::tick().await;
        // From here on it answers to clicks and keys: for tests, and for whoever asks why a page does not.
        if let Some(root) = leptos::prelude::document().document_element() {
            // An attribute name that is valid is never refused.
            let _ = root.set_attribute("data-hydrated", "");
        }
    });
}
