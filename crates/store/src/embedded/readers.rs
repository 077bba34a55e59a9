use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::schema;
use crate::StoreError;

/// Connections that read at a time.
const CONNECTIONS: u32 = 4;

/// A few connections for reading, opened when they are first needed.
pub(super) struct Readers {
    file: PathBuf,
    permits: Semaphore,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub fn new(file: PathBuf) -> Self {
        Self { file, permits: Semaphore::new(CONNECTIONS as usize), idle: Arc::default() }
    }

    /// Runs `job` on a connection, off the threads that serve requests.
    pub async fn read<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let closed = |_| StoreError::Unavailable("the store is closed".to_owned());
        let _permit = self.permits.acquire().await.map_err(closed)?;
        let (file, idle) = (self.file.clone(), self.idle.clone());
        let done = spawn_blocking(move || {
            let spare = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match spare {
                Some(connection) => connection,
                None => schema::open_reader(&file)?,
            };
            let result = job(&connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        });
        done.await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
    }

    /// Waits for what is being read, then closes the connections.
    pub async fn close(&self) {
        if self.permits.acquire_many(CONNECTIONS).await.is_ok() {
            self.permits.close();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}
