use std::{
    io, iter,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, available_parallelism},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::Method;
use tokio::runtime::{Builder, Handle};
use tracellm_app::ApiError;

use super::answer::Failure;

/// Threads that render pages, each on its own: of signals that several threads touch at once Leptos now and then loses one, and the page
/// waits for ever (leptos-rs/leptos#4851, #4673).
#[derive(Clone)]
pub struct Renderers(Arc<Threads>);

struct Threads {
    runtimes: Vec<Handle>,
    next: AtomicUsize,
}

impl Renderers {
    /// Starts one for each core; they end with the process.
    ///
    /// # Errors
    /// A thread can't be made.
    pub fn start() -> io::Result<Self> {
        let count = available_parallelism().map_or(1, usize::from);
        let runtimes = iter::repeat_with(renderer).take(count).collect::<io::Result<_>>()?;
        Ok(Self(Arc::new(Threads { runtimes, next: AtomicUsize::new(0) })))
    }
}

fn renderer() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().name("renderer".to_owned()).spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

/// Renders a page on one thread, with whatever it starts on the way. Server functions have no signals, and stay where they are.
pub async fn on_one_thread(State(Renderers(threads)): State<Renderers>, request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let turn = threads.next.fetch_add(1, Ordering::Relaxed) % threads.runtimes.len();
    let rendered = threads.runtimes[turn].spawn(next.run(request));
    rendered.await.unwrap_or_else(|error| {
        tracing::error!("a page can't be rendered: {error}");
        Failure(ApiError::Failed).into_response()
    })
}
