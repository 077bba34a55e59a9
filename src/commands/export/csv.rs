use tracellm_trace::Trace;

/// The columns of the reference package's table, then ours.
pub const HEADING: &str = "trace_id,project_id,project_name,environment,prompt,model_name,status,latency,token_count,retry_count,\
    slow_request,failure_reason,created_at,updated_at,step_count,response,cost_usd,session_id,user_id,tags\r\n";

pub fn row(trace: &Trace) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        text(&trace.trace_id),
        text(&trace.project_id),
        text(&or_none(&trace.project_name)),
        text(&trace.environment),
        text(&trace.prompt),
        text(&trace.model_name),
        trace.status.to_string(),
        trace.latency.to_string(),
        trace.token_count.to_string(),
        trace.retry_count.to_string(),
        trace.slow_request.to_string(),
        text(&or_none(&trace.failure_reason)),
        trace.created_at.to_string(),
        trace.updated_at.to_string(),
        trace.steps.len().to_string(),
        text(&or_none(&trace.response)),
        trace.cost_usd.map(|cost| cost.to_string()).unwrap_or_default(),
        text(&or_none(&trace.session_id)),
        text(&or_none(&trace.user_id)),
        text(&trace.tags.join(" ")),
    ];
    cells.join(",") + "\r\n"
}

/// A text as a cell. What a spreadsheet would run as a formula gets an apostrophe before it.
fn text(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guarded = if is_formula { format!("'{text}") } else { text.to_owned() };
    if guarded.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn cells_are_quoted_and_no_formula_runs() {
        for (given, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"\nthere", "\"say \"\"hi\"\"\nthere\""),
            ("=1+1", "'=1+1"),
            ("@cmd,x", "\"'@cmd,x\""),
            ("-5", "'-5"),
            ("\t=1", "'\t=1"),
        ] {
            assert_eq!(text(given), written);
        }
    }
}
