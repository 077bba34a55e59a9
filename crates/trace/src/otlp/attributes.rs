use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{BTreeMap, HashMap, hash_map::Entry},
};

use serde_json::{Map, Value};

use super::{
    Span,
    explain::{Place, Placed, shortened},
    names::Names,
};
use crate::decode::{self, MAX_DEPTH};

/// Levels of JSON in an attribute's text that are read as such; the trace around it has some of its own.
const TEXT_DEPTH: usize = MAX_DEPTH - 12;

/// The attributes of a span, and where each of them went.
pub(super) struct Attributes<'a> {
    span: &'a Span,
    traits: Traits,
    /// The field that it gave; none where another said the same or said it better.
    placed: RefCell<BTreeMap<&'a str, Option<&'static str>>>,
}

impl<'a> Attributes<'a> {
    pub fn of(span: &'a Span) -> Self {
        let traits = span.attributes.keys().fold(Traits::default(), |all, name| all.with(name));
        Self { span, traits, placed: RefCell::default() }
    }

    /// Those of these names that are there and say something, the best first.
    fn given(&self, names: &Names) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.there(names).map(|(name, value)| (name.as_str(), value)).filter(|(_, value)| !is_empty(value))
    }

    /// Those of these names that are there, the best first.
    fn there(&self, names: &Names) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let possible = names.all.iter().filter(|name| self.traits.has(name));
        possible.filter_map(|name| self.span.attributes.get_key_value(*name))
    }

    pub fn has(&self, names: &Names) -> bool {
        self.given(names).next().is_some()
    }

    /// The first of these that is there and says something. What says the same under an older name has its place too.
    pub fn first(&self, names: &Names) -> Option<&'a Value> {
        self.first_as(names, |_, value| Some(value))
    }

    /// The first that `read` understands.
    fn first_as<T: PartialEq>(&self, names: &Names, read: impl Fn(&str, &'a Value) -> Option<T>) -> Option<T> {
        let mut found = None;
        for (name, value) in self.given(names) {
            let Some(value) = read(name, value) else { continue };
            match &found {
                None => {
                    self.placed.borrow_mut().insert(name, Some(names.field));
                    found = Some(value);
                }
                Some(known) if *known == value => {
                    self.placed.borrow_mut().entry(name).or_insert(None);
                }
                Some(_) => {}
            }
        }
        found
    }

    pub fn text(&self, names: &Names) -> Option<String> {
        self.first_as(names, |name, value| Some(unquoted(name, value))).map(|value| text(&value))
    }

    /// A count, however it is written.
    pub fn count(&self, names: &Names) -> Option<i64> {
        self.first_as(names, |_, value| count(value))
    }

    /// An amount, however it is written.
    pub fn number(&self, names: &Names) -> Option<f64> {
        let number = |value: &Value| match value {
            Value::Number(number) => number.as_f64(),
            Value::String(digits) => digits.trim().parse().ok(),
            _ => None,
        };
        self.first_as(names, |_, value| number(value).filter(|number| number.is_finite() && *number >= 0.0))
    }

    /// A value whose text may be JSON.
    pub fn json(&self, names: &Names) -> Option<Cow<'a, Value>> {
        let found = self.first_as(names, |name, value| Some(unquoted(name, value)))?;
        Some(match found {
            Cow::Borrowed(value) => parsed(value),
            Cow::Owned(value) => Cow::Owned(parsed(&value).into_owned()),
        })
    }

    /// What stands below a prefix, by the rest of each name.
    pub fn below(&self, prefixes: &Names) -> Map<String, Value> {
        let mut found = Map::new();
        for (name, value) in &self.span.attributes {
            let rest = prefixes.all.iter().find_map(|prefix| name.strip_prefix(prefix)?.strip_prefix('.'));
            if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
                self.placed.borrow_mut().insert(name, Some(prefixes.field));
                found.insert(rest.to_owned(), parsed(&dequoted(value)).into_owned());
            }
        }
        found
    }

    /// The values that numbered attributes spell out, one for each prefix: `prefix.0.role`, `prefix.1.parts.0.text`.
    pub fn indexed(&self, prefixes: &Names) -> Vec<Value> {
        prefixes.all.iter().filter_map(|prefix| self.spelt(prefix, prefixes.field)).collect()
    }

    fn spelt(&self, prefix: &str, field: &'static str) -> Option<Value> {
        let mut root = Value::Null;
        for (name, value) in &self.span.attributes {
            let Some(path) = numbered(name, prefix) else { continue };
            self.placed.borrow_mut().insert(name, Some(field));
            place(&mut root, path, value.clone(), 0);
        }
        let root = arrays(root);
        (!root.is_null()).then_some(root)
    }

    /// What has found no place.
    pub fn rest(&self) -> Map<String, Value> {
        let placed = self.placed.borrow();
        let rest = self.span.attributes.iter().filter(|(name, _)| !placed.contains_key(name.as_str()));
        rest.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Counts as placed, as something else said it better.
    pub fn set_aside(&self, names: &Names) {
        let mut placed = self.placed.borrow_mut();
        for (name, _) in self.there(names) {
            placed.entry(name).or_insert(None);
        }
    }

    /// The same for numbered ones.
    pub fn set_aside_indexed(&self, prefixes: &Names) {
        let is_one = |name: &str| prefixes.all.iter().any(|prefix| numbered(name, prefix).is_some());
        self.placed.borrow_mut().iter_mut().filter(|(name, _)| is_one(name)).for_each(|(_, field)| *field = None);
    }

    /// Where each attribute went, those that are numbered as one.
    pub fn placed(&self) -> Vec<Placed> {
        let placed = self.placed.borrow();
        let mut all: Vec<Placed> = Vec::new();
        let mut rows: HashMap<(Cow<'_, str>, Option<Option<&str>>), usize> = HashMap::new();
        for (name, value) in &self.span.attributes {
            let of = placed.get(name.as_str()).copied();
            match rows.entry((family(name), of)) {
                Entry::Occupied(row) => all[*row.get()].count += 1,
                Entry::Vacant(row) => {
                    let place = match of {
                        Some(Some(field)) => Place::Field(field.to_owned()),
                        Some(None) => Place::SaidElsewhere,
                        None => Place::Metadata,
                    };
                    let attribute = shortened(&row.key().0);
                    row.insert(all.len());
                    all.push(Placed { attribute, value: Some(shortened(&text(value))), count: 1, place });
                }
            }
        }
        all
    }
}

/// What names have in common, a bit for each: of more than a hundred that are asked for, it rules out most without a look into the map.
#[derive(Clone, Copy, Default)]
struct Traits(u64);

impl Traits {
    fn with(self, name: &str) -> Self {
        Self(self.0 | Self::bit(name))
    }

    fn has(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }

    fn bit(name: &str) -> u64 {
        let (bytes, length) = (name.as_bytes(), name.len());
        let [last, middle] = [length.wrapping_sub(1), length / 2].map(|at| bytes.get(at).copied().unwrap_or_default());
        1 << ((length + 7 * usize::from(last) + 13 * usize::from(middle)) % 64)
    }
}

/// The name of an attribute, up to the first number in it: `llm.tools.*` for `llm.tools.0.name`.
pub(super) fn family(name: &str) -> Cow<'_, str> {
    match name.match_indices('.').find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit())) {
        Some((at, _)) => format!("{}.*", &name[..at]).into(),
        None => name.into(),
    }
}

/// The rest of a numbered name: `0.role` of `prefix.0.role`.
fn numbered<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let path = name.strip_prefix(prefix)?.strip_prefix('.')?;
    path.starts_with(|c: char| c.is_ascii_digit()).then_some(path)
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

/// A count, however it is written; none below 0.
pub(super) fn count(value: &Value) -> Option<i64> {
    let count = match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(digits) => digits.trim().parse().ok().or_else(|| whole(digits.trim().parse().ok()?)),
        _ => None,
    };
    count.filter(|count| *count >= 0)
}

/// MLflow writes each attribute as JSON, texts too.
fn unquoted<'a>(name: &str, value: &'a Value) -> Cow<'a, Value> {
    if name.starts_with("mlflow.") { dequoted(value) } else { Cow::Borrowed(value) }
}

/// The text that a JSON text stands for, else the value as it is.
pub(super) fn dequoted(value: &Value) -> Cow<'_, Value> {
    let text = value.as_str().filter(|text| text.starts_with('"')).and_then(|text| serde_json::from_str(text).ok());
    text.map_or(Cow::Borrowed(value), |text| Cow::Owned(Value::String(text)))
}

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

/// A value as the text that it is, or that it is written as.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// JSON out of a text that holds an object or an array; anything else as it is.
pub(super) fn parsed(value: &Value) -> Cow<'_, Value> {
    let text = value.as_str().filter(|text| text.trim_start().starts_with(['{', '[']));
    match text.map(decode::decode) {
        Some(Ok(decoded)) if decoded.depth <= TEXT_DEPTH => Cow::Owned(decoded.value),
        _ => Cow::Borrowed(value),
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
