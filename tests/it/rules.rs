//! What the shipped packages promise: their cases pass, and each rule has one that fails without it.
//!
//! Taking every rule out, one at a time, takes a while: `QUARRY_TEST_RULES=all` does it. Otherwise some of each package are. A
//! package without one of its rules is tried on a server on which all packages serve, and so compiled beside them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::server::{Server, quarry, root};

/// Of so many rules one is taken out, unless all are.
const ONE_OF: usize = 12;
const CLOUDS: &[&str] = &["crm", "marketing", "products", "finance", "support", "hr"];

#[test]
fn the_cases_of_the_shipped_packages_pass() {
    let packages = root().join("packages");
    let output = quarry().current_dir(root()).args(["package", "test"]).arg(packages).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
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

/// The files of a package, by their paths in it, without one of its rules.
fn without(package: &Path, rule: &Rule) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![package.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut text = fs::read_to_string(&path).unwrap();
            if path == rule.file {
                let kept = text.lines().enumerate().filter(|(at, _)| !rule.lines.contains(at));
                let kept: Vec<&str> = kept.map(|(_, line)| line).collect();
                if !kept.iter().any(|line| line.starts_with("  - name: ")) {
                    continue;
                }
                text = kept.join("\n");
            }
            let name = path.strip_prefix(package).unwrap().to_str().unwrap();
            files.insert(name.to_owned(), text);
        }
    }
    files
}

/// What there is to say where no case of a package fails without a rule.
fn not_needed(server: &Server, package: &str, rule: &Rule) -> Option<String> {
    let files = without(&root().join("packages").join(package), rule);
    let (status, answer) = server.post("/api/v1/packages/test", &json!({ "packages": [{ "files": files }] }));
    // A case that names what the rule would find or do is no case any more: that is a failure, too.
    let is_missed = match status {
        200 => answer["failures"].as_array().is_some_and(|failures| !failures.is_empty()),
        _ => {
            let said = answer.to_string();
            said.contains("unknown-code") || said.contains("unknown-action")
        }
    };
    (!is_missed).then(|| format!("{package} {}: {answer}", rule.name))
}

#[test]
fn without_a_rule_one_of_its_cases_fails() {
    let step = if std::env::var("QUARRY_TEST_RULES").is_ok_and(|what| what == "all") { 1 } else { ONE_OF };
    let some = |package: &&'static str| {
        let rules = rules(&root().join("packages").join(package));
        let package = *package;
        rules.into_iter().step_by(step).map(move |rule| (package, rule))
    };
    let rules: Vec<(&str, Rule)> = CLOUDS.iter().flat_map(some).collect();
    // Cases of a tenant are tried one run at a time.
    let server = Server::start();
    let not_needed: Vec<String> =
        rules.iter().filter_map(|(package, rule)| not_needed(&server, package, rule)).collect();
    println!("{} rules taken out", rules.len());
    assert!(not_needed.is_empty(), "{}", not_needed.join("\n"));
}
