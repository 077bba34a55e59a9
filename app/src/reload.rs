use leptos::prelude::window;

/// Where the browser keeps that it did so, until a page works again.
const KEY: &str = "tracellm.reloaded";

/// Reads the page anew; not a second time before one works, as a server that has lost its files would be asked for them for ever.
pub fn reload_once() {
    let Ok(Some(storage)) = window().session_storage() else { return };
    if storage.get_item(KEY).is_ok_and(|done| done.is_none()) && storage.set_item(KEY, "").is_ok() {
        // Refused only by a browser that is closing the page.
        let _ = window().location().reload();
    }
}

/// Says that a page works.
pub fn reloading_works() {
    if let Ok(Some(storage)) = window().session_storage() {
        // What can't be taken away costs the next time, no more.
        let _ = storage.remove_item(KEY);
    }
}
