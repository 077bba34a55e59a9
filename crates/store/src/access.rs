//! Projects, keys, and who may do what.

use sha2::{Digest, Sha256};
use tracellm_trace::{ApiKey, Issue, NewKey, NewProject, Project, Scope, Timestamp, otlp::wire::to_hex, slug};

use crate::{KeyMark, StoreError, StoredKey, TraceStore, audit::Auditor};

/// Every secret begins so.
pub const PREFIX: &str = "tlm_sk_";
/// Characters of the public part of a key, and of its secret part.
const PUBLIC: usize = 12;
const SECRET: usize = 32;
/// A use is noted when the last one is this long ago, in ms.
const NOTED_EVERY: i64 = 60_000;

/// Why something about projects and keys can't be done.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("{}", .0.iter().map(|issue| format!("`{}` {}", issue.path, issue.message)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Issue>),
    #[error("there is a project of this name already: `{0}`")]
    Taken(String),
    #[error("there is no key `{0}`")]
    NoKey(String),
    /// Nobody has this key, or its time is over.
    #[error("{0}")]
    Unknown(&'static str),
    #[error("the key is for `{}`, and this needs `{}`", .0.as_str(), .1.as_str())]
    Scope(Scope, Scope),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A key that was just made: the one moment when its secret is known.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    pub key: ApiKey,
    pub secret: String,
}

/// Makes a project and its first key.
///
/// # Errors
/// [`AccessError::Taken`] where its id or its name is another project's.
pub async fn create_project(
    store: &dyn TraceStore,
    audit: &Auditor,
    new: NewProject,
    now: Timestamp,
) -> Result<(Project, CreatedKey), AccessError> {
    let NewProject { name, description, environment } = new.checked().map_err(AccessError::Invalid)?;
    let slug = slug(&name);
    let project_id = if slug.is_empty() { format!("project-{}", random(6)?.to_lowercase()) } else { slug };
    let project = Project { project_id, name, description, created_at: Some(now) };
    if !store.add_project(&project).await? {
        return Err(AccessError::Taken(project.name));
    }
    audit.note("project.created", &*project.project_id).await?;
    let key = NewKey { project_id: project.project_id.clone(), environment, ..NewKey::default() };
    Ok((project, create_key(store, audit, key, now).await?))
}

/// Makes a key.
///
/// # Errors
/// What is asked for is wrong, or the database does not answer.
pub async fn create_key(store: &dyn TraceStore, audit: &Auditor, new: NewKey, now: Timestamp) -> Result<CreatedKey, AccessError> {
    let NewKey { project_id, environment, scope, expires_at } = new.checked(now).map_err(AccessError::Invalid)?;
    let key_id = random(PUBLIC)?;
    let secret = format!("{PREFIX}{key_id}{}", random(SECRET)?);
    let (last_used_at, revoked_at) = (None, None);
    let key = ApiKey { key_id, project_id, environment, scope, created_at: now, last_used_at, expires_at, revoked_at };
    store.add_key(&StoredKey { stored_as: hash(&secret), key: key.clone() }).await?;
    audit.note("key.created", format!("{} of {}, {}", key.key_id, key.project_id, key.scope.as_str())).await?;
    Ok(CreatedKey { key, secret })
}

/// Ends a key for good.
///
/// # Errors
/// There is no such key.
pub async fn revoke_key(store: &dyn TraceStore, audit: &Auditor, key_id: &str, now: Timestamp) -> Result<(), AccessError> {
    if !store.mark_key(key_id, KeyMark::Revoked, now).await? {
        return Err(AccessError::NoKey(key_id.to_owned()));
    }
    Ok(audit.note("key.revoked", key_id).await?)
}

/// The projects that were created, then those that only traces name.
///
/// # Errors
/// The database does not answer.
pub async fn projects(store: &dyn TraceStore) -> Result<Vec<Project>, StoreError> {
    let mut projects = store.projects().await?;
    for project_id in store.project_ids().await? {
        if !projects.iter().any(|project| project.project_id == project_id) {
            projects.push(Project { name: project_id.clone(), project_id, description: String::new(), created_at: None });
        }
    }
    Ok(projects)
}

/// The keys, of one project or all, the newest first, without their secrets.
///
/// # Errors
/// The database does not answer.
pub async fn keys(store: &dyn TraceStore, project_id: Option<&str>) -> Result<Vec<ApiKey>, StoreError> {
    Ok(store.keys(project_id).await?.into_iter().map(|stored| stored.key).collect())
}

/// The keys that another writer stored in clear.
///
/// # Errors
/// The database does not answer.
pub async fn clear_keys(store: &dyn TraceStore) -> Result<Vec<StoredKey>, StoreError> {
    Ok(store.keys(None).await?.into_iter().filter(|key| key.stored_as.starts_with(PREFIX)).collect())
}

/// Stores keys under their hashes that others stored in clear; says how many. They open what they did, but the reference package, which
/// looks for them in clear, no longer finds them.
///
/// # Errors
/// The database does not answer; some may be done.
pub async fn hide_clear_keys(store: &dyn TraceStore, audit: &Auditor) -> Result<usize, StoreError> {
    let clear = clear_keys(store).await?;
    for key in &clear {
        let hash = hash(&key.stored_as);
        audit.note("key.hidden", &hash[..PUBLIC]).await?;
        store.hide_key(&key.stored_as, &hash, &hash[..PUBLIC]).await?;
    }
    Ok(clear.len())
}

/// The key behind a secret, if it opens `wanted` now.
///
/// # Errors
/// As [`key_of`]; [`AccessError::Scope`] where it is for something else.
pub async fn authenticate(store: &dyn TraceStore, secret: &str, wanted: Scope, now: Timestamp) -> Result<ApiKey, AccessError> {
    let key = key_of(store, secret, now).await?;
    opens(&key, wanted)?;
    Ok(key)
}

/// Whether a key is for this.
///
/// # Errors
/// [`AccessError::Scope`] where it is not.
pub fn opens(key: &ApiKey, wanted: Scope) -> Result<(), AccessError> {
    if key.scope.allows(wanted) { Ok(()) } else { Err(AccessError::Scope(key.scope, wanted)) }
}

/// The key behind a secret, if it opens anything now.
///
/// It is looked up by its SHA-256, so the time that takes says nothing about the secret.
///
/// # Errors
/// [`AccessError::Unknown`] where it is nobody's, expired or revoked.
pub async fn key_of(store: &dyn TraceStore, secret: &str, now: Timestamp) -> Result<ApiKey, AccessError> {
    let is_possible = secret.starts_with(PREFIX) && secret.len() <= 512;
    let found = if is_possible { store.find_key(&[hash(secret), secret.to_owned()]).await? } else { None };
    let key = found.ok_or(AccessError::Unknown("the API key is not known"))?;
    if !key.is_valid_at(now) {
        return Err(AccessError::Unknown(if key.revoked_at.is_some() { "the API key was revoked" } else { "the API key has expired" }));
    }
    if key.last_used_at.is_none_or(|last| now.millis() - last.millis() >= NOTED_EVERY) {
        store.mark_key(&key.key_id, KeyMark::Used, now).await?;
    }
    Ok(key)
}

/// What is stored of a secret. It is random and long, so a plain hash can't be guessed back.
pub fn hash(secret: &str) -> String {
    to_hex(&Sha256::digest(secret))
}

/// Random letters and digits.
pub(crate) fn random(length: usize) -> Result<String, StoreError> {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).map_err(|error| StoreError::Failed(format!("the system gives no random numbers: {error}")))?;
        // Bytes past the last whole round would make some letters likelier.
        let letters = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(LETTERS[usize::from(byte % 62)]));
        text.extend(letters.take(length - text.len()));
    }
    Ok(text)
}
