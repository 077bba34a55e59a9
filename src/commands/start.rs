use std::{net::SocketAddr, time::Duration};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracellm_store::{Location, TraceStore, users};
use tracellm_trace::Query;

use crate::{Failure, commands::demo::fill, server, settings::StartOptions};

/// Requests that are under way at a signal have this long to end.
const GRACE: Duration = Duration::from_secs(8);
/// Made-up traces of `--demo`.
const DEMO_TRACES: u32 = 240;

pub async fn start(location: Location, options: StartOptions) -> Result<(), Failure> {
    let limits = options.limits()?;
    tracellm_store::bound_questions(Duration::from_secs(limits.query_time));
    let hosts = [Some(options.host), options.otlp_grpc.map(|address| address.ip())];
    let elsewhere = hosts.into_iter().flatten().find(|host| !host.is_loopback());
    let is_closed = options.first_run || elsewhere.is_some() && !options.allow_anyone;
    let listener = listen(SocketAddr::new(options.host, options.port), "--port").await?;
    let grpc = match options.otlp_grpc {
        Some(address) => Some(listen(address, "--otlp-grpc").await?),
        None => None,
    };
    let store = tracellm_store::open(&location).await?;
    // A database that is away may have users; until it says so nobody gets in.
    let nobody_can_sign_in = is_closed && !users::are_there(&*store).await.unwrap_or(!options.first_run);
    if let Some(host) = elsewhere
        && nobody_can_sign_in
        && !options.first_run
    {
        return Err(format!(
            "{host} is reached by other machines, and nobody can sign in: make a user (`tracellm user add NAME`), or start with --first-run \
             to make one in the browser; --allow-anyone serves everything to everyone there"
        )
        .into());
    }
    match store.health().await {
        Ok(health) => tracing::info!("traces are kept in {} {} ({location})", health.database, health.server_version),
        Err(error) => tracing::warn!("{error}; the server stays up, takes no traces and tries again"),
    }
    if options.demo {
        fill_if_empty(&*store).await?;
    }
    let address = listener.local_addr()?;
    announce(address, &options);
    let (stop, stopped) = watch::channel(false);
    let watched = store.clone();
    let signalled = tokio::spawn(async move {
        wait_for_signal().await;
        tracing::info!("stopping");
        watched.stop_watching();
        stop.send_replace(true);
    });
    let first = if nobody_can_sign_in { Some(users::new_password()?) } else { None };
    if let Some(code) = &first {
        tracing::warn!("nobody can sign in yet; make the first user at http://{address}/login?code={code}");
    }
    let inlet = server::Inlet::new(store.clone(), limits, is_closed, first);
    let hosts = server::Hosts::new(options.allow_host, options.host.is_loopback());
    let retaining = tokio::spawn(inlet.jobs.clone().keep_retention());
    let router = server::router(inlet.clone(), server::Renderers::start()?, hosts);
    let serving = server::serve(listener, router, limits, told(stopped.clone()));
    let serving_grpc = async {
        let Some(listener) = grpc else { return Ok(()) };
        tracing::info!("OTLP/gRPC is taken at {}", listener.local_addr()?);
        server::serve(listener, server::grpc::router(inlet), limits, told(stopped.clone())).await;
        Ok::<_, Failure>(())
    };
    tokio::select! {
        done = async { tokio::join!(serving, serving_grpc) } => done.1?,
        () = async { told(stopped.clone()).await; tokio::time::sleep(GRACE).await } => tracing::warn!("some requests were cut off"),
    }
    signalled.abort();
    retaining.abort();
    store.close().await;
    Ok(())
}

async fn listen(address: SocketAddr, option: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| format!("can't listen on {address}: {error}; {option} chooses another one").into())
}

/// Ends when the signal has come.
async fn told(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone will not say more.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn fill_if_empty(store: &dyn TraceStore) -> Result<(), Failure> {
    let first = Query { limit: 1, ..Query::default() };
    match store.list(&first).await {
        Err(error) => tracing::warn!("no demo traces: {error}"),
        Ok(page) if !page.items.is_empty() => tracing::info!("no demo traces, as there are traces already"),
        Ok(_) => {
            let count = fill(store, fastrand::u64(..), DEMO_TRACES).await?;
            tracing::info!("filled with {count} demo traces");
        }
    }
    Ok(())
}

fn announce(address: SocketAddr, options: &StartOptions) {
    let url = format!("http://{address}");
    tracing::info!("TraceLLM is at {url}");
    if options.allow_anyone && !options.host.is_loopback() {
        tracing::warn!("whoever reaches {url} reads and writes everything");
    }
    if !options.no_browser {
        // A machine without a browser is told the address above.
        drop(open::that_detached(&url));
    }
}

async fn wait_for_signal() {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!("signals can't be heard: {error}");
            std::future::pending::<()>().await;
        }
    }
}
