use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Whether a character belongs to a word.
pub fn is_of_word(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() || is_combining_mark(c) || c == TATWEEL }
}

/// Whether it is of a script that puts no spaces between words; each character counts as a word there.
pub fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' // Thai, Lao, Burmese, Khmer
        | '\u{2E80}'..='\u{2FDF}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FF9F}' | '\u{20000}'..='\u{3FFFF}')
}

/// A stroke that only makes an Arabic word longer.
const TATWEEL: char = '\u{0640}';

/// Adds a character of a word, folded; a mark may add nothing.
pub fn fold(c: char, folded: &mut String) {
    match c {
        c if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
        // Their parts are other letters.
        '\u{3040}'..='\u{30FF}' | '\u{AC00}'..='\u{D7FF}' => folded.push(c),
        c => decompose_compatible(c, |part| {
            // There are letters that stand for several words.
            if !is_accent(part) && !part.is_whitespace() {
                part.to_lowercase().filter(|part| !is_accent(*part)).for_each(|part| folded.push_str(&plain(part)));
            }
        }),
    }
}

/// Marks by which a word is still the same word to most who type it. Vowels of Indic scripts are marks too, and are none of these.
fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}'
        | '\u{0591}'..='\u{05C7}' // Hebrew
        | '\u{0610}'..='\u{061A}' | TATWEEL | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{06D6}'..='\u{06ED}')
}

/// Letters that have no parts, as those write them who have no such key.
fn plain(c: char) -> std::borrow::Cow<'static, str> {
    match c {
        'ß' => "ss".into(),
        'æ' => "ae".into(),
        'œ' => "oe".into(),
        'ø' => "o".into(),
        'ł' => "l".into(),
        'đ' | 'ð' => "d".into(),
        'þ' => "th".into(),
        'ı' => "i".into(),
        'ς' => "σ".into(),
        'ى' => "ي".into(),
        'ٱ' => "ا".into(),
        'ة' => "ه".into(),
        c => c.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn same(a: &str, b: &str) {
        let fold = |text: &str| {
            text.chars().fold(String::new(), |mut folded, c| {
                super::fold(c, &mut folded);
                folded
            })
        };
        assert_eq!(fold(a), fold(b));
    }

    #[test]
    fn letters_are_compared_without_what_people_leave_out() {
        same("Zürich", "zurich");
        same("Zu\u{308}rich", "ZÜRICH");
        same("STRASSE", "straße");
        same("Łódź", "lodz");
        same("İstanbul", "istanbul");
        same("ΟΔΟΣ", "οδος");
        same("ﬁle", "file");
        same("ＧＰＴ", "gpt");
        same("أحمد", "احمد");
        same("مُحَمَّد", "محمد");
        same("محـــمد", "محمد");
        same("ﷺ", "صلىاللهعليهوسلم");
    }
}
