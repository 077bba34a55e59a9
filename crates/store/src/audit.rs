//! Who created, changed, revoked, deleted or exported what: a chain of entries of which each tells the hash of the one before.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tracellm_trace::{AuditEntry, AuditLog, otlp::wire::to_hex};

use crate::{StoreError, TraceStore, ingest::now, json::written};

/// Under which they are kept, with the number behind it.
pub(crate) const NAMES: &str = "audit/";

/// Writes entries in the name of whoever acts. What they may do themselves does not matter here.
#[derive(Clone)]
pub struct Auditor {
    store: Arc<dyn TraceStore>,
    by: Arc<str>,
}

impl Auditor {
    pub fn new(store: Arc<dyn TraceStore>, by: impl Into<Arc<str>>) -> Self {
        Self { store, by: by.into() }
    }

    /// As [`log`].
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn log(&self, most: usize) -> Result<AuditLog, StoreError> {
        log(&*self.store, most).await
    }

    /// Writes one entry. What can't be done again, as it is gone then, is noted before it is done, everything else after.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn note(&self, did: &str, what: impl Into<String>) -> Result<(), StoreError> {
        let what = what.into();
        let mut last = last(&*self.store).await?;
        loop {
            let (number, before) = last.map_or((1, String::new()), |entry| (entry.number + 1, entry.hash));
            let entry = AuditEntry {
                number,
                at: now(),
                by: self.by.to_string(),
                did: did.to_owned(),
                what: what.clone(),
                before,
                hash: String::new(),
            };
            let entry = AuditEntry { hash: hash_of(&entry)?, ..entry };
            if self.store.add_setting(&name(number), &written(&entry)?).await? {
                return Ok(());
            }
            // Another was written meanwhile.
            last = Some(read(&*self.store, number).await?);
        }
    }
}

/// The newest entries, and whether the whole chain holds.
///
/// # Errors
/// The database does not answer.
pub async fn log(store: &dyn TraceStore, most: usize) -> Result<AuditLog, StoreError> {
    let all = store.settings(NAMES).await?;
    let mut broken = None;
    let mut entries: Vec<AuditEntry> = Vec::with_capacity(all.len());
    for (expected, text) in (1..).zip(all.values()) {
        let entry: Result<AuditEntry, _> = serde_json::from_str(text);
        let Ok(entry) = entry else {
            broken = broken.or_else(|| Some(format!("entry {expected} can't be read")));
            continue;
        };
        let before = entries.last().map_or("", |last| last.hash.as_str());
        let fault = if entry.number != expected {
            Some("there are entries missing before it")
        } else if entry.before != before {
            Some("it does not follow the one before it")
        } else if hash_of(&AuditEntry { hash: String::new(), ..entry.clone() })? != entry.hash {
            Some("it was changed")
        } else {
            None
        };
        broken = broken.or_else(|| fault.map(|fault| format!("entry {}: {fault}", entry.number)));
        entries.push(entry);
    }
    let total = entries.len() as u64;
    Ok(AuditLog { entries: entries.into_iter().rev().take(most).collect(), total, broken })
}

/// The newest entry. Numbers have no gap, so it is found by halves.
async fn last(store: &dyn TraceStore) -> Result<Option<AuditEntry>, StoreError> {
    let is_there = async |number: u64| Ok::<_, StoreError>(store.setting(&name(number)).await?.is_some());
    let mut beyond = 1;
    while is_there(beyond).await? {
        beyond *= 2;
    }
    let mut there = beyond / 2;
    while beyond - there > 1 {
        let middle = there + (beyond - there) / 2;
        if is_there(middle).await? { there = middle } else { beyond = middle }
    }
    if there == 0 { Ok(None) } else { read(store, there).await.map(Some) }
}

async fn read(store: &dyn TraceStore, number: u64) -> Result<AuditEntry, StoreError> {
    let text = store.setting(&name(number)).await?.unwrap_or_default();
    // One that somebody made unreadable is followed all the same; the log says that it is broken there.
    let unreadable = || AuditEntry {
        number,
        at: now(),
        by: String::new(),
        did: String::new(),
        what: String::new(),
        before: String::new(),
        hash: String::new(),
    };
    Ok(serde_json::from_str(&text).unwrap_or_else(|_| unreadable()))
}

fn name(number: u64) -> String {
    format!("{NAMES}{number:012}")
}

fn hash_of(entry: &AuditEntry) -> Result<String, StoreError> {
    Ok(to_hex(&Sha256::digest(written(entry)?)))
}
