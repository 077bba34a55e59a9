use std::time::Duration;

use leptos::{
    prelude::*,
    wasm_bindgen::{JsCast, closure::Closure},
};
use serde::Deserialize;
use tracellm_trace::Trace;
use web_sys::{EventSource, MessageEvent};

/// A server that refuses is asked again after so long.
const AGAIN: Duration = Duration::from_secs(3);

/// What a page learns from the server.
pub enum Event {
    /// One that was stored.
    Trace(Box<Trace>),
    /// Some may have been missed.
    Gap,
    Open,
    /// The browser tries again by itself, and resumes behind the last event.
    Broken,
    /// The browser gives up, so it is asked anew after [`AGAIN`].
    Refused,
}

#[derive(Deserialize)]
struct Told {
    trace: Trace,
}

/// Follows the server's events until the page is left.
pub fn follow(address: String, then: impl Fn(Event) + Copy + 'static) {
    let (attempt, was_open) = (RwSignal::new(0_u32), StoredValue::new(false));
    Effect::new(move |_| {
        attempt.track();
        let Ok(source) = EventSource::new(&address) else { return };
        let on_trace = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(Told { trace }) = event.data().as_string().and_then(|data| serde_json::from_str(&data).ok()) {
                then(Event::Trace(Box::new(trace)));
            }
        });
        let on_gap = Closure::<dyn FnMut(MessageEvent)>::new(move |_| then(Event::Gap));
        let mut is_new = true;
        let on_open = Closure::<dyn FnMut()>::new(move || {
            // A new source does not know behind which event to resume.
            if was_open.get_value() && is_new {
                then(Event::Gap);
            }
            is_new = false;
            was_open.set_value(true);
            then(Event::Open);
        });
        let of_source = source.clone();
        let on_error = Closure::<dyn FnMut()>::new(move || {
            if of_source.ready_state() != EventSource::CLOSED {
                return then(Event::Broken);
            }
            then(Event::Refused);
            // The page may be left by then.
            let again = move || {
                let _ = attempt.try_update(|attempt| *attempt += 1);
            };
            set_timeout(again, AGAIN);
        });
        for (name, listener) in [("trace.created", &on_trace), ("system.gap", &on_gap)] {
            // Adding a listener is refused only for a name that is no string.
            let _ = source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
        }
        source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let held = StoredValue::new_local((source, on_trace, on_gap, on_open, on_error));
        on_cleanup(move || held.with_value(|(source, ..)| source.close()));
    });
}
