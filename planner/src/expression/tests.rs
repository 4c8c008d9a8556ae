//! What every function and operator gives, on a record that has values and on one that has none: `tests/expressions.txt`.
//! Run with `UPDATE_GOLDEN=1` to write it, and read it before you commit.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{borrow::Cow, env, fs, path::PathBuf, sync::Arc};

use arrow::util::display::array_value_to_string;
use quarry_metadata::{
    Issues, Place, Registry,
    expression::{Expression, Root, Scope, Use, UserList},
};
use quarry_storage::Value;

use super::*;

/// 2024-05-31T22:30:00Z: the first of June in Berlin.
const NOW_MICROS: i64 = 1_717_194_600_000_000;

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn registry() -> Registry {
    let folders = [folder("../metadata/tests/fixtures/core"), folder("../metadata/tests/expressions")];
    Registry::load(&folders).unwrap_or_else(|issues| panic!("{issues}"))
}

fn around() -> Surroundings {
    Surroundings {
        now_micros: NOW_MICROS,
        time_zone: chrono_tz::Europe::Berlin,
        lists: [(UserList::Roles, vec!["sales".into()])].into(),
    }
}

/// An order with two lines, and one of which nothing is known.
struct Orders<'a>(&'a Inputs);

impl Source for Orders<'_> {
    fn value(&self, input: usize, row: usize) -> Cow<'_, Value> {
        let Input::Field { root, path, .. } = &self.0.inputs()[input] else { panic!("a field") };
        let old = *root == Root::Old;
        Cow::Owned(match (row, path.to_string().as_str()) {
            (0, "status") => Value::text(if old { "new" } else { "paid" }),
            (1, "status") if !old => Value::text("new"),
            (1, _) => Value::Null,
            (_, "id") => Value::text("ord_1"),
            (_, "name") if *root == Root::User => Value::text("Ann"),
            (_, "name") => Value::text("  Ünder \n"),
            (_, "account_id.name") => Value::text("Acme"),
            (_, "account_id") => Value::text("acc_1"),
            (_, "colours") => Value::TextList(Arc::from(["red".into(), "blue".into()])),
            (_, "quantity") => Value::Int(7),
            (_, "price") => Value::Decimal(-1_250),
            (_, "account_id.discount") => Value::Decimal(125_000),
            (_, "urgent") => Value::Bool(true),
            (_, "due") => Value::Date(19_782),
            (_, "placed") => Value::Timestamp(1_709_164_800_000_000),
            (_, "at") => Value::Time(45_296_000_000),
            (_, other) => panic!("{other} of {root}"),
        })
    }

    fn children(&self, input: usize, row: usize) -> Vec<Vec<Value>> {
        let Input::Children { members, .. } = &self.0.inputs()[input] else { panic!("children") };
        let line = |price: Value, product: Value| {
            let value = |path: &str| match path {
                "id" => Value::text("lin_1"),
                "price" => price.clone(),
                _ => product.clone(),
            };
            members.iter().map(|(path, _)| value(&path.to_string())).collect::<Vec<_>>()
        };
        match row {
            0 => {
                vec![line(Value::Decimal(1_000), Value::text("Pen")), line(Value::Decimal(250), Value::Null)]
            }
            _ => Vec::new(),
        }
    }
}

/// What an expression gives for the two orders, with what could not be computed.
fn given(registry: &Registry, text: &str) -> [String; 2] {
    let order = registry.get("order").unwrap();
    let mut issues = Issues::default();
    let place = Place { file: PathBuf::from("x.yml"), line: 1, path: String::new() };
    let scope = Scope::new(registry, order, Use::Validation);
    let expression = Expression::compile(text, &place, &scope, &mut issues);
    let expression = expression.unwrap_or_else(|| panic!("{text}: {issues}"));
    let inputs = Inputs::of([&expression]).unwrap();
    let compiled = Compiled::new(&expression, &inputs).unwrap_or_else(|error| panic!("{text}: {error}"));
    let batch = inputs.batch(2, &Orders(&inputs), &around()).unwrap();
    let evaluated = compiled.evaluate(&batch).unwrap_or_else(|error| panic!("{text}: {error}"));
    [0, 1].map(|row| {
        let alone = compiled.evaluate(&batch.slice(row, 1)).unwrap();
        let value = |from: &Evaluated, row: usize| match from.array().is_null(row) {
            true => "null".to_owned(),
            false => array_value_to_string(from.array(), row).unwrap(),
        };
        assert_eq!(value(&alone, 0), value(&evaluated, row), "{text}: alone and among others");
        match evaluated.fault(row) {
            Some(fault) => format!("null, for {fault}"),
            None => value(&evaluated, row),
        }
    })
}

#[test]
fn every_function_and_every_rule_of_null_is_as_the_golden_file_says() {
    let registry = registry();
    let file = folder("tests/expressions.txt");
    let golden = fs::read_to_string(&file).unwrap();
    let mut found = String::new();
    for line in golden.lines() {
        let text = line.split("  ⇒ ").next().unwrap().trim_end();
        if text.is_empty() || text.starts_with('#') {
            found.push_str(line.trim_end());
        } else {
            let [full, empty] = given(&registry, text).map(|value| value.escape_debug().to_string());
            found.push_str(&format!("{text:<60}  ⇒ {full:<28}  ⇒ {empty}"));
        }
        found.push('\n');
    }
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &found).unwrap();
    }
    assert_eq!(found, golden);
}

#[test]
fn ten_thousand_records_are_one_evaluation() {
    struct Many;
    impl Source for Many {
        fn value(&self, input: usize, row: usize) -> Cow<'_, Value> {
            let number = i64::try_from(row).unwrap();
            Cow::Owned(match input {
                0 => Value::Decimal(number.into()),
                _ => Value::Int(if row == 7 { 0 } else { number + 1 }),
            })
        }
        fn children(&self, _: usize, _: usize) -> Vec<Vec<Value>> {
            Vec::new()
        }
    }
    let registry = registry();
    let order = registry.get("order").unwrap();
    let mut issues = Issues::default();
    let place = Place { file: PathBuf::from("x.yml"), line: 1, path: String::new() };
    let scope = Scope::new(&registry, order, Use::Validation);
    let rule = Expression::condition("price / quantity < 0.01", &place, &scope, &mut issues).unwrap();
    let inputs = Inputs::of([&rule]).unwrap();
    let compiled = Compiled::new(&rule, &inputs).unwrap();
    let batch = inputs.batch(10_000, &Many, &around()).unwrap();
    let evaluated = compiled.evaluate(&batch).unwrap();
    assert_eq!(evaluated.faults, [(7, Fault::DivisionByZero)]);
    assert_eq!(evaluated.condition(7), None);
    assert_eq!(evaluated.condition(8), Some(true));
}
