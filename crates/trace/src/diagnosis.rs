use serde::{Deserialize, Serialize};

/// How a store is, and what to do about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// `mongodb` or `sqlite`; empty where it does not answer.
    pub database: String,
    pub server_version: String,
    /// The file, or the database and the kind of deployment it is in.
    pub place: String,
    pub checks: Vec<Check>,
    pub indexes: Vec<Index>,
}

impl Diagnosis {
    /// Whether all works as it should; what is only worth a look is no fault.
    pub fn is_healthy(&self) -> bool {
        self.checks.iter().all(|check| check.verdict != Verdict::Bad)
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    pub verdict: Verdict,
    /// What was seen.
    pub found: String,
    /// What to do about it, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub advice: Option<String>,
}

impl Check {
    pub fn good(name: &str, found: impl Into<String>) -> Self {
        Self { name: name.to_owned(), verdict: Verdict::Good, found: found.into(), advice: None }
    }

    /// The database does not say.
    pub fn unknown(name: &str, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, ..Self::good(name, found) }
    }

    pub fn warning(name: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, advice: Some(advice.into()), ..Self::good(name, found) }
    }

    pub fn bad(name: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, advice: Some(advice.into()), ..Self::good(name, found) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Good,
    Unknown,
    /// Works, but is worth a look.
    Warning,
    /// Does not work as it should.
    Bad,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// An index that should be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Collection or table.
    pub of: String,
    pub name: String,
    /// The fields, in order.
    pub fields: String,
    pub is_present: bool,
    /// How often it was used since the server started; none where the database does not count.
    pub uses: Option<i64>,
}
