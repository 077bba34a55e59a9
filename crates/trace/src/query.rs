use serde::{Deserialize, Serialize};

use crate::Issue;

/// Which traces match.
mod filter;
pub use filter::{Filter, Last};

/// In which order.
mod sort;
pub use sort::{Sort, SortBy, SortValue};

/// From where.
mod cursor;
pub use cursor::{Cursor, Keyset, Place};

/// Parameters of a URL, one by one, each fault under the name of its parameter.
mod parameters;

/// Rows on a page where nothing else is asked for.
pub const DEFAULT_LIMIT: u32 = 50;
/// Most rows on a page.
pub const MAX_LIMIT: u32 = 200;

/// Which traces, in which order, how many, from where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Query {
    pub filter: Filter,
    pub sort: Sort,
    /// 1 to [`MAX_LIMIT`].
    pub limit: u32,
    pub cursor: Option<Cursor>,
}

impl Default for Query {
    fn default() -> Self {
        Self { filter: Filter::default(), sort: Sort::default(), limit: DEFAULT_LIMIT, cursor: None }
    }
}

impl Query {
    /// Reads the parameters of a URL. An empty value counts as absent, as forms send it.
    ///
    /// # Errors
    /// All faults at once, each with the name of the parameter as its path; nothing is clamped or ignored.
    ///
    /// ```
    /// use tracellm_trace::{Query, Status};
    /// let query = Query::from_pairs([("status", "failed"), ("model", "")]).unwrap();
    /// assert_eq!(query.filter.status, Some(Status::Failed));
    /// assert_eq!(Query::from_pairs([("limit", "1000")]).unwrap_err()[0].path, "limit");
    /// ```
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<Issue>> {
        let mut query = Self::default();
        let mut issues = parameters::read(pairs, &Self::parameters(), |name, value| query.set(name, value));
        query.filter.check_ranges(&mut issues);
        if query.cursor.as_ref().is_some_and(|cursor| cursor.sort != query.sort) {
            issues.push(Issue::error("query.invalid", "cursor", "is of a list in another order"));
        }
        if issues.is_empty() { Ok(query) } else { Err(issues) }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "sort" => self.sort = Sort::from_word(value).ok_or_else(|| format!("must be one of {}", Sort::allowed()))?,
            "limit" => self.limit = parameters::limit(value, MAX_LIMIT)?,
            "cursor" => self.cursor = Some(Cursor::decode(value).ok_or("is not a cursor that an earlier answer gave")?),
            _ => self.filter.set(name, value)?,
        }
        Ok(())
    }

    /// The names of all parameters, in the order of [`Query::to_pairs`].
    pub fn parameters() -> Vec<&'static str> {
        Filter::PARAMETERS.into_iter().chain(["sort", "limit", "cursor"]).collect()
    }

    /// The parameters of a URL that says the same, without those at their default.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = self.filter.to_pairs();
        let rest = [
            ("sort", (self.sort != Sort::default()).then(|| self.sort.to_string())),
            ("limit", (self.limit != DEFAULT_LIMIT).then(|| self.limit.to_string())),
            ("cursor", self.cursor.as_ref().map(Cursor::encode)),
        ];
        pairs.extend(rest.into_iter().filter_map(|(name, value)| Some((name, value?))));
        pairs
    }

    /// The same question from another place in the list.
    pub fn at(&self, cursor: Option<Cursor>) -> Self {
        Self { cursor, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[track_caller]
    fn refused(name: &str, value: &str) {
        let issues = Query::from_pairs([(name, value)]).unwrap_err();
        assert_eq!(issues.iter().map(|issue| issue.path.as_str()).collect::<Vec<_>>(), [name], "{value}");
    }

    #[test]
    fn a_url_comes_back_as_it_was() {
        let pairs = [
            ("status", "failed"),
            ("model", "gpt 4&x"),
            ("project_id", "p"),
            ("environment", "staging"),
            ("latency_min", "0.5"),
            ("latency_max", "1500"),
            ("token_min", "0"),
            ("token_max", "9"),
            ("from", "2026-05-01T00:00:00.000Z"),
            ("to", "2026-05-02T00:00:00.000Z"),
            ("q", "time out"),
            ("session_id", "s 1"),
            ("user_id", "u"),
            ("tag", "a,b"),
            ("retried", "true"),
            ("sort", "-cost_usd"),
            ("limit", "200"),
        ];
        let query = Query::from_pairs(pairs).unwrap();
        let back = query.to_pairs();
        assert_eq!(back.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>(), pairs);
        assert_eq!(Query::from_pairs([]).unwrap().to_pairs(), []);
        assert_eq!(Query::from_pairs([("last", "7d")]).unwrap().to_pairs(), [("last", "7d".to_owned())]);
    }

    #[test]
    fn refuses_instead_of_clamping() {
        refused("limit", "0");
        refused("limit", "201");
        refused("status", "broken");
        refused("latency_min", "-1");
        refused("latency_max", "NaN");
        refused("token_min", "1.5");
        refused("from", "soon");
        refused("last", "7 days");
        refused("sort", "prompt");
        refused("cursor", "bm8");
        refused("modle", "gpt");
        let issues = Query::from_pairs([("token_min", "2"), ("token_max", "1"), ("limit", "x"), ("limit", "1")]).unwrap_err();
        assert_eq!(issues.iter().map(|issue| issue.path.as_str()).collect::<Vec<_>>(), ["limit", "limit", "token_min"]);
        let issues = Query::from_pairs([("last", "1h"), ("from", "2026-01-01")]).unwrap_err();
        assert_eq!(issues[0].path, "last");
    }

    #[test]
    fn reads_a_plus_that_became_a_space() {
        let query = Query::from_pairs([("from", "2026-05-01T02:00:00 02:00"), ("to", "2026-05-01 08:00")]).unwrap();
        assert_eq!(query.filter.from.unwrap().to_string(), "2026-05-01T00:00:00.000Z");
        assert_eq!(query.filter.to.unwrap().to_string(), "2026-05-01T08:00:00.000Z");
    }
}
