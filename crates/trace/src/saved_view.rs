use serde::{Deserialize, Serialize};

use crate::{Issue, Query, Role, Timestamp, User};

/// A list that somebody gave a name, for themselves and for whoever may read what it asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SavedView {
    /// Absent in one that is to be saved.
    #[serde(default)]
    pub view_id: String,
    pub name: String,
    /// As in the address of the list: its filters and order.
    pub query: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub saved_at: Timestamp,
    /// Who saved it, where there are users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl SavedView {
    /// Characters of a name.
    pub const LONGEST: usize = 80;

    /// What is wrong with its name or with what it asks.
    pub fn check(&self) -> Vec<Issue> {
        let mut issues = Vec::new();
        let length = self.name.trim().chars().count();
        if length == 0 || length > Self::LONGEST {
            issues.push(Issue::error("view.name", "name", format!("must have 1 to {} characters", Self::LONGEST)));
        }
        if let Err(mut found) = self.query() {
            issues.append(&mut found);
        }
        issues
    }

    /// Whether a user may do something with it for which this role is needed in what it asks for: the project that it names, else all.
    pub fn is_for(&self, user: &User, role: Role) -> bool {
        let of_project =
            || self.query().ok().and_then(|query| query.filter.project_id).is_some_and(|project_id| user.may(role, &project_id));
        self.by.as_deref() == Some(&user.name) || user.may_everywhere(role) || of_project()
    }

    /// What it asks, from its first page on.
    ///
    /// # Errors
    /// What can't be read, as of an address.
    pub fn query(&self) -> Result<Query, Vec<Issue>> {
        let pairs: Vec<_> = form_urlencoded::parse(self.query.as_bytes()).collect();
        let query = Query::from_pairs(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())))?;
        Ok(Query { cursor: None, ..query })
    }
}

#[cfg(test)]
mod tests {
    use super::SavedView;
    use crate::{Status, Timestamp};

    fn view(name: &str, query: &str) -> SavedView {
        SavedView { view_id: String::new(), name: name.to_owned(), query: query.to_owned(), saved_at: Timestamp::MIN, by: None }
    }

    #[test]
    fn a_view_asks_what_its_address_does() {
        let saved = view("slow ones", "status=failed&q=a%20%22b+c%22&model=gpt%2Dü&sort=-latency&cursor=");
        assert_eq!(saved.check(), []);
        let query = saved.query().unwrap();
        assert_eq!((query.filter.status, query.filter.model.as_deref()), (Some(Status::Failed), Some("gpt-ü")));
        assert_eq!(query.filter.q.unwrap().as_str(), "a \"b c\"");
        assert_eq!(view("all", "").query().unwrap(), crate::Query::default());
    }

    #[test]
    fn what_is_none_is_refused_by_name() {
        let paths = |name: &str, query: &str| view(name, query).check().into_iter().map(|issue| issue.path).collect::<Vec<_>>();
        assert_eq!(paths(" ", "status=maybe"), ["name", "status"]);
        assert_eq!(paths(&"x".repeat(81), ""), ["name"]);
        assert_eq!(paths("x", "%zz=%"), ["%zz"]);
    }
}
