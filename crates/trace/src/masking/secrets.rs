use super::{
    Detector,
    find::{LONGEST_HOST, Scan, is_word},
};

/// What begins like this, with at least [`TOKEN`] characters behind it and a digit among them, is a key of its maker.
const PREFIXES: [&str; 31] = [
    "sk-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "rk_test_",
    "tlm_sk_",
    "pk-lf-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "hf_",
    "gsk_",
    "xai-",
    "pplx-",
    "nvapi-",
    "r8_",
    "lsv2_pt_",
    "lsv2_sk_",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxs-",
    "AIza",
    "npm_",
    "pypi-",
    "dop_v1_",
    "shpat_",
];
const TOKEN: usize = 16;

/// The same with dots in it.
const DOTTED: [&str; 2] = ["SG", "ya29"];

/// Names whose values are secret, in lower case and without `_` and `-`.
const NAMES: [&str; 22] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "clientsecret",
    "secretkey",
    "apikey",
    "xapikey",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "authtoken",
    "sessiontoken",
    "privatekey",
    "authorization",
    "proxyauthorization",
    "cookie",
    "setcookie",
    "awssecretaccesskey",
    "awssessiontoken",
    "openaiapikey",
];

/// Characters of the longest value without quotes behind a colon, and of a list.
const LONGEST_VALUE: usize = 128;
const LONGEST_LIST: usize = 4_096;

/// Whether what stands under this name is secret: `api_key`, `apiKey`, `OPENAI_API_KEY` and `http.request.header.x-api-key` are one name.
pub(super) fn is_secret_name(name: &str) -> bool {
    /// Longer ones are no names.
    const LONGEST: usize = 80;
    let name = name.rsplit('.').next().unwrap_or(name).as_bytes();
    let begins_word = |at: usize| {
        let is_behind =
            |at: usize| matches!(name[at - 1], b'_' | b'-') || name[at].is_ascii_uppercase() && name[at - 1].is_ascii_lowercase();
        at == 0 || is_behind(at)
    };
    let plain = |at: usize| name[at..].iter().filter(|byte| !matches!(byte, b'_' | b'-')).map(u8::to_ascii_lowercase);
    name.len() <= LONGEST && (0..name.len()).filter(|at| begins_word(*at)).any(|at| NAMES.iter().any(|known| plain(at).eq(known.bytes())))
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b'-')
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

impl Scan<'_> {
    pub fn secret(&mut self, at: usize, end: usize) -> Option<usize> {
        let word = &self.text[at..end];
        if word.starts_with("-----BEGIN") {
            return self.private_key(at, end);
        }
        let is_token = |rest: &str| rest.len() >= TOKEN && has_digit(rest);
        let is_aws = word.len() == 20 && (word.starts_with("AKIA") || word.starts_with("ASIA"));
        if PREFIXES.iter().any(|prefix| word.strip_prefix(prefix).is_some_and(is_token))
            || is_aws && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        {
            return Some(self.note(at, end, Detector::Secret));
        }
        if word.starts_with("eyJ") && self.byte(end) == Some(b'.') {
            let second = self.run(end + 1, usize::MAX, is_word);
            if second > end + 8 && self.byte(second) == Some(b'.') {
                let end = self.run(second + 1, usize::MAX, is_word);
                return Some(self.note(at, end, Detector::Secret));
            }
        }
        if DOTTED.contains(&word) && self.byte(end) == Some(b'.') {
            let long = self.run(end, usize::MAX, |byte| is_word(byte) || byte == b'.');
            if long - at >= 30 {
                return Some(self.note(at, long, Detector::Secret));
            }
        }
        if matches!(word, "Bearer" | "bearer" | "Basic" | "basic") && self.byte(end) == Some(b' ') {
            let long = self.run(end + 1, usize::MAX, is_of_token);
            if is_token(&self.text[end + 1..long]) {
                return Some(self.note(end + 1, long, Detector::Secret));
            }
        }
        if is_secret_name(word) { self.named(end) } else { None }
    }

    /// `-----BEGIN … PRIVATE KEY-----` up to its end, or to that of the text.
    fn private_key(&mut self, at: usize, end: usize) -> Option<usize> {
        const CLOSED: &str = "PRIVATE KEY-----";
        let head = self.bytes.get(end..self.bytes.len().min(end + 40))?;
        head.windows(CLOSED.len()).position(|found| found == CLOSED.as_bytes())?;
        let rest = &self.text[end..];
        let close = rest.find("-----END").and_then(|begin| Some(begin + rest[begin..].find(CLOSED)? + CLOSED.len()));
        let end = close.map_or(self.text.len(), |close| end + close);
        Some(self.note(at, end, Detector::Secret))
    }

    /// The value behind a name that ends here: `name=value`, `"name": "value"`, `\"name\":\"value\"`, `Name: v4lue`.
    fn named(&mut self, end: usize) -> Option<usize> {
        let quotes = |byte| matches!(byte, b'\\' | b'"' | b'\'' | b'`');
        let blank = |byte| byte == b' ';
        let at = self.run(self.run(end, 4, quotes), 2, blank);
        let sign = self.byte(at).filter(|byte| matches!(byte, b':' | b'='))?;
        let at = self.run(at + 1, 4, blank);
        let open = self.run(at, 4, |byte| byte == b'\\');
        let (start, end) = match self.byte(open) {
            Some(quote @ (b'"' | b'\'' | b'`')) => (open + 1, self.quoted(open + 1, quote, open - at)),
            // Headers of OpenTelemetry are lists.
            Some(b'[') => self.listed(open + 1)?,
            _ => {
                // A place that is yet to be filled.
                if matches!(self.byte(at), Some(b'$' | b'{' | b'%' | b'*')) {
                    return None;
                }
                let most = if sign == b':' { LONGEST_VALUE } else { usize::MAX };
                let is_one = |byte: u8| {
                    !byte.is_ascii_whitespace() && !matches!(byte, b'&' | b';' | b',' | b'"' | b'\'' | b'`' | b')' | b'}' | b'<' | b'\\')
                };
                let mut stop = self.run(at, most, is_one);
                while !self.text.is_char_boundary(stop) {
                    stop -= 1;
                }
                let value = &self.text[at..stop];
                // `Cookie: a=1; session=…` goes on to the end of its line.
                let is_cookie = sign == b':' && self.text[..end].ends_with(['e', 'E']) && value.contains('=');
                if is_cookie {
                    stop = self.run(at, LONGEST_LIST, |byte| !matches!(byte, b'\n' | b'\r' | b'"' | b'\\'));
                    while !self.text.is_char_boundary(stop) {
                        stop -= 1;
                    }
                }
                let is_secret = match sign {
                    _ if is_cookie => true,
                    b':' => value.len() >= 8 && has_digit(value) && value.bytes().any(|byte| byte.is_ascii_alphabetic()),
                    _ => value.len() >= 6,
                };
                if !is_secret {
                    return None;
                }
                (at, stop)
            }
        };
        if start == end || Detector::ALL.iter().any(|detector| self.text[start..end] == *detector.label()) {
            return None;
        }
        Some(self.note(start, end, Detector::Secret))
    }

    /// The texts of a list, from behind its bracket on, as one.
    fn listed(&self, from: usize) -> Option<(usize, usize)> {
        let is_quote = |byte: u8| matches!(byte, b'"' | b'\'');
        let open = self.run(from, 8, |byte| matches!(byte, b' ' | b'\\'));
        let close = self.run(from, LONGEST_LIST, |byte| byte != b']');
        let last = self.bytes[..close].iter().rposition(|byte| is_quote(*byte)).filter(|last| *last > open)?;
        let escapes = self.bytes[..last].iter().rev().take_while(|byte| **byte == b'\\').count();
        (is_quote(self.byte(open)?) && last - escapes > open).then_some((open + 1, last - escapes))
    }

    /// Where a text in quotes ends, from behind the first of them on, before which so many backslashes stand: within it there are more.
    fn quoted(&self, from: usize, quote: u8, escapes: usize) -> usize {
        let mut at = from;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'\\' if escapes > 0 => {
                    let end = self.run(at, usize::MAX, |byte| byte == b'\\');
                    if self.byte(end) == Some(quote) && end - at <= escapes {
                        return at;
                    }
                    at = end;
                }
                b'\\' => at += 1,
                byte if byte == quote => return at,
                _ => {}
            }
            at += 1;
        }
        self.bytes.len()
    }

    /// The password in `scheme://user:password@host`.
    pub fn password_of_url(&mut self, at: usize) -> Option<usize> {
        if self.bytes.get(at..at + 3)? != b"://" {
            return None;
        }
        let is_one =
            |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'?' | b'#' | b'@' | b'"' | b'\'' | b'<' | b'>' | b'\\');
        let end = self.run(at + 3, LONGEST_HOST, is_one);
        if self.byte(end) != Some(b'@') {
            return None;
        }
        let colon = at + 3 + self.text[at + 3..end].find(':')?;
        let is_new = colon + 1 < end && &self.text[colon + 1..end] != Detector::Secret.label();
        is_new.then(|| self.note(colon + 1, end, Detector::Secret))
    }
}
