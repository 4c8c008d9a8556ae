//! What rules are told of whoever acts, beside his record: his permission sets. The teams that he is in and the people below him are made
//! for what he may see, and only rules about records of a permission set look at them.

use std::collections::BTreeSet;

use crate::{
    compile::book::Book,
    expression::{Expression, UserList},
    issue::{Issues, Place},
};

/// Reports lists of the user's that rules are not told; says whether there is none.
pub(super) fn check_told(read: &[&Expression], place: &Place, issues: &mut Issues) -> bool {
    let lists: BTreeSet<UserList> = read.iter().flat_map(|expression| expression.needs().lists).collect();
    let untold = UserList::ALL.iter().find(|(_, list)| *list != UserList::Roles && lists.contains(list));
    if let Some((name, _)) = untold {
        let message = format!(
            "`user.{name}` can't be looked at here: only the rules about records of a permission set can (`user.roles` is there in all rules)"
        );
        issues.error(place, "not-in-this-place", message);
    }
    untold.is_none()
}

/// Warns of names that are looked for among the user's permission sets, and that no set has.
pub(super) fn check_roles(read: &[&Expression], place: &Place, book: &Book<'_>, issues: &mut Issues) {
    let named: BTreeSet<&str> = read.iter().flat_map(|expression| expression.roles_named()).collect();
    for name in named {
        if let Some(near) = book.unknown_permission_set(name) {
            let message = format!("there is no permission set `{name}`, so nobody has it{near}");
            issues.warning(place, "unknown-permission-set", message);
        }
    }
}
