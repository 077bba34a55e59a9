use std::fmt;

use serde::{Deserialize, Serialize};

use super::parameters::{self, flag, number, time, whole};
use crate::{
    Issue, Search, Status, Timestamp, Trace,
    search::{Bounds, Field},
};

/// Which traces match. Every condition that is set must hold; none set matches all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct Filter {
    pub status: Option<Status>,
    pub model: Option<String>,
    pub project_id: Option<String>,
    pub environment: Option<String>,
    /// Milliseconds, inclusive.
    pub latency_min: Option<f64>,
    /// Milliseconds, inclusive.
    pub latency_max: Option<f64>,
    /// Inclusive.
    pub token_min: Option<i64>,
    /// Inclusive.
    pub token_max: Option<i64>,
    /// Started at this moment or later.
    pub from: Option<Timestamp>,
    /// Started before this moment.
    pub to: Option<Timestamp>,
    /// Started within this span before now. Only a clock makes it a condition: see [`Filter::at`].
    pub last: Option<Last>,
    /// What the search box says: words, `"phrases"`, `begin*`, `-not`, `model:`, `status:`, `tool:`, `latency:>2s`, `tokens:<500`,
    /// `session:` and the like. Searched are prompt, response, failure reason, id and steps.
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    pub q: Option<Search>,
    pub session_id: Option<String>,
    pub user_id: Option<String>,
    /// One of the trace's tags.
    pub tag: Option<String>,
    /// Only those with retries.
    #[cfg_attr(feature = "openapi", param(required = false))]
    pub retried: bool,
    /// Only those that took [`crate::SLOW_TRACE_THRESHOLD_MS`] or more.
    #[cfg_attr(feature = "openapi", param(required = false))]
    pub slow: bool,
}

/// A span before now: `15m`, `24h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    minutes: u32,
}

impl Last {
    /// Reads minutes, hours or days.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let each = match unit {
            "m" => 1,
            "h" => 60,
            "d" => 24 * 60,
            _ => return None,
        };
        let minutes = number.parse::<u32>().ok()?.checked_mul(each).filter(|minutes| (1..=10 * 366 * 24 * 60).contains(minutes))?;
        Some(Self { minutes })
    }

    pub fn millis(self) -> i64 {
        i64::from(self.minutes) * 60_000
    }
}

impl fmt::Display for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minutes {
            minutes if minutes > 2 * 24 * 60 && minutes.is_multiple_of(24 * 60) => write!(f, "{}d", minutes / (24 * 60)),
            minutes if minutes.is_multiple_of(60) => write!(f, "{}h", minutes / 60),
            minutes => write!(f, "{minutes}m"),
        }
    }
}

impl Filter {
    /// The names of all parameters, in the order of [`Filter::to_pairs`].
    pub const PARAMETERS: [&'static str; 17] = [
        "status",
        "model",
        "project_id",
        "environment",
        "latency_min",
        "latency_max",
        "token_min",
        "token_max",
        "from",
        "to",
        "last",
        "q",
        "session_id",
        "user_id",
        "tag",
        "retried",
        "slow",
    ];

    /// What it asks, for people: `status=failed, model=gpt-4.1`.
    pub fn said(&self) -> String {
        self.to_pairs().into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
    }

    /// Reads the parameters of a URL; as [`super::Query::from_pairs`].
    ///
    /// # Errors
    /// All faults at once, each with the name of the parameter as its path.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<Issue>> {
        let mut filter = Self::default();
        let mut issues = parameters::read(pairs, &Self::PARAMETERS, |name, value| filter.set(name, value));
        filter.check_ranges(&mut issues);
        if issues.is_empty() { Ok(filter) } else { Err(issues) }
    }

    /// The same for the time before, as long as the one that is asked for; none where all of time is, or what lies ahead. Of a filter at a
    /// moment.
    pub fn before(&self, now: Timestamp) -> Option<Self> {
        let (from, to) = (self.from?, self.to.unwrap_or(now));
        let length = to.millis() - from.millis();
        (length > 0).then(|| Self { from: Some(from.plus(-(length as f64))), to: Some(from), ..self.clone() })
    }

    /// The filter narrowed to a status; none where it asks for another one.
    pub fn of_status(&self, status: Status) -> Option<Self> {
        self.status.is_none_or(|wanted| wanted == status).then(|| Self { status: Some(status), ..self.clone() })
    }

    /// As [`Filter::from_pairs`], with a number of rows beside it.
    ///
    /// # Errors
    /// As there.
    pub fn from_pairs_with_limit<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        default: u32,
        most: u32,
    ) -> Result<(Self, u32), Vec<Issue>> {
        let (mut filter, mut limit) = (Self::default(), default);
        let names: Vec<_> = Self::PARAMETERS.into_iter().chain(["limit"]).collect();
        let mut issues = parameters::read(pairs, &names, |name, value| {
            if name == "limit" {
                limit = parameters::limit(value, most)?;
                return Ok(());
            }
            filter.set(name, value)
        });
        filter.check_ranges(&mut issues);
        if issues.is_empty() { Ok((filter, limit)) } else { Err(issues) }
    }

    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let text = || Some(value.to_owned());
        match name {
            "status" => self.status = Some(Status::from_word(value).ok_or_else(|| format!("must be one of {}", Status::allowed()))?),
            "model" => self.model = text(),
            "project_id" => self.project_id = text(),
            "environment" => self.environment = text(),
            "latency_min" => self.latency_min = Some(number(value)?),
            "latency_max" => self.latency_max = Some(number(value)?),
            "token_min" => self.token_min = Some(whole(value)?),
            "token_max" => self.token_max = Some(whole(value)?),
            "from" => self.from = Some(time(value)?),
            "to" => self.to = Some(time(value)?),
            "last" => self.last = Some(Last::parse(value).ok_or("must be a span like 15m, 24h or 7d")?),
            // What is blank asks for nothing, however it is blank.
            "q" => self.q = Some(Search::parse(value)?).filter(|search| !search.as_str().is_empty()),
            "session_id" => self.session_id = text(),
            "user_id" => self.user_id = text(),
            "tag" => self.tag = text(),
            "retried" => self.retried = flag(value)?,
            "slow" => self.slow = flag(value)?,
            _ => return Err("is no filter".to_owned()),
        }
        Ok(())
    }

    /// The parameters of a URL that says the same.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let values = [
            self.status.map(|status| status.to_string()),
            self.model.clone(),
            self.project_id.clone(),
            self.environment.clone(),
            self.latency_min.map(|number| number.to_string()),
            self.latency_max.map(|number| number.to_string()),
            self.token_min.map(|count| count.to_string()),
            self.token_max.map(|count| count.to_string()),
            self.from.map(|time| time.to_string()),
            self.to.map(|time| time.to_string()),
            self.last.map(|last| last.to_string()),
            self.q.clone().map(String::from),
            self.session_id.clone(),
            self.user_id.clone(),
            self.tag.clone(),
            self.retried.then(|| "true".to_owned()),
            self.slow.then(|| "true".to_owned()),
        ];
        Self::PARAMETERS.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same filter at a moment: `last` has become `from`, and what stands in the search box for a field that is free is that field.
    pub fn at(&self, now: Timestamp) -> Self {
        let mut filter = self.clone();
        if let Some(search) = filter.q.take() {
            filter.q = search.without(|condition| !condition.is_not && filter.take(&condition.field));
        }
        if let Some(last) = filter.last.take() {
            filter.from = Some(Timestamp::from_millis_clamped(now.millis().saturating_sub(last.millis())));
        }
        filter
    }

    /// Makes a condition its own, where it has a field that is free for it.
    fn take(&mut self, condition: &Field) -> bool {
        fn put<T: Clone>(field: &mut Option<T>, values: &[T]) -> bool {
            let ([value], None) = (values, &field) else { return false };
            *field = Some(value.clone());
            true
        }
        fn narrow<T: PartialOrd + Copy>(least: &mut Option<T>, most: &mut Option<T>, bounds: Bounds<T>) -> bool {
            *least = bounds.least.filter(|bound| least.is_none_or(|least| *bound > least)).or(*least);
            *most = bounds.most.filter(|bound| most.is_none_or(|most| *bound < most)).or(*most);
            true
        }
        match condition {
            Field::Status(values) => put(&mut self.status, values),
            Field::Model(values) => put(&mut self.model, values),
            Field::Project(values) => put(&mut self.project_id, values),
            Field::Environment(values) => put(&mut self.environment, values),
            Field::Session(values) => put(&mut self.session_id, values),
            Field::User(values) => put(&mut self.user_id, values),
            Field::Tag(values) => put(&mut self.tag, values),
            Field::Latency(bounds) => narrow(&mut self.latency_min, &mut self.latency_max, *bounds),
            Field::Tokens(bounds) => narrow(&mut self.token_min, &mut self.token_max, *bounds),
            Field::Tool(_) | Field::Cost(_) => false,
        }
    }

    /// Whether a trace matches: what every store means by it.
    pub fn matches(&self, trace: &Trace) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|wanted| found == Some(wanted));
        self.status.is_none_or(|status| trace.status == status)
            && is(&self.model, Some(&trace.model_name))
            && is(&self.project_id, Some(&trace.project_id))
            && is(&self.environment, Some(&trace.environment))
            && self.latency_min.is_none_or(|least| trace.latency >= least)
            && self.latency_max.is_none_or(|most| trace.latency <= most)
            && self.token_min.is_none_or(|least| trace.token_count >= least)
            && self.token_max.is_none_or(|most| trace.token_count <= most)
            && self.from.is_none_or(|from| trace.created_at >= from)
            && self.to.is_none_or(|to| trace.created_at < to)
            && is(&self.session_id, trace.session_id.as_deref())
            && is(&self.user_id, trace.user_id.as_deref())
            && self.tag.as_ref().is_none_or(|tag| trace.tags.contains(tag))
            && self.q.as_ref().is_none_or(|search| search.finds(trace))
            && (!self.retried || trace.retry_count > 0)
            && (!self.slow || trace.slow_request)
    }

    pub(super) fn check_ranges(&self, issues: &mut Vec<Issue>) {
        let mut upside_down = |is_so: bool, low: &'static str, high: &'static str| {
            if is_so {
                issues.push(Issue::error("query.range", low, format!("is greater than `{high}`, so nothing can match")));
            }
        };
        upside_down(self.latency_min > self.latency_max && self.latency_max.is_some(), "latency_min", "latency_max");
        upside_down(self.token_min > self.token_max && self.token_max.is_some(), "token_min", "token_max");
        upside_down(self.from > self.to && self.to.is_some(), "from", "to");
        if self.last.is_some() && (self.from.is_some() || self.to.is_some()) {
            issues.push(Issue::error("query.range", "last", "stands beside `from` or `to`; give one or the other"));
        }
    }
}
