//! Who may sign in, and who has. All of it lies beside the settings, secrets as hashes alone.

use argon2::{
    Argon2, PasswordHash, PasswordVerifier,
    password_hash::{PasswordHasher, SaltString},
};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tracellm_trace::{Timestamp, User};

use crate::{
    StoreError, TraceStore,
    access::{AccessError, hash, random},
    audit::Auditor,
    json::written,
    whole::apart,
};

/// Under which they are kept.
const USERS: &str = "users/";
pub(crate) const SESSIONS: &str = "sessions/";
/// Characters of the secret of a session.
pub const SECRET: usize = 43;
/// A session ends so long after its begin, in ms, and so long after it was last used.
const LONGEST: i64 = 30 * 24 * 60 * 60 * 1000;
const IDLE: i64 = 7 * 24 * 60 * 60 * 1000;
/// A use is noted when the last one is this long ago, in ms.
const NOTED_EVERY: i64 = 60 * 60 * 1000;

/// A session gets a new secret after so long, in ms, and the old one opens it for a while longer: pages that are open still ask with it.
const RENEWED_EVERY: i64 = 24 * 60 * 60 * 1000;
const OVERLAP: i64 = 60_000;

/// A user as kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    user: User,
    /// Of the password: Argon2id, with its parameters and salt.
    password: String,
}

#[derive(Serialize, Deserialize)]
struct Session {
    name: String,
    began_at: Timestamp,
    used_at: Timestamp,
    /// When it got its secret, where that is not its begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renewed_at: Option<Timestamp>,
    /// When this secret ends, as a newer one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<Timestamp>,
    /// Under which the older one is kept, until this one is used: an answer with a new secret may never arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// All of them, by name.
///
/// # Errors
/// The database does not answer.
pub async fn users(store: &dyn TraceStore) -> Result<Vec<User>, StoreError> {
    let found = store.settings(USERS).await?;
    found.values().map(|text| Ok(read::<Kept>(text)?.user)).collect()
}

/// Whether anyone may sign in.
///
/// # Errors
/// The database does not answer.
pub async fn are_there(store: &dyn TraceStore) -> Result<bool, StoreError> {
    Ok(!store.settings(USERS).await?.is_empty())
}

/// Makes a user, or changes one; who was signed in under that name is so no more.
///
/// # Errors
/// Name, password or role are not as they must be.
pub async fn set(store: &dyn TraceStore, audit: &Auditor, user: User, password: String) -> Result<(), AccessError> {
    let issues = user.check(&password);
    if !issues.is_empty() {
        return Err(AccessError::Invalid(issues));
    }
    let password = hash_apart(move || hashed(&password)).await??;
    let (name, may) = (user.name.clone(), user.may_what());
    store.set_setting(&format!("{USERS}{name}"), Some(&written(&Kept { user, password })?)).await?;
    sign_out_everywhere(store, &name).await?;
    Ok(audit.note("user.set", format!("{name}, {may}")).await?)
}

/// Forgets a user; says whether there was one.
///
/// # Errors
/// The database does not answer.
pub async fn remove(store: &dyn TraceStore, audit: &Auditor, name: &str) -> Result<bool, StoreError> {
    let was_there = store.setting(&format!("{USERS}{name}")).await?.is_some();
    if was_there {
        audit.note("user.removed", name).await?;
    }
    store.set_setting(&format!("{USERS}{name}"), None).await?;
    sign_out_everywhere(store, name).await?;
    Ok(was_there)
}

/// Signs in: the secret of a new session, or none where name or password are wrong. It takes as long for a name that is nobody's.
///
/// # Errors
/// The database does not answer.
pub async fn sign_in(store: &dyn TraceStore, name: &str, password: String, now: Timestamp) -> Result<Option<String>, StoreError> {
    let is_possible = name.len() <= User::LONGEST && password.len() <= 4_000;
    let found = if is_possible { store.setting(&format!("{USERS}{name}")).await? } else { None };
    let kept = found.map(|text| read::<Kept>(&text)).transpose()?;
    let stored = kept.as_ref().map(|kept| kept.password.clone());
    let is_right = hash_apart(move || match stored {
        Some(stored) => {
            PasswordHash::new(&stored).is_ok_and(|stored| Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
        }
        None => hashed(&password).is_err(),
    });
    let (true, Some(Kept { user, .. })) = (is_right.await?, kept) else { return Ok(None) };
    let secret = random(SECRET)?;
    let session = Session { name: user.name, began_at: now, used_at: now, renewed_at: None, ends_at: None, after: None };
    end(store, |session| session.is_over(now)).await?;
    store.set_setting(&of(&secret), Some(&written(&session)?)).await?;
    Ok(Some(secret))
}

/// Who is signed in with this secret, and whether it is time for a new one.
///
/// # Errors
/// The database does not answer.
pub async fn signed_in(store: &dyn TraceStore, secret: &str, now: Timestamp) -> Result<Option<(User, bool)>, StoreError> {
    if secret.len() != SECRET {
        return Ok(None);
    }
    let Some(text) = store.setting(&of(secret)).await? else { return Ok(None) };
    let session: Session = read(&text)?;
    let is_over = session.is_over(now);
    let user = store.setting(&format!("{USERS}{}", session.name)).await?;
    let Some(user) = user.filter(|_| !is_over) else {
        store.set_setting(&of(secret), None).await?;
        return Ok(None);
    };
    let mut session = session;
    if let Some(older) = session.after.take() {
        if let Some(text) = store.setting(&older).await? {
            let ended = Session { ends_at: Some(now.plus(OVERLAP as f64)), ..read(&text)? };
            store.set_setting(&older, Some(&written(&ended)?)).await?;
        }
        store.set_setting(&of(secret), Some(&written(&session)?)).await?;
    }
    let is_old = session.ends_at.is_none() && now.millis() - session.renewed_at.unwrap_or(session.began_at).millis() > RENEWED_EVERY;
    if session.ends_at.is_none() && now.millis() - session.used_at.millis() > NOTED_EVERY {
        store.set_setting(&of(secret), Some(&written(&Session { used_at: now, ..session })?)).await?;
    }
    Ok(Some((read::<Kept>(&user)?.user, is_old)))
}

impl Session {
    fn is_over(&self, now: Timestamp) -> bool {
        let since = |then: Timestamp| now.millis() - then.millis();
        since(self.began_at) > LONGEST || since(self.used_at) > IDLE || self.ends_at.is_some_and(|end| end < now)
    }
}

/// Gives a session a new secret; none where it has ended, or a newer one is in use. The older one opens it until that is used, and a while longer.
///
/// # Errors
/// The database does not answer.
pub async fn renew(store: &dyn TraceStore, secret: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
    let Some(text) = store.setting(&of(secret)).await? else { return Ok(None) };
    let session: Session = read(&text)?;
    if session.is_over(now) || session.ends_at.is_some() {
        return Ok(None);
    }
    let new = random(SECRET)?;
    let newer = Session { used_at: now, renewed_at: Some(now), after: Some(of(secret)), ..session };
    store.set_setting(&of(&new), Some(&written(&newer)?)).await?;
    Ok(Some(new))
}

/// Ends a session, whichever of its secrets this is.
///
/// # Errors
/// The database does not answer.
pub async fn sign_out(store: &dyn TraceStore, secret: &str) -> Result<(), StoreError> {
    let Some(text) = store.setting(&of(secret)).await? else { return Ok(()) };
    let ended: Session = read(&text)?;
    end(store, |session| session.name == ended.name && session.began_at == ended.began_at).await
}

async fn sign_out_everywhere(store: &dyn TraceStore, name: &str) -> Result<(), StoreError> {
    end(store, |session| session.name == name).await
}

async fn end(store: &dyn TraceStore, is_one: impl Fn(&Session) -> bool) -> Result<(), StoreError> {
    for (key, text) in store.settings(SESSIONS).await? {
        if read::<Session>(&text).is_ok_and(|session| is_one(&session)) {
            store.set_setting(&key, None).await?;
        }
    }
    Ok(())
}

/// Under which a session is kept: whoever reads the database can't sign in with it.
fn of(secret: &str) -> String {
    format!("{SESSIONS}{}", hash(secret))
}

/// A new password, as many letters as are hard to guess.
///
/// # Errors
/// The system gives no random numbers.
pub fn new_password() -> Result<String, StoreError> {
    random(20)
}

fn hashed(password: &str) -> Result<String, StoreError> {
    let salt = SaltString::from_b64(&BASE64_STANDARD_NO_PAD.encode(random(16)?));
    let done = salt.and_then(|salt| Argon2::default().hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string()));
    done.map_err(|error| StoreError::Failed(format!("a password can't be hashed: {error}")))
}

/// Passwords that are hashed at once: each takes 19 MB and tens of milliseconds, on purpose.
static HASHING: Semaphore = Semaphore::const_new(2);

async fn hash_apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    // It is never closed.
    let _turn = HASHING.acquire().await;
    apart(work).await
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Failed(format!("what is kept of users can't be read: {error}")))
}
