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
}

#[cfg(feature = "ssr")]
mod log {
    use std::{
        collections::VecDeque,
        sync::{Arc, Mutex, PoisonError},
    };

    use super::Intake;

    /// Requests that are remembered.
    const KEPT: usize = 1_000;

    /// The last requests of this process, for those who ask where their trace is.
    #[derive(Clone, Default)]
    pub struct IntakeLog(Arc<Mutex<VecDeque<Intake>>>);

    impl IntakeLog {
        pub fn add(&self, intake: Intake) {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(intake);
        }

        /// The newest first.
        pub fn newest(&self, most: usize) -> Vec<Intake> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().take(most).cloned().collect()
        }
    }
}
#[cfg(feature = "ssr")]
pub use log::IntakeLog;
