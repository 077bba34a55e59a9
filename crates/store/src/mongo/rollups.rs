use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use futures_util::TryStreamExt;
use mongodb::{
    Collection, Database,
    bson::{Binary, Bson, Document, RawDocumentBuf, doc, spec::BinarySubtype},
};
use serde::{Deserialize, Serialize};
use tracellm_trace::{
    FacetBy, FacetNames, Labels, Status, Timestamp,
    stats::{Sample, Sums},
};

use super::{TRACES, decode, encode::date, of_primary, queries::cut, stretches::Stretch};
use crate::{
    StoreError,
    rollups::{Cell, Grain, Level, Names},
};

const ROLLUPS: &str = "rollups";
const UNDATED: &str = "undated";
/// More than this is no sum any more, and fits no document.
const MOST_BYTES: usize = 12 << 20;

/// The levels that are kept of a grain, the longest first. (All of a minute's names are kept as well, as hours are made of them.)
pub(super) fn levels(grain: Grain) -> &'static [Level] {
    match grain {
        Grain::All | Grain::Project => &[Level::Day, Level::Hour, Level::Quarter, Level::Minute],
        Grain::Full => &[Level::Day, Level::Hour, Level::Minute],
    }
}

/// The sums of a period at a grain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Period {
    /// Grain, level and start: so that those of a range stand in a row.
    #[serde(rename = "_id")]
    pub id: String,
    /// In ms since 1970.
    pub period: i64,
    /// Absent where they would fit no document; they are added up when asked for.
    pub cells: Option<Vec<Stored>>,
}

/// What traces of a period and of the same names add up to. Names by which the grain does not tell apart are empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub project_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub environment: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    #[serde(default)]
    pub traces: i64,
    pub sums: Option<Binary>,
    /// How many have which status, model, project and environment, where the grain does not tell them apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<StoredLabel>,
    /// How many have which tools and tags.
    #[serde(default)]
    pub labels: Vec<StoredLabel>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredLabel {
    pub by: FacetBy,
    pub value: String,
    pub traces: i64,
}

impl Stored {
    pub fn sums(&self) -> Result<Sums, StoreError> {
        let unreadable = || StoreError::Failed("stored sums can't be read; `tracellm repair rollups` makes them anew".to_owned());
        self.sums.as_ref().and_then(|sums| Sums::from_bytes(&sums.bytes)).ok_or_else(unreadable)
    }

    /// By which it is told apart.
    pub fn names(&self) -> FacetNames<'_> {
        names(&self.status, &self.model_name, &self.project_id, &self.environment)
    }

    /// Whether a filter's names are those of this cell.
    pub fn is_of(&self, names: &Names) -> bool {
        let is = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
        is(names.project_id, &self.project_id)
            && is(names.environment, &self.environment)
            && is(names.model_name, &self.model_name)
            && is(names.status.map(|status| status.as_str()), &self.status)
    }
}

fn names<'n>(status: &str, model_name: &'n str, project_id: &'n str, environment: &'n str) -> FacetNames<'n> {
    FacetNames { status: Status::from_word(status).unwrap_or(Status::Success), model_name, project_id, environment }
}

/// What traces add up to, and how many have which names, tools and tags, as [`Stored`] has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    sums: Sums,
    names: Labelled,
    labels: Labelled,
}

type Labelled = BTreeMap<(FacetBy, String), i64>;

/// At one grain and one level.
pub(super) type Cells = BTreeMap<Cell, Entry>;

/// The sums by all names of the minutes of a stretch, from its traces.
pub(super) async fn add_up(database: &Database, stretch: Stretch) -> Result<Cells, StoreError> {
    let wanted = match stretch {
        Stretch::UNDATED => doc! { "$nor": [{ "created_at": { "$gt": date(Timestamp::MIN), "$lte": date(Timestamp::MAX) } }] },
        // The first moment stands for none.
        Stretch { from, to } => {
            let (from, to) = (Timestamp::from_millis_clamped(from).max(Timestamp::MIN.plus(1.0)), Timestamp::from_millis(to));
            let mut range = doc! { "$gte": date(from), "$lte": date(Timestamp::MAX) };
            if let Some(to) = to {
                range.insert("$lt", date(to));
            }
            doc! { "created_at": range }
        }
    };
    let names = ["status", "model_name", "project_id", "environment", "latency", "token_count", "cost_usd", "retry_count", "slow_request"];
    let names = names.into_iter().chain(["created_at", "tags", "steps.tool_name"]);
    let mut fields: Document = names.map(|name| (name.to_owned(), Bson::from(1))).collect();
    // Of another writer's document it tells the status.
    fields.insert("failure_reason", cut("$failure_reason"));
    let mut found = of_primary(database, TRACES).find(wanted).projection(fields).await?;
    let mut cells = Cells::new();
    while found.advance().await? {
        let trace = decode::trace(found.current())?;
        let sample = Sample::from(&trace);
        let entry = cells.entry(Cell::of(&sample, Grain::Full, Level::Minute)).or_default();
        entry.sums.add(&sample);
        for (by, value) in Labels::from(&trace).each() {
            *entry.labels.entry((by, value.to_owned())).or_default() += 1;
        }
    }
    Ok(cells)
}

/// Sums by all names as those of a coarser grain or level.
pub(super) fn coarsen(cells: &Cells, grain: Grain, level: Level) -> Cells {
    let mut coarse = Cells::new();
    for (full, entry) in cells {
        let name = |least: Grain, name: &String| if grain >= least { name.clone() } else { String::new() };
        let cell = Cell {
            grain,
            level,
            period: level.period_of(full.period),
            project_id: name(Grain::Project, &full.project_id),
            environment: name(Grain::Full, &full.environment),
            model_name: name(Grain::Full, &full.model_name),
            status: if grain == Grain::Full { full.status } else { "" },
        };
        let sum = coarse.entry(cell).or_default();
        sum.sums.merge(&entry.sums);
        entry.labels.iter().for_each(|(label, traces)| *sum.labels.entry(label.clone()).or_default() += traces);
        if grain != Grain::Full {
            let traces = i64::try_from(entry.sums.traces).unwrap_or(i64::MAX);
            let names = names(full.status, &full.model_name, &full.project_id, &full.environment);
            names.each().into_iter().for_each(|(by, name)| *sum.names.entry((by, name.to_owned())).or_default() += traces);
        }
    }
    coarse
}

/// The documents of sums at one grain and one level.
pub(super) fn periods(cells: &Cells) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    let mut bytes = 0;
    for (Cell { grain, level, period, project_id, environment, model_name, status }, entry) in cells {
        let stored_labels = |labels: &Labelled| -> Vec<StoredLabel> {
            labels.iter().map(|((by, value), traces)| StoredLabel { by: *by, value: value.clone(), traces: *traces }).collect()
        };
        let stored = Stored {
            project_id: project_id.clone(),
            environment: environment.clone(),
            model_name: model_name.clone(),
            status: (*status).to_owned(),
            traces: i64::try_from(entry.sums.traces).unwrap_or(i64::MAX),
            sums: Some(Binary { subtype: BinarySubtype::Generic, bytes: entry.sums.to_bytes() }),
            names: stored_labels(&entry.names),
            labels: stored_labels(&entry.labels),
        };
        if periods.last().is_none_or(|last| last.period != *period) {
            periods.push(Period { id: id(*grain, *level, *period), period: *period, cells: Some(Vec::new()) });
            bytes = 0;
        }
        bytes += bytes_of(&stored);
        if let Some(last) = periods.last_mut() {
            match &mut last.cells {
                Some(cells) if bytes <= MOST_BYTES => cells.push(stored),
                cells => *cells = None,
            }
        }
    }
    periods
}

/// About what a cell takes in a document, rather more than less.
fn bytes_of(cell: &Stored) -> usize {
    let names = [&cell.project_id, &cell.environment, &cell.model_name, &cell.status];
    let labels: usize = cell.names.iter().chain(&cell.labels).map(|label| label.value.len() + 70).sum();
    names.iter().map(|name| name.len()).sum::<usize>() + cell.sums.as_ref().map_or(0, |sums| sums.bytes.len()) + labels + 160
}

/// The sums that stand in documents; none where some are told by no document.
pub(super) fn cells(periods: Vec<Period>, grain: Grain, level: Level) -> Result<Option<Cells>, StoreError> {
    let mut found = Cells::new();
    for Period { period, cells, .. } in periods {
        let Some(cells) = cells else { return Ok(None) };
        for stored in cells {
            let sums = stored.sums()?;
            let status = Status::from_word(&stored.status).map_or("", |status| status.as_str());
            let labelled = |labels: Vec<StoredLabel>| labels.into_iter().map(|label| ((label.by, label.value), label.traces)).collect();
            let Stored { project_id, environment, model_name, names, labels, .. } = stored;
            let entry = Entry { sums, names: labelled(names), labels: labelled(labels) };
            found.insert(Cell { grain, level, period, project_id, environment, model_name, status }, entry);
        }
    }
    Ok(Some(found))
}

pub(super) fn collection(database: &Database) -> Collection<Period> {
    of_primary(database, ROLLUPS).clone_with_type()
}

/// What else stands beside the sums.
pub(super) fn notes(database: &Database) -> Collection<RawDocumentBuf> {
    of_primary(database, ROLLUPS)
}

fn id(grain: Grain, level: Level, period: i64) -> String {
    format!("{}/{}/{}", grain.as_str(), level.as_str(), Timestamp::from_millis_clamped(period))
}

/// The documents of the periods that begin in a range.
pub(super) fn of_range(grain: Grain, level: Level, range: Range<i64>) -> Document {
    // Behind the last moment that there is, `:` is behind all digits.
    let end = match Timestamp::from_millis(range.end) {
        Some(_) => id(grain, level, range.end),
        None => format!("{}/{}/:", grain.as_str(), level.as_str()),
    };
    doc! { "_id": { "$gte": id(grain, level, range.start), "$lt": end } }
}

/// Puts the documents of a range in place of all that stand of it.
pub(super) async fn replace(
    database: &Database,
    (grain, level): (Grain, Level),
    range: Range<i64>,
    cells: &Cells,
) -> Result<(), StoreError> {
    let collection = collection(database);
    collection.delete_many(of_range(grain, level, range.clone())).await?;
    let mut periods = periods(cells);
    periods.retain(|period| range.contains(&period.period));
    if !periods.is_empty() {
        collection.insert_many(periods).await?;
    }
    Ok(())
}

/// The same for periods of which too much is to be told.
pub(super) async fn replace_untold(database: &Database, (grain, level): (Grain, Level), range: Range<i64>) -> Result<(), StoreError> {
    let collection = collection(database);
    collection.delete_many(of_range(grain, level, range.clone())).await?;
    let starts = starts(level, Stretch { from: range.start, to: range.end }).into_iter();
    collection.insert_many(starts.map(|period| Period { id: id(grain, level, period), period, cells: None })).await?;
    Ok(())
}

/// What stands of a range.
pub(super) async fn read(
    database: &Database,
    (grain, level): (Grain, Level),
    range: Range<i64>,
    wanted: Option<Document>,
) -> Result<Vec<Period>, StoreError> {
    let collection = collection(database);
    let mut find = collection.find(of_range(grain, level, range)).sort(doc! { "_id": 1 });
    if let Some(wanted) = wanted {
        find = find.projection(wanted);
    }
    Ok(find.await?.try_collect().await?)
}

/// Makes the sums of what has no time anew.
pub(super) async fn replace_undated(database: &Database) -> Result<(), StoreError> {
    let cells = periods(&add_up(database, Stretch::UNDATED).await?).pop().map_or(Some(Vec::new()), |period| period.cells);
    let undated = Period { id: UNDATED.to_owned(), period: Timestamp::MIN.millis(), cells };
    collection(database).replace_one(doc! { "_id": UNDATED }, undated).upsert(true).await?;
    Ok(())
}

/// The sums of what has no time; none where they are not told.
pub(super) async fn undated(database: &Database) -> Result<Option<Vec<Stored>>, StoreError> {
    let found = collection(database).find_one(doc! { "_id": UNDATED }).await?;
    Ok(found.map_or(Some(Vec::new()), |period| period.cells))
}

/// The first period, from a moment on, of which something stands.
pub(super) async fn next_period(database: &Database, (grain, level): (Grain, Level), from: Timestamp) -> Result<Option<i64>, StoreError> {
    let range = of_range(grain, level, from.millis()..Timestamp::MAX.millis() + 1);
    let first = notes(database).find_one(range).sort(doc! { "_id": 1 }).projection(doc! { "period": 1 }).await?;
    Ok(first.and_then(|raw| raw.get_i64("period").ok()))
}

/// The starts of the periods of a level that hold a part of a stretch.
pub(super) fn starts(level: Level, stretch: Stretch) -> BTreeSet<i64> {
    let mut starts = BTreeSet::new();
    let mut start = level.period_of(stretch.from);
    while start < stretch.to {
        starts.insert(start);
        start += level.width();
    }
    starts
}
