//! Numbers and times as people read them. No clock, no locale: both sides write the same.

use tracellm_trace::{Timestamp, Total};

/// A time span: `0.31 ms`, `216 ms`, `3.16 s`, `2 m 05 s`, `3 h 20 m`.
pub fn duration(ms: f64) -> String {
    match ms {
        0.0 => "0 ms".to_owned(),
        ms if ms < 0.01 => "<0.01 ms".to_owned(),
        ms if ms < 1.0 => format!("{ms:.2} ms"),
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 59_995.0 => format!("{:.2} s", ms / 1e3),
        ms if ms < 3_599_500.0 => {
            let seconds = (ms / 1e3).round();
            format!("{:.0} m {:02.0} s", (seconds / 60.0).floor(), seconds % 60.0)
        }
        ms if ms < 3.6e15 => {
            let minutes = (ms / 6e4).round();
            format!("{} h {:02.0} m", count((minutes / 60.0).floor() as i64), minutes % 60.0)
        }
        _ => format!("{:.1e} h", ms / 3.6e6),
    }
}

/// A time on an axis whose marks lie so far from each other: with the digits that tell it from the next one.
pub fn instant(ms: f64, apart: f64) -> String {
    let tells_enough = apart >= 6e4 || apart >= 1e3 && ms < 3.6e6 || apart >= 100.0 && ms < 6e4 || apart >= 1.0 && ms < 1e3;
    if tells_enough {
        return duration(ms);
    }
    let digits = if apart > 0.0 { (3.0 - apart.log10()).ceil().clamp(0.0, 6.0) as usize } else { 0 };
    let width = if digits == 0 { 2 } else { digits + 3 };
    // Rounded first, so that no second is the sixtieth.
    let unit = 1e3 / 10_f64.powi(digits as i32);
    let ms = (ms / unit).round() * unit;
    match ms {
        ms if ms < 1e3 => format!("{ms:.*} ms", digits.saturating_sub(3)),
        ms if ms < 6e4 => format!("{:.digits$} s", ms / 1e3),
        ms if ms < 3.6e6 => {
            format!("{:.0} m {:0width$.digits$} s", (ms / 6e4).floor(), ms % 6e4 / 1e3)
        }
        ms => {
            format!("{} h {:02.0} m {:0width$.digits$} s", count((ms / 3.6e6).floor() as i64), (ms % 3.6e6 / 6e4).floor(), ms % 6e4 / 1e3)
        }
    }
}

/// A count as the functions here take it; as many as fit of more than fit.
pub fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A count with its thousands apart: `3,229`.
pub fn count(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    if n < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 trace`, `3 traces`.
pub fn things(n: i64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A total that says when it was capped: `over 10,000 traces`.
pub fn total(total: Total) -> String {
    let traces = things(whole(total.count), "trace");
    if total.is_capped { format!("over {traces}") } else { traces }
}

/// How much more or less the second is: `+1.20 s (+40 %)`; nothing where they are the same or one is not known.
pub fn change(from: Option<f64>, to: Option<f64>, write: fn(f64) -> String) -> String {
    let (Some(from), Some(to)) = (from, to) else { return String::new() };
    let (by, sign) = ((to - from).abs(), if to > from { '+' } else { '−' });
    match () {
        () if by == 0.0 => "=".to_owned(),
        () if from == 0.0 => format!("{sign}{}", write(by)),
        () => format!("{sign}{} ({sign}{:.0} %)", write(by), by / from * 100.0),
    }
}

/// How much more or less the second of two numbers is: `+12 %`, `×30`; nothing where they are much the same, or the first is none.
pub fn change_in_percent(from: f64, to: f64) -> Option<String> {
    let by = (to - from) / from * 100.0;
    match by.round() {
        _ if from <= 0.0 => None,
        0.0 => None,
        1_000.0.. => Some(format!("×{:.0}", to / from)),
        by => Some(format!("{}{:.0} %", if by > 0.0 { '+' } else { '−' }, by.abs())),
    }
}

/// US dollars, to four digits that matter: `$0.0012`, `$12,345.68`.
pub fn dollars(usd: f64) -> String {
    match usd {
        usd if usd != 0.0 && usd < 1.0 => format!("${usd:.4}"),
        usd if usd < 1e15 => {
            let cents = (usd * 100.0).round() as i64;
            format!("${}.{:02}", count(cents / 100), cents % 100)
        }
        usd => format!("${usd:.2e}"),
    }
}

/// US dollars on an axis that reaches so far: no more digits than tell its marks apart.
pub fn dollars_to(most: f64, usd: f64) -> String {
    match most {
        100.0..1e9 => format!("${}", count(usd.round() as i64)),
        1e9.. => format!("${usd:.1e}"),
        0.1..100.0 => format!("${usd:.2}"),
        _ => format!("${usd:.4}"),
    }
}

/// How long ago something was, in ms: `now`, `12 s ago`, `3 min ago`, `5 h ago`, `12 d ago`; `in 3 min` where it is yet to come.
pub fn ago(ms: f64) -> String {
    let seconds = (ms.abs() / 1e3).floor();
    let span = match seconds {
        seconds if seconds < 5.0 => return "now".to_owned(),
        seconds if seconds < 60.0 => format!("{seconds:.0} s"),
        seconds if seconds < 3_600.0 => format!("{:.0} min", (seconds / 60.0).floor()),
        seconds if seconds < 172_800.0 => format!("{:.0} h", (seconds / 3_600.0).floor()),
        seconds => format!("{} d", count((seconds / 86_400.0).floor() as i64)),
    };
    if ms < 0.0 { format!("in {span}") } else { format!("{span} ago") }
}

/// `2026-05-29` and `02:46:58`, in UTC.
pub fn date_and_time(time: Timestamp) -> (String, String) {
    let text = time.to_string();
    (text[..10].to_owned(), text[11..19].to_owned())
}

/// `2026-05-29 02:46:58`, in UTC.
pub fn time(time: Timestamp) -> String {
    time.to_string()[..19].replace('T', " ")
}

/// The label of a moment on an axis that spans so many ms: the time within days, the date beyond.
pub fn tick(time: Timestamp, span: i64) -> String {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let text = time.to_string();
    match span {
        ..=DAY => text[11..16].to_owned(),
        span if span <= 4 * DAY => format!("{} {}", &text[5..10], &text[11..16]),
        span if span <= 400 * DAY => text[5..10].to_owned(),
        _ => text[..7].to_owned(),
    }
}

/// A size: `812 B`, `12.3 kB`, `4.5 MB`.
pub fn bytes(count: usize) -> String {
    match count as f64 {
        bytes if bytes < 1e3 => format!("{bytes} B"),
        bytes if bytes < 1e6 => format!("{:.1} kB", bytes / 1e3),
        bytes => format!("{:.1} MB", bytes / 1e6),
    }
}

/// A share in per cent, 0 to 100: `98.5 %`.
pub fn percent(share: f64) -> String {
    if share == 0.0 || share == 100.0 { format!("{share:.0} %") } else { format!("{share:.1} %") }
}

/// `2026-05-29 02:46:58.575 UTC`.
pub fn exact_time(time: Timestamp) -> String {
    time.to_string().replace('T', " ").replace('Z', " UTC")
}

#[cfg(test)]
mod tests {
    use super::{ago, change, change_in_percent, count, dollars, dollars_to, duration, instant};

    #[test]
    fn how_long_ago_is_told_roughly() {
        let told = [0.0, 12_345.0, 185_000.0, 18_000_000.0, 172_800_000.0, 1e11, -200_000.0].map(ago);
        assert_eq!(told, ["now", "12 s ago", "3 min ago", "5 h ago", "2 d ago", "1,157 d ago", "in 3 min"]);
    }

    #[test]
    fn marks_of_an_axis_are_told_apart() {
        let told = [
            (699_000.0, 225.0),
            (699_225.0, 225.0),
            (3_661_000.5, 0.25),
            (12_345.6, 20.0),
            (900.0, 225.0),
            (699_000.0, 60_000.0),
            (19_209_900.0, 9_900.0),
            (500.25, 0.25),
            (119_960.0, 100.0),
            (507.8, 507.8),
            (2_031.0, 507.8),
        ];
        let told = told.map(|(ms, apart)| instant(ms, apart));
        assert_eq!(
            told,
            [
                "11 m 39.0 s",
                "11 m 39.2 s",
                "1 h 01 m 01.0005 s",
                "12.35 s",
                "900 ms",
                "11 m 39 s",
                "5 h 20 m 10 s",
                "500.3 ms",
                "2 m 00.0 s",
                "508 ms",
                "2.03 s"
            ]
        );
    }

    #[test]
    fn durations_keep_three_digits() {
        let written: Vec<_> =
            [0.0, 0.0072, 0.31, 6.14, 216.89, 999.6, 3163.18, 59_999.0, 125_000.0, 3_599_900.0, 1.2e7, 1e300].map(duration).into();
        let expected = [
            "0 ms",
            "<0.01 ms",
            "0.31 ms",
            "6.1 ms",
            "217 ms",
            "1.00 s",
            "3.16 s",
            "1 m 00 s",
            "2 m 05 s",
            "1 h 00 m",
            "3 h 20 m",
            "2.8e293 h",
        ];
        assert_eq!(written, expected);
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        assert_eq!([0, 999, 3229, -1_234_567, i64::MAX].map(count), ["0", "999", "3,229", "-1,234,567", "9,223,372,036,854,775,807"]);
        assert_eq!([0.0, 0.00123, 2.5, 12_345.678].map(dollars), ["$0.00", "$0.0012", "$2.50", "$12,345.68"]);
        assert_eq!([0.004, 5.0, 20_000.0].map(|most| dollars_to(most, most / 2.0)), ["$0.0020", "$2.50", "$10,000"]);
    }

    #[test]
    fn a_change_has_its_sign() {
        let pairs =
            [(Some(100.0), Some(150.0)), (Some(100.0), Some(75.0)), (Some(0.0), Some(5.0)), (Some(5.0), Some(5.0)), (None, Some(5.0))];
        let written = pairs.map(|(from, to)| change(from, to, duration));
        let shares = [(100.0, 112.4), (8.0, 6.0), (1.0, 30.0), (5.0, 5.01), (0.0, 3.0)].map(|(from, to)| change_in_percent(from, to));
        assert_eq!(shares.map(Option::unwrap_or_default), ["+12 %", "−25 %", "×30", "", ""]);
        assert_eq!(written, ["+50 ms (+50 %)", "−25 ms (−25 %)", "+5.0 ms", "=", ""]);
    }
}
