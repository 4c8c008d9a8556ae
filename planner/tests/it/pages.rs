//! Pages by cursor: together they are the whole list, in its order, whatever it is sorted by and wherever they are cut.

use futures::TryStreamExt;
use quarry_planner::{ErrorKind, PlannerOptions, Query};
use serde_json::{Value as Json, json};

use crate::{
    fixture::{Kept, Shop, to_json},
    random::Dice,
};

/// One page, and the cursor behind it.
async fn page(shop: &Shop, question: &Json) -> (Vec<Json>, Option<String>) {
    let query = Query::parse(question).unwrap();
    let answer = shop.planner.query(&shop.context(), &query).await.unwrap();
    let next = answer.next.clone();
    let batches: Vec<_> = answer.batches.try_collect().await.unwrap();
    let rows = to_json(&batches).as_array().unwrap().clone();
    (rows, next.and_then(|next| next.get()))
}

async fn all_pages(shop: &Shop, question: &Json, limit: u64) -> Vec<Json> {
    let mut question = question.clone();
    question["limit"] = limit.into();
    let mut all = Vec::new();
    for _ in 0..100 {
        let (rows, next) = page(shop, &question).await;
        assert!(rows.len() as u64 <= limit);
        assert_eq!(next.is_some(), rows.len() as u64 == limit, "a full page has a cursor");
        all.extend(rows);
        match next {
            Some(next) => question["after"] = next.into(),
            None => return all,
        }
    }
    panic!("the pages of {question} have no end");
}

const KEYS: [&str; 13] = [
    "name",
    "code",
    "industry",
    "revenue",
    "budget",
    "employees",
    "active",
    "founded",
    "seen_at",
    "opens_at",
    "parent.name",
    "parent.parent.revenue",
    "id",
];

#[tokio::test]
async fn pages_in_any_order_are_the_whole_list() {
    let seed: u64 = std::env::var("QUARRY_SEED").map_or(20_261_130, |seed| seed.parse().unwrap());
    println!("QUARRY_SEED={seed}");
    let mut dice = Dice(seed);
    let partitioned =
        PlannerOptions { single_partition_rows: 1, target_partitions: 3, ..PlannerOptions::default() };
    let shops = [Shop::filled(Kept::Delta), Shop::filled_with(partitioned, Kept::Both)];
    for round in 0..60 {
        let mut order: Vec<Json> = Vec::new();
        for _ in 0..=dice.roll(3) {
            let key = KEYS[usize::try_from(dice.roll(KEYS.len() as u64)).unwrap()];
            let direction = ["asc", "desc"][usize::try_from(dice.roll(2)).unwrap()];
            let nulls = ["first", "last"][usize::try_from(dice.roll(2)).unwrap()];
            if order.iter().all(|known| known["field"] != key) {
                order.push(json!({"field": key, "order": direction, "nulls": nulls}));
            }
        }
        let question = json!({"object": "account", "fields": ["id"], "orderBy": order});
        let limit = 1 + dice.roll(5);
        for shop in &shops {
            let (whole, _) = page(shop, &question).await;
            assert_eq!(whole.len(), 5);
            let paged = all_pages(shop, &question, limit).await;
            assert_eq!(paged, whole, "seed {seed}, round {round}: {question} by {limit}");
        }
    }
}

#[tokio::test]
async fn pages_go_on_where_they_were_when_records_come() {
    let shop = Shop::filled(Kept::Delta);
    let mut question = json!({"object": "account", "fields": ["name"], "orderBy": ["name"], "limit": 2});
    let (first, next) = page(&shop, &question).await;
    assert_eq!(first, [json!({"name": "Acme"}), json!({"name": "Globex"})]);
    shop.insert(
        "account",
        &[json!({"id": "acc_9", "name": "Aaa"}).clone(), json!({"id": "acc_8", "name": "Hij"})],
    );
    question["after"] = next.unwrap().into();
    let (second, _) = page(&shop, &question).await;
    assert_eq!(second, [json!({"name": "Hij"}), json!({"name": "Nobody"})]);
    question["count"] = true.into();
    let query = Query::parse(&question).unwrap();
    let count = shop.planner.query(&shop.context(), &query).await.unwrap().count;
    assert_eq!(count, Some(7), "all that match are counted, not what is left");
}

#[tokio::test]
async fn what_is_no_cursor_of_this_order_is_refused() {
    let shop = Shop::filled(Kept::Delta);
    let of_name = json!({"object": "account", "fields": ["name"], "orderBy": ["name"], "limit": 1});
    let cursor = page(&shop, &of_name).await.1.unwrap();
    // {"order":["name","id"],"values":[{"Int":1},{"Text":"x"}]}
    let forged = "eyJvcmRlciI6WyJuYW1lIiwiaWQiXSwidmFsdWVzIjpbeyJJbnQiOjF9LHsiVGV4dCI6IngifV19";
    let refused = [
        json!({"object": "account", "orderBy": ["-name"], "after": cursor}),
        json!({"object": "account", "orderBy": ["code"], "after": cursor}),
        json!({"object": "account", "orderBy": ["name"], "after": "nonsense"}),
        json!({"object": "account", "orderBy": ["name"], "after": "bm9uc2Vuc2U"}),
        json!({"object": "account", "orderBy": ["name"], "after": forged}),
        json!({"object": "account", "search": "data", "after": cursor}),
        json!({"object": "account", "groupBy": ["name"], "after": cursor}),
        json!({"object": "account", "fields": ["id"], "orderBy": ["w"], "after": cursor,
               "windows": [{"function": "rank", "orderBy": ["name"], "as": "w"}]}),
    ];
    for question in refused {
        let query = Query::parse(&question).unwrap();
        let error =
            shop.planner.query(&shop.context(), &query).await.err().unwrap_or_else(|| panic!("{question}"));
        assert_eq!(
            (error.kind, error.code, error.path.as_str()),
            (ErrorKind::Invalid, "INVALID_CURSOR", "after")
        );
    }
}
