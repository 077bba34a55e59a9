use leptos::prelude::*;
use leptos_meta::Title;
use serde_json::json;
use tracellm_trace::{Coverage, Issue, Query, Status, Timestamp, Trace, TraceSummary};

use crate::{
    ApiError,
    components::{
        CoverageNote, Delete, EmptyState, ErrorPanel, Fact, Heading, IssueList, JsonBlock, Markdown, NothingMatches, Pager, PlainTable,
        StatusBadge, TextBlock, TraceTable,
    },
};

/// Where it is.
pub const PATH: &str = "/_components";

const LONG: &str = "pneumonoultramicroscopicsilicovolcanoconiosispneumonoultramicroscopicsilicovolcanoconiosis and many more words";

/// What pages are made of, each in all of its states: usual, empty, too long, wrong.
#[component]
pub fn ComponentsPage() -> impl IntoView {
    let statuses = Status::ALL.iter().map(|status| view! { <StatusBadge status=*status /> " " }).collect_view();
    let errors = [
        ApiError::NotFound("there is no trace `x`".to_owned()),
        ApiError::BadQuery(vec![Issue::error("query.invalid", "status", "must be success, warning or failed")]),
        ApiError::Forbidden("eve is no admin in every project".to_owned()),
        ApiError::Limited("too many keys that nobody has came from this address; wait a minute".to_owned()),
        ApiError::Unavailable(format!("the database is not available: {LONG}")),
        ApiError::Failed,
    ];
    let errors = errors.map(|error| view! { <ErrorPanel error /> }).collect_view();
    let issues = vec![
        Issue::error("number.negative", "latency", "must be 0 or more, not -1"),
        Issue::warning("text.surrogate", "steps[3].output.text", "half of a surrogate pair is no character; it was replaced by U+FFFD"),
        Issue::info("status.inferred", "status", LONG),
    ];
    let rows: Vec<_> = Status::ALL.iter().map(|status| row(*status, "Which flights leave Lisbon on Friday?")).collect();
    let rows = rows.into_iter().chain([row(Status::Failed, LONG), row(Status::Success, "")]).collect::<Vec<_>>();
    view! {
        <Title text="Components" />
        <header class="page-head">
            <h1>"Components"</h1>
            <p class="muted">"What pages are made of, in all states. No release has this page."</p>
        </header>
        <Part name="Status">{statuses}</Part>
        <Part name="Facts">
            <dl class="facts"><Fact name="Traces" value="12,345" /><Fact name="Cost" value="$1,204.55" /><Fact name="Model" value=LONG /></dl>
        </Part>
        <Part name="Buttons">
            <div class="buttons">
                <button type="button" class="button primary">"Primary"</button>
                <button type="button" class="button">"Usual"</button>
                <button type="button" class="button" disabled=true>"Disabled"</button>
                <button type="button" class="copy">"Quiet"</button>
                <Delete label="Delete this" warning="What it holds goes, and does not come back.".to_owned() on_confirm=|()| {} />
            </div>
        </Part>
        <Part name="Fields">
            <form class="filters" aria-label="Fields">
                <label><span>"Text"</span><input type="text" name="text" placeholder="empty" /></label>
                <label><span>"Number"</span><input type="number" name="number" value="17" /></label>
                <label><span>"Choice"</span><select name="choice"><option>"all"</option><option>"failed"</option></select></label>
                <label><span>"Disabled"</span><input type="text" name="disabled" disabled=true value="no" /></label>
            </form>
        </Part>
        <Part name="Callouts">
            <p class="callout"><strong>"Usual: "</strong>{LONG}</p>
            <p class="callout warning"><strong>"Warning: "</strong>"something is doubted"</p>
            <p class="callout failed"><strong>"Failed: "</strong>"timeout after 1800 ms"</p>
            <CoverageNote coverage=Some(Coverage { until: Some(Timestamp::MIN), not_indexed: 12 }) />
        </Part>
        <Part name="Nothing to show">
            <EmptyState heading="No traces yet"><p>"Send one, and it stands here."</p></EmptyState>
            <NothingMatches href="/traces" />
        </Part>
        <Part name="Errors">{errors}</Part>
        <Part name="Issues"><IssueList issues /></Part>
        <Part name="Rows"><TraceTable rows /></Part>
        <Part name="Pages"><Pager query=Query::default() previous=None next=None /></Part>
        <Part name="Table">
            <PlainTable headings=vec![Heading::Text("Name"), Heading::Number("Count")]>
                <tr><td>"gpt-4.1-mini"</td><td class="number">"12,345"</td></tr>
                <tr><td>{LONG}</td><td class="number">"–"</td></tr>
            </PlainTable>
        </Part>
        <Part name="Texts">
            <TextBlock label="Prose" text=format!("{LONG}\n\nA second paragraph.") />
            <JsonBlock label="JSON" value=json!({"a": [1, {"b": null}], "long": LONG}) />
            <Markdown text="# A heading\n\nWith **bold**, `code` and [a link](https://example.com).\n\n- one\n- two".to_owned() />
        </Part>
    }
}

#[component]
fn Part(name: &'static str, children: Children) -> impl IntoView {
    let id = name.to_lowercase().replace(' ', "-");
    view! { <section aria-labelledby=id.clone()><h2 id=id.clone()>{name}</h2>{children()}</section> }
}

fn row(status: Status, prompt: &str) -> TraceSummary {
    TraceSummary::from(&trace(status, prompt))
}

fn trace(status: Status, prompt: &str) -> Trace {
    let fields = json!({
        "trace_id": "tr_0123456789abcdef", "prompt": prompt, "response": null, "latency": 2140.5, "token_count": 812, "model_name": "gpt-4.1-mini",
        "project_id": "default", "project_name": null, "api_key": null, "environment": "development", "status": status, "steps": [],
        "retry_count": 1, "slow_request": true, "failure_reason": (status == Status::Failed).then_some(LONG), "cost_usd": 0.0123,
        "created_at": Timestamp::MIN, "updated_at": Timestamp::MIN,
    });
    serde_json::from_value(fields).expect("it is a trace")
}
