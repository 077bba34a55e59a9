use std::collections::HashMap;

use crate::Step;

/// Which step ran under which.
pub(crate) struct Tree {
    pub parents: Vec<Option<usize>>,
    pub children: Vec<Vec<usize>>,
}

impl Tree {
    /// A step whose parent is not there stands at the top; where steps run under each other in a circle, one of them does.
    pub fn of(steps: &[Step]) -> Self {
        let mut by_id = HashMap::new();
        for (position, step) in steps.iter().enumerate() {
            by_id.entry(step.step_id.as_str()).or_insert(position);
        }
        let parent = |step: &Step| by_id.get(step.parent_id.as_deref()?).copied();
        let mut parents: Vec<Option<usize>> = steps.iter().map(parent).collect();
        // The walk up on which a step was met first; who meets their own is in a circle.
        let mut met = vec![None; steps.len()];
        for walk in 0..steps.len() {
            let mut step = walk;
            while met[step].is_none() {
                met[step] = Some(walk);
                match parents[step] {
                    Some(above) if met[above] == Some(walk) => parents[step] = None,
                    Some(above) => step = above,
                    None => break,
                }
            }
        }
        let mut children = vec![Vec::new(); steps.len()];
        for (step, parent) in parents.iter().enumerate() {
            if let Some(parent) = parent {
                children[*parent].push(step);
            }
        }
        Self { parents, children }
    }

    /// All that ran under it.
    pub fn below(&self, step: usize) -> impl Iterator<Item = usize> {
        let mut open = self.children[step].clone();
        std::iter::from_fn(move || {
            let next = open.pop()?;
            open.extend(&self.children[next]);
            Some(next)
        })
    }

    pub fn tops(&self) -> impl Iterator<Item = usize> {
        (0..self.parents.len()).filter(|step| self.parents[*step].is_none())
    }

    pub fn is_leaf(&self, step: usize) -> bool {
        self.children[step].is_empty()
    }

    /// How deep each step stands.
    pub fn depths(&self) -> Vec<usize> {
        let mut depths = vec![0; self.parents.len()];
        let mut open: Vec<usize> = self.tops().collect();
        while let Some(step) = open.pop() {
            for &below in &self.children[step] {
                depths[below] = depths[step] + 1;
                open.push(below);
            }
        }
        depths
    }
}
