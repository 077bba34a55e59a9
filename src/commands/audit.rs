use std::io::{self, Write};

use tracellm_store::{Location, audit};
use tracellm_trace::AuditEntry;

use crate::{Failure, settings::AuditOptions};

/// Prints the audit log, the oldest entry first, and whether it is as it was written.
pub async fn audit(location: Location, options: AuditOptions) -> Result<(), Failure> {
    let store = tracellm_store::open(&location).await?;
    let log = audit::log(&*store, usize::MAX).await?;
    store.close().await;
    let mut out = io::stdout().lock();
    for entry in log.entries.iter().rev() {
        if options.json {
            writeln!(out, "{}", serde_json::to_string(entry)?)?;
        } else {
            let AuditEntry { number, at, by, did, what, .. } = entry;
            writeln!(out, "{number}\t{at}\t{by}\t{did}\t{what}")?;
        }
    }
    match (log.broken, log.entries.first()) {
        (Some(broken), _) => Err(format!("the log is not as it was written: {broken}").into()),
        (None, Some(last)) => {
            eprintln!("{} entries, as they were written; the last has the hash {}", log.total, last.hash);
            Ok(())
        }
        (None, None) => {
            eprintln!("nothing was noted yet");
            Ok(())
        }
    }
}
