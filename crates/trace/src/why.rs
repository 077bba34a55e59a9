use std::{collections::BTreeSet, ops::Range};

use serde::{Deserialize, Serialize};

use crate::{Step, Trace, tree::Tree};

/// Calls that were made again.
mod repeats;
/// Where the time went.
mod time;
pub(crate) use time::Times;

/// Repeats that are told, the steps of each, and the steps that take longest; more than these where their steps are shown.
const REPEATS: usize = 100;
const STEPS: usize = 10;
const LONGEST: usize = 3;

/// Why a trace went as it did, as far as its steps tell. Steps are told by their position, from 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// Of the steps that failed, and under which none did, the one that ended first.
    pub first_failed: Option<FailedStep>,
    /// Calls that were made again, in the order in which they were first made.
    pub repeats: Vec<Repeat>,
    /// How many of those are not told here.
    pub more_repeats: usize,
    /// What was done in vain or once more than needed.
    pub waste: Waste,
    /// The steps on the critical path: had one of them been quicker, so had been the trace. Each with the ms that it alone adds, in order of time.
    pub critical: Vec<(usize, f64)>,
    /// From the start of the trace or of its first step to the end of the last or of the trace, in ms.
    pub length: f64,
    /// The longest stretches in which none of its innermost steps ran, the longest first.
    pub gaps: Vec<Gap>,
    /// How many steps this is about, where the trace has more.
    pub of_first: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedStep {
    pub step: usize,
    pub tool_name: String,
    pub error: Option<String>,
}

/// Several calls of a tool, or turns of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    pub kind: RepeatKind,
    pub tool_name: String,
    /// How many steps it is, of which some may not be told here.
    pub count: usize,
    pub steps: Vec<usize>,
}

impl Repeat {
    /// Its steps that would not have been needed, or were only because another failed.
    pub fn again(&self) -> impl Iterator<Item = usize> {
        let needed = if self.kind == RepeatKind::Alternation { 2 } else { 1 };
        self.steps.iter().skip(needed).copied()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RepeatKind {
    /// A call of the same tool after one failed.
    Retry { arguments: Arguments, helped: bool },
    /// The same call though it had succeeded.
    Loop,
    /// Two calls in turns, each the same as before.
    Alternation,
}

/// How the arguments of a call are to those of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arguments {
    Same,
    Other,
    /// None were recorded.
    Unknown,
}

/// Steps whose work was of no use. What ran under such a step is part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waste {
    pub steps: usize,
    /// The sum of their durations, in ms.
    pub ms: f64,
    pub tokens: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The step that ended before it, if one did.
    pub after: Option<usize>,
    /// After the start of the trace's first step or of the trace, in ms.
    pub from: f64,
    /// In ms.
    pub length: f64,
}

impl Why {
    /// Looks at the steps that a document holds.
    pub fn of(trace: &Trace) -> Self {
        let steps = &trace.steps;
        let (tree, times) = (Tree::of(steps), Times::of(trace));
        let (repeats, wasted) = repeats::of(steps);
        Self {
            first_failed: FailedStep::first(steps, &tree, &times),
            repeats,
            more_repeats: 0,
            waste: Waste::of(steps, &tree, &wasted),
            gaps: times.gaps(&tree),
            length: times.length(),
            critical: times.critical(tree),
            of_first: trace.first_steps(),
        }
    }

    /// What is needed to tell it, and to mark some steps: a trace of 50,000 steps may repeat as many.
    pub fn narrow(&mut self, shown: &Range<usize>) {
        let mut longest = self.critical.clone();
        longest.sort_by(|a, b| b.1.total_cmp(&a.1));
        longest.truncate(LONGEST);
        self.critical.retain(|of_step| longest.contains(of_step) || shown.contains(&of_step.0));
        let all = self.repeats.len();
        let mut place = 0;
        self.repeats.retain_mut(|repeat| {
            place += 1;
            let is_shown = repeat.steps.iter().any(|step| shown.contains(step));
            let mut of_repeat = 0;
            repeat.steps.retain(|step| {
                of_repeat += 1;
                of_repeat <= STEPS || shown.contains(step)
            });
            place <= REPEATS || is_shown
        });
        self.more_repeats = all - self.repeats.len();
    }
}

impl FailedStep {
    fn first(steps: &[Step], tree: &Tree, times: &Times) -> Option<Self> {
        let is_cause = |step: &usize| !steps[*step].success && tree.children[*step].iter().all(|below| steps[*below].success);
        let step = (0..steps.len()).filter(is_cause).min_by(|a, b| times.ended(*a).total_cmp(&times.ended(*b)))?;
        Some(Self { step, tool_name: steps[step].tool_name.clone(), error: steps[step].told_error() })
    }
}

impl Waste {
    fn of(steps: &[Step], tree: &Tree, wasted: &BTreeSet<usize>) -> Self {
        let tokens = |step: usize| steps[step].tokens().unwrap_or_default();
        let mut waste = Self::default();
        // Each with whether one above it is wasted, which counts it in.
        let mut open: Vec<(usize, bool)> = tree.tops().map(|step| (step, false)).collect();
        while let Some((step, is_counted)) = open.pop() {
            let is_wasted = wasted.contains(&step);
            if is_wasted && !is_counted {
                waste.steps += 1;
                waste.ms += steps[step].duration;
                // Who calls a model may repeat its usage, or leave it to the call.
                let below: i64 = tree.below(step).map(tokens).fold(0, i64::saturating_add);
                waste.tokens = waste.tokens.saturating_add(tokens(step).max(below));
            }
            open.extend(tree.children[step].iter().map(|below| (*below, is_counted || is_wasted)));
        }
        Self { ms: waste.ms.min(f64::MAX), ..waste }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Arguments, RepeatKind, Why};
    use crate::{Context, Source, Timestamp, normalize};

    const RETRY_THAT_HELPED: RepeatKind = RepeatKind::Retry { arguments: Arguments::Same, helped: true };
    const RETRY_IN_VAIN: RepeatKind = RepeatKind::Retry { arguments: Arguments::Same, helped: false };

    /// A step from one ms to another.
    fn step(name: &str, argument: i64, success: bool, from: f64, to: f64) -> Value {
        json!({
            "tool_name": name, "kind": "tool", "input": {"a": argument}, "success": success, "duration": to - from,
            "timestamp": 1_700_000_000.0 + from / 1e3, "input_tokens": 7, "output_tokens": 3,
        })
    }

    fn why(latency: f64, steps: &[Value]) -> Why {
        let raw = json!({"created_at": 1_700_000_000, "latency": latency, "steps": steps}).to_string();
        let context = Context::with_id(Timestamp::MIN, "t", Source::Json);
        Why::of(&normalize(&raw, &context).unwrap().trace)
    }

    #[track_caller]
    fn check(steps: &[Value], repeats: &[(RepeatKind, &[usize])], wasted: (usize, f64, i64)) {
        let why = why(0.0, steps);
        let found: Vec<_> = why.repeats.iter().map(|repeat| (repeat.kind, repeat.steps.as_slice())).collect();
        assert_eq!(found, repeats);
        assert_eq!((why.waste.steps, why.waste.ms, why.waste.tokens), wasted);
    }

    #[test]
    fn a_call_that_failed_and_came_again_is_a_retry() {
        let again = [step("a", 1, false, 0.0, 10.0), step("b", 1, true, 10.0, 20.0), step("a", 1, true, 20.0, 30.0)];
        check(&again, &[(RETRY_THAT_HELPED, &[0, 2])], (1, 10.0, 10));
        assert_eq!(why(0.0, &again).first_failed.unwrap().tool_name, "a");
        let vain = [step("a", 1, false, 0.0, 10.0), step("a", 1, false, 10.0, 20.0)];
        check(&vain, &[(RETRY_IN_VAIN, &[0, 1])], (2, 20.0, 20));
        let changed = [step("a", 1, false, 0.0, 10.0), step("a", 2, true, 10.0, 20.0), step("a", 3, true, 20.0, 30.0)];
        check(&changed, &[(RepeatKind::Retry { arguments: Arguments::Other, helped: true }, &[0, 1])], (1, 10.0, 10));
    }

    #[test]
    fn arguments_that_nobody_recorded_may_be_any() {
        let mut steps = [step("a", 1, false, 0.0, 10.0), step("a", 1, true, 10.0, 20.0)];
        steps.iter_mut().for_each(|step| step["input"] = json!({}));
        check(&steps, &[(RepeatKind::Retry { arguments: Arguments::Unknown, helped: true }, &[0, 1])], (1, 10.0, 10));
    }

    #[test]
    fn the_first_to_fail_is_the_innermost_that_ended_first() {
        let mut steps = [step("agent", 1, false, 0.0, 100.0), step("late", 1, false, 10.0, 90.0), step("early", 1, false, 20.0, 30.0)];
        steps[0]["step_id"] = "agent".into();
        steps[1]["parent_id"] = "agent".into();
        steps[2]["parent_id"] = "agent".into();
        assert_eq!(why(100.0, &steps).first_failed.unwrap().tool_name, "early");
        steps[2]["success"] = true.into();
        assert_eq!(why(100.0, &steps).first_failed.unwrap().tool_name, "late");
    }

    #[test]
    fn only_what_is_told_or_shown_is_kept() {
        let steps: Vec<_> =
            (0..600).map(|n| step(&format!("t{}", n % 300), 1, true, f64::from(n) * 10.0, f64::from(n) * 10.0 + 9.0)).collect();
        let mut why = why(6_000.0, &steps);
        assert_eq!((why.repeats.len(), why.critical.len()), (300, 600));
        why.narrow(&(250..260));
        assert_eq!((why.repeats.len(), why.more_repeats), (110, 190));
        assert_eq!(why.critical.len(), 13, "three that take longest, and those that are shown");
        let turns: Vec<_> = (0..100).map(|n| step("same", 1, true, f64::from(n) * 10.0, f64::from(n) * 10.0 + 9.0)).collect();
        let mut why = super::tests::why(1_000.0, &turns);
        why.narrow(&(50..52));
        assert_eq!((why.repeats[0].count, why.repeats[0].steps.len()), (100, 12));
    }

    #[test]
    fn a_deep_chain_is_looked_at_in_no_time() {
        let chain = |n: i64| {
            let mut step = step("a", n, n % 2 == 0, 0.0, 10.0);
            (step["step_id"], step["parent_id"]) = (n.to_string().into(), (n - 1).to_string().into());
            step
        };
        let steps: Vec<_> = (0..20_000).map(chain).collect();
        assert_eq!(why(10.0, &steps).critical.len(), 20_000);
    }

    #[test]
    fn what_ran_beside_a_failure_is_no_retry() {
        check(&[step("a", 1, false, 0.0, 10.0), step("a", 2, true, 5.0, 15.0)], &[], (0, 0.0, 0));
    }

    #[test]
    fn the_same_call_again_is_a_loop_and_two_in_turns_are_told_together() {
        let same = [step("a", 1, true, 0.0, 10.0), step("a", 1, true, 10.0, 20.0), step("a", 2, true, 20.0, 30.0)];
        check(&same, &[(RepeatKind::Loop, &[0, 1])], (1, 10.0, 10));
        let turns =
            [step("a", 1, true, 0.0, 10.0), step("b", 1, true, 10.0, 20.0), step("a", 1, true, 20.0, 30.0), step("b", 1, true, 30.0, 40.0)];
        check(&turns, &[(RepeatKind::Alternation, &[0, 1, 2, 3])], (2, 20.0, 20));
        let unsaid = [json!({"tool_name": "a"}), json!({"tool_name": "a"})];
        check(&unsaid, &[], (0, 0.0, 0));
    }

    #[test]
    fn what_ran_under_a_wasted_step_counts_once() {
        let mut steps = vec![
            step("a", 1, false, 0.0, 10.0),
            step("b", 1, false, 2.0, 8.0),
            step("b", 1, false, 8.0, 9.0),
            step("a", 1, true, 10.0, 20.0),
        ];
        for (step, id) in steps.iter_mut().zip(["one", "two", "three", "four"]) {
            step["step_id"] = id.into();
        }
        steps[1]["parent_id"] = "one".into();
        steps[2]["parent_id"] = "one".into();
        check(&steps, &[(RETRY_THAT_HELPED, &[0, 3]), (RETRY_IN_VAIN, &[1, 2])], (1, 10.0, 20));
    }

    #[test]
    fn the_critical_path_is_what_the_end_waited_for() {
        // b and c run side by side; c ends later, and d waits for it. The last 10 ms belong to no step.
        let steps =
            [step("a", 1, true, 0.0, 20.0), step("b", 1, true, 20.0, 40.0), step("c", 1, true, 20.0, 60.0), step("d", 1, true, 80.0, 90.0)];
        let found = why(100.0, &steps);
        assert_eq!(found.critical, [(0, 20.0), (2, 40.0), (3, 10.0)]);
        let gaps: Vec<_> = found.gaps.iter().map(|gap| (gap.after, gap.from, gap.length)).collect();
        assert_eq!(gaps, [(Some(2), 60.0, 20.0), (Some(3), 90.0, 10.0)]);
    }

    #[test]
    fn a_step_adds_what_no_step_under_it_does() {
        let mut steps = [step("a", 1, true, 0.0, 100.0), step("b", 1, true, 10.0, 40.0)];
        steps[0]["step_id"] = "one".into();
        steps[1]["parent_id"] = "one".into();
        assert_eq!(why(100.0, &steps).critical, [(0, 70.0), (1, 30.0)]);
    }

    #[test]
    fn steps_in_a_circle_harm_nothing() {
        let mut steps = [step("a", 1, false, 0.0, 10.0), step("b", 1, true, 0.0, 10.0), step("c", 1, true, 0.0, 10.0)];
        for (step, (id, parent)) in steps.iter_mut().zip([("one", "two"), ("two", "three"), ("three", "two")]) {
            (step["step_id"], step["parent_id"]) = (id.into(), parent.into());
        }
        assert_eq!(why(10.0, &steps).critical.len(), 3);
    }
}
