use std::{cmp::Reverse, collections::HashMap};

use serde::{Deserialize, Serialize};

use crate::{Coverage, Filter, Status, Trace, stats::Sample};

/// By what traces are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FacetBy {
    Status,
    Model,
    Project,
    Environment,
    /// The name of a step; a trace counts once under each.
    Tool,
    Tag,
}

impl FacetBy {
    pub const ALL: [Self; 6] = [Self::Status, Self::Model, Self::Project, Self::Environment, Self::Tool, Self::Tag];

    /// Its name before a colon in the search box.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Model => "model",
            Self::Project => "project",
            Self::Environment => "environment",
            Self::Tool => "tool",
            Self::Tag => "tag",
        }
    }
}

/// A value that traces have, and how many have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FacetValue {
    pub value: String,
    pub traces: u64,
}

/// The values of one kind, those of most traces first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Facet {
    pub by: FacetBy,
    /// At most [`Facets::MOST`].
    pub values: Vec<FacetValue>,
    /// How many further values there are.
    pub more: u64,
}

/// What one can narrow a list down to. Status, model, project and environment are counted as if the filter said nothing of them, so that one
/// sees what else there is; tools and tags within all that match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Facets {
    pub facets: Vec<Facet>,
    /// Where counting stopped early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
}

impl Facets {
    /// Values of each kind that are told.
    pub const MOST: usize = 50;

    /// For who may know of one project alone.
    pub fn of_project(mut self, project_id: &str) -> Self {
        for facet in self.facets.iter_mut().filter(|facet| facet.by == FacetBy::Project) {
            facet.values.retain(|value| value.value == project_id);
            facet.more = 0;
        }
        self
    }

    pub fn of(&self, by: FacetBy) -> &[FacetValue] {
        self.facets.iter().find(|facet| facet.by == by).map_or(&[], |facet| &facet.values)
    }

    /// How many values there are of a kind besides those that are told.
    pub fn more_of(&self, by: FacetBy) -> u64 {
        self.facets.iter().find(|facet| facet.by == by).map_or(0, |facet| facet.more)
    }
}

/// Tools and tags of a trace, each once, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tools: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

impl From<&Trace> for Labels {
    fn from(trace: &Trace) -> Self {
        let each_once = |mut names: Vec<String>| {
            names.sort_unstable();
            names.dedup();
            names
        };
        Self { tools: each_once(trace.steps.iter().map(|step| step.tool_name.clone()).collect()), tags: each_once(trace.tags.clone()) }
    }
}

impl Labels {
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty() && self.tags.is_empty()
    }

    pub fn each(&self) -> impl Iterator<Item = (FacetBy, &str)> {
        let tools = self.tools.iter().map(|tool| (FacetBy::Tool, tool.as_str()));
        tools.chain(self.tags.iter().map(|tag| (FacetBy::Tag, tag.as_str())))
    }
}

/// The names of traces that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FacetNames<'a> {
    pub status: Status,
    pub model_name: &'a str,
    pub project_id: &'a str,
    pub environment: &'a str,
}

impl<'a> FacetNames<'a> {
    pub fn each(&self) -> [(FacetBy, &'a str); 4] {
        [
            (FacetBy::Status, self.status.as_str()),
            (FacetBy::Model, self.model_name),
            (FacetBy::Project, self.project_id),
            (FacetBy::Environment, self.environment),
        ]
    }
}

impl<'a> From<&Sample<'a>> for FacetNames<'a> {
    fn from(sample: &Sample<'a>) -> Self {
        let Sample { status, model_name, project_id, environment, .. } = *sample;
        Self { status, model_name, project_id, environment }
    }
}

/// Counts the values of traces that match all of a filter but the names it asks for.
#[derive(Clone, Debug)]
pub struct FacetTally {
    status: Option<Status>,
    model: Option<String>,
    project_id: Option<String>,
    environment: Option<String>,
    counts: HashMap<FacetBy, HashMap<String, u64>>,
    /// Where counting stopped early.
    pub coverage: Option<Coverage>,
}

impl FacetTally {
    /// With the filter that says which traces to add: the same without the names.
    pub fn new(filter: &Filter) -> (Self, Filter) {
        let Filter { status, model, project_id, environment, .. } = filter.clone();
        let rest = Filter { status: None, model: None, project_id: None, environment: None, ..filter.clone() };
        (Self { status, model, project_id, environment, counts: HashMap::new(), coverage: None }, rest)
    }

    /// Counts traces of these names.
    pub fn add(&mut self, names: &FacetNames, traces: u64) {
        let is_wanted = self.wants(names);
        for (index, (by, value)) in names.each().into_iter().enumerate() {
            let others = is_wanted.iter().enumerate().all(|(other, is_wanted)| other == index || *is_wanted);
            if others {
                self.count(by, value, traces);
            }
        }
    }

    /// Counts the tools and tags of a trace of these names.
    pub fn add_labels(&mut self, names: &FacetNames, labels: &Labels) {
        if self.wants(names) == [true; 4] {
            labels.each().for_each(|(by, value)| self.count(by, value, 1));
        }
    }

    /// Whether status, model, project and environment are as the filter asks.
    fn wants(&self, names: &FacetNames) -> [bool; 4] {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        [
            self.status.is_none_or(|status| status == names.status),
            is(&self.model, names.model_name),
            is(&self.project_id, names.project_id),
            is(&self.environment, names.environment),
        ]
    }

    /// Counts traces that match, whatever their names are.
    pub fn count(&mut self, by: FacetBy, value: &str, traces: u64) {
        let counts = self.counts.entry(by).or_default();
        match counts.get_mut(value) {
            Some(count) => *count += traces,
            None => drop(counts.insert(value.to_owned(), traces)),
        }
    }

    /// For who may not know of every project.
    pub fn retain_projects(&mut self, is_known: impl Fn(&str) -> bool) {
        if let Some(counts) = self.counts.get_mut(&FacetBy::Project) {
            counts.retain(|project_id, _| is_known(project_id));
        }
    }

    pub fn finish(mut self) -> Facets {
        let facets = FacetBy::ALL.into_iter().map(|by| {
            let counts = self.counts.remove(&by).unwrap_or_default();
            let mut values: Vec<_> =
                counts.into_iter().filter(|(_, traces)| *traces > 0).map(|(value, traces)| FacetValue { value, traces }).collect();
            values.sort_unstable_by(|a, b| (Reverse(a.traces), &a.value).cmp(&(Reverse(b.traces), &b.value)));
            let more = values.len().saturating_sub(Facets::MOST) as u64;
            values.truncate(Facets::MOST);
            Facet { by, values, more }
        });
        Facets { facets: facets.collect(), coverage: self.coverage }
    }
}
