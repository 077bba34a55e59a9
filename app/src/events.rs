use leptos::wasm_bindgen::{JsCast, closure::Closure};
use serde::Deserialize;
use tracellm_trace::Trace;
use web_sys::{EventSource, MessageEvent};

#[derive(Deserialize)]
struct Told {
    trace: Trace,
}

/// Calls `then` with each trace that is stored, as long as what is answered lives.
pub fn on_trace(source: &EventSource, mut then: impl FnMut(Trace) + 'static) -> Closure<dyn FnMut(MessageEvent)> {
    let told = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(Told { trace }) = event.data().as_string().and_then(|data| serde_json::from_str(&data).ok()) {
            then(trace);
        }
    });
    // Adding a listener is refused only for a name that is no string.
    let _ = source.add_event_listener_with_callback("trace.created", told.as_ref().unchecked_ref());
    told
}
