use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::wire::Message;

/// What kind of deployment a test needs.
#[derive(Clone, Copy)]
pub enum Kind {
    Usual,
    /// One server that is no replica set, without change streams.
    Single,
    /// One that wants to know who asks, and knows nobody.
    Locked,
}

/// A MongoDB of one test alone, which it may kill.
pub struct Database {
    folder: TempDir,
    port: u16,
    kind: Kind,
    child: Option<Child>,
}

impl Database {
    /// Starts one as `MONGO_TEST_SERVER` or `MONGO_TEST_SINGLE` say, with the data folder for `{data}` and the port for `{port}`. Where a
    /// server of others is tested, none can be started; that is said, not passed over.
    pub fn start(kind: Kind) -> Option<Self> {
        if std::env::var_os("MONGO_TEST_SERVER").is_none() {
            eprintln!("not run: MONGO_TEST_URL names a server that this test may not kill");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut database = Self { folder: tempfile::tempdir().unwrap(), port, kind, child: None };
        database.start_again();
        if matches!(kind, Kind::Usual) {
            database.make_tables();
        }
        Some(database)
    }

    /// Has the stand-in for a MongoDB make all tables that it will ever have: one that is killed at the moment at which it makes a table can't
    /// open that any more. A collection goes to a table by its name, of 16.
    fn make_tables(&self) {
        let mut connection = TcpStream::connect(self.address()).unwrap();
        for number in 0..256 {
            connection.write_all(&Message::create("tables", &number.to_string()).0).unwrap();
            Message::read(&mut connection).unwrap();
        }
    }

    pub fn start_again(&mut self) {
        let name = match self.kind {
            Kind::Usual | Kind::Locked => "MONGO_TEST_SERVER",
            Kind::Single => "MONGO_TEST_SINGLE",
        };
        let command = std::env::var(name).unwrap_or_else(|_| panic!("{name} starts a MongoDB: run this by `tools/mongo.sh cargo test`"));
        let command = command.replace("{data}", self.folder.path().to_str().unwrap()).replace("{port}", &self.port.to_string());
        let mut words = command.split_whitespace();
        let mut child = Command::new(words.next().unwrap());
        if matches!(self.kind, Kind::Locked) {
            child.arg("--auth");
        }
        self.child = Some(child.args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "the database does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self) -> String {
        format!("mongodb://{}", self.address())
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.kill();
    }
}
