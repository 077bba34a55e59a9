use std::ops::ControlFlow;

use super::{texts::each_text, tokens::Tokens};
use crate::Trace;

/// Stands before what an index holds of a name as a whole; no word begins so.
const NAMES: char = '\u{E000}';

/// A kind of names that an index holds as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exact {
    Tag,
    Tool,
}

/// What to seek in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Term(String),
    /// Every term that begins so.
    Beginning(String),
}

impl Exact {
    /// The term for a name. Names that are cut alike share one.
    pub fn term(self, name: &str) -> String {
        /// So that a term with its mark is no longer than words can be.
        const BYTES: usize = 60;
        let kind = match self {
            Self::Tag => 'g',
            Self::Tool => 't',
        };
        // Spaces and signs part words where an index reads terms, so each byte is written as a letter beyond ASCII.
        let name = name.bytes().take(BYTES).map(|byte| {
            if byte.is_ascii_alphanumeric() { char::from(byte) } else { char::from_u32(0xE100 + u32::from(byte)).unwrap_or(NAMES) }
        });
        [NAMES, kind].into_iter().chain(name).collect()
    }
}

/// Every term of a trace, each once, in order: words and the parts of names, pairs of characters where a script has no spaces, and its tags
/// and tools.
pub fn terms(trace: &Trace) -> Vec<String> {
    let mut terms: Vec<String> = trace.tags.iter().map(|tag| Exact::Tag.term(tag)).collect();
    terms.extend(trace.steps.iter().map(|step| Exact::Tool.term(&step.tool_name)));
    let _ = each_text(trace, &mut |_, text| {
        add(text, &mut terms);
        ControlFlow::Continue(())
    });
    terms.sort_unstable();
    terms.dedup();
    terms
}

fn add(text: &str, terms: &mut Vec<String>) {
    let tokens = Tokens::of(text);
    let mut own: Vec<&str> = Vec::with_capacity(tokens.list().len());
    for (token, next) in tokens.list().iter().zip(tokens.list().iter().skip(1).map(Some).chain([None])) {
        match next.filter(|next| next.is_joined) {
            Some(next) => terms.push([tokens.folded(token), tokens.folded(next)].concat()),
            None => own.push(tokens.folded(token)),
        }
        own.extend(tokens.parts(token));
    }
    own.sort_unstable();
    own.dedup();
    terms.extend(own.into_iter().map(str::to_owned));
}

/// What to seek for a word that was typed: every trace that holds it has all of them.
pub fn keys(word: &Tokens, is_beginning: bool) -> Vec<Key> {
    let list = word.list();
    let mut keys = Vec::with_capacity(list.len());
    for (index, token) in list.iter().enumerate() {
        let folded = word.folded(token).to_owned();
        keys.push(match list.get(index + 1).filter(|next| next.is_joined) {
            Some(next) => Key::Term(folded + word.folded(next)),
            // The last of a pair stands in the one before.
            None if token.is_joined => continue,
            // Alone it may be followed by any other.
            None if token.is_unspaced || (is_beginning && index + 1 == list.len()) => Key::Beginning(folded),
            None => Key::Term(folded),
        });
    }
    keys
}
