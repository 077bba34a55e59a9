use crate::{Status, Trace};

/// `model:gpt-4o` in a search box; `-` before it turns it around.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub field: Field,
    pub is_not: bool,
}

/// What a condition asks of a trace. Of several values one is enough.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    Status(Vec<Status>),
    Model(Vec<String>),
    Project(Vec<String>),
    Environment(Vec<String>),
    Session(Vec<String>),
    User(Vec<String>),
    Tag(Vec<String>),
    /// A step has this name.
    Tool(Vec<String>),
    /// Milliseconds.
    Latency(Bounds<f64>),
    Tokens(Bounds<i64>),
    /// US dollars; what has no known cost is outside.
    Cost(Bounds<f64>),
}

/// A range with its ends, of which at least one is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds<T> {
    pub least: Option<T>,
    pub most: Option<T>,
}

impl<T: PartialOrd + Copy> Bounds<T> {
    pub fn contain(self, value: T) -> bool {
        self.least.is_none_or(|least| value >= least) && self.most.is_none_or(|most| value <= most)
    }
}

impl Condition {
    /// The names that can stand before a colon, each with what can follow it.
    pub const NAMES: [(&'static str, &'static str); 11] = [
        ("status", "success, warning or failed"),
        ("model", "a name"),
        ("tool", "the name of a step"),
        ("latency", ">2s, <=500ms, 1s..3s"),
        ("tokens", ">1000, <10k, 500..2k"),
        ("cost", ">0.01, in dollars"),
        ("session", "an id"),
        ("user", "an id"),
        ("tag", "a tag"),
        ("project", "an id"),
        ("environment", "a name"),
    ];

    /// Reads what stands on both sides of a colon; none where the name is none of a condition, so that it is text like any other.
    pub(super) fn parse(name: &str, values: Vec<String>, is_not: bool) -> Option<Result<Self, String>> {
        let field = match name {
            "status" => statuses(&values).map(Field::Status),
            "model" => Ok(Field::Model(values)),
            "project" => Ok(Field::Project(values)),
            "environment" | "env" => Ok(Field::Environment(values)),
            "session" => Ok(Field::Session(values)),
            "user" => Ok(Field::User(values)),
            "tag" => Ok(Field::Tag(values)),
            "tool" => Ok(Field::Tool(values)),
            "latency" => bounds(&values, milliseconds, f64::next_up, f64::next_down).map(Field::Latency),
            "tokens" => bounds(&values, count, |least| least + 1, |most| most - 1).map(Field::Tokens),
            "cost" => bounds(&values, dollars, f64::next_up, f64::next_down).map(Field::Cost),
            _ => return None,
        };
        let hint = || Self::NAMES.iter().find(|(known, _)| *known == name).map_or("", |(_, hint)| hint);
        Some(field.map(|field| Self { field, is_not }).map_err(|found| format!("`{name}:` wants {}, not `{found}`", hint())))
    }

    pub fn holds(&self, trace: &Trace) -> bool {
        let is = |wanted: &[String], found: Option<&str>| found.is_some_and(|found| wanted.iter().any(|wanted| wanted == found));
        let holds = match &self.field {
            Field::Status(statuses) => statuses.contains(&trace.status),
            Field::Model(names) => is(names, Some(&trace.model_name)),
            Field::Project(ids) => is(ids, Some(&trace.project_id)),
            Field::Environment(names) => is(names, Some(&trace.environment)),
            Field::Session(ids) => is(ids, trace.session_id.as_deref()),
            Field::User(ids) => is(ids, trace.user_id.as_deref()),
            Field::Tag(tags) => trace.tags.iter().any(|tag| tags.contains(tag)),
            Field::Tool(names) => trace.steps.iter().any(|step| names.contains(&step.tool_name)),
            Field::Latency(bounds) => bounds.contain(trace.latency),
            Field::Tokens(bounds) => bounds.contain(trace.token_count),
            Field::Cost(bounds) => trace.cost_usd.is_some_and(|cost| bounds.contain(cost)),
        };
        holds != self.is_not
    }
}

fn statuses(values: &[String]) -> Result<Vec<Status>, String> {
    values.iter().map(|value| Status::from_word(value).ok_or_else(|| value.clone())).collect()
}

/// Reads `>2`, `>=2`, `<2`, `<=2` or `1..2`, of which one end may be missing.
fn bounds<T: PartialOrd + Copy>(
    values: &[String],
    read: fn(&str) -> Option<T>,
    above: fn(T) -> T,
    below: fn(T) -> T,
) -> Result<Bounds<T>, String> {
    let found = || values.join(",");
    let [value] = values else { return Err(found()) };
    let number = |text: &str| read(text).ok_or_else(found);
    let from = |least| Bounds { least: Some(least), most: None };
    let until = |most| Bounds { least: None, most: Some(most) };
    if let Some((least, most)) = value.split_once("..") {
        let end = |text: &str| if text.is_empty() { Ok(None) } else { number(text).map(Some) };
        let (least, most) = (end(least)?, end(most)?);
        let is_upside_down = least.zip(most).is_some_and(|(least, most)| least > most);
        return if is_upside_down || (least.is_none() && most.is_none()) { Err(found()) } else { Ok(Bounds { least, most }) };
    }
    for (sign, bounds) in
        [(">=", &(|n| from(n)) as &dyn Fn(T) -> Bounds<T>), ("<=", &|n| until(n)), (">", &|n| from(above(n))), ("<", &|n| until(below(n)))]
    {
        if let Some(rest) = value.strip_prefix(sign) {
            return number(rest).map(bounds);
        }
    }
    Err(found())
}

/// A time as people write it, in ms where it has no unit.
fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let each = match &text[unit..] {
        "" | "ms" => 1.0,
        "s" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return None,
    };
    positive(&text[..unit]).map(|number| number * each)
}

/// A number as people write it: `1500`, `1.5k`, `2M`.
fn count(text: &str) -> Option<i64> {
    let (number, each) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1e3),
        None => text.strip_suffix(['m', 'M']).map_or((text, 1.0), |number| (number, 1e6)),
    };
    let exact = if each == 1.0 { number.parse().ok().filter(|count| *count >= 0) } else { None };
    exact.or_else(|| {
        positive(number).map(|number| number * each).filter(|count| count.fract() == 0.0 && *count < 1e15).map(|count| count as i64)
    })
}

fn dollars(text: &str) -> Option<f64> {
    positive(text.strip_prefix('$').unwrap_or(text))
}

fn positive(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|number: &f64| is_plain && number.is_finite())
}
