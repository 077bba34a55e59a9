use serde::{Deserialize, Serialize};
use tracellm_trace::Timestamp;

/// One request that brought traces, or tried to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    pub at: Timestamp,
    /// `json` or `otlp`.
    pub way: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Traces, or spans of OpenTelemetry.
    pub accepted: u64,
    pub rejected: u64,
    /// Why, for the first that was rejected, or for the request.
    pub reason: Option<String>,
    /// As sent, compressed or not; none where the sender did not say.
    pub bytes: Option<u64>,
    /// What the sender calls itself.
    pub client: String,
    /// The public id of its key.
    pub key_id: Option<String>,
    /// Attributes of its spans that no field is for; they are kept in the metadata.
    pub without_field: Vec<String>,
}

/// The last requests, of one key or all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakePage {
    /// The newest first, not more than were asked for.
    pub requests: Vec<Intake>,
    /// How many are remembered.
    pub total: usize,
    /// Every key that one came with.
    pub keys: Vec<String>,
}

#[cfg(feature = "ssr")]
mod log {
    use std::{
        cmp::Reverse,
        collections::{BTreeMap, VecDeque},
        sync::{Arc, Mutex, PoisonError},
    };

    use tracellm_trace::text::cut;

    use super::{Intake, IntakePage};

    /// Requests that are remembered of each key, and of those without one.
    const KEPT: usize = 1_000;
    /// Bytes of a text that are.
    const LONGEST: usize = 300;

    /// The last requests of this process, for those who ask where their trace is.
    #[derive(Clone, Default)]
    pub struct IntakeLog(Arc<Mutex<BTreeMap<Option<String>, VecDeque<Intake>>>>);

    impl IntakeLog {
        pub fn add(&self, mut intake: Intake) {
            // What a sender says is as long as it likes.
            let said = [Some(&mut intake.client), intake.reason.as_mut()].into_iter().flatten().chain(&mut intake.without_field);
            for text in said {
                if cut(text, LONGEST) {
                    text.shrink_to_fit();
                }
            }
            let mut logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let of_key = logs.entry(intake.key_id.clone()).or_default();
            if of_key.len() == KEPT {
                of_key.pop_front();
            }
            of_key.push_back(intake);
        }

        /// The newest of one key, or of all.
        pub fn newest(&self, key: Option<&str>, most: usize) -> IntakePage {
            let logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let wanted = || logs.iter().filter(|(of, _)| key.is_none() || of.as_deref() == key).map(|(_, log)| log);
            let mut requests: Vec<&Intake> = wanted().flat_map(|log| log.iter().rev().take(most)).collect();
            requests.sort_by_key(|intake| Reverse(intake.at));
            requests.truncate(most);
            IntakePage {
                requests: requests.into_iter().cloned().collect(),
                total: wanted().map(VecDeque::len).sum(),
                keys: logs.keys().flatten().cloned().collect(),
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use tracellm_trace::Timestamp;

        use super::{Intake, IntakeLog, KEPT, LONGEST};

        #[test]
        fn a_key_that_sends_much_pushes_no_other_out() {
            let log = IntakeLog::default();
            let add = |key: Option<&str>, millis: i64| {
                log.add(Intake {
                    at: Timestamp::from_millis_clamped(millis),
                    way: "otlp".to_owned(),
                    status: 200,
                    accepted: 1,
                    rejected: 0,
                    reason: None,
                    bytes: None,
                    client: String::new(),
                    key_id: key.map(str::to_owned),
                    without_field: vec!["ä".repeat(1_000)],
                });
            };
            add(Some("quiet"), 5);
            (0..1_500).for_each(|at| add(None, 10 + at));
            let all = log.newest(None, 2_000);
            assert_eq!((all.requests.len(), all.total, all.keys), (KEPT + 1, KEPT + 1, vec!["quiet".to_owned()]));
            assert_eq!(all.requests[0].at.millis(), 1_509);
            assert!(all.requests[0].without_field[0].len() <= LONGEST + '…'.len_utf8(), "a name has no more room than a line");
            assert_eq!(log.newest(Some("quiet"), 10).requests.len(), 1);
            assert_eq!(log.newest(Some("other"), 10).requests.len(), 0);
        }
    }
}
#[cfg(feature = "ssr")]
pub use log::IntakeLog;
