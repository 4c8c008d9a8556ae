//! Formulas, when all fields and relations are known.

use std::{collections::HashMap, sync::Arc};

use crate::{
    compile::Drafts,
    definition::field::KindDefinition,
    expression::{Expression, Written, compile_all},
    issue::Issues,
    model::FieldKind,
};

/// The kind of a formula field until the formula is compiled; an issue keeps one that stays out of any registry.
pub(super) fn stand_in(stored: bool) -> FieldKind {
    let (returns, expression) = (Box::new(FieldKind::text()), Arc::new(Expression::null()));
    FieldKind::Formula { returns, expression, stored }
}

/// Compiles the formulas of all objects.
pub(super) fn settle(drafts: &mut Drafts<'_>, issues: &mut Issues) {
    let mut written = HashMap::new();
    for (object, draft) in drafts.iter() {
        for (field, definition) in &draft.definition.fields {
            let KindDefinition::Formula(formula) = &definition.kind else { continue };
            let formula = Written {
                source: formula.source.value.clone(),
                place: formula.source.place.clone(),
                returns: formula.returns.clone(),
                indexed: definition.index == Some(true) || formula.kept,
            };
            written.insert((object.clone(), field.clone()), formula);
        }
    }
    let objects = drafts.iter().map(|(name, draft)| (name.clone(), &draft.object)).collect();
    for ((object, field), kind) in compile_all(&objects, &written, issues) {
        let field = drafts.get_mut(&object).and_then(|draft| draft.object.fields.get_mut(&field));
        if let Some(field) = field {
            field.kind = kind;
        }
    }
}
