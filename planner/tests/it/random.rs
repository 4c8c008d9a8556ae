//! Random filters over random records, against a plain evaluation of the two-valued language.

use std::collections::BTreeSet;

use quarry_planner::PlannerOptions;
use serde_json::{Value as Json, json};

use crate::{dice::Dice, fixture::Shop};

impl Dice {
    fn industry(&mut self) -> Json {
        [json!(null), json!("tech"), json!("retail"), json!("energy")][self.place(4)].clone()
    }

    fn number(&mut self) -> Json {
        match self.roll(6) {
            0 => Json::Null,
            n => json!(n),
        }
    }

    fn filter(&mut self, depth: u64) -> Json {
        let below = |dice: &mut Dice| (0..dice.roll(3)).map(|_| dice.filter(depth - 1)).collect::<Vec<_>>();
        match if depth == 0 { 3 + self.roll(7) } else { self.roll(10) } {
            0 => json!({"$and": below(self)}),
            1 => json!({"$or": below(self)}),
            2 => json!({"$not": self.filter(depth - 1)}),
            3 => json!({"industry": {"$ne": self.industry()}}),
            4 => json!({"industry": self.industry()}),
            5 => json!({"employees": {"$in": [self.number(), self.number()]}}),
            6 => json!({"employees": {"$nin": [self.number(), self.number()]}}),
            7 => json!({"employees": {"$gte": 1 + self.roll(5)}}),
            8 => json!({"employees": {"$lt": 1 + self.roll(5)}}),
            _ => json!({"industry": {"$notContains": "e"}}),
        }
    }
}

/// The language as its manual says it, over one record.
fn holds(filter: &Json, record: &Json) -> bool {
    let (key, value) = filter.as_object().unwrap().iter().next().unwrap();
    let all = || value.as_array().unwrap().iter();
    match key.as_str() {
        "$and" => all().all(|part| holds(part, record)),
        "$or" => all().any(|part| holds(part, record)),
        "$not" => !holds(value, record),
        field => {
            let have = &record[field];
            let Some((operator, wanted)) = value.as_object().and_then(|object| object.iter().next()) else {
                return have == value;
            };
            match operator.as_str() {
                "$ne" => have != wanted,
                "$in" => wanted.as_array().unwrap().contains(have),
                "$nin" => !wanted.as_array().unwrap().contains(have),
                "$gte" => have.as_i64().is_some_and(|have| have >= wanted.as_i64().unwrap()),
                "$lt" => have.as_i64().is_some_and(|have| have < wanted.as_i64().unwrap()),
                "$notContains" => !have.as_str().is_some_and(|have| have.contains(wanted.as_str().unwrap())),
                other => panic!("{other}"),
            }
        }
    }
}

#[tokio::test]
async fn random_filters_mean_what_the_manual_says() {
    let seed: u64 = std::env::var("QUARRY_SEED").map_or(20_261_120, |seed| seed.parse().unwrap());
    println!("QUARRY_SEED={seed}");
    let mut dice = Dice::of(seed);
    let shop = Shop::empty(PlannerOptions::default());
    let mut records = Vec::new();
    for batch in 0..2 {
        let some: Vec<Json> = (0..20)
            .map(|n| {
                json!({"id": format!("acc_{batch}{n:02}"), "name": "x", "industry": dice.industry(),
                       "employees": dice.number()})
            })
            .collect();
        shop.insert("account", &some);
        records.extend(some);
        if batch == 0 {
            shop.store.fold().unwrap();
        }
    }
    let context = shop.context();
    for round in 0..150 {
        let filter = dice.filter(3);
        let question = json!({"object": "account", "fields": ["id"], "where": filter});
        let got = shop.ask(&context, &question).await.unwrap();
        let got: BTreeSet<&str> =
            got["records"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap()).collect();
        let wanted: BTreeSet<&str> = records
            .iter()
            .filter(|record| holds(&filter, record))
            .map(|record| record["id"].as_str().unwrap())
            .collect();
        assert_eq!(got, wanted, "seed {seed}, round {round}: {filter}");
    }
}
