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
    /// cached than came in at all, or where the total is the sum with them, they were left out. The same holds of reasoning and output.
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
        let thought = reasoning.unwrap_or(0);
        let adds_up = |parts: &[i64]| total == Some(parts.iter().fold(0, |sum: i64, part| sum.saturating_add(*part)));
        // Which of the two the total has beside input and output.
        let (cached_is_out, thought_is_out) = match (input, output) {
            (Some(input), Some(output)) if !adds_up(&[input, output]) => {
                let both = adds_up(&[input, cached, output, thought]);
                (both || adds_up(&[input, cached, output]), both || adds_up(&[input, output, thought]))
            }
            _ => (false, false),
        };
        let input = match (input, total, output) {
            (Some(input), ..) if cached > input || cached_is_out => Some(input.saturating_add(cached)),
            (None, Some(total), Some(output)) => Some(total.saturating_sub(output).max(0)),
            (None, Some(total), None) => Some(total),
            (input, ..) => input,
        };
        let output = output.map(|output| if thought > output || thought_is_out { output.saturating_add(thought) } else { output });
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Attributes, Tokens};
    use crate::otlp::Span;

    fn read(usage: Value) -> (i64, i64, i64) {
        let span: Span = serde_json::from_value(json!({"trace_id": "", "span_id": "", "name": "", "start_ns": 0, "end_ns": 0,
            "attributes": {"langfuse.observation.usage_details": usage.to_string()}}))
        .unwrap();
        let tokens = Tokens::of(&Attributes::of(&span));
        (tokens.input.unwrap(), tokens.output.unwrap(), tokens.total())
    }

    #[test]
    fn parts_that_were_left_out_are_found_by_the_total() {
        assert_eq!(read(json!({"input": 120, "input_cache_read": 40, "output": 30, "total": 150})), (120, 30, 150));
        assert_eq!(read(json!({"input": 80, "input_cache_read": 40, "output": 30, "total": 150})), (120, 30, 150));
        assert_eq!(read(json!({"input": 80, "input_cache_read": 40, "output": 10, "output_reasoning": 20, "total": 150})), (120, 30, 150));
        assert_eq!(read(json!({"input": 100, "output": 50, "output_reasoning": 20, "total": 170})), (100, 70, 170));
        assert_eq!(read(json!({"input": 20, "input_cache_read": 40, "output": 5, "output_reasoning": 7})), (60, 12, 72));
        let many = 9_000_000_000_000_000_000_i64;
        assert_eq!(read(json!({"input": many, "input_cache_read": many, "output": 0, "total": i64::MAX})).2, i64::MAX);
    }
}
