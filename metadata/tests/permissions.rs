//! Permission sets, sharing and masks that compile: what becomes of what is written. What is refused stands in `refused/`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::{collections::BTreeMap, sync::Arc};

use quarry_metadata::{
    Bundle, FieldName, Object, Registry,
    expression::{Root, UserList},
    permissions::{Act, Actions, Capability, Effect, FieldGrant, FieldRead, Grant, Mask, Sharing},
};

const CORE: &str = "name: core\nversion: 1.0.0\n";
const USER: &str = "
fields:
  name: { type: text, required: true }
  region: { type: text }
  manager_id: { type: lookup, reference: user }
";
const SHOP: &str = "name: shop\nversion: 1.0.0\ndepends: { core: '*' }\n";
const ORDER: &str = "
alias: purchase
fields:
  name: { type: text, required: true }
  sum: { type: currency, alias: amount }
  region: { type: text }
  mail: { type: email, maskAs: email }
  about: { type: lookup, reference: [user, order] }
";
const LINE: &str = "
sharingModel: controlledByParent
fields:
  order_id: { type: master_detail, reference: order, reverseName: lines }
  note: { type: text }
";
const ACTIONS: &str = "
actions:
  - { name: approve, steps: [{ update: { path: this, values: { region: '\"x\"' } } }] }
";

fn bundle(name: &str, files: &[(&str, &str)]) -> Bundle {
    let files: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    Bundle::of_files(name, &files).unwrap_or_else(|issues| panic!("{issues}"))
}

fn core() -> Bundle {
    bundle("core", &[("package.yml", CORE), ("user.object.yml", USER)])
}

/// The shop beside core, with more files.
fn shop(more: &[(&str, &str)]) -> Bundle {
    let files = [
        ("package.yml", SHOP),
        ("order.object.yml", ORDER),
        ("line.object.yml", LINE),
        ("order.action.yml", ACTIONS),
    ];
    let given = |path: &str| more.iter().any(|(other, _)| *other == path);
    let files: Vec<_> =
        files.into_iter().filter(|(path, _)| !given(path)).chain(more.iter().copied()).collect();
    bundle("shop", &files)
}

fn compile(bundles: &[Bundle]) -> Registry {
    let (registry, _) = Registry::compile(bundles).unwrap_or_else(|issues| panic!("{issues}"));
    assert!(registry.warnings.0.is_empty(), "{}", registry.warnings);
    registry
}

fn with(more: &[(&str, &str)]) -> Registry {
    compile(&[core(), shop(more)])
}

fn grant<'r>(registry: &'r Registry, set: &str, object: &str) -> &'r Grant {
    registry.permission_sets[set].objects.get(object).unwrap_or_else(|| panic!("{set} on {object}"))
}

const SELLER: &str = "
label: { en: Seller, de: Verkauf }
description: Who sells.
includes: [reader]
capabilities: [viewAudit, manage_users]
objects:
  order:
    allow: [create, read, edit]
    actions: approve
    fields: { sum: read, mail: { mask: false }, about: none, '*': { update: true } }
    records:
      - { name: here, allow: read, when: 'region == user.region || owner in user.subordinates' }
      - { name: large, deny: [update, read], when: 'sum > 100 && !(\"reader\" in user.roles)' }
  line: read
";

#[test]
fn a_set_holds_what_is_written_in_it() {
    let registry = with(&[
        ("seller.permissionset.yml", SELLER),
        ("reader.permissionset.yml", "includes: [guest]\nobjects: { order: all }\n"),
        ("guest.permissionset.json", "{ \"objects\": { \"user\": [\"read\", \"view_all\"] } }"),
    ]);
    let names: Vec<&str> = registry.permission_sets.keys().map(String::as_str).collect();
    assert_eq!(names, ["guest", "reader", "seller"]);
    let seller = &registry.permission_sets["seller"];
    assert_eq!((seller.label.get("de"), seller.label.get("zh-CN")), ("Verkauf", "Seller"));
    assert_eq!(seller.description.as_deref(), Some("Who sells."));
    assert_eq!(seller.package.as_str(), "shop");
    assert_eq!(seller.includes, ["guest".to_owned(), "reader".to_owned()].into());
    assert_eq!(seller.capabilities, [Capability::ViewAudit, Capability::ManageUsers].into());
    assert_eq!(registry.permission_sets["guest"].label.get("en"), "Guest");

    let order = grant(&registry, "seller", "order");
    assert_eq!(order.allow, [Act::Create, Act::Read, Act::Update].into());
    assert_eq!(order.actions, Actions::Only(["approve".to_owned()].into()));
    let said = |name: &str| order.fields.get(&FieldName::from(name)).copied();
    assert_eq!(said("sum"), Some(FieldGrant { read: FieldRead::AsDeclared, update: false }));
    assert_eq!(said("mail"), Some(FieldGrant { read: FieldRead::Clear, update: true }));
    for part in ["about", "about_type", "about_user_id", "about_order_id"] {
        assert_eq!(said(part), Some(FieldGrant::NONE), "{part}");
    }
    assert_eq!((said("name"), order.other_fields), (None, FieldGrant::default()));
    let [here, large] = order.records.as_slice() else { panic!("two rules") };
    assert_eq!((here.effect, &here.acts), (Effect::Allow, &[Act::Read].into()));
    assert_eq!((large.effect, &large.acts), (Effect::Deny, &[Act::Update, Act::Read].into()));
    let needs = here.when.needs();
    assert!(needs.reads(&Root::User) && needs.lists.contains(&UserList::Subordinates));

    let all = grant(&registry, "reader", "order");
    assert_eq!((all.allow.len(), &all.actions, all.records.len()), (8, &Actions::default(), 0));
    assert_eq!(grant(&registry, "guest", "user").allow, [Act::Read, Act::ViewAll].into());
    assert_eq!(grant(&registry, "seller", "line").allow, [Act::Read].into());
}

#[test]
fn it_is_the_same_in_other_words_and_in_another_place() {
    let ours = with(&[(
        "seller.permissionset.yml",
        "objects: { order: { allow: [read, update, viewAll], fields: { sum: read, name: none } }, line: read }\n",
    )]);
    let newest = with(&[(
        "seller.permissionset.yml",
        "
objects:
  order: { allowRead: true, allow_edit: true, allowDelete: false, viewAllRecords: true, fields: { sum: { readable: true } } }
  line: { allowRead: true }
fields: { order.name: { readable: false, editable: false } }
",
    )]);
    let beside = with(&[
        ("seller.permissionset.yml", "label: Seller\n"),
        ("deep/line.permission.yml", "sets: { seller: [read] }\n"),
        (
            "order.permission.yml",
            "sharingModel: private\nsets: { seller: { fields: { name: { read: false }, sum: { update: false } }, allow: [viewAll, update, read] } }\n",
        ),
    ]);
    assert_eq!(ours.permission_sets, newest.permission_sets);
    assert_eq!(ours.permission_sets, beside.permission_sets);
    assert_eq!(ours.version, beside.version);
    let other = with(&[("seller.permissionset.yml", "objects: { order: read }\n")]);
    assert_ne!(ours.version, other.version);
}

#[test]
fn former_names_go_on_granting() {
    let registry = with(&[(
        "seller.permissionset.yml",
        "objects: { purchase: { allow: [read, update], fields: { amount: read }, records: [{ name: a, allow: read, when: 'amount > 5' }] } }\n",
    )]);
    let order = grant(&registry, "seller", "order");
    assert!(order.fields.contains_key(&FieldName::from("sum")), "{:?}", order.fields);
    let needs = order.records[0].when.needs();
    assert!(needs.of(&Root::Record).any(|(path, _)| path.field.as_str() == "sum"));
}

#[test]
fn another_package_grants_on_its_objects_and_on_those_that_it_stands_on() {
    let more = bundle(
        "more",
        &[
            ("package.yml", "name: more\nversion: 1.0.0\ndepends: { core: '*', shop: '*' }\n"),
            ("thing.object.yml", "fields: { name: { type: text } }\n"),
            ("thing.permission.yml", "sets: { seller: [read] }\n"),
            ("line.permission.yml", "extends: line\nsets: { seller: [read], trader: [read] }\n"),
            ("trader.permissionset.yml", "includes: [seller]\nobjects: { order: read }\n"),
        ],
    );
    let own = shop(&[("seller.permissionset.yml", "objects: { order: read }\n")]);
    let registry = compile(&[core(), own.clone(), more]);
    let by =
        |set: &str, object: &str| grant(&registry, set, object).added_by.as_ref().map(ToString::to_string);
    assert_eq!(by("seller", "order"), None);
    assert_eq!(by("seller", "thing").as_deref(), Some("more"));
    assert_eq!(by("seller", "line").as_deref(), Some("more"));
    assert_eq!(by("trader", "line"), None);
    // The shop alone knows nothing of it.
    let alone = compile(&[core(), own]);
    assert_eq!(alone.permission_sets["seller"].objects.len(), 1);
}

fn sharing(object: &str) -> Sharing {
    let registry = with(&[("thing.object.yml", object)]);
    registry.objects["thing"].sharing.clone()
}

#[test]
fn sharing_is_what_its_object_says() {
    let with = |says: &str| {
        sharing(&format!(
            "{says}fields: {{ name: {{ type: text }}, order_id: {{ type: lookup, reference: order, alias: buy }} }}\n"
        ))
    };
    assert_eq!(with(""), Sharing::Private);
    assert_eq!(with("sharingModel: private\n"), Sharing::Private);
    for says in ["public_read", "publicRead"] {
        assert_eq!(with(&format!("sharing_model: {says}\n")), Sharing::PublicRead);
    }
    assert_eq!(with("sharingModel: public_read_write\n"), Sharing::PublicReadWrite);
    let parent = Sharing::Parent(FieldName::from("order_id"));
    for by in ["order_id", "buy"] {
        assert_eq!(with(&format!("sharingModel: controlled_by_parent\ncontrolledBy: {by}\n")), parent);
    }
    let registry = self::with(&[("order.permission.yml", "sharingModel: publicReadWrite\n")]);
    assert_eq!(registry.objects["line"].sharing, parent);
    assert_eq!(registry.objects["order"].sharing, Sharing::PublicReadWrite);
}

#[test]
fn masks_are_of_fields() {
    let registry = with(&[(
        "thing.object.yml",
        "
fields:
  name: { type: text }
  phone: { type: phone, maskAs: phone }
  iban: { type: text, unique: true, mask_as: last4 }
  who: { type: text, maskAs: name }
  born: { type: date, maskAs: year }
  pay: { type: currency, maskAs: all }
  tags: { type: tags, options: [a], maskAs: all }
  place: { type: address, maskAs: all }
  twice: { type: formula, returnType: currency, expression: pay * 2, maskAs: all }
",
    )]);
    let mask = |field: &str| registry.objects["thing"].field(field).unwrap().mask;
    let expected = [
        ("name", None),
        ("phone", Some(Mask::Phone)),
        ("iban", Some(Mask::Last4)),
        ("who", Some(Mask::Name)),
        ("born", Some(Mask::Year)),
        ("pay", Some(Mask::All)),
        ("tags", Some(Mask::All)),
        ("place", Some(Mask::All)),
        ("twice", Some(Mask::All)),
    ];
    for (field, expected) in expected {
        assert_eq!(mask(field), expected, "{field}");
    }
}

#[test]
fn what_is_the_same_is_held_once() {
    let set = ("seller.permissionset.yml", SELLER);
    let reader = |what: &'static str| ("reader.permissionset.yml", what);
    let before = with(&[set, reader("objects: { order: read }\n")]);
    let other = [core(), shop(&[set, reader("objects: { order: [read, export] }\n")])];
    let (after, _) = Registry::compile_beside(&other, Some(&before)).unwrap();
    let same = |name: &str| Arc::ptr_eq(&before.permission_sets[name], &after.permission_sets[name]);
    assert!(same("seller") && !same("reader"));
    // An object is another when its records are others'.
    let public = [
        core(),
        shop(&[
            set,
            reader("objects: { order: read }\n"),
            ("order.permission.yml", "sharingModel: public_read\n"),
        ]),
    ];
    let (shared, _) = Registry::compile_beside(&public, Some(&before)).unwrap();
    let object = |registry: &Registry, name: &str| -> Arc<Object> { Arc::clone(&registry.objects[name]) };
    assert!(!Arc::ptr_eq(&object(&before, "order"), &object(&shared, "order")));
    assert!(Arc::ptr_eq(&object(&before, "line"), &object(&shared, "line")));
    assert_ne!(before.version, shared.version);
}

/// What is published is what is listed: nothing of permissions is lost on the way.
#[test]
fn permission_files_are_published_with_their_package() {
    let bundle = shop(&[
        ("a/seller.permissionset.yml", SELLER),
        ("a/reader.permissionset.yml", "objects: { order: read }\n"),
        ("order/line.permission.yml", "sets: { reader: [read] }\n"),
    ]);
    let files = bundle.files();
    for path in ["a/seller.permissionset.yml", "a/reader.permissionset.yml", "order/line.permission.yml"] {
        assert!(files.contains_key(path), "{path}: {:?}", files.keys());
    }
    let again = Bundle::of_files("shop", &files).unwrap();
    assert_eq!(again.hash(), bundle.hash());
    let less = shop(&[
        ("a/seller.permissionset.yml", SELLER),
        ("a/reader.permissionset.yml", "objects: { order: read }\n"),
        ("order/line.permission.yml", "sets: { reader: [read, export] }\n"),
    ]);
    assert_ne!(less.hash(), bundle.hash());
}

/// The codes and messages of what keeps the shop with this file from compiling.
fn refused(files: &[(&str, &str)]) -> String {
    let issues = Registry::compile(&[core(), shop(files)]).expect_err("it is too much");
    issues.to_string()
}

#[test]
fn everything_has_a_limit() {
    let list = |item: &str| (0..33).map(|at| format!("{item}{at}")).collect::<Vec<_>>().join(", ");
    let rules = (0..33).map(|at| format!("{{ name: r{at}, allow: read, when: 'true' }}"));
    let rules = rules.collect::<Vec<_>>().join(", ");
    let cases = [
        (format!("includes: [{}]\n", list("a")), "more than 32 sets"),
        (format!("objects: {{ order: [{}] }}\n", list("a")), "more than 32 entries"),
        (
            format!("objects: {{ order: {{ allow: read, records: [{rules}] }} }}\n"),
            "more than 32 rules about records in one grant",
        ),
    ];
    for (text, expected) in cases {
        let told = refused(&[("seller.permissionset.yml", &text)]);
        assert!(told.contains(expected) && told.contains("[too-many]"), "{told}");
    }
    let names: Vec<String> = (0..=500).map(|at| format!("s{at}.permissionset.yml")).collect();
    let sets: Vec<(&str, &str)> =
        names.iter().map(|name| (name.as_str(), "objects: { order: read }\n")).collect();
    let told = refused(&sets);
    assert!(told.contains("more than 500 permission sets in one registry"), "{told}");
    assert!(Registry::compile(&[core(), shop(&sets[..500])]).is_ok());
}
