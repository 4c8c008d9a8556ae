//! What the ids of an object's records begin with.

use std::collections::{BTreeMap, BTreeSet};

use crate::{compile::Drafts, issue::Issues, limits::ID_PREFIX_CHARS_MAX};

/// Gives every object its prefix: the declared ones first, then, in the order of names, the first three letters of the name,
/// and more of them until nobody else has it.
pub(super) fn assign(drafts: &mut Drafts<'_>, issues: &mut Issues) {
    let mut declared = BTreeMap::new();
    for draft in drafts.values() {
        let Some(prefix) = &draft.definition.id_prefix else { continue };
        if let Some(first) = declared.insert(prefix.value.clone(), prefix.place.clone()) {
            let message = format!("the prefix `{}` is already taken in {first}", prefix.value);
            issues.error(&prefix.place, "duplicate-id-prefix", message);
        }
    }
    let mut taken: BTreeSet<String> = declared.into_keys().collect();
    for draft in drafts.values_mut() {
        draft.object.id_prefix = match &draft.definition.id_prefix {
            Some(prefix) => prefix.value.clone(),
            // A renaming does not change it.
            None => first_free(draft.object.table(), &taken),
        };
        taken.insert(draft.object.id_prefix.clone());
    }
}

fn first_free(name: &str, taken: &BTreeSet<String>) -> String {
    let letters: String = name.chars().filter(|c| *c != '_').collect();
    let longest = letters.len().min(ID_PREFIX_CHARS_MAX);
    let cut = |length: usize| letters.chars().take(length).collect::<String>();
    let shortened = (3.min(longest)..=longest).map(cut);
    let numbered = (2u32..).map(|number| format!("{}{number}", cut(3)));
    shortened.chain(numbered).find(|prefix| !taken.contains(prefix)).unwrap_or(letters)
}
