use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use serde::{Deserialize, Serialize};

use super::{Bucket, Heat, Sums};
use crate::{Coverage, FacetBy, Status, Timestamp, Trace};

/// What analytics take from one trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// None where it is unreadable.
    pub created_at: Option<Timestamp>,
    pub status: Status,
    pub model_name: &'a str,
    pub project_id: &'a str,
    pub environment: &'a str,
    pub latency: f64,
    pub token_count: i64,
    pub cost_usd: Option<f64>,
    pub retry_count: i64,
    pub slow_request: bool,
}

impl<'a> From<&'a Trace> for Sample<'a> {
    fn from(trace: &'a Trace) -> Self {
        Self {
            created_at: Some(trace.created_at),
            status: trace.status,
            model_name: &trace.model_name,
            project_id: &trace.project_id,
            environment: &trace.environment,
            latency: trace.latency,
            token_count: trace.token_count,
            cost_usd: trace.cost_usd,
            retry_count: trace.retry_count,
            slow_request: trace.slow_request,
        }
    }
}

/// Traces added up: all of them, per bucket of time, and by name.
#[derive(Clone, Debug)]
pub struct Tally {
    range: Option<(Timestamp, Timestamp)>,
    bucket: Bucket,
    /// What is in no bucket, as it has no time.
    undated: Sums,
    buckets: BTreeMap<Timestamp, Sums>,
    models: HashMap<String, u64>,
    projects: HashMap<String, u64>,
    environments: HashMap<String, u64>,
    /// How far a search came that told what to add up.
    pub coverage: Option<Coverage>,
}

impl Tally {
    /// A tally whose buckets cover a range, both ends included; none where nothing has a time.
    pub fn new(range: Option<(Timestamp, Timestamp)>) -> Self {
        let bucket = range.map_or(Bucket::MINUTE, |(from, to)| Bucket::for_range(from, to));
        let none = HashMap::new;
        Self {
            range,
            bucket,
            undated: Sums::default(),
            buckets: BTreeMap::new(),
            models: none(),
            projects: none(),
            environments: none(),
            coverage: None,
        }
    }

    pub fn bucket(&self) -> Bucket {
        self.bucket
    }

    pub fn add(&mut self, sample: &Sample) {
        self.add_unnamed(sample);
        self.add_names(sample.model_name, sample.project_id, sample.environment, 1);
    }

    /// Adds a trace that [`Tally::add_names`] counts elsewhere.
    pub fn add_unnamed(&mut self, sample: &Sample) {
        match sample.created_at {
            Some(time) => self.buckets.entry(self.bucket.start_of(time)).or_default().add(sample),
            None => self.undated.add(sample),
        }
    }

    /// Adds what traces of one bucket add up to; without a time they are in no bucket.
    pub fn add_sums(&mut self, time: Option<Timestamp>, sums: &Sums) {
        match time {
            Some(time) => self.buckets.entry(self.bucket.start_of(time)).or_default().merge(sums),
            None => self.undated.merge(sums),
        }
    }

    /// Counts traces under their names.
    pub fn add_names(&mut self, model_name: &str, project_id: &str, environment: &str, traces: u64) {
        let names = [(FacetBy::Model, model_name), (FacetBy::Project, project_id), (FacetBy::Environment, environment)];
        names.into_iter().for_each(|(by, name)| self.add_name(by, name, traces));
    }

    /// Counts traces under one of their names; only models, projects and environments are told.
    pub fn add_name(&mut self, by: FacetBy, name: &str, traces: u64) {
        let groups = match by {
            FacetBy::Model => &mut self.models,
            FacetBy::Project => &mut self.projects,
            FacetBy::Environment => &mut self.environments,
            FacetBy::Status | FacetBy::Tool | FacetBy::Tag => return,
        };
        match groups.get_mut(name) {
            Some(count) => *count += traces,
            None => drop(groups.insert(name.to_owned(), traces)),
        }
    }

    /// How many traces took how long, and when.
    pub fn heat(&self) -> Heat {
        let Some((from, to)) = self.range else { return Heat::default() };
        let columns = self.bucket.starts(from, to).map(|start| (start, self.buckets.get(&start).map(|sums| &sums.latencies)));
        Heat::of(columns.collect(), from, to)
    }

    pub fn finish(mut self, recent_failures: Vec<Trace>) -> Analytics {
        let mut all = self.undated;
        self.buckets.values().for_each(|sums| all.merge(sums));
        if let Some((from, to)) = self.range.filter(|_| all.traces > 0) {
            for start in self.bucket.starts(from, to) {
                self.buckets.entry(start).or_default();
            }
        }
        let success_rate = if all.traces == 0 { 0.0 } else { all.success as f64 / all.traces as f64 * 100.0 };
        let statuses = [(Status::Success, all.success), (Status::Warning, all.warning), (Status::Failed, all.failed)];
        Analytics {
            summary: Summary {
                total_traces: all.traces,
                success_rate,
                average_latency: all.mean_latency(),
                p50_latency: all.latencies.quantile(0.5),
                p95_latency: all.latencies.quantile(0.95),
                p99_latency: all.latencies.quantile(0.99),
                total_token_usage: narrow(all.tokens),
                total_cost_usd: all.cost_usd(),
                failed_traces: all.failed,
                warning_traces: all.warning,
                retries: narrow(all.retries),
                slow_requests: all.slow,
            },
            charts: self.buckets.into_iter().map(ChartPoint::from).collect(),
            status_breakdown: breakdown(
                statuses.into_iter().filter(|(_, count)| *count > 0).map(|(status, count)| (status.to_string(), count)),
            ),
            model_breakdown: breakdown(self.models),
            project_breakdown: breakdown(self.projects),
            environment_breakdown: breakdown(self.environments),
            recent_failures,
            coverage: self.coverage,
        }
    }
}

impl From<(Timestamp, Sums)> for ChartPoint {
    fn from((time, sums): (Timestamp, Sums)) -> Self {
        Self {
            time,
            traces: sums.traces,
            failed: sums.failed,
            latency: sums.mean_latency(),
            p95_latency: sums.latencies.quantile(0.95),
            tokens: narrow(sums.tokens),
            cost_usd: sums.cost_usd(),
        }
    }
}

/// More tokens than fit are as many as fit.
fn narrow(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(i64::MAX)
}

/// Most first; equal counts by name.
fn breakdown(groups: impl IntoIterator<Item = (String, u64)>) -> Vec<Count> {
    let mut counts: Vec<_> = groups.into_iter().map(|(key, count)| Count { key, count }).collect();
    counts.sort_by(|a, b| (Reverse(a.count), &a.key).cmp(&(Reverse(b.count), &b.key)));
    counts
}

/// Numbers over all traces that match a filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Analytics {
    pub summary: Summary,
    /// In order of time, without gaps.
    pub charts: Vec<ChartPoint>,
    pub status_breakdown: Vec<Count>,
    pub model_breakdown: Vec<Count>,
    pub project_breakdown: Vec<Count>,
    pub environment_breakdown: Vec<Count>,
    /// The newest 5 that failed, were retried, were slow or carry a warning.
    pub recent_failures: Vec<Trace>,
    /// There where a search told what to count and did not look at everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
}

/// Latencies in ms; percentiles by nearest rank, to 1 %.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Summary {
    pub total_traces: u64,
    /// 0 to 100.
    pub success_rate: f64,
    pub average_latency: f64,
    pub p50_latency: f64,
    pub p95_latency: f64,
    pub p99_latency: f64,
    pub total_token_usage: i64,
    pub total_cost_usd: f64,
    pub failed_traces: u64,
    pub warning_traces: u64,
    /// The sum of retry counts.
    pub retries: i64,
    pub slow_requests: u64,
}

/// One bucket of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChartPoint {
    /// Start of the bucket.
    pub time: Timestamp,
    pub traces: u64,
    pub failed: u64,
    /// Mean, in ms.
    pub latency: f64,
    pub p95_latency: f64,
    pub tokens: i64,
    pub cost_usd: f64,
}

/// How many traces share a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Count {
    pub key: String,
    pub count: u64,
}
