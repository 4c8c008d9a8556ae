//! Whether an expression says something about one record alone: what it gives changes only when that record does, so it
//! can be kept.

use crate::expression::{
    Expression,
    tree::{Path, Root},
};

impl Expression {
    /// What it looks at beside the stored fields of its own record, by its name; none where there is nothing.
    pub fn beyond(&self) -> Option<String> {
        let needs = self.needs();
        for (root, path) in needs.fields.keys() {
            if *root != Root::Record {
                return Some(format!("`{root}.{}`", dotted(path)));
            }
            if !path.steps.is_empty() {
                return Some(format!("`{}`, a field of another record", dotted(path)));
            }
        }
        if let Some(children) = needs.children.keys().next() {
            return Some(format!("`{}`, a list of other records", children.relation));
        }
        let around = [
            (!needs.lists.is_empty(), "the user's lists"),
            (needs.now, "`now()`"),
            (needs.today, "`today()`"),
            (needs.zone, "the session's time zone"),
        ];
        around.into_iter().find(|(read, _)| *read).map(|(_, what)| what.to_owned())
    }
}

fn dotted(path: &Path) -> String {
    let steps = path.steps.iter().map(|step| step.lookup.as_str());
    steps.chain([path.field.as_str()]).collect::<Vec<_>>().join(".")
}
