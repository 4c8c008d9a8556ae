//! Cases of a fixture's package, those that hold and those that do not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, path::PathBuf};

use quarry_metadata::{Bundle, PackageName};

use crate::{ErrorKind, Tried, test_bundles, tests::Shop};

fn bundles() -> Vec<Bundle> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    Bundle::read(&[here.join("../packages/core"), here.join("fixtures/desk")]).unwrap()
}

/// The package with another file of cases.
fn with_cases(cases: &str) -> Vec<Bundle> {
    with_files(&[("client.case.yml", cases)])
}

fn with_files(others: &[(&str, &str)]) -> Vec<Bundle> {
    let own = |bundle: Bundle| match bundle.name().as_str() {
        "desk" => {
            let mut files: BTreeMap<String, String> = bundle.files();
            files.extend(others.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
            Bundle::of_files("desk", &files).unwrap()
        }
        _ => bundle,
    };
    bundles().into_iter().map(own).collect()
}

fn tried(bundles: Vec<Bundle>, filter: Option<&str>) -> Tried {
    test_bundles(bundles, &[PackageName::from("desk")].into(), filter).unwrap()
}

/// What failed: `<line> <case>: <expected> | <found>`.
fn failures(tried: &Tried) -> Vec<String> {
    let told = |f: &crate::Failure| format!("{} {}: {} | {}", f.place.line, f.case, f.expected, f.found);
    tried.failures.iter().map(told).collect()
}

#[test]
fn what_a_package_promises_holds() {
    let tried = tried(bundles(), None);
    assert_eq!((tried.cases, failures(&tried)), (5, Vec::<String>::new()));
}

#[test]
fn some_of_them_can_be_chosen() {
    assert_eq!(tried(bundles(), Some("counted")).cases, 2);
    assert_eq!(tried(bundles(), Some("client.case.yml")).cases, 5);
    assert_eq!(tried(bundles(), Some("nothing like it")).cases, 0);
    let of_core = test_bundles(bundles(), &[PackageName::from("core")].into(), Some("counted")).unwrap();
    assert_eq!(of_core.cases, 0, "another package's");
}

#[test]
fn what_does_not_hold_is_told_with_its_place() {
    let text = r#"
given: { client: { ann: { name: Ann } } }
cases:
  - name: wrong value
    do: []
    expect:
      records:
        - { object: client, is: $ann, has: { name: Bob, open_tickets: 0 } }
        - { object: client, where: { name: Ann }, count: 2 }
        - { object: client, where: { name: Eve }, has: { state: good } }
  - name: no finding
    do: [{ update: { client: { ann: { state: late } } } }]
    expect: { findings: [{ errorCode: CLIENT_LATE }] }
  - name: another finding
    do: [{ update: { client: { ann: { name: null, open_tickets: 1 } } } }]
    expect: { findings: [{ errorCode: readonly }] }
  - name: refused too early
    do:
      - update: { client: { ann: { open_tickets: 1 } } }
      - update: { client: { ann: { state: late } } }
    expect: { records: [{ object: client, is: $ann, count: 1 }] }
  - name: given in vain
    given: { client: { eve: { state: late } } }
    do: []
    expect: { records: [{ object: client, is: $eve, count: 0 }] }
"#;
    let readonly = "readonly (client.open_tickets of \"cli_…\": the field is read-only; leave it out)";
    let expected = [
        "8 wrong value: client ann with name \"Bob\" | \"Ann\"".to_owned(),
        "9 wrong value: 2 client where name \"Ann\" | 1".to_owned(),
        "10 wrong value: a record client where name \"Eve\" | none".to_owned(),
        "11 no finding: the finding CLIENT_LATE | none".to_owned(),
        "14 another finding: no other finding | required (client.name of \"cli_…\": a value is required)".to_owned(),
        format!("17 refused too early: that transaction 1 is kept: only the last may be refused | {readonly}"),
        "22 given in vain: that what is given can be written | required (client.name of \"cli_…\": a value is required)"
            .to_owned(),
    ];
    let ids = without_ids(&failures(&tried(with_cases(text), None)));
    assert_eq!(ids, expected);
}

#[test]
fn a_case_may_say_all_that_is_warned_of() {
    let rules = "rules:
  - { name: short, kind: cross_field, severity: warning, condition: size(name) > 1, errorCode: SHORT, message: It is short }
  - { name: late, kind: cross_field, severity: warning, condition: state != \"late\", errorCode: LATE, message: It is late }
";
    let cases = r#"
given: {}
cases:
  - { name: nothing, do: [{ create: { client: { ann: { name: Ann } } } }], expect: { warnings: [] } }
  - { name: one, do: [{ create: { client: { ann: { name: A } } } }], expect: { warnings: [{ errorCode: SHORT }] } }
  - { name: unheeded, do: [{ create: { client: { ann: { name: A } } } }], expect: { findings: [] } }
  - { name: one too many, do: [{ create: { client: { ann: { name: A } } } }], expect: { warnings: [] } }
  - { name: another, do: [{ create: { client: { ann: { name: A, state: late } } } }], expect: { warnings: [{ errorCode: LATE }] } }
  - { name: one too few, do: [{ create: { client: { ann: { name: Ann } } } }], expect: { warnings: [{ errorCode: SHORT }] } }
  - name: of the last transaction
    do: [{ create: { client: { ann: { name: A } } } }, { update: { client: { ann: { name: Ann } } } }]
    expect: { warnings: [] }
"#;
    let files = [("client.case.yml", cases), ("client.validation.yml", rules)];
    let tried = tried(with_files(&files), None);
    let expected = [
        "7 one too many: no warning | SHORT (client of \"cli_…\": It is short)",
        "8 another: no other warning | SHORT (client of \"cli_…\": It is short)",
        "9 one too few: the warning SHORT | none",
    ];
    assert_eq!((tried.cases, without_ids(&failures(&tried))), (7, expected.map(str::to_owned).to_vec()));
}

/// Ids, which are another in every case, as `cli_…`.
fn without_ids(failures: &[String]) -> Vec<String> {
    let shortened = |text: &String| {
        let Some((before, rest)) = text.split_once("cli_") else { return text.clone() };
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        format!("{before}cli_…{rest}")
    };
    failures.iter().map(shortened).collect()
}

#[tokio::test]
async fn a_server_tries_them_beside_what_is_active() {
    let shop = Shop::open();
    let desk: Vec<Bundle> = bundles().into_iter().filter(|bundle| bundle.name().as_str() == "desk").collect();
    let session = shop.session.clone();
    let tried = tokio::task::spawn_blocking(move || session.test_packages(&desk, None)).await.unwrap();
    assert_eq!(tried.unwrap(), Tried { cases: 5, failures: Vec::new() });
    assert!(shop.engine.registry().get("client").is_none(), "nothing of it is kept");
    let trying = shop.engine.trying().lock();
    let busy = shop.session.test_packages(&bundles(), None).unwrap_err();
    assert_eq!(
        (busy.kind, busy.code),
        (ErrorKind::Limited, "REQUESTS_BUSY"),
        "one run for a tenant at a time"
    );
    drop(trying);
    let broken = test_bundles(bundles().split_off(1), &[PackageName::from("desk")].into(), None).unwrap_err();
    assert_eq!((broken.kind, broken.code), (ErrorKind::Invalid, "INVALID_PACKAGES"));
}

/// Every step of triggers and actions that has no test of its own.
#[test]
fn upserts_and_called_actions_hold_what_is_promised() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let bundles = Bundle::read(&[here.join("../packages/core"), here.join("fixtures/counter")]).unwrap();
    let tried = test_bundles(bundles, &[PackageName::from("counter")].into(), None).unwrap();
    assert_eq!((tried.cases, failures(&tried)), (10, Vec::<String>::new()));
}

/// What all packages of this repository promise.
#[test]
fn every_case_of_the_packages_holds() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../packages");
    let folder = |name: &str| here.join(name);
    let clouds = ["core", "crm", "finance", "hr", "marketing", "products", "support"].map(folder);
    for folders in [clouds.as_slice(), [folder("core"), folder("sales_pipeline")].as_slice()] {
        let bundles = Bundle::read(folders).unwrap();
        let packages = bundles.iter().map(|bundle| bundle.name().clone()).collect();
        let tried = test_bundles(bundles, &packages, None).unwrap();
        let told: String = tried.failures.iter().map(|failure| format!("{failure}\n")).collect();
        assert!(told.is_empty(), "{} cases were tried:\n{told}", tried.cases);
    }
}
