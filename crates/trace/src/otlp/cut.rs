use serde_json::{Map, Value};

use super::{Span, fold_steps};
use crate::{Normalized, Refused, Step, Timestamp, Trace, text};

/// Steps that stand in the document of a trace, and about how many bytes of JSON they and its texts take there.
const MAX_STEPS: usize = 1_000;
const MAX_BYTES: usize = 6 << 20;
/// Bytes of a prompt or response that stay where the document is too large.
const MAX_TEXT: usize = 1 << 20;

/// In the metadata of a trace of which not all stands in its document: how many steps it has. The whole of it is the fold of its spans.
pub const STEPS_TOTAL: &str = "steps_total";

/// The document for the trace of these spans: what [`super::fold`] makes of them, cut to what one document can hold, so that lists stay
/// quick and databases take it.
///
/// # Errors
/// As [`super::fold`].
pub fn document(spans: &[Span], project_id: &str, now: Timestamp) -> Result<Normalized, Refused> {
    let (mut done, total) = fold_steps(0..MAX_STEPS, spans, project_id, now)?;
    cut(&mut done.trace, total);
    Ok(done)
}

/// Makes room in a trace of `total` steps.
fn cut(trace: &mut Trace, total: usize) {
    let mut is_cut = total > trace.steps.len();
    let mut sizes: Vec<(usize, usize)> = trace.steps.iter().map(Step::size).enumerate().map(|(place, size)| (size, place)).collect();
    let mut bytes = sizes.iter().map(|(size, _)| size).sum::<usize>() + trace.prompt.len() + trace.response.as_ref().map_or(0, String::len);
    if bytes > MAX_BYTES {
        is_cut = true;
        for text in [Some(&mut trace.prompt), trace.response.as_mut()].into_iter().flatten().filter(|text| text.len() > MAX_TEXT) {
            bytes -= text.len() - MAX_TEXT;
            text::cut(text, MAX_TEXT);
        }
        // The largest first; what they held is said by its size.
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        for (size, place) in sizes {
            if bytes <= MAX_BYTES {
                break;
            }
            let step = &mut trace.steps[place];
            step.input = Map::from_iter([("cut".to_owned(), Value::from(format!("{size} bytes")))]);
            step.output = Map::new();
            step.metadata = Map::new();
            bytes -= size;
        }
    }
    if is_cut {
        trace.metadata.insert(STEPS_TOTAL.to_owned(), total.into());
    }
}
