//! Many tenants over shared packages: each costs its difference.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{collections::BTreeMap, fs, sync::Arc};

use quarry_metadata::{Bundle, Registry};

const OBJECTS: usize = 300;
const FIELDS: usize = 20;
const TENANTS: u64 = 12;
/// What 200 tenants over 1,000 objects may take, for one of them and this many objects.
const BYTES_MAX: u64 = (1 << 30) / 200 * 300 / 1_000;

fn bundle(name: &str, files: &[(&str, String)]) -> Bundle {
    let files: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect();
    Bundle::of_files(name, &files).unwrap_or_else(|issues| panic!("{issues}"))
}

fn shared() -> Vec<Bundle> {
    let user = "idPrefix: usr\nfields: { name: { type: text } }\n".to_owned();
    let core = bundle(
        "core",
        &[("package.yml", "name: core\nversion: 1.0.0\n".to_owned()), ("user.object.yml", user)],
    );
    let names: Vec<String> = (0..OBJECTS).map(|number| format!("thing{number}.object.yml")).collect();
    let fields: Vec<String> = (0..FIELDS).map(|field| format!("field{field}: {{ type: text }}")).collect();
    let rules = "rules: [{ name: named, kind: required, fields: [field1], message: Name it }]\n".to_owned();
    let mut files = vec![
        ("package.yml", "name: big\nversion: 1.0.0\ndepends: { core: '*' }\n".to_owned()),
        ("thing3.validation.yml", rules),
    ];
    for (number, name) in names.iter().enumerate() {
        files.push((name, format!("idPrefix: x{number}\nfields: {{ {} }}\n", fields.join(", "))));
    }
    vec![core, bundle("big", &files)]
}

fn own(tenant: usize) -> Bundle {
    let package = "name: own\nversion: 1.0.0\nscope: tenant\ndepends: { core: '*', big: '*' }\n".to_owned();
    let object = format!("extends: thing{tenant}\nfields: {{ own: {{ type: text }} }}\n");
    bundle("own", &[("package.yml", package), ("own.object.yml", object)])
}

/// Bytes of this process in memory, where that can be told.
fn resident() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<u64>().ok()? * 4_096)
}

#[test]
fn a_tenant_costs_its_difference() {
    let shared = shared();
    let (base, _) = Registry::compile(&shared).unwrap();
    let bundles = |tenant| -> Vec<Bundle> { shared.iter().cloned().chain([own(tenant)]).collect() };
    // Beside another or alone: what is compiled is the same. What compiling takes for a while is taken from here on.
    let (alone, beside) = (
        Registry::compile(&bundles(0)).unwrap().0,
        Registry::compile_beside(&bundles(0), Some(&base)).unwrap().0,
    );
    assert_eq!((alone.version, alone.objects), (beside.version, beside.objects));
    let before = resident();
    let mut tenants = Vec::new();
    for tenant in 0..usize::try_from(TENANTS).unwrap() {
        let bundles = bundles(tenant);
        let (registry, places) = Registry::compile_beside(&bundles, Some(&base)).unwrap();
        let same = |name: &str| Arc::ptr_eq(&registry.objects[name], &base.objects[name]);
        let others = base.objects.keys().filter(|name| !same(name.as_str())).count();
        assert_eq!(others, 1, "only what it adds to is its own");
        assert!(Arc::ptr_eq(&registry.rules["thing3"], &base.rules["thing3"]));
        assert_ne!(registry.version, base.version);
        tenants.push((registry, places));
    }
    if let (Some(before), Some(now)) = (before, resident()) {
        let each = now.saturating_sub(before) / TENANTS;
        assert!(each < BYTES_MAX, "{each} bytes a tenant; {BYTES_MAX} at most");
    }
}

/// What is found in objects that are as they were was found before; nothing else is passed over.
#[test]
fn what_is_wrong_is_found_beside_a_known_registry_too() {
    let shared = shared();
    let (base, _) = Registry::compile(&shared).unwrap();
    let package = "name: own\nversion: 1.0.0\ndepends: { core: '*', big: '*' }\n".to_owned();
    let object = "extends: thing7\nfields: { field_1: { type: text } }\n".to_owned();
    let wrong = bundle("own", &[("package.yml", package), ("own.object.yml", object)]);
    let bundles: Vec<Bundle> = shared.into_iter().chain([wrong]).collect();
    let alone = Registry::compile(&bundles).expect_err("two names are one in GraphQL");
    let beside = Registry::compile_beside(&bundles, Some(&base)).expect_err("so they are");
    assert_eq!(alone, beside);
}
