use leptos::prelude::*;
use tracellm_trace::{Issue, Severity};

#[component]
pub fn IssueList(issues: Vec<Issue>) -> impl IntoView {
    let rows = issues.into_iter().map(|issue| {
        let severity = match issue.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        view! {
            <li class=format!("issue {severity}") data-code=issue.code.into_owned()>
                <span class="severity">{severity}</span>
                <code>{issue.path}</code>
                <span class="words">{issue.message}</span>
            </li>
        }
    });
    let rows = rows.collect_view();
    (!rows.is_empty()).then(|| view! { <ul class="issues">{rows}</ul> })
}
