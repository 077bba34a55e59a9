use std::{
    fs::DirBuilder,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, TransactionBehavior};

use super::rollups;
use crate::StoreError;

/// The file in the data folder.
pub(crate) const FILE_NAME: &str = "tracellm.db";
/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of a page of a file that is new. A trace with its texts takes some pages, each of which costs calls to the system, and changes one
/// of most indexes, so neither the usual 4 KB nor 16 KB are as fast.
const PAGE: i64 = 8_192;

/// Bytes of the log after which pages are moved to their places in the file: the more, the fewer times a page of an index that changes with
/// every trace is moved.
const CHECKPOINT: i64 = 64 << 20;

/// KiB of pages that the one who writes keeps in memory: some of each index, as a trace changes a page of each.
const CACHE: i64 = 16_000;

/// Each brings a file from the version of its position to the next one.
const MIGRATIONS: &[&str] = &[
    // `doc` stands last, so that reading a row of a list never touches the pages it fills.
    "CREATE TABLE traces (
         id INTEGER PRIMARY KEY,
         project_id TEXT NOT NULL,
         trace_id TEXT NOT NULL,
         created_at INTEGER NOT NULL,
         status TEXT NOT NULL,
         model_name TEXT NOT NULL,
         environment TEXT NOT NULL,
         latency REAL NOT NULL,
         token_count INTEGER NOT NULL,
         cost_usd REAL,
         retry_count INTEGER NOT NULL,
         slow_request INTEGER NOT NULL,
         session_id TEXT,
         user_id TEXT,
         tags TEXT,
         summary TEXT NOT NULL,
         doc TEXT NOT NULL
     ) STRICT;
     CREATE UNIQUE INDEX traces_key ON traces (trace_id, project_id);
     CREATE INDEX traces_time ON traces (created_at, trace_id, project_id);
     CREATE INDEX traces_status ON traces (status, created_at, trace_id, project_id);
     CREATE INDEX traces_project ON traces (project_id, created_at, trace_id);
     CREATE INDEX traces_model ON traces (model_name, created_at, trace_id, project_id);
     CREATE INDEX traces_environment ON traces (environment, created_at, trace_id, project_id);
     CREATE INDEX traces_latency ON traces (latency, trace_id, project_id);
     CREATE INDEX traces_tokens ON traces (token_count, trace_id, project_id);
     CREATE INDEX traces_cost ON traces (cost_usd, trace_id, project_id) WHERE cost_usd IS NOT NULL;
     CREATE INDEX traces_retried ON traces (created_at, trace_id, project_id) WHERE retry_count > 0;
     CREATE INDEX traces_slow ON traces (created_at, trace_id, project_id) WHERE slow_request = 1;
     CREATE INDEX traces_session ON traces (session_id, created_at, trace_id, project_id) WHERE session_id IS NOT NULL;
     CREATE INDEX traces_user ON traces (user_id, created_at, trace_id, project_id) WHERE user_id IS NOT NULL;

     CREATE TABLE projects (
         project_id TEXT PRIMARY KEY,
         name TEXT NOT NULL UNIQUE,
         description TEXT NOT NULL,
         created_at INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE api_keys (
         key TEXT PRIMARY KEY,
         key_id TEXT NOT NULL UNIQUE,
         project_id TEXT NOT NULL,
         environment TEXT NOT NULL,
         scope TEXT NOT NULL,
         created_at INTEGER NOT NULL,
         last_used_at INTEGER,
         expires_at INTEGER,
         revoked_at INTEGER
     ) STRICT;",
    // `span` stands last, as `doc` does.
    "CREATE TABLE spans (
         trace_id TEXT NOT NULL,
         project_id TEXT NOT NULL,
         span_id TEXT NOT NULL,
         rank TEXT NOT NULL,
         span TEXT NOT NULL
     ) STRICT;
     CREATE UNIQUE INDEX spans_key ON spans (trace_id, project_id, span_id);",
    // Spans that came together are one row; of a span that came more than once the reader knows which version stands.
    "CREATE TABLE span_batches (
         id INTEGER PRIMARY KEY,
         trace_id TEXT NOT NULL,
         project_id TEXT NOT NULL,
         spans BLOB NOT NULL
     ) STRICT;
     INSERT INTO span_batches (trace_id, project_id, spans) SELECT trace_id, project_id, CAST('[' || span || ']' AS BLOB) FROM spans;
     DROP TABLE spans;
     CREATE INDEX span_batches_key ON span_batches (trace_id, project_id);",
    // Sums of periods; names by which a grain does not tell apart are empty. What stood before is added up behind this.
    "CREATE TABLE rollups (
         grain INTEGER NOT NULL,
         level INTEGER NOT NULL,
         period INTEGER NOT NULL,
         project_id TEXT NOT NULL,
         environment TEXT NOT NULL,
         model_name TEXT NOT NULL,
         status TEXT NOT NULL,
         traces INTEGER NOT NULL,
         sums BLOB NOT NULL,
         PRIMARY KEY (grain, level, period, project_id, environment, model_name, status)
     ) STRICT, WITHOUT ROWID;
     DROP INDEX traces_time;
     -- With all that numbers are made of, so that adding up a range reads nothing else.
     CREATE INDEX traces_time ON traces (created_at, trace_id, project_id, status, model_name, environment, latency, token_count, cost_usd,
         retry_count, slow_request, session_id, user_id);",
    // The search index: of each trace the terms it has, under a number that grows with its start, and its tools and tags. `indexed` is the last row that was added;
    // what stood before is added in the background.
    "CREATE VIRTUAL TABLE search USING fts5 (terms, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');
     CREATE TABLE search_entries (entry INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, labels TEXT) STRICT;
     CREATE TABLE search_state (indexed INTEGER NOT NULL) STRICT;
     INSERT INTO search_state VALUES (0);
     -- The last number of a row that was removed: none comes again, as whoever follows what is stored has passed it.
     CREATE TABLE removed (last INTEGER NOT NULL) STRICT;
     INSERT INTO removed VALUES (0);
     CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
     -- How many traces of the index have a tool or tag; names by which a grain does not tell apart are empty.
     CREATE TABLE facets (
         grain INTEGER NOT NULL,
         level INTEGER NOT NULL,
         period INTEGER NOT NULL,
         project_id TEXT NOT NULL,
         environment TEXT NOT NULL,
         model_name TEXT NOT NULL,
         status TEXT NOT NULL,
         kind INTEGER NOT NULL,
         value TEXT NOT NULL,
         traces INTEGER NOT NULL,
         PRIMARY KEY (grain, level, period, project_id, environment, model_name, status, kind, value)
     ) STRICT, WITHOUT ROWID;",
    // Beside sums that are not told apart by names, how many traces have which.
    "DELETE FROM rollups;
     ALTER TABLE rollups ADD COLUMN names TEXT NOT NULL DEFAULT '';
     -- Tools and tags of all traces of the index, the same way.
     CREATE TABLE labels (level INTEGER NOT NULL, period INTEGER NOT NULL, counts TEXT NOT NULL, PRIMARY KEY (level, period)) STRICT, WITHOUT ROWID;
     DELETE FROM facets WHERE grain = 0;",
    // The terms of all traces that are added together are one segment of the index, not one for each MB, as segments have to be merged.
    "INSERT INTO search (search, rank) VALUES ('hashsize', 67108864);",
];

/// The version that began to keep sums as they are kept now.
const WITH_ROLLUPS: usize = 6;

/// The file in a data folder, which is made where it is missing, for its owner alone.
pub(super) fn file_in(data_dir: &Path) -> Result<PathBuf, StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let failed = |error| StoreError::Failed(format!("the data folder {} can't be made: {error}", data_dir.display()));
    builder.create(data_dir).map_err(failed)?;
    Ok(data_dir.join(FILE_NAME))
}

/// A connection for writing to a file that has the newest tables.
pub(super) fn open(file: &Path) -> Result<Connection, StoreError> {
    let mut connection = connect(file)?;
    // These two of a file that is new; the second so that what is removed can be given back to the disk.
    connection.pragma_update(None, "page_size", PAGE)?;
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT / page)?;
    // Below zero it is meant in KiB, not in pages.
    connection.pragma_update(None, "cache_size", -CACHE)?;
    migrate(&mut connection, file)?;
    Ok(connection)
}

/// A connection for reading.
pub(super) fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    let connection = connect(file)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A file in memory that has the newest tables, and nothing in them.
pub(super) fn empty() -> Result<Connection, StoreError> {
    let connection = Connection::open_in_memory()?;
    MIGRATIONS.iter().try_for_each(|migration| connection.execute_batch(migration))?;
    Ok(connection)
}

fn connect(file: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn migrate(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    // Under the lock, as another process may be at it too.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let Some(missing) = MIGRATIONS.get(version..) else {
        let (file, known) = (file.display(), MIGRATIONS.len());
        let message = format!("{file} was written by a newer TraceLLM (version {version} of the file; this one knows up to {known})");
        return Err(StoreError::Failed(message));
    };
    if !missing.is_empty() {
        for migration in missing {
            transaction.execute_batch(migration)?;
        }
        if version < WITH_ROLLUPS {
            rollups::build(&transaction)?;
        }
        transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use rusqlite::Connection;
    use tempfile::TempDir;
    use tracellm_trace::{Filter, stats::Summary};

    use super::{MIGRATIONS, open};
    use crate::embedded::{queries, rollups, spans};

    /// A file as an earlier version left it.
    fn old_file(folder: &TempDir, version: usize) -> (PathBuf, Connection) {
        let file = folder.path().join("tracellm.db");
        let old = Connection::open(&file).unwrap();
        MIGRATIONS[..version].iter().for_each(|migration| old.execute_batch(migration).unwrap());
        old.pragma_update(None, "user_version", version).unwrap();
        (file, old)
    }

    #[test]
    fn spans_that_were_rows_are_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let (file, old) = old_file(&folder, 2);
        for (span_id, name) in [("00000000000000b1", "chat"), ("00000000000000b2", "tool")] {
            let span = format!(r#"{{"trace_id":"a1","span_id":"{span_id}","name":"{name}","start_ns":1,"end_ns":2}}"#);
            old.execute("INSERT INTO spans VALUES ('a1', 'web', ?, 'rank', ?)", [span_id, &span]).unwrap();
        }
        drop(old);
        let names: Vec<String> =
            spans::read(&open(&file).unwrap(), "web", "a1").unwrap().into_spans().into_iter().map(|span| span.name).collect();
        assert_eq!(names, ["chat", "tool"]);
    }

    #[test]
    fn what_stood_before_sums_were_kept_is_added_up() {
        let folder = tempfile::tempdir().unwrap();
        let (file, old) = old_file(&folder, 3);
        let sql = "INSERT INTO traces VALUES (NULL, 'web', ?, ?, 'failed', 'm', 'e', 7.5, 9, NULL, 1, 0, NULL, NULL, NULL, '{}', '{}')";
        for (id, created_at) in [("a", -1), ("b", 0), ("c", 1_780_000_000_000_i64)] {
            old.execute(sql, rusqlite::params![id, created_at]).unwrap();
        }
        drop(old);
        let connection = open(&file).unwrap();
        let summary = queries::tally(&connection, &Filter::default()).unwrap().finish(Vec::new()).summary;
        let Summary { total_traces, failed_traces, average_latency, total_token_usage, retries, .. } = summary;
        assert_eq!((total_traces, failed_traces, average_latency, total_token_usage, retries), (3, 3, 7.5, 27, 3));
        let repaired = rollups::repair(&connection).unwrap();
        assert!(repaired.cells > 0 && repaired.wrong == 0, "{repaired:?}");
        // A sum that is wrong, a missing one and a superfluous one are found.
        connection.execute("UPDATE rollups SET traces = traces + 1 WHERE grain = 0 AND level = 3 AND period = 0", []).unwrap();
        connection.execute("DELETE FROM rollups WHERE grain = 1 AND level = 0 AND period = 0", []).unwrap();
        connection.execute("INSERT INTO rollups SELECT grain, level, period + 60000, project_id, environment, model_name, status, traces, sums, names FROM rollups WHERE grain = 0 AND level = 0 AND period = 0", []).unwrap();
        connection.execute("UPDATE rollups SET names = '{}' WHERE grain = 0 AND level = 2 AND period = 0", []).unwrap();
        assert_eq!(rollups::repair(&connection).unwrap().wrong, 4);
        assert_eq!(rollups::repair(&connection).unwrap().wrong, 0);
    }
    #[test]
    fn tools_and_tags_that_stood_in_rows_are_counted_by_period() {
        let folder = tempfile::tempdir().unwrap();
        let (file, old) = old_file(&folder, 5);
        let sql = "INSERT INTO traces VALUES (NULL, 'web', ?, 60000, 'failed', 'm', 'e', 7.5, 9, NULL, 1, 0, NULL, NULL, NULL, '{}', '{}')";
        for id in ["a", "b"] {
            old.execute(sql, [id]).unwrap();
        }
        old.execute(r#"INSERT INTO search_entries VALUES (1, 1, '{"tools":["t"],"tags":["x"]}'), (2, 2, '{"tools":["t"]}')"#, []).unwrap();
        drop(old);
        let connection = open(&file).unwrap();
        let counts: String =
            connection.query_row("SELECT counts FROM labels WHERE level = 0 AND period = 60000", [], |row| row.get(0)).unwrap();
        assert_eq!(counts, r#"{"tool":{"t":2},"tag":{"x":1}}"#);
        assert_eq!(rollups::repair(&connection).unwrap().wrong, 0);
        // A count that is wrong and one that should not be are found.
        connection.execute("UPDATE labels SET counts = '{}' WHERE level = 3", []).unwrap();
        connection.execute("INSERT INTO labels VALUES (0, 120000, '{\"tag\":{\"x\":1}}')", []).unwrap();
        assert_eq!((rollups::repair(&connection).unwrap().wrong, rollups::repair(&connection).unwrap().wrong), (2, 0));
    }
}
