//! The rows of a question, asked of SQLite or MongoDB itself, and read to the last byte.

use std::time::{Duration, Instant, SystemTime};

use futures_util::{TryStreamExt, try_join};
use mongodb::{
    Client, Collection,
    bson::{Bson, DateTime, Document, RawDocumentBuf, doc},
};
use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};
use tracellm_bench::{
    Failure,
    product::{Home, Place, mongo_url},
};

/// Beyond it nobody counts.
const CAP: u64 = 10_001;
/// A bare query is asked no longer than that, and this often at least.
const LONGEST: Duration = Duration::from_secs(5);
const LEAST: usize = 5;

/// What an address asks the database for.
enum Raw<'a> {
    /// The first 51 that match in an order, and how many there are, as an answer tells both.
    List { conditions: Vec<(&'static str, Comparison, Wanted<'a>)>, order: [&'static str; 3] },
    /// A trace by its id and project.
    Document { trace_id: &'a str, project_id: &'a str },
}

#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Is,
    Over,
    AtLeast,
    AtMost,
}

enum Wanted<'a> {
    Text(&'a str),
    Number(i64),
    Flag,
    /// Milliseconds since 1970.
    Time(i64),
}

impl<'a> Raw<'a> {
    fn of(path: &'a str) -> Result<Self, Failure> {
        use Comparison::{AtLeast, AtMost, Is, Over};
        let (route, query) = path.split_once('?').unwrap_or((path, ""));
        let given = query.split('&').filter_map(|given| given.split_once('='));
        if let Some(trace_id) = route.strip_prefix("/api/traces/") {
            let project_id = given.map(|(_, value)| value).next().ok_or("a trace without its project")?;
            return Ok(Self::Document { trace_id, project_id });
        }
        let mut order = ["created_at", "trace_id", "project_id"];
        let mut conditions = Vec::new();
        for (name, value) in given {
            conditions.push(match name {
                "status" => ("status", Is, Wanted::Text(value)),
                "project_id" => ("project_id", Is, Wanted::Text(value)),
                "model" => ("model_name", Is, Wanted::Text(value)),
                "environment" => ("environment", Is, Wanted::Text(value)),
                "session_id" => ("session_id", Is, Wanted::Text(value)),
                "user_id" => ("user_id", Is, Wanted::Text(value)),
                "tag" => ("tags", Is, Wanted::Text(value)),
                "latency_min" => ("latency", AtLeast, Wanted::Number(value.parse()?)),
                "token_max" => ("token_count", AtMost, Wanted::Number(value.parse()?)),
                "retried" => ("retry_count", Over, Wanted::Number(0)),
                "slow" => ("slow_request", Is, Wanted::Flag),
                "last" => {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
                    ("created_at", AtLeast, Wanted::Time(i64::try_from(now)? - 86_400_000))
                }
                "sort" => {
                    order[0] = if value == "-latency" { "latency" } else { "cost_usd" };
                    continue;
                }
                other => return Err(format!("no bare query for {other}").into()),
            });
        }
        Ok(Self::List { conditions, order })
    }
}

/// Milliseconds of each; nothing where what is asked for is no column.
pub async fn times(place: &Place, path: &str, requests: usize) -> Result<Option<Vec<f64>>, Failure> {
    let raw = Raw::of(path)?;
    match (place.home, &raw) {
        (Home::Sqlite, Raw::List { conditions, .. }) if conditions.iter().any(|(field, ..)| *field == "tags") => Ok(None),
        (Home::Sqlite, _) => sqlite(place, raw, requests).map(Some),
        (Home::Mongo, _) => mongo(place, raw, requests).await.map(Some),
    }
}

fn sqlite(place: &Place, raw: Raw<'_>, requests: usize) -> Result<Vec<f64>, Failure> {
    let connection = Connection::open_with_flags(place.file(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let text = |text: &str| Value::Text(text.to_owned());
    let (sql, count, values) = match raw {
        Raw::List { conditions, order } => {
            let sql = |(field, comparison, _): &(&str, Comparison, _)| {
                let sign = match comparison {
                    Comparison::Is => "=",
                    Comparison::Over => ">",
                    Comparison::AtLeast => ">=",
                    Comparison::AtMost => "<=",
                };
                format!("{field} {sign} ?")
            };
            let all = match conditions.iter().map(sql).collect::<Vec<_>>() {
                none if none.is_empty() => String::new(),
                some => format!("WHERE {}", some.join(" AND ")),
            };
            let values = conditions.iter().map(|(.., wanted)| match wanted {
                Wanted::Text(name) => text(name),
                Wanted::Number(number) | Wanted::Time(number) => Value::Integer(*number),
                Wanted::Flag => Value::Integer(1),
            });
            let rows = format!("SELECT doc FROM traces {all} ORDER BY {} LIMIT 51", order.map(|field| format!("{field} DESC")).join(", "));
            (rows, Some(format!("SELECT count(*) FROM (SELECT 1 FROM traces {all} LIMIT {CAP})")), values.collect())
        }
        Raw::Document { trace_id, project_id } => {
            ("SELECT doc FROM traces WHERE trace_id = ? AND project_id = ?".to_owned(), None, vec![text(trace_id), text(project_id)])
        }
    };
    let mut statement = connection.prepare(&sql)?;
    let mut count = count.map(|count| connection.prepare(&count)).transpose()?;
    let mut times = Vec::with_capacity(requests);
    let begin = Instant::now();
    while times.len() < requests && (times.len() < LEAST || begin.elapsed() < LONGEST) {
        let asked = Instant::now();
        let mut rows = statement.query(params_from_iter(&values))?;
        while let Some(row) = rows.next()? {
            row.get::<_, String>(0)?;
        }
        if let Some(count) = &mut count {
            count.query_row(params_from_iter(&values), |row| row.get::<_, u64>(0))?;
        }
        times.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Waits until a MongoDB has the sums and the words of all that stands there.
pub async fn wait_until_indexed(place: &Place) -> Result<(), Failure> {
    if place.home == Home::Mongo {
        let client = Client::with_uri_str(mongo_url().ok_or("no MongoDB")?).await?;
        for marks in ["marks", "search_marks"] {
            let marks: Collection<RawDocumentBuf> = client.database(&place.db_name).collection(marks);
            while marks.count_documents(doc! {}).await? > 0 {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
    Ok(())
}

async fn mongo(place: &Place, raw: Raw<'_>, requests: usize) -> Result<Vec<f64>, Failure> {
    let client = Client::with_uri_str(mongo_url().ok_or("no MongoDB")?).await?;
    let traces: Collection<RawDocumentBuf> = client.database(&place.db_name).collection("traces");
    let (wanted, order, is_list) = match raw {
        Raw::List { conditions, order } => {
            let mut wanted = Document::new();
            for (field, comparison, value) in conditions {
                let value: Bson = match value {
                    Wanted::Text(name) => name.into(),
                    Wanted::Number(number) => number.into(),
                    Wanted::Flag => true.into(),
                    Wanted::Time(time) => DateTime::from_millis(time).into(),
                };
                let sign = match comparison {
                    Comparison::Is => "$eq",
                    Comparison::Over => "$gt",
                    Comparison::AtLeast => "$gte",
                    Comparison::AtMost => "$lte",
                };
                wanted.insert(field, doc! { sign: value });
            }
            // What has no time comes last, and is asked for by itself.
            if order[0] == "created_at" && !wanted.contains_key("created_at") {
                wanted.insert("created_at", doc! { "$lte": DateTime::MAX });
            }
            (wanted, order.map(|field| (field.to_owned(), Bson::from(-1))).into_iter().collect::<Document>(), true)
        }
        Raw::Document { trace_id, project_id } => (doc! { "trace_id": trace_id, "project_id": project_id }, Document::new(), false),
    };
    let mut times = Vec::with_capacity(requests);
    let begin = Instant::now();
    while times.len() < requests && (times.len() < LEAST || begin.elapsed() < LONGEST) {
        let asked = Instant::now();
        let rows = async { traces.find(wanted.clone()).sort(order.clone()).limit(51).await?.try_collect::<Vec<RawDocumentBuf>>().await };
        let count = async { if is_list { traces.count_documents(wanted.clone()).limit(CAP).await } else { Ok(1) } };
        try_join!(rows, count)?;
        times.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}
