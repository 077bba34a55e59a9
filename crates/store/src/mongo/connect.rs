use std::time::Duration;

use mongodb::{
    Client, Database,
    error::{Error, ErrorKind, RETRYABLE_WRITE_ERROR, WriteFailure},
    options::{Acknowledgment, ClientOptions, ConnectionString, WriteConcern},
};

use crate::StoreError;

/// A server that can't be reached for so long does not answer.
const REACH: Duration = Duration::from_secs(3);
/// How long a majority of a replica set may take to have a write on disk.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn parse(url: &str) -> Result<ConnectionString, StoreError> {
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

pub(super) async fn database(url: &ConnectionString, db_name: &str) -> Result<Database, StoreError> {
    let mut options = ClientOptions::parse(url.clone()).await?;
    options.app_name.get_or_insert_with(|| "tracellm".to_owned());
    options.server_selection_timeout = Some(REACH);
    options.connect_timeout = Some(REACH);
    let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(WRITE_PATIENCE).build();
    options.write_concern = Some(durable);
    Ok(Client::with_options(options)?.database(db_name))
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
            // The primary steps down or shuts down, or the server is out of time.
            ErrorKind::Command(failed) => matches!(failed.code, 50 | 89 | 91 | 189 | 10107 | 11600 | 11602 | 13435 | 13436),
            _ => error.contains_label(RETRYABLE_WRITE_ERROR),
        };
        if is_passing { Self::Unavailable(message) } else { Self::Failed(message) }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_password_is_in_no_message() {
        for url in ["mongodb://me:s3cr@t/word@host/db", "mongodb://me:s3cret@host:port", "mongo://me:s3cret@host", "mongodb://me:s3cr%@h"] {
            let message = parse(url).unwrap_err().to_string();
            assert!(!message.contains("s3cr") && !message.contains("word@"), "{message}");
        }
        let message = parse("postgres://host").unwrap_err().to_string();
        assert!(message.contains("mongodb://"), "{message}");
    }
}
