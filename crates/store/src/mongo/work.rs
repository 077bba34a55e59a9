use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::Shared, join};
use tokio::{sync::oneshot, time::timeout};

use super::{brake::Brake, connect::Connection, expiry, indexer::Indexer, lease::Lease, marking::Marks, roller::Roller};
use crate::StoreError;

/// How often as long as marks rest an owner of the lease may be silent.
const GONE: u32 = 2;

/// When sums are made.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often is looked for marks.
    pub every: Duration,
    /// How long a mark holds.
    pub holds: Duration,
    /// How long a mark must stand unchanged until its traces are added up: longer than the above, as who reads may not know of it.
    pub rests: Duration,
    /// The same of a mark that was not said to have ended: what a killed process had sent, or what was not answered, may arrive so late.
    pub late: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { every: Duration::from_secs(2), holds: Duration::from_secs(3), rests: Duration::from_secs(10), late: Duration::from_secs(60) }
    }
}

/// Ends marks, marks what expires, adds up what is marked and brings it into the search index, side by side, until it is told to stop.
pub(super) async fn run(connection: Arc<Connection>, marks: Arc<Marks>, brake: Arc<Brake>, pace: Pace, stopped: oneshot::Receiver<()>) {
    let lease = Lease::new(GONE * pace.rests, pace.late);
    // In which term there are sums and an index to go on with; none where the lease is another's.
    let begun = AtomicU64::new(0);
    let (mut roller, mut indexer) = (Roller::new(&lease, marks.clone(), pace, &begun), Indexer::new(brake, pace));
    let stopped = stopped.shared();
    let turns = |what| Turns { what, every: pace.every, stopped: stopped.clone(), has_failed: false };
    let mark = async {
        let (mut turns, mut expiring) = (turns("marking"), HashSet::new());
        let mut turn = async || {
            let database = connection.database().await?;
            let term = begun.load(Ordering::Acquire);
            if term > 0 && lease.tenure(term).holds(database).await? {
                expiry::mark(database, &marks, &mut expiring).await?;
            }
            // Afterwards, so that no mark of what expires ends.
            marks.end(database, false).await?;
            Ok(false)
        };
        while turns.go_on(turn()).await {}
    };
    let roll = async {
        let mut turns = turns("adding up traces");
        while turns.go_on(async { roller.turn(connection.database().await?).await.map(|()| false) }).await {}
    };
    let index = async {
        let mut turns = turns("the search index");
        while turns.go_on(async { indexer.turn(connection.database().await?, lease.tenure(begun.load(Ordering::Acquire))).await }).await {}
    };
    let stop = async {
        // Whoever would tell us may be gone.
        let _ = stopped.clone().await;
        lease.begin_to_leave();
    };
    join!(mark, roll, index, stop);
    if let Ok(database) = connection.database().await
        && let Err(error) = lease.leave(database).await
    {
        tracing::debug!("leaving the sums to others: {error}");
    }
}

/// Those of one who works here.
struct Turns {
    what: &'static str,
    every: Duration,
    stopped: Shared<oneshot::Receiver<()>>,
    has_failed: bool,
}

impl Turns {
    /// Takes one, then waits for the next, unless something is left to do at once; says whether there is one.
    async fn go_on(&mut self, turn: impl Future<Output = Result<bool, StoreError>>) -> bool {
        let done = turn.await;
        match &done {
            // The database may be away for long; that is said elsewhere, too.
            Err(error) if !self.has_failed => tracing::warn!("{}: {error}", self.what),
            Err(error) => tracing::debug!("{}: {error}", self.what),
            Ok(_) => {}
        }
        self.has_failed = done.is_err();
        let pause = if matches!(done, Ok(true)) { Duration::ZERO } else { self.every };
        timeout(pause, self.stopped.clone()).await.is_err()
    }
}
