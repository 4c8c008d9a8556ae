//! Random questions of random roles: whatever is asked, the answer is that of someone who sees everything, asked of a store that holds
//! only what the role may see.
//!
//! What a role may see of a record is decided here record by record ([`plain`]), and shares no code with the planner. A question that
//! names what is not seen is refused as one that names what is not there.

mod named;
mod nulled;
mod plain;

use std::sync::Arc;

use quarry_metadata::{Registry, permissions::Shape};
use quarry_planner::{ErrorKind, PlannerOptions, policy, sql::SqlExtras};
use quarry_storage::{CommitInfo, Row, Value, WriteSet};
use serde_json::{Value as Json, json};

use crate::{
    dice::Dice,
    fixture::{NOW_MICROS, Shop},
    oracle::{Records, evaluate, fill, number, questions, records::fields, shown},
};
use plain::{Role, USERS};

const QUESTIONS: u64 = 400;
/// Questions of one role.
const QUESTIONS_EACH: u64 = 40;

#[tokio::test]
async fn random_questions_of_random_roles_get_what_they_may_see() {
    let first = number("QUARRY_TEST_SEED", 20_261_201);
    let alone = std::env::var_os("QUARRY_TEST_SEED").is_some();
    let many = number("QUARRY_TEST_SEEDS", if alone { 1 } else { QUESTIONS });
    println!("QUARRY_TEST_SEED={first}, {many} questions");
    let (mut drawn, mut refused): (Option<(u64, Asked)>, u64) = (None, 0);
    for seed in first..first + many {
        let draw = seed / QUESTIONS_EACH;
        if drawn.as_ref().is_none_or(|(known, ..)| *known != draw) {
            drawn = Some((draw, Asked::random(draw)));
        }
        let (_, asked) = drawn.as_ref().unwrap();
        let question = questions::question(&mut Dice::of(seed.wrapping_mul(0x9e37_79b9)), &asked.records);
        let context = asked.shop.context_as(asked.role.user, asked.shape());
        let got = asked.shop.ask(&context, &question).await;
        let about = || format!("QUARRY_TEST_SEED={seed}\n{question}\n{:?}", asked.role);
        match (got, named::names_unseen(&asked.role, &question)) {
            (Ok(got), false) => {
                let wanted = evaluate::answer(&asked.seen, &question);
                assert_eq!(shown(&got), shown(&wanted), "{}", about());
            }
            (Err(error), true) => {
                assert_eq!(error.kind, ErrorKind::Missing, "{error}\n{}", about());
                refused += 1;
            }
            (Ok(got), true) => panic!("names what is not seen, and got {got}\n{}", about()),
            (Err(error), false) => panic!("{error} at {}\n{}", error.path, about()),
        }
        if seed % QUESTIONS_EACH == 0 || alone {
            asked.tables(seed).await;
        }
    }
    assert!(alone || refused * 20 > many, "few questions named what is not seen: {refused}");
}

/// A role, a store, and what the role may see of it.
struct Asked {
    role: Role,
    shop: Shop,
    records: Records,
    seen: Records,
}

impl Asked {
    fn random(draw: u64) -> Asked {
        let mut dice = Dice::of(draw.wrapping_mul(0x51ed_270b));
        let records = Records::random(&mut Dice::of(draw));
        let records = plain::owned(&mut dice, &records);
        let role = Role::random(&mut dice, &records);
        let mut options = PlannerOptions::default();
        if draw % 2 == 1 {
            options = PlannerOptions { single_partition_rows: 1, target_partitions: 3, ..options };
        }
        if draw % 3 == 1 {
            options.join_lookup_rows_min = 0;
        }
        let mut shop = Shop::empty(options);
        if draw.is_multiple_of(3) {
            shop.lists = None;
        }
        shop.registry = Arc::new(registry(&role));
        shop.store.define_tables(vec![policy::share_table()]).unwrap();
        people(&shop);
        fill(&shop, &records, draw);
        share(&shop, &role);
        let seen = role.seen(&records);
        Asked { role, shop, records, seen }
    }

    fn shape(&self) -> Shape {
        Shape::of(&self.shop.registry, self.role.sets.iter().map(|set| set.name.as_str()))
    }

    /// The same by SQL: each table as a whole, and no column or table that is not seen.
    async fn tables(&self, seed: u64) {
        let context = self.shop.context_as(self.role.user, self.shape());
        for object in ["account", "contact", "order"] {
            let sql = |text: String| {
                let context = context.clone();
                async move {
                    let session = self.shop.planner.sql(&context, &SqlExtras::default());
                    session.ask(&text).await
                }
            };
            if !self.role.reads(object) {
                assert!(sql(format!("SELECT 1 FROM \"{object}\"")).await.is_err(), "{object} {seed}");
                continue;
            }
            let names: Vec<&str> = fields(object).iter().map(|(name, _)| *name).collect();
            let (shown, hidden): (Vec<&str>, Vec<&str>) =
                names.into_iter().partition(|name| self.role.seen_field(object, name));
            for name in hidden {
                let text = format!("SELECT count(*) FROM \"{object}\" WHERE \"{name}\" IS NULL");
                assert!(sql(text).await.is_err(), "{object}.{name} {seed}");
            }
            let question = json!({"object": object, "fields": shown, "orderBy": ["id"]});
            let wanted = evaluate_list(&self.seen, object, &shown);
            let asked = self.shop.ask(&context, &question).await.unwrap();
            assert_eq!(asked["records"], wanted, "QUARRY_TEST_SEED={seed} {object} {:?}", self.role);
            let rows = sql(format!("SELECT * FROM \"{object}\" ORDER BY id")).await.unwrap();
            let rows =
                crate::fixture::to_json(&futures::TryStreamExt::try_collect::<Vec<_>>(rows).await.unwrap());
            let rows = only(rows, &shown);
            assert_eq!(rows, wanted, "QUARRY_TEST_SEED={seed} SQL {object} {:?}", self.role);
        }
    }
}

fn only(rows: Json, names: &[&str]) -> Json {
    let row =
        |row: &Json| -> Json { names.iter().map(|name| ((*name).to_owned(), row[*name].clone())).collect() };
    rows.as_array().unwrap().iter().map(row).collect()
}

fn evaluate_list(seen: &Records, object: &'static str, names: &[&str]) -> Json {
    let question = json!({"object": object, "fields": names, "orderBy": [{"field": "id", "order": "asc", "nulls": "first"}]});
    evaluate::answer(seen, &question)["records"].clone()
}

/// The registry with the role's permission sets.
fn registry(role: &Role) -> Registry {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [here.join("../packages/core"), here.join("tests/shop")];
    let mut registry = Registry::load(&folders).unwrap_or_else(|issues| panic!("{issues}"));
    role.declare(&mut registry);
    registry
}

/// Users, their roles and teams.
fn people(shop: &Shop) {
    let role = |id: &str, above: Option<&str>| json!({"id": id, "name": id, "parent_role_id": above});
    shop.insert("role", &[role("rol_1", None), role("rol_2", Some("rol_1")), role("rol_3", Some("rol_2"))]);
    let users = USERS.map(|(id, role)| json!({"id": id, "name": "Acme", "role_id": role}));
    shop.insert("user", &users);
    shop.insert("team", &[json!({"id": "tea_1", "name": "One"})]);
    shop.insert("team_member", &[json!({"id": "tmm_1", "team_id": "tea_1", "user_id": "usr_2"})]);
}

fn share(shop: &Shop, role: &Role) {
    let mut writes = WriteSet::new(shop.store.snapshot().csn());
    for (at, share) in role.shares.iter().enumerate() {
        let text = |text: &str| Value::Text(text.into());
        let until = if share.is_over { Value::Timestamp(NOW_MICROS) } else { Value::Null };
        let row = [
            text(&at.to_string()),
            text(share.object),
            text(&share.record),
            text(share.to),
            text("read"),
            until,
            text("usr_1"),
            Value::Timestamp(0),
        ];
        writes.insert(&Arc::from(policy::SHARE), Row(Arc::from(row))).unwrap();
    }
    if !role.shares.is_empty() {
        shop.store.commit(writes, CommitInfo::default()).unwrap();
    }
}
