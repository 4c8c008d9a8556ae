//! The hash names what is written, not how; what is shipped comes back as it was.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, fs};

use super::Bundle;

fn bundle(files: &[(&str, &str)]) -> Bundle {
    let files: BTreeMap<String, String> =
        files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
    Bundle::of_files("shop", &files).unwrap_or_else(|issues| panic!("{issues}"))
}

const PACKAGE: (&str, &str) = ("package.yml", "name: shop\nversion: 1.0.0\n");

#[test]
fn the_hash_is_of_what_is_written_and_not_how() {
    let first = bundle(&[
        PACKAGE,
        ("a.object.yml", "label: A\nfields: { x: { type: text, maxLength: 5 }, y: { type: date } }"),
    ]);
    let same = [
        bundle(&[
            PACKAGE,
            (
                "deep/a.object.yml",
                "# said\nfields:\n  x: {maxLength: 5, type: text}\n  y: {type: 'date'}\nlabel: \"A\"",
            ),
        ]),
        bundle(&[
            PACKAGE,
            (
                "a.object.json",
                r#"{"label":"A","fields":{"x":{"type":"text","maxLength":5.0},"y":{"type":"date"}}}"#,
            ),
        ]),
    ];
    for other in same {
        assert_eq!(other.hash(), first.hash());
    }
    let different = [
        bundle(&[
            PACKAGE,
            ("a.object.yml", "label: A\nfields: { y: { type: date }, x: { type: text, maxLength: 5 } }"),
        ]),
        bundle(&[
            PACKAGE,
            ("a.object.yml", "label: A\nfields: { x: { type: text, maxLength: 6 }, y: { type: date } }"),
        ]),
        bundle(&[
            PACKAGE,
            ("b.object.yml", "label: A\nfields: { x: { type: text, maxLength: 5 }, y: { type: date } }"),
        ]),
        bundle(&[
            PACKAGE,
            ("i18n/a.yml", "label: A\nfields: { x: { type: text, maxLength: 5 }, y: { type: date } }"),
        ]),
        bundle(&[
            ("package.yml", "name: shop\nversion: 1.0.1\n"),
            ("a.object.yml", "label: A\nfields: { x: { type: text, maxLength: 5 }, y: { type: date } }"),
        ]),
    ];
    for other in different {
        assert_ne!(other.hash(), first.hash());
    }
}

#[test]
fn files_come_back_and_a_build_is_told_apart() {
    let object = ("deep/a.object.yml", "fields: { x: { type: text } }");
    let bundle = bundle(&[PACKAGE, object]);
    let again = Bundle::of_files("shop", &bundle.files()).unwrap();
    assert_eq!((again.hash(), again.files()), (bundle.hash(), bundle.files()));
    assert_eq!(bundle.id(), "shop@1.0.0");
    let build = bundle.clone().as_build(semver::BuildMetadata::new("3f2a").unwrap());
    assert_eq!((build.id().as_str(), build.hash()), ("shop@1.0.0+3f2a", bundle.hash()));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let files = BTreeMap::from([
        ("package.yml".to_owned(), "name: shop\nversion: 1.0.0\n".to_owned()),
        ("a.object.yml".to_owned(), "label: [".to_owned()),
        ("b.txt.yml".to_owned(), "x: 1".to_owned()),
    ]);
    let issues = Bundle::of_files("shop", &files).unwrap_err().to_string();
    assert!(issues.contains("shop/a.object.yml:") && issues.contains("[unknown-file]"), "{issues}");
    let issues = Bundle::of_files("shop", &BTreeMap::new()).unwrap_err().to_string();
    assert!(issues.contains("shop/package.yml"), "{issues}");
}

#[test]
fn a_folder_with_the_very_files_of_a_known_package_is_that_package() {
    let files =
        [PACKAGE, ("a/a.object.yml", "label: A\nfields: { x: { type: text } }"), ("i18n/de.yml", "{}")];
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("shop");
    for (path, text) in files {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let known = [bundle(&[PACKAGE]), bundle(&files)];
    let folders = [folder.path().to_owned()];
    let read = |known: &[Bundle]| Bundle::read_beside(&folders, known).unwrap().remove(0);
    assert!(read(&known).is_very_same(&known[1]));
    assert!(!read(&known[..1]).is_very_same(&known[0]));
    // A build has another version than the folder says; a word more is another text, were it but a comment.
    let built = known[1].clone().as_build(semver::BuildMetadata::new("3f2a").unwrap());
    assert_eq!(read(std::slice::from_ref(&built)).version().to_string(), "1.0.0");
    fs::write(root.join("a/a.object.yml"), "label: A # new\nfields: { x: { type: text } }").unwrap();
    let other = read(&known);
    assert!(!other.is_very_same(&known[1]));
    assert_eq!(other.hash(), known[1].hash());
    assert_eq!(other.origin(), root);
}
