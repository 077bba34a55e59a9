use serde::{Deserialize, Serialize};

use crate::{DEFAULT_ENVIRONMENT, Issue, Timestamp};

/// What traces belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Project {
    /// A slug, unique.
    pub project_id: String,
    /// Unique.
    pub name: String,
    pub description: String,
    /// None where it was never created: traces name it, no more.
    pub created_at: Option<Timestamp>,
}

/// A key, as everyone may see it: its secret is stored as a hash and shown once, when the key is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// The public part. Keys of the reference package have none; theirs is the masked secret.
    pub key_id: String,
    pub project_id: String,
    pub environment: String,
    pub scope: Scope,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it opens anything at a moment.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// What a key opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Scope {
    /// Storing traces.
    #[default]
    Ingest,
    /// Reading what is stored.
    Read,
    /// Everything.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Ingest, Self::Read, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str().eq_ignore_ascii_case(word.trim()))
    }

    /// Whether a key of this scope may do what needs `wanted`. Writing and reading are apart: an ingest key in a client reads nothing.
    pub fn allows(self, wanted: Self) -> bool {
        self == Self::Admin || self == wanted
    }
}

/// What is asked for when a project is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewProject {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// Of the first key; `development` where empty.
    #[serde(default)]
    pub environment: String,
}

/// What is asked for when a key is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewKey {
    pub project_id: String,
    /// `development` where empty.
    #[serde(default)]
    pub environment: String,
    #[serde(default)]
    pub scope: Scope,
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl NewProject {
    /// The same, trimmed, with its default; or every fault.
    ///
    /// # Errors
    /// The name is empty or gives no slug, or a text is too long or holds control characters.
    pub fn checked(mut self) -> Result<Self, Vec<Issue>> {
        self.name = self.name.trim().to_owned();
        self.description = self.description.trim().to_owned();
        let mut issues = Vec::new();
        if self.name.is_empty() {
            issues.push(Issue::error("project.name", "name", "must not be empty"));
        }
        check_text(&self.name, "name", 100, &mut issues);
        check_text(&self.description, "description", 2_000, &mut issues);
        self.environment = checked_environment(&self.environment, &mut issues);
        if issues.is_empty() { Ok(self) } else { Err(issues) }
    }
}

impl NewKey {
    /// As [`NewProject::checked`].
    ///
    /// # Errors
    /// The project is empty, the end lies in the past, or a text is no identifier.
    pub fn checked(mut self, now: Timestamp) -> Result<Self, Vec<Issue>> {
        self.project_id = self.project_id.trim().to_owned();
        let mut issues = Vec::new();
        if self.project_id.is_empty() {
            issues.push(Issue::error("key.project", "project_id", "must name a project"));
        }
        check_text(&self.project_id, "project_id", 512, &mut issues);
        self.environment = checked_environment(&self.environment, &mut issues);
        if self.expires_at.is_some_and(|end| end <= now) {
            issues.push(Issue::error("key.expired", "expires_at", "lies in the past"));
        }
        if issues.is_empty() { Ok(self) } else { Err(issues) }
    }
}

fn checked_environment(given: &str, issues: &mut Vec<Issue>) -> String {
    let environment = given.trim();
    check_text(environment, "environment", 512, issues);
    if environment.is_empty() { DEFAULT_ENVIRONMENT.to_owned() } else { environment.to_owned() }
}

fn check_text(text: &str, path: &str, most: usize, issues: &mut Vec<Issue>) {
    if text.len() > most {
        issues.push(Issue::error("text.too_long", path, format!("is {} bytes long; at most {most} are allowed", text.len())));
    } else if text.chars().any(char::is_control) {
        issues.push(Issue::error("text.control", path, "holds a control character"));
    }
}

/// The id for a project's name, as the reference package makes it: lower case, whatever is no letter or digit a dash, no dash twice.
///
/// ```
/// assert_eq!(tracellm_trace::slug("  My App (v2)! "), "my-app-v2");
/// ```
pub fn slug(name: &str) -> String {
    let dashed: String = name.chars().map(|c| if c.is_alphanumeric() { c.to_lowercase().to_string() } else { "-".to_owned() }).collect();
    dashed.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}
