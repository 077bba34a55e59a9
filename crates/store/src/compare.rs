use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::Hash,
    time::{Duration, Instant},
};

use similar::{Algorithm, ChangeTag, DiffTag, TextDiff, capture_diff_slices_deadline};
use tracellm_trace::{Change, Diff, Filter, Pairing, Piece, Query, Search, Side, Status, Step, StepPair, StepRow, Trace, TraceSummary};

use crate::{StoreError, TraceKey, TraceStore, whole::apart};

/// After so long texts and steps are compared less finely.
const PATIENCE: Duration = Duration::from_millis(200);

/// Words of a prompt by which others of the same prompt are sought.
const SOUGHT: usize = 8;
/// Of so many, the newest, the median is chosen.
const CANDIDATES: u32 = 200;
/// Of prompts that a row has not whole, so many are read.
const READ: usize = 20;
/// Bytes of an id that is one, and ways to read a pair of them that are tried.
const LONGEST_ID: usize = 512;
const READINGS: usize = 16;

/// Of the traces of the same project that were asked the same and succeeded, the one with the median latency. None where a search finds none.
///
/// # Errors
/// The database does not answer.
async fn counterpart(store: &dyn TraceStore, trace: &Trace) -> Result<Option<TraceKey>, StoreError> {
    let words: Vec<_> = trace.prompt.split_whitespace().take(SOUGHT).map(|word| word.replace('"', " ")).collect();
    let Ok(search) = Search::parse(&format!("\"{}\"", words.join(" "))) else { return Ok(None) };
    let (project_id, prompt) = (trace.project_id.clone(), TraceSummary::preview(&trace.prompt));
    let filter = Filter { project_id: Some(project_id), status: Some(Status::Success), q: Some(search), ..Filter::default() };
    let (mut rows, _) = store.rows(&Query { filter, limit: CANDIDATES, ..Query::default() }).await?;
    rows.retain(|row| row.prompt == prompt && row.trace_id != trace.trace_id);
    let mut asked_the_same = Vec::new();
    // Rows have the beginning of a prompt; what of a long one follows may differ.
    let most = if TraceSummary::is_cut(&prompt) { READ } else { rows.len() };
    for row in rows.into_iter().take(most) {
        let is_same = !TraceSummary::is_cut(&prompt)
            || store.document(Some(&row.project_id), &row.trace_id).await?.is_some_and(|other| other.prompt == trace.prompt);
        asked_the_same.extend(is_same.then_some(row));
    }
    asked_the_same.sort_by(|a, b| a.latency.total_cmp(&b.latency));
    let median = asked_the_same.len().checked_sub(1).map(|last| asked_the_same.swap_remove(last / 2));
    Ok(median.map(|row| TraceKey { project_id: row.project_id, trace_id: row.trace_id }))
}

/// The two traces that `left..right` names; of a pair that names one, that one, with a counterpart where there is one. An id may have dots,
/// too: the first way to read a pair that names two traces is meant. None where there are no such traces.
///
/// # Errors
/// The database does not answer.
pub async fn find(
    store: &dyn TraceStore,
    pair: &str,
    left_project: Option<&str>,
    right_project: Option<&str>,
) -> Result<Option<(Trace, Option<Trace>)>, StoreError> {
    for (left, right) in sides(pair) {
        if let Some(left) = store.document(left_project, left).await?
            && let Some(right) = store.document(right_project, right).await?
        {
            return Ok(Some((left, Some(right))));
        }
    }
    let Some(left) = store.document(left_project, pair).await? else { return Ok(None) };
    let right = match counterpart(store, &left).await? {
        Some(key) => store.document(Some(&key.project_id), &key.trace_id).await?,
        None => None,
    };
    Ok(Some((left, right)))
}

/// The ways to read a pair, as far as they name ids.
fn sides(pair: &str) -> impl Iterator<Item = (&str, &str)> {
    let dots = pair.as_bytes().windows(2).enumerate().filter(|(_, bytes)| *bytes == b"..");
    let sides = dots.map(|(at, _)| (&pair[..at], &pair[at + 2..]));
    let is_id = |id: &str| !id.is_empty() && id.len() <= LONGEST_ID;
    sides.filter(move |(left, right)| is_id(left) && is_id(right)).take(READINGS)
}

/// How one trace differs from another, as far as their documents hold their steps.
///
/// # Errors
/// The comparison broke off, which nobody knows a reason for.
pub async fn compare(left: Trace, right: Trace) -> Result<Diff, StoreError> {
    apart(move || diff(&left, &right)).await
}

fn diff(left: &Trace, right: &Trace) -> Diff {
    let response = |trace: &Trace| trace.response.clone().unwrap_or_default();
    let pairs = steps(&left.steps, &right.steps);
    let mut counts = BTreeMap::new();
    pairs.iter().for_each(|pair| *counts.entry(pair.pairing).or_default() += 1);
    let (steps, more) = StepRow::of(pairs);
    Diff {
        prompt: texts(&left.prompt, &right.prompt),
        response: texts(&response(left), &response(right)),
        steps,
        counts,
        more,
        of_first: left.first_steps().or(right.first_steps()),
    }
}

/// Word by word; none where both are the same.
fn texts(left: &str, right: &str) -> Option<Vec<Piece>> {
    if left == right {
        return None;
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for part in TextDiff::configure().timeout(PATIENCE).diff_unicode_words(left, right).iter_all_changes() {
        let change = match part.tag() {
            ChangeTag::Equal => Change::Same,
            ChangeTag::Delete => Change::OnlyLeft,
            ChangeTag::Insert => Change::OnlyRight,
        };
        match pieces.last_mut().filter(|last| last.change == change) {
            Some(last) => last.text.push_str(part.value()),
            None => pieces.push(Piece { change, text: part.value().to_owned() }),
        }
    }
    Some(pieces)
}

/// Where something stands on the left and on the right.
type Places = (Option<usize>, Option<usize>);

/// Aligns what is the same call; between those, what is the same tool; and of the rest what is the same call at another place.
fn steps(left: &[Step], right: &[Step]) -> Vec<StepPair> {
    let (left_calls, right_calls) = (calls(left), calls(right));
    let mut pairs: Vec<(Pairing, Places)> = Vec::new();
    let mut gap = (Vec::new(), Vec::new());
    for places in aligned(&left_calls, &right_calls).into_iter().map(Some).chain([None]) {
        match places {
            Some((left, right)) if left.is_none() || right.is_none() => {
                gap.0.extend(left);
                gap.1.extend(right);
            }
            end => {
                pairs.extend(of_tools(left, right, std::mem::take(&mut gap)));
                pairs.extend(end.map(|both| (Pairing::Same, both)));
            }
        }
    }
    let mut only_left: HashMap<_, VecDeque<usize>> = HashMap::new();
    for (index, (_, places)) in pairs.iter().enumerate() {
        if let (Some(step), None) = places {
            only_left.entry(&left_calls[*step]).or_default().push_back(index);
        }
    }
    let mut moved = vec![false; pairs.len()];
    for index in 0..pairs.len() {
        if let (None, Some(step)) = pairs[index].1
            && let Some(from) = only_left.get_mut(&right_calls[step]).and_then(VecDeque::pop_front)
        {
            moved[from] = true;
            pairs[index] = (Pairing::Moved, (pairs[from].1.0, Some(step)));
        }
    }
    let left_behind = pairs.into_iter().zip(moved).filter(|(_, moved)| !moved);
    let pair = |((pairing, places), _): ((Pairing, Places), bool)| StepPair {
        pairing,
        left: places.0.map(|place| side(left, place)),
        right: places.1.map(|place| side(right, place)),
    };
    left_behind.map(pair).collect()
}

fn calls(steps: &[Step]) -> Vec<(&str, String)> {
    steps.iter().map(Step::call).collect()
}

/// What stands between calls that both have.
fn of_tools(left: &[Step], right: &[Step], (lefts, rights): (Vec<usize>, Vec<usize>)) -> Vec<(Pairing, Places)> {
    let names = |steps: &[Step], places: &[usize]| places.iter().map(|place| steps[*place].tool_name.clone()).collect::<Vec<_>>();
    let pair = |(left, right): Places| {
        let pairing = match (left, right) {
            (Some(_), Some(_)) => Pairing::Changed,
            (Some(_), None) => Pairing::OnlyLeft,
            (None, _) => Pairing::OnlyRight,
        };
        (pairing, (left.map(|place| lefts[place]), right.map(|place| rights[place])))
    };
    aligned(&names(left, &lefts), &names(right, &rights)).into_iter().map(pair).collect()
}

/// The longest common sequence of two; what only one has stands between.
fn aligned<T: Hash + Ord>(left: &[T], right: &[T]) -> Vec<Places> {
    let parts = capture_diff_slices_deadline(Algorithm::Myers, left, right, Some(Instant::now() + PATIENCE));
    let places = parts.into_iter().flat_map(|part| -> Vec<Places> {
        let (tag, lefts, rights) = part.as_tag_tuple();
        match tag {
            DiffTag::Equal => lefts.zip(rights).map(|(left, right)| (Some(left), Some(right))).collect(),
            _ => lefts.map(|left| (Some(left), None)).chain(rights.map(|right| (None, Some(right)))).collect(),
        }
    });
    places.collect()
}

fn side(steps: &[Step], place: usize) -> Side {
    let step = &steps[place];
    Side {
        step: place,
        tool_name: step.tool_name.clone(),
        kind: step.kind,
        success: step.success,
        duration: step.duration,
        tokens: step.tokens(),
        error: step.told_error(),
    }
}

#[cfg(test)]
mod tests {
    use tracellm_trace::{Change, Context, Pairing, Source, StepRow, Timestamp, Trace, normalize};

    use super::diff;

    /// A trace of steps, each a letter for its tool and a digit for its argument.
    fn trace(prompt: &str, steps: &str) -> Trace {
        let step = |step: &str| serde_json::json!({"tool_name": step[..1], "input": {"a": step[1..]}, "duration": 1});
        let steps: Vec<_> = steps.split_whitespace().map(step).collect();
        let context = Context::with_id(Timestamp::MIN, "t", Source::Json);
        normalize(&serde_json::json!({"prompt": prompt, "steps": steps}).to_string(), &context).unwrap().trace
    }

    #[track_caller]
    fn check(left: &str, right: &str, pairs: &str) {
        let mark = |pairing| match pairing {
            Pairing::Same => '=',
            Pairing::Changed => '~',
            Pairing::Moved => '^',
            Pairing::OnlyLeft => '-',
            Pairing::OnlyRight => '+',
        };
        let found = super::steps(&trace("", left).steps, &trace("", right).steps);
        let place = |side: &Option<tracellm_trace::Side>| side.as_ref().map(|side| side.step.to_string()).unwrap_or_default();
        let found = found.iter().map(|pair| format!("{}{}{}", place(&pair.left), mark(pair.pairing), place(&pair.right)));
        assert_eq!(found.collect::<Vec<_>>().join(" "), pairs, "{left} | {right}");
    }

    #[test]
    fn steps_are_aligned_by_call_then_by_tool() {
        check("", "", "");
        check("a1 b1 c1", "a1 b1 c1", "0=0 1=1 2=2");
        check("a1 b1 c1", "a1 b2 c1", "0=0 1~1 2=2");
        check("a1 b1 c1", "a1 c1 d1", "0=0 1- 2=1 +2");
        check("a1 b1 c1", "b1 c1 a1", "1=0 2=1 0^2");
        check("a1", "b1", "0- +0");
        check("a1 a1", "a1", "0=0 1-");
    }

    #[test]
    fn what_is_the_same_for_long_is_told_in_a_row() {
        let same: String = (0..50).map(|n| format!("a{n} ")).collect();
        let found = diff(&trace("", &format!("{same} b1")), &trace("", &format!("{same} b2 c1")));
        let rows = found.steps.iter().map(|row| match row {
            StepRow::Same(count) => format!("{count} same"),
            StepRow::Pair(pair) => format!("{:?}", pair.pairing),
        });
        assert_eq!(rows.collect::<Vec<_>>(), ["47 same", "Same", "Same", "Same", "Changed", "OnlyRight"]);
        assert_eq!((found.counts[&Pairing::Same], found.counts[&Pairing::Changed], found.more), (50, 1, 0));
        let (rows, more) = StepRow::of(super::steps(&[], &trace("", &"a1 ".repeat(1_200)).steps));
        assert_eq!((rows.len(), more), (1_000, 200));
    }

    #[test]
    fn a_pair_may_be_read_in_several_ways() {
        let sides = |pair: &str| super::sides(pair).map(|(left, right)| format!("{left} {right}")).collect::<Vec<_>>();
        assert_eq!(sides("a..b"), ["a b"]);
        assert_eq!(sides("a...b"), ["a .b", "a. b"]);
        assert_eq!(sides("ü..ö"), ["ü ö"]);
        assert!(sides("..b").is_empty() && sides("a..").is_empty() && sides("a").is_empty());
        assert_eq!(sides(&".".repeat(2_000)).len(), 0);
        assert_eq!(sides(&".".repeat(200)).len(), 16);
    }

    #[test]
    fn texts_are_compared_word_by_word() {
        let diff = diff(&trace("Where is order 100?", ""), &trace("Where is parcel 100?", ""));
        let pieces = diff.prompt.unwrap().into_iter().map(|piece| (piece.change, piece.text)).collect::<Vec<_>>();
        let piece = |change, text: &str| (change, text.to_owned());
        let expected = [
            piece(Change::Same, "Where is "),
            piece(Change::OnlyLeft, "order"),
            piece(Change::OnlyRight, "parcel"),
            piece(Change::Same, " 100?"),
        ];
        assert_eq!((pieces.as_slice(), diff.response), (expected.as_slice(), None));
    }
}
