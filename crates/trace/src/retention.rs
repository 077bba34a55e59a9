use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Filter, Issue, Status, Timestamp};

/// How long traces are kept, in days after their start; none is for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    pub failed_days: Option<u32>,
    pub warning_days: Option<u32>,
    pub success_days: Option<u32>,
    /// After which texts go: prompt, response, what steps took and gave. Numbers and names stay.
    pub content_days: Option<u32>,
}

/// How long traces are kept: as the rule of their project says, else as the default does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    pub default: Keep,
    /// By project id.
    pub projects: BTreeMap<String, Keep>,
}

/// What goes of some traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Goes {
    Trace,
    Content,
}

/// Traces of which something is due to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub goes: Goes,
    pub filter: Filter,
}

/// How much would go of the traces of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Going {
    pub project_id: String,
    pub goes: Goes,
    /// Of which traces; all of them where it is the content.
    pub status: Option<Status>,
    /// What began before goes.
    pub before: Timestamp,
    /// How many traces began before; of the content, those whose texts went already are among them.
    pub traces: u64,
}

impl Keep {
    /// Days that can be said: a hundred years.
    const MOST: u32 = 36_500;

    pub fn days(&self, status: Status) -> Option<u32> {
        match status {
            Status::Failed => self.failed_days,
            Status::Warning => self.warning_days,
            Status::Success => self.success_days,
        }
    }

    fn check(&self, path: &str, issues: &mut Vec<Issue>) {
        let fields = [
            ("failed_days", self.failed_days),
            ("warning_days", self.warning_days),
            ("success_days", self.success_days),
            ("content_days", self.content_days),
        ];
        for (name, days) in fields {
            if days.is_some_and(|days| !(1..=Self::MOST).contains(&days)) {
                issues.push(Issue::error("retention.days", format!("{path}.{name}"), format!("must be 1 to {} days", Self::MOST)));
            }
        }
    }
}

impl Retention {
    /// What is wrong with it, each with its path.
    pub fn check(&self) -> Vec<Issue> {
        let mut issues = Vec::new();
        self.default.check("default", &mut issues);
        for (project_id, keep) in &self.projects {
            keep.check(&format!("projects.{project_id}"), &mut issues);
        }
        issues
    }

    /// Whether everything is kept for ever.
    pub fn is_off(&self) -> bool {
        self.default == Keep::default() && self.projects.values().all(|keep| *keep == Keep::default())
    }

    pub fn of(&self, project_id: &str) -> &Keep {
        self.projects.get(project_id).unwrap_or(&self.default)
    }

    /// What is due at a moment, of these projects; whole traces first.
    pub fn due(&self, project_ids: &[String], now: Timestamp) -> Vec<Due> {
        const DAY_MS: f64 = 86_400_000.0;
        let due = |project_id: &str, goes, status, days: u32| Due {
            goes,
            filter: Filter {
                project_id: Some(project_id.to_owned()),
                status,
                to: Some(now.plus(-f64::from(days) * DAY_MS)),
                ..Filter::default()
            },
        };
        let of_project = |project_id| {
            let keep = self.of(project_id);
            let traces = Status::ALL.iter().filter_map(move |&status| Some(due(project_id, Goes::Trace, Some(status), keep.days(status)?)));
            traces.chain(keep.content_days.map(|days| due(project_id, Goes::Content, None, days)))
        };
        let mut all: Vec<_> = project_ids.iter().flat_map(|project_id| of_project(project_id)).collect();
        all.sort_by_key(|due| due.goes == Goes::Content);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::{Goes, Keep, Retention};
    use crate::{Status, Timestamp};

    #[test]
    fn a_project_has_its_own_rule_or_the_default() {
        let keep = |failed_days, content_days| Keep { failed_days, content_days, ..Keep::default() };
        let retention = Retention { default: keep(Some(30), None), projects: [("web".to_owned(), keep(None, Some(2)))].into() };
        let now = Timestamp::from_millis(100 * 86_400_000).unwrap();
        let due = retention.due(&["web".to_owned(), "x".to_owned()], now);
        let said = |n: usize| (due[n].goes, due[n].filter.project_id.as_deref(), due[n].filter.status, due[n].filter.to.unwrap().millis());
        assert_eq!(due.len(), 2);
        assert_eq!(said(0), (Goes::Trace, Some("x"), Some(Status::Failed), 70 * 86_400_000));
        assert_eq!(said(1), (Goes::Content, Some("web"), None, 98 * 86_400_000));
        assert!(!retention.is_off() && Retention::default().is_off());
        assert_eq!(Retention { default: keep(Some(0), None), ..retention }.check()[0].path, "default.failed_days");
    }
}
