//! Each list: what one field is called, the newest generation first. Instrumentations freeze on the names of their day, so all of them
//! stay.
//!
//! Sources: OpenTelemetry semantic-conventions-genai v0.1.0 (`model/gen-ai/registry.yaml`, `docs/gen-ai/non-normative/migration.md`) and
//! semantic-conventions ≤ 1.41 (`model/gen-ai/deprecated`); OpenInference `spec/semantic_conventions.md`; OpenLLMetry
//! `semconv_ai` 0.4 and 0.5; Vercel AI SDK `packages/ai/src/telemetry` v3 to v5; Langfuse and MLflow attribute docs.

use std::{collections::HashSet, sync::LazyLock};

/// The field of ours, and the attributes that give it, the best first.
pub struct Names {
    pub field: &'static str,
    pub all: &'static [&'static str],
}

impl Names {
    const fn of(field: &'static str, all: &'static [&'static str]) -> Self {
        Self { field, all }
    }
}

pub const OPERATION: Names = Names::of("kind", &["gen_ai.operation.name", "llm.request.type"]);
pub const KIND: Names =
    Names::of("kind", &["openinference.span.kind", "traceloop.span.kind", "langfuse.observation.type", "mlflow.spanType"]);
pub const VERCEL_OPERATION: Names = Names::of("kind", &["ai.operationId"]);

pub const MODEL: Names = Names::of(
    "model_name",
    &[
        "gen_ai.response.model",
        "llm.response.model_name",
        "ai.response.model",
        "llm.response.model",
        "gen_ai.request.model",
        "llm.model_name",
        "llm.request.model_name",
        "embedding.model_name",
        "reranker.model_name",
        "ai.model.id",
        "aisdk.model.id",
        "llm.request.model",
        "langfuse.observation.model.name",
        "mlflow.llm.model",
    ],
);

pub const SYSTEM: Names = Names::of("input", &["gen_ai.system_instructions"]);
/// Whole conversations: JSON, or structured values.
pub const INPUT_MESSAGES: Names = Names::of("input", &["gen_ai.input.messages", "ai.prompt.messages", "ai.prompt"]);
pub const OUTPUT_MESSAGES: Names = Names::of("output", &["gen_ai.output.messages"]);
/// Prefixes of conversations that are spread over numbered attributes.
pub const INPUT_INDEXED: Names = Names::of("input", &["llm.input_messages", "gen_ai.prompt", "llm.prompts"]);
pub const OUTPUT_INDEXED: Names = Names::of("output", &["llm.output_messages", "gen_ai.completion", "llm.choices"]);
/// What went in and came out, in whatever form.
pub const INPUT: Names = Names::of(
    "input",
    &[
        "input.value",
        "traceloop.entity.input",
        "langfuse.observation.input",
        "mlflow.spanInputs",
        "gcp.vertex.agent.llm_request",
        "lmnr.span.input",
        "gen_ai.prompt",
        "gen_ai.retrieval.query.text",
    ],
);
/// JSON texts, of which each stands for a text.
pub const QUOTED_INPUT: Names = Names::of("input", &["ai.value", "ai.values"]);
pub const OUTPUT: Names = Names::of(
    "output",
    &[
        "output.value",
        "traceloop.entity.output",
        "langfuse.observation.output",
        "mlflow.spanOutputs",
        "gcp.vertex.agent.llm_response",
        "lmnr.span.output",
        "gen_ai.completion",
        "gen_ai.retrieval.documents",
    ],
);
pub const OUTPUT_TEXT: Names = Names::of("output", &["ai.response.text", "ai.result.text", "ai.response.object", "ai.result.object"]);
pub const OUTPUT_TOOL_CALLS: Names = Names::of("output", &["ai.response.toolCalls", "ai.result.toolCalls"]);
pub const DOCUMENTS: Names = Names::of("output", &["retrieval.documents"]);
/// How a text was written, which is seen.
pub const MIME_TYPES: Names = Names::of("input", &["input.mime_type", "output.mime_type"]);
/// A model call that says nothing else of its kind.
pub const MODEL_OF_CALL: Names =
    Names::of("kind", &["gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "llm.request.model"]);

/// Events that carry a message each (semantic conventions ≤ 1.36), and the role they stand for.
pub const INPUT_EVENTS: &[(&str, &str)] = &[
    ("gen_ai.system.message", "system"),
    ("gen_ai.user.message", "user"),
    ("gen_ai.assistant.message", "assistant"),
    ("gen_ai.tool.message", "tool"),
    ("gen_ai.content.prompt", "user"),
];
pub const OUTPUT_EVENTS: &[(&str, &str)] = &[("gen_ai.choice", "assistant"), ("gen_ai.content.completion", "assistant")];

pub const TOOL_NAME: Names = Names::of("tool_name", &["gen_ai.tool.name", "tool.name", "ai.toolCall.name"]);
pub const ENTITY_NAME: Names = Names::of("tool_name", &["traceloop.entity.name"]);
pub const AGENT_NAME: Names =
    Names::of("tool_name", &["gen_ai.agent.name", "agent.name", "traceloop.workflow.name", "gen_ai.workflow.name"]);
pub const TOOL_ARGUMENTS: Names = Names::of(
    "input",
    &["gen_ai.tool.call.arguments", "ai.toolCall.args", "ai.toolCall.input", "gcp.vertex.agent.tool_call_args", "tool.parameters"],
);
pub const TOOL_RESULT: Names =
    Names::of("output", &["gen_ai.tool.call.result", "ai.toolCall.result", "ai.toolCall.output", "gcp.vertex.agent.tool_response"]);

pub const INPUT_TOKENS: Names = Names::of(
    "input_tokens",
    &[
        "gen_ai.usage.input_tokens",
        "llm.token_count.prompt",
        "ai.usage.inputTokens",
        "gen_ai.usage.prompt_tokens",
        "ai.usage.promptTokens",
        "llm.usage.prompt_tokens",
    ],
);
pub const OUTPUT_TOKENS: Names = Names::of(
    "output_tokens",
    &[
        "gen_ai.usage.output_tokens",
        "llm.token_count.completion",
        "ai.usage.outputTokens",
        "gen_ai.usage.completion_tokens",
        "ai.usage.completionTokens",
        "llm.usage.completion_tokens",
    ],
);
pub const TOTAL_TOKENS: Names = Names::of(
    "token_count",
    &["gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens", "ai.usage.totalTokens", "ai.usage.tokens"],
);
pub const CACHE_READ: Names = Names::of(
    "cached_tokens",
    &[
        "gen_ai.usage.cache_read.input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cache_read_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "ai.usage.cachedInputTokens",
        "ai.usage.inputTokenDetails.cacheReadTokens",
    ],
);
pub const CACHE_WRITE: Names = Names::of(
    "cost_usd",
    &[
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "llm.token_count.prompt_details.cache_write",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ],
);
pub const REASONING: Names = Names::of(
    "reasoning_tokens",
    &[
        "gen_ai.usage.reasoning.output_tokens",
        "llm.token_count.completion_details.reasoning",
        "gen_ai.usage.reasoning_tokens",
        "ai.usage.reasoningTokens",
        "ai.usage.outputTokenDetails.reasoningTokens",
    ],
);
/// All counts of a call in one JSON object.
pub const USAGE: Names = Names::of("input_tokens", &["langfuse.observation.usage_details", "mlflow.chat.tokenUsage"]);
/// What those objects call them.
pub const USAGE_INPUT: &[&str] = &["input_tokens", "prompt_tokens", "input"];
pub const USAGE_OUTPUT: &[&str] = &["output_tokens", "completion_tokens", "output"];
pub const USAGE_TOTAL: &[&str] = &["total_tokens", "total"];
pub const USAGE_CACHE_READ: &[&str] = &["cache_read_input_tokens", "input_cached_tokens", "input_cache_read", "cached_tokens"];
pub const USAGE_CACHE_WRITE: &[&str] = &["cache_creation_input_tokens", "input_cache_creation"];
pub const USAGE_REASONING: &[&str] = &["reasoning_tokens", "output_reasoning_tokens", "output_reasoning"];
/// What parts of a call cost, in one JSON object; `total` where it is there.
pub const COST_PARTS: Names = Names::of("cost_usd", &["langfuse.observation.cost_details"]);
pub const COST: Names = Names::of("cost_usd", &["gen_ai.usage.cost", "llm.cost.total"]);

pub const SESSION: Names = Names::of(
    "session_id",
    &[
        "gen_ai.conversation.id",
        "session.id",
        "langfuse.session.id",
        "ai.telemetry.metadata.sessionId",
        "traceloop.association.properties.session_id",
        "mlflow.trace.session",
    ],
);
pub const USER: Names = Names::of(
    "user_id",
    &[
        "user.id",
        "langfuse.user.id",
        "ai.telemetry.metadata.userId",
        "traceloop.association.properties.user_id",
        "enduser.id",
        "gen_ai.user",
        "mlflow.trace.user",
    ],
);
pub const TAGS: Names = Names::of("tags", &["tag.tags", "langfuse.trace.tags", "ai.telemetry.metadata.tags"]);
pub const METADATA: Names = Names::of("metadata", &["metadata", "langfuse.trace.metadata"]);
/// Before the names of what is said of the whole trace.
pub const METADATA_BELOW: Names = Names::of("metadata", &["langfuse.trace.metadata"]);
/// Of the resource, else of a span.
pub const ENVIRONMENT: Names = Names::of("environment", &["deployment.environment.name", "deployment.environment", "langfuse.environment"]);
/// Of the resource: which project its emitter names.
pub const PROJECT: &[&str] = &["tracellm.project", "openinference.project.name", "wandb.project"];

const ALL: &[&Names] = &[
    &OPERATION,
    &KIND,
    &VERCEL_OPERATION,
    &MODEL,
    &SYSTEM,
    &INPUT_MESSAGES,
    &OUTPUT_MESSAGES,
    &INPUT,
    &QUOTED_INPUT,
    &OUTPUT,
    &OUTPUT_TEXT,
    &OUTPUT_TOOL_CALLS,
    &MIME_TYPES,
    &MODEL_OF_CALL,
    &TOOL_NAME,
    &ENTITY_NAME,
    &AGENT_NAME,
    &TOOL_ARGUMENTS,
    &TOOL_RESULT,
    &INPUT_TOKENS,
    &OUTPUT_TOKENS,
    &TOTAL_TOKENS,
    &CACHE_READ,
    &CACHE_WRITE,
    &REASONING,
    &USAGE,
    &COST_PARTS,
    &COST,
    &SESSION,
    &USER,
    &TAGS,
    &METADATA,
    &ENVIRONMENT,
];
const PREFIXES: &[&Names] = &[&METADATA_BELOW, &INPUT_INDEXED, &OUTPUT_INDEXED, &DOCUMENTS];

/// Whether a field is for an attribute of this name.
pub fn is_known(name: &str) -> bool {
    static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| ALL.iter().flat_map(|names| names.all).copied().collect());
    let is_numbered = |prefix: &&str| name.strip_prefix(*prefix).is_some_and(|rest| rest.starts_with('.'));
    KNOWN.contains(name) || PREFIXES.iter().flat_map(|names| names.all).any(is_numbered)
}
