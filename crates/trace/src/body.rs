//! A request body, a file or a pasted text as the raw items in it. Each item is decoded on its own, so that a bad one never harms its
//! neighbours.

use serde_json::value::RawValue;

use crate::{Issue, Limits};

/// How the items of a text are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One JSON value: an object is one item, an array is a batch.
    Json,
    /// A JSON value on each line.
    Ndjson,
    /// Whichever it looks like: for files and pasted text.
    Detect,
}

/// The raw items of a text.
#[derive(Debug, PartialEq)]
pub enum Body<'a> {
    One(&'a str),
    Batch(Vec<&'a str>),
}

/// Splits `text` into raw items.
///
/// # Errors
/// `json.syntax` where the text as a whole can't be read; a bad line of NDJSON is an item of its own and no error here.
pub fn split(text: &str, layout: Layout) -> Result<Body<'_>, Issue> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    match layout {
        Layout::Ndjson => Ok(lines(text)),
        Layout::Json => json(text),
        Layout::Detect => match json(text) {
            // One broken document over many lines has no line that is a whole document; NDJSON with broken lines has.
            Err(_) if text.lines().any(is_document) => Ok(lines(text)),
            other => other,
        },
    }
}

impl Body<'_> {
    /// Why there are more items than are taken at once.
    pub fn too_many(&self, limits: &Limits) -> Option<Issue> {
        let Self::Batch(items) = self else { return None };
        let message = || format!("holds {} traces, and at most {} are taken at once", items.len(), limits.batch);
        (items.len() as u64 > limits.batch).then(|| Issue::error("batch.too_many", "$", message()))
    }
}

fn json(text: &str) -> Result<Body<'_>, Issue> {
    let syntax = |error: serde_json::Error| Issue::error("json.syntax", "$", format!("not JSON: {error}"));
    if text.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).map_err(syntax)?;
        return Ok(Body::Batch(items.into_iter().map(RawValue::get).collect()));
    }
    serde_json::from_str::<&RawValue>(text).map(|item| Body::One(item.get())).map_err(syntax)
}

fn lines(text: &str) -> Body<'_> {
    Body::Batch(text.lines().map(str::trim).filter(|line| !line.is_empty()).collect())
}

fn is_document(line: &str) -> bool {
    serde_json::from_str::<&RawValue>(line.trim()).is_ok_and(|item| item.get().starts_with('{'))
}

#[cfg(test)]
mod tests {
    use super::{Body, Layout, split};

    #[test]
    fn finds_the_items_of_each_layout() {
        assert_eq!(split(" {\"a\":1} ", Layout::Json), Ok(Body::One("{\"a\":1}")));
        assert_eq!(split("[{}, 2 ,[3]]", Layout::Json), Ok(Body::Batch(vec!["{}", "2", "[3]"])));
        assert_eq!(split("{}\n\n nope\r\n{}", Layout::Ndjson), Ok(Body::Batch(vec!["{}", "nope", "{}"])));
        assert_eq!(split("\u{feff}[]", Layout::Detect), Ok(Body::Batch(vec![])));
        assert_eq!(split("{}\n{}", Layout::Detect), Ok(Body::Batch(vec!["{}", "{}"])));
        assert_eq!(split("{}\nnope", Layout::Detect), Ok(Body::Batch(vec!["{}", "nope"])));
        assert!(split("{}\n{}", Layout::Json).is_err());
        assert!(split("{\n\"a\": nope\n}", Layout::Detect).is_err());
        assert!(split("", Layout::Json).is_err());
    }

    #[test]
    fn deep_nesting_is_left_to_the_item() {
        let deep = format!("{}{}", "[".repeat(1 << 19), "]".repeat(1 << 19));
        let Ok(Body::Batch(items)) = split(&deep, Layout::Json) else { panic!("no batch") };
        assert_eq!(items.len(), 1);
    }
}
