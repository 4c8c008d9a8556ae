//! What is read of the objects of a question, for those who read it around the plan.

use std::sync::Arc;

use datafusion::common::Column;

use super::{Node, Scope, alias};
use crate::plan::direct::far::Far;

/// Objects beside the root that are read by key; more are joined by a plan.
const FAR_MAX: usize = 8;

impl Scope {
    /// The columns that are read of the root, when nothing else is read.
    pub(crate) fn alone(&self) -> Option<Vec<String>> {
        match &self.nodes[..] {
            [root] if self.marks.is_empty() && self.folds.is_empty() => {
                Some(root.columns.iter().cloned().collect())
            }
            _ => None,
        }
    }

    /// The columns that are read of the root, and what lookups lead to; none where anything else is read.
    pub(in crate::plan) fn with_far(&self) -> Option<(Vec<String>, Vec<Far>)> {
        let [root, others @ ..] = &self.nodes[..] else { return None };
        if !self.marks.is_empty() || !self.folds.is_empty() || others.len() > FAR_MAX {
            return None;
        }
        let far = |(index, node): (usize, &Node)| {
            let (from, lookup) = node.from.as_ref()?;
            Some(Far {
                view: Arc::clone(&node.view),
                alias: alias(index),
                lookup: Column::new(Some(alias(*from)), lookup),
                read: node.columns.iter().cloned().collect(),
            })
        };
        let far = (1..).zip(others).map(far).collect::<Option<Vec<_>>>()?;
        Some((root.columns.iter().cloned().collect(), far))
    }
}
