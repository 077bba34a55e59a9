use std::ops::Range;

use super::fold::{fold, is_of_word, is_unspaced};

/// Bytes of a word that count; what is longer (base64, hashes joined) is the same as another with that beginning.
const LONGEST: usize = 64;
/// Characters up to which a name is taken apart at its capitals: beyond, they are noise.
const LONGEST_NAME: usize = 48;

/// A word of a text, or a character of a script without spaces.
#[derive(Clone, Debug)]
pub struct Token {
    /// Where it stands in the text, in bytes.
    pub at: Range<usize>,
    /// Where its folded form stands.
    folded: Range<usize>,
    /// Where the parts of a name like `TimeoutError` stand in its folded form, if there are several.
    parts: Range<usize>,
    /// A character that directly follows another of a script without spaces.
    pub is_joined: bool,
    /// A character of a script without spaces.
    pub is_unspaced: bool,
}

/// The words of a text, in order.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    folded: String,
    parts: Vec<Range<usize>>,
    list: Vec<Token>,
}

impl Tokens {
    pub fn of(text: &str) -> Self {
        Self::with_escapes(text, has_escapes(text))
    }

    /// The words of each part of a long text, so that all of them never stand in memory at once; parts end at spaces.
    pub fn of_parts(text: &str) -> impl Iterator<Item = Self> {
        const BYTES: usize = 64 << 10;
        let has_escapes = has_escapes(text);
        let mut rest = Some(text);
        std::iter::from_fn(move || {
            let text = rest.take()?;
            let space = text.as_bytes().iter().skip(BYTES).position(|byte| byte.is_ascii_whitespace());
            let (part, behind) = text.split_at(space.map_or(text.len(), |space| BYTES + space));
            rest = Some(behind).filter(|behind| !behind.is_empty());
            Some(Self::with_escapes(part, has_escapes))
        })
    }

    fn with_escapes(text: &str, has_escapes: bool) -> Self {
        let mut tokens = Self { folded: String::with_capacity(text.len()), parts: Vec::new(), list: Vec::with_capacity(text.len() / 5) };
        let mut word = Word::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let start = text.len() - rest.len();
            // Most of a text is small letters of ASCII, which are themselves when folded and end no part of a name.
            let plain =
                if word.was_capital { 0 } else { rest.bytes().take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9')).count() };
            if plain > 0 {
                tokens.push_plain(&mut word, &rest[..plain], start);
                rest = &rest[plain..];
                continue;
            }
            let (c, width) = match rest.strip_prefix('\\') {
                Some(behind) if has_escapes => escaped(behind),
                _ => (first, first.len_utf8()),
            };
            rest = &rest[width..];
            let at = start..start + width;
            if !is_of_word(c) {
                tokens.end(&mut word);
            } else if is_unspaced(c) {
                tokens.end(&mut word);
                tokens.add_unspaced(c, at);
            } else {
                tokens.push(&mut word, c, at);
            }
        }
        tokens.end(&mut word);
        tokens
    }

    pub fn list(&self) -> &[Token] {
        &self.list
    }

    pub fn folded(&self, token: &Token) -> &str {
        &self.folded[token.folded.clone()]
    }

    pub fn parts(&self, token: &Token) -> impl Iterator<Item = &str> {
        self.parts[token.parts.clone()].iter().map(|part| &self.folded[part.clone()])
    }

    fn begin(&self, word: &mut Word, at: usize) {
        if word.at.is_empty() {
            let (folded, first_part) = (self.folded.len(), self.parts.len());
            *word = Word { at: at..at, folded, first_part, part: folded, ..Word::default() };
        }
    }

    /// Small letters and digits of ASCII, behind none that is capital.
    fn push_plain(&mut self, word: &mut Word, plain: &str, at: usize) {
        self.begin(word, at);
        self.folded.push_str(plain);
        word.last = self.folded.len() - 1;
        word.was_small = plain.ends_with(|last: char| last.is_ascii_lowercase());
        word.chars += plain.len();
        word.at.end = at + plain.len();
    }

    fn push(&mut self, word: &mut Word, c: char, at: Range<usize>) {
        self.begin(word, at.start);
        let is_capital = c.is_uppercase();
        // `timeoutError`, and `HTTPError`, of which only its `r` tells where the word begins.
        if is_capital && word.was_small {
            self.end_part(word, self.folded.len());
        } else if !is_capital && word.was_capital && word.last > word.part && c.is_lowercase() {
            self.end_part(word, word.last);
        }
        word.last = self.folded.len();
        (word.was_capital, word.was_small) = (is_capital, c.is_lowercase());
        word.chars += 1;
        word.at.end = at.end;
        fold(c, &mut self.folded);
    }

    fn end_part(&mut self, word: &mut Word, at: usize) {
        if word.chars < LONGEST_NAME && at > word.part {
            self.parts.push(word.part..at);
            word.part = at;
        }
    }

    fn end(&mut self, word: &mut Word) {
        let mut word = std::mem::take(word);
        if word.at.is_empty() || self.folded.len() == word.folded {
            return;
        }
        if self.parts.len() > word.first_part && word.chars < LONGEST_NAME {
            self.end_part(&mut word, self.folded.len());
        } else {
            self.parts.truncate(word.first_part);
        }
        let mut end = self.folded.len().min(word.folded + LONGEST);
        while !self.folded.is_char_boundary(end) {
            end -= 1;
        }
        let parts = word.first_part..self.parts.len();
        self.list.push(Token { at: word.at, folded: word.folded..end, parts, is_joined: false, is_unspaced: false });
    }

    fn add_unspaced(&mut self, c: char, at: Range<usize>) {
        let start = self.folded.len();
        fold(c, &mut self.folded);
        if self.folded.len() == start {
            return;
        }
        let is_joined = self.list.last().is_some_and(|last| last.is_unspaced && last.at.end == at.start);
        let parts = self.parts.len()..self.parts.len();
        self.list.push(Token { at, folded: start..self.folded.len(), parts, is_joined, is_unspaced: true });
    }
}

/// A word that is being read.
#[derive(Default)]
struct Word {
    at: Range<usize>,
    folded: usize,
    first_part: usize,
    /// Where the part that is being read begins.
    part: usize,
    /// Where the last character begins.
    last: usize,
    chars: usize,
    was_small: bool,
    was_capital: bool,
}

/// Whether a text holds JSON as text, in which a backslash escapes what follows. In others it is a path's, or just there.
fn has_escapes(text: &str) -> bool {
    text.contains('\\') && (text.trim_start().starts_with(['{', '[', '"']) || text.contains("\\\"") || text.contains("\\u00"))
}

/// The character that an escape stands for, given what follows the backslash, and the bytes of it all.
fn escaped(behind: &str) -> (char, usize) {
    let unit = |text: &str| text.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let Some(hex) = behind.strip_prefix('u') else {
        // `\n`, `\"` and the like part words.
        return (' ', 1 + behind.chars().next().map_or(0, char::len_utf8));
    };
    match unit(hex) {
        Some(high @ 0xD800..=0xDBFF) => {
            let low = hex.get(4..).and_then(|rest| rest.strip_prefix("\\u")).and_then(unit).filter(|low| (0xDC00..=0xDFFF).contains(low));
            let both = low.and_then(|low| char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)));
            both.map_or((' ', 6), |c| (c, 12))
        }
        Some(unit) => (char::from_u32(unit).unwrap_or(' '), 6),
        None => (' ', 2),
    }
}

#[cfg(test)]
mod tests {
    use super::Tokens;

    fn words(text: &str) -> Vec<String> {
        let tokens = Tokens::of(text);
        let parts = |token| tokens.parts(token).map(|part| format!("+{part}")).collect::<String>();
        tokens.list().iter().map(|token| format!("{}{}", tokens.folded(token), parts(token))).collect()
    }

    #[test]
    fn a_text_is_its_words() {
        assert_eq!(
            words("The gpt-4o_mini said: “Grüß Gott”, isn't it?"),
            ["the", "gpt", "4o", "mini", "said", "gruss", "gott", "isn", "t", "it"]
        );
        assert_eq!(words("TimeoutError"), ["timeouterror+timeout+error"]);
        assert_eq!(words("HTTPError, getURLOf, A, aB"), ["httperror+http+error", "geturlof+get+url+of", "a", "ab+a+b"]);
        assert_eq!(words("東京 都 in 日本"), ["東", "京", "都", "in", "日", "本"]);
        assert_eq!(words(""), [""; 0]);
        assert_eq!(words("--- !?"), [""; 0]);
        let long = "a".repeat(500);
        assert_eq!(words(&long), [&long[..64]]);
    }

    #[test]
    fn escapes_of_json_are_what_they_stand_for() {
        assert_eq!(words(r#"{"city":"M\u00fcnchen\nBerlin","emoji":"\ud83d\ude00"}"#), ["city", "munchen", "berlin", "emoji"]);
        assert_eq!(words(r#"said {\"a\":\"x\\ny\"}"#), ["said", "a", "x", "ny"]);
        assert_eq!(words(r"C:\new\table"), ["c", "new", "table"]);
        assert_eq!(words(r#"{"a\"#), ["a"]);
        assert_eq!(words(r#"{"\u00"#), ["00"]);
    }

    #[test]
    fn a_word_tells_where_it_stands() {
        let text = r#"{"M\u00fcnchen 東京"}"#;
        let tokens = Tokens::of(text);
        let found: Vec<&str> = tokens.list().iter().map(|token| &text[token.at.clone()]).collect();
        assert_eq!(found, [r"M\u00fcnchen", "東", "京"]);
        assert_eq!(tokens.list().iter().map(|token| token.is_joined).collect::<Vec<_>>(), [false, false, true]);
    }
}
