use super::{
    attributes::{Attributes, count},
    names::{self, Names},
};

/// Tokens of a model call: cached ones are part of the input, reasoning ones of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub input: Option<i64>,
    pub output: Option<i64>,
    /// Read from a cache.
    pub cached: Option<i64>,
    /// Written to a cache.
    pub written: Option<i64>,
    pub reasoning: Option<i64>,
}

impl Tokens {
    /// The conventions count cached tokens in; Anthropic's own numbers leave them out, and some emitters pass those on. Where more were
    /// cached than came in at all, or where the total is the sum with them, they were left out.
    pub fn of(attributes: &Attributes) -> Self {
        // One object for all, or an attribute for each.
        let usage = attributes.json(&names::USAGE);
        let part = |called: &[&str]| called.iter().find_map(|name| usage.as_ref()?.get(*name).and_then(count));
        let of = |names: &Names, called: &[&str]| attributes.count(names).or_else(|| part(called));
        let input = of(&names::INPUT_TOKENS, names::USAGE_INPUT);
        let output = of(&names::OUTPUT_TOKENS, names::USAGE_OUTPUT);
        let total = of(&names::TOTAL_TOKENS, names::USAGE_TOTAL);
        let read = of(&names::CACHE_READ, names::USAGE_CACHE_READ);
        let write = of(&names::CACHE_WRITE, names::USAGE_CACHE_WRITE);
        let reasoning = of(&names::REASONING, names::USAGE_REASONING);
        let cached = read.unwrap_or(0).saturating_add(write.unwrap_or(0));
        let input = match (input, total, output) {
            (Some(input), ..) if cached > input => Some(input.saturating_add(cached)),
            // The sum says that they were left out.
            (Some(input), Some(total), Some(output)) if cached > 0 && input.saturating_add(cached).saturating_add(output) == total => {
                Some(input + cached)
            }
            (None, Some(total), Some(output)) => Some(total.saturating_sub(output).max(0)),
            (None, Some(total), None) => Some(total),
            (input, ..) => input,
        };
        // The same for reasoning: more of it than came out at all was left out.
        let output = match (output, reasoning) {
            (Some(output), Some(reasoning)) if reasoning > output => Some(output.saturating_add(reasoning)),
            (output, _) => output,
        };
        Self { input, output, cached: read, written: write, reasoning }
    }

    pub fn is_some(&self) -> bool {
        self.input.is_some() || self.output.is_some()
    }

    pub fn total(&self) -> i64 {
        self.input.unwrap_or(0).saturating_add(self.output.unwrap_or(0))
    }

    pub fn add(&mut self, other: &Self) {
        let sum = |a: Option<i64>, b: Option<i64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        self.input = sum(self.input, other.input);
        self.output = sum(self.output, other.output);
        self.cached = sum(self.cached, other.cached);
        self.written = sum(self.written, other.written);
        self.reasoning = sum(self.reasoning, other.reasoning);
    }
}
