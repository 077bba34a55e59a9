use std::fmt::Write;

/// A text in which all that can't be seen, or turns around how it reads, is shown as what it is: escape characters, the direction marks by
/// which code or a link looks like another, and letters without a shape, which a model reads and a person does not.
pub fn visible(text: impl Into<String>) -> String {
    let text = text.into();
    if !text.chars().any(is_hidden) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        match c {
            c if !is_hidden(c) => shown.push(c),
            '\u{7f}' => shown.push('␡'),
            // Each has a picture, in the same order.
            c if c < ' ' => shown.extend(char::from_u32(0x2400 + u32::from(c))),
            // Writing into a string never fails.
            c => drop(write!(shown, "‹U+{:04X}›", u32::from(c))),
        }
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
    use super::visible;

    #[test]
    fn what_is_hidden_is_shown() {
        assert_eq!(visible("\u{1b}[31mred\u{1b}[0m\0\u{7f}"), "␛[31mred␛[0m␀␡");
        assert_eq!(visible("if (admin\u{202e}\u{2066}//\u{2069}"), "if (admin‹U+202E›‹U+2066›//‹U+2069›");
        assert_eq!(visible("a\u{e0041}\u{200b}\u{85}b"), "a‹U+E0041›‹U+200B›‹U+0085›b");
    }

    #[test]
    fn what_is_not_stays() {
        for text in ["", "a\r\n\tb", "שלום עולם", "مرحبا", "👩‍💻", "نمی‌خواهم", "co\u{ad}op"] {
            assert_eq!(visible(text), text);
        }
    }
}
