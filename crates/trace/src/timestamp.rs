use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment in UTC, in whole milliseconds since 1970, between the years 1 and 9999: what BSON dates, RFC 3339 and people can all hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// An epoch number below this counts seconds (it would be the year 5138), from there on milliseconds.
const SECONDS_BELOW: f64 = 1e11;

impl Timestamp {
    /// 0001-01-01T00:00:00.000Z.
    pub const MIN: Self = Self(-62_135_596_800_000);
    /// 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// The moment `millis` ms after 1970, if it lies in the years 1 to 9999.
    pub fn from_millis(millis: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&millis).then_some(Self(millis))
    }

    /// As [`Timestamp::from_millis`], with the nearest bound for what lies outside.
    pub fn from_millis_clamped(millis: i64) -> Self {
        Self(millis.clamp(Self::MIN.0, Self::MAX.0))
    }

    pub fn millis(self) -> i64 {
        self.0
    }

    /// This moment plus `millis` ms, cut to whole ones and kept within bounds.
    pub fn plus(self, millis: f64) -> Self {
        // The cast saturates, and so does the sum.
        Self::from_millis_clamped(self.0.saturating_add(millis.floor() as i64))
    }

    /// Reads epoch seconds or milliseconds, told apart by their size.
    pub fn from_epoch(epoch: f64) -> Option<Self> {
        let millis = if epoch.abs() < SECONDS_BELOW {
            // Through microseconds, as a fraction like .123 has no exact double and would be cut to .122.
            ((epoch * 1e6).round() / 1e3).floor()
        } else {
            epoch.floor()
        };
        if !millis.is_finite() {
            return None;
        }
        Self::from_millis(millis as i64)
    }

    /// Reads an ISO 8601 string: a date, then perhaps a time after a space or `T`, any fraction, with or without offset (none is UTC).
    ///
    /// ```
    /// use tracellm_trace::Timestamp;
    /// let time = Timestamp::parse("2026-05-29 02:46:58.5759+02:00").unwrap();
    /// assert_eq!(time.to_string(), "2026-05-29T00:46:58.575Z");
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, rest) = text.split_at_checked(10)?;
        let date = parse_date(date)?;
        if rest.is_empty() {
            return Self::from_civil(date.and_time(NaiveTime::MIN), 0);
        }
        let rest = rest.strip_prefix(['T', 't', ' '])?;
        let (clock, offset) = split_offset(rest)?;
        Self::from_civil(date.and_time(parse_clock(clock)?), offset)
    }

    fn from_civil(civil: NaiveDateTime, offset_minutes: i64) -> Option<Self> {
        Self::from_millis(civil.and_utc().timestamp_millis() - offset_minutes * 60_000)
    }

    /// The same moment for chrono's formatting.
    pub fn to_chrono(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
}

/// `YYYY-MM-DD`, digits only: chrono alone would also take `+026-1-05`.
fn parse_date(text: &str) -> Option<NaiveDate> {
    let (year, month, day) = (digits(text.get(..4)?)?, digits(text.get(5..7)?)?, digits(text.get(8..)?)?);
    let dashes = text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    if !dashes {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fraction` (also with a comma), cut to milliseconds.
fn parse_clock(text: &str) -> Option<NaiveTime> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let mut parts = whole.split(':');
    let (hour, minute) = (two_digits(parts.next()?)?, two_digits(parts.next()?)?);
    let second = match parts.next() {
        Some(second) => two_digits(second)?,
        None if whole.len() == text.len() => 0,
        None => return None,
    };
    if parts.next().is_some() || fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let millis = format!("{fraction:0<3}").get(..3).and_then(digits)?;
    NaiveTime::from_hms_milli_opt(hour, minute, second, millis)
}

/// The clock, and the offset behind it in minutes east of UTC.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock.trim_end(), 0));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let sign = if text.as_bytes()[at] == b'-' { -1 } else { 1 };
    let offset = &text[at + 1..];
    let (hours, minutes) = match offset.len() {
        2 => (offset, "00"),
        4 => offset.split_at_checked(2)?,
        _ => offset.split_once(':')?,
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some((text[..at].trim_end(), sign * i64::from(hours * 60 + minutes)))
}

fn two_digits(text: &str) -> Option<u32> {
    if text.len() == 2 { digits(text) } else { None }
}

fn digits(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// RFC 3339 in UTC with milliseconds: `2026-05-29T02:46:58.575Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_chrono().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is no ISO 8601 time")))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(Timestamp::parse(text).map_or("unreadable".to_owned(), |t| t.to_string()), expect, "{text}");
    }

    #[test]
    fn reads_the_iso_8601_that_clients_write() {
        check("2026-05-29", "2026-05-29T00:00:00.000Z");
        check("2026-05-29T02:46", "2026-05-29T02:46:00.000Z");
        check("2026-05-29 02:46:58", "2026-05-29T02:46:58.000Z");
        check("2026-05-29T02:46:58.9Z", "2026-05-29T02:46:58.900Z");
        check("2026-05-29T02:46:58.123999999+00:00", "2026-05-29T02:46:58.123Z");
        check("2026-05-29T02:46:58,5-0530", "2026-05-29T08:16:58.500Z");
        check("2026-05-29T02:46:58 +02", "2026-05-29T00:46:58.000Z");
        check("1969-12-31T23:59:59.9999", "1969-12-31T23:59:59.999Z");
        check("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn refuses_what_is_no_moment() {
        for text in [
            "",
            "yesterday",
            "2026-02-30",
            "2026-5-1",
            "+026-05-01",
            "2026-05-29T25:00",
            "2026-05-29T02:46:60",
            "2026-05-29T02",
            "2026-05-29T02:46:58.",
            "2026-05-29T02:46.5",
            "2026-05-29T02:46:58+25:00",
            "2026-05-29T02:46:58+2",
            "2026-05-29X02:46",
            "9999-12-31T23:59:59-01:00",
            "0000-01-01",
            "2026-05-2é",
            "20260529",
            "1780000000",
        ] {
            check(text, "unreadable");
        }
    }

    #[test]
    fn tells_epoch_seconds_from_milliseconds() {
        assert_eq!(Timestamp::from_epoch(1_780_000_000.123).unwrap().millis(), 1_780_000_000_123);
        assert_eq!(Timestamp::from_epoch(1_780_000_000_123.0).unwrap().millis(), 1_780_000_000_123);
        assert_eq!(Timestamp::from_epoch(-1.5).unwrap().millis(), -1_500);
        assert_eq!(Timestamp::from_epoch(1_780_000_000_123_456.0), None, "microseconds");
        assert_eq!(Timestamp::from_epoch(f64::NAN), None);
    }

    #[test]
    fn sums_stay_within_bounds() {
        assert_eq!(Timestamp::MAX.plus(1e300), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis_clamped(0).plus(1.9).millis(), 1);
    }
}
