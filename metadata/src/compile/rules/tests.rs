//! Rules as they come out of the compiler, from files that lie in a folder of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{fs, path::Path};

use crate::{
    Registry,
    compile::{ParsedSource, compile_rules, rules::Kept},
    issue::Issues,
    read::read_packages,
    rules::{Check, Event, Phase, Piece, Step, Target, Weight},
};

const ORDER: &str = "
fields:
  name: { type: text, required: true }
  status: { type: select, options: [{ value: new }, { value: sent }, { value: paid }] }
  total: { type: number, scale: 2 }
  code: { type: text, index: true }
  customer_id: { type: lookup, reference: customer, reverseName: orders }
";

/// The registry of a package `shop` with these files beside its objects; rules are looked at whether they are kept yet or not.
fn shop(files: &[(&str, &str)]) -> Result<Registry, Issues> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("shop/package.yml", "{ name: shop, version: 1.0.0, label: Shop, depends: { core: ^1.0 } }");
    write("shop/order.object.yml", ORDER);
    write("shop/customer.object.yml", "fields: { name: { type: text, required: true } }");
    for (name, text) in files {
        write(&format!("shop/{name}"), text);
    }
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/core");
    let sources = read_packages(&[folder.path().to_owned(), core], &mut Issues::default());
    let parsed: Vec<ParsedSource> = sources.iter().map(ParsedSource::of).collect();
    let parsed = parsed.iter().map(|source| (source, None));
    compile_rules(parsed, None, Kept::AndLater, Issues::default()).map(|(registry, _)| registry)
}

#[test]
fn kinds_and_foreign_types_come_to_the_same() {
    let own = shop(&[(
        "order.validation.yml",
        "rules: [{ name: paid, kind: conditional, when: status == \"paid\", condition: total > 0, fields: [total], message: x }]",
    )]);
    let foreign = shop(&[(
        "order.validation.yml",
        "rules: [{ name: paid, type: script, condition: status == \"paid\" && !(total > 0), fields: [total], message: x }]",
    )]);
    let broken = |registry: Registry| registry.rules["order"].validations[0].check.clone();
    let (own, foreign) = (broken(own.unwrap()), broken(foreign.unwrap()));
    assert!(matches!(own, Check::Broken(_)));
    assert_eq!(own, foreign);
}

#[test]
fn what_a_validation_says_has_its_defaults() {
    let text = "rules: [{ name: named, kind: required, field: name, severity: error, message: { en: \"{status}: no name, {status}\", de: \"{status}\" } }]";
    let registry = shop(&[("order.validation.yml", text)]).unwrap();
    let rule = &registry.rules["order"].validations[0];
    assert_eq!(rule.error_code, "NAMED");
    assert_eq!(rule.severity, Weight::Error);
    assert_eq!(rule.on, [Event::Create, Event::Update].into());
    assert_eq!(rule.message.values.len(), 1, "a value that is named twice is there once");
    let told = [Piece::Value(0), Piece::Text(": no name, ".to_owned()), Piece::Value(0)];
    assert_eq!(rule.message.get("fr-FR"), told);
    assert_eq!(rule.message.get("de-AT"), [Piece::Value(0)]);
}

#[test]
fn a_machine_says_what_may_follow() {
    let text =
        "{ field: status, initial: new, transitions: { new: [sent], sent: [paid, new] }, message: no }";
    let registry = shop(&[("order.workflow.yml", text)]).unwrap();
    let machine = &registry.rules["order"].machines[0];
    assert_eq!((machine.name.as_str(), machine.error_code.as_str()), ("status", "STATUS_STATE"));
    assert!(machine.may_begin("new") && !machine.may_begin("sent"));
    let follows =
        [("new", "sent", true), ("new", "paid", false), ("paid", "new", false), ("paid", "paid", true)];
    for (from, to, may) in follows {
        assert_eq!(machine.may_follow(from, to), may, "{from} to {to}");
    }
}

#[test]
fn triggers_run_by_order_and_their_steps_know_their_records() {
    let text = r#"
triggers:
  - { name: b, on: [before create], order: 20, steps: [{ set: { total: total + 1 } }] }
  - { name: a, on: [beforeInsert, after update], order: 10, when: changed("status"), steps: [{ reject: { message: no } }] }
  - name: c
    on: [after update]
    steps:
      - create: { object: customer, as: made, values: { name: name } }
      - update: { path: customer, where: name != this.name, values: { name: this.name + made.name } }
      - update: { object: order, where: total > 1 && code == this.code, values: { total: total + this.total } }
      - first: { object: order, as: other, where: other.id == customer_id, orderBy: total, steps: [{ delete: { path: other.customer } }] }
"#;
    let registry = shop(&[("order.trigger.yml", text)]).unwrap();
    let triggers = &registry.rules["order"].triggers;
    assert_eq!(triggers.iter().map(|trigger| trigger.name.as_str()).collect::<String>(), "abc");
    assert_eq!(triggers[0].on, [(Phase::Before, Event::Create), (Phase::After, Event::Update)].into());
    let found_by = |step: &Step| match step {
        Step::Update { target: Target::Matching(wanted), .. } | Step::First { wanted, .. } => {
            wanted.by.as_ref().map(|(field, _)| field.to_string())
        }
        _ => None,
    };
    let by: Vec<_> = triggers[2].steps.iter().map(found_by).collect();
    assert_eq!(by, [None, None, Some("code".to_owned()), Some("id".to_owned())]);
}

#[test]
fn the_same_rules_give_the_same_version_and_others_another() {
    let version = |limit: u32| {
        let text = format!("rules: [{{ name: large, kind: range, field: total, max: {limit}, message: x }}]");
        shop(&[("order.validation.yml", &text)]).unwrap().version
    };
    assert_eq!(version(1), version(1));
    assert_ne!(version(1), version(2));
    assert_ne!(version(1), shop(&[]).unwrap().version);
}

#[test]
fn a_case_has_what_its_file_gives_to_all() {
    let text = r#"
given: { customer: { ann: { name: Ann } } }
cases:
  - { name: one, do: [{ delete: { customer: [ann] } }], expect: { records: [{ object: customer, is: $ann, count: 0 }] } }
  - { name: two, now: "2026-01-01T00:00:00Z", given: {}, do: [], expect: { findings: [{ errorCode: unique }] } }
"#;
    let cases = shop(&[("order.case.yml", text)]).unwrap().cases;
    assert_eq!(cases.iter().map(|case| case.given.len()).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(cases[0].now_micros, 1_795_165_200_000_000);
    assert_eq!(cases[1].now_micros, 1_767_225_600_000_000);
}

#[test]
fn which_records_a_unique_counts_comes_to_plain_requirements() {
    let counted = |when: &str| {
        let text = format!(
            "rules: [{{ name: one, kind: unique, fields: [code, name], when: '{when}', message: x }}]"
        );
        let registry = shop(&[("order.validation.yml", &text)]).map_err(|issues| issues.to_string())?;
        let Check::Unique(unique) = &registry.rules["order"].validations[0].check else {
            panic!("no unique")
        };
        assert_eq!(unique.constraint, "order_one_once");
        assert_eq!(unique.fields.iter().map(|field| field.as_str()).collect::<Vec<_>>(), ["code", "name"]);
        let told = unique.when.iter().map(|one| format!("{} {:?}", one.field, one.is));
        Ok::<_, String>(told.collect::<Vec<_>>().join(", "))
    };
    for (when, expected) in [
        ("status == \"new\" && code != null", "status AnyOf([\"new\"]), code Filled"),
        (
            "status in [\"new\", \"sent\"] && customer_id == null",
            "status AnyOf([\"new\", \"sent\"]), customer_id Empty",
        ),
        ("!(status == \"new\")", "status NoneOf([\"new\"])"),
        ("\"paid\" != status", "status NoneOf([\"paid\"])"),
        ("status == \"new\" || status == \"paid\"", "status AnyOf([\"new\", \"paid\"])"),
    ] {
        assert_eq!(counted(when).as_deref(), Ok(expected), "{when}");
    }
    for when in [
        "total > 3",
        "status == code",
        "status == \"new\" || code != null",
        "old.status == \"new\"",
        "total == 3",
    ] {
        assert!(counted(when).unwrap_err().contains("plain comparisons"), "{when}");
    }
}

#[test]
fn a_composite_is_broken_where_one_or_all_of_its_parts_are() {
    let broken = |text: &str| {
        let rule = format!("rules: [{{ name: it, {text}, message: x }}]");
        let registry = shop(&[("order.validation.yml", &rule)]).unwrap();
        registry.rules["order"].validations[0].check.clone()
    };
    let parts = "[{ kind: required, fields: [code] }, { kind: conditional, when: status == \"paid\", condition: total > 0 }]";
    let all = broken(&format!("kind: composite, all: {parts}"));
    assert_eq!(all, broken("type: script, condition: isBlank(code) || (status == \"paid\" && !(total > 0))"));
    let any = broken(&format!("kind: composite, any: {parts}"));
    assert_eq!(any, broken("type: script, condition: isBlank(code) && (status == \"paid\" && !(total > 0))"));
    let within = broken(&format!(
        "kind: composite, any: [{{ kind: composite, all: {parts} }}, {{ kind: required, fields: [name] }}]"
    ));
    assert_eq!(
        within,
        broken(
            "type: script, condition: (isBlank(code) || (status == \"paid\" && !(total > 0))) && isBlank(name)"
        )
    );
}
