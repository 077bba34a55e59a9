use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Timestamp,
    otlp::{CONTENT_DROPPED, ROOT_MISSING, STEPS_TOTAL},
    text::{cut, is_short},
};

/// From this latency on, in ms, a trace counts as slow.
pub const SLOW_TRACE_THRESHOLD_MS: f64 = 1500.0;
/// The project of a trace that names none.
pub const DEFAULT_PROJECT: &str = "default";
/// The environment of a trace that names none.
pub const DEFAULT_ENVIRONMENT: &str = "development";
/// The model of a trace that names none.
pub const UNKNOWN_MODEL: &str = "unknown";

/// In the metadata of a trace or a step that another program stored: the fields that could not be read as what they should be, with what
/// stands there, and null for those that are missing.
pub const UNREADABLE: &str = "tracellm.unreadable";

/// Key in `metadata` of a trace whose texts were removed.
pub const CONTENT_REMOVED: &str = "content_removed";

/// One execution of an LLM application, as normalised, stored and answered.
///
/// Identity is (`project_id`, `trace_id`). The fields up to `updated_at` are always written, `null` where there is none; the further
/// ones are absent where unknown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trace {
    pub trace_id: String,
    /// Input prompt or operation name.
    pub prompt: String,
    pub response: Option<String>,
    /// Total time in ms, finite and ≥ 0.
    pub latency: f64,
    /// Input and output tokens together.
    pub token_count: i64,
    pub model_name: String,
    pub project_id: String,
    pub project_name: Option<String>,
    /// Public id of the key that wrote the trace, never a secret.
    pub api_key: Option<String>,
    pub environment: String,
    pub status: Status,
    pub steps: Vec<Step>,
    pub retry_count: i64,
    /// `latency` is at least [`SLOW_TRACE_THRESHOLD_MS`].
    pub slow_request: bool,
    pub failure_reason: Option<String>,
    /// Start of the execution.
    pub created_at: Timestamp,
    /// When it was stored.
    pub updated_at: Timestamp,

    /// Input tokens, cached ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<i64>,
    /// Output tokens, reasoning ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<i64>,
    /// US dollars, finite and ≥ 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

impl Trace {
    /// Without what is only in its texts.
    pub fn into_head(self) -> Self {
        Self { prompt: String::new(), response: None, steps: Vec::new(), metadata: Map::new(), ..self }
    }

    /// Without prompt, response, and what its steps took and gave. Names, numbers, failure reason and metadata stay.
    pub fn without_content(mut self) -> Self {
        self.prompt.clear();
        self.response = None;
        for step in &mut self.steps {
            (step.input, step.output) = (Map::new(), Map::new());
        }
        self.metadata.insert(CONTENT_REMOVED.to_owned(), Value::Bool(true));
        self
    }

    /// The same, and of everything else what is no name or number is cut.
    pub fn without_long_texts(self) -> Self {
        /// Bytes of a text that stays.
        const LONG: usize = 500;
        let mut trace = self.without_content();
        let reasons = trace.steps.iter_mut().map(|step| (&mut step.error, &mut step.metadata));
        for (reason, metadata) in reasons.chain([(&mut trace.failure_reason, &mut trace.metadata)]) {
            if let Some(reason) = reason {
                cut(reason, LONG);
            }
            metadata.retain(|_, value| is_short(value, LONG));
        }
        trace
    }

    /// Its texts were removed, by age.
    pub fn is_content_removed(&self) -> bool {
        self.metadata.get(CONTENT_REMOVED) == Some(&Value::Bool(true))
    }

    /// Some of its spans came without their long texts, as their key had sent as much as it may in a day.
    pub fn is_content_dropped(&self) -> bool {
        self.metadata.get(CONTENT_DROPPED) == Some(&Value::Bool(true))
    }

    /// How many steps it has, where not all of it stands in this document.
    pub fn cut_from(&self) -> Option<u64> {
        self.metadata.get(STEPS_TOTAL).and_then(Value::as_u64).filter(|_| self.source == Some(Source::Otlp))
    }

    /// How many steps stand in this document, where the trace has more.
    pub fn first_steps(&self) -> Option<usize> {
        self.cut_from().filter(|total| *total > self.steps.len() as u64).map(|_| self.steps.len())
    }

    /// Its root span has not come yet.
    pub fn in_progress(&self) -> bool {
        self.metadata.get(ROOT_MISSING) == Some(&Value::Bool(true))
    }

    /// The fields of the trace and its steps that could not be read as they should be, as paths.
    pub fn unreadable(&self) -> Vec<String> {
        let names = |metadata: &Map<String, Value>| -> Vec<String> {
            metadata.get(UNREADABLE).and_then(Value::as_object).into_iter().flat_map(|fields| fields.keys().cloned()).collect()
        };
        let of_steps = self.steps.iter().enumerate();
        let of_steps =
            of_steps.flat_map(|(index, step)| names(&step.metadata).into_iter().map(move |name| format!("steps[{index}].{name}")));
        names(&self.metadata).into_iter().chain(of_steps).collect()
    }
}

/// One thing that an execution did: a model call, a tool call, a retrieval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Step {
    pub step_id: String,
    pub tool_name: String,
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub input: Map<String, Value>,
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub output: Map<String, Value>,
    /// Time taken in ms, finite and ≥ 0.
    pub duration: f64,
    pub success: bool,
    /// Start of the step.
    pub timestamp: Timestamp,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<StepKind>,
    /// `step_id` of the step that this one ran under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Step {
    /// Which call it is: the tool and its arguments, in whatever order these came.
    pub fn call(&self) -> (&str, String) {
        let mut arguments = String::new();
        write_sorted(&self.input, &mut arguments);
        (&self.tool_name, arguments)
    }

    /// About how many bytes of JSON it takes.
    pub fn size(&self) -> usize {
        let texts = size_of_fields(&self.input) + size_of_fields(&self.output) + size_of_fields(&self.metadata);
        texts + self.error.as_ref().map_or(0, String::len) + 300
    }

    /// What it says went wrong, in its error or in what it gave.
    pub fn told_error(&self) -> Option<String> {
        let given = || ["error", "message"].iter().find_map(|name| self.output.get(*name)?.as_str().map(str::to_owned));
        self.error.clone().or_else(given).filter(|_| !self.success)
    }

    /// Input and output together, where it has either.
    pub fn tokens(&self) -> Option<i64> {
        self.input_tokens.into_iter().chain(self.output_tokens).reduce(i64::saturating_add)
    }
}

fn size_of_fields(fields: &Map<String, Value>) -> usize {
    fields.iter().map(|(name, value)| name.len() + 4 + size_of_value(value)).sum()
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| 1 + size_of_value(item)).sum::<usize>(),
        Value::Object(fields) => 2 + size_of_fields(fields),
        _ => 8,
    }
}

/// An object as JSON whose names stand in order, at every depth.
fn write_sorted(object: &Map<String, Value>, text: &mut String) {
    fn write(value: &Value, text: &mut String) {
        match value {
            Value::Object(object) => write_sorted(object, text),
            Value::Array(values) => {
                text.push('[');
                for value in values {
                    write(value, text);
                    text.push(',');
                }
                text.push(']');
            }
            value => text.push_str(&value.to_string()),
        }
    }
    text.push('{');
    for (name, value) in object.iter().collect::<BTreeMap<_, _>>() {
        text.push_str(&format!("{name:?}:"));
        write(value, text);
        text.push(',');
    }
    text.push('}');
}

/// An enum whose values are one lower-case word in JSON, in URLs and in the database.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum $name { $($variant),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of that name, in any letter case.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str().eq_ignore_ascii_case(word.trim()))
            }

            /// The names, for messages: `a, b, c`.
            pub fn allowed() -> String {
                Self::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(", ")
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// How an execution ended.
    Status { Success = "success", Warning = "warning", Failed = "failed" }
}

words! {
    /// What a step is, where its sender said so.
    StepKind {
        Llm = "llm", Tool = "tool", Retriever = "retriever", Agent = "agent", Chain = "chain", Embedding = "embedding", Other = "other",
    }
}

words! {
    /// The way a trace came in.
    Source { Json = "json", Otlp = "otlp", Import = "import", Demo = "demo" }
}
