use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Arguments, Repeat, RepeatKind};
use crate::{Step, StepKind, Timestamp};

/// So many calls in turns are told as such: A, B, A, B.
const TURNS: usize = 4;

/// Calls that were made again, and the steps among them whose work was of no use.
pub(super) fn of(steps: &[Step]) -> (Vec<Repeat>, BTreeSet<usize>) {
    let calls = calls(steps);
    let mut wasted = BTreeSet::new();
    let mut repeats = retries(steps, &calls);
    for retry in &repeats {
        let helped = matches!(retry.kind, RepeatKind::Retry { helped: true, .. });
        wasted.extend(retry.steps.iter().take(retry.steps.len() - usize::from(helped)));
    }
    let turns = alternations(steps, &calls);
    let in_turns: BTreeSet<usize> = turns.iter().flat_map(|turns| turns.steps.iter().copied()).collect();
    for same in successes(steps, &calls) {
        wasted.extend(&same[1..]);
        if !same.iter().all(|step| in_turns.contains(step)) {
            repeats.push(repeat(steps, RepeatKind::Loop, same));
        }
    }
    repeats.extend(turns);
    repeats.sort_by(|a, b| a.steps.cmp(&b.steps));
    (repeats, wasted)
}

fn repeat(steps: &[Step], kind: RepeatKind, positions: Vec<usize>) -> Repeat {
    let tool_name = positions.first().map(|first| steps[*first].tool_name.clone()).unwrap_or_default();
    Repeat { kind, tool_name, count: positions.len(), steps: positions }
}

/// Which call each step is, as a number.
fn calls(steps: &[Step]) -> Vec<usize> {
    let mut numbers = HashMap::new();
    let call = |step| {
        let next = numbers.len();
        *numbers.entry(Step::call(step)).or_insert(next)
    };
    steps.iter().map(call).collect()
}

/// Calls that failed, each with the calls of the same tool that came after, up to the first that did not fail.
fn retries(steps: &[Step], calls: &[usize]) -> Vec<Repeat> {
    let mut of_tool: BTreeMap<&str, BTreeSet<(Timestamp, usize)>> = BTreeMap::new();
    for (position, step) in steps.iter().enumerate() {
        of_tool.entry(&step.tool_name).or_default().insert((step.timestamp, position));
    }
    let mut found = Vec::new();
    for mut left in of_tool.into_values() {
        while let Some((_, first)) = left.pop_first() {
            let mut tried = vec![first];
            let mut last = first;
            // What began before the failure was known is no answer to it.
            while !steps[last].success
                && let Some(next) = left.range((steps[last].timestamp.plus(steps[last].duration), 0)..).next().copied()
            {
                left.remove(&next);
                last = next.1;
                tried.push(last);
            }
            if tried.len() > 1 {
                let helped = steps[last].success;
                let is_same = tried.iter().all(|step| calls[*step] == calls[first]);
                let arguments = match is_same {
                    true if steps[first].input.is_empty() => Arguments::Unknown,
                    true => Arguments::Same,
                    false => Arguments::Other,
                };
                found.push(repeat(steps, RepeatKind::Retry { arguments, helped }, tried));
            }
        }
    }
    found
}

/// Calls with arguments that succeeded more than once.
fn successes(steps: &[Step], calls: &[usize]) -> Vec<Vec<usize>> {
    let mut same: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (position, _) in steps.iter().enumerate().filter(|(_, step)| step.success && !step.input.is_empty()) {
        same.entry(calls[position]).or_default().push(position);
    }
    same.into_values().filter(|positions| positions.len() > 1).collect()
}

/// Two calls in turns. The model calls between them, which decide so, are left out.
fn alternations(steps: &[Step], calls: &[usize]) -> Vec<Repeat> {
    let is_call = |step: &Step| !step.input.is_empty() && !matches!(step.kind, Some(StepKind::Llm | StepKind::Agent | StepKind::Chain));
    let positions: Vec<usize> = (0..steps.len()).filter(|step| is_call(&steps[*step])).collect();
    let call = |place: usize| calls[positions[place]];
    let mut found = Vec::new();
    let mut first = 0;
    while first + TURNS <= positions.len() {
        let mut end = first + 2;
        while call(first) != call(first + 1) && end < positions.len() && call(end) == call(end - 2) {
            end += 1;
        }
        if end - first >= TURNS {
            found.push(repeat(steps, RepeatKind::Alternation, positions[first..end].to_vec()));
            first = end;
        } else {
            first += 1;
        }
    }
    found
}
