//! A list that is sorted and cut off is the head of the whole sorted list, whatever the scan was told; and the scan is
//! told where an index has the order.

use quarry_planner::{PlannerOptions, Query};
use serde_json::{Value as Json, json};

use crate::fixture::Shop;

/// Accounts in a segment, changes to them in the delta; values missing and repeated.
fn filled() -> Shop {
    let shop = Shop::empty(PlannerOptions::default());
    let account = |number: u32| {
        let pick = |of: u32| number.wrapping_mul(2_654_435_761) >> 7 & of;
        let mut account = json!({"id": format!("acc_{number:03}"), "name": format!("n{}", pick(63))});
        let optional = [
            ("code", !number.is_multiple_of(5), format!("c{:03}", number * 7 % 300)),
            (
                "industry",
                !number.is_multiple_of(3),
                ["tech", "retail", "energy", "tech"][usize::try_from(pick(3)).unwrap()].to_owned(),
            ),
        ];
        for (name, is_there, value) in optional {
            if is_there {
                account[name] = value.into();
            }
        }
        account
    };
    let all: Vec<Json> = (0..300).map(account).collect();
    shop.insert("account", &all[..200]);
    shop.store.fold().unwrap();
    shop.insert("account", &all[200..]);
    shop
}

#[tokio::test]
async fn the_head_of_a_sorted_list_is_the_same_with_and_without_a_limit() {
    let shop = filled();
    let context = shop.context();
    let filters = [json!({}), json!({"industry": "tech"}), json!({"name": {"$gt": "n3"}})];
    let orders = ["id", "code", "industry", "name"];
    let by = |field: &str, direction: &str, nulls: &str| json!([{"field": field, "order": direction, "nulls": nulls}, {"field": "name", "order": "desc"}]);
    for filter in &filters {
        for field in orders {
            for (direction, nulls) in [("asc", "first"), ("asc", "last"), ("desc", "first"), ("desc", "last")]
            {
                let mut question = json!({"object": "account", "fields": ["id", "code", "industry"],
                                          "where": filter, "orderBy": by(field, direction, nulls)});
                let whole = shop.ask(&context, &question).await.unwrap();
                question["limit"] = 7.into();
                question["offset"] = 2.into();
                let head = shop.ask(&context, &question).await.unwrap();
                let wanted = &whole["records"].as_array().unwrap()[2..9];
                assert_eq!(head["records"].as_array().unwrap(), wanted, "{question}");
            }
        }
    }
}

#[tokio::test]
async fn a_scan_is_told_of_the_limit_where_an_index_has_the_order() {
    let shop = filled();
    let cases = [
        (json!({"orderBy": "-id"}), Some("first=9 by id DESC")),
        (json!({"orderBy": "code"}), Some("first=9 by code")),
        (json!({"orderBy": "-industry", "where": {"code": {"$ne": null}}}), None),
        (json!({"orderBy": "code", "where": {"industry": "tech"}}), Some("first=9 by code")),
        (json!({"orderBy": "name"}), None),
    ];
    for (question, wanted) in cases {
        let mut all = json!({"object": "account", "fields": ["name"], "limit": 9});
        all.as_object_mut().unwrap().extend(question.as_object().unwrap().clone());
        let query = Query::parse(&all).unwrap();
        let plan = shop.planner.explain(&shop.context(), &query).await.unwrap();
        match wanted {
            Some(wanted) => assert!(plan.contains(wanted), "{all}: {plan}"),
            None => assert!(!plan.contains("first="), "{all}: {plan}"),
        }
    }
}
