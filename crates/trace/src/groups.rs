use serde::{Deserialize, Serialize};

use crate::{Timestamp, TraceSummary};

/// Failures by what went wrong, those that need a look first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureGroups {
    pub groups: Vec<FailureGroup>,
    /// How many failed traces were looked at, the newest.
    pub looked_at: u64,
    /// There are older ones that match.
    pub is_capped: bool,
}

/// Failures of a project whose reasons differ in nothing but numbers, ids, addresses and the like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureGroup {
    pub project_id: String,
    /// What the reasons have in common; it names the group in its project.
    pub fingerprint: String,
    pub state: GroupState,
    pub count: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub first_seen: Timestamp,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub last_seen: Timestamp,
    /// How many there were in each of [`FailureGroups::PARTS`] equal parts of the time from the oldest to the newest of all groups.
    pub over_time: Vec<u32>,
    /// The id and the reason of the newest.
    pub trace_id: String,
    pub reason: String,
}

/// What was decided about a group, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum GroupState {
    /// It was resolved, and came back.
    Regressed,
    #[default]
    Open,
    Resolved,
    /// Nobody wants to see it.
    Muted,
}

impl GroupState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Muted => "muted",
        }
    }
}

impl FailureGroups {
    /// Parts of the time for which failures are counted.
    pub const PARTS: usize = 24;

    /// Groups failed traces, the newest first.
    pub fn of(failed: &[TraceSummary], is_capped: bool) -> Self {
        let times = failed.iter().map(|row| row.created_at);
        let (oldest, newest) = (times.clone().min(), times.max());
        let part = |at: Timestamp| {
            let (from, to) = (oldest.map_or(0, Timestamp::millis), newest.map_or(0, Timestamp::millis));
            ((at.millis() - from) * Self::PARTS as i64 / (to - from + 1)) as usize
        };
        let mut groups: Vec<FailureGroup> = Vec::new();
        let mut known = std::collections::HashMap::new();
        for row in failed {
            let reason = row.failure_reason.clone().unwrap_or_default();
            let fingerprint = fingerprint(&reason);
            let reason = TraceSummary::preview(&reason);
            let place = *known.entry((row.project_id.clone(), fingerprint.clone())).or_insert_with(|| {
                groups.push(FailureGroup {
                    project_id: row.project_id.clone(),
                    fingerprint,
                    state: GroupState::Open,
                    count: 0,
                    first_seen: row.created_at,
                    last_seen: row.created_at,
                    over_time: vec![0; Self::PARTS],
                    trace_id: row.trace_id.clone(),
                    reason,
                });
                groups.len() - 1
            });
            let group = &mut groups[place];
            group.count += 1;
            group.first_seen = group.first_seen.min(row.created_at);
            group.last_seen = group.last_seen.max(row.created_at);
            group.over_time[part(row.created_at)] += 1;
        }
        Self { groups, looked_at: failed.len() as u64, is_capped }
    }
}

impl FailureGroup {
    /// What finds its traces: the longest run of words that all of them have, as a phrase.
    pub fn phrase(&self) -> Option<String> {
        let words: Vec<&str> = self.fingerprint.split(' ').collect();
        let runs = words.split(|word| word.contains(['#', '"', '<', '>', '…'])).map(|run| run.join(" "));
        let longest = runs.filter(|run| run.chars().any(char::is_alphanumeric)).max_by_key(String::len)?;
        Some(format!("\"{longest}\""))
    }
}

/// Characters of a fingerprint; what follows tells little.
const LONGEST: usize = 160;
/// Words before a number that say that it is a kind, not a measure.
const KINDS: [&str; 8] = ["http", "status", "code", "error", "errno", "exit", "signal", "version"];

/// A failure reason without what differs from one failure to the next: numbers, ids, quoted texts, addresses, paths.
///
/// ```
/// use tracellm_trace::fingerprint;
/// assert_eq!(fingerprint("HTTP 429 from crm: retry after 12.5s"), "HTTP 429 from crm: retry after #s");
/// assert_eq!(fingerprint("no order '7731' at https://shop/orders/7731"), r##"no order "…" at <url>"##);
/// ```
pub fn fingerprint(reason: &str) -> String {
    let mut written: Vec<String> = Vec::new();
    let (mut is_kind, mut length) = (false, 0);
    for word in unquoted(reason).split_whitespace() {
        let next = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        written.push(if is_kind && next.chars().all(|c| c.is_ascii_digit()) { word.to_owned() } else { common(word) });
        is_kind = KINDS.contains(&next.as_str());
        length += written.last().map_or(0, |word| word.chars().count() + 1);
        if length > LONGEST + 1 {
            // The first word stays, as far as there is room for it.
            if written.len() > 1 {
                written.pop();
            }
            break;
        }
    }
    written.join(" ").chars().take(LONGEST).collect()
}

/// With `"…"` for each text in quotes. A quote opens where no letter stands before it and closes where none follows.
fn unquoted(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let closes = |(at, _): &(usize, &str)| !rest[at + 1..].chars().next().is_some_and(char::is_alphanumeric);
        let opens = matches!(c, '"' | '\'' | '`') && !before.is_alphanumeric();
        if let Some((end, _)) = if opens { rest.match_indices(c).find(closes) } else { None } {
            written.push_str("\"…\"");
            rest = &rest[end + 1..];
            before = c;
        } else {
            written.push(c);
            before = c;
        }
    }
    written
}

/// A word without what differs.
fn common(word: &str) -> String {
    let kernel = word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '/' | '<' | '>'));
    let around = |placeholder: &str| word.replacen(kernel, placeholder, 1);
    if kernel.contains("://") {
        return around("<url>");
    }
    if kernel.contains('@') && kernel.contains('.') {
        return around("<address>");
    }
    if kernel.starts_with('/') && kernel[1..].contains('/') {
        return around("<path>");
    }
    let digits = kernel.chars().filter(char::is_ascii_digit).count();
    let is_hex = kernel.len() >= 8 && kernel.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    // A unit stands behind its number, the letters of an id before digits, too.
    let is_mixed =
        kernel.find(char::is_alphabetic).zip(kernel.rfind(|c: char| c.is_ascii_digit())).is_some_and(|(letter, digit)| letter < digit);
    if digits > 0 && (is_hex || (kernel.len() >= 10 && digits >= 3 && is_mixed)) {
        return around("<id>");
    }
    if digits == 0 {
        return word.to_owned();
    }
    let mut written = String::new();
    let mut in_number = false;
    for c in word.chars() {
        // A number goes on over a point or comma that a digit follows; that one is cut off again where none does.
        if c.is_ascii_digit() {
            if !in_number {
                written.push('#');
            }
            in_number = true;
        } else if in_number && matches!(c, '.' | ',' | ':' | '_') {
            written.push(c);
            in_number = false;
        } else {
            in_number = false;
            written.push(c);
        }
    }
    while let Some(at) = ["#.#", "#,#", "#:#", "#_#"].iter().find_map(|parts| written.find(parts)) {
        written.replace_range(at..at + 3, "#");
    }
    written
}

#[cfg(test)]
mod tests {
    use super::{FailureGroup, FailureGroups, GroupState, fingerprint};
    use crate::{Context, Source, Timestamp, TraceSummary, normalize};

    #[track_caller]
    fn check(reason: &str, expected: &str) {
        assert_eq!(fingerprint(reason), expected);
        assert_eq!(fingerprint(&fingerprint(reason)), expected, "twice is the same");
    }

    #[test]
    fn what_differs_is_left_out() {
        check("", "");
        check("timeout after 1500 ms", "timeout after # ms");
        check("timeout after 1,500.25ms.", "timeout after #ms.");
        check("HTTP 429 from crm: retry after 2 s", "HTTP 429 from crm: retry after # s");
        check("exit code 137", "exit code 137");
        check("request req_9f86d081884c failed", "request <id> failed");
        check("no trace 550e8400-e29b-41d4-a716-446655440000!", "no trace <id>!");
        check("can't open '/etc/x' (it's gone)", "can't open \"…\" (it's gone)");
        check("read /var/lib/app/1.db: no space", "read <path>: no space");
        check("mail to a.b@example.com, bounced", "mail to <address>, bounced");
        check("GET https://api.example.com/v1/x?y=1: 503", "GET <url>: #");
        check("  many   blanks\nand lines ", "many blanks and lines");
        check("Zeitüberschreitung nach 3 s – 顧客 7", "Zeitüberschreitung nach # s – 顧客 #");
        check("at 12:30:15", "at #");
    }

    #[test]
    fn what_is_long_is_cut_behind_a_word() {
        let long = |id: &str| format!("request {id} failed: {}", "a word and another, ".repeat(20));
        let cut = fingerprint(&long("req_9f86d081884c"));
        assert_eq!(cut, fingerprint(&long("550e8400-e29b-41d4-a716-446655440000-550e8400-e29b-41d4-a716-446655440000")));
        assert!(cut.len() <= 160 && cut.starts_with("request <id> failed: a word") && cut.ends_with("another,"), "{cut}");
        assert_eq!(fingerprint(&"x".repeat(500)).len(), 160);
    }

    #[track_caller]
    fn check_phrase(reason: &str, phrase: Option<&str>) {
        let group =
            FailureGroup { fingerprint: fingerprint(reason), ..FailureGroups::of(&[row("a", "a", reason, 1)], false).groups.remove(0) };
        assert_eq!(group.phrase().as_deref(), phrase, "{reason}");
    }

    #[test]
    fn a_group_is_found_by_the_words_that_all_of_it_have() {
        check_phrase("HTTP 429 from crm: retry after 12.5s", Some("\"HTTP 429 from crm: retry after\""));
        check_phrase("tool crm_2_v failed: no order '7731' there", Some("\"failed: no order\""));
        check_phrase("error 7 at 12", Some("\"error 7 at\""));
        check_phrase("12 34", None);
        check_phrase("", None);
    }

    fn row(id: &str, project: &str, reason: &str, at: i64) -> TraceSummary {
        let raw =
            serde_json::json!({"trace_id": id, "project_id": project, "status": "failed", "failure_reason": reason, "created_at": at});
        let context = Context::with_id(Timestamp::MIN, "t", Source::Json);
        TraceSummary::from(&normalize(&raw.to_string(), &context).unwrap().trace)
    }

    #[test]
    fn failures_of_a_kind_and_project_are_together() {
        let rows = [row("c", "a", "after 3 s", 3000), row("b", "b", "after 2 s", 2000), row("a", "a", "after 1 s", 1000)];
        let found = FailureGroups::of(&rows, false);
        let told =
            |group: &FailureGroup| (group.project_id.clone(), group.count, group.trace_id.clone(), group.over_time.iter().sum::<u32>());
        assert_eq!(found.groups.iter().map(told).collect::<Vec<_>>(), [("a".into(), 2, "c".into(), 2), ("b".into(), 1, "b".into(), 1)]);
        assert_eq!((found.groups[0].over_time[0], found.groups[0].over_time[23], found.groups[1].over_time[11]), (1, 1, 1));
        assert_eq!(found.groups[0].phrase().as_deref(), Some("\"after\""));
        assert!(GroupState::Regressed < GroupState::Open && GroupState::Open < GroupState::Muted);
    }
}
