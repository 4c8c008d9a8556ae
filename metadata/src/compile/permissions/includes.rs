//! Which sets whoever has one has too: what `includes` names, and what that includes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Compiler;
use crate::{
    compile::ParsedPackage,
    issue::{Issues, Place},
    limits::INCLUDES_DEPTH_MAX,
};

/// The sets that each names, with the place where it says so.
type Named<'a> = BTreeMap<&'a str, (&'a Place, Vec<&'a str>)>;

/// Gives every set those that it includes, directly and by others.
pub(super) fn settle(compiler: &mut Compiler<'_>, packages: &[ParsedPackage], issues: &mut Issues) {
    let mut named = Named::new();
    for ParsedPackage { definition, shelf, .. } in packages {
        for set in shelf.sets.iter().filter(|set| compiler.is_entered_at(&set.name)) {
            let known = set.includes.iter().filter(|name| compiler.set(definition, name, issues));
            let known: Vec<&str> = known.map(|name| name.value.as_str()).collect();
            named.insert(&set.name.value, (&set.name.place, known));
        }
    }
    for (name, (place, _)) in &named {
        let Some(set) = compiler.sets.get_mut(*name) else { continue };
        match reached(name, &named) {
            Ok(all) => set.includes = all.into_iter().map(str::to_owned).collect(),
            Err(Unending::Round(path)) => {
                // Each circle is told once, at its first name; what only leads to it is told there too.
                if path.first() == Some(name) && path.iter().all(|other| name <= other) {
                    let message = format!("a permission set can't include itself: {}", path.join(" → "));
                    issues.error(place, "include-cycle", message);
                }
            }
            Err(Unending::Deep(path)) => {
                let message =
                    format!("sets include sets {INCLUDES_DEPTH_MAX} deep at most: {}", path.join(" → "));
                issues.error(place, "too-deep", message);
            }
        }
    }
}

/// Why what a set includes has no end.
enum Unending<'a> {
    Round(Vec<&'a str>),
    Deep(Vec<&'a str>),
}

/// All that a set includes, without itself. A way that comes back to the set itself is told before any other.
fn reached<'a>(from: &'a str, named: &Named<'a>) -> Result<BTreeSet<&'a str>, Unending<'a>> {
    let mut all = BTreeSet::new();
    let mut too_deep = None;
    // Breadth first, each set once, so that this ends whatever includes what.
    let mut open = VecDeque::from([vec![from]]);
    while let Some(path) = open.pop_front() {
        let includes = path.last().and_then(|last| named.get(last)).map(|(_, includes)| includes);
        for name in includes.into_iter().flatten() {
            let longer = [path.as_slice(), std::slice::from_ref(name)].concat();
            if *name == from {
                return Err(Unending::Round(longer));
            }
            if !all.insert(*name) {
                continue;
            }
            if longer.len() > INCLUDES_DEPTH_MAX + 1 {
                too_deep.get_or_insert_with(|| longer.clone());
            }
            open.push_back(longer);
        }
    }
    match too_deep {
        Some(path) => Err(Unending::Deep(path)),
        None => Ok(all),
    }
}
