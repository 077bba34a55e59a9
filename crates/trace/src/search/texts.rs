use std::{borrow::Cow, ops::ControlFlow};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Trace;

/// Where in a trace a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    TraceId,
    Prompt,
    Response,
    FailureReason,
    /// In the name, input, output or error of the step at this position, from 0.
    Step(usize),
}

/// Looks at every text of a trace that is searched, until told to stop.
pub fn each_text(trace: &Trace, look: &mut dyn FnMut(Place, &str) -> ControlFlow<()>) -> ControlFlow<()> {
    look(Place::Prompt, &trace.prompt)?;
    trace.response.as_deref().map_or(ControlFlow::Continue(()), |text| look(Place::Response, text))?;
    trace.failure_reason.as_deref().map_or(ControlFlow::Continue(()), |text| look(Place::FailureReason, text))?;
    for (index, step) in trace.steps.iter().enumerate() {
        let place = Place::Step(index);
        look(place, &step.tool_name)?;
        step.error.as_deref().map_or(ControlFlow::Continue(()), |text| look(place, text))?;
        each_in(&step.output, place, look)?;
        each_in(&step.input, place, look)?;
    }
    look(Place::TraceId, &trace.trace_id)
}

fn each_in(fields: &Map<String, Value>, place: Place, look: &mut dyn FnMut(Place, &str) -> ControlFlow<()>) -> ControlFlow<()> {
    fields.iter().try_for_each(|(name, value)| {
        each_value(value, place, look)?;
        look(place, name)
    })
}

fn each_value(value: &Value, place: Place, look: &mut dyn FnMut(Place, &str) -> ControlFlow<()>) -> ControlFlow<()> {
    let text = match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Array(items) => return items.iter().try_for_each(|item| each_value(item, place, look)),
        Value::Object(fields) => return each_in(fields, place, look),
        Value::Null | Value::Bool(_) => return ControlFlow::Continue(()),
    };
    look(place, &text)
}
