//! What a good package becomes: the fixture packages, as other rooms will see them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use quarry_metadata::{Default_, DeleteBehavior, FieldKind, Registry, RelationKind};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn load() -> Registry {
    Registry::load(&[fixtures()]).unwrap_or_else(|issues| panic!("{issues}"))
}

#[test]
fn packages_and_objects_are_there_by_name() {
    let registry = load();
    assert_eq!(registry.packages.keys().map(|n| n.as_str()).collect::<Vec<_>>(), ["core", "sales"]);
    assert_eq!(
        registry.objects.keys().map(|n| n.as_str()).collect::<Vec<_>>(),
        ["account", "contact", "opportunity", "opportunity_line", "user"]
    );
    assert_eq!(registry.packages["sales"].label.get("zh-CN"), "销售");
    assert!(registry.warnings.0.is_empty(), "{}", registry.warnings);
}

#[test]
fn system_fields_frame_the_declared_ones() {
    let registry = load();
    let names =
        |object: &str| registry.objects[object].fields.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        names("contact").join(" "),
        "id first_name last_name email birthdate best_time account_id created_at created_by updated_at updated_by owner revision package_version"
    );
    let account = names("account");
    assert!(account.contains(&"owner_id".to_owned()) && !account.contains(&"owner".to_owned()));
    let created_by = registry.objects["contact"].field("created_by").unwrap();
    assert!(created_by.system && created_by.readonly);
    assert!(
        matches!(&created_by.kind, FieldKind::Lookup { target, on_delete: DeleteBehavior::Restrict, .. } if target.as_str() == "user")
    );
}

#[test]
fn kinds_have_their_defaults() {
    let registry = load();
    let kind = |object: &str, field: &str| registry.objects[object].field(field).unwrap().kind.clone();
    let none = || (None, None);
    let (min, max) = none();
    assert_eq!(
        kind("account", "annual_revenue"),
        FieldKind::Currency {
            precision: 18,
            scale: 2,
            min: Some("0".into()),
            max: None,
            step: None,
            currency: quarry_metadata::Currency::default(),
        }
    );
    assert_eq!(
        kind("account", "number_of_employees"),
        FieldKind::Number { precision: 18, scale: 0, min: Some("0".into()), max: None, step: None }
    );
    assert_eq!(
        kind("account", "latitude"),
        FieldKind::Number { precision: 10, scale: 7, min, max, step: None }
    );
    let FieldKind::Percent { precision: 7, scale: 4, .. } = kind("opportunity", "probability") else {
        panic!("percent")
    };
    let FieldKind::Lookup { owned: true, on_delete: DeleteBehavior::Cascade, .. } =
        kind("contact", "account_id")
    else {
        panic!("master_detail")
    };
    let contact = &registry.objects["contact"];
    assert!(contact.field("account_id").unwrap().required);
}

#[test]
fn defaults_are_typed() {
    let registry = load();
    let default =
        |object: &str, field: &str| registry.objects[object].field(field).unwrap().default.clone().unwrap();
    assert_eq!(default("account", "owner_id"), Default_::CurrentUser);
    assert_eq!(default("opportunity", "opened_at"), Default_::Now);
    assert_eq!(default("opportunity", "opened_on"), Default_::Today);
    assert_eq!(default("account", "type"), Default_::Value("Prospect".into()));
    assert_eq!(default("opportunity_line", "quantity"), Default_::Value(1.into()));
}

#[test]
fn lookups_make_ways_in_both_directions() {
    let registry = load();
    let ways = |object: &str| {
        let relation = |r: &quarry_metadata::Relation| match &r.kind {
            RelationKind::ToOne { field } => format!("{} = {} by {field}", r.name, r.target),
            RelationKind::ToSeveral { field } => format!("{} = several {} of {field}", r.name, r.target),
            RelationKind::ToMany { field } => format!("{} = {}s with {field}", r.name, r.target),
        };
        let declared = |text: &String| !text.contains("created_by") && !text.contains("updated_by");
        registry.objects[object].relations.values().map(relation).filter(declared).collect::<Vec<_>>()
    };
    assert_eq!(
        ways("account"),
        [
            "owner = user by owner_id",
            "parent = account by parent_id",
            "children = accounts with parent_id",
            "competing = opportunitys with competitors",
            "contacts = contacts with account_id",
            "opportunities = opportunitys with account_id",
        ]
    );
    assert_eq!(
        ways("contact"),
        [
            "account = account by account_id",
            "owner = user by owner",
            "opportunities_by_contact = opportunitys with contact_id",
            "opportunities_by_introduced_by = opportunitys with introduced_by",
        ]
    );
    assert_eq!(
        ways("user"),
        [
            "manager = user by manager_id",
            "owner = user by owner",
            "accounts = accounts with owner_id",
            "reports = users with manager_id"
        ]
    );
}

#[test]
fn indexes_search_names_and_prefixes() {
    let registry = load();
    let object = |name: &str| &registry.objects[name];
    let indexes =
        |name: &str| object(name).indexes.iter().map(|i| (i.name.as_str(), i.unique)).collect::<Vec<_>>();
    assert_eq!(
        indexes("account"),
        [
            ("account_name_key", true),
            ("account_account_number_key", true),
            ("account_owner_id_idx", false),
            ("account_parent_id_idx", false),
            ("account_type_is_active_idx", false),
        ]
    );
    assert!(indexes("opportunity").contains(&("opportunity_name_per_account", true)));
    assert!(indexes("contact").contains(&("contact_owner_idx", false)));
    assert_eq!(
        object("account").searchable.iter().map(|n| n.as_str()).collect::<Vec<_>>(),
        ["name", "description"]
    );
    assert_eq!(object("contact").searchable.iter().map(|n| n.as_str()).collect::<Vec<_>>(), ["last_name"]);
    let prefixes: Vec<_> = registry.objects.values().map(|o| o.id_prefix.as_str()).collect();
    assert_eq!(prefixes, ["acc", "con", "opp", "oppo", "usr"]);
    assert_eq!(object("opportunity_line").name_field.as_str(), "id");
    assert_eq!(object("opportunity").name_field.as_str(), "name");
}

#[test]
fn texts_fall_back_to_english() {
    let registry = load();
    let account = &registry.objects["account"];
    assert_eq!((account.label.get("zh-CN"), account.label.get("de")), ("客户", "Account"));
    assert_eq!((account.plural_label.get("zh-CN"), account.plural_label.get("en")), ("客户", "Accounts"));
    assert_eq!(account.field("owner_id").unwrap().label.get("en"), "Owner");
    assert_eq!(account.field("created_at").unwrap().label.get("zh-CN"), "建立时间");
    let FieldKind::Select { options } = &account.field("type").unwrap().kind else { panic!("a select") };
    assert_eq!((options[0].label.get("zh-CN"), options[1].label.get("zh-CN")), ("潜在客户", "Customer"));
    assert!(!options[2].active);
}

#[test]
fn the_version_names_the_content_and_not_its_writing() {
    let first = load().version;
    assert_eq!(first.len(), 64);
    assert_eq!(
        Registry::load(&[fixtures().join("sales"), fixtures().join("core"), fixtures()]).unwrap().version,
        first
    );

    let copy = tempfile::tempdir().unwrap();
    for file in ["core/package.yml", "core/user.object.yml", "sales/package.yml"] {
        write(copy.path(), file, &fs::read_to_string(fixtures().join(file)).unwrap());
    }
    let object =
        "label: A\nfields: { name: { type: text, required: true }, size: { scale: 0, type: number } }\n";
    let reordered = "fields:\n  name:\n    required: true\n    type: text\n  size: { type: number, scale: 0 }\nlabel: A\n";
    let version_of = |file: &str, text: &str| {
        write(copy.path(), file, text);
        let version = Registry::load(&[copy.path().to_owned()]).unwrap().version;
        fs::remove_file(copy.path().join(file)).unwrap();
        version
    };
    let version = version_of("sales/thing.object.yml", object);
    assert_eq!(
        version_of("sales/zoo/thing.object.yaml", reordered),
        version,
        "another order of keys and files"
    );
    let other = version_of("sales/thing.object.yml", &object.replace("label: A", "label: B"));
    assert_ne!(other, version, "another label");
    let columns = version_of("sales/thing.object.yml", &reordered.replace("size", "aaaa"));
    assert_ne!(columns, version, "another field");
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn the_family_s_other_spellings_are_read() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "core/package.yml",
        &fs::read_to_string(fixtures().join("core/package.yml")).unwrap(),
    );
    write(
        folder.path(),
        "core/user.object.yml",
        &fs::read_to_string(fixtures().join("core/user.object.yml")).unwrap(),
    );
    write(folder.path(), "a/package.yml", "name: a\nversion: 1.0.0\ndepends: { core: '*', b: '>=1, <2' }\n");
    write(folder.path(), "b/package.yml", "name: b\nversion: 1.9.0-rc.1\ndepends: { a: ^1 }\n");
    let object = "
name: price_book
plural_label: Books
name_field: code
searchable_fields: [code]
fields:
  code: { type: text, max_length: 10, external_id: true }
  rate: { type: percent, precision: 2 }
  parts: { type: number, precision: 0, defaultValue: 0 }
  colors: { type: select, multiple: true, options: [Red, Green], default: Red }
  owner_id: { type: lookup, reference_to: sys_user, defaultValue: current_user, delete_behavior: restrict }
  other: { type: lookup, reference: PriceBook }
";
    write(folder.path(), "a/price-book.object.yml", object);
    let issues =
        Registry::load(&[folder.path().to_owned()]).expect_err("a pre-release is outside of a plain range");
    assert_eq!(
        issues.0.iter().filter(|i| i.severity == quarry_metadata::Severity::Error).count(),
        1,
        "{issues}"
    );
    write(folder.path(), "b/package.yml", "name: b\nversion: 1.9.0\ndepends: { a: ^1 }\n");
    let registry = Registry::load(&[folder.path().to_owned()]).unwrap_or_else(|issues| panic!("{issues}"));
    let codes: Vec<_> =
        registry.warnings.0.iter().map(|warning| (warning.code, warning.place.path.as_str())).collect();
    assert_eq!(
        codes,
        [
            ("precision-without-scale", "fields.rate.precision"),
            ("precision-without-scale", "fields.parts.precision"),
        ]
    );
    let book = &registry.objects["price_book"];
    let kind = |field: &str| book.field(field).unwrap().kind.clone();
    assert!(matches!(kind("rate"), FieldKind::Percent { precision: 5, scale: 2, .. }));
    assert!(matches!(kind("parts"), FieldKind::Number { precision: 18, scale: 0, .. }));
    assert!(matches!(kind("colors"), FieldKind::MultiSelect { .. }));
    assert!(matches!(kind("other"), FieldKind::Lookup { target, .. } if target.as_str() == "price_book"));
    assert!(matches!(kind("owner_id"), FieldKind::Lookup { on_delete: DeleteBehavior::Restrict, .. }));
    assert_eq!(book.plural_label.get("en"), "Books");
    assert!(book.field("code").unwrap().unique);
}
