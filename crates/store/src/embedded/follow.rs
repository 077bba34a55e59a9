use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use rusqlite::Connection;
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};
use tracellm_trace::Trace;

use super::connections::Connections;
use crate::{
    StoreError,
    feed::{Feed, KEPT},
};

/// How often one looks for what other processes have stored.
const POLL: Duration = Duration::from_millis(250);

/// Publishes what is stored from now on: at once what this process commits, soon what others do.
pub(super) async fn follow(readers: Arc<Connections>, feed: Arc<Feed>, mut commits: watch::Receiver<()>, placed: oneshot::Sender<()>) {
    // The feed ends this task when it goes, so the task must not keep it.
    let feed: Weak<Feed> = Arc::downgrade(&feed);
    let mut seen = loop {
        match readers.run(newest).await {
            Ok(newest) => break newest,
            Err(error) => tracing::debug!("following: {error}"),
        }
        tokio::time::sleep(POLL).await;
    };
    // Whoever asked may be gone.
    let _ = placed.send(());
    loop {
        if let Ok(Err(_)) = timeout(POLL, commits.changed()).await {
            // No more comes from this process.
            tokio::time::sleep(POLL).await;
        }
        let found = match readers.run(move |connection| stored_behind(connection, seen)).await {
            Ok(found) => found,
            // Nothing is lost by that: the next look begins where this one did.
            Err(error) => {
                tracing::debug!("following: {error}");
                tokio::time::sleep(POLL).await;
                continue;
            }
        };
        let Some(feed) = feed.upgrade() else { return };
        if found.len() > KEPT {
            feed.publish_gap();
        }
        let further = found.len().saturating_sub(KEPT);
        for (id, trace) in found.into_iter().skip(further) {
            seen = id;
            trace.map_or_else(|| feed.publish_gap(), |trace| feed.publish(trace));
        }
    }
}

fn newest(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.prepare_cached("SELECT coalesce(max(id), 0) FROM traces")?.query_row([], |row| row.get(0))?)
}

/// The newest documents behind a row, in order, none for one that can't be read; one more than are kept tells that there are more.
fn stored_behind(connection: &Connection, seen: i64) -> Result<Vec<(i64, Option<Trace>)>, StoreError> {
    let sql = format!("SELECT id, doc FROM traces WHERE id > ? ORDER BY id DESC LIMIT {}", KEPT + 1);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([seen])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, serde_json::from_str(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?).ok()));
    }
    found.reverse();
    Ok(found)
}
