//! The packages that are shipped: they compile without a word, and every label is there in both languages.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

use quarry_metadata::{FieldKind, Labels, Registry};

fn shipped() -> Registry {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packages");
    Registry::load(&[folder]).unwrap_or_else(|issues| panic!("{issues}"))
}

fn own_fields(registry: &Registry, package: &str) -> Vec<(String, usize)> {
    let objects = registry.objects.values().filter(|object| object.package.as_str() == package);
    objects
        .map(|object| {
            let own = object.fields.values().filter(|field| !field.system && field.kind != FieldKind::Id);
            (object.name.to_string(), own.count())
        })
        .collect()
}

#[test]
fn every_object_and_field_of_the_crm_is_there() {
    let registry = shipped();
    assert!(registry.warnings.0.is_empty(), "{}", registry.warnings);
    let crm = own_fields(&registry, "crm");
    assert_eq!(crm.len(), 13, "{crm:?}");
    assert_eq!(crm.iter().map(|(_, count)| count).sum::<usize>(), 363, "{crm:?}");
    let marketing = own_fields(&registry, "marketing");
    assert_eq!(marketing, [("campaign".to_owned(), 12), ("campaign_member".to_owned(), 14)]);
}

#[test]
fn every_label_is_there_in_english_and_chinese() {
    let registry = shipped();
    let mut missing = Vec::new();
    let mut check = |what: String, labels: &Labels| {
        for locale in ["en", "zh-CN"] {
            if labels.0.get(locale).is_none_or(String::is_empty) {
                missing.push(format!("{what} has no label in {locale}"));
            }
        }
    };
    for package in registry.packages.values() {
        check(package.name.to_string(), &package.label);
    }
    for object in registry.objects.values() {
        check(object.name.to_string(), &object.label);
        check(object.name.to_string(), &object.plural_label);
        for field in object.fields.values().filter(|field| !field.system && field.kind != FieldKind::Id) {
            let name = format!("{}.{}", object.name, field.name);
            check(name.clone(), &field.label);
            if let FieldKind::Select { options } | FieldKind::MultiSelect { options } = &field.kind {
                options.iter().for_each(|option| check(format!("{name} {}", option.value), &option.label));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_object_can_be_searched_and_has_its_own_id_prefix() {
    let registry = shipped();
    for object in registry.objects.values() {
        assert!(!object.searchable.is_empty(), "{} can't be searched", object.name);
        let twin = registry.objects.values().find(|o| o.id_prefix == object.id_prefix && o.name != object.name);
        assert!(twin.is_none(), "{} and {:?} share a prefix", object.name, twin.map(|o| &o.name));
    }
}
