//! Pages by cursor: together they are the whole list, in its order, whatever it is sorted by and wherever they are cut.

use futures::TryStreamExt;
use quarry_planner::{ErrorKind, PlannerOptions, Query};
use serde_json::{Value as Json, json};

use crate::{
    dice::Dice,
    fixture::{Kept, Shop, to_json},
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

/// The last page, and from there each page before it, by the cursor that says where it ends.
async fn all_backwards(shop: &Shop, question: &Json, limit: u64) -> Vec<Json> {
    let mut question = question.clone();
    question["limit"] = limit.into();
    let mut all: Vec<Json> = Vec::new();
    let (mut rows, next) = page(shop, &question).await;
    let Some(next) = next else { return rows };
    question["after"] = next.into();
    // From the second page on, so that the first is reached by a cursor too.
    let query = Query::parse(&question).unwrap();
    let answer = shop.planner.query(&shop.context(), &query).await.unwrap();
    let ends = answer.next.clone().unwrap();
    let second: Vec<_> = answer.batches.try_collect().await.unwrap();
    let second = to_json(&second).as_array().unwrap().clone();
    question.as_object_mut().unwrap().remove("after");
    let mut before = ends.previous().expect("a page behind a cursor tells of the one before it");
    assert_eq!(before.is_some(), !second.is_empty());
    if second.is_empty() {
        return rows;
    }
    while let Some(cursor) = before.take() {
        question["before"] = cursor.into();
        let query = Query::parse(&question).unwrap();
        let answer = shop.planner.query(&shop.context(), &query).await.unwrap();
        let ends = answer.next.clone().unwrap();
        let batches: Vec<_> = answer.batches.try_collect().await.unwrap();
        rows = to_json(&batches).as_array().unwrap().clone();
        assert_eq!(ends.get().is_some(), !rows.is_empty(), "the cursor's record comes next");
        before = ends.previous().unwrap();
        assert_eq!(before.is_some(), rows.len() as u64 == limit);
        all.splice(0..0, rows.iter().cloned());
    }
    all.extend(second);
    all
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
    let mut dice = Dice::of(seed);
    let partitioned =
        PlannerOptions { single_partition_rows: 1, target_partitions: 3, ..PlannerOptions::default() };
    let shops = [Shop::filled(Kept::Delta), Shop::filled_with(partitioned, Kept::Both)];
    for round in 0..60 {
        let mut order: Vec<Json> = Vec::new();
        for _ in 0..=dice.roll(3) {
            let key = KEYS[dice.place(KEYS.len())];
            let direction = ["asc", "desc"][dice.place(2)];
            let nulls = ["first", "last"][dice.place(2)];
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
            let backwards = all_backwards(shop, &question, limit).await;
            let first_two = whole.iter().take(usize::try_from(2 * limit).unwrap());
            assert!(
                backwards.iter().eq(first_two),
                "seed {seed}, round {round}: {question} by {limit} backwards"
            );
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

#[tokio::test]
async fn a_page_begins_behind_the_values_of_a_cursor() {
    let shop = Shop::filled(Kept::Both);
    let question = |cursor: Json| json!({"object": "account", "fields": ["id"], "orderBy": ["-revenue", "seen_at"], "cursor": cursor});
    let cases = [
        (
            json!({"revenue": "1200.50", "seen_at": "2026-01-01T00:00:00Z", "id": "acc_5"}),
            vec!["acc_1", "acc_2", "acc_4"],
        ),
        (
            json!({"revenue": 1200.5, "seen_at": "2026-07-28T22:30:00Z", "id": "acc_1"}),
            vec!["acc_2", "acc_4"],
        ),
        (json!({"revenue": 1300, "seen_at": null, "id": "x"}), vec!["acc_5", "acc_1", "acc_2", "acc_4"]),
        (json!({"revenue": null, "seen_at": null, "id": "acc_3"}), vec!["acc_4"]),
    ];
    for (cursor, expected) in cases {
        let (rows, _) = page(&shop, &question(cursor.clone())).await;
        let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{cursor}");
    }
    let refused = [
        (json!({"revenue": 1, "seen_at": null}), "id"),
        (json!({"revenue": 1, "seen_at": null, "id": "x", "name": "y"}), "name"),
        (json!({"revenue": "much", "seen_at": null, "id": "x"}), "much"),
        (json!({"revenue": 1, "seen_at": "2026-07-28", "id": "x"}), "instant"),
        (json!(7), "7"),
    ];
    for (cursor, named) in refused {
        let error = shop.ask(&shop.context(), &question(cursor.clone())).await.expect_err("no cursor");
        assert_eq!(error.code, "INVALID_CURSOR", "{cursor}: {error:?}");
        assert!(error.message.contains(named), "{cursor}: {}", error.message);
    }
    let both = [
        json!({"object": "account", "limit": 1, "after": "x", "before": "y"}),
        json!({"object": "account", "limit": 1, "cursor": {"id": "x"}, "before": "y"}),
        json!({"object": "account", "before": "y"}),
        json!({"object": "account", "limit": 1, "offset": 1, "before": "y"}),
        json!({"object": "account", "groupBy": ["name"], "cursor": {"id": "x"}}),
        json!({"object": "account", "expand": {"contacts": {"limit": 1, "before": "y"}}}),
    ];
    for question in both {
        let error = shop.ask(&shop.context(), &question).await.expect_err("not both");
        assert!(matches!(error.code, "INVALID_CURSOR" | "INVALID_QUERY"), "{question}: {error:?}");
    }
    let same = json!({"object": "account", "limit": 1, "cursor": "x", "after": "y"});
    assert_eq!(Query::parse(&same).expect_err("two values").code, "INVALID_QUERY");
}
