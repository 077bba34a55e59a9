use leptos::prelude::*;
use tracellm_trace::{Status, Trace};

use super::{heading, text_block::CopyAs, trace_href};
use crate::{
    format,
    url::{escape, href, of_project, origin},
};

/// Steps that a report lists.
const LISTED: usize = 50;

/// Ways to give a trace to somebody, and to put it beside one that succeeded.
#[component]
pub fn Share(
    trace: Trace,
    /// The steps are those from here on, of so many.
    first: usize,
    total: usize,
    /// All of the trace stands in this page.
    is_whole: bool,
) -> impl IntoView {
    let id = escape(&trace.trace_id);
    let own = trace_href(&trace.project_id, &trace.trace_id);
    let compare = (trace.status != Status::Success).then(|| href(&format!("/diff/{id}"), &of_project("left_project", &trace.project_id)));
    let file = href(&format!("/api/traces/{id}/html"), &of_project("project_id", &trace.project_id));
    let link = format!("{}{own}", origin());
    let curl = format!("curl '{}/api{own}'", origin());
    let report = {
        let (trace, link) = (trace.clone(), link.clone());
        Callback::new(move |()| markdown(&trace, first, total, &link))
    };
    let json = is_whole.then(|| {
        let text = Callback::new(move |()| serde_json::to_string_pretty(&trace).unwrap_or_default());
        view! { <CopyAs text label="Copy JSON" /> }
    });
    view! {
        <p class="actions">
            {compare.map(|compare| view! { <a class="action" href=compare>"Compare with one that succeeded"</a> })}
            <a class="action" href=file rel="external" download>"Download as a page"</a>
            <CopyAs text=Callback::new(move |()| link.clone()) label="Copy link" />
            <CopyAs text=Callback::new(move |()| curl.clone()) label="Copy as curl" />
            {json}
            <CopyAs text=report label="Copy as Markdown" />
        </p>
    }
}

/// A trace for an issue or a chat. Its steps are those from `first` on, of `total`.
fn markdown(trace: &Trace, first: usize, total: usize, link: &str) -> String {
    let mut text = format!("### {}: {}\n\n", trace.status, line(&heading(trace)));
    let tokens = format::things(trace.token_count, "token");
    let cost = trace.cost_usd.map(|cost| format!(", {}", format::dollars(cost))).unwrap_or_default();
    text += &format!(
        "[{}]({link}), {}, {}, {tokens}{cost}, started {}\n",
        line(&trace.trace_id),
        line(&trace.model_name),
        format::duration(trace.latency),
        format::exact_time(trace.created_at)
    );
    let texts = [("Failure reason", trace.failure_reason.as_ref()), ("Prompt", Some(&trace.prompt)), ("Response", trace.response.as_ref())];
    for (name, said) in texts.into_iter().filter_map(|(name, said)| Some((name, said.filter(|said| !said.trim().is_empty())?))) {
        let fence = fence(said);
        text += &format!("\n**{name}**\n\n{fence}text\n{said}\n{fence}\n");
    }
    if !trace.steps.is_empty() {
        text += "\n| # | Step | Result | Duration |\n|--:|---|---|--:|\n";
        let listed = trace.steps.iter().take(LISTED);
        let last = first + listed.len();
        for (number, step) in (first + 1..).zip(listed) {
            let result = match step.told_error() {
                Some(error) => format!("failed {}", line(&error)),
                None if step.success => "ok".to_owned(),
                None => "failed".to_owned(),
            };
            text += &format!("| {number} | {} | {result} | {} |\n", line(&step.tool_name), format::duration(step.duration));
        }
        if first > 0 || last < total {
            text += &format!("\nSteps {} to {last} of {total}.\n", first + 1);
        }
    }
    text
}

/// A text as part of a line or cell, nothing in it obeyed.
fn line(text: &str) -> String {
    let mut written = String::new();
    for c in text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }) {
        if c.is_ascii_punctuation() && !matches!(c, '-' | '.' | ',' | ':' | '/' | '\'' | '?' | '(' | ')') {
            written.push('\\');
        }
        written.push(c);
    }
    written.trim().to_owned()
}

/// Longer than any fence in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use tracellm_trace::{Context, Source, Timestamp, normalize};

    use super::markdown;

    #[test]
    fn a_report_has_all_that_one_asks_for_and_nothing_in_it_is_obeyed() {
        let raw = r#"{"prompt":"Say *hi*\nnow","response":"```js","model_name":"gpt|4","latency":1200,"token_count":7,"created_at":1700000000,
            "steps":[{"tool_name":"a|b","success":false,"error":"no\nway","duration":3}],"failure_reason":"gone"}"#;
        let context = Context::with_id(Timestamp::MIN, "t1", Source::Json);
        let text = markdown(&normalize(raw, &context).unwrap().trace, 0, 1, "http://host/traces/t1");
        let expected = "### failed: Say \\*hi\\*\n\n[t1](http://host/traces/t1), gpt\\|4, 1.20 s, 7 tokens, started 2023-11-14 22:13:20.000 UTC\n\
            \n**Failure reason**\n\n```text\ngone\n```\n\n**Prompt**\n\n```text\nSay *hi*\nnow\n```\n\
            \n**Response**\n\n````text\n```js\n````\n\n| # | Step | Result | Duration |\n|--:|---|---|--:|\n| 1 | a\\|b | failed no way | 3.0 ms |\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn steps_have_the_numbers_that_they_have_in_the_trace() {
        let raw = r#"{"trace_id":"](http://bad) `x","steps":[{"tool_name":"a","success":false,"output":{"error":"told"}}]}"#;
        let context = Context::with_id(Timestamp::MIN, "t1", Source::Json);
        let text = markdown(&normalize(raw, &context).unwrap().trace, 200, 300, "http://host/traces/t1");
        assert!(text.contains("| 201 | a | failed told | 0 ms |\n\nSteps 201 to 201 of 300.\n"), "{text}");
        assert!(text.contains("[\\](http://bad) \\`x](http://host/traces/t1)"), "{text}");
    }
}
