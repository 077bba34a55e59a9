use super::{attributes::Attributes, names};
use crate::StepKind;

/// What a span did, by the words of every generation.
pub(super) fn kind(attributes: &Attributes) -> StepKind {
    let said = [&names::OPERATION, &names::KIND, &names::VERCEL_OPERATION].into_iter().filter_map(|list| attributes.text(list));
    let known = said.filter_map(|word| of_word(&word)).next();
    known.unwrap_or_else(|| of_content(attributes))
}

fn of_word(word: &str) -> Option<StepKind> {
    // `ai.generateText.doGenerate` is the call of the model; `ai.generateText` is what drives it.
    if let Some(operation) = word.strip_prefix("ai.") {
        return Some(match operation {
            "toolCall" => StepKind::Tool,
            operation if operation.starts_with("embed") && operation.contains(".do") => StepKind::Embedding,
            operation if operation.contains(".do") => StepKind::Llm,
            _ => StepKind::Chain,
        });
    }
    Some(match word.to_ascii_lowercase().as_str() {
        "chat" | "generate_content" | "text_completion" | "completion" | "generate" | "llm" | "generation" | "chat_model" => StepKind::Llm,
        "embeddings" | "embedding" => StepKind::Embedding,
        "execute_tool" | "tool" => StepKind::Tool,
        "retrieval" | "retriever" | "reranker" | "rerank" | "search_memory" => StepKind::Retriever,
        "create_agent" | "invoke_agent" | "agent" => StepKind::Agent,
        "invoke_workflow" | "workflow" | "task" | "chain" | "plan" | "prompt" | "span" | "parser" => StepKind::Chain,
        "guardrail" | "evaluator" | "event" | "unknown" => StepKind::Other,
        word if word.contains("memory") => StepKind::Tool,
        _ => return None,
    })
}

/// Where nothing says it, what is there tells.
fn of_content(attributes: &Attributes) -> StepKind {
    if attributes.has(&names::TOOL_NAME) {
        StepKind::Tool
    } else if attributes.has(&names::MODEL_OF_CALL) {
        StepKind::Llm
    } else {
        StepKind::Other
    }
}
