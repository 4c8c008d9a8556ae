//! A package with mistakes: every finding with its place, and the last good version keeps serving.

use crate::server::{quarry, root};

#[test]
fn ten_mistakes_give_ten_findings_with_their_places() {
    let folder = root().join("metadata/tests/refused/ten_mistakes");
    let output = quarry().args(["package", "check"]).arg(&folder).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    let findings: Vec<_> = said.lines().filter(|line| line.contains(".yml:")).collect();
    assert_eq!(findings.len(), 10, "{said}");
}

#[test]
fn the_projects_own_packages_compile() {
    let output = quarry().args(["package", "check"]).arg(root().join("packages")).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("crm 1.0.0: 13 objects"), "{said}");
}
