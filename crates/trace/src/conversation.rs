use serde_json::{Map, Value};

use crate::{Step, StepKind, Trace};

/// Something that was said or done in a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The step that tells of it, by its place among those at hand; none for what the trace itself tells.
    pub step: Option<usize>,
    pub deed: Deed,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    Said {
        /// `user`, `assistant`, `system` or whatever the client calls them.
        role: String,
        text: String,
        /// Tools that are to be called.
        calls: Vec<String>,
        /// What has no words: images, files, other parts.
        rest: Option<Value>,
    },
    Called {
        tool: String,
        arguments: Map<String, Value>,
        result: Map<String, Value>,
        error: Option<String>,
        success: bool,
        /// Milliseconds.
        duration: f64,
    },
}

/// The conversation that the steps of a trace make: what was said to models and by them, each message once however often it is sent again,
/// and the tools in between with what came of them.
pub fn conversation(trace: &Trace) -> Vec<Turn> {
    let mut told = Told::default();
    let calls_tools = trace.steps.iter().any(|step| kind(step) == StepKind::Tool);
    for (place, step) in trace.steps.iter().enumerate() {
        match kind(step) {
            StepKind::Llm => {
                // What a tool said stands with the tool.
                let said = messages(&step.input, "user").into_iter().filter(|said| !(calls_tools && said.role == "tool"));
                told.hear(Some(place), said);
                told.hear(Some(place), messages(&step.output, "assistant"));
            }
            StepKind::Tool => told.turns.push(Turn { step: Some(place), deed: called(step) }),
            _ => {}
        }
    }
    // What no step says, the trace does.
    let has_said = |turns: &[Turn], sought: &str| {
        turns.iter().any(|turn| matches!(&turn.deed, Deed::Said { text, .. } if text.trim() == sought.trim()))
    };
    let says = |role: &str, text: &str| Turn {
        step: None,
        deed: Deed::Said { role: role.to_owned(), text: text.to_owned(), calls: Vec::new(), rest: None },
    };
    let mut turns = told.turns;
    begin_with_question(&mut turns, &trace.prompt);
    let hears_user = turns.iter().any(|turn| matches!(&turn.deed, Deed::Said { role, .. } if role == "user"));
    if !hears_user && !trace.prompt.trim().is_empty() && !has_said(&turns, &trace.prompt) {
        let behind_system = turns.iter().take_while(|turn| matches!(&turn.deed, Deed::Said { role, .. } if role == "system")).count();
        turns.insert(behind_system, says("user", &trace.prompt));
    }
    if let Some(response) = trace.response.as_deref().filter(|text| !text.trim().is_empty())
        && !has_said(&turns, response)
    {
        turns.push(says("assistant", response));
    }
    turns
}

/// Who asked first stands first, with the instructions before it, also where tools were called before a model heard of it.
fn begin_with_question(turns: &mut [Turn], prompt: &str) {
    let is_of = |turn: &Turn, sought: &str| matches!(&turn.deed, Deed::Said { role, .. } if role == sought);
    let Some(asked) = turns.iter().position(|turn| is_of(turn, "user")) else { return };
    let is_prompt = matches!(&turns[asked].deed, Deed::Said { text, .. } if text.trim() == prompt.trim());
    if is_prompt && turns[..asked].iter().any(|turn| matches!(turn.deed, Deed::Called { .. })) {
        let instructions = turns[..asked].iter().rev().take_while(|turn| is_of(turn, "system")).count();
        turns[..=asked].rotate_right(instructions + 1);
    }
}

/// What a step is; who does not say, calls a tool.
fn kind(step: &Step) -> StepKind {
    step.kind.unwrap_or(StepKind::Tool)
}

fn called(step: &Step) -> Deed {
    Deed::Called {
        tool: step.tool_name.clone(),
        arguments: step.input.clone(),
        result: step.output.clone(),
        error: step.told_error(),
        success: step.success,
        duration: step.duration,
    }
}

/// What was said, in order.
#[derive(Default)]
struct Told {
    turns: Vec<Turn>,
    /// Whatever was heard, also what came again.
    heard: Vec<Said>,
}

#[derive(Clone, PartialEq)]
struct Said {
    role: String,
    text: String,
    calls: Vec<String>,
    rest: Option<Value>,
}

impl Told {
    /// Takes what is new of the messages of a call: models are told again what was said before, in the order in which it was.
    fn hear(&mut self, step: Option<usize>, said: impl IntoIterator<Item = Said>) {
        let mut known = 0;
        for said in said {
            match self.heard[known..].iter().position(|heard| *heard == said) {
                Some(place) => known += place + 1,
                None => {
                    self.heard.push(said.clone());
                    known = self.heard.len();
                    let Said { role, text, calls, rest } = said;
                    self.turns.push(Turn { step, deed: Deed::Said { role, text, calls, rest } });
                }
            }
        }
    }
}

/// The messages of one side of a call. What is no conversation is one message of this role.
fn messages(side: &Map<String, Value>, role: &str) -> Vec<Said> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let read = |message: &Value| {
        let calls = message.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Said {
            role: message.get("role").map_or_else(|| role.to_owned(), text),
            text: message.get("content").filter(|content| !content.is_null()).map(text).unwrap_or_default(),
            calls: calls.iter().filter_map(|call| call.get("name").map(text)).collect(),
            rest: message.get("parts").cloned(),
        }
    };
    if let Some(messages) = side.get("messages").and_then(Value::as_array) {
        return messages.iter().map(read).filter(|said| !said.text.is_empty() || !said.calls.is_empty() || said.rest.is_some()).collect();
    }
    let text = match side.values().next() {
        None => return Vec::new(),
        Some(only) if side.len() == 1 => text(only),
        Some(_) => serde_json::to_string_pretty(side).unwrap_or_default(),
    };
    vec![Said { role: role.to_owned(), text, calls: Vec::new(), rest: None }]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Deed, conversation};
    use crate::{Context, Source, Timestamp, normalize};

    #[track_caller]
    fn check(raw: serde_json::Value, expected: &[&str]) {
        let context = Context::with_id(Timestamp::MIN, "t", Source::Json);
        let trace = normalize(&raw.to_string(), &context).unwrap().trace;
        let told = conversation(&trace).into_iter().map(|turn| match turn.deed {
            Deed::Said { role, text, calls, .. } => {
                format!("{role}: {text}{}", calls.iter().map(|call| format!(" [{call}]")).collect::<String>())
            }
            Deed::Called { tool, success, .. } => format!("{tool} {success}"),
        });
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_sent_again_is_told_once() {
        let user = |text: &str| json!({"role": "user", "content": text});
        let said = |text: &str| json!({"role": "assistant", "content": text});
        check(
            json!({"prompt": "yes", "response": "done", "steps": [
                {"tool_name": "chat", "kind": "llm", "input": {"messages": [{"role": "system", "content": "Be brief."}, user("hi")]},
                    "output": {"messages": [{"role": "assistant", "content": "", "tool_calls": [{"name": "look", "arguments": "{}"}]}]}},
                {"tool_name": "look", "kind": "tool", "success": false, "output": {"error": "gone"}},
                {"tool_name": "chat", "kind": "llm", "input": {"messages": [{"role": "system", "content": "Be brief."}, user("hi"),
                    {"role": "assistant", "content": "", "tool_calls": [{"name": "look", "arguments": "{}"}]}, {"role": "tool", "content": "gone"}]},
                    "output": {"messages": [said("sure?")]}},
                {"tool_name": "chat", "kind": "llm", "input": {"messages": [user("hi"), said("sure?"), user("yes"), user("yes")]}, "output": "done"},
            ]}),
            &[
                "system: Be brief.",
                "user: hi",
                "assistant:  [look]",
                "look false",
                "assistant: sure?",
                "user: yes",
                "user: yes",
                "assistant: done",
            ],
        );
    }

    #[test]
    fn who_asks_stands_before_what_is_done_for_them() {
        check(
            json!({"prompt": "hi", "steps": [
                {"tool_name": "look"},
                {"tool_name": "chat", "kind": "llm", "output": "hello", "input": {"messages": [
                    {"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]}},
            ]}),
            &["system: Be brief.", "user: hi", "look true", "assistant: hello"],
        );
    }

    #[test]
    fn a_trace_without_messages_tells_prompt_tools_and_response() {
        check(
            json!({"prompt": "Where?", "response": "Here.", "steps": [{"tool_name": "find", "input": {"a": 1}}, {"tool_name": "plan", "kind": "chain"}]}),
            &["user: Where?", "find true", "assistant: Here."],
        );
        check(json!({"prompt": "Where?"}), &["user: Where?"]);
    }
}
