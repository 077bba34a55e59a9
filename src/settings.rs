use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracellm_store::Location;
use tracellm_trace::{Issue, Query};

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
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, for the time of a command")]
pub enum Command {
    /// Serve the dashboard and take traces in
    Start(StartOptions),
    /// Store made-up traces, to try the product
    Demo(DemoOptions),
    /// Read raw traces, a JSON document a line, and write what each becomes
    Normalize,
    /// Store traces from files: a JSON document, an array, or NDJSON
    Import(ImportOptions),
    /// Write stored traces
    Export(ExportOptions),
}

#[derive(Debug, Args)]
pub struct StartOptions {
    #[arg(long, env = "TRACELLM_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,
    #[arg(long, env = "TRACELLM_PORT", default_value_t = 8000)]
    pub port: u16,
    /// Don't open the dashboard in a browser
    #[arg(long)]
    pub no_browser: bool,
    /// Fill an empty store with made-up traces first
    #[arg(long)]
    pub demo: bool,
    /// Serve on an address that other machines reach although there is no login yet: whoever reaches it reads and writes everything
    #[arg(long)]
    pub allow_anyone: bool,
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
}

/// The filters of a list, under the names that URLs have.
#[derive(Debug, Args)]
pub struct FilterOptions {
    /// success, warning or failed
    #[arg(long)]
    status: Option<String>,
    #[arg(long)]
    model: Option<String>,
    #[arg(long)]
    project_id: Option<String>,
    #[arg(long)]
    environment: Option<String>,
    /// Milliseconds
    #[arg(long)]
    latency_min: Option<String>,
    /// Milliseconds
    #[arg(long)]
    latency_max: Option<String>,
    #[arg(long)]
    token_min: Option<String>,
    #[arg(long)]
    token_max: Option<String>,
    /// Started at this time or later
    #[arg(long)]
    from: Option<String>,
    /// Started before this time
    #[arg(long)]
    to: Option<String>,
}

impl FilterOptions {
    /// The query that asks for this, read as a URL would be.
    pub fn query(&self) -> Result<Query, Vec<Issue>> {
        let pairs = [
            ("status", &self.status),
            ("model", &self.model),
            ("project_id", &self.project_id),
            ("environment", &self.environment),
            ("latency_min", &self.latency_min),
            ("latency_max", &self.latency_max),
            ("token_min", &self.token_min),
            ("token_max", &self.token_max),
            ("from", &self.from),
            ("to", &self.to),
        ];
        Query::from_pairs(pairs.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))))
    }
}

impl Cli {
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
