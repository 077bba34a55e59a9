use super::{
    Detector,
    find::{Scan, is_word},
};

impl Scan<'_> {
    /// Groups of digits with one character between them.
    fn groups(&self, at: usize, is_between: impl Fn(u8) -> bool) -> Vec<(usize, usize)> {
        let mut groups = Vec::new();
        let mut start = at;
        while groups.len() < 8 {
            let end = self.run(start, 20, |byte| byte.is_ascii_digit());
            if end == start {
                break;
            }
            groups.push((start, end));
            if !self.byte(end).is_some_and(&is_between) {
                break;
            }
            start = end + 1;
        }
        groups
    }

    /// A card or a phone number that begins with this digit.
    pub fn number(&mut self, at: usize) -> Option<usize> {
        let behind_point = at >= 2 && matches!(self.bytes[at - 1], b'.' | b',') && self.bytes[at - 2].is_ascii_digit();
        if behind_point && at > self.last() {
            return None;
        }
        if self.wanted.card
            && let Some(end) = self.card(at)
        {
            return Some(self.note(at, end, Detector::Card));
        }
        if self.wanted.phone
            && let Some(end) = self.phone_of_north_america(at)
        {
            return Some(self.note(at, end, Detector::Phone));
        }
        None
    }

    fn card(&self, at: usize) -> Option<usize> {
        let groups = [b' ', b'-'].map(|between| self.groups(at, |byte| byte == between));
        groups.into_iter().flat_map(|groups| (1..=groups.len()).rev().map(move |count| groups[..count].to_vec())).find_map(|groups| {
            let (_, end) = *groups.last()?;
            let is_grouped = groups.len() == 1 || groups.iter().all(|(start, end)| (3..=7).contains(&(end - start)));
            let digits: Vec<u8> = groups.iter().flat_map(|(start, end)| &self.bytes[*start..*end]).map(|byte| byte - b'0').collect();
            (is_grouped && is_card(&digits) && self.ends(end)).then_some(end)
        })
    }

    /// `555-123-4567`, `1.555.123.4567`.
    fn phone_of_north_america(&self, at: usize) -> Option<usize> {
        let groups = [b'-', b'.'].map(|between| self.groups(at, |byte| byte == between));
        groups.into_iter().find_map(|mut groups| {
            if groups.first().is_some_and(|(start, end)| &self.bytes[*start..*end] == b"1") {
                groups.remove(0);
            }
            let is_form = groups.iter().map(|(start, end)| end - start).eq([3, 3, 4]);
            let is_number = is_form && groups[..2].iter().all(|(start, _)| self.bytes[*start] >= b'2');
            let (_, end) = *groups.last()?;
            (is_number && self.ends(end)).then_some(end)
        })
    }

    /// `+49 30 1234567`, `+1 (555) 123-4567`.
    pub fn phone_with_country(&mut self, at: usize) -> Option<usize> {
        let is_apart =
            at == self.last() || at.checked_sub(1).is_none_or(|before| !is_word(self.bytes[before]) && self.bytes[before] != b'+');
        if !is_apart || !self.byte(at + 1).is_some_and(|byte| matches!(byte, b'1'..=b'9')) {
            return None;
        }
        let (mut digits, mut end, mut start) = (0, at, at + 1);
        loop {
            let stop = self.run(start, 16, |byte| byte.is_ascii_digit());
            if stop == start || digits + (stop - start) > 15 {
                break;
            }
            (digits, end) = (digits + (stop - start), stop);
            start = self.run(stop, 2, |byte| matches!(byte, b' ' | b'-' | b'.' | b'(' | b')'));
            if start == stop {
                break;
            }
        }
        (digits >= 8 && self.ends(end)).then(|| self.note(at, end, Detector::Phone))
    }

    /// `(555) 123-4567`.
    pub fn phone_in_brackets(&mut self, at: usize) -> Option<usize> {
        let is_digit = |byte: u8| byte.is_ascii_digit();
        let close = self.run(at + 1, 4, is_digit);
        let second = self.run(close + 1, 1, |byte| byte == b' ');
        let between = self.run(second, 4, is_digit);
        let third = self.run(between, 1, |byte| matches!(byte, b' ' | b'-' | b'.'));
        let end = self.run(third, 5, is_digit);
        let is_form = [close - at - 1, between - second, third - between, end - third] == [3, 3, 1, 4] && self.byte(close) == Some(b')');
        let is_number = is_form && self.bytes[at + 1] >= b'2' && self.bytes[second] >= b'2';
        (is_number && self.ends(end)).then(|| self.note(at, end, Detector::Phone))
    }
}

/// Whether digits are the number of a card: as its maker begins them, as long as its maker's are, and with the right check digit.
fn is_card(digits: &[u8]) -> bool {
    if !(14..=19).contains(&digits.len()) {
        return false;
    }
    let first = |count: usize| digits[..count].iter().fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    let lengths: &[usize] = match (first(1), first(2), first(4)) {
        (4, ..) => &[16, 19],
        (_, 51..=55, _) | (_, _, 2221..=2720) => &[16],
        (_, 34 | 37, _) => &[15],
        (_, 65, _) | (_, _, 6011 | 6440..=6499) => &[16, 19],
        (_, 36 | 38, _) | (_, _, 3000..=3059) => &[14],
        (_, _, 3528..=3589) => &[16],
        (_, 62, _) => &[16, 17, 18, 19],
        _ => &[],
    };
    let sum: u32 = digits
        .iter()
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .map(|n| n / 10 + n % 10)
        .sum();
    lengths.contains(&digits.len()) && sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != digits[0])
}
