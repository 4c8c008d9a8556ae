//! Former names of fields: each goes on answering, so nothing else in its object may have it.

use std::collections::HashMap;

use crate::{
    compile::Drafts,
    issue::{Issues, Place},
};

/// Reports former names of fields that another field, or a relation of another field, has.
pub(super) fn check(drafts: &Drafts<'_>, issues: &mut Issues) {
    for draft in drafts.values().filter(|draft| draft.same.is_none()) {
        let object = &draft.object;
        let mut taken: HashMap<&str, (&str, Option<&Place>)> = HashMap::new();
        for field in object.fields.values() {
            let place = draft.definition.fields.get(&field.name).map(|written| &written.place);
            taken.insert(field.name.as_str(), (field.name.as_str(), place));
        }
        for (name, written) in &draft.definition.fields {
            for alias in &written.alias {
                let known = taken.insert(alias.value.as_str(), (name.as_str(), Some(&alias.place)));
                let Some((other, place)) = known else { continue };
                let at = place.map(|place| format!(" in {place}")).unwrap_or_default();
                let message = format!(
                    "`{}` can't go on answering for `{name}`: `{other}`{at} has the name",
                    alias.value
                );
                issues.error(&alias.place, "alias-collision", message);
            }
        }
        for (name, written) in &draft.definition.fields {
            for alias in &written.alias {
                let relation = object.relations.get(alias.value.as_str());
                if let Some(relation) = relation.filter(|relation| !relation.is_carried_by(name.as_str())) {
                    let message = format!(
                        "`{}` can't go on answering for `{name}`: it is the way to `{}`",
                        alias.value, relation.target
                    );
                    issues.error(&alias.place, "alias-collision", message);
                }
            }
        }
    }
}
