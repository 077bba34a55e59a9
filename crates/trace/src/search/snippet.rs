use std::ops::{ControlFlow, Range};

use serde::{Deserialize, Serialize};

use super::{
    parse::Search,
    texts::{Place, each_text},
    tokens::Tokens,
};
use crate::Trace;

/// Characters before the first word that was found.
const BEFORE: usize = 48;
/// Characters of it all.
const LENGTH: usize = 180;

/// What was found in a trace, with a little of what stands around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snippet {
    pub place: Place,
    pub pieces: Vec<Piece>,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    pub text: String,
    /// It is what was sought.
    pub is_hit: bool,
}

impl Search {
    /// The text of a trace that holds most of the words, around the first of them; none where no word has to be there.
    pub fn snippet(&self, trace: &Trace) -> Option<Snippet> {
        let words: Vec<_> = self.words().iter().filter(|word| !word.is_not()).collect();
        let mut best: Option<(usize, Snippet)> = None;
        let _ = each_text(trace, &mut |place, text| {
            let tokens = Tokens::of(text);
            let mut hits = Vec::new();
            let mut found = 0;
            for word in &words {
                let before = hits.len();
                hits.extend(word.places_in(&tokens));
                found += usize::from(hits.len() > before);
            }
            if found > best.as_ref().map_or(0, |(most, _)| *most) {
                hits.sort_unstable_by_key(|hit| hit.start);
                best = Some((found, Snippet { place, pieces: pieces(text, &hits) }));
            }
            if found == words.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        best.map(|(_, snippet)| snippet)
    }
}

/// A text around the first hit, in pieces.
fn pieces(text: &str, hits: &[Range<usize>]) -> Vec<Piece> {
    let first = hits.first().map_or(0, |hit| hit.start);
    let start = text[..first].char_indices().rev().take(BEFORE).last().map_or(first, |(start, _)| start);
    // From a word on, rather than from within one.
    let space = text[start..first].char_indices().find(|(_, c)| c.is_whitespace());
    let start = space.filter(|_| start > 0).map_or(start, |(space, c)| start + space + c.len_utf8());
    let end = text[start..].char_indices().nth(LENGTH).map_or(text.len(), |(end, _)| start + end);
    let mut pieces = Vec::new();
    let mut add = |text: &str, is_hit| {
        if !text.is_empty() {
            pieces.push(Piece { text: one_line(text), is_hit });
        }
    };
    add(if start > 0 { "…" } else { "" }, false);
    let mut at = start;
    for hit in hits {
        let (from, to) = (hit.start.max(at), hit.end.min(end));
        if from < to {
            add(&text[at..from], false);
            add(&text[from..to], true);
            at = to;
        }
    }
    add(&text[at..end], false);
    add(if end < text.len() { "…" } else { "" }, false);
    pieces
}

/// Without line breaks, and without the spaces that begin lines.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_whitespace() || c.is_control() {
            true if line.ends_with(' ') => {}
            true => line.push(' '),
            false => line.push(c),
        }
    }
    line
}
