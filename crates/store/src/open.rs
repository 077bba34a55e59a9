use std::{fmt, path::PathBuf, sync::Arc};

use crate::{
    StoreError, TraceStore,
    embedded::{self, EmbeddedStore},
    mongo::{MongoStore, Pace},
};

/// Where traces are to be kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// In one SQLite file in this folder, which is made where it is missing.
    Embedded { data_dir: PathBuf },
    /// In a MongoDB. Without a name the database is the one in the URL's path, else `tracellm`.
    Mongo { url: String, db_name: Option<String> },
}

impl Location {
    /// Reads the URL of a MongoDB, or the data folder of an embedded store; its file in it will do too.
    ///
    /// # Errors
    /// It names neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("mongodb://") || text.starts_with("mongodb+srv://") {
            return Ok(Self::Mongo { url: text.to_owned(), db_name: None });
        }
        if text.is_empty() || text.contains("://") {
            return Err("is neither mongodb://… or mongodb+srv://… nor a folder".to_owned());
        }
        let path = PathBuf::from(text);
        let data_dir = if path.ends_with(embedded::FILE_NAME) { path.parent().map(PathBuf::from).unwrap_or_default() } else { path };
        Ok(Self::Embedded { data_dir })
    }
}

/// Never says a password.
impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// For messages; a password in the URL is never said.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { data_dir } => write!(f, "{}", data_dir.join(embedded::FILE_NAME).display()),
            Self::Mongo { url, db_name } => {
                let hosts = url.rsplit_once('@').map_or_else(|| url.split_once("://").map_or("", |(_, rest)| rest), |(_, rest)| rest);
                write!(f, "MongoDB at {}", hosts.split(['/', '?']).next().unwrap_or_default())?;
                if let Some(name) = db_name { write!(f, ", database {name}") } else { Ok(()) }
            }
        }
    }
}

/// Opens the store. A MongoDB need not be reachable yet: until it is, what one asks of the store is [`StoreError::Unavailable`].
///
/// # Errors
/// The URL can't be used, or the file can't be opened or is of a newer version.
pub async fn open(location: &Location) -> Result<Arc<dyn TraceStore>, StoreError> {
    open_at(location, Pace::default()).await
}

/// The same, where sums of a MongoDB are made at another pace: for tests, which do not wait so long.
///
/// # Errors
/// As for [`open`].
#[doc(hidden)]
pub async fn open_at(location: &Location, pace: Pace) -> Result<Arc<dyn TraceStore>, StoreError> {
    Ok(match location {
        Location::Embedded { data_dir } => Arc::new(EmbeddedStore::open(data_dir).await?),
        Location::Mongo { url, db_name } => Arc::new(MongoStore::open(url, db_name.as_deref(), pace)?),
    })
}
