//! A package with mistakes: every finding with its place, and the last good version keeps serving.

use std::path::Path;

use serde_json::{Value, json};

use crate::server::{Server, quarry, root};

#[test]
fn every_mistake_gives_a_finding_while_the_last_good_version_serves_on() {
    let packages = tempfile::tempdir().unwrap();
    for name in ["core", "crm", "marketing"] {
        copy(&root().join("packages").join(name), &packages.path().join(name));
    }
    let server = Server::start_in(tempfile::tempdir().unwrap(), packages.path(), &[]);
    let count = || server.query(json!({"object": "account", "count": true})).len();
    assert_eq!(count(), 0);

    // Ten mistakes of its own, and an object that the crm package has already.
    let shop = packages.path().join("shop");
    copy(&root().join("metadata/tests/refused/ten_mistakes/shop"), &shop);
    std::fs::write(shop.join("account.object.yml"), "label: Account\nfields: { name: { type: text } }\n")
        .unwrap();
    let output = quarry().args(["package", "check"]).arg(packages.path()).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    let findings: Vec<_> = said.lines().filter(|line| line.contains(".yml:")).collect();
    assert_eq!(findings.len(), 11, "{said}");

    let (status, answer) = server.post("/api/v1/packages/reload", &json!({}));
    assert_eq!(status, 400, "{answer}");
    assert!(findings.iter().all(|f| answer.to_string().contains(f.rsplit('[').next().unwrap())), "{answer}");
    assert_eq!(count(), 0, "the last good version answers");
    assert_eq!(server.psql_ok("SELECT count(*) FROM account"), "0");

    // Mended, and with a field more: it answers without a restart.
    std::fs::remove_dir_all(&shop).unwrap();
    let object = packages.path().join("crm/account/account.object.yml");
    let text = std::fs::read_to_string(&object).unwrap();
    std::fs::write(
        &object,
        text.replacen("fields:\n", "fields:\n  nickname: { type: text, label: Nickname }\n", 1),
    )
    .unwrap();
    let (status, answer) = server.post("/api/v1/packages/reload", &json!({}));
    assert_eq!(status, 200, "{answer}");
    server.psql_ok("INSERT INTO account (name, nickname) VALUES ('One', 'Uno')");
    let found = server.query(json!({"object": "account", "fields": ["nickname"]}));
    assert_eq!(found, [json!({"nickname": "Uno"})] as [Value; 1]);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// What another program wrote becomes packages that can be checked and served, and what is left out is told.
#[test]
fn a_foreign_package_is_imported_checked_and_served() {
    let place = tempfile::tempdir().unwrap();
    let given = root().join("metadata/tests/foreign/v4/given");
    let (out, report) = (place.path().join("out"), place.path().join("report.json"));
    let core = root().join("packages/core");
    let import = || {
        let mut command = quarry();
        command.args(["package", "import"]).arg(&given).arg("--out").arg(&out).arg("--report").arg(&report);
        command.arg("--with").arg(&core).output().unwrap()
    };
    let output = import();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("projects.hook.ts: left out: it is code"), "{said}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    assert!(report["entries"].as_array().is_some_and(|entries| entries.len() > 40));
    let checked = quarry().args(["package", "check"]).arg(&core).arg(out.join("work")).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    // Nothing is written over.
    assert_eq!(import().status.code(), Some(1));

    let folders = std::env::join_paths([core, out.join("work")]).unwrap();
    let server = Server::start_in(tempfile::tempdir().unwrap(), folders.as_ref(), &[]);
    server.psql_ok("INSERT INTO customers (name) VALUES ('One')");
    assert_eq!(server.psql_ok("SELECT active FROM customers"), "t");
}

#[test]
fn the_projects_own_packages_compile() {
    let output = quarry().args(["package", "check"]).arg(root().join("packages")).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("crm 1.4.0: 13 objects"), "{said}");
}

#[test]
fn cases_are_tried_and_what_fails_is_told_with_its_place() {
    let desk = root().join("engine/fixtures/desk");
    let packages = root().join("packages");
    let test = |folder: &std::path::Path, more: &[&str]| {
        let mut command = quarry();
        command.args(["package", "test", "--packages"]).arg(&packages).arg(folder).args(more);
        command.output().unwrap()
    };
    let output = test(&desk, &[]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(told, "5 cases, 0 failed\n", "what they stand on lies with the other packages");

    let wrong = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&desk).unwrap() {
        let file = entry.unwrap().path();
        let text = std::fs::read_to_string(&file)
            .unwrap()
            .replace("open_tickets: 1, oldest", "open_tickets: 2, oldest");
        std::fs::write(wrong.path().join(file.file_name().unwrap()), text).unwrap();
    }
    let output = test(wrong.path(), &["--filter", "counted and noted"]);
    assert_eq!(output.status.code(), Some(1));
    let file = wrong.path().join("client.case.yml");
    let failure = "a ticket is counted and noted: expected client ann with open_tickets 2; found 1";
    let expected = format!("{}:12: {failure}\n1 cases, 1 failed\n", file.display());
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
