//! Our compiled expressions against the interpreter of the `cel` crate, on random records and random expressions.
//!
//! A pair is an expression and a record. `QUARRY_TEST_SEEDS` says how many are tried (2,000 otherwise; 100,000 is the campaign),
//! `QUARRY_TEST_SEED` tries one expression again. Where the languages differ by design, what the interpreter is given says so:
//!
//! - an error there is null here;
//! - `null == 1` is false there and null here, so that `==` with operands that may be null is written out for the interpreter;
//! - exact numbers are binary ones there: the generator keeps to quarters of small numbers, which are exact in both, and does not divide
//!   them;
//! - a list's `map` and `filter` end with the first error there, so that their bodies can't fail.

use std::{borrow::Cow, collections::BTreeMap, env, path::PathBuf, sync::Arc};

use arrow::array::Array;
use cel::{Context, Program, Value as Cel};
use quarry_metadata::{
    Issues, Place, Registry,
    expression::{Expression, Scope, Use},
};
use quarry_planner::expression::{Compiled, Input, Inputs, Source, Surroundings};
use quarry_storage::Value;

use crate::dice::Dice;

/// Records that each expression is tried on.
const RECORDS: usize = 10;
const PAIRS: usize = 2_000;

/// The same expression in both languages.
struct Written {
    ours: String,
    theirs: String,
}

impl Written {
    fn same(text: impl Into<String>) -> Written {
        let text = text.into();
        Written { ours: text.clone(), theirs: text }
    }

    fn of(parts: &[&Written], write: impl Fn(&[&str]) -> String) -> Written {
        let ours: Vec<&str> = parts.iter().map(|part| part.ours.as_str()).collect();
        let theirs: Vec<&str> = parts.iter().map(|part| part.theirs.as_str()).collect();
        Written { ours: write(&ours), theirs: write(&theirs) }
    }
}

fn pick<'a>(dice: &mut Dice, from: &[&'a str]) -> &'a str {
    dice.one(from)
}

fn int(dice: &mut Dice, depth: u64) -> Written {
    if depth == 0 || dice.roll(4) == 0 {
        return Written::same(pick(
            dice,
            &["a", "b", "c", "0", "1", "-2", "7", "9223372036854775807", "record.a"],
        ));
    }
    match dice.roll(8) {
        0..=4 => {
            let operator = pick(dice, &["+", "-", "*", "/", "%"]);
            let (left, right) = (int(dice, depth - 1), int(dice, depth - 1));
            Written::of(&[&left, &right], |part| format!("({} {operator} {})", part[0], part[1]))
        }
        5 => Written::of(&[&int(dice, depth - 1)], |part| format!("-({})", part[0])),
        6 => Written::of(&[&text(dice, depth - 1)], |part| format!("size({})", part[0])),
        _ => {
            let (condition, left, right) =
                (condition(dice, depth - 1), int(dice, depth - 1), int(dice, depth - 1));
            Written::of(&[&condition, &left, &right], |p| format!("({} ? {} : {})", p[0], p[1], p[2]))
        }
    }
}

/// Quarters of small numbers; at most two of them multiplied.
fn exact(dice: &mut Dice, depth: u64) -> Written {
    let one =
        |dice: &mut Dice| Written::same(pick(dice, &["p", "q", "0.25", "-1.5", "100.75", "0.0", "3.0"]));
    if depth == 0 || dice.roll(4) == 0 {
        return one(dice);
    }
    match dice.roll(6) {
        0..=2 => {
            let operator = pick(dice, &["+", "-"]);
            let (left, right) = (exact(dice, depth - 1), exact(dice, depth - 1));
            Written::of(&[&left, &right], |part| format!("({} {operator} {})", part[0], part[1]))
        }
        3 => {
            let (left, right) = (one(dice), one(dice));
            Written::of(&[&left, &right], |part| format!("({} * {})", part[0], part[1]))
        }
        4 => Written::of(&[&exact(dice, depth - 1)], |part| format!("-({})", part[0])),
        _ => {
            let (condition, left, right) =
                (condition(dice, depth - 1), exact(dice, depth - 1), exact(dice, depth - 1));
            Written::of(&[&condition, &left, &right], |p| format!("({} ? {} : {})", p[0], p[1], p[2]))
        }
    }
}

fn text(dice: &mut Dice, depth: u64) -> Written {
    if depth == 0 || dice.roll(3) == 0 {
        return Written::same(pick(dice, &["s", "t", "'a'", "''", "'ü'", "'abc'"]));
    }
    match dice.roll(3) {
        0 | 1 => {
            let (left, right) = (text(dice, depth - 1), text(dice, depth - 1));
            Written::of(&[&left, &right], |part| format!("({} + {})", part[0], part[1]))
        }
        _ => {
            let (condition, left, right) =
                (condition(dice, depth - 1), text(dice, depth - 1), text(dice, depth - 1));
            Written::of(&[&condition, &left, &right], |p| format!("({} ? {} : {})", p[0], p[1], p[2]))
        }
    }
}

fn condition(dice: &mut Dice, depth: u64) -> Written {
    if depth == 0 || dice.roll(6) == 0 {
        return Written::same(pick(dice, &["x", "y", "true", "false"]));
    }
    match dice.roll(12) {
        0..=2 => {
            let operator = pick(dice, &["&&", "||"]);
            let (left, right) = (condition(dice, depth - 1), condition(dice, depth - 1));
            Written::of(&[&left, &right], |part| format!("({} {operator} {})", part[0], part[1]))
        }
        3 => Written::of(&[&condition(dice, depth - 1)], |part| format!("!({})", part[0])),
        4..=6 => compared(dice, depth),
        7 => {
            let field = pick(dice, &["a", "p", "s", "x", "l"]);
            Written::same(format!("({field} {} null)", pick(dice, &["==", "!="])))
        }
        8 => {
            let call = pick(dice, &["contains", "startsWith", "endsWith"]);
            let (left, right) = (text(dice, depth - 1), text(dice, depth - 1));
            Written::of(&[&left, &right], |part| format!("{}.{call}({})", part[0], part[1]))
        }
        9 => within(dice, depth),
        _ => looped(dice, depth),
    }
}

fn compared(dice: &mut Dice, depth: u64) -> Written {
    let operator = pick(dice, &["==", "!=", "<", "<=", ">", ">="]);
    let (left, right) = match dice.roll(3) {
        0 => (int(dice, depth - 1), int(dice, depth - 1)),
        1 => (exact(dice, depth - 1), exact(dice, depth - 1)),
        _ => (text(dice, depth - 1), text(dice, depth - 1)),
    };
    let ours = format!("({} {operator} {})", left.ours, right.ours);
    let plain = format!("({} {operator} {})", left.theirs, right.theirs);
    let theirs = match operator {
        "==" | "!=" => {
            format!("({} == null || {} == null ? 1 / 0 == 0 : {plain})", left.theirs, right.theirs)
        }
        _ => plain,
    };
    Written { ours, theirs }
}

/// The item of an `in` is a value that can't be null.
fn within(dice: &mut Dice, depth: u64) -> Written {
    match dice.roll(3) {
        0 => Written::same(pick(dice, &["('a' in l)", "('c' in l)", "('ü' in l)"])),
        1 => {
            let item = pick(dice, &["1", "-2", "7"]);
            Written::same(format!("({item} in [1, {}, 0])", pick(dice, &["7", "3", "-2"])))
        }
        _ => Written::of(&[&text(dice, depth - 1)], |part| format!("(size({}) in [0, 1, 2])", part[0])),
    }
}

fn looped(dice: &mut Dice, depth: u64) -> Written {
    // Lists are gone over at most two within each other.
    let depth = depth.min(2);
    let body = |dice: &mut Dice| match dice.roll(3) {
        0 => Written::same(pick(dice, &["i > 1", "i % 2 == 0", "i != 3"])),
        1 => Written::of(&[&int(dice, depth - 1)], |part| format!("i < {}", part[0])),
        _ => Written::of(&[&condition(dice, depth - 1)], |part| format!("(i > 1 && {})", part[0])),
    };
    match dice.roll(6) {
        0..=2 => {
            let kind = pick(dice, &["exists", "all", "exists_one"]);
            Written::of(&[&body(dice)], |part| format!("[1, 2, 3].{kind}(i, {})", part[0]))
        }
        3 => {
            let kind = pick(dice, &["exists", "all", "exists_one"]);
            Written::same(format!(
                "l.{kind}(i, {})",
                pick(dice, &["i == 'a'", "size(i) < 2", "i.startsWith('ü')"])
            ))
        }
        4 => Written::same(pick(
            dice,
            &["(size(l.filter(i, i != 'a')) == 1)", "(size([1, 2, 3].filter(i, i > 1)) == 2)"],
        )),
        _ => Written::same(pick(dice, &["(4 in [1, 2, 3].map(i, i * 2))", "('aa' in l.map(i, i + i))"])),
    }
}

/// Random records; nulls are frequent.
struct Records {
    rows: Vec<Vec<(&'static str, Value)>>,
}

impl Records {
    fn roll(dice: &mut Dice) -> Records {
        let rows = (0..RECORDS).map(|_| {
            let names = ["a", "b", "c", "p", "q", "s", "t", "x", "y", "l"];
            names.into_iter().map(|name| (name, Records::value(dice, name))).collect()
        });
        Records { rows: rows.collect() }
    }

    fn value(dice: &mut Dice, name: &str) -> Value {
        if dice.roll(5) == 0 {
            return Value::Null;
        }
        match name {
            "a" | "b" | "c" => {
                let ints = [0, 1, -1, 2, 3, 10, -7, i64::MAX, i64::MIN];
                Value::Int(ints[dice.place(ints.len())])
            }
            "p" | "q" => Value::Decimal((i128::from(dice.roll(4_001)) - 2_000) * 25),
            "s" | "t" => Value::text(pick(dice, &["", "a", "abc", "ü", "aü", "b"])),
            "x" | "y" => Value::Bool(dice.roll(2) == 0),
            _ => {
                let items = ["a", "c", "ü"].into_iter().filter(|_| dice.roll(2) == 0).map(Arc::from);
                Value::TextList(items.collect::<Vec<_>>().into())
            }
        }
    }
}

/// The records as the columns of a batch.
struct Given<'a>(&'a Records, &'a Inputs);

impl Source for Given<'_> {
    fn value(&self, input: usize, row: usize) -> Cow<'_, Value> {
        let Input::Field { path, .. } = &self.1.inputs()[input] else { panic!("a field") };
        let row = &self.0.rows[row];
        let found = row.iter().find(|(name, _)| *name == path.field.as_str());
        found.map(|(_, value)| Cow::Borrowed(value)).unwrap()
    }

    fn children(&self, _: usize, _: usize) -> Vec<Vec<Value>> {
        Vec::new()
    }
}

fn as_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Int(value) => Cel::Int(*value),
        #[allow(clippy::cast_precision_loss)]
        Value::Decimal(value) => Cel::Float(*value as f64 / 100.0),
        Value::Text(text) => Cel::String(Arc::new(text.to_string())),
        Value::Bool(value) => Cel::Bool(*value),
        Value::TextList(items) => {
            Cel::List(Arc::new(items.iter().map(|item| Cel::String(Arc::new(item.to_string()))).collect()))
        }
        other => panic!("{other:?}"),
    }
}

/// What the interpreter says; an error is null.
fn interpreted(program: &Program, row: &[(&'static str, Value)]) -> Cel {
    let mut context = Context::default();
    let mut record = std::collections::HashMap::new();
    for (name, value) in row {
        context.add_variable_from_value(*name, as_cel(value));
        record.insert((*name).to_owned(), as_cel(value));
    }
    context.add_variable_from_value("record", record);
    program.execute(&context).unwrap_or(Cel::Null)
}

/// What we say, in the interpreter's terms.
fn ours(evaluated: &quarry_planner::expression::Evaluated, row: usize) -> Cel {
    use arrow::datatypes::DataType;
    match (evaluated.value(row).unwrap(), evaluated.array().data_type()) {
        #[allow(clippy::cast_precision_loss)]
        (Value::Decimal(value), DataType::Decimal128(_, scale)) => {
            Cel::Float(value as f64 / 10f64.powi(i32::from(*scale)))
        }
        (value, _) => as_cel(&value),
    }
}

fn registry() -> Registry {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folders = [here.join("../packages/core"), here.join("tests/differential")];
    Registry::load(&folders).unwrap_or_else(|issues| panic!("{issues}"))
}

/// One expression on ten records; how many were not null.
fn compare(registry: &Registry, seed: u64) -> usize {
    let mut dice = Dice::of(seed);
    let depth = 1 + dice.roll(4);
    let written = match dice.roll(4) {
        0 => int(&mut dice, depth),
        1 => exact(&mut dice, depth),
        2 => text(&mut dice, depth),
        _ => condition(&mut dice, depth),
    };
    let records = Records::roll(&mut dice);
    let thing = registry.get("thing").unwrap();
    let mut issues = Issues::default();
    let place = Place { file: PathBuf::from("x.yml"), line: 1, path: String::new() };
    let scope = Scope::new(registry, thing, Use::Formula);
    let expression = Expression::compile(&written.ours, &place, &scope, &mut issues);
    let expression =
        expression.unwrap_or_else(|| panic!("QUARRY_TEST_SEED={seed}: {}: {issues}", written.ours));
    let inputs = Inputs::of([&expression]).unwrap();
    let compiled = Compiled::new(&expression, &inputs).unwrap();
    let around = Surroundings { now_micros: 0, time_zone: chrono_tz::UTC, lists: BTreeMap::new() };
    let batch = inputs.batch(RECORDS, &Given(&records, &inputs), &around).unwrap();
    let evaluated = compiled.evaluate(&batch).unwrap();
    let program = Program::compile(&written.theirs).unwrap();
    for (row, record) in records.rows.iter().enumerate() {
        let (ours, theirs) = (ours(&evaluated, row), interpreted(&program, record));
        assert_eq!(
            ours, theirs,
            "QUARRY_TEST_SEED={seed}: {}\nfor them {}\non {record:?}",
            written.ours, written.theirs
        );
    }
    RECORDS - evaluated.array().null_count()
}

#[test]
fn expressions_mean_what_the_cel_crate_says_they_mean() {
    let registry = registry();
    if let Some(seed) = env::var("QUARRY_TEST_SEED").ok().and_then(|seed| seed.parse().ok()) {
        compare(&registry, seed);
        return;
    }
    let pairs = env::var("QUARRY_TEST_SEEDS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(PAIRS);
    let first = u64::from(std::process::id()) << 32;
    println!("{pairs} pairs from seed {first} on");
    let expressions = pairs.div_ceil(RECORDS);
    let values: usize = (0..expressions as u64).map(|more| compare(&registry, first + more)).sum();
    assert!(
        values * 3 > pairs,
        "of {pairs} pairs {values} gave a value: the generator makes nothing but nulls"
    );
}
