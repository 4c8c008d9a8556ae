//! The compiler is the judge: what it refuses in a package that was written here is taken out, with its finding for a reason, until the
//! rest compiles. So an import is as lenient as it may be, and never knows less than the compiler does.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    bundle::Bundle,
    foreign::{
        Written,
        object::field_key,
        pen::shown,
        report::{Change, Key, Log, Note, Subject},
        rule::OTHERWISE,
        tree::{Step, steps},
        write::yaml,
    },
    issue::{Issue, Issues, Severity},
    model::Registry,
    naming::plural,
    yaml::{Content, Node},
};

/// How often what is left is compiled.
const ROUNDS_MAX: usize = 32;
/// Properties without which a field is none.
const ESSENTIAL: &[&str] = &[
    "type",
    "reference",
    "options",
    "expression",
    "dimensions",
    "fields",
    "summaryOperations",
    "returnType",
];
/// Properties of a rule without which it says the same.
const ORNAMENTS: &[&str] = &["priority", "tags", "label", "description", "ai_context", "errorCode", "fields"];

/// Takes out of `written` what does not compile beside `with`.
///
/// # Errors
///
/// What is wrong and can't be taken out: with the packages that are stood on, or after so many rounds.
pub(super) fn settle(written: &mut Vec<Written>, with: &[Bundle], log: &mut Log) -> Result<(), Issues> {
    let mut last = Issues::default();
    for _ in 0..ROUNDS_MAX {
        let issues = match compile(written, with) {
            Ok(()) => return Ok(()),
            Err(issues) => issues,
        };
        let mut gone = false;
        let mut seen = BTreeSet::new();
        let errors = issues.0.iter().filter(|issue| issue.severity == Severity::Error);
        // From the end to the beginning, so that places in lists stay what they are.
        let mut errors: Vec<&Issue> = errors.collect();
        errors.sort_by_cached_key(|issue| std::cmp::Reverse(path_order(issue)));
        for issue in errors {
            gone |= take_out(issue, written, &mut seen, log);
        }
        written.retain(|file| !file.is_empty());
        if !gone {
            return Err(issues);
        }
        last = issues;
    }
    Err(last)
}

fn path_order(issue: &Issue) -> (String, Vec<Step>) {
    (issue.place.file.to_string_lossy().into_owned(), steps(&issue.place.path, &Node::map(1)))
}

fn compile(written: &[Written], with: &[Bundle]) -> Result<(), Issues> {
    let mut packages: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for file in written {
        packages.entry(&file.package).or_default().insert(file.path.clone(), yaml(&file.root));
    }
    let bundles: Result<Vec<Bundle>, Issues> =
        packages.iter().map(|(package, files)| Bundle::of_files(package, files)).collect();
    let mut bundles = bundles?;
    bundles.extend(with.iter().cloned());
    Registry::compile(&bundles).map(drop)
}

/// Takes out what one finding is about; says whether anything was.
fn take_out(
    issue: &Issue,
    written: &mut [Written],
    seen: &mut BTreeSet<(usize, Vec<Step>)>,
    log: &mut Log,
) -> bool {
    let at = written
        .iter()
        .position(|file| issue.place.file == std::path::Path::new(&file.package).join(&file.path));
    let Some((at, file)) = at.and_then(|at| Some((at, written.get_mut(at)?))) else { return false };
    let path = target(issue, file);
    // What stands in something that is gone is gone with it.
    if (0..=path.len()).any(|end| path.get(..end).is_some_and(|part| seen.contains(&(at, part.to_vec())))) {
        return true;
    }
    if issue.code == "relation-collision" && way_back(&path, file, log) {
        return true;
    }
    let message = issue.message.split(", and nothing declared").next().unwrap_or(&issue.message);
    let reason = format!("{message} [{}]", issue.code);
    let (key, property) = subject(&path, file, log);
    let Some(node) = (if path.is_empty() { Some(file.root.clone()) } else { file.root.take(&path) }) else {
        return false;
    };
    if path.is_empty() {
        file.root = Node::new(1, Content::Null);
    }
    seen.insert((at, path));
    match property.is_empty() {
        true => log.left_out(&key, reason),
        false => {
            let note = Note {
                line: node.line,
                property,
                change: Change::LeftOut,
                from: shown(&node),
                to: String::new(),
                reason,
            };
            log.note(&key, note);
        }
    }
    true
}

/// What has to go for a finding: a property where the rest means the same without it, else the whole.
fn target(issue: &Issue, file: &Written) -> Vec<Step> {
    let path = steps(&issue.place.path, &file.root);
    let key = |at: usize| match path.get(at) {
        Some(Step::Key(key)) => key.as_str(),
        _ => "",
    };
    let up_to = |end: usize| path.get(..end).map(<[Step]>::to_vec).unwrap_or_default();
    let is_unknown = matches!(issue.code, "unknown-property" | "not-for-this-type" | "not-supported-yet");
    if file.path.ends_with(".permission.yml") || file.path.ends_with(".permissionset.yml") {
        return of_permission(issue, path);
    }
    match (key(0), path.len()) {
        ("rules" | "validations" | "triggers", 2..) => {
            let is_ornament = ORNAMENTS.contains(&key(2));
            up_to(if is_ornament && path.len() > 2 { 3 } else { 2 })
        }
        ("indexes", 2..) => up_to(2),
        ("fields", 3..) if ESSENTIAL.contains(&key(2)) && key(2) != "options" => up_to(2),
        // An option keeps what it is without what is not known of it.
        ("fields", 5..) if key(2) == "options" && is_unknown => path,
        ("fields", 4..) if key(2) == "options" => up_to(4),
        ("fields", 3) if key(2) == "options" => up_to(2),
        ("fields", 4..) if is_unknown => path,
        ("fields", 3..) => up_to(3),
        _ => path,
    }
}

/// Of a grant only what allows something may go by itself, and what is said of a field that is not there: without anything else of it,
/// more would be allowed than was.
fn of_permission(issue: &Issue, path: Vec<Step>) -> Vec<Step> {
    let key = |at: usize| match path.get(at) {
        Some(Step::Key(key)) => key.as_str(),
        _ => "",
    };
    let up_to = |end: usize| path.get(..end).map(<[Step]>::to_vec).unwrap_or_default();
    let is_of_grant = matches!(key(0), "sets" | "objects") && path.len() > 2;
    match key(2) {
        "allow" | "actions" if is_of_grant => path,
        "fields" if is_of_grant && issue.code == "unknown-field" => up_to(4),
        _ if is_of_grant => up_to(2),
        _ if key(0) == "fields" && issue.code == "unknown-field" => up_to(2),
        // Of the fields of a whole set: which grant it is of can't be told.
        _ if key(0) == "fields" => Vec::new(),
        _ => path,
    }
}

/// Whose note it is, and about which property; no property when it is about the whole.
fn subject(path: &[Step], file: &Written, log: &Log) -> (Key, String) {
    let told = |steps: &[Step]| {
        let mut text = String::new();
        for step in steps {
            match step {
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => text.push_str(&format!(".{key}")),
                Step::Item(at) => text.push_str(&format!("[{at}]")),
            }
        }
        text
    };
    match path {
        [Step::Key(list), Step::Key(field), rest @ ..]
            if list == "fields" && file.key.0 == Subject::Object =>
        {
            (field_key(&file.name, field), told(rest))
        }
        [Step::Key(_), Step::Item(_), rest @ ..] if file.is_rules => {
            let rule = path.get(..2).and_then(|rule| file.root.at(rule));
            let name = rule.and_then(|rule| rule.text_of("name")).unwrap_or_default();
            let key = (Subject::Rule, format!("{}.{name}", file.name));
            // Of two that were one rule, both are told under its name.
            let one = name.strip_suffix(OTHERWISE).filter(|_| !log.has(&key));
            (one.map_or(key, |one| (Subject::Rule, format!("{}.{one}", file.name))), told(rest))
        }
        _ => (file.key.clone(), told(path)),
    }
}

/// Gives a lookup a way back of a name of its own.
fn way_back(path: &[Step], file: &mut Written, log: &mut Log) -> bool {
    let [Step::Key(_), Step::Key(name)] = path else { return false };
    let Some(field) = file.root.at(path) else { return false };
    if field.get("reverseName").is_some() || field.get("reference").is_none() {
        return false;
    }
    let reverse = format!("{}_of_{name}", plural(&file.name));
    let (line, mut field) = (field.line, field.clone());
    field.set("reverseName", Node::of_text(line, &reverse));
    let note = Note {
        line,
        property: "reverseName".to_owned(),
        change: Change::Mapped,
        from: String::new(),
        to: reverse,
        reason: "the way back would have a name that is taken".to_owned(),
    };
    log.note(&field_key(&file.name, name), note);
    if let Some(mut fields) = file.root.get("fields").cloned() {
        fields.set(name, field);
        file.root.set("fields", fields);
    }
    true
}
