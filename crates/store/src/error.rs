/// Why a store could not do what was asked. None but [`StoreError::Forbidden`] is the sender's fault.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or can't take writes now. Trying again later is right.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// More waits to be written than may wait. Trying again later is right.
    #[error("too many traces wait to be written")]
    Overloaded,
    /// Whoever asks may not do this. Nothing was asked of the database.
    #[error("{0}")]
    Forbidden(String),
    /// The database refused or broke the operation.
    #[error("the database failed: {0}")]
    Failed(String),
}
