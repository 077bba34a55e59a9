use memchr::memchr2;
use serde_json::{Map, Value};

use crate::Issue;

/// Objects and arrays within each other, the outermost counted.
pub(crate) const MAX_DEPTH: usize = 64;

/// A JSON value without integers beyond i64 and without NUL in keys, and what had to be changed for that.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub value: Value,
    pub issues: Vec<Issue>,
    /// Levels of objects and arrays, at most [`MAX_DEPTH`].
    pub depth: usize,
}

/// Reads JSON text. serde_json does the parsing; a scan before it keeps what that parser would lose (long integers), die of (lone
/// surrogates) or be hurt by (depth), and knows the path of each.
pub(crate) fn decode(text: &str) -> Result<Decoded, Issue> {
    let scanned = Scan::new(text).run()?;
    let safe = scanned.rewritten.as_deref().unwrap_or(text);
    let value = serde_json::from_str(safe).map_err(|error| Issue::error("json.syntax", "$", format!("not JSON: {error}")))?;
    Ok(Decoded { value, issues: scanned.issues, depth: scanned.depth })
}

/// Fields that were never text, as a document holds them: without long integers and NUL in keys, each value of at most `most` levels. One
/// that is nested deeper becomes its JSON text.
pub(crate) fn storable(fields: Map<String, Value>, most: usize) -> Map<String, Value> {
    let is_storable = |(name, value): (&String, &Value)| !name.contains('\0') && plain_depth(value).is_some_and(|depth| depth <= most);
    if fields.iter().all(is_storable) {
        return fields;
    }
    let stored = fields.into_iter().map(|(name, value)| {
        let value = match plain_depth(&value) {
            Some(_) => value,
            None => decode(&value.to_string()).map_or_else(|_| Value::String(value.to_string()), |decoded| decoded.value),
        };
        let value = if depth(&value) > most { Value::String(value.to_string()) } else { value };
        (name.replace('\0', "\u{fffd}"), value)
    });
    stored.collect()
}

/// Levels of a value that has neither long integers nor NUL in keys; none of one that has.
fn plain_depth(value: &Value) -> Option<usize> {
    let deepest = |depth: usize, value: &Value| Some(depth.max(plain_depth(value)?));
    match value {
        Value::Array(items) => items.iter().try_fold(0, deepest).map(|depth| depth + 1),
        Value::Object(fields) if fields.keys().any(|key| key.contains('\0')) => None,
        Value::Object(fields) => fields.values().try_fold(0, deepest).map(|depth| depth + 1),
        Value::Number(number) if number.is_u64() && !number.is_i64() => None,
        _ => Some(0),
    }
}

struct Scanned {
    rewritten: Option<String>,
    issues: Vec<Issue>,
    depth: usize,
}

enum Level<'a> {
    Object { key: &'a str, expects_key: bool },
    Array { index: usize },
}

struct Scan<'a> {
    text: &'a str,
    levels: Vec<Level<'a>>,
    issues: Vec<Issue>,
    depth: usize,
    /// The text so far with its changes, and up to where of `text` it stands for.
    rewritten: String,
    copied: usize,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, levels: Vec::new(), issues: Vec::new(), depth: 0, rewritten: String::new(), copied: 0 }
    }

    fn run(mut self) -> Result<Scanned, Issue> {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let start = at;
            at += 1;
            match byte {
                b'{' => self.open(Level::Object { key: "", expects_key: true })?,
                b'[' => self.open(Level::Array { index: 0 })?,
                b'}' | b']' => drop(self.levels.pop()),
                b',' => match self.levels.last_mut() {
                    Some(Level::Object { expects_key, .. }) => *expects_key = true,
                    Some(Level::Array { index }) => *index += 1,
                    None => {}
                },
                b'"' => {
                    let has_escapes;
                    (at, has_escapes) = string_end(bytes, at);
                    self.string(start, at, has_escapes);
                }
                b'-' | b'0'..=b'9' => {
                    while bytes.get(at).is_some_and(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
                        at += 1;
                    }
                    self.number(start, at)?;
                }
                _ => {}
            }
        }
        let rewritten = (self.copied > 0).then(|| self.rewritten + &self.text[self.copied..]);
        Ok(Scanned { rewritten, issues: self.issues, depth: self.depth })
    }

    fn open(&mut self, level: Level<'a>) -> Result<(), Issue> {
        if self.levels.len() == MAX_DEPTH {
            return Err(too_deep(MAX_DEPTH));
        }
        self.levels.push(level);
        self.depth = self.depth.max(self.levels.len());
        Ok(())
    }

    fn string(&mut self, start: usize, end: usize, has_escapes: bool) {
        let raw = &self.text[start..end];
        let mut is_key = false;
        if let Some(Level::Object { key, expects_key }) = self.levels.last_mut()
            && *expects_key
        {
            (*key, *expects_key, is_key) = (raw, false, true);
        }
        if !has_escapes {
            return;
        }
        let mut at = start;
        while let Some(found) = self.text[at..end].find('\\') {
            at += found;
            let escape = &self.text[at..end];
            let Some(unit) = unicode_escape(escape) else {
                // Behind a backslash may stand anything before the parser has said no, a character of several bytes too.
                at += 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
                continue;
            };
            let low = escape.get(6..).and_then(unicode_escape);
            match unit {
                0xD800..=0xDBFF if matches!(low, Some(0xDC00..=0xDFFF)) => at += 12,
                0xD800..=0xDFFF => {
                    self.replace(at, at + 6, "\\ufffd");
                    self.warn("text.surrogate", "half of a surrogate pair is no character; it was replaced by U+FFFD");
                    at += 6;
                }
                0 if is_key => {
                    self.replace(at, at + 6, "\\ufffd");
                    self.warn("key.nul", "a field name can't hold the character NUL; it was replaced by U+FFFD");
                    at += 6;
                }
                _ => at += 6,
            }
        }
    }

    fn number(&mut self, start: usize, end: usize) -> Result<(), Issue> {
        let token = &self.text[start..end];
        let is_integer = !token.bytes().any(|b| matches!(b, b'.' | b'e' | b'E'));
        if is_integer {
            // Shorter ones always fit; what is no number at all is the parser's to refuse.
            let digits = token.strip_prefix('-').unwrap_or(token);
            if token.len() > 18 && digits.bytes().all(|b| b.is_ascii_digit()) && token.parse::<i64>().is_err() {
                self.replace(start, end, &format!("\"{token}\""));
                self.warn("number.too_large", "an integer of more than 64 bits; it is kept as text");
            }
        } else if token.parse::<f64>().is_ok_and(f64::is_infinite) {
            return Err(Issue::error("number.not_finite", self.path(), "is too large for a number; at most ±1.8e308 is allowed"));
        }
        Ok(())
    }

    fn replace(&mut self, start: usize, end: usize, with: &str) {
        self.rewritten.push_str(&self.text[self.copied..start]);
        self.rewritten.push_str(with);
        self.copied = end;
    }

    fn warn(&mut self, code: &'static str, message: &str) {
        let path = self.path();
        // One remark for a text, however many of its characters are broken.
        if self.issues.last().is_none_or(|last| last.path != path || last.code != code) {
            self.issues.push(Issue::warning(code, path, message));
        }
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for level in &self.levels {
            match level {
                Level::Object { key, .. } => {
                    push_key(&mut path, &serde_json::from_str::<String>(key).unwrap_or_else(|_| (*key).to_owned()))
                }
                Level::Array { index } => path.push_str(&format!("[{index}]")),
            }
        }
        if path.is_empty() { "$".to_owned() } else { path }
    }
}

pub(crate) fn too_deep(most: usize) -> Issue {
    Issue::error("json.depth", "$", format!("is nested more than {most} levels deep, which is the most that is read"))
}

/// Levels of objects and arrays in a value.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Adds a field to a path: `.name`, or `["any name"]` for what is no plain word.
pub(crate) fn push_key(path: &mut String, key: &str) {
    let is_plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
    if !is_plain {
        path.push_str(&format!("[{key:?}]"));
    } else {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    }
}

/// Where the string that opened before `at` ends, behind its closing quote or at the end of the text, and whether it has escapes.
fn string_end(bytes: &[u8], mut at: usize) -> (usize, bool) {
    let mut has_escapes = false;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found + 1;
        if bytes[at - 1] == b'"' {
            return (at, has_escapes);
        }
        has_escapes = true;
        at += 1;
    }
    (bytes.len(), has_escapes)
}

/// The code unit of an escape `\uXXXX` at the start of `text`.
fn unicode_escape(text: &str) -> Option<u16> {
    let hex = text.strip_prefix("\\u")?.get(..4)?;
    if hex.bytes().all(|b| b.is_ascii_hexdigit()) { u16::from_str_radix(hex, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{decode, storable};

    #[track_caller]
    fn check(text: &str, value: &str, issues: &str) {
        let decoded = decode(text).unwrap();
        let found: Vec<_> = decoded.issues.iter().map(|issue| format!("{} {}", issue.code, issue.path)).collect();
        assert_eq!((decoded.value.to_string().as_str(), found.join("; ").as_str()), (value, issues));
    }

    #[test]
    fn keeps_integers_beyond_64_bits_as_text() {
        check(r#"{"a":[1,9223372036854775807]}"#, r#"{"a":[1,9223372036854775807]}"#, "");
        check(r#"{"a":[1,9223372036854775808]}"#, r#"{"a":[1,"9223372036854775808"]}"#, "number.too_large a[1]");
        check(r#"{"a.b":{"c":-92233720368547758080}}"#, r#"{"a.b":{"c":"-92233720368547758080"}}"#, r#"number.too_large ["a.b"].c"#);
        check(r#"{"a":"9223372036854775808"}"#, r#"{"a":"9223372036854775808"}"#, "");
        check("18446744073709551615", r#""18446744073709551615""#, "number.too_large $");
    }

    #[test]
    fn mends_what_no_database_holds() {
        check(r#"{"a":"x\ud800y\udc00","b":"\ud83d\ude00"}"#, "{\"a\":\"x\u{fffd}y\u{fffd}\",\"b\":\"😀\"}", "text.surrogate a");
        check(r#"{"a\u0000b":"c\u0000d"}"#, "{\"a\u{fffd}b\":\"c\\u0000d\"}", "key.nul [\"a\\0b\"]");
        check(r#"{"a":"\\ud800"}"#, r#"{"a":"\\ud800"}"#, "");
    }

    #[test]
    fn counts_depth_as_people_do() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(decode(&nested(64)).is_ok());
        assert_eq!(decode(&nested(65)).unwrap_err().code, "json.depth");
        assert_eq!(decode(&"[".repeat(1 << 20)).unwrap_err().code, "json.depth");
        assert!(decode(&format!("[{}1]", "[],".repeat(1000))).is_ok());
    }

    #[test]
    fn says_where_a_number_is_too_large() {
        let issue = decode(r#"{"steps":[{},{"duration":1e999}]}"#).unwrap_err();
        assert_eq!((issue.code.as_ref(), issue.path.as_str()), ("number.not_finite", "steps[1].duration"));
    }

    #[test]
    fn leaves_bad_json_to_the_parser() {
        for text in ["", "{", "nope", "{\"a\":01}", "\"\\", "\"\\é\"", "[1,]", "NaN", "{\"a\" 1}", "]", "1 2", "\"\\u12", "-", "1-2"] {
            assert_eq!(decode(text).unwrap_err().code, "json.syntax", "{text}");
        }
    }

    #[test]
    fn fields_that_were_never_text_become_storable() {
        let fields = |value: Value| value.as_object().unwrap().clone();
        let plain = fields(json!({"a": [1, {"b": "c\0"}], "d": i64::MAX}));
        assert_eq!(storable(plain.clone(), 2), plain);
        let stored = storable(fields(json!({"n\0": u64::MAX, "in": [{"k\0": 1}], "deep": [[[1]]]})), 2);
        assert_eq!(Value::Object(stored), json!({"n\u{fffd}": "18446744073709551615", "in": [{"k\u{fffd}": 1}], "deep": "[[[1]]]"}));
    }
}
