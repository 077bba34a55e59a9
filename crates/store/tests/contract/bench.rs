use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use tracellm_store::{Location, NewTrace, Repaired, TraceStore, audit::Auditor, mongo::Pace, open, open_at};
use tracellm_trace::{Context, Outcome, Source, Timestamp, Trace, normalize};
use uuid::Uuid;

/// The clock of the tests.
pub const NOW: i64 = 1_780_000_000_000;

/// Sums of a MongoDB are made as fast as a test wants them.
pub const PACE: Pace = Pace {
    every: Duration::from_millis(50),
    holds: Duration::from_millis(200),
    rests: Duration::from_millis(800),
    late: Duration::from_secs(8),
};

/// An empty store that is gone with its test.
pub struct Bench {
    pub store: Arc<dyn TraceStore>,
    pub location: Location,
    /// By then sums are made of what was stored.
    pub rests: Duration,
    _folder: Option<TempDir>,
}

impl Bench {
    pub async fn embedded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Embedded { data_dir: folder.path().join("made/on/the/way") };
        Self { store: open(&location).await.unwrap(), location, rests: Duration::ZERO, _folder: Some(folder) }
    }

    pub async fn mongo() -> Self {
        let location = Location::Mongo { url: mongo_url(), db_name: Some(format!("test_{}", Uuid::new_v4().simple())) };
        Self { store: open_at(&location, PACE).await.unwrap(), location, rests: PACE.rests + 4 * PACE.every, _folder: None }
    }

    /// Notes what a test does.
    pub fn audit(&self) -> Auditor {
        Auditor::new(self.store.clone(), "test")
    }

    /// Stores raw documents in one batch and says what became of each.
    pub async fn put(&self, raw: &[Value]) -> Vec<Outcome> {
        let outcomes = self.store.put(raw.iter().map(document).collect()).await.unwrap();
        outcomes.into_iter().map(|outcome| outcome.unwrap()).collect()
    }

    /// Adds up all traces, and compares that with the sums that were kept.
    pub async fn check_sums(&self) {
        let Repaired { cells, wrong } = self.store.repair_rollups().await.unwrap();
        assert!(cells > 0 && wrong == 0, "{wrong} of {cells} sums are wrong");
    }

    pub async fn get(&self, project_id: &str, trace_id: &str) -> Trace {
        self.store.get(Some(project_id), trace_id).await.unwrap().expect("the trace is there")
    }
}

/// The server of this run.
pub fn mongo_url() -> String {
    std::env::var("MONGO_TEST_URL").expect("MONGO_TEST_URL names a MongoDB: run this by `tools/mongo.sh cargo test`")
}

/// Where it listens.
pub fn mongo_address() -> String {
    mongo_url().split("://").nth(1).unwrap().split('/').next().unwrap().to_owned()
}

/// A document as normalised at [`NOW`].
pub fn document(raw: &Value) -> NewTrace {
    let context = Context::new(Timestamp::from_millis(NOW).unwrap(), Uuid::new_v4(), Source::Json);
    normalize(&raw.to_string(), &context).unwrap().into()
}

/// A raw document with this id, started `seconds` after 1 January 2026.
pub fn raw(trace_id: &str, seconds: i64) -> Value {
    json!({"trace_id": trace_id, "created_at": 1_767_225_600 + seconds})
}
