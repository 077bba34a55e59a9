use std::collections::HashMap;

use serde_json::Value;

use super::fields::{Fields, is_falsy};
use crate::{Status, Step, StepKind};

/// Counts repeats: n steps of one name are n − 1 retries.
pub(super) fn retry_count(trace: &mut Fields, steps: &[Step]) -> i64 {
    let mut uses: HashMap<&str, i64> = HashMap::new();
    for step in steps {
        *uses.entry(&step.tool_name).or_default() += 1;
    }
    let retries = uses.values().map(|count| count - 1).sum();
    if retries > 0 {
        // The first in order of the steps, as the map has no order of its own.
        let most = steps.iter().rev().max_by_key(|step| uses[step.tool_name.as_str()]).map_or("", |step| &step.tool_name);
        trace.info("retry_count.inferred", "retry_count", format!("{retries}: repeated steps, `{most}` stands {} times", uses[most]));
    }
    retries
}

/// Infers the status where none of the three was given.
pub(super) fn status(trace: &mut Fields, steps: &[Step], has_reason: bool, retry_count: i64) -> Status {
    let (status, why) = if let Some((index, step)) = first_failed(steps) {
        (Status::Failed, format!("step {} `{}` failed", index + 1, step.tool_name))
    } else if has_reason {
        (Status::Warning, "no step failed, but a failure reason was given".to_owned())
    } else if retry_count > 0 {
        (Status::Warning, format!("no step failed, but retries were counted: {retry_count}"))
    } else {
        (Status::Success, "no step failed, no retry, no failure reason".to_owned())
    };
    trace.info("status.inferred", "status", format!("`{status}`: {why}"));
    status
}

/// Infers the failure reason from the first failed step.
pub(super) fn failure_reason(trace: &mut Fields, steps: &[Step]) -> Option<String> {
    let (index, step) = first_failed(steps)?;
    let told = ["error", "message"].iter().find_map(|key| step.output.get(*key).filter(|value| !is_falsy(value)).map(|value| (key, value)));
    let (reason, from) = match told {
        Some((key, Value::String(text))) => (text.clone(), format!("output.{key}")),
        Some((key, other)) => (other.to_string(), format!("output.{key}")),
        None => (step.tool_name.clone(), "tool_name".to_owned()),
    };
    trace.info("failure_reason.inferred", "failure_reason", format!("from steps[{index}].{from}, the first step that failed"));
    Some(reason)
}

fn first_failed(steps: &[Step]) -> Option<(usize, &Step)> {
    steps.iter().enumerate().find(|(_, step)| !step.success)
}

/// The token counts of a trace: given, or the sums over its model calls.
pub(super) struct Tokens {
    pub total: i64,
    pub input: Option<i64>,
    pub output: Option<i64>,
    pub cached: Option<i64>,
    pub reasoning: Option<i64>,
}

impl Tokens {
    pub fn read(trace: &mut Fields, steps: &[Step]) -> Self {
        let calls = leaf_model_calls(steps);
        let mut count = |name: &str, of: fn(&Step) -> Option<i64>| {
            trace.count(name).or_else(|| {
                let sum = calls.iter().filter_map(|step| of(step)).reduce(i64::saturating_add)?;
                trace.info("tokens.inferred", name, format!("{sum}: the sum over {} model calls", calls.len()));
                Some(sum)
            })
        };
        let input = count("input_tokens", |step| step.input_tokens);
        let output = count("output_tokens", |step| step.output_tokens);
        let cached = count("cached_tokens", |step| step.cached_tokens);
        let reasoning = count("reasoning_tokens", |step| step.reasoning_tokens);
        let parts = input.into_iter().chain(output).reduce(i64::saturating_add);
        let total = match (trace.count("token_count"), parts) {
            (Some(given), Some(parts)) if input.is_some() && output.is_some() && given != parts => {
                trace.warn(
                    "token_count.disagrees",
                    "token_count",
                    format!("is {given}, while input and output tokens are {parts} together"),
                );
                given
            }
            (Some(given), _) => given,
            (None, Some(parts)) => {
                trace.info("token_count.inferred", "token_count", format!("{parts}: the sum of input and output tokens"));
                parts
            }
            (None, None) => 0,
        };
        Self { total, input, output, cached, reasoning }
    }
}

/// The model calls that no other model call ran under: a caller may repeat the usage of what it called.
fn leaf_model_calls(steps: &[Step]) -> Vec<&Step> {
    let is_call = |step: &Step| step.kind == Some(StepKind::Llm);
    let by_id: HashMap<&str, usize> = steps.iter().enumerate().map(|(index, step)| (step.step_id.as_str(), index)).collect();
    let parent = |step: &Step| step.parent_id.as_deref().and_then(|id| by_id.get(id)).copied();
    let mut is_caller = vec![false; steps.len()];
    for (own, call) in steps.iter().enumerate().filter(|(_, step)| is_call(step)) {
        let mut above = parent(call);
        // What is marked has its own ancestors marked, which also ends a circle.
        while let Some(index) = above.filter(|&index| index != own && !is_caller[index]) {
            is_caller[index] = true;
            above = parent(&steps[index]);
        }
    }
    steps.iter().zip(is_caller).filter(|(step, is_caller)| is_call(step) && !is_caller).map(|(step, _)| step).collect()
}
