//! What rules warn of, beside what was done.

use super::*;

fn pallet(name: &str, weight: u32) -> Value {
    json!({ "op": "create", "object": "pallet", "data": { "name": name, "weight": weight, "zone": "A" } })
}

/// `change.field code` of every warning.
fn said(told: &Value) -> Vec<String> {
    let warnings = told["warnings"].as_array().unwrap_or_else(|| panic!("no warnings: {told}"));
    let said = |w: &Value| {
        format!("{}.{} {}", w["change"], w["field"].as_str().unwrap_or("-"), w["code"].as_str().unwrap())
    };
    warnings.iter().map(said).collect()
}

#[tokio::test]
async fn every_answer_of_a_change_has_its_warnings() {
    let shop = Shop::open().await;
    let changes = json!({ "changes": [pallet("One", 5), pallet("Two", 500)] });
    let answer = shop.post("/api/v1/changes", changes).await;
    assert_eq!(answer.status, StatusCode::OK);
    let told = answer.json();
    assert_eq!(said(&told), ["1.weight HEAVY"]);
    assert_eq!(told["warnings"][0]["message"], "Two weighs 500 kg");
    assert_eq!(told["warnings"][0]["object"], "pallet");
    assert!(told["csn"].is_u64(), "{told}");
    let quiet = shop.post("/api/v1/changes", json!({ "changes": [pallet("Three", 5)] })).await.json();
    assert_eq!(quiet["warnings"], json!([]));
    let dry = json!({ "changes": [pallet("Four", 500)], "dryRun": true });
    let dry = shop.post("/api/v1/changes", dry).await.json();
    assert_eq!((said(&dry), &dry["csn"]), (vec!["0.weight HEAVY".to_owned()], &Value::Null));
}

#[tokio::test]
async fn changes_by_themselves_and_refusals_tell_them_too() {
    let shop = Shop::open().await;
    let changes = [pallet("One", 500), pallet("Two", 2000), pallet("Three", 600)];
    let refused = shop.post("/api/v1/changes", json!({ "changes": changes })).await;
    assert_eq!(refused.problem(), (400, "VALIDATION_FAILED".to_owned()));
    assert_eq!(said(&refused.json()["error"]), ["0.weight HEAVY", "1.weight HEAVY", "2.weight HEAVY"]);
    let alone = shop.post("/api/v1/changes", json!({ "changes": changes, "atomic": false })).await.json();
    assert_eq!(said(&alone), ["0.weight HEAVY", "2.weight HEAVY"]);
    assert_eq!(said(&alone["results"][1]["error"]), ["1.weight HEAVY"]);
}

#[tokio::test]
async fn where_the_body_is_a_record_they_are_in_a_header() {
    let shop = Shop::open().await;
    let json_type = [("content-type", "application/json")];
    let data = json!({ "name": "Grün", "weight": 500, "zone": "A" });
    let made = shop.send("POST", "/api/v1/objects/pallet", &json_type, data.to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    let told: Value = serde_json::from_str(made.header("x-quarry-warnings")).unwrap();
    assert_eq!(told[0]["message"], "Grün weighs 500 kg");
    assert_eq!(made.json()["name"], "Grün");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/objects/pallet/{id}");
    let lighter = shop.send("PATCH", &path, &json_type, json!({ "weight": 5 }).to_string()).await;
    assert_eq!(lighter.status, StatusCode::OK);
    assert!(lighter.headers.get("x-quarry-warnings").is_none());
}
