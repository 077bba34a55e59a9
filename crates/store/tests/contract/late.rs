use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use mongodb::bson::{Document, doc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::watch,
    time::sleep,
};
use tracellm_store::{Location, TraceStore, mongo::Pace, open_at};
use tracellm_trace::{Filter, Search};

use crate::{
    bench::{Bench, PACE, document, mongo_address, raw},
    mongo::collection,
    search::patiently,
    sums::rest,
    words::raw_of,
};

/// A network on which the first command that begins like one takes as long as it is told to.
struct Slow {
    address: SocketAddr,
    /// Whether it is held back.
    holds: watch::Sender<bool>,
    /// Whether something is.
    held: watch::Receiver<bool>,
}

impl Slow {
    /// Whoever sent that command may lose the connection, too.
    async fn start(command: &'static [u8], cuts: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = mongo_address();
        let (holds, told) = watch::channel(true);
        let (tell, held) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&target).await.unwrap();
                let (told, tell) = (told.clone(), tell.clone());
                tokio::spawn(async move { forward(near, far, (command, cuts), told, tell).await });
            }
        });
        Self { address, holds, held }
    }

    /// The database of a bench, as a process has it that reaches it over this network.
    async fn open(&self, bench: &Bench) -> Arc<dyn TraceStore> {
        let Location::Mongo { db_name, .. } = &bench.location else { panic!("no MongoDB") };
        let url = format!("mongodb://{}/?directConnection=true", self.address);
        open_at(&Location::Mongo { url, db_name: db_name.clone() }, PACE).await.unwrap()
    }
}

/// Brings over what was sent even where the sender is gone meanwhile.
async fn forward(
    near: TcpStream,
    far: TcpStream,
    (command, cuts): (&[u8], bool),
    mut holds: watch::Receiver<bool>,
    held: watch::Sender<bool>,
) {
    let ((mut near, mut answers), (mut back, mut far)) = (near.into_split(), far.into_split());
    let answering = tokio::spawn(async move { copy(&mut back, &mut answers).await });
    let mut some = vec![0; 1 << 20];
    while let Ok(read @ 1..) = near.read(&mut some).await {
        let is_like_it = some[..read].windows(command.len()).any(|bytes| bytes == command);
        if is_like_it && *holds.borrow() && !held.send_replace(true) {
            if cuts {
                answering.abort();
                drop(near);
                holds.wait_for(|holds| !holds).await.unwrap();
                return far.write_all(&some[..read]).await.unwrap();
            }
            holds.wait_for(|holds| !holds).await.unwrap();
        }
        far.write_all(&some[..read]).await.unwrap();
    }
}

/// How the command begins that inserts traces.
const INSERT: &[u8] = b"\x02insert\0\x07\0\0\0traces\0";
/// And that which takes sums, or what is in the search index, away.
const FORGET_SUMS: &[u8] = b"\x02delete\0\x08\0\0\0rollups\0";
const FORGET_TERMS: &[u8] = b"\x02delete\0\x0d\0\0\0search_terms\0";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_had_sent_is_counted_however_late_it_comes() {
    let bench = Bench::mongo().await;
    let theirs = collection(&bench).await;
    let marks = theirs.client().database(&theirs.namespace().db).collection::<Document>("marks");
    bench.put(&[raw("stands", 0)]).await;
    let count = async || bench.store.count(&Filter::default()).await.unwrap().count;
    rest(&bench).await;
    let mut network = Slow::start(INSERT, false).await;
    let store = network.open(&bench).await;
    let process = Runtime::new().unwrap();
    process.spawn(async move { store.put(vec![document(&raw("late", 1))]).await });
    network.held.wait_for(|held| *held).await.unwrap();
    process.shutdown_background();
    let killed = Instant::now();
    // Long after sums are made of what was answered.
    sleep(3 * PACE.rests).await;
    assert_eq!(count().await, 1);
    network.holds.send_replace(false);
    while theirs.count_documents(doc! {}).await.unwrap() < 2 {
        sleep(PACE.every).await;
    }
    assert_eq!(count().await, 2, "it is counted as soon as it is there");
    bench.check_sums().await;
    assert!(killed.elapsed() >= PACE.late - Duration::from_secs(1), "the mark stands for as long as something may come");
    assert_eq!((count().await, marks.count_documents(doc! {}).await.unwrap()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_added_up_soon_whoever_wrote_it() {
    let mut bench = Bench::mongo().await;
    let theirs = collection(&bench).await;
    let marks = theirs.client().database(&theirs.namespace().db).collection::<Document>("marks");
    let never = Duration::from_secs(3_600);
    for number in 0..4 {
        let store = open_at(&bench.location, Pace { late: never, rests: never, ..PACE }).await.unwrap();
        store.put(vec![document(&raw(&format!("{number}"), number))]).await.unwrap();
        store.close().await;
    }
    // Who began to add up has marked all, and may have been closed before that was done.
    let ended = doc! { "ended": true, "_id": { "$not": { "$regex": "/beginning$" } } };
    assert_eq!(marks.count_documents(ended).await.unwrap(), 4, "each process has its own, and says that it has ended");
    // Begins to add up; whoever waited for what is late would wait for ever.
    bench.store = open_at(&bench.location, Pace { late: never, ..PACE }).await.unwrap();
    assert_eq!(bench.store.count(&Filter::default()).await.unwrap().count, 4);
    rest(&bench).await;
    bench.check_sums().await;
}

/// What becomes of whoever sent a deletion that is on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Killed,
    /// It loses the connection.
    Cut,
    /// The same, and it is closed then.
    Closed,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_that_a_deletion_which_is_on_its_way_could_take_away() {
    for (command, fate) in [(FORGET_SUMS, Fate::Killed), (FORGET_SUMS, Fate::Cut), (FORGET_SUMS, Fate::Closed), (FORGET_TERMS, Fate::Cut)] {
        let bench = Bench::mongo().await;
        let theirs = collection(&bench).await;
        let mut network = Slow::start(command, fate != Fate::Killed).await;
        let store = network.open(&bench).await;
        let process = Runtime::new().unwrap();
        let first = store.clone();
        process.spawn(async move { first.put(vec![document(&raw_of("first", 0, "a zebra"))]).await });
        network.held.wait_for(|held| *held).await.unwrap();
        while theirs.count_documents(doc! {}).await.unwrap() == 0 {
            sleep(PACE.every).await;
        }
        let mut process = Some(process);
        match fate {
            Fate::Killed => process.take().into_iter().for_each(Runtime::shutdown_background),
            Fate::Closed => store.close().await,
            Fate::Cut => {}
        }
        bench.put(&[raw_of("second", 1, "a zebra")]).await;
        // Long after another would have made all of it.
        sleep(6 * PACE.rests).await;
        network.holds.send_replace(false);
        sleep(PACE.rests).await;
        rest(&bench).await;
        let zebra = Filter { q: Some(Search::parse("zebra").unwrap()), ..Filter::default() };
        let found = patiently(async || bench.store.count(&zebra).await).await;
        assert_eq!(found.count, 2, "{} {fate:?}", command.escape_ascii());
        bench.check_sums().await;
        process.into_iter().for_each(Runtime::shutdown_background);
    }
}
