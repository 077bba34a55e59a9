//! The rows of a question, asked of SQLite or MongoDB itself, and read to the last byte.

use std::time::{Duration, Instant};

use futures_util::{TryStreamExt, try_join};
use mongodb::{
    Client, Collection,
    bson::{DateTime, RawDocumentBuf, doc},
};
use rusqlite::{Connection, OpenFlags, params_from_iter};
use tracellm_bench::{
    Failure,
    product::{Home, Place, mongo_url},
};

/// What is asked.
pub enum Raw {
    /// The newest 51, of those with a value, and how many there are, as an answer tells both.
    List(Option<(&'static str, &'static str)>),
    /// A document by its id.
    Document,
}

/// Beyond it nobody counts.
const CAP: u64 = 10_001;

/// Milliseconds of each.
pub async fn times(place: &Place, raw: &Raw, requests: usize) -> Result<Vec<f64>, Failure> {
    match place.home {
        Home::Sqlite => sqlite(place, raw, requests),
        Home::Mongo => mongo(place, raw, requests).await,
    }
}

fn sqlite(place: &Place, raw: &Raw, requests: usize) -> Result<Vec<f64>, Failure> {
    let connection = Connection::open_with_flags(place.file(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let (sql, count, values) = match raw {
        Raw::List(field) => {
            let (condition, values) =
                field.map_or((String::new(), Vec::new()), |(name, value)| (format!("WHERE {name} = ?"), vec![value.to_owned()]));
            let rows = format!("SELECT doc FROM traces {condition} ORDER BY created_at DESC, trace_id DESC, project_id DESC LIMIT 51");
            (rows, Some(format!("SELECT count(*) FROM (SELECT 1 FROM traces {condition} LIMIT {CAP})")), values)
        }
        Raw::Document => {
            let newest = "SELECT trace_id FROM traces ORDER BY created_at DESC, trace_id DESC, project_id DESC LIMIT 1 OFFSET 25";
            let id: String = connection.query_row(newest, [], |row| row.get(0))?;
            ("SELECT doc FROM traces WHERE trace_id = ?".to_owned(), None, vec![id])
        }
    };
    let mut statement = connection.prepare(&sql)?;
    let mut count = count.map(|count| connection.prepare(&count)).transpose()?;
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
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

async fn mongo(place: &Place, raw: &Raw, requests: usize) -> Result<Vec<f64>, Failure> {
    let client = Client::with_uri_str(mongo_url().ok_or("no MongoDB")?).await?;
    let traces: Collection<RawDocumentBuf> = client.database(&place.db_name).collection("traces");
    let order = doc! { "created_at": -1, "trace_id": -1, "project_id": -1 };
    let (wanted, most) = match raw {
        Raw::List(field) => {
            // What has no time comes last, and is asked for by itself.
            let mut wanted = doc! { "created_at": { "$lte": DateTime::MAX } };
            wanted.extend(field.map(|(name, value)| (name.to_owned(), value.into())));
            (wanted, 51)
        }
        Raw::Document => {
            let one = traces.find_one(doc! {}).sort(order.clone()).skip(25).await?.ok_or("no trace")?;
            (doc! { "trace_id": one.get_str("trace_id")?, "project_id": one.get_str("project_id")? }, 1)
        }
    };
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
        let asked = Instant::now();
        let rows = async { traces.find(wanted.clone()).sort(order.clone()).limit(most).await?.try_collect::<Vec<RawDocumentBuf>>().await };
        let count = async {
            match raw {
                Raw::List(_) => traces.count_documents(wanted.clone()).limit(CAP).await,
                Raw::Document => Ok(1),
            }
        };
        try_join!(rows, count)?;
        times.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}
