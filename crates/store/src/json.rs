use serde::Serialize;

use crate::StoreError;

/// A value as the JSON that a setting keeps.
pub(crate) fn written<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed(error.to_string()))
}
