use std::ops::{ControlFlow, Range};

use super::{
    parse::{Search, Word},
    texts::each_text,
    tokens::{Token, Tokens},
};
use crate::Trace;

impl Search {
    /// Whether a trace is meant.
    pub fn finds(&self, trace: &Trace) -> bool {
        self.conditions().iter().all(|condition| condition.holds(trace)) && self.finds_words(trace)
    }

    /// The same, of its words alone.
    pub fn finds_words(&self, trace: &Trace) -> bool {
        let (unwanted, mut missing): (Vec<&Word>, Vec<&Word>) = self.words().iter().partition(|word| word.is_not());
        if unwanted.is_empty() && missing.is_empty() {
            return true;
        }
        let mut is_refused = false;
        let _ = each_text(trace, &mut |_, text| {
            let text = Tokens::of(text);
            missing.retain(|word| word.places_in(&text).next().is_none());
            is_refused = unwanted.iter().any(|word| word.places_in(&text).next().is_some());
            let is_sure = is_refused || (missing.is_empty() && unwanted.is_empty());
            if is_sure { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        missing.is_empty() && !is_refused
    }
}

impl Word {
    /// Where a text holds it, in bytes.
    pub(super) fn places_in<'a>(&'a self, text: &'a Tokens) -> impl Iterator<Item = Range<usize>> + 'a {
        let wanted = self.tokens().list();
        let last = wanted.len().saturating_sub(1);
        text.list().windows(wanted.len().max(1)).filter(move |_| !wanted.is_empty()).filter_map(move |found| {
            let is_found = (0..=last).all(|index| self.is_same(index, last, text, &found[index]));
            is_found.then(|| found[0].at.start..found[last].at.end)
        })
    }

    /// Whether a word of a text is this one of a phrase. Of a name, that is of its parts the one that is next to the others.
    fn is_same(&self, index: usize, last: usize, text: &Tokens, found: &Token) -> bool {
        let wanted = &self.tokens().list()[index];
        let folded = self.tokens().folded(wanted);
        let is = |found: &str| if self.is_beginning && index == last { found.starts_with(folded) } else { found == folded };
        let mut parts = text.parts(found);
        let is_part = match index {
            _ if last == 0 => parts.any(is),
            0 => parts.last().is_some_and(is),
            index if index == last => parts.next().is_some_and(is),
            _ => false,
        };
        (found.is_joined || !wanted.is_joined) && (is_part || is(text.folded(found)))
    }
}
