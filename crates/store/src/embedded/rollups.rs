use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params_from_iter, types::Value};
use tracellm_trace::{
    FacetNames, Filter, Status, Timestamp,
    stats::{Sample, Sums, Tally},
};

use super::{
    counts::{self, Counts},
    facets, queries,
};
use crate::{
    Repaired, StoreError,
    rollups::{Cell, Grain, Level, Names, Only, Part, open_range, parts, within},
};

/// The sums that a transaction changes, read when they are first needed and written at its end.
pub(super) struct Rollups<'a> {
    connection: &'a Connection,
    cells: HashMap<Cell, Entry>,
}

/// What traces of a cell add up to.
#[derive(Default)]
struct Entry {
    sums: Sums,
    /// How many have which names; of a cell that is told apart by all of them, nothing.
    names: Counts,
}

impl Entry {
    fn add(&mut self, cell: &Cell, sample: &Sample) {
        self.sums.add(sample);
        if cell.grain != Grain::Full {
            self.names.change_names(&sample.into(), 1);
        }
    }

    fn remove(&mut self, cell: &Cell, sample: &Sample) {
        self.sums.remove(sample);
        if cell.grain != Grain::Full {
            self.names.change_names(&sample.into(), -1);
        }
    }
}

impl<'a> Rollups<'a> {
    pub fn new(connection: &'a Connection) -> Self {
        Self { connection, cells: HashMap::new() }
    }

    /// Takes away a trace.
    pub fn remove(&mut self, old: &Sample) -> Result<(), StoreError> {
        for cell in Cell::all_of(old) {
            self.entry(&cell)?.remove(&cell, old);
        }
        Ok(())
    }

    /// Counts a trace, in place of the one that stood.
    pub fn change(&mut self, old: Option<&Sample>, new: &Sample) -> Result<(), StoreError> {
        if old == Some(new) {
            return Ok(());
        }
        old.map_or(Ok(()), |old| self.remove(old))?;
        for cell in Cell::all_of(new) {
            self.entry(&cell)?.add(&cell, new);
        }
        Ok(())
    }

    fn entry(&mut self, cell: &Cell) -> Result<&mut Entry, StoreError> {
        if !self.cells.contains_key(cell) {
            let sql = format!("SELECT sums, names FROM rollups WHERE {KEY}");
            let mut statement = self.connection.prepare_cached(&sql)?;
            let stored: Option<(Vec<u8>, String)> =
                statement.query_row(params_from_iter(key(cell)), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let read = |(sums, names): (Vec<u8>, String)| Ok::<_, StoreError>(Entry { sums: read(&sums)?, names: Counts::read(&names)? });
            self.cells.insert(cell.clone(), stored.map(read).transpose()?.unwrap_or_default());
        }
        Ok(self.cells.entry(cell.clone()).or_default())
    }

    pub fn write(self) -> Result<(), StoreError> {
        let mut cells: Vec<_> = self.cells.into_iter().collect();
        // As they lie in the file.
        cells.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        cells.iter_mut().try_for_each(|(cell, entry)| write(self.connection, cell, &entry.sums, entry.names.write()?))
    }
}

const KEY: &str = "grain = ? AND level = ? AND period = ? AND project_id = ? AND environment = ? AND model_name = ? AND status = ?";

fn key(cell: &Cell) -> [Value; 7] {
    let Cell { grain, level, period, project_id, environment, model_name, status } = cell;
    let text = |text: &str| Value::from(text.to_owned());
    let names = [text(project_id), text(environment), text(model_name), text(status)];
    let [project_id, environment, model_name, status] = names;
    [(*grain as i64).into(), (*level as i64).into(), (*period).into(), project_id, environment, model_name, status]
}

fn write(connection: &Connection, cell: &Cell, sums: &Sums, names: String) -> Result<(), StoreError> {
    if sums.traces == 0 {
        connection.prepare_cached(&format!("DELETE FROM rollups WHERE {KEY}"))?.execute(params_from_iter(key(cell)))?;
        return Ok(());
    }
    let traces = i64::try_from(sums.traces).unwrap_or(i64::MAX);
    let values = key(cell).into_iter().chain([traces.into(), sums.to_bytes().into(), names.into()]);
    let sql = "INSERT OR REPLACE INTO rollups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params_from_iter(values))?;
    Ok(())
}

fn read(bytes: &[u8]) -> Result<Sums, StoreError> {
    let unreadable = || StoreError::Failed("stored sums can't be read; `tracellm repair rollups` makes them anew".to_owned());
    Sums::from_bytes(bytes).ok_or_else(unreadable)
}

/// Adds up every trace that matches, out of what is kept; none where that can't answer the filter.
pub(super) fn tally(connection: &Connection, filter: &Filter) -> Result<Option<Tally>, StoreError> {
    let Some(names) = Names::of(filter).filter(|names| names.only == Only::All) else { return Ok(None) };
    // The sums and the traces at both ends are of one moment.
    let reading = connection.unchecked_transaction()?;
    let Some((from, to)) = range(&reading, filter, &names)? else { return Ok(Some(Tally::new(None))) };
    let mut tally = Tally::new(Some((Timestamp::from_millis_clamped(from), Timestamp::from_millis_clamped(to - 1))));
    let width = tally.bucket().width();
    let levels: Vec<_> = names.grain().levels().iter().copied().filter(|level| width % level.width() == 0).collect();
    if levels.is_empty() {
        return Ok(None);
    }
    for part in parts(from, to, &levels) {
        match part.level {
            None => queries::each(&reading, &within(filter, part), |sample| tally.add_unnamed(sample))?,
            Some(level) => each(&reading, names.grain(), level, part, &names, "period, sums", |row| {
                tally.add_sums(Some(Timestamp::from_millis_clamped(row.get(0)?)), &read(blob(row, 1)?)?);
                Ok(())
            })?,
        }
    }
    if names.grain() == Grain::Full {
        each_name(&reading, filter, &names, (from, to), |names, traces| {
            tally.add_names(names.model_name, names.project_id, names.environment, traces);
        })?;
    } else {
        counts::each_name(&reading, filter, &names, (from, to), |by, name, traces| tally.add_name(by, name, traces))?;
    }
    Ok(Some(tally))
}

/// How many traces of a range have which names, for a filter that asks for nothing else.
pub(super) fn each_name(
    connection: &Connection,
    filter: &Filter,
    names: &Names,
    (from, to): (i64, i64),
    mut count: impl FnMut(&FacetNames, u64),
) -> Result<(), StoreError> {
    for part in parts(from, to, Grain::Full.levels()) {
        match part.level {
            None => queries::each(connection, &within(filter, part), |sample| count(&sample.into(), 1))?,
            Some(level) => {
                let columns = "model_name, project_id, environment, status, traces";
                each(connection, Grain::Full, level, part, names, columns, |row| {
                    let status = Status::from_word(text(row, 3)?).unwrap_or(Status::Success);
                    let (model_name, project_id, environment) = (text(row, 0)?, text(row, 1)?, text(row, 2)?);
                    count(&FacetNames { status, model_name, project_id, environment }, row.get::<_, i64>(4)?.unsigned_abs());
                    Ok(())
                })?;
            }
        }
    }
    Ok(())
}

/// How many traces match; none where rollups can't tell.
pub(super) fn count(connection: &Connection, filter: &Filter) -> Result<Option<u64>, StoreError> {
    let Some(names) = Names::of(filter) else { return Ok(None) };
    let reading = connection.unchecked_transaction()?;
    let (from, to) = open_range(filter);
    let mut count = 0;
    for part in parts(from, to, names.grain().levels()) {
        match part.level {
            None => count += queries::count_rows(&reading, &within(filter, part), None)?,
            Some(level) if names.only == Only::All => {
                each(&reading, names.grain(), level, part, &names, "coalesce(sum(traces), 0)", |row| {
                    count += row.get::<_, i64>(0)?.unsigned_abs();
                    Ok(())
                })?;
            }
            Some(level) => each(&reading, names.grain(), level, part, &names, "sums", |row| {
                count += names.only.of(&read(blob(row, 0)?)?);
                Ok(())
            })?,
        }
    }
    Ok(Some(count))
}

/// What the filter says, or from the first trace that matches to the last; the end is not included.
fn range(connection: &Connection, filter: &Filter, names: &Names) -> Result<Option<(i64, i64)>, StoreError> {
    let from = match filter.from {
        Some(from) => Some(from.millis()),
        None => outermost(connection, filter, names, "min")?,
    };
    let to = match filter.to {
        Some(to) => Some(to.millis()),
        None => outermost(connection, filter, names, "max")?.map(|last| last + 1),
    };
    Ok(from.zip(to).filter(|(from, to)| from < to))
}

/// When the first or the last trace with these names began: it is in the first day, of that in the first hour, and so on.
fn outermost(connection: &Connection, filter: &Filter, names: &Names, which: &str) -> Result<Option<i64>, StoreError> {
    let mut part = Part { level: None, from: i64::MIN, to: i64::MAX };
    for &level in names.grain().levels() {
        let mut found = None;
        each(connection, names.grain(), level, part, names, &format!("{which}(period)"), |row| {
            found = row.get(0)?;
            Ok(())
        })?;
        let Some(period) = found else { return Ok(None) };
        part = Part { level: Some(level), from: period, to: period + level.width() };
    }
    queries::outermost(connection, &within(filter, part), which)
}

fn each(
    connection: &Connection,
    grain: Grain,
    level: Level,
    part: Part,
    names: &Names,
    columns: &str,
    read: impl FnMut(&Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    each_of(&format!("{columns} FROM rollups"), connection, grain, level, part, names, read)
}

/// What a table that is told apart by grain, period and names has of a part: `wanted` are columns and the table.
pub(super) fn each_of(
    wanted: &str,
    connection: &Connection,
    grain: Grain,
    level: Level,
    part: Part,
    names: &Names,
    mut read: impl FnMut(&Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut sql = format!("SELECT {wanted} WHERE grain = ? AND level = ? AND period >= ? AND period < ?");
    let mut values: Vec<Value> = vec![(grain as i64).into(), (level as i64).into(), part.from.into(), part.to.into()];
    let conditions = [
        ("project_id", names.project_id),
        ("environment", names.environment),
        ("model_name", names.model_name),
        ("status", names.status.map(|status| status.as_str())),
    ];
    for (column, name) in conditions {
        if let Some(name) = name {
            sql.push_str(&format!(" AND {column} = ?"));
            values.push(name.to_owned().into());
        }
    }
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        read(row)?;
    }
    Ok(())
}

pub(super) fn text<'a>(row: &'a Row, column: usize) -> Result<&'a str, StoreError> {
    Ok(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?)
}

fn blob<'a>(row: &'a Row, column: usize) -> Result<&'a [u8], StoreError> {
    Ok(row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?)
}

/// Makes sums and counts of all days anew from their traces, as part of a transaction.
pub(super) fn build(connection: &Connection) -> Result<(), StoreError> {
    let mut from = i64::MIN;
    while let Some(day) = next_day(connection, from)? {
        repair_day(connection, day)?;
        facets::repair(connection, day_part(day))?;
        from = day + Level::Day.width();
    }
    Ok(())
}

/// The same, a transaction for each day, so that whoever writes waits for one day at most.
pub(super) fn repair(connection: &Connection) -> Result<Repaired, StoreError> {
    let (mut from, mut repaired) = (i64::MIN, Repaired::default());
    while let Some(day) = next_day(connection, from)? {
        let writing = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        for of_day in [repair_day(&writing, day)?, facets::repair(&writing, day_part(day))?] {
            repaired = Repaired { cells: repaired.cells + of_day.cells, wrong: repaired.wrong + of_day.wrong };
        }
        writing.commit()?;
        from = day + Level::Day.width();
    }
    Ok(repaired)
}

/// The first day, from one on, that has traces or sums.
fn next_day(connection: &Connection, from: i64) -> Result<Option<i64>, StoreError> {
    let first = |sql: &str, values: &[i64]| -> Result<Option<i64>, StoreError> {
        Ok(connection.prepare_cached(sql)?.query_row(params_from_iter(values), |row| row.get(0))?)
    };
    let mut days = vec![first("SELECT min(created_at) FROM traces WHERE created_at >= ?", &[from])?];
    for grain in Grain::ALL {
        for &level in grain.levels() {
            let sql = "SELECT min(period) FROM rollups WHERE grain = ? AND level = ? AND period >= ?";
            days.push(first(sql, &[grain as i64, level as i64, from])?);
        }
    }
    for (sql, values) in facets::first_periods(from) {
        days.push(first(sql, &values)?);
    }
    Ok(days.into_iter().flatten().min().map(|millis| Level::Day.period_of(millis)))
}

fn day_part(day: i64) -> Part {
    Part { level: None, from: day, to: day + Level::Day.width() }
}

fn repair_day(connection: &Connection, day: i64) -> Result<Repaired, StoreError> {
    let part = day_part(day);
    let mut fresh: HashMap<Cell, Entry> = HashMap::new();
    queries::each(connection, &within(&Filter::default(), part), |sample| {
        for cell in Cell::all_of(sample) {
            match fresh.get_mut(&cell) {
                Some(entry) => entry.add(&cell, sample),
                None => fresh.entry(cell.clone()).or_default().add(&cell, sample),
            }
        }
    })?;
    let cells = fresh.len() as u64;
    // What stands and should not is emptied.
    let mut stored: HashMap<Cell, (Vec<u8>, String)> = HashMap::new();
    for grain in Grain::ALL {
        for &level in grain.levels() {
            let columns = "period, project_id, environment, model_name, status, traces, sums, names";
            each(connection, grain, level, part, &Names::default(), columns, |row| {
                let status = Status::from_word(text(row, 4)?).map_or("", Status::as_str);
                let (project_id, environment, model_name) = (row.get(1)?, row.get(2)?, row.get(3)?);
                let cell = Cell { grain, level, period: row.get(0)?, project_id, environment, model_name, status };
                fresh.entry(cell.clone()).or_default();
                // A count that is not that of the sums is as wrong as they would be.
                let is_counted =
                    read(blob(row, 6)?).is_ok_and(|sums| row.get(5).is_ok_and(|traces: i64| sums.traces == traces.unsigned_abs()));
                stored.insert(cell, (if is_counted { blob(row, 6)?.to_vec() } else { Vec::new() }, row.get(7)?));
                Ok(())
            })?;
        }
    }
    let mut wrong = 0;
    for (cell, entry) in &mut fresh {
        let names = entry.names.write()?;
        if stored.get(cell).is_none_or(|(sums, stored)| *sums != entry.sums.to_bytes() || *stored != names) {
            write(connection, cell, &entry.sums, names)?;
            wrong += 1;
        }
    }
    Ok(Repaired { cells, wrong })
}
