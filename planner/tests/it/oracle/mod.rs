//! Random questions against a plain evaluation of the language, record by record.
//!
//! `QUARRY_TEST_SEEDS` says how many questions are asked (400 otherwise; 100,000 is the campaign), `QUARRY_TEST_SEED` where they begin:
//! a failure prints the seed that asks its question again, alone. The evaluation knows the manual (`docs/objectql.md`) and shares no code
//! with the planner.

pub mod evaluate;
pub mod questions;
pub mod records;

use quarry_planner::PlannerOptions;
use serde_json::{Value as Json, json};

use crate::{dice::Dice, fixture::Shop};
pub use records::Records;

const QUESTIONS: u64 = 400;
/// Questions between two draws of records.
const QUESTIONS_EACH: u64 = 100;

/// A number from the environment.
pub fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[tokio::test]
async fn random_questions_get_the_answers_of_the_manual() {
    let first = number("QUARRY_TEST_SEED", 20_261_130);
    let alone = std::env::var_os("QUARRY_TEST_SEED").is_some();
    let many = number("QUARRY_TEST_SEEDS", if alone { 1 } else { QUESTIONS });
    println!("QUARRY_TEST_SEED={first}, {many} questions");
    let mut drawn: Option<(u64, Records, Shop)> = None;
    for seed in first..first + many {
        let draw = seed / QUESTIONS_EACH;
        if drawn.as_ref().is_none_or(|(known, ..)| *known != draw) {
            let records = Records::random(&mut Dice::of(draw));
            let shop = shop(&records, draw);
            drawn = Some((draw, records, shop));
        }
        let (_, records, shop) = drawn.as_ref().unwrap();
        let question = questions::question(&mut Dice::of(seed.wrapping_mul(0x9e37_79b9)), records);
        let wanted = evaluate::answer(records, &question);
        match shop.ask(&shop.context(), &question).await {
            Ok(got) => assert_eq!(shown(&got), shown(&wanted), "QUARRY_TEST_SEED={seed}\n{question}"),
            Err(error) => {
                panic!("QUARRY_TEST_SEED={seed}\n{question}\n{error} at {}", error.path);
            }
        }
    }
}

/// One line a record, so that a difference can be read.
pub fn shown(answer: &Json) -> Vec<String> {
    let records = answer["records"].as_array().unwrap().iter().map(Json::to_string);
    records.chain([format!("count {}", answer.get("count").unwrap_or(&Json::Null))]).collect()
}

/// The records in a segment, in the delta, or some here and some there; read by one partition or by several, and now and then never around
/// a plan.
pub fn shop(records: &Records, draw: u64) -> Shop {
    let mut options = PlannerOptions::default();
    if draw % 4 == 3 {
        options.direct_rows_max = 0;
    }
    if draw % 2 == 1 {
        options = PlannerOptions { single_partition_rows: 1, target_partitions: 3, ..options };
    }
    if draw % 3 == 1 {
        options.join_lookup_rows_min = 0;
    }
    let shop = Shop::empty(options);
    shop.insert("user", &[json!({"id": "usr_1", "name": "Ann"})]);
    fill(&shop, records, draw);
    shop
}

/// Puts records into a store, some folded.
pub fn fill(shop: &Shop, records: &Records, draw: u64) {
    for (at, (object, all)) in (0..).zip(records.each()) {
        let (some, rest) = all.split_at(all.len() / 2);
        for part in [some, rest] {
            let stored: Vec<Json> = part.iter().map(|record| Json::Object(record.clone())).collect();
            shop.insert(object, &stored);
            if !(draw + at).is_multiple_of(3) {
                shop.store.fold().unwrap();
            }
        }
    }
}
