use serde_json::{Map, Value};

use crate::{Issue, Source, Status, StepKind, Timestamp, decode::push_key, mask_api_key};

/// Longest identifier, in bytes.
const MAX_NAME: usize = 512;
/// Doubles up to here hold every integer.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The fields of one object, taken out one by one; what nobody took is unknown.
///
/// Every reader answers `None` for a field that is absent, null or faulty; a fault is among the issues then.
pub(super) struct Fields<'a> {
    object: Map<String, Value>,
    /// Path of the object itself, empty for the document.
    path: String,
    issues: &'a mut Vec<Issue>,
}

impl<'a> Fields<'a> {
    pub fn new(object: Map<String, Value>, path: String, issues: &'a mut Vec<Issue>) -> Self {
        Self { object, path, issues }
    }

    /// Reads an object within this one, at `path`.
    pub fn nested(&mut self, object: Map<String, Value>, path: String) -> Fields<'_> {
        Fields { object, path, issues: self.issues }
    }

    /// The value of a field. Null counts as absent.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.object.get_mut(name).map(Value::take).filter(|value| !value.is_null())
    }

    /// The first of these fields that is not falsy, with its name. Falsy ones before it are spent, later ones stay unknown.
    fn take_first(&mut self, names: &[&'static str]) -> Option<(&'static str, Value)> {
        names.iter().find_map(|&name| self.take(name).filter(|value| !is_falsy(value)).map(|value| (name, value)))
    }

    /// Free text; `""` stays.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            other => self.wrong(name, "must be text", &other),
        }
    }

    /// Free text; anything else is kept as its JSON text.
    pub fn text_or_json(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            other => {
                let message = format!("is kept as JSON text, as it is {}, not text", describe(&other));
                self.warn("text.from_json", name, message);
                Some(other.to_string())
            }
        }
    }

    /// A reason: what is falsy is none, anything but text becomes its JSON text.
    pub fn reason(&mut self, name: &str) -> Option<String> {
        if self.object.get(name).is_none_or(is_falsy) {
            self.take(name);
            return None;
        }
        self.text_or_json(name)
    }

    /// The public name of a key; a secret is masked.
    pub fn api_key(&mut self) -> Option<String> {
        let given = self.text("api_key")?;
        let masked = mask_api_key(given.clone());
        if masked != given {
            self.warn("api_key.masked", "api_key", format!("is a secret, of which only `{masked}` is kept"));
        }
        Some(masked)
    }

    /// An identifier: the first of these fields that is not empty. At most 512 bytes, no control characters.
    pub fn name(&mut self, names: &[&'static str]) -> Option<String> {
        names.iter().find_map(|&name| {
            let text = self.text(name).filter(|text| !text.is_empty())?;
            let at = self.path_of(name);
            self.check_name(at, text)
        })
    }

    /// A list of identifiers; empty ones and repeats fall away.
    pub fn names(&mut self, name: &'static str) -> Vec<String> {
        let items = match self.take(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.wrong::<()>(name, "must be an array of texts", &other);
                return Vec::new();
            }
        };
        let mut names: Vec<String> = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let at = format!("{}[{index}]", self.path_of(name));
            match item {
                Value::String(text) => names.extend(self.check_name(at, text).filter(|text| !text.is_empty() && !names.contains(text))),
                other => self.issues.push(Issue::error("type.wrong", at, format!("must be text, not {}", describe(&other)))),
            }
        }
        names
    }

    fn check_name(&mut self, at: String, text: String) -> Option<String> {
        let fault = if text.len() > MAX_NAME {
            Issue::error("identifier.too_long", at, format!("is {} bytes long; at most {MAX_NAME} are allowed", text.len()))
        } else if let Some(control) = text.chars().find(|c| c.is_control()) {
            let message = format!("holds the control character U+{:04X}; an identifier can't", u32::from(control));
            Issue::error("identifier.control", at, message)
        } else {
            return Some(text);
        };
        self.issues.push(fault);
        None
    }

    /// A number that is finite and ≥ 0, in `unit`.
    pub fn number(&mut self, name: &str, unit: &str) -> Option<f64> {
        let value = self.take(name)?;
        self.numeric(name, &value, &format!("must be a number of {unit} ≥ 0"))
    }

    /// A whole number ≥ 0 within i64.
    pub fn count(&mut self, name: &str) -> Option<i64> {
        const RULE: &str = "must be a whole number ≥ 0";
        let value = self.take(name)?;
        if let Some(count) = value.as_i64().filter(|count| *count >= 0) {
            return Some(count);
        }
        let number = self.numeric(name, &value, RULE)?;
        if number.fract() != 0.0 {
            return self.error("number.fractional", name, format!("{RULE}, not {}", describe(&value)));
        }
        // A numeric text can hold more digits than a double.
        let exact = value.as_str().and_then(|text| text.trim().parse::<i64>().ok());
        match exact {
            Some(count) => Some(count),
            None if number <= MAX_EXACT => Some(number as i64),
            None => self.error("number.too_large", name, format!("{RULE} and at most {}, not {}", i64::MAX, describe(&value))),
        }
    }

    /// A finite number ≥ 0, from a number or its text.
    fn numeric(&mut self, name: &str, value: &Value, rule: &str) -> Option<f64> {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let fault = match number {
            None => "type.wrong",
            Some(number) if !number.is_finite() => "number.not_finite",
            Some(number) if number < 0.0 => "number.negative",
            Some(number) => {
                if value.is_string() {
                    self.warn("number.from_text", name, format!("was read from the text {}", describe(value)));
                }
                return Some(number);
            }
        };
        self.error(fault, name, format!("{rule}, not {}", describe(value)))
    }

    pub fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            other => self.wrong(name, "must be `true` or `false`", &other),
        }
    }

    /// A moment: the first of these fields that is not absent or empty.
    pub fn time(&mut self, names: &[&'static str]) -> Option<Timestamp> {
        let (name, value) = names.iter().find_map(|&name| {
            let value = self.take(name).filter(|value| value.as_str() != Some(""))?;
            Some((name, value))
        })?;
        let time = match &value {
            Value::String(text) => Timestamp::parse(text).or_else(|| {
                let time = Timestamp::from_epoch(text.trim().parse().ok()?)?;
                self.warn("number.from_text", name, format!("was read as epoch time from the text {}", describe(&value)));
                Some(time)
            }),
            Value::Number(number) => number.as_f64().and_then(Timestamp::from_epoch),
            _ => None,
        };
        time.or_else(|| {
            let message = format!(
                "must be an ISO 8601 time like `2026-05-29T02:46:58.575Z` or epoch seconds or milliseconds, in the years 1 to 9999, not {}",
                describe(&value)
            );
            self.error("time.unreadable", name, message)
        })
    }

    /// An object: the first of these fields that is not falsy; anything else is wrapped as `{"value": …}`.
    pub fn object(&mut self, names: &[&'static str]) -> Map<String, Value> {
        match self.take_first(names) {
            None => Map::new(),
            Some((_, Value::Object(object))) => object,
            Some((name, other)) => {
                self.info("object.wrapped", name, format!("is {}, so it stands under `value`", describe(&other)));
                Map::from_iter([("value".to_owned(), other)])
            }
        }
    }

    /// A text that is not empty, of the first such field; used where any text names a thing.
    pub fn label(&mut self, names: &[&'static str]) -> Option<String> {
        names.iter().find_map(|&name| self.text(name).filter(|text| !text.is_empty()))
    }

    pub fn status(&mut self) -> Option<Status> {
        self.word("status", Status::from_word, &Status::allowed(), "; it was inferred")
    }

    pub fn kind(&mut self) -> Option<StepKind> {
        self.word("kind", StepKind::from_word, &StepKind::allowed(), "")
    }

    pub fn source(&mut self) -> Option<Source> {
        self.word("source", Source::from_word, &Source::allowed(), "")
    }

    fn word<T>(&mut self, name: &'static str, read: fn(&str) -> Option<T>, allowed: &str, then: &str) -> Option<T> {
        let given = self.text(name).filter(|text| !text.is_empty())?;
        read(&given).or_else(|| {
            let code = match name {
                "status" => "status.unknown",
                "kind" => "kind.unknown",
                _ => "source.unknown",
            };
            let message = format!("{} is not one of {allowed}{then}", describe(&Value::String(given.clone())));
            self.warn(code, name, message);
            None
        })
    }

    /// Moves what nobody took into `metadata`, under a name that is free there.
    pub fn keep_unknown(mut self, metadata: &mut Map<String, Value>) {
        for (key, value) in std::mem::take(&mut self.object) {
            if value.is_null() {
                continue;
            }
            let mut free = key.clone();
            while metadata.contains_key(&free) {
                free.push('_');
            }
            let message = match free == key {
                true => "unknown field, kept in `metadata`".to_owned(),
                false => format!("unknown field, kept in `metadata` as `{free}`"),
            };
            self.warn("field.unknown", &key, message);
            metadata.insert(free, value);
        }
    }

    pub fn error<T>(&mut self, code: &'static str, name: &str, message: impl Into<String>) -> Option<T> {
        let path = self.path_of(name);
        self.issues.push(Issue::error(code, path, message));
        None
    }

    pub fn error_at(&mut self, path: String, code: &'static str, message: String) {
        self.issues.push(Issue::error(code, path, message));
    }

    pub fn warn_at(&mut self, path: String, code: &'static str, message: &str) {
        self.issues.push(Issue::warning(code, path, message));
    }

    pub fn wrong<T>(&mut self, name: &str, rule: &str, value: &Value) -> Option<T> {
        self.error("type.wrong", name, format!("{rule}, not {}", describe(value)))
    }

    pub fn warn(&mut self, code: &'static str, name: &str, message: impl Into<String>) {
        let path = self.path_of(name);
        self.issues.push(Issue::warning(code, path, message));
    }

    pub fn info(&mut self, code: &'static str, name: &str, message: impl Into<String>) {
        let path = self.path_of(name);
        self.issues.push(Issue::info(code, path, message));
    }

    fn path_of(&self, name: &str) -> String {
        let mut path = self.path.clone();
        push_key(&mut path, name);
        path
    }
}

/// Null, false, 0, `""`, `[]` and `{}`.
pub(super) fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// Names a value in a message: scalars as they are, cut to a readable length.
pub(super) fn describe(value: &Value) -> String {
    const SHOWN: usize = 40;
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        scalar => {
            let text = scalar.to_string();
            match text.char_indices().nth(SHOWN) {
                Some((end, _)) => format!("`{}…`", &text[..end]),
                None => format!("`{text}`"),
            }
        }
    }
}
