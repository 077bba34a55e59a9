use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    ApiKey, DEFAULT_ENVIRONMENT, DEFAULT_PROJECT, Issue, SLOW_TRACE_THRESHOLD_MS, Severity, Source, Step, Timestamp, Trace, UNKNOWN_MODEL,
    decode::{self, Decoded},
};

/// Typed reading of an object's fields, with an issue for each that is not as it should be.
mod fields;
/// What is not given and follows from the rest: status, retries, failure reason, tokens.
mod infer;
/// The steps of a trace.
mod steps;

use fields::Fields;

/// What normalisation may not make up itself.
#[derive(Clone, Debug)]
pub struct Context {
    /// The clock: `updated_at`, and `created_at` where none is given.
    pub now: Timestamp,
    /// The id of the trace where none is given.
    pub fresh_id: String,
    /// The way the trace came in, where it does not say so itself.
    pub source: Source,
    /// The key that the sender showed: the trace belongs to its project.
    pub key: Option<ApiKey>,
    /// Levels of JSON that an item may have, at most 64.
    pub depth: usize,
}

impl Context {
    /// A context whose trace id is `tr_` and the given random UUID.
    pub fn new(now: Timestamp, random: Uuid, source: Source) -> Self {
        Self::with_id(now, format!("tr_{random}"), source)
    }

    /// One that gives this id, for who knows it or does not need one.
    pub fn with_id(now: Timestamp, fresh_id: impl Into<String>, source: Source) -> Self {
        Self { now, fresh_id: fresh_id.into(), source, key: None, depth: decode::MAX_DEPTH }
    }
}

/// A document that keeps every rule, and how it came to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalized {
    pub trace: Trace,
    /// Warnings and infos, never errors.
    pub issues: Vec<Issue>,
    pub filled: Filled,
}

/// What came from the clock and not from the sender, so that a store can tell a repeat from a change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filled {
    /// `created_at` is the time of normalisation.
    pub created_at: bool,
    /// The steps whose `timestamp` was counted from `created_at`.
    pub step_times: Vec<usize>,
}

/// Why there is no document: every fault, at least one of severity `error`.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The id that was given, where it is a readable one.
    pub trace_id: Option<String>,
    pub issues: Vec<Issue>,
}

impl Refused {
    pub fn errors(&self) -> impl Iterator<Item = &Issue> {
        self.issues.iter().filter(|issue| issue.is_error())
    }
}

/// Makes one item of raw JSON a trace, by the rules of the contract.
///
/// Deterministic given `context`; normalising a normalised document changes nothing.
///
/// # Errors
/// All faults of the item at once.
///
/// ```
/// use tracellm_trace::{Context, Source, Status, Timestamp, normalize};
///
/// let context = Context::with_id(Timestamp::MIN, "tr_1", Source::Json);
/// let done = normalize(r#"{"prompt": "hi", "steps": [{"tool_name": "search", "success": false}]}"#, &context).unwrap();
/// assert_eq!(done.trace.status, Status::Failed);
/// let refused = normalize(r#"{"latency": -1}"#, &context).unwrap_err();
/// assert_eq!(refused.errors().next().unwrap().path, "latency");
/// ```
pub fn normalize(item: &str, context: &Context) -> Result<Normalized, Refused> {
    let refuse = |issue| Refused { trace_id: None, issues: vec![issue] };
    let Decoded { value, issues, depth } = decode::decode(item).map_err(refuse)?;
    if depth > context.depth {
        return Err(refuse(decode::too_deep(context.depth)));
    }
    let Value::Object(object) = value else {
        let found = fields::describe(&value);
        return Err(refuse(Issue::error("type.wrong", "$", format!("must be an object with the fields of a trace, not {found}"))));
    };
    if object.contains_key("resourceSpans") {
        let message = "is an export request of OpenTelemetry and no trace: send it to /v1/traces, or import the file";
        return Err(refuse(Issue::error("otlp.address", "resourceSpans", message)));
    }
    normalize_object(object, None, depth, issues, context)
}

/// The same of fields that were never text, and of steps that keep every rule already; both [storable](decode::storable).
pub(crate) fn normalize_read(object: Map<String, Value>, steps: Vec<Step>, context: &Context) -> Result<Normalized, Refused> {
    normalize_object(object, Some(steps), 0, Vec::new(), context)
}

fn normalize_object(
    object: Map<String, Value>,
    steps: Option<Vec<Step>>,
    depth: usize,
    mut issues: Vec<Issue>,
    context: &Context,
) -> Result<Normalized, Refused> {
    let (trace, filled, given_id) = read_trace(Fields::new(object, String::new(), &mut issues), steps, context);
    // What was moved under `metadata` or wrapped stands a level deeper than it came.
    if depth == context.depth && free_form_depth(&trace) > context.depth {
        issues.push(decode::too_deep(context.depth));
    }
    issues.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
    if issues.iter().any(Issue::is_error) {
        issues.retain(|issue| issue.severity > Severity::Info);
        return Err(Refused { trace_id: given_id, issues });
    }
    Ok(Normalized { trace, issues, filled })
}

fn free_form_depth(trace: &Trace) -> usize {
    let depth = |object: &Map<String, Value>| 1 + object.values().map(decode::depth).max().unwrap_or(0);
    let of_step = |step: &Step| 2 + depth(&step.input).max(depth(&step.output)).max(depth(&step.metadata));
    1 + trace.steps.iter().map(of_step).max().unwrap_or(0).max(depth(&trace.metadata))
}

/// The trace, what was filled in, and the id if one was given.
fn read_trace(mut fields: Fields, steps: Option<Vec<Step>>, context: &Context) -> (Trace, Filled, Option<String>) {
    let mut filled = Filled::default();

    let given_id = fields.name(&["trace_id", "id"]);
    let trace_id = given_id.clone().unwrap_or_else(|| {
        fields.info("trace_id.made", "trace_id", "none was given, so one was made");
        context.fresh_id.clone()
    });
    let created_at = fields.time(&["created_at", "timestamp"]).unwrap_or_else(|| {
        filled.created_at = true;
        fields.info("created_at.now", "created_at", "none was given, so it is the time of arrival");
        context.now
    });
    if fields.take("updated_at").is_some() {
        fields.info("updated_at.ignored", "updated_at", "is set when the trace is stored; the given one is ignored");
    }

    let steps = steps.unwrap_or_else(|| steps::read(&mut fields, &trace_id, created_at, &mut filled.step_times));
    let retry_count = fields.count("retry_count").unwrap_or_else(|| infer::retry_count(&mut fields, &steps));
    let given_reason = fields.reason("failure_reason");
    let status = fields.status().unwrap_or_else(|| infer::status(&mut fields, &steps, given_reason.is_some(), retry_count));
    let failure_reason = given_reason.or_else(|| infer::failure_reason(&mut fields, &steps));

    let latency = fields.number("latency", "milliseconds").unwrap_or(0.0);
    let slow_request = latency >= SLOW_TRACE_THRESHOLD_MS;
    if fields.flag("slow_request").is_some_and(|given| given != slow_request) {
        let message = format!("is `{slow_request}`, as the latency is {latency} ms; slow means {SLOW_TRACE_THRESHOLD_MS} ms or more");
        fields.warn("slow_request.disagrees", "slow_request", message);
    }

    let key = context.key.as_ref();
    let tokens = infer::Tokens::read(&mut fields, &steps);
    let mut trace = Trace {
        trace_id,
        prompt: fields.text_or_json("prompt").unwrap_or_default(),
        response: fields.text_or_json("response"),
        latency,
        token_count: tokens.total,
        model_name: fields.name(&["model_name", "model"]).unwrap_or_else(|| UNKNOWN_MODEL.to_owned()),
        project_id: project_id(&mut fields, key),
        project_name: fields.text("project_name"),
        api_key: fields.api_key().filter(|_| key.is_none()).or_else(|| key.map(|key| key.key_id.clone())),
        environment: fields.name(&["environment"]).unwrap_or_else(|| key.map_or(DEFAULT_ENVIRONMENT, |key| &key.environment).to_owned()),
        status,
        steps,
        retry_count,
        slow_request,
        failure_reason,
        created_at,
        updated_at: context.now,
        input_tokens: tokens.input,
        output_tokens: tokens.output,
        cached_tokens: tokens.cached,
        reasoning_tokens: tokens.reasoning,
        cost_usd: fields.number("cost_usd", "US dollars"),
        session_id: fields.name(&["session_id"]),
        user_id: fields.name(&["user_id"]),
        tags: fields.names("tags"),
        metadata: fields.object(&["metadata"]),
        source: fields.source().or(Some(context.source)),
    };
    fields.keep_unknown(&mut trace.metadata);
    (trace, filled, given_id)
}

/// The project of the key, else the given one, else the default.
fn project_id(fields: &mut Fields, key: Option<&ApiKey>) -> String {
    let given = fields.name(&["project_id"]);
    let Some(key) = key else { return given.unwrap_or_else(|| DEFAULT_PROJECT.to_owned()) };
    if given.as_ref().is_some_and(|given| *given != key.project_id) {
        fields.warn("project.overridden", "project_id", format!("is `{}`, the project of the key", key.project_id));
    }
    key.project_id.clone()
}
