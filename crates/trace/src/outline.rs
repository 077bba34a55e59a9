use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::{RepeatKind, StepKind, Trace, Why, tree::Tree, why::Times};

/// All steps of a trace, as a waterfall draws them: column by column, so that 50,000 of them are few bytes. Steps are told by their
/// position, from 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// From when the first of all began to the end of the last, in ms.
    pub length: f64,
    /// Every tool name, once.
    pub names: Vec<String>,
    /// Of each step the place of its name.
    pub name: Vec<usize>,
    pub kind: Vec<Option<StepKind>>,
    /// In ms after the first of all began.
    pub start: Vec<f64>,
    /// In ms.
    pub duration: Vec<f64>,
    /// The step that it ran under; [`None`] at the top.
    pub parent: Vec<Option<usize>>,
    pub depth: Vec<usize>,
    /// Which steps failed.
    pub failed: BTreeSet<usize>,
    /// Which the end waited for, as [`Why::critical`] has them.
    pub critical: BTreeSet<usize>,
    /// Which came again after a failure, and which though nothing had failed.
    pub retries: BTreeSet<usize>,
    pub loops: BTreeSet<usize>,
}

impl Outline {
    pub fn of(trace: &Trace) -> Self {
        let (tree, times, why) = (Tree::of(&trace.steps), Times::of(trace), Why::of(trace));
        let mut outline = Self {
            length: times.length(),
            start: times.starts().collect(),
            depth: tree.depths(),
            parent: tree.parents,
            critical: why.critical.iter().map(|(step, _)| *step).collect(),
            ..Self::default()
        };
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (position, step) in trace.steps.iter().enumerate() {
            let place = *places.entry(&step.tool_name).or_insert_with(|| {
                outline.names.push(step.tool_name.clone());
                outline.names.len() - 1
            });
            outline.name.push(place);
            outline.kind.push(step.kind);
            outline.duration.push(step.duration);
            if !step.success {
                outline.failed.insert(position);
            }
        }
        for repeat in &why.repeats {
            let marked = repeat.again();
            if matches!(repeat.kind, RepeatKind::Retry { .. }) { outline.retries.extend(marked) } else { outline.loops.extend(marked) }
        }
        outline
    }

    pub fn len(&self) -> usize {
        self.name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.name.is_empty()
    }

    pub fn name(&self, step: usize) -> &str {
        self.name.get(step).and_then(|place| self.names.get(*place)).map_or("", String::as_str)
    }

    /// Which steps have others under them.
    pub fn has_children(&self) -> Vec<bool> {
        let mut has_children = vec![false; self.len()];
        self.parent.iter().flatten().for_each(|parent| has_children[*parent] = true);
        has_children
    }

    /// The steps that are shown where some are folded: those that are under none of these.
    pub fn unfolded(&self, folded: &BTreeSet<usize>) -> Vec<bool> {
        let mut by_depth: Vec<usize> = (0..self.len()).collect();
        by_depth.sort_by_key(|step| self.depth.get(*step));
        let mut shown = vec![true; self.len()];
        for step in by_depth {
            if let Some(parent) = self.parent.get(step).copied().flatten() {
                shown[step] = shown.get(parent).copied().unwrap_or(true) && !folded.contains(&parent);
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::Outline;
    use crate::{Context, Source, StepKind, Timestamp, normalize};

    #[test]
    fn an_outline_tells_where_each_step_stands() {
        let step = |id: &str, parent: Option<&str>, name: &str, from: f64, ms: f64, success: bool| {
            json!({"step_id": id, "parent_id": parent, "tool_name": name, "kind": "tool", "timestamp": 1_700_000_000.0 + from, "duration": ms,
                "success": success, "input": {"a": 1}})
        };
        let raw = json!({"created_at": 1_700_000_000, "latency": 5000, "steps": [
            step("a", None, "agent", 0.0, 5000.0, true),
            step("b", Some("a"), "find", 1.0, 500.0, false),
            step("c", Some("a"), "find", 2.0, 500.0, true),
            step("d", Some("c"), "read", 2.0, 100.0, true),
        ]});
        let context = Context::with_id(Timestamp::MIN, "t", Source::Json);
        let outline = Outline::of(&normalize(&raw.to_string(), &context).unwrap().trace);
        assert_eq!((outline.length, outline.len()), (5000.0, 4));
        assert_eq!((outline.names.as_slice(), outline.name(2)), (["agent", "find", "read"].map(str::to_owned).as_slice(), "find"));
        assert_eq!(
            (outline.start.as_slice(), outline.depth.as_slice()),
            ([0.0, 1000.0, 2000.0, 2000.0].as_slice(), [0, 1, 1, 2].as_slice())
        );
        assert_eq!((outline.parent[3], outline.kind[0]), (Some(2), Some(StepKind::Tool)));
        assert_eq!((outline.failed.clone(), outline.retries.clone()), (BTreeSet::from([1]), BTreeSet::from([2])));
        assert!(outline.critical.contains(&0));
        assert_eq!(outline.has_children(), [true, false, true, false]);
        assert_eq!(outline.unfolded(&BTreeSet::from([2])), [true, true, true, false]);
        assert_eq!(outline.unfolded(&BTreeSet::from([0])), [true, false, false, false]);
        assert_eq!(serde_json::from_str::<Outline>(&serde_json::to_string(&outline).unwrap()).unwrap(), outline);
    }
}
