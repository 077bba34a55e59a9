use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
};

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use tracellm_trace::{Coverage, FacetBy, FacetNames, FacetTally, Filter, Labels, Status, Timestamp, stats::Sample};

use super::{
    conditions::Conditions,
    counts::{self, Counts},
    errors::unreadable,
    queries, rollups,
    search::{self, Ground},
};
use crate::{
    Repaired, StoreError,
    rollups::{Grain, Level, Names, Only, Part, open_range, parts, within},
    search::{FACET_PATIENCE, Walk},
};

/// Longer counts of all traces of a period are not kept: each change reads and writes them whole, and each reader has to.
const MOST_BYTES: usize = 64 << 10;
/// What stands for them.
const MANY: &str = "many";
/// The levels that are kept by all names, the longest first. Of all traces all levels are.
const LEVELS: [Level; 2] = [Level::Day, Level::Hour];

/// Of what traces are counted, by all names, and which.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Cell {
    level: Level,
    /// Its start, in ms since 1970.
    period: i64,
    project_id: String,
    environment: String,
    model_name: String,
    status: &'static str,
    by: FacetBy,
    value: String,
}

/// The counts of tools and tags that a transaction changes, written at its end.
pub(super) struct FacetCounts<'a> {
    connection: &'a Connection,
    changes: Changes,
}

#[derive(Default)]
struct Changes {
    cells: HashMap<Cell, i64>,
    /// Of all traces, by level and period.
    all: BTreeMap<(Level, i64), Counts>,
}

impl Changes {
    fn add(&mut self, sample: &Sample, labels: &Labels, by_how_much: i64) {
        let millis = sample.created_at.map_or(0, Timestamp::millis);
        for (by, value) in labels.each() {
            for &level in Grain::All.levels() {
                self.all.entry((level, level.period_of(millis))).or_default().change(by, value, by_how_much);
            }
            for level in LEVELS {
                let cell = Cell {
                    level,
                    period: level.period_of(millis),
                    project_id: sample.project_id.to_owned(),
                    environment: sample.environment.to_owned(),
                    model_name: sample.model_name.to_owned(),
                    status: sample.status.as_str(),
                    by,
                    value: value.to_owned(),
                };
                *self.cells.entry(cell).or_default() += by_how_much;
            }
        }
    }
}

impl<'a> FacetCounts<'a> {
    pub fn new(connection: &'a Connection) -> Self {
        Self { connection, changes: Changes::default() }
    }

    /// Counts a trace that comes into the index (1), or takes away one that leaves it (-1).
    pub fn change(&mut self, sample: &Sample, labels: &Labels, by_how_much: i64) {
        self.changes.add(sample, labels, by_how_much);
    }

    pub fn write(self) -> Result<(), StoreError> {
        let mut cells: Vec<_> = self.changes.cells.into_iter().filter(|(_, change)| *change != 0).collect();
        // As they lie in the file.
        cells.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        cells.iter().try_for_each(|(cell, change)| add(self.connection, cell, *change))?;
        for (period, changes) in &self.changes.all {
            let stands = stored(self.connection, *period)?;
            if stands != MANY {
                let mut counts = Counts::read(&stands)?;
                counts.merge(changes);
                write(self.connection, *period, &kept(&mut counts)?)?;
            }
        }
        Ok(())
    }
}

/// Counts as they are kept.
fn kept(counts: &mut Counts) -> Result<String, StoreError> {
    Ok(Some(counts.write()?).filter(|text| text.len() <= MOST_BYTES).unwrap_or_else(|| MANY.to_owned()))
}

/// The counts of all traces of a period; empty where nothing is counted.
fn stored(connection: &Connection, (level, period): (Level, i64)) -> Result<String, StoreError> {
    let mut statement = connection.prepare_cached("SELECT counts FROM labels WHERE level = ? AND period = ?")?;
    Ok(statement.query_row([level as i64, period], |row| row.get(0)).optional()?.unwrap_or_default())
}

fn write(connection: &Connection, (level, period): (Level, i64), counts: &str) -> Result<(), StoreError> {
    if counts.is_empty() {
        let sql = "DELETE FROM labels WHERE level = ? AND period = ?";
        connection.prepare_cached(sql)?.execute([level as i64, period])?;
    } else {
        let sql = "INSERT OR REPLACE INTO labels VALUES (?, ?, ?)";
        connection.prepare_cached(sql)?.execute(params![level as i64, period, counts])?;
    }
    Ok(())
}

fn add(connection: &Connection, cell: &Cell, change: i64) -> Result<(), StoreError> {
    let Cell { level, period, project_id, environment, model_name, status, by, value } = cell;
    let sql = "INSERT INTO facets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET traces = traces + excluded.traces RETURNING traces";
    let (grain, level, by) = (Grain::Full as i64, *level as i64, *by as i64);
    let values = params![grain, level, period, project_id, environment, model_name, status, by, value, change];
    let traces: i64 = connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    if traces <= 0 {
        let sql =
            "DELETE FROM facets WHERE grain = ? AND level = ? AND period = ? AND project_id = ? AND environment = ? AND model_name = ?
                   AND status = ? AND kind = ? AND value = ?";
        let values = params![grain, level, period, project_id, environment, model_name, status, by, value];
        connection.prepare_cached(sql)?.execute(values)?;
    }
    Ok(())
}

/// What asks for the first periods, from a moment on, of which something is counted; each a step down an index.
pub(super) fn first_periods(from: i64) -> impl Iterator<Item = (&'static str, Vec<i64>)> {
    let of_names = "SELECT min(period) FROM facets WHERE grain = ? AND level = ? AND period >= ?";
    let of_all = "SELECT min(period) FROM labels WHERE level = ? AND period >= ?";
    let of_names = LEVELS.into_iter().map(move |level| (of_names, vec![Grain::Full as i64, level as i64, from]));
    of_names.chain(Grain::All.levels().iter().map(move |level| (of_all, vec![*level as i64, from])))
}

/// Counts anew what began in a part of time, and mends what stands.
pub(super) fn repair(connection: &Connection, part: Part) -> Result<Repaired, StoreError> {
    let mut fresh = Changes::default();
    let Conditions { sql, values } = Conditions::of(&within(&Filter::default(), part));
    let sql = format!("SELECT {}, labels FROM traces JOIN search_entries USING (id){sql}", queries::SAMPLE.join(", "));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        let labels = read_labels(row.get_ref(queries::SAMPLE.len())?.as_str_or_null().map_err(rusqlite::Error::from)?)?;
        fresh.add(&queries::sample(row)?, &labels, 1);
    }
    let Changes { mut cells, mut all } = fresh;
    let mut repaired = Repaired { cells: (cells.len() + all.len()) as u64, wrong: 0 };
    for level in LEVELS {
        let wanted = "period, project_id, environment, model_name, status, kind, value, traces FROM facets";
        rollups::each_of(wanted, connection, Grain::Full, level, part, &Names::default(), |row| {
            let status = Status::from_word(rollups::text(row, 4)?).map_or("", Status::as_str);
            let (project_id, environment, model_name, value) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(6)?);
            let Some(by) = by_number(row.get(5)?) else { return Ok(()) };
            let cell = Cell { level, period: row.get(0)?, project_id, environment, model_name, status, by, value };
            *cells.entry(cell).or_default() -= row.get::<_, i64>(7)?;
            Ok(())
        })?;
    }
    cells.retain(|_, change| *change != 0);
    cells.iter().try_for_each(|(cell, change)| add(connection, cell, *change))?;
    repaired.wrong += cells.len() as u64;
    // What stands and should not is emptied.
    for &level in Grain::All.levels() {
        let mut statement = connection.prepare_cached("SELECT period FROM labels WHERE level = ? AND period >= ? AND period < ?")?;
        let periods = statement.query_map([level as i64, part.from, part.to], |row| row.get(0))?;
        for period in periods {
            all.entry((level, period?)).or_default();
        }
    }
    for (period, mut counts) in all {
        let (counts, stands) = (kept(&mut counts)?, stored(connection, period)?);
        if counts != stands {
            write(connection, period, &counts)?;
            // There may have been more that went again.
            repaired.wrong += u64::from(stands != MANY);
        }
    }
    Ok(repaired)
}

fn by_number(number: i64) -> Option<FacetBy> {
    FacetBy::ALL.into_iter().find(|by| *by as i64 == number)
}

/// Counts the values of what matches.
pub(super) fn count(connection: &Connection, filter: &Filter) -> Result<FacetTally, StoreError> {
    let reading = connection.unchecked_transaction()?;
    let (mut tally, rest) = FacetTally::new(filter);
    let ground = Ground::new(&reading, &rest)?;
    let both = (Names::of(filter), Names::of(&rest).filter(|names| names.only == Only::All));
    let (until, not_indexed) = if let (Some(wanted), Some(any)) = both {
        let range = open_range(&rest);
        match wanted.grain() {
            Grain::Full => rollups::each_name(&reading, &rest, &any, range, |names, traces| tally.add(names, traces))?,
            grain => {
                // What else there is beside a project, its own names don't tell.
                counts::each_name(&reading, filter, &wanted, range, |by, value, traces| {
                    if grain == Grain::All || by != FacetBy::Project {
                        tally.count(by, value, traces);
                    }
                })?;
                if grain == Grain::Project {
                    let mut count = |by, value: &str, traces| {
                        if by == FacetBy::Project {
                            tally.count(by, value, traces)
                        }
                    };
                    counts::each_name(&reading, &rest, &any, range, &mut count)?;
                }
            }
        }
        count_labels(&reading, filter, &wanted, &mut tally)?;
        let not_indexed = ground.each_unindexed(&mut |_, row| {
            tally.add_labels(&names_of(row)?, &Labels::from(&search::document(row)?));
            Ok(())
        })?;
        (None, not_indexed)
    } else {
        let mut walk = Walk::new(false, FACET_PATIENCE);
        let mut add = |row: &Row| -> Result<(), StoreError> {
            let names = names_of(row)?;
            tally.add(&names, 1);
            tally.add_labels(&names, &labels_of(&reading, row.get(search::ID)?)?);
            Ok(())
        };
        ground.walk(false, None, &mut |created_at, is_found, row| {
            if !walk.goes_on(created_at) {
                return Ok(ControlFlow::Break(()));
            }
            if is_found {
                add(row)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let not_indexed = ground.unindexed(&mut |created_at, row| if walk.has_seen(created_at) { add(row) } else { Ok(()) })?;
        (walk.stopped_at().map(Timestamp::from_millis_clamped), not_indexed)
    };
    tally.coverage = Coverage::of(until, not_indexed);
    Ok(tally)
}

/// Counts the tools and tags of what is in the index, for a filter that asks for names and time alone.
fn count_labels(connection: &Connection, filter: &Filter, wanted: &Names, tally: &mut FacetTally) -> Result<(), StoreError> {
    let (from, to) = open_range(filter);
    let is_of_all = wanted.grain() == Grain::All;
    for part in parts(from, to, if is_of_all { Grain::All.levels() } else { &LEVELS }) {
        match part.level {
            Some(level) if is_of_all => {
                let sql = "SELECT counts, period FROM labels WHERE level = ? AND period >= ? AND period < ?";
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query([level as i64, part.from, part.to])?;
                while let Some(row) = rows.next()? {
                    match rollups::text(row, 0)? {
                        MANY => {
                            let from = row.get(1)?;
                            let part = Part { from, to: from + level.width(), level: LEVELS.contains(&level).then_some(level) };
                            count_each(connection, filter, part, &Names::default(), tally)?;
                        }
                        counts => {
                            let counts = Counts::read(counts)?;
                            counts.each().for_each(|(by, value, traces)| tally.count(by, value, traces.unsigned_abs()));
                        }
                    }
                }
            }
            _ => count_each(connection, filter, part, wanted, tally)?,
        }
    }
    Ok(())
}

/// Counts tools and tags where they stand one by one: beside the names of a level, or beside each trace.
fn count_each(connection: &Connection, filter: &Filter, part: Part, wanted: &Names, tally: &mut FacetTally) -> Result<(), StoreError> {
    if let Some(level) = part.level {
        return rollups::each_of("kind, value, traces FROM facets", connection, Grain::Full, level, part, wanted, |row| {
            if let Some(by) = by_number(row.get(0)?) {
                tally.count(by, rollups::text(row, 1)?, row.get::<_, i64>(2)?.unsigned_abs());
            }
            Ok(())
        });
    }
    let Conditions { sql, values } = Conditions::of(&within(filter, part));
    let sql = format!("SELECT labels FROM traces JOIN search_entries USING (id){sql}");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        let labels = read_labels(row.get_ref(0)?.as_str_or_null().map_err(rusqlite::Error::from)?)?;
        labels.each().for_each(|(by, value)| tally.count(by, value, 1));
    }
    Ok(())
}

fn names_of<'r>(row: &'r Row) -> Result<FacetNames<'r>, StoreError> {
    Ok(FacetNames::from(&queries::sample(row)?))
}

/// The tools and tags of a row, which may not be in the index yet.
fn labels_of(connection: &Connection, id: i64) -> Result<Labels, StoreError> {
    let sql = "SELECT labels FROM search_entries WHERE id = ?";
    let indexed: Option<Option<String>> = connection.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?;
    if let Some(labels) = indexed {
        return read_labels(labels.as_deref());
    }
    let doc: String = connection.prepare_cached("SELECT doc FROM traces WHERE id = ?")?.query_row([id], |row| row.get(0))?;
    Ok(Labels::from(&serde_json::from_str::<tracellm_trace::Trace>(&doc).map_err(unreadable)?))
}

/// As they stand beside an entry of the index.
pub(super) fn read_labels(text: Option<&str>) -> Result<Labels, StoreError> {
    text.map_or_else(|| Ok(Labels::default()), |text| serde_json::from_str(text).map_err(unreadable))
}

/// The same; nothing where there are none.
pub(super) fn write_labels(labels: &Labels) -> Result<Option<String>, StoreError> {
    Some(labels).filter(|labels| !labels.is_empty()).map(serde_json::to_string).transpose().map_err(unreadable)
}
