//! What the shipped packages promise: their cases pass, and each rule has one that fails without it.
//!
//! Taking every rule out, one at a time, takes minutes: `QUARRY_TEST_RULES=all` does it. Otherwise some of each package are.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::server::{quarry, root};

/// Of so many rules one is taken out, unless all are.
const ONE_OF: usize = 12;
const CLOUDS: &[&str] = &["crm", "marketing", "products", "finance", "support", "hr"];

/// Tries a package's cases; the packages that it stands on are those of the project.
fn try_cases(package: &Path) -> (bool, String) {
    let output = quarry().current_dir(root()).args(["package", "test"]).arg(package).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[test]
fn the_cases_of_the_shipped_packages_pass() {
    let (passed, said) = try_cases(&root().join("packages"));
    assert!(passed, "{said}");
    let tried: usize = said.lines().last().and_then(|line| line.split(' ').next()?.parse().ok()).unwrap();
    assert!(tried >= 145, "{said}");
}

/// A rule: the lines of its file that are it. A workflow is one as a whole.
struct Rule {
    file: PathBuf,
    name: String,
    lines: std::ops::Range<usize>,
}

fn rules(package: &Path) -> Vec<Rule> {
    let mut rules = Vec::new();
    for folder in
        fs::read_dir(package).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&file).unwrap();
            if name.ends_with(".workflow.yml") {
                rules.push(Rule { file, name, lines: 0..text.lines().count() });
            } else if [".trigger.yml", ".validation.yml", ".action.yml"].iter().any(|end| name.ends_with(end))
            {
                rules.extend(items(&file, &text));
            }
        }
    }
    rules.sort_by(|a, b| (&a.file, a.lines.start).cmp(&(&b.file, b.lines.start)));
    rules
}

/// The entries of a file's list: from each `- name:` to the next.
fn items(file: &Path, text: &str) -> Vec<Rule> {
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("  - name: ")).collect();
    let end = |at: usize| starts.iter().copied().find(|next| *next > at).unwrap_or(lines.len());
    let rule = |at: &usize| Rule {
        file: file.to_owned(),
        name: lines[*at].trim_start_matches("  - name: ").to_owned(),
        lines: *at..end(*at),
    };
    starts.iter().map(rule).collect()
}

/// Copies a package without one of its rules.
fn copy_without(from: &Path, to: &Path, rule: &Rule) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_without(&entry.path(), &target, rule);
        } else if entry.path() != rule.file {
            fs::copy(entry.path(), target).unwrap();
        } else {
            let text = fs::read_to_string(entry.path()).unwrap();
            let kept = text.lines().enumerate().filter(|(at, _)| !rule.lines.contains(at));
            let kept: Vec<&str> = kept.map(|(_, line)| line).collect();
            if kept.iter().any(|line| line.starts_with("  - name: ")) {
                fs::write(target, kept.join("\n")).unwrap();
            }
        }
    }
}

#[test]
fn without_a_rule_one_of_its_cases_fails() {
    let step = if std::env::var("QUARRY_TEST_RULES").is_ok_and(|what| what == "all") { 1 } else { ONE_OF };
    let mut not_needed = Vec::new();
    for package in CLOUDS {
        let from = root().join("packages").join(package);
        for rule in rules(&from).iter().step_by(step) {
            let folder = tempfile::tempdir().unwrap();
            copy_without(&from, &folder.path().join(package), rule);
            let (passed, said) = try_cases(&folder.path().join(package));
            // A case that names what the rule would find is no case any more: that is a failure, too.
            if passed
                || !(said.contains(" failed")
                    || said.contains("unknown-code")
                    || said.contains("unknown-action"))
            {
                not_needed.push(format!("{package} {}: {said}", rule.name));
            }
        }
    }
    assert!(not_needed.is_empty(), "{}", not_needed.join("\n"));
}
