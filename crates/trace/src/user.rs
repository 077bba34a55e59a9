use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Issue, Timestamp};

/// What a user may do; each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads traces.
    Viewer,
    /// Stores traces, saves views, decides about failures.
    Member,
    /// Deletes, makes keys, sets rules.
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Member, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// Somebody who signs in, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    /// In every project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// In single ones besides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub projects: BTreeMap<String, Role>,
    pub created_at: Timestamp,
}

impl User {
    /// Characters of a name, and of a password, at most and at least.
    pub const LONGEST: usize = 64;
    pub const SHORTEST_PASSWORD: usize = 10;

    /// What is wrong with it, or with this password of it.
    pub fn check(&self, password: &str) -> Vec<Issue> {
        let mut issues = Vec::new();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
        if self.name.is_empty() || self.name.len() > Self::LONGEST || !self.name.chars().all(is_plain) {
            let message = format!("must be 1 to {} letters, digits, or . _ - @ +", Self::LONGEST);
            issues.push(Issue::error("user.name", "name", message));
        }
        if !(Self::SHORTEST_PASSWORD..=1_000).contains(&password.chars().count()) {
            issues.push(Issue::error("user.password", "password", format!("must have at least {} characters", Self::SHORTEST_PASSWORD)));
        }
        if self.role.is_none() && self.projects.is_empty() {
            issues.push(Issue::error("user.role", "role", "a user without a role may do nothing"));
        }
        issues
    }

    /// What they may do, in words: `member`, `viewer of shop`.
    pub fn may_what(&self) -> String {
        let everywhere = self.role.map(|role| role.as_str().to_owned());
        let in_projects = self.projects.iter().map(|(project_id, role)| format!("{} of {project_id}", role.as_str()));
        everywhere.into_iter().chain(in_projects).collect::<Vec<_>>().join(", ")
    }

    /// What they may do in a project.
    pub fn role_in(&self, project_id: &str) -> Option<Role> {
        self.role.max(self.projects.get(project_id).copied())
    }

    pub fn may(&self, role: Role, project_id: &str) -> bool {
        self.role_in(project_id) >= Some(role)
    }

    /// What is true of every project, also of those to come.
    pub fn may_everywhere(&self, role: Role) -> bool {
        self.role >= Some(role)
    }

    /// What is true of some project.
    pub fn may_somewhere(&self, role: Role) -> bool {
        self.role.max(self.projects.values().copied().max()) >= Some(role)
    }

    /// The project to read from, where this one is wanted or any; none where it is every one.
    ///
    /// # Errors
    /// They may not read it, or read several and must say which.
    pub fn read_from(&self, wanted: Option<String>) -> Result<Option<String>, String> {
        match wanted {
            Some(wanted) if self.may(Role::Viewer, &wanted) => Ok(Some(wanted)),
            Some(wanted) => Err(format!("the project `{wanted}` is not open to {}", self.name)),
            None if self.may_everywhere(Role::Viewer) => Ok(None),
            None => {
                let mut open = self.projects.keys();
                match (open.next(), open.next()) {
                    (Some(only), None) => Ok(Some(only.clone())),
                    (None, _) => Err(format!("no project is open to {}", self.name)),
                    _ => {
                        let names: Vec<_> = self.projects.keys().map(|name| format!("`{name}`")).collect();
                        Err(format!("several projects are open to {}; name one as project_id: {}", self.name, names.join(", ")))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Role, User};
    use crate::Timestamp;

    fn user(role: Option<Role>, projects: &[(&str, Role)]) -> User {
        let projects: BTreeMap<_, _> = projects.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect();
        User { name: "ada".to_owned(), role, projects, created_at: Timestamp::MIN }
    }

    #[test]
    fn the_greater_of_two_roles_counts() {
        let ada = user(Some(Role::Viewer), &[("shop", Role::Admin)]);
        assert!(ada.may(Role::Admin, "shop") && ada.may(Role::Viewer, "web") && !ada.may(Role::Member, "web"));
        assert!(ada.may_somewhere(Role::Admin) && !ada.may_everywhere(Role::Member));
        assert_eq!(ada.read_from(None), Ok(None));
    }

    #[test]
    fn who_has_projects_reads_those_alone() {
        let one = user(None, &[("shop", Role::Viewer)]);
        assert_eq!(one.read_from(None), Ok(Some("shop".to_owned())));
        assert_eq!(one.read_from(Some("shop".to_owned())), Ok(Some("shop".to_owned())));
        assert!(one.read_from(Some("web".to_owned())).is_err() && !one.may_somewhere(Role::Member));
        let two = user(None, &[("shop", Role::Viewer), ("web", Role::Member)]);
        assert_eq!(two.read_from(None).unwrap_err(), "several projects are open to ada; name one as project_id: `shop`, `web`");
        assert!(user(None, &[]).read_from(None).is_err());
    }

    #[test]
    fn names_and_passwords_are_checked() {
        let paths = |user: User, password: &str| user.check(password).into_iter().map(|issue| issue.path).collect::<Vec<_>>().join(" ");
        assert_eq!(paths(user(Some(Role::Admin), &[]), "long enough"), "");
        assert_eq!(paths(User { name: "a b".to_owned(), ..user(None, &[]) }, "short"), "name password role");
    }
}
