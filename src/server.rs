/// REST.
mod api;

/// OpenTelemetry.
mod otlp;

/// OpenTelemetry by gRPC.
pub mod grpc;

/// Traces as they are stored: WebSocket and server-sent events.
mod live;

/// Who asks, by the key of the request.
mod caller;

/// Request bodies: limits, compression, text.
mod body;

/// Errors and answers as HTTP.
mod answer;

/// The threads that render pages.
mod pages;
pub use pages::Renderers;

/// The site's files, which the binary carries.
mod site;

/// A log of the requests that bring traces.
mod intake;

/// How much may be on its way at once.
mod admission;

/// Connections, and how long they may take.
mod listen;
pub use listen::serve;

/// The keys that requests show.
mod keys;

/// How many whole documents are read at once.
mod exports;

/// What is counted, for Prometheus.
mod metrics;

/// Alive, ready.
mod health;

/// Whom each route lets in, once there are users.
mod guard;
pub use guard::Doors;

/// Signing in and out.
mod login;

/// Who may ask through a browser.
mod hosts;
pub use hosts::Hosts;

/// Headers that keep browsers out of harm.
mod security;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, Request, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::request::Parts;
use leptos::{
    config::LeptosOptions,
    prelude::{provide_context, use_context},
};
use leptos_axum::{LeptosRoutes, generate_route_list, render_app_async_with_context};
use tower_http::{compression::CompressionLayer, decompression::RequestDecompressionLayer};
use tracellm_app::{
    App, SignedIn,
    functions::{ApiDescription, Told},
    intake::IntakeLog,
    shell,
};
use tracellm_store::{StoreError, TraceStore, removal::Jobs};
use tracellm_trace::{Limits, Role};

use self::{admission::Admission, exports::Exports, guard::Who, keys::Keys, live::Watch, metrics::Metrics};

/// What the ways in share: where traces go, and what is noted, counted and limited on the way.
#[derive(Clone)]
pub struct Inlet {
    store: Arc<dyn TraceStore>,
    /// Removing traces.
    pub jobs: Jobs,
    log: IntakeLog,
    metrics: Metrics,
    admission: Admission,
    doors: Doors,
    keys: Keys,
    limits: Limits,
}

impl Inlet {
    /// Closed, nobody gets in without a user, of whom the first is made by the code.
    pub fn new(store: Arc<dyn TraceStore>, limits: Limits, is_closed: bool, first: Option<String>) -> Self {
        Self {
            keys: Keys::new(store.clone(), limits),
            limits,
            doors: Doors::new(store.clone(), is_closed, first),
            metrics: Metrics::new(&*store),
            jobs: Jobs::new(store.clone()),
            store,
            log: IntakeLog::default(),
            admission: Admission::default(),
        }
    }
}

/// What every handler may use.
#[derive(Clone, FromRef)]
pub struct AppState {
    store: Arc<dyn TraceStore>,
    jobs: Jobs,
    leptos: LeptosOptions,
    log: IntakeLog,
    metrics: Metrics,
    doors: Doors,
    keys: Keys,
    exports: Exports,
    limits: Limits,
    watch: Watch,
}

/// Every route of the product.
pub fn router(inlet: Inlet, renderers: Renderers, hosts: Hosts) -> Router {
    let Inlet { store, jobs, log, metrics, admission, doors, keys, limits } = inlet.clone();
    let (leptos, exports, looked_up) = (site::leptos_options(), Exports::new(&limits), keys.clone());
    let watch = Watch { doors: doors.clone(), keys: keys.clone() };
    let state = AppState { store, jobs, leptos, log, metrics, doors: doors.clone(), keys, exports, limits, watch };
    let options = state.leptos.clone();
    let context = page_context(&state);
    let pages = Router::<AppState>::new()
        .leptos_routes_with_context(&state, generate_route_list(App), context, move || shell(options.clone()))
        .route_layer(axum::middleware::from_fn_with_state(renderers, pages::on_one_thread))
        .route_layer(axum::middleware::from_fn_with_state(limits, body::whole));
    Router::<AppState>::new()
        .merge(pages)
        .merge(api::routes())
        .route(otlp::PATHS[0], post(otlp::export))
        .route(otlp::PATHS[1], post(otlp::export))
        .route("/ws", get(live::websocket))
        .route("/api/live", get(live::events))
        .route("/login", get(login::show).post(login::sign_in).layer(DefaultBodyLimit::max(16 << 10)))
        .route("/logout", post(login::sign_out))
        .route("/livez", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .fallback(file_or_not_found)
        .layer(DefaultBodyLimit::max(usize::try_from(limits.decompressed).unwrap_or(usize::MAX)))
        .layer(RequestDecompressionLayer::new().gzip(true).zstd(true))
        .layer(axum::middleware::from_fn_with_state(admission, admission::limit))
        .layer(axum::middleware::from_fn_with_state(limits, body::bound))
        .layer(axum::middleware::from_fn_with_state(looked_up, keys::look))
        .layer(axum::middleware::from_fn_with_state(doors, guard::check))
        .layer(axum::middleware::from_fn_with_state(inlet, intake::note))
        .layer(axum::middleware::from_fn_with_state(hosts, hosts::refuse_strangers))
        .layer(axum::middleware::from_fn(security::add_headers))
        .layer(CompressionLayer::new())
        .with_state(state)
}

/// What pages and server functions find in their context.
fn page_context(state: &AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    let AppState { store, jobs, log, limits, .. } = state.clone();
    move || {
        let who = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Who>().cloned());
        // Whom no guard let in gets nothing.
        let who = who.unwrap_or_else(|| Who::Unknown(StoreError::Forbidden("nobody knows who asks".to_owned())));
        if let Who::User(user) = &who {
            provide_context(SignedIn(user.name.clone()));
        }
        provide_context(ApiDescription(api::openapi::DOCUMENT.clone()));
        provide_context(Told { limits });
        provide_context(caller::auditor(None, Some(&who), store.clone()));
        provide_context(who.scoped(store.clone()));
        if who.may_everywhere(Role::Admin) {
            provide_context(jobs.clone());
        }
        if who.may_everywhere(Role::Member) {
            provide_context(log.clone());
        }
        security::add_page_policy();
    }
}

/// A file of the site, or the page that says there is nothing.
async fn file_or_not_found(State(state): State<AppState>, request: Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        let message = format!("there is no `{} {}` here", request.method(), request.uri().path());
        return answer::Failure(tracellm_app::ApiError::NotFound(message)).into_response();
    }
    if let Some(file) = site::file(request.uri().path(), request.headers()) {
        return file;
    }
    let options = state.leptos.clone();
    render_app_async_with_context(page_context(&state), move || shell(options.clone()))(request).await.into_response()
}
