//! Random changes: what is kept in step is what is made from scratch.

use quarry_storage::{Row, ScanRequest};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value as Json;

use super::*;

const ROUNDS: u64 = 6;
const CALLS: usize = 40;

fn seed() -> u64 {
    let told = std::env::var("QUARRY_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = told.unwrap_or_else(rand::random);
    println!("QUARRY_TEST_SEED={seed}");
    seed
}

/// Every record of an object, by field.
fn all(shop: &Shop, object: &str) -> BTreeMap<String, BTreeMap<String, Value>> {
    let table = shop.engine.store().snapshot().table(object).unwrap();
    let mut keys = Vec::new();
    for part in table.scan(ScanRequest { projection: Some(vec![0]), ..ScanRequest::default() }).unwrap() {
        for batch in part {
            crate::work::keys_in(batch.unwrap().columns().first(), &mut keys).unwrap();
        }
    }
    let cells = |row: Row| {
        let columns = table.spec().columns.iter().enumerate();
        columns.map(|(at, column)| (column.name.to_string(), row.get(at).clone())).collect()
    };
    keys.iter().map(|key| (key.to_string(), cells(table.get(key).unwrap().unwrap()))).collect()
}

fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::Decimal(number) => Some(*number),
        Value::Date(days) => Some(i128::from(*days)),
        _ => None,
    }
}

/// What a bill's summaries must be, by nothing but its lines.
fn of_bill(lines: &[&BTreeMap<String, Value>]) -> Vec<(&'static str, Value)> {
    let numbers = |field: &str| lines.iter().filter_map(|line| number(&line[field])).collect::<Vec<_>>();
    let int = |number: i128| Value::Int(i64::try_from(number).unwrap());
    let net = lines
        .iter()
        .filter_map(|line| Some(number(&line["amount"])? * number(&line["quantity"]).unwrap_or(1)));
    let open = lines.iter().filter(|line| line["status"] == crate::tests::text("open"));
    let open = open.filter_map(|line| number(&line["amount"])).filter(|amount| *amount > 100);
    let quantities = numbers("quantity");
    let mean = |sum: i128, count: i128| {
        let doubled = (sum * 200).abs() / count;
        Value::Decimal((doubled + 1) / 2 * sum.signum())
    };
    let texts = |field: &str, closed: bool| -> Vec<String> {
        let counts = lines.iter().filter(|line| closed || line["status"] != crate::tests::text("closed"));
        let text = |value: &Value| match value {
            Value::Text(text) => Some(text.to_string()),
            _ => None,
        };
        counts.filter_map(|line| text(&line[field])).collect()
    };
    let mut floats: Vec<f64> = lines
        .iter()
        .filter_map(|line| match line["weight"] {
            Value::Float(weight) => Some(weight),
            _ => None,
        })
        .collect();
    floats.sort_by(f64::total_cmp);
    vec![
        ("lines_count", int(i128::try_from(lines.len()).unwrap())),
        ("total", Value::Decimal(net.sum())),
        ("open", Value::Decimal(open.sum())),
        (
            "first_due",
            numbers("due")
                .iter()
                .min()
                .map_or(Value::Null, |days| Value::Date(i32::try_from(*days).unwrap())),
        ),
        ("top", numbers("amount").iter().max().map_or(Value::Null, |amount| Value::Decimal(*amount))),
        ("pieces", int(quantities.iter().sum())),
        (
            "mean",
            match quantities.len() {
                0 => Value::Null,
                count => mean(quantities.iter().sum(), i128::try_from(count).unwrap()),
            },
        ),
        ("weight", Value::Float(floats.iter().sum())),
        (
            "first_tag",
            texts("tag", true).into_iter().min().map_or(Value::Null, |tag| crate::tests::text(&tag)),
        ),
        (
            "last_tag",
            texts("tag", false)
                .iter()
                .map(|tag| tag.to_lowercase())
                .max()
                .map_or(Value::Null, |tag| crate::tests::text(&tag)),
        ),
    ]
}

fn check(shop: &Shop, told: &str) {
    let (lines, bills, customers) = (all(shop, "line"), all(shop, "bill"), all(shop, "customer"));
    for (id, bill) in &bills {
        let mine = |line: &&BTreeMap<String, Value>| line["bill_id"] == crate::tests::text(id);
        for (field, expected) in of_bill(&lines.values().filter(mine).collect::<Vec<_>>()) {
            assert_eq!(bill[field], expected, "{told}: {field} of {id}");
        }
    }
    for (id, customer) in &customers {
        let mine: Vec<_> =
            bills.values().filter(|bill| bill["customer_id"] == crate::tests::text(id)).collect();
        let sum = mine.iter().filter_map(|bill| number(&bill["total"])).sum();
        let due = mine.iter().filter_map(|bill| number(&bill["first_due"])).min();
        assert_eq!(customer["bill_count"], Value::Int(i64::try_from(mine.len()).unwrap()), "{told}: {id}");
        assert_eq!(customer["billed"], Value::Decimal(sum), "{told}: {id}");
        assert_eq!(
            customer["earliest"],
            due.map_or(Value::Null, |days| Value::Date(i32::try_from(days).unwrap()))
        );
    }
}

/// One of the known ids, now and then none.
fn one_of(known: &[String], random: &mut impl Rng) -> Json {
    match known.len() {
        0 => Json::Null,
        _ if random.random_bool(0.1) => Json::Null,
        count => known[random.random_range(0..count)].clone().into(),
    }
}

fn line(bills: &[String], random: &mut impl Rng) -> Json {
    let mut data = serde_json::Map::new();
    let mut some = |name: &str, value: Json, random: &mut dyn FnMut() -> f64| {
        if random() < 0.6 {
            data.insert(name.to_owned(), if random() < 0.15 { Json::Null } else { value });
        }
    };
    let bill = one_of(bills, random);
    let amount = json!(format!("{}.{:02}", random.random_range(-9..30), random.random_range(0..100)));
    let (quantity, weight) = (json!(random.random_range(-3..9)), json!(random.random::<f64>() * 1e3));
    let status: Json = ["open", "closed"][random.random_range(0..2)].into();
    let tag = json!(["b", "B", "ä", "aa", "Z"][random.random_range(0..5)]);
    let due = json!(format!("2026-{:02}-{:02}", random.random_range(1..13), random.random_range(1..29)));
    let mut draw = || random.random::<f64>();
    for (name, value) in [
        ("bill_id", bill),
        ("amount", amount),
        ("quantity", quantity),
        ("weight", weight),
        ("status", status),
        ("due", due),
        ("tag", tag),
    ] {
        some(name, value, &mut draw);
    }
    Json::Object(data)
}

fn random_change(known: &Known, random: &mut impl Rng) -> crate::Change {
    let pick = |ids: &[String], random: &mut dyn FnMut(usize) -> usize| {
        if ids.is_empty() { "none".to_owned() } else { ids[random(ids.len())].clone() }
    };
    let roll = random.random_range(0..100);
    let data = line(&known.bills, random);
    let (status, below) = (["open", "closed"][random.random_range(0..2)], random.random_range(-5..20));
    let filter = json!({ "status": status, "amount": { "$lt": below } });
    let filter = objectql::Filter::parse(&filter).unwrap();
    let code = format!("C{}", random.random_range(0..20));
    let customer = one_of(&known.customers, random);
    let mut draw = |below: usize| random.random_range(0..below);
    match roll {
        0..30 => create("line", data),
        30..55 => update("line", &pick(&known.lines, &mut draw), data),
        55..65 => delete("line", &pick(&known.lines, &mut draw)),
        65..75 => {
            let mut data = data;
            data["code"] = code.into();
            upsert("line", &["code"], data)
        }
        75..80 => create("bill", json!({ "name": "b", "customer_id": customer })),
        80..86 => update("bill", &pick(&known.bills, &mut draw), json!({ "customer_id": customer })),
        86..89 => delete("bill", &pick(&known.bills, &mut draw)),
        89..91 => create("customer", json!({ "name": "c" })),
        91..92 => delete("customer", &pick(&known.customers, &mut draw)),
        92..96 => change("line", Operation::UpdateWhere { filter, data: record(data) }),
        96..97 => change("line", Operation::DeleteWhere { filter }),
        // Nothing of a call that is refused is kept.
        _ => create("bill", json!({})),
    }
}

struct Known {
    lines: Vec<String>,
    bills: Vec<String>,
    customers: Vec<String>,
}

#[tokio::test]
async fn what_is_kept_in_step_is_what_is_made_from_scratch() {
    let first = seed();
    let shop = open();
    let (mut kept, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let mut random = StdRng::seed_from_u64(first.wrapping_add(round));
        for call in 0..CALLS {
            let names = |object: &str| all(&shop, object).into_keys().collect();
            let known = Known { lines: names("line"), bills: names("bill"), customers: names("customer") };
            let so_many = random.random_range(1..6);
            let changes: Vec<_> = (0..so_many).map(|_| random_change(&known, &mut random)).collect();
            let told = format!("seed {first}, round {round}, call {call}: {changes:?}");
            match shop.change(changes).await {
                Ok(_) => kept += 1,
                Err(error) => {
                    refused += 1;
                    let expected = [ErrorKind::Violated, ErrorKind::Missing].contains(&error.kind);
                    assert!(expected, "{told}: {error}");
                }
            }
            check(&shop, &told);
        }
    }
    println!("{kept} calls were kept, {refused} refused");
    assert!(kept > 50, "{kept} kept, {refused} refused");
}
