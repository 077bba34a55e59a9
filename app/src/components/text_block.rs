use leptos::prelude::*;
use serde::Serialize;

use crate::visible::{visible, visible_json};

/// Text as it came, line breaks kept, nothing in it obeyed.
#[component]
pub fn TextBlock(
    #[prop(into)] label: String,
    text: String,
    /// `prose` for what was said, `json` for what a machine reads.
    #[prop(default = "prose")]
    class: &'static str,
) -> impl IntoView {
    let copied = text.clone();
    view! {
        <figure class="text-block">
            <figcaption>{label.clone()}<CopyButton text=copied what=label /></figcaption>
            <Verbatim class>{visible(text)}</Verbatim>
        </figure>
    }
}

/// The text itself. In a part of its own, as a line break that follows `<pre>` is dropped where HTML is read.
#[component]
pub fn Verbatim(class: &'static str, children: Children) -> impl IntoView {
    view! { <pre class=class tabindex="0"><span>{children()}</span></pre> }
}

/// A value as indented JSON.
#[component]
pub fn JsonBlock<T: Serialize + Send + Sync + 'static>(#[prop(into)] label: String, value: T) -> impl IntoView {
    let text = serde_json::to_string_pretty(&value).unwrap_or_else(|error| error.to_string());
    view! { <TextBlock label text=visible_json(text) class="json" /> }
}

#[component]
pub(super) fn CopyButton(text: String, what: String) -> impl IntoView {
    view! { <CopyAs text=Callback::new(move |()| text.clone()) name=format!("Copy {}", what.to_lowercase()) label="Copy" /> }
}

/// A button that copies what is made when it is pressed.
#[component]
pub(super) fn CopyAs(text: Callback<(), String>, label: &'static str, #[prop(optional, into)] name: Option<String>) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        // The answer is a promise about a permission; asking without one harms nothing.
        let _ = window().navigator().clipboard().write_text(&text.run(()));
        copied.set(true);
        set_timeout(move || copied.set(false), std::time::Duration::from_secs(2));
    };
    view! {
        <button type="button" class="copy needs-script" on:click=copy aria-label=name>
            {move || if copied.get() { "Copied" } else { label }}
        </button>
    }
}

/// Gives a text to the browser as a file to keep.
pub(super) fn save_as(name: &str, kind: &str, text: &str) {
    use leptos::wasm_bindgen::{JsCast, JsValue};
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(kind);
    let parts = web_sys::js_sys::Array::of1(&JsValue::from_str(text));
    let save = || -> Result<(), JsValue> {
        let blob = web_sys::Blob::new_with_str_sequence_and_options(&parts, &options)?;
        let address = web_sys::Url::create_object_url_with_blob(&blob)?;
        let link: web_sys::HtmlAnchorElement = document().create_element("a")?.unchecked_into();
        link.set_href(&address);
        link.set_download(name);
        link.click();
        web_sys::Url::revoke_object_url(&address)
    };
    // A browser that keeps no files says so itself.
    let _ = save();
}
