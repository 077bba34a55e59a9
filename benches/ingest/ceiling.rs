//! How fast the database alone takes the very rows that the program stored: what nobody can beat who writes the same.

use std::{collections::BTreeMap, path::Path, time::Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::{
    Client, IndexModel,
    bson::{Document, RawDocumentBuf, doc},
    options::{Acknowledgment, ClientOptions, WriteConcern},
};
use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};

use tracellm_bench::{Failure, product};

/// Traces of a transaction, or of an `insert_many`.
const BATCH: usize = 50;
/// Ways of asking MongoDB.
const AT_ONCE: [usize; 3] = [1, 4, 16];

/// Traces a second by bare transactions of [`BATCH`] in a file of the same tables and indexes, synced as the program syncs.
pub fn sqlite(file: &Path) -> Result<f64, Failure> {
    let source = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let folder = tempfile::tempdir()?;
    let target = Connection::open(folder.path().join("bare.db"))?;
    // As the program does.
    let page: i64 = source.pragma_query_value(None, "page_size", |row| row.get(0))?;
    target.pragma_update(None, "page_size", page)?;
    target.pragma_update(None, "journal_mode", "wal")?;
    target.pragma_update(None, "synchronous", "full")?;
    target.pragma_update(None, "wal_autocheckpoint", (64 << 20) / page)?;
    target.pragma_update(None, "cache_size", -16_000)?;
    let mut tables = Vec::new();
    let mut find = source.prepare(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL
             AND tbl_name IN (SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%trace_id%') ORDER BY type = 'index'",
    )?;
    let mut found = find.query([])?;
    while let Some(row) = found.next()? {
        let (kind, name, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        target.execute_batch(&sql)?;
        if kind == "table" {
            tables.push(name);
        }
    }
    // Each trace with all its rows, in the order in which they were stored.
    let mut traces: BTreeMap<String, Vec<(usize, Vec<Value>)>> = BTreeMap::new();
    let mut order = Vec::new();
    let mut inserts = Vec::new();
    for (number, table) in tables.iter().enumerate() {
        let mut all = source.prepare(&format!("SELECT * FROM {table}"))?;
        let key = all.column_index("trace_id")?;
        let columns = all.column_count();
        inserts.push(format!("INSERT INTO {table} VALUES ({})", vec!["?"; columns].join(", ")));
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get(column)).collect::<Result<Vec<Value>, _>>()?;
            let rows = traces.entry(row.get(key)?).or_default();
            if rows.is_empty() {
                order.push(row.get::<_, String>(key)?);
            }
            rows.push((number, values));
        }
    }
    let start = Instant::now();
    for batch in order.chunks(BATCH) {
        let transaction = target.unchecked_transaction()?;
        for (table, values) in batch.iter().filter_map(|trace| traces.get(trace)).flatten() {
            transaction.prepare_cached(&inserts[*table])?.execute(params_from_iter(values))?;
        }
        transaction.commit()?;
    }
    Ok(order.len() as f64 / start.elapsed().as_secs_f64())
}

/// Traces a second by the driver's own `insert_many` of [`BATCH`], into collections with the same indexes, with the same write concern:
/// of each way of asking.
pub async fn mongo(db_name: &str) -> Result<Vec<f64>, Failure> {
    let mut options = ClientOptions::parse(product::mongo_url().ok_or("no MongoDB")?).await?;
    options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
    let client = Client::with_options(options)?;
    let source = client.database(db_name);
    let mut collections: Vec<(&str, Vec<RawDocumentBuf>)> = Vec::new();
    for name in ["traces", "span_batches"] {
        collections.push((name, source.collection(name).find(doc! {}).await?.try_collect().await?));
    }
    let traces = collections[0].1.len();
    // As many spans a request as the traces of a request have.
    let batches: Vec<Vec<(&str, &[RawDocumentBuf])>> = (0..traces.div_ceil(BATCH))
        .map(|batch| {
            let share = |all: &usize| all * (batch * BATCH).min(traces) / traces..all * ((batch + 1) * BATCH).min(traces) / traces;
            collections.iter().map(|(name, all)| (*name, &all[share(&all.len())])).filter(|(_, part)| !part.is_empty()).collect()
        })
        .collect();
    let mut rates = Vec::new();
    for at_once in AT_ONCE {
        let target = client.database(&format!("{db_name}_bare{at_once}"));
        for (name, _) in &collections {
            let indexes: Vec<IndexModel> = source.collection::<Document>(name).list_indexes().await?.try_collect().await?;
            target.create_collection(*name).await?;
            for index in indexes.into_iter().filter(|index| !index.keys.contains_key("_id")) {
                target.collection::<Document>(name).create_index(index).await?;
            }
        }
        let start = Instant::now();
        stream::iter(&batches)
            .map(|batch| {
                let target = target.clone();
                async move {
                    for (name, part) in batch {
                        target.collection::<RawDocumentBuf>(name).insert_many(*part).ordered(false).await?;
                    }
                    Ok::<_, Failure>(())
                }
            })
            .buffer_unordered(at_once)
            .try_collect::<Vec<()>>()
            .await?;
        rates.push(traces as f64 / start.elapsed().as_secs_f64());
        target.drop().await?;
    }
    Ok(rates)
}
