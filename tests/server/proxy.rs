use std::{
    collections::VecDeque,
    io::Write,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::json;

use crate::{
    database::{Database, Kind},
    program::{Home, Server},
    sender::{Sender, Way, all_is_there_once},
    wire::{Message, Value, stepped_down},
};

/// What the proxy does with an `insert`.
#[derive(Clone, Copy)]
enum Act {
    Pass,
    /// Cuts the connection; the database never hears of it.
    CutBefore,
    /// Cuts the connection once the database has done it; the server never hears of that.
    CutAfter,
    /// Answers in the database's place that it is the primary no more.
    StepDown,
}

/// A command that writes, as the proxy saw it.
#[derive(Debug)]
struct Written {
    command: String,
    collection: String,
    /// Whether it asks that a majority has it on disk.
    is_durable: bool,
}

/// What is said to the proxy, and what it says.
#[derive(Default)]
struct Desk {
    /// What to do with the next `insert`s; those after them pass.
    acts: Mutex<VecDeque<Act>>,
    written: Mutex<Vec<Written>>,
}

/// A server before a MongoDB that listens to what they say, and meddles when told to.
struct Proxied {
    desk: Arc<Desk>,
    server: Server,
    _home: Home,
    _database: Database,
}

impl Proxied {
    fn start() -> Option<Self> {
        let database = Database::start(Kind::Usual)?;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // Directly, as the driver would else turn to the address by which the database knows itself. By polls, as a primary that really
        // steps down says so to those who listen to its state, and the one that the proxy plays does not.
        let url = format!("mongodb://{}/?directConnection=true&serverMonitoringMode=poll", listener.local_addr().unwrap());
        let desk = Arc::<Desk>::default();
        let (address, at_desk) = (database.address(), desk.clone());
        thread::spawn(move || {
            for client in listener.incoming() {
                connect(client.unwrap(), TcpStream::connect(&address).unwrap(), at_desk.clone());
            }
        });
        let home = Home::mongo_at(url);
        let server = home.start();
        server.wait_until_ready();
        Some(Self { desk, server, _home: home, _database: database })
    }

    /// Sends traces until all acts are through.
    fn meddle(&self, sender: &mut Sender, acts: &[Act]) {
        self.desk.acts.lock().unwrap().extend(acts);
        while !self.desk.acts.lock().unwrap().is_empty() {
            sender.deliver(&self.server.url);
        }
    }
}

/// Carries messages both ways until an end hangs up, or the proxy cuts them off.
fn connect(client: TcpStream, database: TcpStream, desk: Arc<Desk>) {
    let swallows = Arc::new(AtomicBool::new(false));
    let ends = || [&client, &database].map(|end| end.try_clone().unwrap());
    let ([mut from_client, mut to_database], [mut to_client, mut from_database]) = (ends(), ends());
    for end in [&client, &database] {
        end.set_nodelay(true).unwrap();
    }
    let is_swallowed = swallows.clone();
    thread::spawn(move || {
        while let Ok(message) = Message::read(&mut from_database) {
            if is_swallowed.load(Ordering::SeqCst) || to_client.write_all(&message.0).is_err() {
                break;
            }
        }
        cut(&to_client, &from_database);
    });
    thread::spawn(move || {
        while let Ok(message) = Message::read(&mut from_client) {
            let sent = match desk.act(&message) {
                Act::Pass => to_database.write_all(&message.0),
                Act::CutBefore => break,
                Act::CutAfter => {
                    swallows.store(true, Ordering::SeqCst);
                    to_database.write_all(&message.0)
                }
                Act::StepDown => from_client.write_all(&message.answer(&stepped_down()).0),
            };
            if sent.is_err() {
                break;
            }
        }
        cut(&from_client, &to_database);
    });
}

fn cut(client: &TcpStream, database: &TcpStream) {
    // An end that is gone already is what is wanted.
    let _ = (client.shutdown(Shutdown::Both), database.shutdown(Shutdown::Both));
}

impl Desk {
    /// Takes a message down if it writes, and says what is to be done with it.
    fn act(&self, message: &Message) -> Act {
        let Some(fields) = message.command().map(|command| command.fields()) else { return Act::Pass };
        let Some(&(command @ ("insert" | "update" | "delete" | "findAndModify"), Value::Text(collection))) = fields.first() else {
            return Act::Pass;
        };
        let concern = fields.iter().find(|(name, _)| *name == "writeConcern");
        let is_durable = matches!(concern, Some((_, Value::Document(concern)))
            if matches!((concern.get("w"), concern.get("j")), (Some(Value::Text("majority")), Some(Value::Bool(true)))));
        let written = Written { command: command.to_owned(), collection: collection.to_owned(), is_durable };
        self.written.lock().unwrap().push(written);
        let next = if command == "insert" { self.acts.lock().unwrap().pop_front() } else { None };
        next.unwrap_or(Act::Pass)
    }
}

/// Two senders, one of each way.
fn both_ways() -> [Sender; 2] {
    [Sender::new(0, Way::Json), Sender::new(1, Way::Otlp)]
}

#[test]
fn a_connection_that_is_cut_in_a_write_loses_and_doubles_nothing() {
    let Some(proxied) = Proxied::start() else { return };
    let mut senders = both_ways();
    for sender in &mut senders {
        // Once the driver itself sends it again; twice it tells, and the client sends it again. Behind one that passes it is the trace
        // whose spans are stored already.
        for acts in [
            &[Act::CutAfter][..],
            &[Act::CutBefore],
            &[Act::Pass, Act::CutAfter],
            &[Act::CutAfter, Act::CutAfter],
            &[Act::CutBefore, Act::CutBefore],
            &[Act::Pass, Act::CutAfter, Act::CutAfter],
            &[Act::CutBefore, Act::CutAfter],
        ] {
            proxied.meddle(sender, acts);
        }
        assert!(sender.refused > 0 && sender.broken == 0, "{} refused, {} broken", sender.refused, sender.broken);
    }
    all_is_there_once(&proxied.server, &mut senders);
}

#[test]
fn a_primary_that_steps_down_is_told_as_503_and_then_works_again() {
    let Some(proxied) = Proxied::start() else { return };
    let mut senders = both_ways();
    for sender in &mut senders {
        proxied.meddle(sender, &[Act::StepDown; 4]);
        assert!((1..=4).contains(&sender.refused) && sender.broken == 0, "{} refused, {} broken", sender.refused, sender.broken);
    }
    all_is_there_once(&proxied.server, &mut senders);
}

#[test]
fn every_write_asks_for_a_majority_on_disk() {
    let Some(proxied) = Proxied::start() else { return };
    let server = &proxied.server;
    let mut senders = both_ways();
    for sender in &mut senders {
        sender.deliver(&server.url);
        sender.deliver(&server.url);
    }
    assert_eq!(server.ingest(json!({"trace_id": "changed", "prompt": "a"}).to_string()).json["outcome"], "created");
    assert_eq!(server.ingest(json!({"trace_id": "changed", "prompt": "b"}).to_string()).json["outcome"], "updated");
    let written = proxied.desk.written.lock().unwrap();
    let seen = |command: &str, collection: &str| {
        written.iter().filter(|written| written.command == command && written.collection.starts_with(collection)).count()
    };
    assert!(seen("insert", "traces") >= 5 && seen("update", "traces") >= 1 && seen("insert", "span_batches") >= 2, "{written:?}");
    for written in written.iter() {
        assert!(written.is_durable, "{written:?}");
    }
}
