use std::{ops::Range, time::Instant};

use futures_util::{future::try_join_all, try_join};
use mongodb::{Database, bson::Document};
use tracellm_trace::{Coverage, FacetBy, FacetTally, Filter, Timestamp, stats::Tally};

use super::{
    TRACES,
    marking::Marked,
    marks::{self, UNINDEXED, UNSUMMED},
    queries::counted,
    roller,
    rollups::{self, Period, Stored, StoredLabel},
    search::Ground,
    stretches::{Cover, Stretch, Touched},
    tally::Rows,
};
use crate::{
    StoreError,
    patience::patience,
    rollups::{Grain, Level, Names, Only, Part, open_range, parts_but, within},
};

/// Documents of others that nobody has marked yet and are looked at; of more, everything is added up.
const MOST_FOREIGN: i64 = 2_000;
/// Stretches that are added up one by one; of more, all that lies between them is, too.
const MOST_APART: usize = 8;

/// Which sums are right.
pub(super) struct Kept<'a> {
    marked: Marked<'a>,
    database: &'a Database,
    /// Where they are not.
    dirty: Cover,
    is_undated_dirty: bool,
    /// Until then nobody adds up what was not marked before.
    until: Instant,
}

impl<'a> Kept<'a> {
    /// None where sums can't tell.
    pub async fn of(marked: Marked<'a>) -> Result<Option<Self>, StoreError> {
        Self::but(marked, UNSUMMED).await
    }

    /// What the search index knows; none where it can't tell.
    pub async fn of_index(marked: Marked<'a>) -> Result<Option<Self>, StoreError> {
        Self::but(marked, UNINDEXED).await
    }

    /// All but what the marks of a collection name.
    async fn but(marked: Marked<'a>, name: &str) -> Result<Option<Self>, StoreError> {
        let Marked { database, marks, .. } = marked;
        let until = Instant::now() + marks.holds;
        // First, as what others inserted is marked before it is known here.
        let Some(state) = roller::State::read(database).await? else { return Ok(None) };
        let unsummed = async { if name == UNSUMMED { Ok(Vec::new()) } else { marks::read(database, UNSUMMED).await } };
        let foreign = roller::foreign(database, state.foreign, MOST_FOREIGN);
        let (marks, unsummed, foreign) = try_join!(marks::read(database, name), unsummed, foreign)?;
        if foreign.len() >= MOST_FOREIGN as usize {
            return Ok(None);
        }
        let foreign = Touched::by(foreign.into_iter().map(|(_, moment)| moment)).unsummed;
        let of_earlier = unsummed.iter().filter(|mark| !mark.index_is_marked).map(|mark| mark.stretch);
        let stretches: Vec<Stretch> = marks.into_iter().map(|mark| mark.stretch).chain(foreign).chain(of_earlier).collect();
        // Only sums tell whether there is something without a time.
        let of_sums = unsummed.iter().map(|mark| &mark.stretch);
        let is_undated_dirty = stretches.iter().chain(of_sums).any(|stretch| *stretch == Stretch::UNDATED);
        let dirty = Cover::of(stretches);
        Ok(Some(Self { marked, database, dirty, is_undated_dirty, until }))
    }

    /// A range as stretches that are told, and such that are not.
    pub fn stretches(&self, from: i64, to: i64) -> Vec<(Range<i64>, bool)> {
        let is_told = |part: &Part| self.dirty.within(&(part.from..part.to)).is_empty();
        self.parts((from, to), &[]).into_iter().map(|part| (part.from..part.to, is_told(&part))).collect()
    }

    /// Whether everything that a filter matches has a time.
    pub async fn is_dated(&self, filter: &Filter) -> Result<bool, StoreError> {
        Ok(self.undated(filter).await?.is_some_and(|cells| cells.is_empty()))
    }

    /// Whether what was read may still stand.
    fn is_sure(&self) -> bool {
        Instant::now() < self.until
    }

    /// Whether what is read now will be sure, unless that takes long.
    pub fn holds_for_long(&self) -> bool {
        Instant::now() + self.marked.marks.holds / 2 < self.until
    }

    /// Whether it is sure, for those who can't do without.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.is_sure() { Ok(()) } else { Err(StoreError::Unavailable("the database takes too long to search".to_owned())) }
    }

    fn parts(&self, (from, to): (i64, i64), levels: &[Level]) -> Vec<Part> {
        match self.dirty.within(&(from..to)) {
            many @ [first, .., last] if many.len() > MOST_APART => {
                parts_but(from, to, levels, std::slice::from_ref(&(first.start..last.end)))
            }
            dirty => parts_but(from, to, levels, dirty),
        }
    }

    /// The sums of some parts; none where they can't tell.
    async fn read(&self, parts: &[Part], grain: Grain, wanted: Document) -> Result<Option<Vec<Period>>, StoreError> {
        let reads = parts.iter().filter_map(|part| {
            let level = part.level?;
            Some(rollups::read(self.database, (grain, level), part.from..part.to, Some(wanted.clone())))
        });
        let periods: Vec<Period> = try_join_all(reads).await?.into_iter().flatten().collect();
        Ok(Some(periods).filter(|periods| self.is_sure() && periods.iter().all(|period| period.cells.is_some())))
    }

    /// Adds up what a filter of names matches; none where sums can't tell.
    pub async fn tally(&self, filter: &Filter, names: &Names<'_>, range: (Timestamp, Timestamp)) -> Result<Option<Tally>, StoreError> {
        let mut tally = Tally::new(Some(range));
        let bounds = (range.0.millis(), range.1.millis() + 1);
        let bucket = tally.bucket();
        let grain = names.grain();
        let levels: Vec<_> = rollups::levels(grain).iter().copied().filter(|level| bucket.width() % level.width() == 0).collect();
        if levels.is_empty() {
            return Ok(None);
        }
        // Names are kept of longer periods than a chart may need.
        let (parts, named) = (self.parts(bounds, &levels), self.parts(bounds, rollups::levels(grain)));
        let sums = self.read(&parts, grain, of_names_and("cells.sums"));
        let counts = self.read(&named, grain, if grain == Grain::Full { of_names() } else { of_names_and("cells.names") });
        let traces = &self.database.collection(TRACES);
        let live = try_join_all(live(&parts).map(|part| async move { Rows::read(traces, &within(filter, part), bucket).await }));
        let undated = self.undated(filter);
        let (Some(sums), Some(counts), live, Some(undated)) = try_join!(sums, counts, live, undated)? else { return Ok(None) };
        for period in &sums {
            for cell in cells_of(period, names) {
                tally.add_sums(Some(Timestamp::from_millis_clamped(period.period)), &cell.sums()?);
            }
        }
        for cell in counts.iter().flat_map(|period| cells_of(period, names)) {
            if grain == Grain::Full {
                tally.add_names(&cell.model_name, &cell.project_id, &cell.environment, cell.traces.unsigned_abs());
            }
            cell.names.iter().for_each(|name| tally.add_name(name.by, &name.value, name.traces.unsigned_abs()));
        }
        for cell in undated.iter().filter(|cell| cell.is_of(names)) {
            tally.add_sums(None, &cell.sums()?);
            tally.add_names(&cell.model_name, &cell.project_id, &cell.environment, cell.traces.unsigned_abs());
        }
        live.iter().for_each(|rows| rows.add_to(&mut tally));
        Ok(Some(tally))
    }

    /// The sums of what has no time, where the filter does not ask for one; none where they can't tell.
    async fn undated(&self, filter: &Filter) -> Result<Option<Vec<Stored>>, StoreError> {
        if self.is_undated_dirty {
            return Ok(None);
        }
        let Some(cells) = rollups::undated(self.database).await? else { return Ok(None) };
        // Something of the first moment has no time and is in a range all the same.
        let is_open = filter.from.is_none() && filter.to.is_none();
        let is_told = is_open || cells.is_empty() || filter.from.is_some_and(|from| from > Timestamp::MIN);
        Ok(is_told.then_some(if is_open { cells } else { Vec::new() }))
    }

    /// How many match; none where sums can't tell.
    pub async fn count(&self, filter: &Filter, names: &Names<'_>) -> Result<Option<u64>, StoreError> {
        // Sums by all names are many.
        let single = names.single();
        let told = single.as_ref().map_or(names, |(.., rest)| rest);
        let parts = self.parts(open_range(filter), rollups::levels(told.grain()));
        let wanted = match &single {
            Some(_) => of_names_and("cells.names"),
            None if names.only == Only::All => of_names(),
            None => of_names_and("cells.sums"),
        };
        let live = live(&parts)
            .map(|part| async move { Ok::<_, StoreError>(counted(self.marked, &within(filter, part), None, patience()).await?) });
        let (Some(periods), live, Some(undated)) =
            try_join!(self.read(&parts, told.grain(), wanted), try_join_all(live), self.undated(filter))?
        else {
            return Ok(None);
        };
        let mut count: u64 = live.iter().sum();
        for cell in periods.iter().flat_map(|period| cells_of(period, told)) {
            count += match single {
                Some((by, name, _)) => {
                    let same = cell.names.iter().filter(|other| other.by == by && other.value == name);
                    same.map(|same| same.traces.unsigned_abs()).sum()
                }
                None => only(cell, names)?,
            };
        }
        for cell in undated.iter().filter(|cell| cell.is_of(names)) {
            count += only(cell, names)?;
        }
        Ok(Some(count))
    }

    /// Counts the values of what matches a filter of names; `rest` is the same without them.
    pub async fn facets(&self, wanted: &Names<'_>, rest: &Filter, tally: &mut FacetTally) -> Result<bool, StoreError> {
        let bounds = open_range(rest);
        let grain = wanted.grain();
        let (crossed, any) = (self.parts(bounds, rollups::levels(Grain::Full)), self.parts(bounds, rollups::levels(Grain::All)));
        let of_wanted = self.parts(bounds, rollups::levels(grain));
        let others = async {
            // What else there is beside a name, sums of that name don't tell.
            match grain {
                Grain::All => Ok(Some(Vec::new())),
                Grain::Project => self.read(&any, Grain::All, of_names_and("cells.names")).await,
                Grain::Full => self.read(&crossed, Grain::Full, of_names()).await,
            }
        };
        let mut counted = of_names_and("cells.labels");
        counted.insert("cells.names", 1);
        let (Some(others), Some(counted), Some(undated)) = try_join!(others, self.read(&of_wanted, grain, counted), self.undated(rest))?
        else {
            return Ok(false);
        };
        let others = others.iter().flat_map(|period| period.cells.iter().flatten());
        let is_by_project = |name: &&StoredLabel| name.by == FacetBy::Project;
        for cell in others {
            if grain == Grain::Full {
                tally.add(&cell.names(), cell.traces.unsigned_abs());
            }
            cell.names.iter().filter(is_by_project).for_each(|name| tally.count(name.by, &name.value, name.traces.unsigned_abs()));
        }
        undated.iter().for_each(|cell| tally.add(&cell.names(), cell.traces.unsigned_abs()));
        for cell in counted.iter().flat_map(|period| cells_of(period, wanted)).chain(undated.iter().filter(|cell| cell.is_of(wanted))) {
            let names = cell.names.iter().filter(|name| grain == Grain::All || !is_by_project(name));
            names.chain(&cell.labels).for_each(|label| tally.count(label.by, &label.value, label.traces.unsigned_abs()));
        }
        let mut stopped: Option<Coverage> = None;
        for part in live(&of_wanted).collect::<Vec<_>>().into_iter().rev() {
            Ground { marked: self.marked, filter: &within(rest, part), search: None }.facets(tally).await?;
            stopped = stopped.or(tally.coverage.take());
        }
        tally.coverage = stopped;
        Ok(true)
    }
}

/// How many of a cell are asked for.
fn only(cell: &Stored, names: &Names) -> Result<u64, StoreError> {
    Ok(if names.only == Only::All { cell.traces.unsigned_abs() } else { names.only.of(&cell.sums()?) })
}

/// The parts that no sums tell.
fn live(parts: &[Part]) -> impl DoubleEndedIterator<Item = Part> {
    parts.iter().copied().filter(|part| part.level.is_none())
}

fn of_names() -> Document {
    let names = ["project_id", "environment", "model_name", "status", "traces"];
    names.into_iter().map(|name| (format!("cells.{name}"), 1.into())).chain([("period".to_owned(), 1.into())]).collect()
}

fn of_names_and(field: &str) -> Document {
    let mut wanted = of_names();
    wanted.insert(field, 1);
    wanted
}

fn cells_of<'p>(period: &'p Period, names: &'p Names) -> impl Iterator<Item = &'p Stored> {
    period.cells.iter().flatten().filter(|cell| cell.is_of(names))
}
