use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tower::Service;
use tracellm_trace::Limits;

/// Whether the other end of an HTTP/2 connection is still there is asked so often.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);
/// Requests at once on one such connection.
const STREAMS: u32 = 200;
/// Where no connection can be taken, as this machine has no room for it, one tries again after so long.
const REST: Duration = Duration::from_millis(100);

/// From where a request comes.
#[derive(Clone, Copy)]
pub struct Peer(IpAddr);

impl Peer {
    /// Its address; of IPv6 the network, as one machine has all addresses of it.
    pub fn network(&self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
            address => address,
        }
    }
}

/// A connection's place among those that may be open. What a connection becomes, a WebSocket, keeps it.
#[derive(Clone)]
pub struct Permit(#[expect(dead_code, reason = "it is given back when the last one is dropped")] Arc<Option<OwnedSemaphorePermit>>);

/// What is asked on a connection.
#[derive(Default)]
struct Use {
    under_way: AtomicUsize,
    asked: AtomicUsize,
}

/// A request that is being answered.
struct UnderWay(Arc<Use>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Use {
    fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.asked.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.clone())
    }

    /// Ends once nothing was asked for so long, and nothing is being answered.
    async fn nobody_asks(&self, patience: Duration) {
        loop {
            let before = self.asked.load(Ordering::Relaxed);
            tokio::time::sleep(patience).await;
            if self.under_way.load(Ordering::Relaxed) == 0 && self.asked.load(Ordering::Relaxed) == before {
                break;
            }
        }
    }
}

/// Of a request, so many bytes are read at a time, where the library would read several times as many: connections that wait for room have
/// no more in memory, nor has the longest head.
const BUFFER: usize = 64 << 10;

/// Serves until it is told to stop, then until what is under way is answered. Whoever does not get a request's head here in time is cut off.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stopped: impl Future<Output = ()>) {
    let mut builder = Builder::new(TokioExecutor::new());
    let http1 = &mut builder.http1();
    http1.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(limits.header_time)).max_buf_size(BUFFER);
    let http2 = &mut builder.http2();
    http2.timer(TokioTimer::new()).keep_alive_interval(SIGN_OF_LIFE).keep_alive_timeout(SIGN_OF_LIFE).max_concurrent_streams(STREAMS);
    // Pages push what they need by links.
    http2.enable_connect_protocol();
    let most = usize::try_from(limits.connections).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
    let (room, graceful) = (Arc::new(Semaphore::new(most)), GracefulShutdown::new());
    let mut stopped = std::pin::pin!(stopped);
    loop {
        // Those beyond wait where the system keeps them.
        let next = async {
            let permit = room.clone().acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            () = &mut stopped => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a connection could not be taken: {error}");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        // Without it a streamed page waits for the client's delayed acknowledgement; a connection that is gone already needs none.
        let _ = stream.set_nodelay(true);
        let (router, use_of, permit) = (router.clone(), Arc::new(Use::default()), Permit(Arc::new(permit)));
        let (used, held) = (use_of.clone(), permit.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(address.ip()));
            request.extensions_mut().insert(held.clone());
            let (under_way, answer) = (used.begin(), router.clone().call(request.map(Body::new)));
            async move {
                let _under_way = under_way;
                answer.await
            }
        });
        let connection = graceful.watch(builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned());
        tokio::spawn(async move {
            tokio::select! {
                done = connection => if let Err(error) = done {
                    tracing::debug!("a connection to {address} broke: {error}");
                },
                // hyper's own clock begins with the first byte, and HTTP/2 has none.
                () = use_of.nobody_asks(Duration::from_secs(limits.header_time)) => {}
            }
            drop(permit);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}
