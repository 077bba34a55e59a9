/// A text in which all that can't be seen, or turns around how it reads, is shown as what it is: escape characters, the direction marks by
/// which code or a link looks like another, and letters without a shape, which a model reads and a person does not.
pub fn visible(text: impl Into<String>) -> String {
    // Unicode's own pictures of them are in few fonts.
    replace(text.into(), |shown, c| shown.push_str(&format!("‹U+{:04X}›", u32::from(c))))
}

/// The same of JSON, which it stays, and of the same value.
pub fn visible_json(json: String) -> String {
    replace(json, |shown, c| c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}"))))
}

fn replace(text: String, show: impl Fn(&mut String, char)) -> String {
    if !text.chars().any(is_hidden) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if is_hidden(c) { show(&mut shown, c) } else { shown.push(c) }
    }
    shown
}

/// Joiners and soft hyphens are part of scripts and emoji, and stay.
fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' => false,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => true,
        '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::{visible, visible_json};

    #[test]
    fn what_is_hidden_is_shown() {
        assert_eq!(visible("\u{1b}[31mred\u{1b}[0m\0\u{7f}"), "‹U+001B›[31mred‹U+001B›[0m‹U+0000›‹U+007F›");
        assert_eq!(visible("if (admin\u{202e}\u{2066}//\u{2069}"), "if (admin‹U+202E›‹U+2066›//‹U+2069›");
        assert_eq!(visible("a\u{e0041}\u{200b}\u{85}b"), "a‹U+E0041›‹U+200B›‹U+0085›b");
    }

    #[test]
    fn json_stays_what_it_says() {
        let value = serde_json::json!({"a\u{202e}b": ["\u{e0041}", "\u{7f}\u{1b}\n", "plain"]});
        let shown = visible_json(serde_json::to_string_pretty(&value).unwrap());
        assert!(shown.contains(r#""a\u202eb""#) && shown.contains(r#""\udb40\udc41""#) && shown.contains(r#""\u007f\u001b\n""#), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn what_is_not_stays() {
        for text in ["", "a\r\n\tb", "שלום עולם", "مرحبا", "👩‍💻", "نمی‌خواهم", "co\u{ad}op"] {
            assert_eq!(visible(text), text);
        }
    }
}
