use leptos::prelude::*;
use tracellm_trace::{
    Trace,
    conversation::{Deed, Turn, conversation},
};

use super::{Markdown, StepSide, steps_href, text_block::Verbatim};
use crate::{
    format,
    visible::{visible, visible_json},
};

/// What was said and done in a trace, in order. Its steps are those from `first` on.
#[component]
pub fn Talk(trace: Trace, first: usize, own: String) -> impl IntoView {
    let turns = conversation(&trace).into_iter().map(|turn| view! { <Taken turn first own=own.clone() /> }).collect_view();
    view! { <ol class="talk">{turns}</ol> }
}

#[component]
fn Taken(turn: Turn, first: usize, own: String) -> impl IntoView {
    let Turn { step, deed } = turn;
    let link = step.map(|step| {
        let number = first + step;
        view! { <a class="action" href=steps_href(&own, number)>{format!("step {}", number + 1)}</a> }
    });
    match deed {
        Deed::Said { role, text, calls, rest } => {
            let calls = calls.into_iter().map(|tool| view! { <span class="tag">{format!("calls {}", visible(tool))}</span> }).collect_view();
            let rest = rest.map(|rest| {
                let text = serde_json::to_string_pretty(&rest).unwrap_or_default();
                view! { <Verbatim class="json">{visible_json(text)}</Verbatim> }
            });
            let said = (!text.is_empty()).then(|| view! { <Markdown text /> });
            // Instructions are long, and the same each time.
            let said = if role == "system" {
                view! { <details><summary>"Instructions"</summary>{said}</details> }.into_any()
            } else {
                said.into_any()
            };
            let class = format!("turn {}", match role.as_str() {
                "user" | "human" => "user",
                "assistant" | "ai" | "model" => "assistant",
                _ => "other",
            });
            view! {
                <li class=class>
                    <p class="who"><span class="role">{visible(role)}</span>{link}</p>
                    <div class="said">{said} {calls} {rest}</div>
                </li>
            }
            .into_any()
        }
        Deed::Called { tool, arguments, result, error, success, duration } => view! {
            <li class="turn tool" class:failed=!success>
                <p class="who"><span class="role">"tool"</span>{link}</p>
                <div class="said">
                    <p class="called"><code>{visible(tool)}</code> " " <span class="muted">{format!("{}, {}", if success { "succeeded" } else { "failed" }, format::duration(duration))}</span></p>
                    {error.map(|error| view! { <p class="callout failed">{visible(error)}</p> })}
                    <div class="pair">
                        <StepSide label="Arguments" value=arguments />
                        <StepSide label="Result" value=result />
                    </div>
                </div>
            </li>
        }
        .into_any(),
    }
}
