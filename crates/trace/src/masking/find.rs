use super::Detector;

/// Something that is not to be kept, in bytes of the text.
pub(super) struct Found {
    pub start: usize,
    pub end: usize,
    pub what: Detector,
}

/// Characters of a name and of a host that are looked at.
const LONGEST_LOCAL: usize = 64;
pub(super) const LONGEST_HOST: usize = 255;

/// Everything of these kinds, in order and apart from each other.
pub(super) fn find(text: &str, detectors: &[Detector]) -> Vec<Found> {
    let has = |detector| detectors.contains(&detector);
    let wanted =
        Wanted { secret: has(Detector::Secret), email: has(Detector::Email), card: has(Detector::Card), phone: has(Detector::Phone) };
    let mut scan = Scan { text, bytes: text.as_bytes(), wanted, found: Vec::new(), begin: 0 };
    let mut at = 0;
    while let Some(&byte) = scan.bytes.get(at) {
        at = match byte {
            b'@' if wanted.email => scan.email(at),
            b'+' if wanted.phone => scan.phone_with_country(at),
            b'(' if wanted.phone => scan.phone_in_brackets(at),
            b':' if wanted.secret => scan.password_of_url(at),
            b'\\' => Some(scan.escape(at)),
            byte if is_word(byte) => Some(scan.word(at)),
            _ => None,
        }
        .unwrap_or(at + 1);
    }
    scan.found
}

#[derive(Clone, Copy)]
pub(super) struct Wanted {
    secret: bool,
    email: bool,
    pub card: bool,
    pub phone: bool,
}

pub(super) struct Scan<'a> {
    pub text: &'a str,
    pub bytes: &'a [u8],
    pub wanted: Wanted,
    found: Vec<Found>,
    /// Where words begin anew, whatever stands before.
    begin: usize,
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

impl Scan<'_> {
    /// Notes something; where to go on.
    pub fn note(&mut self, start: usize, end: usize, what: Detector) -> usize {
        self.found.push(Found { start, end, what });
        end
    }

    /// Where what was found last ends, or an escape.
    pub fn last(&self) -> usize {
        self.found.last().map_or(0, |found| found.end).max(self.begin)
    }

    /// A text may be JSON itself, in which the line that ends is `\n`: what follows begins a word.
    fn escape(&mut self, at: usize) -> usize {
        let end = self.run(at, usize::MAX, |byte| byte == b'\\');
        self.begin = match self.byte(end) {
            Some(b'n' | b'r' | b't' | b'b' | b'f') => end + 1,
            Some(b'u') if self.run(end + 1, 4, |byte| byte.is_ascii_hexdigit()) == end + 5 => end + 5,
            _ => end,
        };
        self.begin
    }

    pub fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// How far bytes of a kind go, at most so many.
    pub fn run(&self, from: usize, most: usize, is_one: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest.iter().take(most).take_while(|byte| is_one(**byte)).count()
    }

    /// A number may end here: no letter, no digit and no decimal place follows.
    pub fn ends(&self, at: usize) -> bool {
        let next = self.byte(at);
        next.is_none_or(|next| !is_word(next)) && !(next == Some(b'.') && self.byte(at + 1).is_some_and(|byte| byte.is_ascii_digit()))
    }

    /// Letters, digits, `_` and `-`, from their first on. They are read once, and those behind them at most twice more.
    fn word(&mut self, at: usize) -> usize {
        let end = self.run(at, usize::MAX, is_word);
        let found = if self.wanted.secret { self.secret(at, end) } else { None };
        let found = found.or_else(|| if self.bytes[at].is_ascii_digit() { self.number(at) } else { None });
        found.unwrap_or(end)
    }

    /// What stands around an `@`, up to what was found before.
    fn email(&mut self, at: usize) -> Option<usize> {
        let least = self.last().max(at.saturating_sub(LONGEST_LOCAL));
        let before = self.bytes[least..at].iter().rev().take_while(|byte| is_local(**byte)).count();
        let mut start = at - before;
        while start < at && !self.bytes[start].is_ascii_alphanumeric() {
            start += 1;
        }
        let mut end = self.run(at + 1, LONGEST_HOST, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        while end > at + 1 && !self.bytes[end - 1].is_ascii_alphanumeric() {
            end -= 1;
        }
        let host = &self.text[at + 1..end];
        let (names, top) = host.rsplit_once('.')?;
        let is_host = !names.is_empty() && !names.split('.').any(str::is_empty);
        let is_top = top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic());
        // `logo@2x.png` is a file, and `git@…` everybody.
        let is_file = ["png", "jpg", "jpeg", "gif", "webp", "svg"].contains(&top);
        if start == at || !is_host || !is_top || is_file || &self.text[start..at] == "git" {
            return None;
        }
        Some(self.note(start, end, Detector::Email))
    }
}
