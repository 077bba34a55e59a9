use serde_json::{Map, Value};
use tracellm_trace::Trace;

/// Bytes of a text that a page shows.
pub const SHOWN: usize = 100_000;

/// Cuts every text of a trace to what a page shows; says how many were longer.
pub fn shorten(trace: &mut Trace) -> usize {
    let mut cut = 0;
    for said in [Some(&mut trace.prompt), trace.response.as_mut(), trace.failure_reason.as_mut()].into_iter().flatten() {
        text(said, &mut cut);
    }
    object(&mut trace.metadata, &mut cut);
    for step in &mut trace.steps {
        [&mut step.input, &mut step.output, &mut step.metadata].into_iter().for_each(|fields| object(fields, &mut cut));
        step.error.iter_mut().for_each(|error| text(error, &mut cut));
    }
    cut
}

fn object(fields: &mut Map<String, Value>, cut: &mut usize) {
    fields.values_mut().for_each(|inner| value(inner, cut));
}

/// As deep as a document may be, which is 64 levels.
fn value(inner: &mut Value, cut: &mut usize) {
    match inner {
        Value::String(said) => text(said, cut),
        Value::Array(items) => items.iter_mut().for_each(|item| value(item, cut)),
        Value::Object(fields) => object(fields, cut),
        _ => {}
    }
}

fn text(said: &mut String, cut: &mut usize) {
    *cut += usize::from(tracellm_trace::text::cut(said, SHOWN));
}

#[cfg(test)]
mod tests {
    use tracellm_trace::{Context, Source, Timestamp, normalize};

    #[test]
    fn long_texts_are_cut_between_letters_and_counted() {
        let long = "ä".repeat(70_000);
        let raw = serde_json::json!({"prompt": long, "response": "short", "steps": [{"output": {"pages": [{"said": long}]}}]});
        let context = Context::with_id(Timestamp::MIN, "t", Source::Json);
        let mut trace = normalize(&raw.to_string(), &context).unwrap().trace;
        assert_eq!(super::shorten(&mut trace), 2);
        assert_eq!((trace.prompt.chars().count(), trace.response.as_deref()), (50_001, Some("short")));
        assert_eq!(trace.steps[0].output["pages"][0]["said"], trace.prompt);
        assert_eq!(super::shorten(&mut normalize("{}", &context).unwrap().trace), 0);
    }
}
