use serde::{Deserialize, Serialize};

use crate::decode::MAX_DEPTH;

/// Makes the fields and the table that names them from one list.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $unit:literal = $default:expr, $least:expr => $most:expr, $about:literal;)+) => {
        /// How much may be sent and asked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Limits {
            /// Sets one by its name, as `name=value`; bytes may be written as `20MiB`.
            ///
            /// # Errors
            /// There is none of that name, or it can't be so.
            pub fn set(&mut self, text: &str) -> Result<(), String> {
                let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is no NAME=VALUE"))?;
                let value = read(value.trim()).ok_or_else(|| format!("`{value}` is no number"))?;
                match name.trim() {
                    $(stringify!($name) => {
                        let allowed = $least..=$most;
                        if !allowed.contains(&value) {
                            return Err(format!("{name} must be {} to {}, not {value}", allowed.start(), allowed.end()));
                        }
                        self.$name = value;
                    })+
                    name => return Err(format!("there is no limit `{name}`; there are {}", [$(stringify!($name)),+].join(", "))),
                }
                Ok(())
            }

            /// All of them, in words.
            pub fn told(&self) -> Vec<Limit> {
                let all = [$((stringify!($name), $unit, self.$name, $default, $about)),+];
                all.into_iter().map(|(name, unit, value, default, about)| Limit { name: name.into(), unit: unit.into(), value, default, about: about.into() }).collect()
            }
        }
    };
}

limits! {
    body: "bytes" = 20 << 20, 1 << 10 => 1 << 30, "the body of a request, as it is sent";
    decompressed: "bytes" = 20 << 20, 1 << 10 => 1 << 30, "the same once it is decompressed";
    ratio: "times" = 1_000, 2 => 1_000_000, "how much larger than it was sent a body may become";
    batch: "traces" = 20_000, 1 => 1_000_000, "documents of one request";
    spans: "spans" = 50_000, 1 => 1_000_000, "spans of one request; those beyond are told as rejected";
    depth: "levels" = MAX_DEPTH as u64, 8 => MAX_DEPTH as u64, "of JSON: documents nested deeper are refused, deeper attributes of spans kept as text";
    attributes: "attributes" = 10_000, 16 => 1_000_000, "of one span or event; those beyond are dropped, and counted on it";
    attribute_bytes: "bytes" = 20 << 20, 256 => 1 << 30, "the text of one attribute; what is longer is cut, and says so";
    header_time: "seconds" = 30, 1 => 3_600, "until the head of a request is there; a connection on which nobody asks ends then too";
    body_time: "seconds" = 60, 1 => 3_600, "until the whole body of a request is there";
    connections: "connections" = 2_000, 8 => 1_000_000, "open at once; those beyond wait";
    exports: "requests" = 8, 1 => 1_000, "that read whole documents at once; those beyond wait up to 10 s";
    query_time: "seconds" = 30, 1 => 3_600, "that the database may take for a question";
    bad_keys: "a minute" = 60, 1 => 1_000_000, "keys that nobody has, from one address";
    key_requests: "a minute" = 0, 0 => 100_000_000, "requests that bring traces, by one key; 0 is as many as come";
    key_bytes: "bytes a day" = 0, 0 => 1 << 50, "by one key; beyond it traces lose their texts and keep the rest; 0 is as much as comes";
}

/// One limit, as a page tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    pub name: String,
    pub unit: String,
    pub value: u64,
    pub default: u64,
    pub about: String,
}

impl Limits {
    /// How deep JSON may be nested, as those who read it count.
    pub fn deepest(&self) -> usize {
        usize::try_from(self.depth).unwrap_or(usize::MAX)
    }
}

impl FromIterator<Limit> for Limits {
    /// Those that a server told; one that only it knows of, or that can't be so here, is left out.
    fn from_iter<I: IntoIterator<Item = Limit>>(told: I) -> Self {
        let mut limits = Self::default();
        for Limit { name, value, .. } in told {
            let _ = limits.set(&format!("{name}={value}"));
        }
        limits
    }
}

/// A number, with or without a unit of bytes.
fn read(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    digits.trim().replace('_', "").parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn they_are_set_by_name() {
        let mut limits = Limits::default();
        for text in ["body=5MiB", "key_requests = 1_000", "query_time=7"] {
            limits.set(text).unwrap();
        }
        assert_eq!((limits.body, limits.key_requests, limits.query_time), (5 << 20, 1_000, 7));
        assert!(limits.set("size=1").unwrap_err().contains("there is no limit `size`; there are body, "));
        assert!(limits.set("body=0").unwrap_err().starts_with("body must be 1024 to "));
        assert!(limits.set("body=5MB").is_err() && limits.set("body").is_err() && limits.set("body=-1").is_err());
        assert_eq!(limits.told().into_iter().collect::<Limits>(), limits);
        assert!(limits.told().iter().any(|limit| (limit.name.as_str(), limit.value, limit.default) == ("body", 5 << 20, 20 << 20)));
    }
}
