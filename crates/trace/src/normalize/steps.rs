use std::collections::HashSet;

use serde_json::Value;
use uuid::{Uuid, uuid};

use super::fields::{Fields, describe};
use crate::{Step, Timestamp};

/// Namespace of the step ids that are made from trace id and position.
const STEP_IDS: Uuid = uuid!("6f1c1b0e-5d0a-5b6e-9a3e-7c1d5e0f4a21");

/// Reads `steps`. Those without a time of their own start when the ones before them have ended; their positions go to `counted_times`.
pub(super) fn read(trace: &mut Fields, trace_id: &str, created_at: Timestamp, counted_times: &mut Vec<usize>) -> Vec<Step> {
    let items = match trace.take("steps") {
        None => return Vec::new(),
        Some(Value::Array(items)) => items,
        Some(other) => {
            trace.wrong::<()>("steps", "must be an array of steps", &other);
            return Vec::new();
        }
    };
    let mut steps = Vec::with_capacity(items.len());
    let mut elapsed = 0.0;
    for (index, item) in items.into_iter().enumerate() {
        let path = format!("steps[{index}]");
        match item {
            Value::Object(object) => {
                let mut fields = trace.nested(object, path);
                let time = fields.time(&["timestamp", "created_at"]).unwrap_or_else(|| {
                    counted_times.push(index);
                    created_at.plus(elapsed)
                });
                let step = read_step(fields, trace_id, index, time);
                elapsed += step.duration;
                steps.push(step);
            }
            other => trace.error_at(path, "type.wrong", format!("must be an object with the fields of a step, not {}", describe(&other))),
        }
    }
    report_repeated_ids(trace, &steps);
    steps
}

fn read_step(mut fields: Fields, trace_id: &str, index: usize, timestamp: Timestamp) -> Step {
    let mut step = Step {
        step_id: fields
            .label(&["step_id"])
            .unwrap_or_else(|| Uuid::new_v5(&STEP_IDS, format!("{trace_id}/{index}").as_bytes()).to_string()),
        tool_name: fields.label(&["tool_name", "step_type"]).unwrap_or_else(|| "agent".to_owned()),
        input: fields.object(&["input", "input_data"]),
        output: fields.object(&["output", "output_data"]),
        duration: fields.number("duration", "milliseconds").unwrap_or(0.0),
        success: fields.flag("success").unwrap_or(true),
        timestamp,
        kind: fields.kind(),
        parent_id: fields.label(&["parent_id"]),
        model_name: fields.name(&["model_name", "model"]),
        input_tokens: fields.count("input_tokens"),
        output_tokens: fields.count("output_tokens"),
        cached_tokens: fields.count("cached_tokens"),
        reasoning_tokens: fields.count("reasoning_tokens"),
        metadata: fields.object(&["metadata"]),
        error: fields.reason("error"),
    };
    fields.keep_unknown(&mut step.metadata);
    step
}

fn report_repeated_ids(trace: &mut Fields, steps: &[Step]) {
    let mut seen = HashSet::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        if !seen.insert(step.step_id.as_str()) {
            trace.warn_at(format!("steps[{index}].step_id"), "step_id.repeated", "is the id of an earlier step too");
        }
    }
}
