//! The program under test: started, measured, ended.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use mongodb::Client;
use tempfile::TempDir;

use crate::Failure;

/// Where the program keeps its traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    Sqlite,
    Mongo,
}

impl Home {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Mongo => "MongoDB",
        }
    }
}

/// The database server of this run.
pub fn mongo_url() -> Option<String> {
    std::env::var("MONGO_TEST_URL").ok()
}

/// The program, running on an empty store.
pub struct Product {
    child: Child,
    pub address: SocketAddr,
    _folder: TempDir,
    place: Place,
    started: Instant,
    /// Lines of its log since it started.
    lines: Arc<AtomicU64>,
}

/// What the program used.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    /// Of one core, in per cent.
    pub cpu: f64,
    /// Megabytes at most.
    pub memory: f64,
}

/// One store of its own.
#[derive(Clone, Debug)]
pub struct Place {
    pub home: Home,
    pub data: PathBuf,
    pub db_name: String,
}

impl Place {
    /// The program with a command, on this store.
    pub fn command(&self, arguments: &[&str]) -> Result<Command, Failure> {
        let mut command = Command::new(std::env::var_os("TRACELLM_BINARY").ok_or("TRACELLM_BINARY must name the program")?);
        command.args(arguments).env("TRACELLM_DATA", &self.data).env_remove("MONGO_URL").env_remove("DB_NAME");
        if let (Home::Mongo, Some(url)) = (self.home, mongo_url()) {
            command.env("MONGO_URL", url).env("DB_NAME", &self.db_name);
        }
        Ok(command)
    }

    /// Drops its database; a file goes with its folder.
    pub async fn forget(&self) -> Result<(), Failure> {
        if let (Home::Mongo, Some(url)) = (self.home, mongo_url()) {
            Client::with_uri_str(url).await?.database(&self.db_name).drop().await?;
        }
        Ok(())
    }

    pub fn file(&self) -> PathBuf {
        self.data.join("tracellm.db")
    }
}

impl Product {
    pub fn start(home: Home) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let place = Place { home, data: folder.path().join("data"), db_name: format!("bench_{:08x}", fastrand::u32(..)) };
        Self::start_on(place, folder)
    }

    /// On a store that is there; it works in the folder.
    pub fn start_on(place: Place, folder: TempDir) -> Result<Self, Failure> {
        let mut command = place.command(&["start", "--no-browser", "--port", "0"])?;
        let mut child = command.current_dir(folder.path()).stderr(Stdio::piped()).spawn()?;
        let mut log = BufReader::new(child.stderr.take().ok_or("no log")?).lines();
        let address = log.find_map(|line| line.ok()?.split_once("TraceLLM is at http://")?.1.trim().parse().ok());
        let lines = Arc::new(AtomicU64::new(0));
        let counted = lines.clone();
        std::thread::spawn(move || {
            for line in log.map_while(Result::ok) {
                counted.fetch_add(1, Ordering::Relaxed);
                if line.contains("ERROR") {
                    eprintln!("{line}");
                }
            }
        });
        let address = address.ok_or("the program did not start")?;
        Ok(Self { child, address, _folder: folder, place, started: Instant::now(), lines })
    }

    pub fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Ends it well, so that its store can be read.
    pub fn stop(mut self) -> Result<Stopped, Failure> {
        let usage = self.usage()?;
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        if !self.child.wait()?.success() {
            return Err("the program did not end well".into());
        }
        Ok(Stopped { usage, product: self })
    }

    /// The same where nobody reads its store: it leaves nothing on a server that was there before.
    pub async fn end(self) -> Result<Usage, Failure> {
        let Stopped { usage, product } = self.stop()?;
        product.place.forget().await?;
        Ok(usage)
    }

    pub fn begin(&mut self) {
        self.started = Instant::now();
    }

    fn usage(&self) -> Result<Usage, Failure> {
        let process = format!("/proc/{}", self.child.id());
        let stat = fs::read_to_string(format!("{process}/stat"))?;
        // User and system time, in hundredths of a second; what stands before may have spaces in it.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: f64 = fields.iter().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        let status = fs::read_to_string(format!("{process}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
        Ok(Usage { cpu: ticks / self.started.elapsed().as_secs_f64(), memory: peak.unwrap_or_default() / 1024.0 })
    }
}

/// What a program that has ended left behind.
pub struct Stopped {
    pub usage: Usage,
    pub product: Product,
}

impl Drop for Product {
    fn drop(&mut self) {
        // One that has ended already is past killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
