use rusqlite::{Error, ErrorCode};

use crate::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let message = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another process is writing to the file",
            Some(ErrorCode::DiskFull) => "the disk is full",
            Some(ErrorCode::SystemIoFailure) => "the disk could not be read or written",
            Some(ErrorCode::CannotOpen) => "the file can't be opened",
            Some(ErrorCode::OperationInterrupted) => "the question took longer than it may",
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => return Self::Failed(format!("the file can't be written ({error})")),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                return Self::Failed(format!("the file is damaged, or no SQLite database ({error})"));
            }
            _ => return Self::Failed(error.to_string()),
        };
        Self::Unavailable(format!("{message} ({error})"))
    }
}

/// A document in the file that can't be read as one.
pub(super) fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Failed(format!("a stored trace can't be read ({error})"))
}
