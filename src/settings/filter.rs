use clap::Args;
use tracellm_store::ingest::now;
use tracellm_trace::{Filter, Issue, Query};

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
    /// Started within a span before now: 15m, 24h, 7d
    #[arg(long)]
    last: Option<String>,
    /// What the search box takes: words, "phrases", -not, begin*, model:gpt-4o, latency:>2s, tag:prod
    #[arg(long)]
    q: Option<String>,
    #[arg(long)]
    session_id: Option<String>,
    #[arg(long)]
    user_id: Option<String>,
    #[arg(long)]
    tag: Option<String>,
    /// Only what was retried
    #[arg(long)]
    retried: bool,
    /// Only what took 1.5 s or longer
    #[arg(long)]
    slow: bool,
}

impl FilterOptions {
    /// The filter that asks for this; what can't be read ends the program as wrong usage does.
    pub fn filter(&self) -> Filter {
        self.read().unwrap_or_else(|issues| {
            for issue in issues {
                eprintln!("error: --{} {}", issue.path.replace('_', "-"), issue.message);
            }
            std::process::exit(2);
        })
    }

    /// Read as a URL would be.
    fn read(&self) -> Result<Filter, Vec<Issue>> {
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
            ("last", &self.last),
            ("q", &self.q),
            ("session_id", &self.session_id),
            ("user_id", &self.user_id),
            ("tag", &self.tag),
        ];
        let query = Query::from_pairs(pairs.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))))?;
        Ok(Filter { retried: self.retried, slow: self.slow, ..query.filter.at(now()) })
    }
}
