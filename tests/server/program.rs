use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use ureq::{Agent, Body, http::Response};

/// A place to keep traces, and the commands that use it.
pub struct Home {
    folder: TempDir,
    mongo: Option<(String, String)>,
}

impl Home {
    pub fn embedded() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), mongo: None }
    }

    pub fn mongo() -> Self {
        let url = std::env::var("MONGO_TEST_URL").expect("MONGO_TEST_URL names a MongoDB: run this by `tools/mongo.sh cargo test`");
        Self::mongo_at(url)
    }

    pub fn mongo_at(url: String) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { folder: tempfile::tempdir().unwrap(), mongo: Some((url, name)) }
    }

    /// How `copy` names this home.
    pub fn store(&self) -> String {
        match &self.mongo {
            Some((url, name)) => format!("{}/{name}", url.trim_end_matches('/')),
            None => self.folder.path().join("data").to_str().unwrap().to_owned(),
        }
    }

    /// The program with only this home's settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tracellm"));
        // In its own folder, where no `.env` is.
        command.args(arguments).current_dir(self.folder.path()).env("TRACELLM_DATA", self.folder.path().join("data"));
        for name in ["MONGO_URL", "DB_NAME", "TRACELLM_HOST", "TRACELLM_PORT", "TRACELLM_LOG"] {
            command.env_remove(name);
        }
        if let Some((url, name)) = &self.mongo {
            command.env("MONGO_URL", url).env("DB_NAME", name);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "")
    }

    /// Runs a command to its end, with this as its input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        output
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub fn start(&self) -> Server {
        self.start_with(&[])
    }

    pub fn start_with(&self, options: &[&str]) -> Server {
        self.start_under(&[], options)
    }

    /// Starts it as the arguments of a tool that then has the server's place, its process id too.
    pub fn start_under(&self, tool: &[&str], options: &[&str]) -> Server {
        let arguments = [&["start", "--no-browser", "--port", "0"], options].concat();
        let mut command = self.command(&arguments);
        if let [program, before @ ..] = tool {
            command = within(program, before, &command);
        }
        let mut child =
            command.stderr(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{:?} is needed: {error}", command.get_program()));
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = log.find_map(|line| Some(line.unwrap().split_once("TraceLLM is at ")?.1.trim().to_owned()));
        // Read on, as a full pipe would stop the server; a test that fails shows it.
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = said.clone();
        std::thread::spawn(move || {
            log.map_while(Result::ok).for_each(|line| {
                eprintln!("{line}");
                lines.lock().unwrap().push(line);
            });
        });
        let url = url.expect("the server says where it is");
        Server { child, url, said }
    }
}

/// A command as the last arguments of another program.
fn within(program: &str, arguments: &[&str], command: &Command) -> Command {
    let mut outer = Command::new(program);
    outer.args(arguments).arg(command.get_program()).args(command.get_args());
    command.get_current_dir().map(|folder| outer.current_dir(folder));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}

/// A running server, killed with its test.
pub struct Server {
    child: Child,
    pub url: String,
    /// Its log since then.
    said: Arc<Mutex<Vec<String>>>,
}

/// Status, headers and JSON of an answer.
pub struct Answer {
    pub status: u16,
    pub json: Value,
}

pub fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60))).build().into()
}

impl Server {
    pub fn get(&self, path: &str) -> Answer {
        read(agent().get(format!("{}{path}", self.url)).call().unwrap())
    }

    pub fn post(&self, path: &str, kind: &str, body: impl AsRef<[u8]>) -> Answer {
        read(agent().post(format!("{}{path}", self.url)).header("content-type", kind).send(body.as_ref()).unwrap())
    }

    pub fn put(&self, path: &str, body: &str) -> Answer {
        read(agent().put(format!("{}{path}", self.url)).header("content-type", "application/json").send(body).unwrap())
    }

    pub fn delete(&self, path: &str) -> Answer {
        read(agent().delete(format!("{}{path}", self.url)).call().unwrap())
    }

    pub fn ingest(&self, body: impl AsRef<[u8]>) -> Answer {
        self.post("/api/traces", "application/json", body)
    }

    /// The HTML of a page, with its status and headers.
    pub fn page(&self, path: &str) -> Response<Body> {
        agent().get(format!("{}{path}", self.url)).header("accept", "text/html").call().unwrap()
    }

    /// What its log says behind these words, once it does.
    pub fn says(&self, words: &str) -> String {
        let start = Instant::now();
        loop {
            let found = self.said.lock().unwrap().iter().find_map(|line| Some(line.split_once(words)?.1.to_owned()));
            if let Some(found) = found {
                return found;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "the log never says {words:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn wait_until_ready(&self) {
        let start = Instant::now();
        while self.get("/readyz").status != 200 {
            assert!(start.elapsed() < Duration::from_secs(30), "the server is not ready");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lines of its log.
    pub fn said_lines(&self) -> usize {
        self.said.lock().unwrap().len()
    }

    /// The most memory that it ever held.
    pub fn peak_memory_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches("kB").trim().parse().unwrap()
    }

    /// Ends it as a crash does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a service manager does; says whether it ended well.
    pub fn terminate(mut self) -> bool {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(&id).status().unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn read(mut response: Response<Body>) -> Answer {
    let text = response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
    Answer { status: response.status().as_u16(), json: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}
