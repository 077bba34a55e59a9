/// The rule of every route.
mod rules;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use tracellm_app::{ApiError, escape};
use tracellm_store::{ScopedStore, StoreError, TraceStore, audit::Auditor, ingest::now, users};
use tracellm_trace::{Role, User};

use crate::server::{answer::refusal, caller, login};
use rules::{Rule, rule};

/// What is known of users and sessions is looked up again after so long.
const FRESH: Duration = Duration::from_secs(2);
/// Sessions that are remembered.
const MOST_SESSIONS: usize = 10_000;
/// The session's cookie: where the connection is encrypted or the server on this machine, one that no other host can set.
pub const COOKIES: [&str; 2] = ["__Host-tracellm", "tracellm"];

/// Who asks, as a handler finds it in the request.
#[derive(Clone)]
pub enum Who {
    /// There are no users, and whoever reaches the server may do everything.
    Anyone,
    /// A key, at which the handler looks, will say.
    Key,
    User(Arc<User>),
    /// The database does not say whether there are users.
    Unknown(StoreError),
}

impl Who {
    /// The store as they may use it.
    pub fn scoped(&self, store: Arc<dyn TraceStore>) -> Arc<dyn TraceStore> {
        match self {
            Self::Anyone => store,
            Self::User(user) => Arc::new(ScopedStore::new(store, Ok(user.clone()))),
            Self::Key => Arc::new(ScopedStore::new(store, Err(StoreError::Forbidden("no key opens this".to_owned())))),
            Self::Unknown(error) => Arc::new(ScopedStore::new(store, Err(error.clone()))),
        }
    }

    pub fn may_everywhere(&self, role: Role) -> bool {
        match self {
            Self::Anyone => true,
            Self::User(user) => user.may_everywhere(role),
            Self::Key | Self::Unknown(_) => false,
        }
    }
}

/// Keeps out whoever has no business here, once there are users.
#[derive(Clone)]
pub struct Doors(Arc<Inner>);

struct Inner {
    store: Arc<dyn TraceStore>,
    /// Nobody gets in without a user, also where there is none.
    is_closed: bool,
    /// With which the first user is made.
    first: Option<String>,
    is_first_made: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Clone)]
struct Session {
    user: Arc<User>,
    /// Its secret has been used so long that it gets a new one.
    is_old: bool,
}

#[derive(Default)]
struct Known {
    /// Whether there are users, and since when that is known.
    users: Option<(bool, Instant)>,
    sessions: BTreeMap<String, (Option<Session>, Instant)>,
    /// How often somebody tried to sign in within the minute that began then, by name, and by name and network.
    tries: BTreeMap<String, (u32, Instant)>,
}

impl Doors {
    /// Closed from the begin, or once there is a user.
    pub fn new(store: Arc<dyn TraceStore>, is_closed: bool, first: Option<String>) -> Self {
        Self(Arc::new(Inner { store, is_closed, first, is_first_made: AtomicBool::new(false), known: Mutex::default() }))
    }

    pub fn store(&self) -> &dyn TraceStore {
        &*self.0.store
    }

    /// Notes what somebody does.
    pub fn auditor(&self, by: &str) -> Auditor {
        Auditor::new(self.0.store.clone(), by)
    }

    /// The code that makes the first user, as long as there is none.
    pub async fn first_code(&self) -> Result<Option<&str>, StoreError> {
        let Some(first) = self.0.first.as_deref().filter(|_| !self.0.is_first_made.load(Ordering::Relaxed)) else { return Ok(None) };
        Ok((!users::are_there(self.store()).await?).then_some(first))
    }

    /// The code has done what it was for.
    pub fn first_is_made(&self) {
        self.0.is_first_made.store(true, Ordering::Relaxed);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is known, as it has changed.
    pub fn look_again(&self) {
        let mut known = self.known();
        known.users = None;
        known.sessions.clear();
    }

    /// Whether there may be users, as far as that is known.
    pub fn may_be_closed(&self) -> bool {
        self.0.is_closed || self.known().users.is_some_and(|(are_there, _)| are_there)
    }

    /// Whether who opened a stream with this request may still read it.
    pub async fn still_open(&self, request: &Parts) -> bool {
        let refused = self.who(Rule::Read, request).await.err().map(|response| response.status());
        !refused.is_some_and(|status| [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status))
    }

    /// Whether there are users. Where the database does not say, what it said last stands.
    async fn are_closed(&self) -> Result<bool, StoreError> {
        if self.0.is_closed {
            return Ok(true);
        }
        let last = self.known().users;
        if let Some((are_there, since)) = last {
            if since.elapsed() < FRESH {
                return Ok(are_there);
            }
            // Of those who ask at once, one looks.
            self.known().users = Some((are_there, Instant::now()));
        }
        match users::are_there(self.store()).await {
            Ok(are_there) => {
                self.known().users = Some((are_there, Instant::now()));
                Ok(are_there)
            }
            Err(error) => last.map(|(are_there, _)| are_there).ok_or(error),
        }
    }

    async fn session(&self, headers: &HeaderMap) -> Result<Option<Session>, StoreError> {
        // What can be none is not remembered either.
        let Some(secret) = session_of(headers).filter(|secret| secret.len() == users::SECRET) else { return Ok(None) };
        if let Some((session, since)) = self.known().sessions.get(&secret).cloned()
            && since.elapsed() < FRESH
        {
            return Ok(session);
        }
        let session = users::signed_in(self.store(), &secret, now()).await?;
        let session = session.map(|(user, is_old)| Session { user: Arc::new(user), is_old });
        let mut known = self.known();
        if known.sessions.len() >= MOST_SESSIONS {
            known.sessions.clear();
        }
        known.sessions.insert(secret, (session.clone(), Instant::now()));
        Ok(session)
    }

    /// A new secret for a session whose old one has been used long enough, as the cookie that tells it.
    async fn renewed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let is_old = self.session(headers).await.ok()??.is_old;
        let old = session_of(headers).filter(|_| is_old)?;
        let new = users::renew(self.store(), &old, now()).await.ok()??;
        self.known().sessions.remove(&old);
        login::cookie(headers, &new, login::FOR).ok()
    }

    /// Whether somebody may try to sign in under a name: not more than a few times a minute from one network, and from all of them not so
    /// often that a password could be found.
    pub fn may_try(&self, name: &str, from: Option<IpAddr>) -> bool {
        const EACH: u32 = 8;
        const NETWORK: u32 = 60;
        const NAME: u32 = 60;
        const ALL: u32 = 600;
        let mut known = self.known();
        known.tries.retain(|_, (_, since)| since.elapsed() < Duration::from_secs(60));
        let mut counts = |key: &str, most: u32| {
            let (count, _) = known.tries.entry(key.to_owned()).or_insert((0, Instant::now()));
            *count += 1;
            *count <= most
        };
        // A name has no space, and one that is too long is nobody's.
        // One network must not use up what all have.
        let [network, both] = [" net", name].map(|of| from.map(|from| format!("{of} {from}")));
        let is_known = name.len() <= User::LONGEST;
        network.is_none_or(|network| counts(&network, NETWORK))
            && (!is_known || both.is_none_or(|both| counts(&both, EACH)))
            && counts(" all", ALL)
            && (!is_known || counts(name, NAME))
    }

    async fn who(&self, rule: Rule, request: &Parts) -> Result<Who, Response> {
        if rule == Rule::Open {
            return Ok(Who::Anyone);
        }
        let refused = |error: ApiError| refusal(error, &request.uri, &request.headers);
        match self.are_closed().await {
            Ok(false) => return Ok(Who::Anyone),
            Ok(true) => {}
            // A page tells what is wrong by itself, and reads nothing.
            Err(error) if rule == Rule::Page => return Ok(Who::Unknown(error)),
            Err(error) => return Err(refused(error.into())),
        }
        let can_show_key = matches!(rule, Rule::Read | Rule::Administer | Rule::Ingest);
        if can_show_key && caller::secret(&request.headers).is_some() {
            return Ok(Who::Key);
        }
        let user = match self.session(&request.headers).await {
            Ok(session) => session.map(|session| session.user),
            Err(error) if rule == Rule::Page => return Ok(Who::Unknown(error)),
            Err(error) => return Err(refused(error.into())),
        };
        let needs_key = "an API key is needed, as `Authorization: Bearer tlm_sk_…`";
        let Some(user) = user else {
            return Err(match rule {
                Rule::Page => sign_in(request),
                Rule::SignedIn | Rule::Everywhere(_) | Rule::Open => refused(ApiError::Unauthorized("sign in first".to_owned())),
                Rule::Read | Rule::Administer | Rule::Ingest => refused(ApiError::Unauthorized(needs_key.to_owned())),
            });
        };
        if let Some(place) = in_a_project(rule, request, &user) {
            return Err(Redirect::to(&place).into_response());
        }
        let wanted = match rule {
            Rule::Everywhere(role) => Some(role),
            Rule::Administer => Some(Role::Admin),
            Rule::Ingest => return Err(refused(ApiError::Unauthorized(needs_key.to_owned()))),
            Rule::Open | Rule::Page | Rule::SignedIn | Rule::Read => None,
        };
        match wanted {
            Some(role) if !user.may_everywhere(role) => {
                Err(refused(ApiError::Forbidden(format!("{} is no {} in every project", user.name, role.as_str()))))
            }
            _ => Ok(Who::User(user)),
        }
    }
}

/// Pages that show traces of one project, or of all.
const OF_PROJECT: [&str; 4] = ["/", "/traces", "/failures", "/live"];

/// The same page of the first of their projects, for who may read several and names none.
fn in_a_project(rule: Rule, request: &Parts, user: &User) -> Option<String> {
    let query = request.uri.query().unwrap_or_default();
    let names_one = query.split('&').any(|pair| pair.strip_prefix("project_id=").is_some_and(|value| !value.is_empty()));
    let path = request.uri.path();
    if rule != Rule::Page || names_one || !OF_PROJECT.contains(&path) || user.may_everywhere(Role::Viewer) || user.projects.len() < 2 {
        return None;
    }
    let rest: Vec<_> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("project_id=")).collect();
    let first = format!("project_id={}", escape(user.projects.keys().next()?));
    Some(format!("{path}?{}", [vec![first.as_str()], rest].concat().join("&")))
}

/// Where one signs in, and from there back.
fn sign_in(request: &Parts) -> Response {
    let wanted = request.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    // A slash may stand there as it is, and reads better so.
    Redirect::to(&format!("/login?to={}", escape(wanted).replace("%2F", "/"))).into_response()
}

/// The secret of the session that a request carries.
pub fn session_of(headers: &HeaderMap) -> Option<String> {
    // Those of other programs may hold anything.
    let sent: Vec<_> = headers.get_all(header::COOKIE).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let pairs: Vec<_> = sent.iter().flat_map(|value| value.split("; ")).filter_map(|cookie| cookie.split_once('=')).collect();
    COOKIES.iter().find_map(|name| pairs.iter().find(|(found, _)| found == name)).map(|(_, secret)| (*secret).to_owned())
}

/// Lets in whom the rule of the route lets in; the request carries on who that is.
pub async fn check(State(doors): State<Doors>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let rule = rule(&parts.method, parts.uri.path());
    match doors.who(rule, &parts).await {
        Ok(who) => {
            // A page is asked for by one request alone, so no other comes with the secret that ends.
            let renewed = if rule == Rule::Page && matches!(who, Who::User(_)) { doors.renewed(&parts.headers).await } else { None };
            parts.extensions.insert(who);
            let mut response = next.run(Request::from_parts(parts, body)).await;
            response.headers_mut().extend(renewed.map(|cookie| (header::SET_COOKIE, cookie)));
            response
        }
        Err(response) => response,
    }
}
