//! One grant held against its object: what is allowed must hold together.

use super::{Compiler, fields, records};
use crate::{
    compile::Draft,
    definition::grant::{ActionsDefinition, GrantDefinition, name_of},
    issue::{Issues, Place},
    model::{Field, Object},
    nearest::did_you_mean,
    permissions::{Act, Actions, Grant},
};

/// What an act can't be without.
const NEEDS: &[(Act, &[Act])] = &[
    (Act::Update, &[Act::Read]),
    (Act::Delete, &[Act::Read]),
    (Act::ViewAll, &[Act::Read]),
    (Act::ModifyAll, &[Act::Read, Act::Update]),
    (Act::Export, &[Act::Read]),
    (Act::Transfer, &[Act::Update]),
];

/// Resolves a grant; what is wrong with it is told in `issues`.
pub(super) fn grant(
    compiler: &Compiler<'_>,
    draft: &Draft<'_>,
    written: &GrantDefinition,
    issues: &mut Issues,
) -> Grant {
    check_needs(written, issues);
    let mut grant = Grant {
        allow: written.allow.iter().map(|act| act.value).collect(),
        actions: actions(compiler, &draft.object, written, issues),
        fields: fields::fields(draft, &written.fields, issues),
        other_fields: written.fields.others.unwrap_or_default(),
        records: Vec::new(),
        added_by: None,
    };
    grant.records = records::rules(compiler, draft, written, issues);
    check_required(&draft.object, &grant, &written.place, issues);
    grant
}

fn check_needs(written: &GrantDefinition, issues: &mut Issues) {
    for act in &written.allow {
        let needed = NEEDS.iter().filter(|(known, _)| *known == act.value).flat_map(|(_, needs)| *needs);
        for missing in needed.filter(|needed| !written.allows(**needed)) {
            let (act_name, missing) = (name_of(act.value), name_of(*missing));
            let message = format!("`{act_name}` is nothing without `{missing}`; allow that too, or neither");
            issues.error(&act.place, "contradicts-itself", message);
        }
    }
}

fn actions(
    compiler: &Compiler<'_>,
    object: &Object,
    written: &GrantDefinition,
    issues: &mut Issues,
) -> Actions {
    let place: &Place = match &written.actions {
        None => return Actions::default(),
        Some(ActionsDefinition::All(place)) => place,
        Some(ActionsDefinition::Only(names)) => names.first().map_or(&written.place, |name| &name.place),
    };
    if !written.allows(Act::Update) {
        let message = "actions are done with a record that may be updated; allow `update`, or take them out";
        issues.error(place, "contradicts-itself", message);
    }
    let Some(ActionsDefinition::Only(names)) = &written.actions else { return Actions::All };
    let known = compiler.actions.get(&object.name);
    for name in names {
        let is_known = known.is_some_and(|known| known.contains(&name.value));
        if !is_known {
            let near = did_you_mean(&name.value, known.into_iter().flatten().map(String::as_str));
            let message = format!("`{}` is not an action of `{}`{near}", name.value, object.name);
            issues.error(&name.place, "unknown-action", message);
        }
    }
    Actions::Only(names.iter().map(|name| name.value.clone()).collect())
}

/// Warns of fields without which no record can be made, and which may not be written. Another set may let them.
fn check_required(object: &Object, grant: &Grant, place: &Place, issues: &mut Issues) {
    if !grant.allow.contains(&Act::Create) {
        return;
    }
    let is_wanted = |field: &&Field| {
        let is_several = object.polymorphic.iter().any(|several| several.field == field.name);
        field.is_always_required() && field.default.is_none() && (field.is_client_written() || is_several)
    };
    let closed = object.fields.values().filter(|field| !field.system).filter(is_wanted);
    let closed = closed.filter(|field| !grant.fields.get(&field.name).unwrap_or(&grant.other_fields).update);
    let names: Vec<String> = closed.map(|field| format!("`{}`", field.name)).collect();
    if !names.is_empty() {
        let message = format!(
            "records may be made, but {} is required and may not be written: with this set alone none can be",
            names.join(", ")
        );
        issues.warning(place, "required-not-granted", message);
    }
}
