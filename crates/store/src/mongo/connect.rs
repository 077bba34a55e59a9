use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use mongodb::{
    Client, Collection, Database,
    bson::{Document, RawDocumentBuf, doc},
    error::{Error, ErrorKind, RETRYABLE_WRITE_ERROR, WriteFailure},
    options::{Acknowledgment, ClientOptions, ConnectionString, ServerApi, ServerApiVersion, WriteConcern},
};
use tokio::sync::{Mutex, OnceCell};

use super::{
    TRACES, indexes,
    marking::{Marked, Marks},
    upgrade, validator,
};
use crate::StoreError;

/// A server that can't be reached for so long does not answer.
const REACH: Duration = Duration::from_secs(3);
/// How long a majority of a replica set may take to have a write on disk.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// What went wrong inside of it (1, 8) and a full disk (14031): no fault of what was asked, and a sender that is not told to come again loses
/// its traces. Not authorised (13, 18), out of time (50, 262), another write in the way (112), others of its set can't be reached
/// (6, 7, 89, 9001), no majority yet (134), and a primary that steps down, shuts down or starts.
const PASSING: [i32; 20] = [1, 6, 7, 8, 13, 18, 50, 89, 91, 112, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 14031];

/// The way to the database: one client, with its pool, for as long as the process lives.
pub(super) struct Connection {
    url: ConnectionString,
    db_name: String,
    reached: Shared<Reached>,
    is_prepared: AtomicBool,
}

struct Reached {
    database: Database,
    is_sharded: bool,
}

impl Connection {
    /// Reads the URL; the first question connects.
    pub fn new(url: &str, db_name: Option<&str>) -> Result<Self, StoreError> {
        let url = parse(url)?;
        let db_name = db_name.or(url.default_database.as_deref()).unwrap_or("tracellm").to_owned();
        Ok(Self { url, db_name, reached: Shared::default(), is_prepared: AtomicBool::new(false) })
    }

    /// The database, of which no more is known than that it answers.
    pub async fn unprepared(&self) -> Result<&Database, StoreError> {
        Ok(&self.reached().await?.database)
    }

    async fn reached(&self) -> Result<&Reached, StoreError> {
        self.reached.get_or_make(|| reach(&self.url, &self.db_name)).await
    }

    /// The database with its indexes.
    pub async fn database(&self) -> Result<&Database, StoreError> {
        let database = self.unprepared().await?;
        if !self.is_prepared.load(Ordering::Acquire) {
            validator::ensure(database).await?;
            indexes::ensure(database).await?;
            upgrade::ensure(database).await?;
            self.is_prepared.store(true, Ordering::Release);
        }
        Ok(database)
    }

    /// The database with what a process marks in it.
    pub async fn marked<'a>(&'a self, marks: &'a Marks) -> Result<Marked<'a>, StoreError> {
        Ok(Marked { database: self.database().await?, marks, is_sharded: self.reached().await?.is_sharded })
    }

    /// The collection, raw: the driver's typed reading takes an object `{"$date": …}` in a trace for a date.
    pub async fn traces(&self) -> Result<Collection<RawDocumentBuf>, StoreError> {
        Ok(self.database().await?.collection(TRACES))
    }

    pub async fn close(&self) {
        if let Some(Reached { database, .. }) = self.reached.made.get() {
            database.client().clone().shutdown().await;
        }
    }
}

/// What one of those who need it makes while the others wait. A failure is told to all who waited, so that nobody waits for several.
struct Shared<T> {
    made: OnceCell<T>,
    failed: Mutex<Option<(Instant, StoreError)>>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { made: OnceCell::new(), failed: Mutex::default() }
    }
}

impl<T> Shared<T> {
    async fn get_or_make<M: Future<Output = Result<T, StoreError>>>(&self, make: impl FnOnce() -> M) -> Result<&T, StoreError> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let came = Instant::now();
        let mut failed = self.failed.lock().await;
        if let Some((_, error)) = failed.as_ref().filter(|(at, _)| *at >= came) {
            return Err(error.clone());
        }
        let made = self.made.get_or_try_init(make).await;
        *failed = made.as_ref().err().map(|error| (Instant::now(), error.clone()));
        made
    }
}

fn parse(url: &str) -> Result<ConnectionString, StoreError> {
    ConnectionString::parse(url).map_err(|error| {
        // The driver quotes parts of the URL, and a password with a stray `@` or `/` can be in any of them.
        let fault = if url.contains('@') {
            "in user name and password, characters like `@`, `/`, `:` and `%` must be percent-encoded".to_owned()
        } else if !url.starts_with("mongodb") {
            "it must begin with mongodb:// or mongodb+srv://".to_owned()
        } else {
            error.kind.to_string()
        };
        StoreError::Failed(format!("the MongoDB URL can't be used: {fault}"))
    })
}

/// A client whose server has answered.
async fn reach(url: &ConnectionString, db_name: &str) -> Result<Reached, StoreError> {
    let mut options = ClientOptions::parse(url.clone()).await?;
    options.app_name.get_or_insert_with(|| "tracellm".to_owned());
    options.server_selection_timeout = Some(REACH);
    options.connect_timeout = Some(REACH);
    let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(WRITE_PATIENCE).build();
    options.write_concern = Some(durable);
    // With it a later server still answers as this one does. Servers before 5.0 do not know of it.
    options.server_api = Some(ServerApi::builder().version(ServerApiVersion::V1).build());
    let greeted = async |options: ClientOptions| {
        let client = Client::with_options(options)?;
        let admin = client.database("admin");
        admin.run_command(doc! { "ping": 1 }).await?;
        // Servers before 4.4.2 have no such command.
        let hello = admin.run_command(doc! { "hello": 1 }).await;
        let is_sharded = hello.map_or(true, |hello| is_router(&hello));
        Ok::<_, Error>(Reached { database: client.database(db_name), is_sharded })
    };
    match greeted(options.clone()).await {
        Err(error) if matches!(error.kind.as_ref(), ErrorKind::Command(_)) => {
            options.server_api = None;
            Ok(greeted(options).await?)
        }
        done => Ok(done?),
    }
}

/// Whether it is the router of a sharded cluster that greets.
pub(super) fn is_router(hello: &Document) -> bool {
    hello.get_str("msg").is_ok_and(|said| said == "isdbgrid")
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let message = match error.kind.as_ref() {
            // The driver tells the state of all it knows; what one needs to know of that is the last reason.
            ErrorKind::ServerSelection { message, .. } => {
                let reason = message.split("I/O error: ").nth(1).and_then(|rest| rest.split(['(', ',']).next()).map_or("", str::trim);
                let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                format!("no server could be reached within {} s{reason}", REACH.as_secs())
            }
            other => other.to_string(),
        };
        tracing::debug!("MongoDB: {error}");
        let is_passing = match error.kind.as_ref() {
            ErrorKind::ServerSelection { .. }
            | ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Shutdown
            | ErrorKind::Write(WriteFailure::WriteConcernError(_)) => true,
            ErrorKind::InsertMany(failed) => failed.write_concern_error.is_some(),
            // The user may not, which someone must mend; or what the driver's specification calls a passing state of the server.
            ErrorKind::Authentication { .. } => true,
            ErrorKind::Command(failed) => PASSING.contains(&failed.code),
            ErrorKind::Write(WriteFailure::WriteError(failed)) if PASSING.contains(&failed.code) => true,
            _ => error.contains_label(RETRYABLE_WRITE_ERROR),
        };
        if is_passing { Self::Unavailable(message) } else { Self::Failed(message) }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{Shared, parse};
    use crate::StoreError;

    #[test]
    fn a_password_is_in_no_message() {
        for url in ["mongodb://me:s3cr@t/word@host/db", "mongodb://me:s3cret@host:port", "mongo://me:s3cret@host", "mongodb://me:s3cr%@h"] {
            let message = parse(url).unwrap_err().to_string();
            assert!(!message.contains("s3cr") && !message.contains("word@"), "{message}");
        }
        let message = parse("postgres://host").unwrap_err().to_string();
        assert!(message.contains("mongodb://"), "{message}");
    }

    #[tokio::test]
    async fn those_who_wait_for_a_server_fail_with_the_first() {
        let (shared, asked) = (Shared::<u8>::default(), Cell::new(0));
        let fail = || async {
            asked.set(asked.get() + 1);
            tokio::task::yield_now().await;
            Err(StoreError::Unavailable("away".to_owned()))
        };
        let answers = tokio::join!(shared.get_or_make(fail), shared.get_or_make(fail), shared.get_or_make(fail));
        assert!(answers.0.is_err() && answers.1.is_err() && answers.2.is_err());
        assert_eq!(asked.get(), 1);
        assert_eq!(*shared.get_or_make(|| async { Ok(7) }).await.unwrap(), 7, "who comes later tries again");
    }
}
