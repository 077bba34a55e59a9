//! What is not to be kept is taken out of texts before anything is stored: keys, addresses, numbers of cards and phones, and whatever else a
//! project names. Time grows with the length of a text and no faster, whatever it holds.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::{Issue, Normalized};

/// Where in a text something stands that is known by its form.
mod find;

/// Keys, tokens and passwords.
mod secrets;

/// Cards and phones.
mod numbers;

/// All texts of a document, or of a span.
mod apply;

/// What is known by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Detector {
    /// Keys and tokens of known makers, JSON web tokens, private keys, passwords in addresses, and what stands under a name like `password`.
    Secret,
    Email,
    /// Numbers of payment cards whose check digit is right.
    Card,
    /// With their country, or as they are written in North America.
    Phone,
}

impl Detector {
    pub const ALL: [Self; 4] = [Self::Secret, Self::Email, Self::Card, Self::Phone];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Email => "email",
            Self::Card => "card",
            Self::Phone => "phone",
        }
    }

    /// What stands in its place.
    fn label(self) -> &'static str {
        match self {
            Self::Secret => "[secret]",
            Self::Email => "[email]",
            Self::Card => "[card]",
            Self::Phone => "[phone]",
        }
    }
}

/// What is masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct MaskRules {
    pub detectors: Vec<Detector>,
    /// Regular expressions by the name that stands in the place of what they find.
    pub patterns: BTreeMap<String, String>,
}

/// What is masked: as the rule of a trace's project says, else as the default does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Masking {
    pub default: MaskRules,
    /// By project id.
    pub projects: BTreeMap<String, MaskRules>,
}

impl MaskRules {
    pub const MOST_PATTERNS: usize = 20;
    pub const LONGEST_PATTERN: usize = 500;
    pub const LONGEST_NAME: usize = 32;

    pub fn is_empty(&self) -> bool {
        self.detectors.is_empty() && self.patterns.is_empty()
    }

    fn check(&self, path: &str, issues: &mut Vec<Issue>) {
        let mut wrong =
            |name: &str, message: String| issues.push(Issue::error("masking.pattern", format!("{path}.patterns.{name}"), message));
        for (name, pattern) in self.patterns.iter().take(Self::MOST_PATTERNS) {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
            if name.is_empty() || name.len() > Self::LONGEST_NAME || !name.chars().all(is_plain) {
                wrong(name, format!("is named by 1 to {} of a–z, 0–9, - and _", Self::LONGEST_NAME));
            }
            match compile(pattern) {
                Err(message) => wrong(name, message),
                Ok(found) if found.is_match("") => wrong(name, "finds what is empty, so it would find something everywhere".to_owned()),
                Ok(_) => {}
            }
        }
        if self.patterns.len() > Self::MOST_PATTERNS {
            let message = format!("at most {} are possible", Self::MOST_PATTERNS);
            issues.push(Issue::error("masking.pattern", format!("{path}.patterns"), message));
        }
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MaskRules::LONGEST_PATTERN {
        return Err(format!("is longer than {} bytes", MaskRules::LONGEST_PATTERN));
    }
    RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|error| format!("is no regular expression: {error}"))
}

impl Masking {
    /// What is wrong with it, each with its path.
    pub fn check(&self) -> Vec<Issue> {
        let mut issues = Vec::new();
        self.default.check("default", &mut issues);
        for (project_id, rules) in &self.projects {
            rules.check(&format!("projects.{project_id}"), &mut issues);
        }
        issues
    }

    pub fn of(&self, project_id: &str) -> &MaskRules {
        self.projects.get(project_id).unwrap_or(&self.default)
    }
}

/// How often something was masked, by what it was.
pub type Masked = BTreeMap<String, u64>;

/// Masks by some rules.
///
/// ```
/// use tracellm_trace::masking::{Detector, MaskRules, Masker};
///
/// let masker = Masker::new(&MaskRules { detectors: vec![Detector::Email], ..MaskRules::default() }).unwrap();
/// assert_eq!(masker.text("write to ada@example.com", &mut Default::default()).unwrap(), "write to [email]");
/// ```
#[derive(Clone, Debug)]
pub struct Masker {
    detectors: Vec<Detector>,
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    name: String,
    label: String,
    regex: Regex,
}

/// A piece of a text, and what it is.
struct Piece<'a> {
    start: usize,
    end: usize,
    name: &'a str,
    label: &'a str,
}

impl Masker {
    /// None where the rules ask for nothing, or for what [`Masking::check`] refuses.
    pub fn new(rules: &MaskRules) -> Option<Self> {
        let pattern = |(name, pattern): (&String, &String)| {
            Some(Pattern { name: name.clone(), label: format!("[{name}]"), regex: compile(pattern).ok()? })
        };
        let patterns = rules.patterns.iter().filter_map(pattern).collect();
        (!rules.is_empty()).then(|| Self { detectors: rules.detectors.clone(), patterns })
    }

    /// The text without what is not to be kept; none where it holds nothing of that kind.
    pub fn text(&self, text: &str, masked: &mut Masked) -> Option<String> {
        /// What stands beside something that was masked may be known by its form only then.
        const ROUNDS: usize = 3;
        let mut done: Option<String> = None;
        for _ in 0..ROUNDS {
            let Some(next) = self.once(done.as_deref().unwrap_or(text), masked) else { break };
            done = Some(next);
        }
        done
    }

    fn once(&self, text: &str, masked: &mut Masked) -> Option<String> {
        let mut pieces: Vec<Piece<'_>> = find::find(text, &self.detectors)
            .into_iter()
            .map(|found| Piece { start: found.start, end: found.end, name: found.what.as_str(), label: found.what.label() })
            .collect();
        if !self.patterns.is_empty() {
            let labels = self.labels(text);
            for pattern in &self.patterns {
                let found = pattern.regex.find_iter(text).filter(|found| !found.is_empty());
                let found = found.map(|found| (found.start(), found.end()));
                // What was masked stays as it is.
                let is_new = |start: usize, end: usize| {
                    labels.get(labels.partition_point(|(_, to)| *to <= start)).is_none_or(|(from, _)| *from >= end)
                };
                let found = found.filter(|(start, end)| is_new(*start, *end));
                pieces.extend(found.map(|(start, end)| Piece { start, end, name: &pattern.name, label: &pattern.label }));
            }
            pieces.sort_by_key(|piece| (piece.start, std::cmp::Reverse(piece.end)));
        }
        let mut out = String::new();
        let mut copied = 0;
        let mut pieces = pieces.into_iter().peekable();
        pieces.peek()?;
        while let Some(piece) = pieces.next() {
            // Pieces that overlap go as one, under the name of the first.
            let mut end = piece.end;
            while let Some(next) = pieces.next_if(|next| next.start < end) {
                end = end.max(next.end);
            }
            *masked.entry(piece.name.to_owned()).or_default() += 1;
            out.push_str(&text[copied..piece.start]);
            out.push_str(piece.label);
            copied = end;
        }
        out.push_str(&text[copied..]);
        Some(out)
    }

    /// Where something was masked before.
    fn labels(&self, text: &str) -> Vec<(usize, usize)> {
        let all = || self.patterns.iter().map(|pattern| pattern.label.as_str()).chain(Detector::ALL.map(Detector::label));
        let at = text.match_indices('[').filter_map(|(at, _)| Some((at, all().find(|label| text[at..].starts_with(label))?)));
        at.map(|(at, label)| (at, at + label.len())).collect()
    }
}

/// The maskers of all projects.
#[derive(Clone, Debug, Default)]
pub struct Maskers {
    default: Option<Masker>,
    projects: BTreeMap<String, Option<Masker>>,
}

impl Maskers {
    pub fn new(masking: &Masking) -> Self {
        let projects = masking.projects.iter().map(|(project_id, rules)| (project_id.clone(), Masker::new(rules)));
        Self { default: Masker::new(&masking.default), projects: projects.collect() }
    }

    /// Masks a document by the rules of its project, and notes in it what was masked.
    pub fn document(&self, done: &mut Normalized) -> Masked {
        let masked = self.of(&done.trace.project_id).map(|masker| masker.trace(&mut done.trace)).unwrap_or_default();
        if !masked.is_empty() {
            let counts: Vec<_> = masked.iter().map(|(name, count)| format!("{count} {name}")).collect();
            done.issues.push(Issue::info("content.masked", "$", format!("masked before it is stored: {}", counts.join(", "))));
        }
        masked
    }

    /// None where nothing is masked.
    pub fn of(&self, project_id: &str) -> Option<&Masker> {
        self.projects.get(project_id).unwrap_or(&self.default).as_ref()
    }
}
