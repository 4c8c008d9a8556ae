//! What becomes of references to a record of one of several objects.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::{collections::BTreeMap, path::Path};

use quarry_metadata::{Bundle, FieldKind, Issues, Registry};

fn compile(packages: &[(&str, &[(&str, String)])]) -> Result<Registry, Issues> {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/core");
    let mut bundles = Bundle::read(&[core]).unwrap();
    for (name, files) in packages {
        let files: BTreeMap<String, String> =
            files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect();
        bundles.push(Bundle::of_files(name, &files).unwrap_or_else(|issues| panic!("{issues}")));
    }
    Registry::compile(&bundles).map(|(registry, _)| registry)
}

fn package(name: &str, depends: &str) -> String {
    format!("name: {name}\nversion: 1.0.0\ndepends: {{ core: '*'{depends} }}\n")
}

#[test]
fn it_is_laid_out_as_lookups_with_an_id_and_a_type() {
    let note = "
label: { en: Note, de: Notiz }
fields:
  title: { type: text }
  what_id:
    type: lookup
    label: { en: Subject, de: Bezug }
    reference: [Thing, users]
    reverseName: notes
    required: true
    deleteBehavior: cascade
  after: { type: text }
"
    .to_owned();
    let thing = "label: { en: Thing, de: Ding }\nfields: { name: { type: text } }\n".to_owned();
    let more = "extends: note\nreferences: { what_id: [place] }\n".to_owned();
    let place = "fields: { name: { type: text } }\n".to_owned();
    let registry = compile(&[
        (
            "shop",
            &[("package.yml", package("shop", "")), ("note.object.yml", note), ("thing.object.yml", thing)],
        ),
        (
            "plus",
            &[
                ("package.yml", package("plus", ", shop: '*'")),
                ("note.object.yml", more),
                ("place.object.yml", place),
            ],
        ),
    ])
    .unwrap_or_else(|issues| panic!("{issues}"));
    let object = &registry.objects["note"];
    let names: Vec<&str> = object.fields.keys().map(|name| name.as_str()).skip(1).take(7).collect();
    let expected =
        ["title", "what_id", "what_type", "what_thing_id", "what_user_id", "what_place_id", "after"];
    assert_eq!(names, expected, "where it is declared");
    let field = |name: &str| &object.fields[name];
    assert!(
        matches!(&field("what_id").kind, FieldKind::Formula { returns, stored: true, .. } if **returns == FieldKind::Id)
    );
    assert!(field("what_id").required && field("what_id").index && !field("what_id").readonly);
    let FieldKind::Formula { returns, stored: true, .. } = &field("what_type").kind else {
        panic!("it is kept")
    };
    let FieldKind::Select { options } = &**returns else { panic!("it is one of the objects") };
    let told: Vec<_> = options.iter().map(|option| (option.value.as_str(), option.label.get("de"))).collect();
    assert_eq!(told, [("thing", "Ding"), ("user", "User"), ("place", "Place")]);
    let lookup = field("what_thing_id");
    assert!(!lookup.required && lookup.hidden && lookup.index && object.must_refer(lookup));
    assert_eq!(lookup.label.get("de"), "Bezug (Ding)");
    assert_eq!(field("what_place_id").added_by.as_ref().map(|name| name.as_str()), Some("plus"));
    for other in ["thing", "user", "place"] {
        assert!(registry.objects[other].relation("notes").is_some(), "the way back from {other}");
        assert!(object.relation(&format!("what_{other}")).is_some());
    }
    assert_eq!(object.polymorphic[0].members.len(), 3);
}

#[test]
fn it_leads_to_as_many_objects_as_there_may_be() {
    let with = |count: usize| {
        let name = |at: usize| format!("thing{at}");
        let names: Vec<String> = (0..count).map(name).collect();
        let note = format!(
            "fields:\n  title: {{ type: text }}\n  what_id: {{ type: lookup, reference: [{}] }}\n",
            names.join(", ")
        );
        let paths: Vec<String> = names.iter().map(|name| format!("{name}.object.yml")).collect();
        let mut files = vec![("package.yml", package("shop", "")), ("note.object.yml", note)];
        files.extend(
            paths.iter().map(|path| (path.as_str(), "fields: { name: { type: text } }\n".to_owned())),
        );
        let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/core");
        let mut bundles = Bundle::read(&[core]).unwrap();
        let files: BTreeMap<String, String> =
            files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect();
        bundles.push(Bundle::of_files("shop", &files).unwrap_or_else(|issues| panic!("{issues}")));
        Registry::compile(&bundles).map(|(registry, _)| registry)
    };
    // In a test's thread, whose stack is small.
    let most = with(32).unwrap_or_else(|issues| panic!("{issues}"));
    assert_eq!(most.objects["note"].polymorphic[0].members.len(), 32);
    let issues = with(33).expect_err("one too many");
    assert!(issues.to_string().contains("at most 32 objects"), "{issues}");
}
