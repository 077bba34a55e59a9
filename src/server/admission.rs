use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use tokio::{sync::Notify, time::timeout_at};
use tracellm_app::ApiError;

use crate::server::{answer::Failure, body, grpc, intake, otlp};

/// Bytes of requests that may be on their way at once: at first, at least and at most.
const FIRST: f64 = 4e6;
const LEAST: f64 = 1e6;
const MOST: f64 = 8e6;
/// A request that takes longer from its last byte to its answer says that too many are on their way.
const TARGET: Duration = Duration::from_millis(400);
/// What finds no room waits for some so long, before its body is read: many that come together are let in one behind the other.
const PATIENCE: Duration = Duration::from_millis(250);
/// What a client that is refused still sends is read for so long.
const DRAINED_FOR: Duration = Duration::from_secs(10);
/// Of what a request announces, so much counts before it is there.
const FORESEEN: u64 = 512 << 10;
/// A request that after so long has brought less than this a second counts by what it has brought: who only announces keeps nobody else out.
const SLOW: Duration = Duration::from_millis(200);
const SLOW_BYTES: u64 = 64 << 10;
/// What compressed bytes stand for, about.
const COMPRESSION: u64 = 8;

/// How much may be on its way at once, so that what is taken in is answered soon and memory stays small. What goes beyond waits a moment, and
/// is told to come again, before its body is read.
#[derive(Clone, Default)]
pub struct Admission(Arc<Gate>);

#[derive(Default)]
struct Gate {
    way: Mutex<Way>,
    /// Rings where there is room again.
    freed: Notify,
}

struct Way {
    bytes: u64,
    /// Grows while requests are answered in time, shrinks when one is not.
    limit: f64,
}

impl Default for Way {
    fn default() -> Self {
        Self { bytes: 0, limit: FIRST }
    }
}

/// A request on its way.
struct Admitted {
    admission: Admission,
    bytes: AtomicU64,
    /// When its last byte was read, in microseconds since `begin`; 0 until then.
    read: AtomicU64,
    begin: Instant,
}

impl Admission {
    fn way(&self) -> MutexGuard<'_, Way> {
        self.0.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request in while there is room, one larger than that too: it would never be let in otherwise.
    fn admit(&self, bytes: u64) -> Option<Admitted> {
        let mut way = self.way();
        if way.bytes as f64 >= way.limit {
            return None;
        }
        way.bytes += bytes;
        drop(way);
        Some(Admitted { admission: self.clone(), bytes: bytes.into(), read: 0.into(), begin: Instant::now() })
    }

    /// The same, in a moment where there is no room now.
    async fn admit_soon(&self, bytes: u64) -> Option<Admitted> {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(admitted) = self.admit(bytes) {
                // There may be room for another.
                self.0.freed.notify_one();
                return Some(admitted);
            }
            timeout_at(until, self.0.freed.notified()).await.ok()?;
        }
    }
}

impl Admitted {
    /// Counts what was read, where that is more than was announced.
    fn has_read(&self, bytes: u64) {
        let counted = self.bytes.fetch_max(bytes, Ordering::Relaxed);
        self.admission.way().bytes += bytes.saturating_sub(counted);
    }

    /// Counts what was read and no more, where that comes slowly.
    fn foresees_nothing(&self, read: u64) {
        let counted = self.bytes.swap(read, Ordering::Relaxed);
        let mut way = self.admission.way();
        way.bytes = way.bytes + read - counted;
        self.admission.0.freed.notify_one();
    }

    fn is_slow(&self, read: u64) -> bool {
        let elapsed = self.begin.elapsed();
        elapsed >= SLOW && (read as f64) < elapsed.as_secs_f64() * SLOW_BYTES as f64
    }

    fn has_ended(&self) {
        let since = u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        // Whatever asks again behind the end changes nothing.
        let _ = self.read.compare_exchange(0, since, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        let mut way = self.admission.way();
        way.bytes -= bytes;
        self.admission.0.freed.notify_one();
        let read = self.read.load(Ordering::Relaxed);
        if read == 0 {
            return;
        }
        // By bytes, so that many small requests count as one large one does.
        let change = if self.begin.elapsed() > Duration::from_micros(read) + TARGET { -0.5 } else { 0.1 };
        way.limit = (way.limit + change * bytes as f64).clamp(LEAST, MOST);
    }
}

/// Refuses what brings traces while too many are on their way.
pub async fn limit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    if intake::way(request.method(), request.uri().path()).is_none() {
        return next.run(request).await;
    }
    let factor = if is_compressed(request.headers()) { COMPRESSION } else { 1 };
    let announced = body::announced(request.headers()).unwrap_or(0);
    let Some(admitted) = admission.admit_soon(announced.saturating_mul(factor).min(FORESEEN)).await.map(Arc::new) else {
        return refuse(request).await;
    };
    let (parts, body) = request.into_parts();
    let body = counted(body, admitted.clone(), factor);
    let response = next.run(Request::from_parts(parts, body)).await;
    drop(admitted);
    response
}

async fn refuse(request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    // A client that is cut off while it sends never sees the answer.
    body::drain(&mut body, tokio::time::Instant::now() + DRAINED_FOR).await;
    match intake::way(&parts.method, parts.uri.path()) {
        Some("otlp") => otlp::refused(&ApiError::Overloaded, &parts.headers),
        Some("grpc") => grpc::refused(&ApiError::Overloaded),
        _ => Failure(ApiError::Overloaded).into_response(),
    }
}

fn is_compressed(headers: &HeaderMap) -> bool {
    let says = |name: header::HeaderName| headers.get(name).is_some_and(|encoding| encoding != "identity");
    says(header::CONTENT_ENCODING) || says(header::HeaderName::from_static("grpc-encoding"))
}

/// The body, of which each byte is counted.
fn counted(body: Body, admitted: Arc<Admitted>, factor: u64) -> Body {
    let frames = stream::unfold((body, 0), move |(mut body, mut read)| {
        let admitted = admitted.clone();
        async move {
            let mut frame = tokio::time::timeout(SLOW, body.frame()).await;
            if frame.is_err() {
                admitted.foresees_nothing(read);
                frame = Ok(body.frame().await);
            }
            let Some(frame) = frame.ok().flatten() else {
                admitted.has_ended();
                return None;
            };
            let data = frame.map(|frame| frame.into_data().unwrap_or_default());
            read += data.as_ref().map_or(0, |data| data.len() as u64) * factor;
            if admitted.is_slow(read) {
                admitted.foresees_nothing(read);
            } else {
                admitted.has_read(read);
            }
            Some((data, (body, read)))
        }
    });
    Body::from_stream(frames.fuse())
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, atomic::Ordering},
        time::{Duration, Instant},
    };

    use super::{Admission, Admitted, LEAST, MOST, TARGET};

    /// One whose last byte came so long ago.
    fn read_since(admission: &Admission, bytes: u64, ago: Duration) -> Admitted {
        let mut admitted = admission.admit(bytes).unwrap();
        admitted.begin = Instant::now().checked_sub(ago).unwrap();
        admitted.read.store(1, Ordering::Relaxed);
        admitted
    }

    #[test]
    fn what_goes_beyond_is_refused_until_there_is_room_again() {
        let admission = Admission::default();
        let large = admission.admit(20_000_000).expect("alone, one of any size is let in");
        assert!(admission.admit(1).is_none());
        drop(large);
        let small = admission.admit(100).unwrap();
        small.has_read(50);
        small.has_read(20_000_000);
        assert!(admission.admit(1).is_none(), "what was not announced counts too");
        drop(small);
        assert_eq!(admission.way().bytes, 0);
        let slow = read_since(&admission, 20_000_000, TARGET * 10);
        assert!(admission.admit(1).is_none() && slow.is_slow(1_000));
        slow.foresees_nothing(1_000);
        assert!(admission.admit(1).is_some(), "who only announces keeps nobody out");
        slow.has_read(2_000);
        assert_eq!(admission.way().bytes, 2_000);
        drop(slow);
        assert_eq!(admission.way().bytes, 0);
    }

    #[tokio::test]
    async fn what_finds_no_room_waits_for_it_a_little() {
        let admission = Admission::default();
        let large = admission.admit(20_000_000).unwrap();
        assert!(admission.admit_soon(1).await.is_none());
        let waiting = [10_000_000, 2, 3].map(|bytes| {
            tokio::spawn({
                let admission = admission.clone();
                async move { admission.admit_soon(bytes).await.map(|admitted| admitted.bytes.load(Ordering::Relaxed)) }
            })
        });
        tokio::task::yield_now().await;
        drop(large);
        for (waiting, bytes) in waiting.into_iter().zip([10_000_000, 2, 3]) {
            assert_eq!(waiting.await.unwrap(), Some(bytes));
        }
        assert_eq!(admission.way().bytes, 0);
    }

    #[test]
    fn the_limit_follows_the_answers() {
        let admission = Admission::default();
        (0..100).for_each(|_| drop(read_since(&admission, 1_000_000, TARGET * 2)));
        assert_eq!(admission.way().limit, LEAST, "late ones make it small");
        (0..1_000).for_each(|_| drop(read_since(&admission, 900_000, Duration::ZERO)));
        assert_eq!(admission.way().limit, MOST, "quick ones make it large");
        let never_read = Arc::new(admission.admit(5_000_000).unwrap());
        drop(never_read);
        assert_eq!(admission.way().limit, MOST, "a client that goes away says nothing");
    }
}
