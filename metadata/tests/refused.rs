//! Packages that must be refused: each folder of `refused/` is loaded beside `fixtures/core`, and `issues.txt` in it
//! holds exactly what must be found. Run with `UPDATE_GOLDEN=1` to write the files, and read them before you commit.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use quarry_metadata::Registry;
use regex::Regex;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// What is found in a case, with files named from the case's folder.
fn findings(case: &Path) -> String {
    let mut folders = vec![case.to_owned()];
    if !case.join("core").exists() {
        folders.push(folder("fixtures/core"));
    }
    match Registry::load(&folders) {
        Ok(_) => "it compiles\n".to_owned(),
        Err(issues) => issues
            .to_string()
            .replace(&format!("{}/", case.display()), "")
            .replace(&format!("{}/", env!("CARGO_MANIFEST_DIR")), ""),
    }
}

#[test]
fn every_case_is_refused_for_what_is_wrong_with_it() {
    let mut cases: Vec<_> =
        fs::read_dir(folder("refused")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 60, "the cases are gone");
    let mut wrong = Vec::new();
    for case in cases {
        let (golden, found) = (case.join("issues.txt"), findings(&case));
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\nexpected:\n{expected}\nfound:\n{found}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ten_mistakes_give_ten_findings_each_with_its_place() {
    let case = folder("refused/ten_mistakes");
    let issues = Registry::load(&[case, folder("fixtures/core")]).expect_err("ten mistakes");
    assert_eq!(issues.0.len(), 10, "{issues}");
    for issue in &issues.0 {
        let text = fs::read_to_string(&issue.place.file).unwrap();
        let line = text.lines().nth(usize::try_from(issue.place.line).unwrap() - 1).unwrap();
        let key = issue.place.path.rsplit('.').next().unwrap();
        assert!(line.contains(key), "{issue}: line {line:?} does not say {key:?}");
    }
}

/// The codes that the manual's table lists.
fn codes_of_the_manual() -> BTreeSet<String> {
    let manual = include_str!("../../docs/metadata.md");
    let table = manual.split("## Findings").nth(1).expect("the manual's table");
    let row = Regex::new(r"(?m)^\| \w+ \| `([a-z -]+)`").unwrap();
    row.captures_iter(table)
        .flat_map(|found| found[1].split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn sources(folder: &Path, into: &mut String) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // What a new version may not change has codes of its own, and an import repeats those of the compiler.
        if path.is_dir() && name != "foreign" && name != "evolution" {
            sources(&path, into);
        } else if name.ends_with(".rs")
            && !["tests.rs", "foreign.rs", "evolution.rs"].contains(&name.as_str())
        {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_code_of_the_manual_is_shown_and_every_code_there_is_is_in_the_manual() {
    let manual = codes_of_the_manual();
    assert!(manual.len() > 50, "{manual:?}");
    let mut golden = String::new();
    for case in fs::read_dir(folder("refused")).unwrap() {
        golden.push_str(&fs::read_to_string(case.unwrap().path().join("issues.txt")).unwrap_or_default());
    }
    let shown = Regex::new(r"(?m)\[([a-z-]+)\]$").unwrap();
    let shown: BTreeSet<String> = shown.captures_iter(&golden).map(|found| found[1].to_owned()).collect();
    let missing: Vec<_> = manual.difference(&shown).collect();
    assert!(missing.is_empty(), "no golden package shows {missing:?}");
    let mut source = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut source);
    let literal = Regex::new("\"([a-z]+(?:-[a-z]+)+|empty|syntax|unreadable)\"").unwrap();
    let known: BTreeSet<String> = literal.captures_iter(&source).map(|found| found[1].to_owned()).collect();
    assert_eq!(known, manual);
}
