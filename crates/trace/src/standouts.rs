use std::{cmp::Reverse, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use crate::{FacetBy, Facets, Filter, Status};

/// So much more often, as a share of 1, something must be to be worth a word.
const LEAST: f64 = 0.05;
/// Words that are worth reading.
const MOST: usize = 10;

/// A value that selected traces have more often than the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standout {
    pub by: FacetBy,
    pub value: String,
    /// How many of the selected ones have it.
    pub traces: u64,
    /// The share of those that have it, 0 to 1: of the selected ones, and of the others.
    pub inside: f64,
    pub outside: f64,
}

/// A prompt that selected traces have more often than others, as far as the newest of both tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// As a row of a list shows it.
    pub prompt: String,
    pub traces: u64,
    pub inside: f64,
    pub outside: f64,
}

/// The prompts of some of the traces, selected or not.
pub fn prompts(inside: &[String], outside: &[String]) -> Vec<Prompt> {
    /// Fewer may be chance.
    const FEWEST: u64 = 3;
    const SHOWN: usize = 3;
    let count = |prompts: &[String]| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        prompts.iter().filter(|prompt| !prompt.trim().is_empty()).for_each(|prompt| *counts.entry(prompt.clone()).or_default() += 1);
        counts
    };
    let (selected, others) = (count(inside), count(outside));
    let share = |part: u64, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let found = selected.into_iter().filter(|(_, traces)| *traces >= FEWEST).map(|(prompt, traces)| {
        let outside = share(others.get(&prompt).copied().unwrap_or_default(), outside.len());
        Prompt { prompt, traces, inside: share(traces, inside.len()), outside }
    });
    let mut found: Vec<_> = found.filter(|one| one.inside - one.outside >= LEAST).collect();
    found.sort_by(|a, b| (b.inside - b.outside).total_cmp(&(a.inside - a.outside)).then_with(|| a.prompt.cmp(&b.prompt)));
    found.truncate(SHOWN);
    found
}

/// Selected traces beside all that match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    pub traces: u64,
    pub others: u64,
    /// Those that tell most first.
    pub standouts: Vec<Standout>,
    pub prompts: Vec<Prompt>,
    /// Not everything was counted.
    pub is_partial: bool,
}

impl Selection {
    /// What a selection has more often than the rest of all that match a filter. What the filter asks for, all of them have.
    pub fn new(filter: &Filter, all: &Facets, selected: &Facets) -> Self {
        let total = |facets: &Facets| {
            let is_asked = |word: &str| filter.status.is_none_or(|status| Status::from_word(word) == Some(status));
            facets.of(FacetBy::Status).iter().filter(|value| is_asked(&value.value)).map(|value| value.traces).sum::<u64>()
        };
        let traces = total(selected);
        let others = total(all).saturating_sub(traces);
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let standouts = FacetBy::ALL.into_iter().filter(|by| !is_asked_for(filter, *by)).flat_map(|by| {
            selected.of(by).iter().filter_map(move |value| {
                // A value that is too rare to be told among all is not known well enough.
                let of_all = all.of(by).iter().find(|other| other.value == value.value)?.traces;
                let (inside, outside) = (share(value.traces, traces), share(of_all.saturating_sub(value.traces), others));
                Some(Standout { by, value: value.value.clone(), traces: value.traces, inside, outside })
            })
        });
        let mut standouts: Vec<_> = standouts.filter(|found| others > 0 && found.inside - found.outside >= LEAST).collect();
        standouts.sort_by(|a, b| {
            (b.inside - b.outside)
                .total_cmp(&(a.inside - a.outside))
                .then_with(|| (Reverse(a.traces), a.by, &a.value).cmp(&(Reverse(b.traces), b.by, &b.value)))
        });
        standouts.truncate(MOST);
        Self { traces, others, standouts, prompts: Vec::new(), is_partial: all.coverage.is_some() || selected.coverage.is_some() }
    }
}

fn is_asked_for(filter: &Filter, by: FacetBy) -> bool {
    match by {
        FacetBy::Status => filter.status.is_some(),
        FacetBy::Model => filter.model.is_some(),
        FacetBy::Project => filter.project_id.is_some(),
        FacetBy::Environment => filter.environment.is_some(),
        FacetBy::Tag => filter.tag.is_some(),
        FacetBy::Tool => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Facet, FacetBy, FacetValue, Facets, Filter, Selection, Status};

    fn facets(values: &[(FacetBy, &str, u64)]) -> Facets {
        let facets = FacetBy::ALL.into_iter().map(|by| {
            let values = values
                .iter()
                .filter(|(of, ..)| *of == by)
                .map(|(_, value, traces)| FacetValue { value: (*value).to_owned(), traces: *traces });
            Facet { by, values: values.collect(), more: 0 }
        });
        Facets { facets: facets.collect(), coverage: None }
    }

    #[test]
    fn what_is_more_frequent_inside_stands_out() {
        let all = facets(&[
            (FacetBy::Status, "success", 90),
            (FacetBy::Status, "failed", 10),
            (FacetBy::Model, "a", 50),
            (FacetBy::Model, "b", 50),
            (FacetBy::Tool, "search", 30),
            (FacetBy::Environment, "production", 100),
        ]);
        let selected = facets(&[
            (FacetBy::Status, "success", 12),
            (FacetBy::Status, "failed", 8),
            (FacetBy::Model, "a", 20),
            (FacetBy::Tool, "search", 10),
            (FacetBy::Tool, "unheard of", 1),
            (FacetBy::Environment, "production", 20),
        ]);
        let found = Selection::new(&Filter::default(), &all, &selected);
        assert_eq!((found.traces, found.others), (20, 80));
        let told: Vec<_> = found.standouts.iter().map(|one| (one.value.as_str(), one.inside, one.outside)).collect();
        assert_eq!(told, [("a", 1.0, 0.375), ("failed", 0.4, 0.025), ("search", 0.5, 0.25)]);
        let failed = Filter { status: Some(Status::Failed), model: Some("a".to_owned()), ..Filter::default() };
        let found = Selection::new(&failed, &all, &selected);
        assert_eq!((found.traces, found.others), (8, 2));
        assert!(found.standouts.iter().all(|one| !matches!(one.by, FacetBy::Status | FacetBy::Model)));
    }

    #[test]
    fn a_prompt_that_comes_often_here_stands_out() {
        let of =
            |counts: &[(&str, usize)]| counts.iter().flat_map(|(prompt, count)| vec![(*prompt).to_owned(); *count]).collect::<Vec<_>>();
        let found = super::prompts(&of(&[("hang", 6), ("rare", 2), ("usual", 2)]), &of(&[("usual", 8), ("hang", 2)]));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].prompt.as_str(), found[0].traces, found[0].inside, found[0].outside), ("hang", 6, 0.6, 0.2));
    }

    #[test]
    fn beside_nothing_nothing_stands_out() {
        let all = facets(&[(FacetBy::Status, "success", 3), (FacetBy::Model, "a", 3)]);
        assert!(Selection::new(&Filter::default(), &all, &all).standouts.is_empty());
    }
}
