//! Search: what a person types, the words of a text, and where they meet.
//!
//! Words are compared folded: without case, accents and marks. A word of several terms (`gpt-4o`, `東京都`) is found where they follow
//! each other. An index holds the [`terms`] of a trace; which of its traces match, [`Search::finds`] says.

/// Letters without case, accents and marks.
mod fold;

/// The words of a text.
mod tokens;

/// The texts of a trace that are searched.
mod texts;
pub use texts::Place;

/// What an index holds of a trace.
mod terms;
pub use terms::{Exact, Key, Terms, terms};

/// A condition that stands in the search box: `model:gpt-4o`, `latency:>2s`.
mod condition;
pub use condition::{Bounds, Condition, Field};

/// What was typed, taken apart.
mod parse;
pub use parse::{Search, Word};

/// What may be meant by what is being typed.
mod complete;
pub use complete::{Completion, complete, condition, pieces};

/// Whether a trace is meant.
mod find;

/// What was found, with a little of what stands around it.
mod snippet;
pub use snippet::{Piece, Snippet};
