use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracellm_store::Location;
use tracellm_trace::{Cursor, Keep, Limits, Role, Scope, Timestamp, otlp};

/// The filters of a list.
mod filter;
pub use filter::FilterOptions;

/// Keeps and shows what LLM applications do.
///
/// Settings come from flags, else from the environment, else from a file `.env`. With MONGO_URL traces live in that MongoDB; without it,
/// in one file in the data folder.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// MongoDB to keep traces in: mongodb://… or mongodb+srv://…
    #[arg(long, global = true, env = "MONGO_URL", hide_env_values = true, value_name = "URL")]
    mongo_url: Option<String>,
    /// Database in that MongoDB [default: the one in the URL's path, else tracellm]
    #[arg(long, global = true, env = "DB_NAME", value_name = "NAME")]
    db_name: Option<String>,
    /// Folder of the embedded store [default: $XDG_DATA_HOME/tracellm]
    #[arg(long, global = true, env = "TRACELLM_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Prices of models, laid over the shipped ones: JSON as `tracellm prices` prints it
    #[arg(long, global = true, env = "TRACELLM_PRICES", value_name = "FILE")]
    prices: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the dashboard and take traces in
    Start(StartOptions),
    /// Store made-up traces, to try the product
    Demo(DemoOptions),
    /// Print the prices of models that costs are counted by
    Prices,
    /// Read raw traces, a JSON document a line, and write what each becomes
    Normalize,
    /// Store traces from files: a JSON document, an array, or NDJSON
    Import(ImportOptions),
    /// Write stored traces
    Export(ExportOptions),
    /// Print one trace
    Show(TraceOptions),
    /// Run through the steps of a trace, in its own time
    Replay(ReplayOptions),
    /// Print traces as they are stored
    Monitor(MonitorOptions),
    /// Copy everything from one store to another: traces, projects and keys
    Copy(CopyOptions),
    /// Look for what is wrong with the store, and say what to do about it
    Doctor(DoctorOptions),
    /// Make anew what is derived from the traces, and say what was wrong with it
    #[command(subcommand)]
    Repair(RepairCommand),
    /// Delete a trace, or all that match
    Delete(DeleteOptions),
    /// How long traces are kept, and what is too old
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// Create or list projects
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Create, list or revoke API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Print who created, changed, revoked, deleted or exported what, and whether the log is as it was written
    Audit(AuditOptions),
    /// Add, list or remove those who sign in; once there is one, nobody else gets in
    #[command(subcommand)]
    User(UserCommand),
}

#[derive(Debug, Args)]
pub struct StartOptions {
    #[arg(long, env = "TRACELLM_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,
    #[arg(long, env = "TRACELLM_PORT", default_value_t = 8000)]
    pub port: u16,
    /// Take OTLP/gRPC there too, like 127.0.0.1:4317
    #[arg(long, env = "TRACELLM_OTLP_GRPC", value_name = "ADDR")]
    pub otlp_grpc: Option<SocketAddr>,
    /// Don't open the dashboard in a browser
    #[arg(long)]
    pub no_browser: bool,
    /// Fill an empty store with made-up traces first
    #[arg(long)]
    pub demo: bool,
    /// Where there is no user, show a code in the log with which the first one is made in the browser, and let nobody in before
    #[arg(long)]
    pub first_run: bool,
    /// Serve on an address that other machines reach although there is no user: whoever reaches it reads and writes everything
    #[arg(long)]
    pub allow_anyone: bool,
    /// Answer to this name too, beside those of this machine: of a proxy that stands before it
    #[arg(long, env = "TRACELLM_ALLOWED_HOSTS", value_name = "NAME", value_delimiter = ',')]
    pub allow_host: Vec<String>,
    /// Change a limit; the page /settings lists them all
    #[arg(long = "limit", env = "TRACELLM_LIMITS", value_name = "NAME=VALUE", value_delimiter = ',')]
    pub limits: Vec<String>,
}

impl StartOptions {
    /// The limits, with those that are changed.
    ///
    /// # Errors
    /// One has no such name, or can't be so.
    pub fn limits(&self) -> Result<Limits, crate::Failure> {
        let mut limits = Limits::default();
        for text in self.limits.iter().filter(|text| !text.trim().is_empty()) {
            limits.set(text).map_err(|why| format!("--limit {text}: {why}"))?;
        }
        Ok(limits)
    }
}

#[derive(Debug, Args)]
pub struct DemoOptions {
    /// How many
    #[arg(long, default_value_t = 25, value_name = "N")]
    pub count: u32,
    /// The same seed makes the same traces
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
}

#[derive(Debug, Args)]
pub struct ImportOptions {
    /// Files to read, `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ExportOptions {
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub filter: FilterOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One array
    Json,
    /// A document a line
    Ndjson,
    /// A table for spreadsheets, without steps
    Csv,
}

#[derive(Debug, Args)]
pub struct TraceOptions {
    #[arg(value_name = "ID")]
    pub trace_id: String,
    /// In this project [default: the newest of that id in any]
    #[arg(long, value_name = "ID")]
    pub project_id: Option<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReplayOptions {
    #[arg(value_name = "ID")]
    pub trace_id: String,
    /// In this project [default: the newest of that id in any]
    #[arg(long, value_name = "ID")]
    pub project_id: Option<String>,
    /// Times as fast as it was
    #[arg(long, default_value_t = 1.0, value_name = "X", value_parser = speed)]
    pub speed: f64,
}

#[derive(Debug, Args)]
pub struct MonitorOptions {
    /// Whole documents, one a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub filter: FilterOptions,
}

/// A store is named by the URL of a MongoDB, its database in the path, or by the data folder of an embedded one.
#[derive(Debug, Args)]
pub struct CopyOptions {
    #[arg(long, value_name = "STORE", value_parser = Location::parse)]
    pub from: Location,
    #[arg(long, value_name = "STORE", value_parser = Location::parse)]
    pub to: Location,
    /// Go on where an earlier run stopped, which has told this
    #[arg(long, value_name = "CURSOR", value_parser = cursor)]
    pub cursor: Option<Cursor>,
}

fn cursor(text: &str) -> Result<Cursor, String> {
    Cursor::decode(text).filter(|cursor| cursor.sort == tracellm_store::copy::ORDER).ok_or_else(|| "is none that a run has told".to_owned())
}

#[derive(Debug, Args)]
pub struct DoctorOptions {
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Store the hashes of keys that the reference package stored in clear; it then no longer finds them
    #[arg(long)]
    pub fix: bool,
}

#[derive(Debug, Args)]
pub struct AuditOptions {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| speed.is_finite() && *speed > 0.0);
    speed.ok_or_else(|| "must be a number over 0".to_owned())
}

#[derive(Debug, Subcommand)]
pub enum RepairCommand {
    /// The sums behind numbers and charts
    Rollups,
}

#[derive(Debug, Args)]
pub struct DeleteOptions {
    /// This one; with --project-id in that project, else the newest of that id in any
    #[arg(long, value_name = "ID")]
    pub trace_id: Option<String>,
    /// Delete what the filters match; without it, it is only counted
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub filter: FilterOptions,
}

#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// What is set, and what is too old by that
    Show,
    /// Set the rule of a project, or of all that have none; what is not said is kept for ever
    Set(KeepOptions),
    /// Remove what is too old now; `tracellm start` does it every hour
    Run,
}

#[derive(Debug, Args)]
pub struct KeepOptions {
    #[arg(long, value_name = "ID")]
    pub project_id: Option<String>,
    /// Keep failed traces so many days
    #[arg(long, value_name = "DAYS")]
    failed: Option<u32>,
    /// The same for those with a warning
    #[arg(long, value_name = "DAYS")]
    warning: Option<u32>,
    /// The same for those that went well
    #[arg(long, value_name = "DAYS")]
    success: Option<u32>,
    /// Take prompt, response and what steps took and gave away after so many days; numbers and names stay
    #[arg(long, value_name = "DAYS")]
    content: Option<u32>,
}

impl KeepOptions {
    pub fn keep(self) -> Keep {
        Keep { failed_days: self.failed, warning_days: self.warning, success_days: self.success, content_days: self.content }
    }
}

#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// Make a project and its first key
    Create {
        name: String,
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// Of the key [default: development]
        #[arg(long, default_value = "", hide_default_value = true)]
        environment: String,
    },
    /// Those that were created, and those that traces name
    List,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key; its secret is printed this once
    Create {
        #[arg(long, value_name = "ID")]
        project_id: String,
        /// [default: development]
        #[arg(long, default_value = "", hide_default_value = true)]
        environment: String,
        /// ingest, read or admin
        #[arg(long, default_value = "ingest", value_parser = scope)]
        scope: Scope,
        /// A time, like 2027-01-01
        #[arg(long, value_name = "TIME", value_parser = time)]
        expires_at: Option<Timestamp>,
    },
    List {
        #[arg(long, value_name = "ID")]
        project_id: Option<String>,
    },
    /// End a key for good
    Revoke { key_id: String },
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a user, or give one a new password and role. The password is made up and printed this once
    Add {
        name: String,
        /// viewer, member or admin
        #[arg(long, default_value = "member", value_parser = role)]
        role: Role,
        /// In this project alone; may be said more than once
        #[arg(long = "project-id", value_name = "ID")]
        projects: Vec<String>,
        /// Read the password from standard input, as one line
        #[arg(long)]
        password_stdin: bool,
    },
    List,
    /// Forget a user, and end their sessions
    Remove {
        name: String,
    },
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| "must be viewer, member or admin".to_owned())
}

fn scope(word: &str) -> Result<Scope, String> {
    Scope::from_word(word).ok_or_else(|| "must be ingest, read or admin".to_owned())
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "must be an ISO 8601 time".to_owned())
}

impl Cli {
    /// Lays the prices of the named file over the shipped ones.
    ///
    /// # Errors
    /// It can't be read, or is no table of prices.
    pub fn install_prices(&self) -> Result<(), crate::Failure> {
        let Some(path) = self.prices.as_ref().filter(|path| !path.as_os_str().is_empty()) else { return Ok(()) };
        let wrong = |why: String| format!("{} can't be used for prices: {why}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Ok(otlp::install_prices(&text).map_err(wrong)?)
    }

    /// Where traces are kept.
    ///
    /// # Errors
    /// No setting names a place and there is no home folder.
    pub fn location(&self) -> Result<Location, crate::Failure> {
        // A variable that is set to nothing is not set.
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        if let Some(url) = given(&self.mongo_url) {
            return Ok(Location::Mongo { url, db_name: given(&self.db_name) });
        }
        let data_dir = self.data.clone().filter(|dir| !dir.as_os_str().is_empty()).or_else(default_data_dir);
        let data_dir = data_dir.ok_or("there is no home folder to keep traces in: name one with --data or TRACELLM_DATA")?;
        Ok(Location::Embedded { data_dir })
    }
}

/// `$XDG_DATA_HOME/tracellm`, by default `~/.local/share/tracellm`.
fn default_data_dir() -> Option<PathBuf> {
    // The specification says that a relative path there is to be ignored.
    let named = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    named.or_else(|| Some(std::env::home_dir()?.join(".local/share"))).map(|dir| dir.join("tracellm"))
}
