use std::{
    hash::BuildHasher,
    ops::{ControlFlow, Range},
};

use hashbrown::{DefaultHashBuilder, HashTable, hash_table::Entry};

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
    /// Of a name, so that a term with its mark is no longer than words can be.
    const BYTES: usize = 60;

    /// Whether no other name has its term.
    pub fn is_told_by_term(self, name: &str) -> bool {
        name.len() < Self::BYTES
    }

    /// The term for a name. Names that are cut alike share one.
    pub fn term(self, name: &str) -> String {
        let kind = match self {
            Self::Tag => 'g',
            Self::Tool => 't',
        };
        // Spaces and signs part words where an index reads terms, so each byte is written as a letter beyond ASCII.
        let name = name.bytes().take(Self::BYTES).map(|byte| {
            if byte.is_ascii_alphanumeric() { char::from(byte) } else { char::from_u32(0xE100 + u32::from(byte)).unwrap_or(NAMES) }
        });
        [NAMES, kind].into_iter().chain(name).collect()
    }
}

/// The terms of a trace, each once.
#[derive(Debug, Default)]
pub struct Terms {
    /// Each with a space behind it.
    text: String,
    /// Where each stands in the text.
    places: HashTable<Range<usize>>,
    hasher: DefaultHashBuilder,
}

impl Terms {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.split_terminator(' ')
    }

    /// All of them, parted by spaces.
    pub fn into_text(self) -> String {
        self.text
    }

    fn push(&mut self, pieces: &[&str]) {
        let Self { text, places, hasher } = self;
        let start = text.len();
        pieces.iter().for_each(|piece| text.push_str(piece));
        let term = |place: &Range<usize>| &text[place.clone()];
        let place = start..text.len();
        let hash = |place: &Range<usize>| hasher.hash_one(term(place));
        match places.entry(hash(&place), |other| term(other) == term(&place), hash) {
            Entry::Occupied(_) => text.truncate(start),
            Entry::Vacant(vacant) => {
                vacant.insert(place);
                text.push(' ');
            }
        }
    }

    /// Pairs of characters where a script has no spaces, else words and the parts of names.
    fn add(&mut self, tokens: &Tokens) {
        for (token, next) in tokens.list().iter().zip(tokens.list().iter().skip(1).map(Some).chain([None])) {
            match next.filter(|next| next.is_joined) {
                Some(next) => self.push(&[tokens.folded(token), tokens.folded(next)]),
                None => self.push(&[tokens.folded(token)]),
            }
            tokens.parts(token).for_each(|part| self.push(&[part]));
        }
    }
}

/// What an index holds of a trace: the words of its texts, its tags and its tools.
pub fn terms(trace: &Trace) -> Terms {
    let mut terms = Terms::default();
    trace.tags.iter().for_each(|tag| terms.push(&[&Exact::Tag.term(tag)]));
    trace.steps.iter().for_each(|step| terms.push(&[&Exact::Tool.term(&step.tool_name)]));
    let _ = each_text(trace, &mut |_, text| {
        Tokens::of_parts(text).for_each(|tokens| terms.add(&tokens));
        ControlFlow::Continue(())
    });
    terms
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
