use serde_json::{Map, Value};

use super::attributes::{parsed, text};

/// Messages of a conversation, in one form whichever generation wrote them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Conversation(pub Vec<Message>);

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Message {
    pub role: String,
    pub texts: Vec<String>,
    pub tool_calls: Vec<Value>,
    /// The call that this message answers.
    pub tool_call_id: Option<String>,
    /// Parts of other kinds, as they came.
    pub parts: Vec<Value>,
}

impl Conversation {
    /// Reads messages, a single one, or what an SDK wraps around them; `role` is for what names none.
    pub fn read(value: &Value, role: &str) -> Self {
        let value = parsed(value);
        let fields = match value.as_ref() {
            Value::Array(items) => return Self(items.iter().flat_map(|item| Self::read_item(item, role)).collect()),
            Value::Object(fields) => fields,
            other => return Self(Self::read_item(other, role)),
        };
        let said = fields.get("messages").or_else(|| fields.get("prompt").filter(|_| !fields.contains_key("role")));
        if let Some(said) = said {
            let system = fields.get("system").filter(|system| !system.is_null());
            let mut all = system.map(|system| Self::read(system, "system")).unwrap_or_default();
            all.0.extend(Self::read(said, role).0);
            return all;
        }
        // What OpenAI's API answers, as it came.
        match fields.get("choices").filter(|choices| choices.is_array()) {
            Some(choices) => Self::read(choices, role),
            None => Self(Self::read_item(&value, role)),
        }
    }

    fn read_item(item: &Value, role: &str) -> Vec<Message> {
        let Value::Object(fields) = item else {
            // LangChain batches conversations: a list within the list.
            if let Value::Array(_) = item {
                return Self::read(item, role).0;
            }
            let texts = if item.is_null() { Vec::new() } else { vec![text(item)] };
            return vec![Message { role: role.to_owned(), texts, ..Message::default() }];
        };
        // OpenInference puts each message under a name.
        if let Some(inner @ Value::Object(_)) = fields.get("message").or_else(|| fields.get("prompt")).or_else(|| fields.get("completion"))
        {
            return Self::read_item(inner, role);
        }
        // LangChain serialises a message as its class and its data.
        if let (Some(data @ Value::Object(_)), Some(Value::String(_))) =
            (fields.get("data").or_else(|| fields.get("kwargs")), fields.get("type"))
        {
            return Self::read_item(data, &role_of(fields, role));
        }
        let mut message = Message { role: role_of(fields, role), ..Message::default() };
        message.tool_call_id = ["tool_call_id", "toolCallId"].iter().find_map(|name| fields.get(*name)).map(text);
        for name in ["parts", "content", "contents", "text"] {
            match fields.get(name) {
                Some(Value::Array(parts)) => parts.iter().for_each(|part| message.part(part)),
                Some(Value::Null) | None => {}
                Some(Value::String(text)) if text.is_empty() => {}
                // Parts may come as their JSON text; any other text is what was said, be it JSON or not.
                Some(given @ Value::String(said)) => match parsed(given).as_ref() {
                    Value::Array(parts) if parts.iter().all(|part| part.get("type").is_some_and(Value::is_string)) => {
                        parts.iter().for_each(|part| message.part(part));
                    }
                    _ => message.texts.push(said.clone()),
                },
                Some(other) => message.part(other),
            }
        }
        let calls = fields.get("tool_calls").or_else(|| fields.get("toolCalls")).map(parsed);
        for call in calls.as_deref().and_then(Value::as_array).into_iter().flatten() {
            message.call(call);
        }
        // A part of its own, without a message around it.
        if message.is_empty() && fields.contains_key("type") {
            message.part(item);
        }
        vec![message]
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Message::is_empty)
    }

    pub fn into_json(self) -> Value {
        self.0.into_iter().map(Message::into_json).collect()
    }

    /// As a person reads it: the text alone where one message says all, else each with its role. Instructions to the model are not what
    /// was asked, unless there is nothing else.
    pub fn to_text(&self) -> String {
        let asked: Vec<_> = self.0.iter().filter(|message| !matches!(message.role.as_str(), "system" | "developer")).collect();
        let shown = if asked.is_empty() { self.0.iter().collect() } else { asked };
        match shown.as_slice() {
            [] => String::new(),
            [one] => one.to_text(),
            many => many.iter().map(|message| format!("{}: {}", message.role, message.to_text())).collect::<Vec<_>>().join("\n\n"),
        }
    }
}

/// The role that a message names, in its own way.
fn role_of(fields: &Map<String, Value>, role: &str) -> String {
    let named = fields.get("role").and_then(Value::as_str).filter(|role| !role.is_empty());
    // LangChain's own classes.
    let class = fields.get("type").and_then(Value::as_str);
    let of_class = class.and_then(|class| match class {
        "human" | "HumanMessage" => Some("user"),
        "ai" | "AIMessage" | "AIMessageChunk" => Some("assistant"),
        "system" | "SystemMessage" => Some("system"),
        "tool" | "ToolMessage" => Some("tool"),
        _ => None,
    });
    match named.or(of_class).unwrap_or(role) {
        "human" => "user".to_owned(),
        "ai" | "model" => "assistant".to_owned(),
        role => role.to_owned(),
    }
}

impl Message {
    fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.tool_calls.is_empty() && self.parts.is_empty()
    }

    fn part(&mut self, part: &Value) {
        let Value::Object(fields) = part else {
            if !part.is_null() {
                self.texts.push(text(part));
            }
            return;
        };
        // OpenInference again: `message_content.type`, `tool_call.function.name`.
        if let Some(inner) = fields.get("message_content") {
            return self.part(inner);
        }
        let given = |names: &[&str]| names.iter().find_map(|name| fields.get(*name).filter(|value| !value.is_null()));
        match fields.get("type").and_then(Value::as_str).unwrap_or("text") {
            "text" | "input_text" | "output_text" => match given(&["content", "text"]) {
                Some(said) => self.texts.push(text(said)),
                None => self.parts.push(part.clone()),
            },
            "tool_call" | "tool-call" | "tool_use" | "function_call" => self.call(part),
            "tool_call_response" | "tool-result" | "tool_result" | "function_call_output" => {
                self.tool_call_id = given(&["id", "tool_use_id", "toolCallId", "call_id"]).map(text).or(self.tool_call_id.take());
                let result = given(&["response", "result", "output", "content"]);
                self.texts.extend(result.map(|result| match result {
                    // Vercel's SDK wraps results: `{"type": "text", "value": …}`.
                    Value::Object(wrapped) if wrapped.len() == 2 && wrapped.contains_key("value") => text(&wrapped["value"]),
                    other => text(other),
                }));
                if self.role == "user" || self.role == "assistant" {
                    "tool".clone_into(&mut self.role);
                }
            }
            _ => self.parts.push(part.clone()),
        }
    }

    fn call(&mut self, call: &Value) {
        let call = call.get("tool_call").unwrap_or(call);
        let function = call.get("function").unwrap_or(call);
        let given =
            |names: &[&str]| names.iter().find_map(|name| function.get(*name).or_else(|| call.get(*name)).filter(|value| !value.is_null()));
        let mut made = Map::new();
        if let Some(id) = given(&["id", "toolCallId", "call_id"]) {
            made.insert("id".to_owned(), text(id).into());
        }
        made.insert("name".to_owned(), given(&["name", "toolName"]).map(text).unwrap_or_default().into());
        if let Some(arguments) = given(&["arguments", "args", "input"]) {
            made.insert("arguments".to_owned(), parsed(arguments).into_owned());
        }
        self.tool_calls.push(Value::Object(made));
    }

    fn into_json(mut self) -> Value {
        let content = if self.texts.len() == 1 { self.texts.remove(0) } else { self.texts.join("\n") };
        let fields = [
            ("role", Some(self.role.into())),
            ("content", Some(content.into())),
            ("tool_calls", (!self.tool_calls.is_empty()).then(|| self.tool_calls.into())),
            ("tool_call_id", self.tool_call_id.map(Value::from)),
            ("parts", (!self.parts.is_empty()).then(|| self.parts.into())),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    fn to_text(&self) -> String {
        if let ([text], [], []) = (self.texts.as_slice(), self.tool_calls.as_slice(), self.parts.as_slice()) {
            return text.clone();
        }
        let calls = self.tool_calls.iter().map(|call| {
            let arguments = call.get("arguments").map(text).unwrap_or_default();
            format!("{}({arguments})", call["name"].as_str().unwrap_or_default())
        });
        let parts = self.parts.iter().map(|part| match part.get("content").or_else(|| part.get("text")) {
            Some(Value::String(content)) if part["type"] == "reasoning" || part["type"] == "thinking" => format!("[{content}]"),
            _ => format!("[{}]", part["type"].as_str().unwrap_or("part")),
        });
        self.texts.iter().cloned().chain(parts).chain(calls).collect::<Vec<_>>().join("\n")
    }
}
