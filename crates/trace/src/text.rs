//! Texts that are longer than they may be.

use serde_json::Value;

/// Cuts a text to at most so many bytes, between characters.
pub fn truncate(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
}

/// The same, and `…` says that there was more; so does what is returned.
pub fn cut(text: &mut String, most: usize) -> bool {
    let is_longer = text.len() > most;
    if is_longer {
        truncate(text, most);
        text.push('…');
    }
    is_longer
}

/// Whether a value is a number, a flag, or a text of at most so many bytes.
pub(crate) fn is_short(value: &Value, most: usize) -> bool {
    match value {
        Value::String(text) => text.len() <= most,
        Value::Array(_) | Value::Object(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, truncate};

    #[test]
    fn they_are_cut_between_characters() {
        let mut text = "aää".to_owned();
        assert!(!cut(&mut text, 5) && cut(&mut text, 4));
        assert_eq!(text, "aä…");
        truncate(&mut text, 2);
        assert_eq!(text, "a");
    }
}
