use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::{
    condition::{Condition, Field},
    terms::{Exact, Key, keys},
    tokens::Tokens,
};

/// What stands in a search box: words, `"phrases"`, `begin*`, `-not` and conditions like `status:failed`. All of it must hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Search {
    text: String,
    words: Vec<Word>,
    conditions: Vec<Condition>,
}

/// A word or a phrase.
#[derive(Clone, Debug)]
pub struct Word {
    text: String,
    /// Made when first needed: a browser only passes searches on, and goes without what folds every alphabet.
    tokens: OnceLock<Tokens>,
    /// Words that begin so are meant too.
    pub(super) is_beginning: bool,
    is_not: bool,
}

/// Most characters of it.
const LONGEST: usize = 2_000;

impl Search {
    /// Reads what was typed. A phrase that is not closed goes to the end; a name before a colon that is none of a condition is text.
    ///
    /// # Errors
    /// A condition that cannot be read, or nothing to search for: in words that follow the name of the field.
    ///
    /// ```
    /// use tracellm_trace::Search;
    /// assert!(Search::parse(r#"timeout -"rate limit" model:gpt-4o latency:>2s"#).is_ok());
    /// assert!(Search::parse("latency:soon").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().to_owned();
        if text.chars().count() > LONGEST {
            return Err(format!("is longer than {LONGEST} characters"));
        }
        let (mut words, mut conditions) = (Vec::new(), Vec::new());
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let is_not = rest.starts_with('-') && rest[1..].starts_with(|c: char| c.is_alphanumeric() || c == '"');
            let (name, behind) = name_of(&rest[usize::from(is_not)..]);
            if let Some(name) = name {
                let (values, behind) = values_of(behind);
                let lower = name.to_ascii_lowercase();
                if let Some(condition) = Condition::parse(&lower, values, is_not) {
                    conditions.push(condition?);
                    rest = behind.trim_start();
                    continue;
                }
            }
            let (word, is_beginning, behind) = word_of(&rest[usize::from(is_not)..]);
            if !word.contains(char::is_alphanumeric) {
                return Err(format!("has no letter or digit to search for in `{word}`"));
            }
            words.push(Word { text: word.to_owned(), tokens: OnceLock::new(), is_beginning, is_not });
            rest = behind.trim_start();
        }
        Ok(Self { text, words, conditions })
    }

    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn words(&self) -> &[Word] {
        &self.words
    }

    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The same without those conditions that `take` takes; none where nothing is left.
    pub(crate) fn without(&self, mut take: impl FnMut(&Condition) -> bool) -> Option<Self> {
        let mut left = self.clone();
        left.conditions.retain(|condition| !take(condition));
        (!left.words.is_empty() || !left.conditions.is_empty()).then_some(left)
    }

    /// What to seek in an index: every trace that is found has all of these terms. None where only what must not be there is named.
    pub fn keys(&self) -> Vec<Key> {
        let tools = self.conditions.iter().filter_map(|condition| match &condition.field {
            Field::Tool(names) if !condition.is_not && names.len() == 1 => Some(Key::Term(Exact::Tool.term(&names[0]))),
            _ => None,
        });
        let words = self.words.iter().filter(|word| !word.is_not).flat_map(|word| keys(word.tokens(), word.is_beginning));
        words.chain(tools).collect()
    }

    /// Every trace that has the keys is found, if its other fields are those of the conditions: no word is a phrase, or must not be there.
    pub fn is_told_by_keys(&self) -> bool {
        !self.asks_for_steps() && self.words.iter().all(|word| !word.is_not && word.tokens().list().len() == 1)
    }

    /// Whether the texts or the steps of a trace tell that it is found, and not its other fields alone.
    pub fn asks_for_texts(&self) -> bool {
        !self.words.is_empty() || self.asks_for_steps()
    }

    fn asks_for_steps(&self) -> bool {
        self.conditions.iter().any(|condition| matches!(condition.field, Field::Tool(_)))
    }
}

impl Word {
    /// None only where all of it is marks.
    pub(super) fn tokens(&self) -> &Tokens {
        self.tokens.get_or_init(|| Tokens::of(&self.text))
    }

    pub fn is_not(&self) -> bool {
        self.is_not
    }
}

/// What was typed before a colon that something follows, if that looks like a name, and what follows.
fn name_of(text: &str) -> (Option<&str>, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    match text[end..].strip_prefix(':') {
        Some(behind) if end > 0 && !behind.starts_with(char::is_whitespace) && !behind.is_empty() => (Some(&text[..end]), behind),
        _ => (None, text),
    }
}

/// The values behind a colon, parted by commas, each bare or in quotes; and what follows.
fn values_of(mut text: &str) -> (Vec<String>, &str) {
    let mut values = Vec::new();
    loop {
        let (value, behind) = match text.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => text.split_at(text.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(text.len())),
        };
        values.push(value.to_owned());
        match behind.strip_prefix(',') {
            Some(further) => text = further,
            None => return (values, behind),
        }
    }
}

/// The word or phrase that a text begins with, whether it is the beginning of words, and what follows.
fn word_of(text: &str) -> (&str, bool, &str) {
    if let Some(quoted) = text.strip_prefix('"') {
        let (phrase, behind) = quoted.split_once('"').unwrap_or((quoted, ""));
        return (phrase, false, behind);
    }
    let (word, behind) = text.split_at(text.find(|c: char| c == '"' || c.is_whitespace()).unwrap_or(text.len()));
    (word, word.ends_with('*'), behind)
}

impl PartialEq for Search {
    /// What is left of it counts, however it was typed.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.conditions == other.conditions
    }
}

impl TryFrom<String> for Search {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Search> for String {
    fn from(search: Search) -> Self {
        search.text
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition, Search};
    use crate::{
        Status,
        search::{Bounds, Field},
    };

    fn condition(text: &str) -> Condition {
        let search = Search::parse(text).unwrap();
        assert_eq!((search.words.len(), search.conditions.len()), (0, 1), "{text}");
        search.conditions[0].clone()
    }

    fn words(text: &str) -> Vec<String> {
        let sign = |word: &super::Word| match (word.is_not, word.is_beginning) {
            (true, _) => "-",
            (false, true) => "^",
            (false, false) => "",
        };
        let terms = |word: &super::Word| word.tokens().list().iter().map(|token| word.tokens().folded(token)).collect::<Vec<_>>().join(" ");
        Search::parse(text).unwrap().words.iter().map(|word| format!("{}{}", sign(word), terms(word))).collect()
    }

    #[test]
    fn words_phrases_and_what_must_not_be_there() {
        assert_eq!(
            words(r#" time  out "rate limit" -slow -"two words" begin* "#),
            ["time", "out", "rate limit", "-slow", "-two words", "^begin"]
        );
        assert_eq!(words(r#"a"b c"d"#), ["a", "b c", "d"]);
        assert_eq!(words(r#""not closed"#), ["not closed"]);
        // Looks like a condition and is none.
        assert_eq!(words("error: http://x --flag 12:30 2-3"), ["error", "http x", "flag", "12 30", "2 3"]);
        assert_eq!(words("model: x"), ["model", "x"]);
        assert_eq!(words(""), [""; 0]);
    }

    #[test]
    fn conditions_are_read_as_people_write_them() {
        assert_eq!(condition("status:FAILED").field, Field::Status(vec![Status::Failed]));
        assert_eq!(
            condition("-status:failed,warning"),
            Condition { field: Field::Status(vec![Status::Failed, Status::Warning]), is_not: true }
        );
        assert_eq!(condition(r#"model:"gpt 4",b"#).field, Field::Model(vec!["gpt 4".into(), "b".into()]));
        assert_eq!(condition("env:prod").field, Field::Environment(vec!["prod".into()]));
        assert_eq!(condition("session:s:1").field, Field::Session(vec!["s:1".into()]));
        let least = |least: f64| Field::Latency(Bounds { least: Some(least), most: None });
        assert_eq!(condition("latency:>=2s").field, least(2_000.0));
        assert_eq!(condition("latency:>2s").field, least(2_000_f64.next_up()));
        assert_eq!(condition("latency:1.5m..").field, least(90_000.0));
        assert_eq!(condition("latency:1s..3s").field, Field::Latency(Bounds { least: Some(1_000.0), most: Some(3_000.0) }));
        assert_eq!(condition("tokens:<500").field, Field::Tokens(Bounds { least: None, most: Some(499) }));
        assert_eq!(condition("tokens:>=1.5k").field, Field::Tokens(Bounds { least: Some(1_500), most: None }));
        assert_eq!(condition("cost:<=$0.05").field, Field::Cost(Bounds { least: None, most: Some(0.05) }));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (text, said) in [
            ("status:broken", "`status:` wants success, warning or failed, not `broken`"),
            ("latency:2s", "`latency:` wants >2s, <=500ms, 1s..3s, not `2s`"),
            ("latency:>soon", "`latency:` wants >2s, <=500ms, 1s..3s, not `>soon`"),
            ("tokens:5..1", "`tokens:` wants >1000, <10k, 500..2k, not `5..1`"),
            ("tokens:..", "`tokens:` wants >1000, <10k, 500..2k, not `..`"),
            ("cost:>-1", "`cost:` wants >0.01, in dollars, not `>-1`"),
            ("found ???", "has no letter or digit to search for in `???`"),
        ] {
            assert_eq!(Search::parse(text).unwrap_err(), said);
        }
        assert!(Search::parse(&"word ".repeat(500)).is_err());
        // Marks alone are in no text.
        assert!(Search::parse("\u{64b}").unwrap().keys().is_empty());
    }
}
