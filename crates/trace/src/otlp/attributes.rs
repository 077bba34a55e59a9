use std::{cell::RefCell, collections::BTreeSet};

use serde_json::{Map, Value};

use super::Span;
use crate::decode::{self, MAX_DEPTH};

/// Levels of JSON in an attribute's text that are read as such; the trace around it has some of its own.
const TEXT_DEPTH: usize = MAX_DEPTH - 12;

/// The attributes of a span, and which of them have found their place.
pub(super) struct Attributes<'a> {
    span: &'a Span,
    used: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Attributes<'a> {
    pub fn of(span: &'a Span) -> Self {
        Self { span, used: RefCell::default() }
    }

    /// The first of these that is there and says something.
    pub fn first(&self, names: &[&str]) -> Option<&'a Value> {
        let mut found = None;
        for name in names {
            let Some((name, value)) = self.span.attributes.get_key_value(*name) else { continue };
            if is_empty(value) {
                continue;
            }
            if found.is_none() {
                found = Some(value);
                self.used.borrow_mut().insert(name);
            } else if found == Some(value) {
                // Said once more under an older name.
                self.used.borrow_mut().insert(name);
            }
        }
        found
    }

    pub fn text(&self, names: &[&str]) -> Option<String> {
        self.first(names).map(text)
    }

    /// A count, however it is written.
    pub fn count(&self, names: &[&str]) -> Option<i64> {
        let count = |value: &Value| match value {
            Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
            Value::String(digits) => digits.trim().parse().ok().or_else(|| whole(digits.trim().parse().ok()?)),
            _ => None,
        };
        let given = names.iter().filter_map(|name| {
            let (name, value) = self.span.attributes.get_key_value(*name)?;
            Some((name, count(value).filter(|count| *count >= 0)?))
        });
        let mut found = None;
        for (name, count) in given {
            // Said once more under an older name it has its place too; another number has none.
            if *found.get_or_insert(count) == count {
                self.used.borrow_mut().insert(name);
            }
        }
        found
    }

    pub fn number(&self, names: &[&str]) -> Option<f64> {
        let found = match self.first(names)? {
            Value::Number(number) => number.as_f64(),
            Value::String(digits) => digits.trim().parse().ok(),
            _ => None,
        };
        found.filter(|number| number.is_finite() && *number >= 0.0)
    }

    /// A value whose text may be JSON.
    pub fn json(&self, names: &[&str]) -> Option<Value> {
        self.first(names).map(parsed)
    }

    /// The value that numbered attributes spell out: `prefix.0.role`, `prefix.1.parts.0.text`.
    pub fn indexed(&self, prefix: &str) -> Option<Value> {
        let mut root = Value::Null;
        for (name, value) in &self.span.attributes {
            let Some(path) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')) else { continue };
            if !path.starts_with(|c: char| c.is_ascii_digit()) {
                continue;
            }
            self.used.borrow_mut().insert(name);
            place(&mut root, path, value.clone(), 0);
        }
        let root = arrays(root);
        (!root.is_null()).then_some(root)
    }

    /// What has found no place.
    pub fn rest(&self) -> Map<String, Value> {
        let used = self.used.borrow();
        let rest = self.span.attributes.iter().filter(|(name, _)| !used.contains(name.as_str()));
        rest.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Counts as placed, as something else said it better.
    pub fn set_aside(&self, names: &[&str]) {
        let given = names.iter().filter_map(|name| self.span.attributes.get_key_value(*name));
        self.used.borrow_mut().extend(given.map(|(name, _)| name.as_str()));
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

/// A value as the text that it is, or that it is written as.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// JSON out of a text that holds an object or an array; anything else as it is.
pub(super) fn parsed(value: &Value) -> Value {
    let Value::String(text) = value else { return value.clone() };
    if !text.trim_start().starts_with(['{', '[']) {
        return value.clone();
    }
    match decode::decode(text) {
        Ok(decoded) if decoded.depth <= TEXT_DEPTH => decoded.value,
        _ => value.clone(),
    }
}

/// Puts a value at a path of names and numbers. Numbers are names of an object until [`arrays`].
fn place(root: &mut Value, path: &str, value: Value, depth: usize) {
    if !root.is_object() {
        *root = Value::Object(Map::new());
    }
    let Value::Object(fields) = root else { return };
    match path.split_once('.').filter(|_| depth < 16) {
        Some((name, rest)) => place(fields.entry(name).or_insert(Value::Null), rest, value, depth + 1),
        None => drop(fields.insert(path.to_owned(), value)),
    }
}

/// Objects whose names are all numbers, as arrays in their order.
fn arrays(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let mut numbered: Vec<(Option<usize>, String, Value)> =
        fields.into_iter().map(|(name, value)| (name.parse().ok(), name, arrays(value))).collect();
    if numbered.iter().all(|(number, ..)| number.is_some()) {
        numbered.sort_by_key(|(number, ..)| *number);
        return numbered.into_iter().map(|(.., value)| value).collect();
    }
    Value::Object(numbered.into_iter().map(|(_, name, value)| (name, value)).collect())
}
