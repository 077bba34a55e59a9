//! Pages and routes, as people open them.

use crate::{Client, Failure, get};

pub struct Question {
    pub name: &'static str,
    path: Path,
    /// Whether the database itself can be asked for the same rows.
    pub has_raw: bool,
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
    Question { name, path: Path::Same(path), has_raw: false }
}

const fn rows(name: &'static str, path: Path) -> Question {
    Question { name, path, has_raw: true }
}

const fn list(name: &'static str, path: &'static str) -> Question {
    rows(name, Path::Same(path))
}

pub const QUESTIONS: &[Question] = &[
    list("list", "/api/traces"),
    list("list, status", "/api/traces?status=failed"),
    list("list, project", "/api/traces?project_id=travel-agent"),
    list("list, model", "/api/traces?model=gpt-4.1"),
    list("list, environment", "/api/traces?environment=staging"),
    // An hour would not fill a page at every size.
    list("list, last day", "/api/traces?last=24h"),
    list("list, tag", "/api/traces?tag=sql"),
    list("list, retried", "/api/traces?retried=true"),
    list("list, slow", "/api/traces?slow=true"),
    list("list, latency over 2 s", "/api/traces?latency_min=2000"),
    list("list, status and project", "/api/traces?status=failed&project_id=travel-agent"),
    list("list, status and model", "/api/traces?status=failed&model=gpt-4.1"),
    list("list, status and environment", "/api/traces?status=failed&environment=production"),
    list("list, project and model", "/api/traces?project_id=travel-agent&model=gpt-4.1"),
    list("list, project and environment", "/api/traces?project_id=travel-agent&environment=production"),
    list("list, model and environment", "/api/traces?model=gpt-4.1&environment=production"),
    list("list, tokens under 500", "/api/traces?token_max=500"),
    rows("list, session", Path::With("session_id")),
    rows("list, user", Path::With("user_id")),
    list("list, by latency", "/api/traces?sort=-latency"),
    list("list, by cost", "/api/traces?sort=-cost_usd"),
    Question { name: "list, page 1,000", path: Path::Page("/api/traces", 1_000), has_raw: false },
    rows("one trace", Path::Trace),
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
                // In steps of four pages, which is the most that is answered at once.
                let before = number - 1;
                let steps = std::iter::repeat_n(200, before / 4).chain(std::iter::repeat_n(50, before % 4));
                let mut cursor = String::new();
                for step in steps {
                    let found: serde_json::Value = serde_json::from_slice(&get(client, &format!("{path}?limit={step}{cursor}")).await?)?;
                    let Some(next) = found["next_cursor"].as_str() else { break };
                    cursor = format!("&cursor={next}");
                }
                Ok(format!("{path}?limit=50{cursor}"))
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
