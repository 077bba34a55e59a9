use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use rusqlite::Connection;
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{StoreError, patience::patience};

/// Steps of SQLite between two looks at the clock: a few milliseconds.
const STEPS: i32 = 100_000;

/// A few connections of one kind, opened when they are first needed.
pub(super) struct Connections {
    file: PathBuf,
    most: u32,
    open: fn(&Path) -> Result<Connection, StoreError>,
    /// Whether a job may take no longer than a question may.
    is_bounded: bool,
    permits: Semaphore,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Connections {
    pub fn new(file: PathBuf, most: u32, open: fn(&Path) -> Result<Connection, StoreError>, is_bounded: bool) -> Self {
        Self { file, most, open, is_bounded, permits: Semaphore::new(most as usize), idle: Arc::default() }
    }

    /// Runs `job` on a connection, off the threads that serve requests.
    pub async fn run<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let closed = |_| StoreError::Unavailable("the store is closed".to_owned());
        let _permit = self.permits.acquire().await.map_err(closed)?;
        let (file, open, idle, is_bounded) = (self.file.clone(), self.open, self.idle.clone(), self.is_bounded);
        let done = spawn_blocking(move || {
            let spare = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match spare {
                Some(connection) => connection,
                None => open(&file)?,
            };
            if is_bounded {
                let until = Instant::now() + patience();
                connection.progress_handler(STEPS, Some(move || Instant::now() > until));
            }
            let result = job(&connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        });
        done.await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
    }

    /// Waits for what is under way, then closes the connections.
    pub async fn close(&self) {
        if self.permits.acquire_many(self.most).await.is_ok() {
            self.permits.close();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}
