//! Packages that must be refused: each folder of `refused/` is loaded beside `fixtures/core`, and `issues.txt` in it
//! holds exactly what must be found. Run with `UPDATE_GOLDEN=1` to write the files, and read them before you commit.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use quarry_metadata::Registry;

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
    assert!(cases.len() >= 10, "the cases are gone");
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
