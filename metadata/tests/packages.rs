//! The packages that ship with Quarry compile without a warning, and hold what they promise.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use quarry_metadata::{
    FieldKind, Labels, Registry,
    permissions::{Act, Effect, FieldRead, PermissionSet, RecordRule},
};

fn packages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packages")
}

fn load() -> Registry {
    Registry::load(&[packages()]).unwrap_or_else(|issues| panic!("{issues}"))
}

#[test]
fn they_compile_without_a_warning() {
    let registry = load();
    assert!(registry.warnings.0.is_empty(), "{}", registry.warnings);
}

/// The objects and fields of `clouds.txt`, in the order of the file: package, object, field.
fn promised() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut all = Vec::new();
    let (mut package, mut object) = ("", "");
    for line in include_str!("clouds.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if !line.starts_with(' ') {
            package = line;
            continue;
        }
        for word in line.split_whitespace() {
            match word.strip_suffix(':') {
                Some(name) => object = name,
                None => all.push((package, object, word.split("->").last().unwrap())),
            }
        }
    }
    all
}

#[test]
fn the_six_clouds_hold_all_that_was_promised() {
    let registry = load();
    let promised = promised();
    let objects: BTreeSet<_> = promised.iter().map(|(_, object, _)| *object).collect();
    assert_eq!((objects.len(), promised.len()), (65, 1_643));
    let missing: Vec<_> = promised
        .iter()
        .filter(|(_, object, field)| registry.get(object).is_none_or(|found| found.field(field).is_none()))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
    // The queue is of use without a help desk, too.
    let elsewhere: Vec<_> = promised
        .iter()
        .filter(|(package, object, _)| registry.objects[*object].package.as_str() != *package)
        .map(|(_, object, _)| *object)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(elsewhere, ["queue"]);
}

#[test]
fn what_was_dangling_refers_to_something_real() {
    let registry = load();
    let target = |object: &str, field: &str| match &registry.objects[object].field(field).unwrap().kind {
        FieldKind::Lookup { target, .. } => target.to_string(),
        kind => panic!("{object}.{field} is {kind:?}"),
    };
    for (object, field, expected) in [
        ("account", "owner_id", "user"),
        ("case", "asset_id", "asset"),
        ("discount_schedule", "approval_matrix_id", "approval_matrix"),
        ("escalation_rule", "escalate_to_role_id", "role"),
        ("quote", "p_d_f_document_id", "document"),
        ("quote", "template_id", "quote_template"),
        ("quote_line_item", "pricebook_entry_id", "pricebook_entry"),
        ("web_to_case", "auto_response_template_id", "email_template"),
    ] {
        assert_eq!(target(object, field), expected, "{object}.{field}");
    }
}

#[test]
fn everything_has_an_english_a_chinese_and_a_german_name() {
    let registry = load();
    let mut missing = Vec::new();
    let mut check = |what: String, labels: &Labels| {
        for locale in ["en", "zh-CN", "de"] {
            if labels.0.get(locale).is_none_or(String::is_empty) {
                missing.push(format!("{what}: {locale}"));
            }
        }
    };
    for package in registry.packages.values() {
        check(package.name.to_string(), &package.label);
    }
    for set in registry.permission_sets.values() {
        check(set.name.clone(), &set.label);
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

/// Whose records are for everyone was thought about, object by object: nothing is private by accident.
#[test]
fn every_object_says_whose_its_records_are() {
    let registry = load();
    let mut silent = Vec::new();
    for object in registry.objects.values() {
        let (package, name) = (&object.package, &object.name);
        let file = packages().join(format!("{package}/{name}/{name}.object.yml"));
        let text = std::fs::read_to_string(file).unwrap();
        if !text.lines().any(|line| line.starts_with("sharingModel: ")) {
            silent.push(name.to_string());
        }
    }
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn nobody_but_who_answers_for_it_sees_what_people_are_paid() {
    let registry = load();
    let pay = [
        ("employee", "base_salary"),
        ("payroll", "net_pay"),
        ("payroll", "base_salary"),
        ("position", "max_salary"),
        ("recruitment", "salary_range_max"),
        ("candidate", "current_salary"),
        ("offer", "base_salary"),
    ];
    let mut seen = BTreeSet::new();
    for (object, field) in pay {
        for set in registry.permission_sets.values() {
            let Some(grant) = set.objects.get(object) else { continue };
            let of_field = *grant.fields.get(field).unwrap_or(&grant.other_fields);
            let is_masked = registry.objects[object].field(field).unwrap().mask.is_some();
            let is_shown = match of_field.read {
                FieldRead::Hidden => false,
                FieldRead::AsDeclared => !is_masked,
                FieldRead::Clear => true,
            };
            // Of the pay slips everybody sees his own, by a rule, and those of others are denied to whoever is above their owner, too.
            let denies = |rule: &RecordRule| rule.effect == Effect::Deny && rule.acts.contains(&Act::Read);
            let is_own = object == "payroll" && grant.records.iter().any(denies);
            if is_shown && !is_own {
                seen.insert(set.name.as_str());
            }
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["hr_manager", "recruiter"]);
    assert!(!registry.permission_sets["recruiter"].objects.contains_key("payroll"));
}

#[test]
fn every_object_is_worked_on_by_somebody() {
    let registry = load();
    let mut nobodys = Vec::new();
    for object in registry.objects.keys() {
        let works = |set: &PermissionSet| {
            set.objects.get(object).is_some_and(|grant| grant.allow.contains(&Act::Update))
        };
        if !registry.permission_sets.values().any(|set| works(set)) {
            nobodys.push(object.as_str());
        }
    }
    // Set up by who runs the system, or brought in by an import.
    assert_eq!(nobodys, ["client", "item", "role", "sales_agent"]);
}
