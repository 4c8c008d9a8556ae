//! Expressions that a field says beside its type.

use std::sync::Arc;

use serde::Serialize;

use crate::expression::Expression;

/// An expression beside its text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Clause {
    /// As its author wrote it, in CEL: for who evaluates it elsewhere. What it means is in the expression.
    #[serde(skip)]
    pub source: String,
    /// Typed against the objects.
    pub expression: Arc<Expression>,
}

/// When a field is not what it is otherwise. A condition that is null does not hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Conditions {
    /// A record must have a value where this holds, if the field is visible there.
    pub required: Option<Clause>,
    /// Not writable by a client where this holds.
    pub readonly: Option<Clause>,
    /// Shown, and required if it is required at all, only where this holds.
    pub visible: Option<Clause>,
}

impl Conditions {
    /// Those that there are, by their names in a package.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &Clause)> {
        let all = [
            ("requiredWhen", &self.required),
            ("readonlyWhen", &self.readonly),
            ("visibleWhen", &self.visible),
        ];
        all.into_iter().filter_map(|(name, clause)| Some((name, clause.as_ref()?)))
    }
}
