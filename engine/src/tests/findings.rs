//! Every finding, by what a client sends and what it is told.

use super::*;

/// The code that a product with this one field gives; `ok` when it is taken.
async fn code_of(shop: &Shop, field: &str, input: Input) -> String {
    let mut data = record(json!({ "name": "Lamp" }));
    data.insert(field.to_owned(), input);
    match shop.session.change(vec![change("product", Operation::Create(data))], true).await {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.findings.iter().map(|f| f.code.as_ref()).collect::<Vec<_>>().join(","),
    }
}

#[tokio::test]
async fn json_values_are_checked_against_their_fields() {
    let shop = Shop::open();
    let cases = [
        ("name", json!(null), "required"),
        ("name", json!("  "), "required"),
        ("name", json!("x"), "min_length"),
        ("name", json!("äöüäöüäöüä"), "ok"),
        ("name", json!("äöüäöüäöüäö"), "max_length"),
        ("name", json!(5), "invalid_type"),
        ("name", json!("a\u{0}b"), "invalid_value"),
        ("about", json!(""), "ok"),
        ("email", json!("a@b.co"), "ok"),
        ("email", json!("a@@b"), "invalid_email"),
        ("website", json!("acme.com"), "invalid_url"),
        ("hotline", json!("call me"), "invalid_phone"),
        ("colour", json!("red"), "invalid_format"),
        ("price", json!("12.50"), "ok"),
        ("price", json!(12.500), "ok"),
        ("price", json!("12.505"), "max_scale"),
        ("price", json!(-0.01), "min_value"),
        ("price", json!("1000000.51"), "max_value"),
        ("price", json!("99999999999999999999"), "max_value"),
        ("price", json!("12,50"), "invalid_number"),
        ("price", json!(true), "invalid_type"),
        ("weight", json!("0.001"), "ok"),
        ("weight", json!(1e3), "ok"),
        ("weight", json!("12345678"), "max_value"),
        ("stock", json!(-10), "ok"),
        ("stock", json!(7.0), "ok"),
        ("stock", json!(7.5), "max_scale"),
        ("stock", json!(-11), "min_value"),
        ("stock", json!(1_000_000), "max_value"),
        ("discount", json!(100), "ok"),
        ("discount", json!("100.01"), "max_value"),
        ("active", json!("true"), "invalid_boolean"),
        ("active", json!(0), "invalid_boolean"),
        ("since", json!("2024-02-29"), "ok"),
        ("since", json!("2023-02-29"), "invalid_date"),
        ("since", json!("2024-2-29"), "invalid_date"),
        ("since", json!("2024-02-29T00:00:00Z"), "invalid_date"),
        ("since", json!(20240229), "invalid_type"),
        ("seen_at", json!("2024-02-29T10:00:00.123456+05:30"), "ok"),
        ("seen_at", json!("2024-02-29 10:00"), "ok"),
        ("seen_at", json!("2024-02-29T24:00:00Z"), "invalid_date"),
        ("seen_at", json!("2024-02-29T10:00:00.1234567Z"), "invalid_date"),
        ("opens", json!("09:30"), "ok"),
        ("opens", json!("9:30"), "invalid_time"),
        ("opens", json!("23:59:60"), "invalid_time"),
        ("size", json!("small"), "ok"),
        ("size", json!("Small"), "invalid_option"),
        ("size", json!("huge"), "invalid_option"),
        ("tags", json!(["new", "sale"]), "ok"),
        ("tags", json!([]), "ok"),
        ("tags", json!(["new", "old"]), "invalid_option"),
        ("tags", json!(["new", "new"]), "invalid_value"),
        ("tags", json!(["new", 1]), "invalid_type"),
        ("tags", json!("new"), "invalid_shape"),
        ("maker_id", json!("nobody"), "reference_not_found"),
        ("maker_id", json!({ "id": "x" }), "invalid_type"),
        ("maker_id", json!("$ref:3.id"), "invalid_value"),
        ("extra", json!({ "any": [1, { "thing": null }] }), "ok"),
        ("number", json!("P-1"), "readonly"),
        ("rating", json!(5), "readonly"),
        ("revision", json!(5), "readonly"),
        ("created_at", json!("2024-02-29T10:00:00Z"), "readonly"),
        ("id", json!("my-own_1"), "ok"),
        ("id", json!("has space"), "invalid_value"),
        ("id", json!(""), "invalid_value"),
        ("id", json!("x".repeat(65)), "invalid_value"),
        ("id", json!(5), "invalid_value"),
        ("owner", json!("nobody"), "reference_not_found"),
        ("nmae", json!("x"), "unknown_field"),
    ];
    for (field, value, code) in cases {
        assert_eq!(code_of(&shop, field, Input::Json(value.clone())).await, code, "{field}: {value}");
    }
}

#[tokio::test]
async fn typed_values_are_widened_but_never_narrowed_with_loss() {
    let shop = Shop::open();
    let cases = [
        ("price", Value::Int(12), None, "ok"),
        ("price", Value::Decimal(12_500), Some(3), "ok"),
        ("price", Value::Decimal(12_505), Some(3), "max_scale"),
        ("price", Value::Float(0.1), None, "ok"),
        ("price", Value::Float(0.1 + 0.2), None, "max_scale"),
        ("price", Value::Float(f64::NAN), None, "invalid_number"),
        ("stock", Value::Float(7.0), None, "ok"),
        ("stock", text(" 7 "), None, "ok"),
        ("stock", Value::Bool(true), None, "invalid_type"),
        ("name", Value::Int(5), None, "invalid_type"),
        ("active", text("f"), None, "ok"),
        ("active", text("maybe"), None, "invalid_boolean"),
        ("since", Value::Date(19_782), None, "ok"),
        ("since", Value::Timestamp(0), None, "invalid_type"),
        ("seen_at", Value::Timestamp(0), None, "ok"),
        ("seen_at", Value::Date(0), None, "ok"),
        ("seen_at", Value::Timestamp(i64::MAX), None, "invalid_date"),
        ("opens", Value::Time(86_400_000_000), None, "invalid_time"),
        ("tags", text(r#"{new,"sale"}"#), None, "ok"),
        ("tags", text(r#"["new"]"#), None, "ok"),
        ("tags", text("{new"), None, "invalid_shape"),
        ("extra", text(r#"{"a": 1}"#), None, "ok"),
        ("extra", text("{a: 1}"), None, "invalid_json"),
        ("name", Value::Bytes([1u8].as_slice().into()), None, "invalid_type"),
    ];
    for (field, value, scale, code) in cases {
        let input = Input::Typed(value.clone(), scale);
        assert_eq!(code_of(&shop, field, input).await, code, "{field}: {value:?}");
    }
}

#[tokio::test]
async fn values_are_kept_exactly() {
    let shop = Shop::open();
    let data = json!({
        "name": "Lamp", "price": "999999.99", "weight": 0.1, "stock": "007", "discount": "33.3333", "about": "",
        "since": "1969-12-31", "seen_at": "2024-02-29T10:00:00.5+05:30", "opens": "09:30:15.25",
        "tags": ["sale", "new"], "extra": { "b": 1.10, "a": 2 },
    });
    let id = shop.create("product", data).await.unwrap();
    let tags: Vec<Arc<str>> = vec!["sale".into(), "new".into()];
    for (field, value) in [
        ("price", Value::Decimal(99_999_999)),
        ("weight", Value::Decimal(100)),
        ("stock", Value::Int(7)),
        ("discount", Value::Decimal(333_333)),
        ("about", text("")),
        ("since", Value::Date(-1)),
        ("seen_at", Value::Timestamp(1_709_181_000_500_000)),
        ("opens", Value::Time(34_215_250_000)),
        ("tags", Value::TextList(tags.into())),
        ("extra", text(r#"{"b":1.1,"a":2}"#)),
    ] {
        assert_eq!(shop.field("product", &id, field), Some(value), "{field}");
    }
}

#[tokio::test]
async fn new_records_get_defaults_and_system_fields() {
    let shop = Shop::open();
    let id = shop.create("product", json!({ "name": "Lamp", "since": null })).await.unwrap();
    assert!(id.starts_with("prd_") && id.len() == 30, "{id}");
    let me = text(&shop.session.principal().user_id);
    for (field, value) in [
        ("active", Value::Bool(true)),
        ("since", Value::Null),
        ("owner", me.clone()),
        ("created_by", me.clone()),
        ("updated_by", me),
        ("revision", Value::Int(1)),
        ("package_version", text("shop@1.2.0")),
        ("number", text("P-2026-001")),
    ] {
        assert_eq!(shop.field("product", &id, field), Some(value), "{field}");
    }
    assert_eq!(shop.field("product", &id, "created_at"), shop.field("product", &id, "updated_at"));
}

#[tokio::test]
async fn days_and_bare_instants_are_those_of_the_sessions_time_zone() {
    let mut shop = Shop::open();
    shop.session.options_mut().time_zone = chrono_tz::America::New_York;
    let id = shop.create("product", json!({ "name": "Lamp", "seen_at": "2026-07-01 12:00" })).await.unwrap();
    // At the start of the test's clock it is still the evening before in New York.
    assert_eq!(shop.field("product", &id, "since"), Some(Value::Date(20_512)));
    assert_eq!(shop.field("product", &id, "seen_at"), Some(Value::Timestamp(1_782_921_600_000_000)));
    let skipped =
        shop.create("product", json!({ "name": "Lamp", "seen_at": "2026-03-08 02:30" })).await.unwrap_err();
    assert_eq!(told(&skipped), ["0 product.seen_at invalid_date"]);
}

#[tokio::test]
async fn all_findings_of_all_records_come_back_together() {
    let shop = Shop::open();
    let error = shop
        .change(vec![
            create("product", json!({ "price": -1, "size": "tiny", "nmae": "Lamp" })),
            create("maker", json!({ "name": "Acme", "parent_id": "nobody" })),
            update("product", "nothing", json!({ "name": "Lamp" })),
            create("maker", json!({ "name": "" })),
        ])
        .await
        .unwrap_err();
    assert_eq!((error.kind, error.code), (crate::ErrorKind::Violated, "VALIDATION_FAILED"));
    let mut all = told(&error);
    all.sort();
    assert_eq!(
        all,
        [
            "0 product.name required",
            "0 product.nmae unknown_field",
            "0 product.price min_value",
            "0 product.size invalid_option",
            "1 maker.parent_id reference_not_found",
            "2 product record_not_found",
            "3 maker.name required",
        ]
    );
    assert_eq!(shop.rows("maker"), 0);
}

#[tokio::test]
async fn messages_name_what_is_near() {
    let shop = Shop::open();
    let message = |error: Error| error.findings[0].message.clone();
    let unknown = shop.create("product", json!({ "name": "Lamp", "pirce": 1 })).await.unwrap_err();
    assert!(message(unknown).contains("\"price\""));
    let relation = shop.create("product", json!({ "name": "Lamp", "maker": "x" })).await.unwrap_err();
    assert!(message(relation).contains("maker_id"));
    let option = shop.create("product", json!({ "name": "Lamp", "size": "smal" })).await.unwrap_err();
    assert!(message(option).contains("\"small\""));
    let object = shop.create("prodcut", product("Lamp")).await.unwrap_err();
    assert_eq!((object.code, object.path.as_str()), ("OBJECT_NOT_FOUND", "changes[0].object"));
    assert!(object.message.contains("\"product\""), "{object}");
}

#[tokio::test]
async fn unique_values_are_told_with_their_constraint() {
    let shop = Shop::open();
    let maker = shop.create("maker", json!({ "id": "m1", "name": "Acme" })).await.unwrap();
    shop.create("product", json!({ "name": "Lamp", "maker_id": maker, "code": "L" })).await.unwrap();
    let taken = |error: Error| (error.code, told(&error), error.findings[0].constraint.clone().unwrap());
    let cases = [
        (create("maker", json!({ "name": "Acme" })), "0 maker.name unique", "maker_name_key"),
        (create("maker", json!({ "id": "m1", "name": "Other" })), "0 maker.id unique", "maker_pkey"),
        (
            create("product", json!({ "name": "Lamp", "maker_id": "m1" })),
            "0 product unique",
            "product_maker_id_name_key",
        ),
    ];
    for (change, finding, constraint) in cases {
        let error = shop.change(vec![change]).await.unwrap_err();
        assert_eq!(taken(error), ("UNIQUE_VIOLATION", vec![finding.to_owned()], constraint.to_owned()));
    }
    // Nothing is unique where a value is missing, and half of a pair is free.
    shop.create("product", product("Lamp")).await.unwrap();
    shop.create("product", product("Lamp")).await.unwrap();
    shop.create("product", json!({ "name": "Desk", "maker_id": "m1" })).await.unwrap();
}

#[tokio::test]
async fn unique_values_are_watched_inside_one_request() {
    let shop = Shop::open();
    let twice = vec![create("maker", json!({ "name": "Acme" })), create("maker", json!({ "name": "Acme" }))];
    assert_eq!(told(&shop.change(twice).await.unwrap_err()), ["1 maker.name unique"]);
    // A value that an earlier change gives up is free for a later one.
    let id = shop.create("maker", json!({ "name": "Acme" })).await.unwrap();
    let handed_over =
        vec![update("maker", &id, json!({ "name": "Old" })), create("maker", json!({ "name": "Acme" }))];
    shop.change(handed_over).await.unwrap();
    let deleted = vec![delete("maker", &id), create("maker", json!({ "name": "Old" }))];
    shop.change(deleted).await.unwrap();
    assert_eq!(shop.rows("maker"), 2);
}

#[tokio::test]
async fn later_changes_point_to_earlier_ones() {
    let shop = Shop::open();
    let outcomes = shop
        .change(vec![
            create("maker", json!({ "name": "Acme" })),
            create("product", json!({ "name": "Lamp", "maker_id": "$ref:0.id" })),
            update("maker", "$ref:0.id", json!({ "name": "Acme Inc" })),
        ])
        .await
        .unwrap();
    let (maker, product) = (&outcomes[0].ids[0], &outcomes[1].ids[0]);
    assert_eq!(shop.field("product", product, "maker_id"), Some(text(maker)));
    assert_eq!(shop.field("maker", maker, "name"), Some(text("Acme Inc")));
    // Who refers to a record that was refused is not to blame.
    let error = shop
        .change(vec![
            create("maker", json!({ "id": "m9", "name": null })),
            create("product", json!({ "name": "Lamp", "maker_id": "m9" })),
            create("product", json!({ "name": "Desk", "maker_id": "$ref:0.id" })),
        ])
        .await
        .unwrap_err();
    assert_eq!(told(&error), ["0 maker.name required"]);
}

#[tokio::test]
async fn an_update_looks_at_what_it_was_given() {
    let shop = Shop::open();
    let id = shop.create("product", json!({ "name": "Lamp", "price": 5 })).await.unwrap();
    shop.change(vec![update("product", &id, json!({ "price": 6, "name": "Lamp" }))]).await.unwrap();
    assert_eq!(shop.field("product", &id, "revision"), Some(Value::Int(2)));
    assert!(shop.field("product", &id, "updated_at") != shop.field("product", &id, "created_at"));
    let error =
        shop.change(vec![update("product", &id, json!({ "name": null, "id": "other" }))]).await.unwrap_err();
    assert_eq!(told(&error), ["0 product.id readonly", "0 product.name required"]);
    // What changes nothing writes nothing, and still answers.
    let outcomes =
        shop.change(vec![update("product", &id, json!({ "price": "6.00", "id": id }))]).await.unwrap();
    assert_eq!(outcomes[0].ids, std::slice::from_ref(&id));
    assert_eq!(shop.field("product", &id, "revision"), Some(Value::Int(2)));
}

#[tokio::test]
async fn an_upsert_finds_its_record_by_unique_fields() {
    let shop = Shop::open();
    let first = shop
        .change(vec![upsert("product", &["code"], json!({ "code": "L", "name": "Lamp" }))])
        .await
        .unwrap();
    let again =
        shop.change(vec![upsert("product", &["code"], json!({ "code": "L", "price": 9 }))]).await.unwrap();
    assert_eq!((first[0].done, again[0].done), (crate::Done::Created, crate::Done::Updated));
    assert_eq!(first[0].ids, again[0].ids);
    assert_eq!(shop.field("product", &first[0].ids[0], "name"), Some(text("Lamp")));
    let both = vec![
        upsert("product", &["code"], json!({ "code": "D", "name": "Desk" })),
        upsert("product", &["code"], json!({ "code": "D", "price": 7 })),
        upsert("product", &["id"], json!({ "id": "own", "name": "Own" })),
        upsert("product", &["id"], json!({ "id": "own", "price": 1 })),
    ];
    let done: Vec<_> = shop.change(both).await.unwrap().into_iter().map(|outcome| outcome.done).collect();
    use crate::Done::{Created, Updated};
    assert_eq!(done, [Created, Updated, Created, Updated]);
    let missing = shop.change(vec![upsert("product", &["code"], product("Lamp"))]).await.unwrap_err();
    assert_eq!(told(&missing), ["0 product.code required"]);
    let loose = shop.change(vec![upsert("product", &["name"], product("Lamp"))]).await.unwrap_err();
    assert_eq!((loose.kind, loose.path.as_str()), (crate::ErrorKind::Invalid, "changes[0].on"));
    assert!(loose.message.contains("\"code\""), "{loose}");
}
