use leptos::prelude::*;
use serde_json::{Map, Value};

use super::text_block::{CopyButton, JsonBlock, Verbatim};
use crate::visible::{visible, visible_json};

/// What went into a step or came out: a conversation with its roles, where it is one, else JSON.
#[component]
pub fn StepSide(label: &'static str, value: Map<String, Value>) -> impl IntoView {
    match value.get("messages").and_then(messages).filter(|_| value.len() == 1) {
        Some(messages) => view! { <Conversation label messages /> }.into_any(),
        None => view! { <JsonBlock label value /> }.into_any(),
    }
}

/// Who said something, what, and which tools were called.
struct Message {
    role: String,
    text: String,
    calls: Vec<(String, String)>,
    /// What has no words: images, files, other parts.
    rest: Option<String>,
}

/// The messages of a conversation; none where anything in it is something else.
fn messages(value: &Value) -> Option<Vec<Message>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let read = |message: &Value| {
        let call = |call: &Value| {
            let arguments = call.get("arguments").map(|given| text(given).unwrap_or_else(|| pretty(given)));
            Some((text(call.get("name")?)?, arguments.unwrap_or_default()))
        };
        let calls = message.get("tool_calls").and_then(Value::as_array).map_or(Some(Vec::new()), |calls| calls.iter().map(call).collect());
        Some(Message {
            role: text(message.get("role")?)?,
            text: text(message.get("content")?)?,
            calls: calls?,
            rest: message.get("parts").map(pretty),
        })
    };
    value.as_array().filter(|messages| !messages.is_empty())?.iter().map(read).collect()
}

#[component]
fn Conversation(label: &'static str, messages: Vec<Message>) -> impl IntoView {
    let whole = messages.iter().map(|message| format!("{}: {}", message.role, message.text)).collect::<Vec<_>>().join("\n\n");
    let messages = messages.into_iter().map(|message| {
        let calls = message.calls.into_iter().map(|(name, arguments)| {
            view! {
                <div class="call">
                    <span class="tag">"calls"</span>
                    <code>{visible(name)}</code>
                    <Verbatim class="json">{visible(arguments)}</Verbatim>
                </div>
            }
        });
        view! {
            <li class="message">
                <span class="role">{visible(message.role)}</span>
                {(!message.text.is_empty()).then(|| view! { <Verbatim class="prose">{visible(message.text)}</Verbatim> })}
                {calls.collect_view()}
                {message.rest.map(|rest| view! { <Verbatim class="json">{visible_json(rest)}</Verbatim> })}
            </li>
        }
    });
    view! {
        <figure class="text-block">
            <figcaption>{label}<CopyButton text=whole what=label.to_owned() /></figcaption>
            <ol class="messages">{messages.collect_view()}</ol>
        </figure>
    }
}
