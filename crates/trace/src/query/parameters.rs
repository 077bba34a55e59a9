use crate::{Issue, Timestamp};

/// Reads parameters one by one by `set`. Unknown names, repeats and what `set` refuses become issues; an empty value counts as absent.
pub fn read<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    names: &[&str],
    mut set: impl FnMut(&str, &str) -> Result<(), String>,
) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut seen = Vec::new();
    for (name, value) in pairs {
        if seen.contains(&name) {
            issues.push(Issue::error("query.repeated", name, "is given more than once"));
            continue;
        }
        seen.push(name);
        let done = if !names.contains(&name) {
            Err(format!("is no parameter here; there are {}", names.join(", ")))
        } else if value.is_empty() {
            Ok(())
        } else {
            set(name, value)
        };
        if let Err(message) = done {
            issues.push(Issue::error("query.invalid", name, message));
        }
    }
    issues
}

pub fn limit(value: &str, most: u32) -> Result<u32, String> {
    let limit = value.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| format!("must be a whole number from 1 to {most}"))
}

pub fn number(value: &str) -> Result<f64, String> {
    let number = value.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "must be a number of milliseconds ≥ 0".to_owned())
}

pub fn whole(value: &str) -> Result<i64, String> {
    value.parse().ok().filter(|count: &i64| *count >= 0).ok_or_else(|| "must be a whole number ≥ 0".to_owned())
}

pub fn time(value: &str) -> Result<Timestamp, String> {
    // A `+` that was not escaped arrives as a space.
    let mended = match value.rsplit_once(' ') {
        Some((clock, offset)) if clock.contains(':') => format!("{clock}+{offset}"),
        _ => value.to_owned(),
    };
    let epoch = || mended.parse().ok().and_then(Timestamp::from_epoch);
    Timestamp::parse(&mended).or_else(epoch).ok_or_else(|| "must be an ISO 8601 time or epoch seconds or milliseconds".to_owned())
}

pub fn flag(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| "must be true or false".to_owned())
}
