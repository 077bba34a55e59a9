//! JSON that is read only where one looks: a value of many megabytes is open at once.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// What stands directly within a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Within {
    /// Names, and where their values stand in the text.
    Object(Vec<(String, Range<usize>)>),
    Array(Vec<Range<usize>>),
    /// A text, a number, `true`, `false` or `null`.
    Nothing,
}

/// What stands within the value at a place of a text; none where that is no JSON.
pub fn within(text: &str, at: &Range<usize>) -> Option<Within> {
    let value = text.get(at.clone())?;
    if !value.trim_start().starts_with(['{', '[']) {
        return Some(Within::Nothing);
    }
    let parts: Parts = serde_json::from_str(value).ok()?;
    // All are parts of one text, so addresses tell where.
    let place = |raw: &RawValue| {
        let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        start..start + raw.get().len()
    };
    Some(match parts {
        Parts::Object(fields) => Within::Object(fields.into_iter().map(|(name, raw)| (name, place(raw))).collect()),
        Parts::Array(items) => Within::Array(items.into_iter().map(place).collect()),
    })
}

/// The place of the whole value of a text.
pub fn whole(text: &str) -> Range<usize> {
    let start = text.len() - text.trim_start().len();
    start..start + text.trim().len()
}

/// A step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// `.name`, `["any name"]` or `[3]`.
    pub name: String,
    /// Which of those that stand beside it, from 0.
    pub index: usize,
    pub at: Range<usize>,
}

/// The way from the whole to the innermost value around a place.
pub fn way_to(text: &str, place: usize) -> Vec<Turn> {
    let mut way = Vec::new();
    let mut at = whole(text);
    loop {
        let next = match within(text, &at) {
            Some(Within::Object(fields)) => {
                // A name stands before its value, and behind the value before it.
                let found = fields.into_iter().enumerate().find(|(_, (_, at))| place < at.end);
                found.map(|(index, (name, at))| Turn { name: field(&name), index, at })
            }
            Some(Within::Array(items)) => items.into_iter().enumerate().find(|(_, at)| place < at.end).map(|(index, at)| Turn {
                name: format!("[{index}]"),
                index,
                at,
            }),
            Some(Within::Nothing) | None => None,
        };
        let Some(turn) = next else { return way };
        at = turn.at.clone();
        let is_name = place < at.start;
        way.push(turn);
        if is_name {
            return way;
        }
    }
}

/// How a field is written in a path.
pub fn field(name: &str) -> String {
    let mut path = String::from("$");
    crate::decode::push_key(&mut path, name);
    path.split_off(1)
}

/// Where a text is found, as it is written in the JSON, ASCII letters of either case; at most `most` places.
pub fn find(text: &str, sought: &str, most: usize) -> Vec<usize> {
    let Ok(written) = serde_json::to_string(sought) else { return Vec::new() };
    let sought = &written.as_bytes()[1..written.len() - 1];
    let Some(first) = sought.first() else { return Vec::new() };
    let bytes = text.as_bytes();
    let starts = bytes.iter().enumerate().filter(|(_, byte)| byte.eq_ignore_ascii_case(first)).map(|(at, _)| at);
    starts.filter(|at| bytes.get(*at..at + sought.len()).is_some_and(|found| found.eq_ignore_ascii_case(sought))).take(most).collect()
}

enum Parts<'a> {
    Object(Vec<(String, &'a RawValue)>),
    Array(Vec<&'a RawValue>),
}

impl<'a> Deserialize<'a> for Parts<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'a> Visitor<'a> for Reader {
    type Value = Parts<'a>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(field) = fields.next_entry()? {
            found.push(field);
        }
        Ok(Parts::Object(found))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(item) = items.next_element()? {
            found.push(item);
        }
        Ok(Parts::Array(found))
    }
}

#[cfg(test)]
mod tests {
    use super::{Within, find, way_to, whole, within};

    const TEXT: &str = r#" {"a": [1, {"b c": "x\"Y"}, "é"], "d": {}, "e": null} "#;

    #[test]
    fn a_value_is_read_level_by_level() {
        let Some(Within::Object(fields)) = within(TEXT, &whole(TEXT)) else { panic!("no object") };
        assert_eq!(
            fields.iter().map(|(name, at)| (name.as_str(), &TEXT[at.clone()])).collect::<Vec<_>>(),
            [("a", r#"[1, {"b c": "x\"Y"}, "é"]"#), ("d", "{}"), ("e", "null")]
        );
        let Some(Within::Array(items)) = within(TEXT, &fields[0].1) else { panic!("no array") };
        assert_eq!(items.iter().map(|at| &TEXT[at.clone()]).collect::<Vec<_>>(), ["1", r#"{"b c": "x\"Y"}"#, "\"é\""]);
        assert_eq!(within(TEXT, &items[0]), Some(Within::Nothing));
        assert_eq!(within(TEXT, &fields[1].1), Some(Within::Object(Vec::new())));
        assert_eq!(within("{\"a\":", &(0..5)), None);
        assert_eq!(within(TEXT, &(9_000..9_001)), None);
    }

    #[test]
    fn what_is_found_has_a_path() {
        let found = find(TEXT, "X\"y", 10);
        assert_eq!(found.len(), 1);
        let names: Vec<_> = way_to(TEXT, found[0]).into_iter().map(|turn| turn.name).collect();
        assert_eq!(names.concat(), r#".a[1]["b c"]"#);
        // A name leads to its value.
        let names: Vec<_> = way_to(TEXT, find(TEXT, "d", 1)[0]).into_iter().map(|turn| turn.name).collect();
        assert_eq!(names.concat(), ".d");
        assert_eq!((find(TEXT, "", 10).len(), find(TEXT, "nowhere", 10).len(), find("aAaa", "a", 3).len()), (0, 0, 3));
    }
}
