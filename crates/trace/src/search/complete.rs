use super::Condition;
use crate::Status;

/// What may be meant by what is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The last word, made whole; one goes on typing behind it where it ends in a colon.
    pub word: String,
    /// What it is, or what follows it.
    pub hint: String,
}

/// Values that are offered at a time.
const MOST: usize = 8;

/// Where the last word of what was typed begins, in bytes, and what may be meant by it. `known` has the values that a name can have.
pub fn complete(typed: &str, known: &dyn Fn(&str) -> Vec<String>) -> (usize, Vec<Completion>) {
    let word = pieces(typed).last().unwrap_or_default();
    let start = typed.len() - word.len();
    let sign = if word.starts_with('-') { "-" } else { "" };
    let bare = &word[sign.len()..];
    let found = match bare.split_once(':') {
        Some((name, value)) => of_values(sign, name, value, known),
        None if bare.starts_with('"') => Vec::new(),
        None => {
            let begun = Condition::NAMES.iter().filter(|(name, _)| name.starts_with(&bare.to_ascii_lowercase()));
            begun.map(|(name, hint)| Completion { word: format!("{sign}{name}:"), hint: (*hint).to_owned() }).collect()
        }
    };
    (start, found)
}

fn of_values(sign: &str, name: &str, typed: &str, known: &dyn Fn(&str) -> Vec<String>) -> Vec<Completion> {
    let name = name.to_ascii_lowercase();
    let begun = typed.trim_start_matches('"').to_lowercase();
    let values = match name.as_str() {
        "status" => Status::ALL.iter().map(Status::to_string).collect(),
        name => known(name),
    };
    let is_meant = |value: &String| value.to_lowercase().contains(&begun) && *value != typed;
    let completion = |value: String| Some(Completion { word: format!("{sign}{}", condition(&name, &value)?), hint: String::new() });
    values.into_iter().filter(is_meant).filter_map(completion).take(MOST).collect()
}

/// What was typed, taken apart at spaces that stand in no quotes; behind a last space stands an empty piece.
pub fn pieces(typed: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    typed.split(move |c: char| {
        is_quoted ^= c == '"';
        c.is_whitespace() && !is_quoted
    })
}

/// A condition as one types it; none where it can't be typed.
pub fn condition(name: &str, value: &str) -> Option<String> {
    let is_bare = !value.contains(|c: char| c == ',' || c.is_whitespace());
    let is_typable = !value.is_empty() && !value.contains('"');
    is_typable.then(|| if is_bare { format!("{name}:{value}") } else { format!("{name}:\"{value}\"") })
}

#[cfg(test)]
mod tests {
    use super::complete;

    fn words(typed: &str) -> Vec<String> {
        let known = |name: &str| if name == "model" { ["gpt-4o", "my model", "", "\""].map(str::to_owned).to_vec() } else { Vec::new() };
        let (start, found) = complete(typed, &known);
        found.into_iter().map(|completion| format!("{}{}", &typed[..start], completion.word)).collect()
    }

    #[test]
    fn the_last_word_is_made_whole() {
        assert_eq!(words("time sta"), ["time status:"]);
        assert_eq!(words("-t"), ["-tool:", "-tokens:", "-tag:"]);
        assert_eq!(words("status:f"), ["status:failed"]);
        assert_eq!(words("über -status:"), ["über -status:success", "über -status:warning", "über -status:failed"]);
        assert_eq!(words("model:M"), ["model:\"my model\""]);
        assert_eq!(words("model:gpt-4o"), [""; 0]);
        assert_eq!(words("\"in a phrase sta"), [""; 0]);
        assert_eq!(words("time ").len(), 11);
        assert_eq!(words("nothing"), [""; 0]);
    }
}
