//! Pages and routes, as people open them.

use crate::{Client, Failure, get, raw::Raw};

pub struct Question {
    pub name: &'static str,
    path: Path,
    pub raw: Option<Raw>,
}

enum Path {
    Same(&'static str),
    /// A page deep in the list, by following its cursors.
    Page(&'static str, usize),
    /// A trace from the middle of the first page.
    Trace,
    /// The list of those that share this field with a new one.
    With(&'static str),
}

const fn of(name: &'static str, path: &'static str) -> Question {
    Question { name, path: Path::Same(path), raw: None }
}

const fn list(name: &'static str, path: &'static str, field: Option<(&'static str, &'static str)>) -> Question {
    Question { name, path: Path::Same(path), raw: Some(Raw::List(field)) }
}

pub const QUESTIONS: &[Question] = &[
    list("list", "/api/traces", None),
    list("list, status", "/api/traces?status=failed", Some(("status", "failed"))),
    list("list, project", "/api/traces?project_id=travel-agent", Some(("project_id", "travel-agent"))),
    list("list, model", "/api/traces?model=gpt-4.1", Some(("model_name", "gpt-4.1"))),
    list("list, environment", "/api/traces?environment=staging", Some(("environment", "staging"))),
    of("list, last hour", "/api/traces?last=1h"),
    of("list, tag", "/api/traces?tag=sql"),
    of("list, retried", "/api/traces?retried=true"),
    of("list, slow", "/api/traces?slow=true"),
    of("list, latency over 2 s", "/api/traces?latency_min=2000"),
    of("list, status and project", "/api/traces?status=failed&project_id=travel-agent"),
    of("list, status and model", "/api/traces?status=failed&model=gpt-4.1"),
    of("list, status and environment", "/api/traces?status=failed&environment=production"),
    of("list, project and model", "/api/traces?project_id=travel-agent&model=gpt-4.1"),
    of("list, project and environment", "/api/traces?project_id=travel-agent&environment=production"),
    of("list, model and environment", "/api/traces?model=gpt-4.1&environment=production"),
    of("list, tokens under 500", "/api/traces?token_max=500"),
    Question { name: "list, session", path: Path::With("session_id"), raw: None },
    Question { name: "list, user", path: Path::With("user_id"), raw: None },
    of("list, by latency", "/api/traces?sort=-latency"),
    of("list, by cost", "/api/traces?sort=-cost_usd"),
    Question { name: "list, page 1,000", path: Path::Page("/api/traces", 1_000), raw: None },
    Question { name: "one trace", path: Path::Trace, raw: Some(Raw::Document) },
    of("search, rare", "/api/traces?q=xylophone"),
    of("search, frequent", "/api/traces?q=timeout"),
    of("search, phrase", "/api/traces?q=%22timed%20out%22"),
    of("search, beginning", "/api/traces?q=time*"),
    of("facets", "/api/facets"),
    of("facets, 30 days", "/api/facets?last=30d"),
    of("facets, status", "/api/facets?status=failed"),
    of("numbers, 1 hour", "/api/analytics?last=1h"),
    of("numbers, 24 hours", "/api/analytics?last=24h"),
    of("numbers, 30 days", "/api/analytics?last=30d"),
    of("numbers, a tag", "/api/analytics?tag=sql"),
    of("failures", "/api/failures"),
    of("page /", "/"),
    of("page /traces", "/traces"),
    of("page /failures", "/failures"),
];

impl Question {
    pub async fn path(&self, client: &mut Client) -> Result<String, Failure> {
        match self.path {
            Path::Same(path) => Ok(path.to_owned()),
            Path::Page(path, number) => {
                let mut page = path.to_owned();
                for _ in 1..number {
                    let found: serde_json::Value = serde_json::from_slice(&get(client, &page).await?)?;
                    let Some(cursor) = found["next_cursor"].as_str() else { break };
                    page = format!("{path}?cursor={cursor}");
                }
                Ok(page)
            }
            Path::With(field) => {
                let found: serde_json::Value = serde_json::from_slice(&get(client, "/api/traces?limit=200").await?)?;
                let value = found["items"].as_array().and_then(|items| items.iter().find_map(|item| item[field].as_str()));
                Ok(format!("/api/traces?{field}={}", value.unwrap_or_default()))
            }
            Path::Trace => {
                let found: serde_json::Value = serde_json::from_slice(&get(client, "/api/traces").await?)?;
                let trace = &found["items"][25];
                let text = |name: &str| trace[name].as_str().unwrap_or_default().to_owned();
                Ok(format!("/api/traces/{}?project_id={}", text("trace_id"), text("project_id")))
            }
        }
    }
}
