//! The packages that ship with Quarry compile without a warning, and hold what they promise.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::path::{Path, PathBuf};

use quarry_metadata::{FieldKind, Labels, Object, Registry};

fn packages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packages")
}

fn load() -> Registry {
    Registry::load(&[packages()]).unwrap_or_else(|issues| panic!("{issues}"))
}

fn declared(object: &Object) -> usize {
    object.fields.values().filter(|field| !field.system).count()
}

#[test]
fn they_compile_without_a_warning() {
    let registry = load();
    assert!(registry.warnings.0.is_empty(), "{}", registry.warnings);
}

#[test]
fn each_holds_its_objects_and_fields() {
    let registry = load();
    for (package, objects, fields) in [("crm", 13, 363), ("marketing", 2, 26)] {
        let names = &registry.packages[package].objects;
        assert_eq!(names.len(), objects, "{package}: {names:?}");
        let sum: usize = names.iter().map(|name| declared(&registry.objects[name])).sum();
        assert_eq!(
            sum,
            fields,
            "{package}: {:?}",
            names.iter().map(|n| (n, declared(&registry.objects[n]))).collect::<Vec<_>>()
        );
    }
    let names =
        |package: &str| registry.packages[package].objects.iter().map(|n| n.as_str()).collect::<Vec<_>>();
    assert_eq!(names("core"), ["queue", "user"]);
    assert_eq!(names("sales_pipeline"), ["client", "deal", "item", "sales_agent"]);
}

#[test]
fn everything_has_an_english_and_a_chinese_name() {
    let registry = load();
    let mut missing = Vec::new();
    let mut check = |what: String, labels: &Labels| {
        for locale in ["en", "zh-CN"] {
            if labels.0.get(locale).is_none_or(String::is_empty) {
                missing.push(format!("{what}: {locale}"));
            }
        }
    };
    for package in registry.packages.values() {
        check(package.name.to_string(), &package.label);
    }
    for object in registry.objects.values() {
        check(object.name.to_string(), &object.label);
        check(object.name.to_string(), &object.plural_label);
        for field in object.fields.values() {
            let name = format!("{}.{}", object.name, field.name);
            check(name.clone(), &field.label);
            if let FieldKind::Select { options } | FieldKind::MultiSelect { options } = &field.kind {
                options.iter().for_each(|option| check(format!("{name} {}", option.value), &option.label));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn money_is_never_a_float_and_counts_are_whole() {
    let registry = load();
    let kind = |object: &str, field: &str| registry.objects[object].field(field).unwrap().kind.clone();
    assert!(matches!(kind("opportunity", "amount"), FieldKind::Currency { precision: 18, scale: 2, .. }));
    assert!(matches!(kind("account", "number_of_employees"), FieldKind::Number { scale: 0, .. }));
    assert!(matches!(kind("activity", "check_in_latitude"), FieldKind::Number { scale: 7, .. }));
}
