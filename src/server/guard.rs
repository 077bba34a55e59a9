use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, Method, header, request::Parts};
use tracellm_app::{ApiError, escape};
use tracellm_store::{ScopedStore, StoreError, TraceStore, ingest::now, users};
use tracellm_trace::{Role, User};

use crate::server::{
    answer::{Failure, status_of},
    caller, grpc, otlp, site,
};

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

/// Whom a route lets in, once there are users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Open,
    /// Who is not signed in is led to where one signs in.
    Page,
    /// Who is signed in; what they may do is decided where it is done.
    SignedIn,
    /// Who has this role in every project.
    Everywhere(Role),
    /// A key, which the handler looks at, or who is signed in and reads no more than they may.
    Read,
    /// A key, or an admin of everything.
    Administer,
    /// A key alone.
    Ingest,
}

/// The rule of each server function, by its path.
const FUNCTIONS: [(&str, Rule); 33] = [
    ("/fn/api", Rule::SignedIn),
    ("/fn/doctor", Rule::SignedIn),
    ("/fn/facets", Rule::SignedIn),
    ("/fn/failures", Rule::SignedIn),
    ("/fn/failures/decide", Rule::SignedIn),
    ("/fn/intake", Rule::Everywhere(Role::Member)),
    ("/fn/jobs/cancel", Rule::Everywhere(Role::Admin)),
    ("/fn/jobs/list", Rule::Everywhere(Role::Admin)),
    ("/fn/keys/create", Rule::SignedIn),
    ("/fn/keys/revoke", Rule::SignedIn),
    ("/fn/overview", Rule::SignedIn),
    ("/fn/overview/by-name", Rule::SignedIn),
    ("/fn/overview/selection", Rule::SignedIn),
    ("/fn/prices", Rule::SignedIn),
    ("/fn/projects/create", Rule::SignedIn),
    ("/fn/projects/list", Rule::SignedIn),
    ("/fn/projects/remove", Rule::Everywhere(Role::Admin)),
    ("/fn/retention/get", Rule::SignedIn),
    ("/fn/retention/preview", Rule::Everywhere(Role::Admin)),
    ("/fn/retention/set", Rule::Everywhere(Role::Admin)),
    ("/fn/traces/compare", Rule::SignedIn),
    ("/fn/traces/document", Rule::SignedIn),
    ("/fn/traces/get", Rule::SignedIn),
    ("/fn/traces/ingest", Rule::SignedIn),
    ("/fn/traces/list", Rule::SignedIn),
    ("/fn/traces/outline", Rule::SignedIn),
    ("/fn/traces/remove", Rule::SignedIn),
    ("/fn/traces/remove-matching", Rule::Everywhere(Role::Admin)),
    ("/fn/traces/remove-some", Rule::SignedIn),
    ("/fn/traces/step", Rule::SignedIn),
    ("/fn/views/list", Rule::SignedIn),
    ("/fn/views/remove", Rule::SignedIn),
    ("/fn/views/save", Rule::SignedIn),
];

/// The rule of a route; of one that has none, that of the strictest.
pub fn rule(method: &Method, path: &str) -> Rule {
    let is_get = matches!(*method, Method::GET | Method::HEAD);
    if let Some((_, rule)) = FUNCTIONS.iter().find(|(known, _)| *known == path) {
        return *rule;
    }
    match path {
        "/livez" | "/readyz" | "/login" | "/logout" => Rule::Open,
        "/api/openapi.json" if is_get => Rule::Open,
        path if otlp::PATHS.contains(&path) || path == grpc::EXPORT => Rule::Ingest,
        "/api/traces" if *method == Method::POST => Rule::Ingest,
        "/ws" | "/api/live" => Rule::Read,
        // It tells of all projects at once.
        "/metrics" => Rule::Administer,
        path if path.starts_with("/api/") => {
            let reads = ["/api/traces", "/api/analytics", "/api/failures", "/api/facets"];
            let is_read =
                is_get && reads.iter().any(|known| path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
            if is_read { Rule::Read } else { Rule::Administer }
        }
        path if is_get && site::has(path) => Rule::Open,
        path if is_get && !path.starts_with("/fn/") => Rule::Page,
        _ => Rule::Everywhere(Role::Admin),
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

#[derive(Default)]
struct Known {
    /// Whether there are users, and since when that is known.
    users: Option<(bool, Instant)>,
    sessions: BTreeMap<String, (Option<Arc<User>>, Instant)>,
    /// How often somebody tried to sign in within the minute that began then, by name.
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

    async fn user(&self, headers: &HeaderMap) -> Result<Option<Arc<User>>, StoreError> {
        // What can be none is not remembered either.
        let Some(secret) = session_of(headers).filter(|secret| secret.len() == users::SECRET) else { return Ok(None) };
        if let Some((user, since)) = self.known().sessions.get(&secret).cloned()
            && since.elapsed() < FRESH
        {
            return Ok(user);
        }
        let user = users::signed_in(self.store(), &secret, now()).await?.map(Arc::new);
        let mut known = self.known();
        if known.sessions.len() >= MOST_SESSIONS {
            known.sessions.clear();
        }
        known.sessions.insert(secret, (user.clone(), Instant::now()));
        Ok(user)
    }

    /// Whether somebody may try to sign in under a name: not more than a few times a minute.
    pub fn may_try(&self, name: &str) -> bool {
        const EACH: u32 = 8;
        const ALL: u32 = 600;
        let mut known = self.known();
        known.tries.retain(|_, (_, since)| since.elapsed() < Duration::from_secs(60));
        let mut counts = |key: &str, most: u32| {
            let (count, _) = known.tries.entry(key.to_owned()).or_insert((0, Instant::now()));
            *count += 1;
            *count <= most
        };
        // A name has no space, and one that is too long is nobody's.
        counts(" all", ALL) && (name.len() > User::LONGEST || counts(name, EACH))
    }

    async fn who(&self, rule: Rule, request: &Parts) -> Result<Who, Response> {
        if rule == Rule::Open {
            return Ok(Who::Anyone);
        }
        let refused = |error: ApiError| refusal(error, request.uri.path());
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
        let user = match self.user(&request.headers).await {
            Ok(user) => user,
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

/// An error as whoever asks reads it: the browser's half of a server function has a form of its own.
fn refusal(error: ApiError, path: &str) -> Response {
    if path.starts_with("/fn/") { (status_of(&error), Json(error)).into_response() } else { Failure(error).into_response() }
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
    match doors.who(rule(&parts.method, parts.uri.path()), &parts).await {
        Ok(who) => {
            parts.extensions.insert(who);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(response) => response,
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use leptos_axum::generate_route_list;
    use serde_json::Value;
    use tracellm_app::App;
    use tracellm_trace::Role;

    use super::{FUNCTIONS, Rule, rule};
    use crate::server::api::openapi;

    #[test]
    fn every_server_function_has_a_rule() {
        let all: Vec<_> = leptos::server_fn::axum::server_fn_paths().collect();
        assert!(all.len() > 30, "{}", all.len());
        for (path, method) in &all {
            assert!(FUNCTIONS.iter().any(|(known, _)| known == path), "{path} has no rule");
            assert_ne!(rule(method, path), Rule::Open, "{path}");
        }
        for (known, _) in &FUNCTIONS {
            assert!(all.iter().any(|(path, _)| path == known), "{known} is no server function");
        }
    }

    #[test]
    fn every_page_and_every_route_of_the_api_is_closed() {
        for page in generate_route_list(App) {
            assert_eq!(rule(&Method::GET, page.path()), Rule::Page, "{}", page.path());
        }
        let description: Value = serde_json::from_str(&openapi::DOCUMENT).unwrap();
        let open = ["/livez", "/readyz", "/api/openapi.json"];
        let mut seen = 0;
        for (path, methods) in description["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys().filter(|name| *name != "parameters") {
                let rule = rule(&method.to_uppercase().parse().unwrap(), path);
                let is_open = matches!(rule, Rule::Open | Rule::Page | Rule::SignedIn);
                assert_eq!(is_open, open.contains(&path.as_str()), "{method} {path}: {rule:?}");
                assert!(method == "get" || !matches!(rule, Rule::Read), "{method} {path} is no reading");
                seen += 1;
            }
        }
        assert!(seen > 25, "{seen}");
    }

    #[test]
    fn what_nobody_thought_of_is_for_admins() {
        assert_eq!(rule(&Method::POST, "/fn/new"), Rule::Everywhere(Role::Admin));
        assert_eq!(rule(&Method::DELETE, "/traces"), Rule::Everywhere(Role::Admin));
        assert_eq!(rule(&Method::PUT, "/api/traces/x"), Rule::Administer);
        assert_eq!(rule(&Method::GET, "/api/tracesx"), Rule::Administer);
    }
}
