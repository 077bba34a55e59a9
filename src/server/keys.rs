use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::request::Parts;
use tracellm_app::ApiError;
use tracellm_store::{
    TraceStore,
    access::{AccessError, hash, key_of},
    ingest::now,
};
use tracellm_trace::{ApiKey, Limits};

use crate::server::{caller, intake, listen::Peer};

/// A bad key is forgotten, and a key's requests are counted anew, after so long.
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses and keys that are remembered at most.
const MOST: usize = 10_000;

/// The key that a request shows: none, a good one, or why it opens nothing.
#[derive(Clone)]
pub struct Shown(pub Result<Option<ApiKey>, ApiError>);

/// Looks up the keys that requests show, and bounds how many bad ones an address may try and how much a good one may bring.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    store: Arc<dyn TraceStore>,
    limits: Limits,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// What is stored of keys that were good.
    good: BTreeSet<String>,
    /// What came from an address.
    bad: BTreeMap<IpAddr, Bad>,
    /// What the keys have brought, by their public ids.
    used: BTreeMap<String, Used>,
}

struct Bad {
    /// Within the minute that began then.
    count: u64,
    since: Instant,
    /// Though there were too many, within the second that began then.
    looked_up: u32,
    second: Instant,
}

struct Used {
    minute: Instant,
    requests: u64,
    day: i64,
    bytes: u64,
}

impl Keys {
    pub fn new(store: Arc<dyn TraceStore>, limits: Limits) -> Self {
        Self(Arc::new(Inner { store, limits, seen: Mutex::default() }))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that a request shows.
    ///
    /// # Errors
    /// It opens nothing, or too many that open nothing came from there.
    pub async fn look(&self, parts: &Parts) -> Result<Option<ApiKey>, ApiError> {
        let Some(secret) = caller::secret(&parts.headers) else { return Ok(None) };
        let address = parts.extensions.get::<Peer>().map(Peer::network);
        let stored_as = hash(&secret);
        let too_often = || ApiError::Limited("too many keys that nobody has came from this address; wait a minute".to_owned());
        if address.is_some_and(|address| !self.may_be_looked_up(address, &stored_as)) {
            return Err(too_often());
        }
        match key_of(&*self.0.store, &secret, now()).await {
            Ok(key) => {
                let mut seen = self.seen();
                if seen.good.len() >= MOST {
                    seen.good.clear();
                }
                seen.good.insert(stored_as);
                Ok(Some(key))
            }
            Err(AccessError::Unknown(why)) => {
                self.seen().good.remove(&stored_as);
                let is_too_often = address.is_some_and(|address| self.tries_too_often(address));
                Err(if is_too_often { too_often() } else { AccessError::Unknown(why).into() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a key is worth a question. Where too many bad ones came from an address, those that were good before are, and of others
    /// some each second: behind a proxy all senders are one address.
    fn may_be_looked_up(&self, address: IpAddr, stored_as: &str) -> bool {
        const SOME: u32 = 20;
        let mut seen = self.seen();
        if seen.good.contains(stored_as) {
            return true;
        }
        let Some(bad) = seen.bad.get_mut(&address).filter(|bad| bad.count > self.0.limits.bad_keys) else { return true };
        if bad.second.elapsed() >= Duration::from_secs(1) {
            (bad.second, bad.looked_up) = (Instant::now(), 0);
        }
        bad.looked_up += 1;
        bad.looked_up <= SOME
    }

    /// Counts a bad key.
    fn tries_too_often(&self, address: IpAddr) -> bool {
        let mut seen = self.seen();
        if seen.bad.len() >= MOST {
            seen.bad.retain(|_, bad| bad.since.elapsed() < MINUTE);
        }
        // Where very many addresses try at once, those that came first stay bounded.
        if seen.bad.len() >= MOST && !seen.bad.contains_key(&address) {
            return true;
        }
        let begin = || Bad { count: 0, since: Instant::now(), looked_up: 0, second: Instant::now() };
        let bad = seen.bad.entry(address).or_insert_with(begin);
        if bad.since.elapsed() >= MINUTE {
            *bad = begin();
        }
        bad.count += 1;
        bad.count > self.0.limits.bad_keys
    }

    /// Counts a request of a key that brings traces.
    fn count(&self, key: &ApiKey) -> Result<(), ApiError> {
        let most = self.0.limits.key_requests;
        if most == 0 {
            return Ok(());
        }
        let mut seen = self.seen();
        let used = seen.of(key);
        if used.minute.elapsed() >= MINUTE {
            (used.minute, used.requests) = (Instant::now(), 0);
        }
        used.requests += 1;
        if used.requests > most {
            return Err(ApiError::Limited(format!("the key may send {most} requests a minute; wait until it is over")));
        }
        Ok(())
    }

    /// Whether so much more is more than a key may bring in a day.
    pub fn is_over(&self, key: Option<&ApiKey>, bytes: usize) -> bool {
        let most = self.0.limits.key_bytes;
        self.of_today(key, |used| used.bytes.saturating_add(bytes as u64) > most).unwrap_or_default()
    }

    /// Counts what a key has brought, once it is stored.
    pub fn has_brought(&self, key: Option<&ApiKey>, bytes: usize) {
        self.of_today(key, |used| used.bytes = used.bytes.saturating_add(bytes as u64));
    }

    fn of_today<T>(&self, key: Option<&ApiKey>, with: impl FnOnce(&mut Used) -> T) -> Option<T> {
        let key = key.filter(|_| self.0.limits.key_bytes > 0)?;
        let today = now().millis().div_euclid(24 * 60 * 60 * 1000);
        let mut seen = self.seen();
        let used = seen.of(key);
        if used.day != today {
            (used.day, used.bytes) = (today, 0);
        }
        Some(with(used))
    }
}

impl Seen {
    fn of(&mut self, key: &ApiKey) -> &mut Used {
        let begin = || Used { minute: Instant::now(), requests: 0, day: 0, bytes: 0 };
        self.used.entry(key.key_id.clone()).or_insert_with(begin)
    }
}

/// Looks up the key that a request shows. What is wrong with it is told by whoever answers, in the words of that way in.
pub async fn look(State(keys): State<Keys>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut shown = keys.look(&parts).await;
    if let Ok(Some(key)) = &shown
        && intake::way(&parts.method, parts.uri.path()).is_some()
        && let Err(error) = keys.count(key)
    {
        shown = Err(error);
    }
    parts.extensions.insert(Shown(shown));
    next.run(Request::from_parts(parts, body)).await
}
