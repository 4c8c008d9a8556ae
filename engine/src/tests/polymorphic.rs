//! References to a record of one of several objects: written in every form, read as an id with its type and as lookups.

use futures::StreamExt;

use super::*;
use crate::Query;

async fn stocked() -> Shop {
    let shop = Shop::with("ties");
    let changes = vec![
        create("company", json!({ "id": "acme", "name": "Acme" })),
        create("company", json!({ "id": "same", "name": "Same Ltd" })),
        create("person", json!({ "id": "ann", "name": "Ann" })),
        create("person", json!({ "id": "same", "name": "Sam E." })),
    ];
    shop.change(changes).await.unwrap_or_else(|error| panic!("{error}: {:?}", told(&error)));
    shop
}

/// The id, the type and the lookups of a memo.
fn about(shop: &Shop, id: &str) -> String {
    let fields = ["about_id", "about_type", "about_company_id", "about_person_id", "about_user_id"];
    let shown = |field: &&str| match shop.field("memo", id, field).unwrap() {
        Value::Text(text) => text.to_string(),
        Value::Null => "-".to_owned(),
        other => format!("{other:?}"),
    };
    fields.iter().map(shown).collect::<Vec<_>>().join(" ")
}

/// What a question answers, a row as text.
async fn rows(shop: &Shop, query: Json) -> Vec<String> {
    let query = Query::parse(&query).unwrap_or_else(|error| panic!("{error}"));
    let mut answer = shop.session.query(&query).await.unwrap_or_else(|error| panic!("{error}"));
    let mut rows = Vec::new();
    while let Some(batch) = answer.batches.next().await {
        rows.extend(shown(&batch.unwrap()));
    }
    rows
}

fn shown(batch: &arrow::array::RecordBatch) -> Vec<String> {
    let cell = |column: &arrow::array::ArrayRef, row: usize| {
        arrow::util::display::array_value_to_string(column, row).unwrap()
    };
    let row =
        |row: usize| batch.columns().iter().map(|column| cell(column, row)).collect::<Vec<_>>().join("|");
    (0..batch.num_rows()).map(row).collect()
}

async fn sql(shop: &Shop, sql: &str) -> Vec<String> {
    let mut batches = shop.session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).batches;
    let mut rows = Vec::new();
    while let Some(batch) = batches.next().await {
        rows.extend(shown(&batch.unwrap()));
    }
    rows
}

#[tokio::test]
async fn it_is_written_in_every_form() {
    let shop = stocked().await;
    let forms = [
        json!({ "about_company_id": "acme" }),
        json!({ "about_id": "acme" }),
        json!({ "about_id": "acme", "about_type": "company" }),
        json!({ "about_id": { "object": "company", "id": "acme" } }),
        json!({ "about_id": { "object": "company", "id": "acme" }, "about_type": "company" }),
        json!({ "about_company_id": "acme", "about_type": "company" }),
        json!({ "about_id": "acme", "about_type": "company", "about_company_id": "acme", "about_person_id": null }),
        json!({ "about_id": null, "about_company_id": "acme" }),
    ];
    for form in forms {
        let mut data = form.clone();
        data["title"] = "x".into();
        let id = shop
            .create("memo", data)
            .await
            .unwrap_or_else(|error| panic!("{form}: {error} {:?}", told(&error)));
        assert_eq!(about(&shop, &id), "acme company acme - -", "{form}");
    }
    let id = shop
        .create("memo", json!({ "title": "x", "about_id": "same", "about_type": "person" }))
        .await
        .unwrap();
    assert_eq!(about(&shop, &id), "same person - same -");
    let id = shop.create("memo", json!({ "title": "x" })).await.unwrap();
    assert_eq!(about(&shop, &id), "- - - - -");
    let typed = Record::from([
        ("title".to_owned(), Input::Typed(Value::Text("x".into()), None)),
        ("about_id".to_owned(), Input::Typed(Value::Text("ann".into()), None)),
        ("about_type".to_owned(), Input::Typed(Value::Text("person".into()), None)),
    ]);
    let outcomes = shop.change(vec![change("memo", Operation::Create(typed))]).await.unwrap();
    assert_eq!(about(&shop, &outcomes[0].ids[0]), "ann person - ann -", "as SQL gives it");
}

#[tokio::test]
async fn a_record_of_an_earlier_change_is_of_that_changes_object() {
    let shop = stocked().await;
    let changes = vec![
        create("person", json!({ "id": "eve", "name": "Eve" })),
        create("memo", json!({ "id": "m1", "title": "x", "about_id": "$ref:0.id" })),
        create("memo", json!({ "id": "m2", "title": "x", "about_id": "eve" })),
    ];
    shop.change(changes).await.unwrap_or_else(|error| panic!("{error}: {:?}", told(&error)));
    assert_eq!([about(&shop, "m1"), about(&shop, "m2")], ["eve person - eve -"; 2]);
    let lost = vec![
        create("person", json!({ "id": "bob" })),
        create("memo", json!({ "title": "x", "about_id": "bob" })),
    ];
    assert_eq!(
        told(&shop.change(lost).await.unwrap_err()),
        ["0 person.name required"],
        "who refers to it is not to blame"
    );
}

#[tokio::test]
async fn what_does_not_say_one_record_is_refused() {
    let shop = stocked().await;
    let wrong = [
        (json!({ "about_id": "same" }), "about_id reference_ambiguous"),
        (json!({ "about_id": "nobody" }), "about_id reference_not_found"),
        (json!({ "about_id": "ann", "about_type": "company" }), "about_company_id reference_not_found"),
        (json!({ "about_id": "ann", "about_type": "memo" }), "about_id invalid_option"),
        (json!({ "about_id": "ann", "about_type": 7 }), "about_type invalid_type"),
        (json!({ "about_type": "person" }), "about_type required"),
        (json!({ "about_id": 7 }), "about_id invalid_type"),
        (json!({ "about_id": ["ann"] }), "about_id invalid_type"),
        (json!({ "about_id": { "object": "person" } }), "about_id invalid_type"),
        (json!({ "about_id": { "object": "person", "id": "ann", "name": "Ann" } }), "about_id invalid_type"),
        (
            json!({ "about_id": { "object": "person", "id": "ann" }, "about_type": "company" }),
            "about_id invalid_value",
        ),
        (json!({ "about_id": "$ref:7.id" }), "about_id invalid_value"),
        (json!({ "about_company_id": "acme", "about_person_id": "ann" }), "about_id several_references"),
        (json!({ "about_id": "acme", "about_person_id": "ann" }), "about_id several_references"),
        (json!({ "about_id": "acme", "about_company_id": "same" }), "about_id several_references"),
        (json!({ "about_person_id": "acme" }), "about_person_id reference_not_found"),
    ];
    for (data, expected) in wrong {
        let mut all = data.clone();
        all["title"] = "x".into();
        let refused = shop.change(vec![create("memo", all)]).await.expect_err(&data.to_string());
        assert_eq!(told(&refused), [format!("0 memo.{expected}")], "{data}");
    }
    assert_eq!(shop.rows("memo"), 0);
    let near = shop
        .change(vec![create("memo", json!({ "title": "x", "about_id": "ann", "about_type": "persn" }))])
        .await;
    let message = near.unwrap_err().findings[0].message.clone();
    assert_eq!(message, "\"persn\" is none of company, person, user; did you mean \"person\"?");
}

#[tokio::test]
async fn what_changes_moves_it_and_rules_see_it_moved() {
    let shop = stocked().await;
    shop.change(vec![create("memo", json!({ "id": "m", "title": "x", "about_id": "acme" }))]).await.unwrap();
    let steps = [
        (json!({ "about_person_id": "ann" }), "ann person - ann -"),
        (json!({ "about_id": "acme" }), "acme company acme - -"),
        (json!({ "about_id": "same", "about_type": "person" }), "same person - same -"),
        (json!({ "about_type": "person" }), "same person - same -"),
        (json!({ "about_id": "same" }), "same person - same -"),
        // All that was read comes back, with one thing changed.
        (
            json!({ "about_id": "same", "about_type": "person", "about_person_id": "same", "about_company_id": "same" }),
            "same company same - -",
        ),
        (json!({ "title": "y" }), "same company same - -"),
        (json!({ "about_company_id": null }), "- - - - -"),
        (json!({ "about_id": { "object": "person", "id": "ann" } }), "ann person - ann -"),
        (json!({ "about_id": null, "about_type": null }), "- - - - -"),
    ];
    for (data, expected) in steps {
        shop.change(vec![update("memo", "m", data.clone())])
            .await
            .unwrap_or_else(|error| panic!("{data}: {error} {:?}", told(&error)));
        assert_eq!(about(&shop, "m"), expected, "{data}");
    }
    shop.change(vec![update("memo", "m", json!({ "about_id": "acme" }))]).await.unwrap();
    let both = update("memo", "m", json!({ "about_company_id": "same", "about_person_id": "ann" }));
    assert_eq!(told(&shop.change(vec![both]).await.unwrap_err()), ["0 memo.about_id several_references"]);
    let other = update("memo", "m", json!({ "about_id": null, "about_person_id": "ann" }));
    assert_eq!(told(&shop.change(vec![other]).await.unwrap_err()), ["0 memo.about_id several_references"]);
    let me = shop.field("memo", "m", "owner").unwrap();
    let Value::Text(me) = me else { panic!("it has an owner") };
    let long = update(
        "memo",
        "m",
        json!({ "title": "a very long title", "about_id": me.to_string(), "about_type": "user" }),
    );
    assert_eq!(told(&shop.change(vec![long]).await.unwrap_err()), ["0 memo.title USERS_HAVE_SHORT_MEMOS"]);
}

#[tokio::test]
async fn it_is_found_by_its_id_its_type_and_every_way() {
    let shop = stocked().await;
    let memos = vec![
        create("memo", json!({ "id": "m1", "title": "one", "about_id": "acme" })),
        create("memo", json!({ "id": "m2", "title": "two", "about_id": "ann" })),
        create("memo", json!({ "id": "m3", "title": "three", "about_company_id": "same" })),
        create("memo", json!({ "id": "m4", "title": "four", "about_person_id": "same" })),
        create("memo", json!({ "id": "m5", "title": "five" })),
    ];
    shop.change(memos).await.unwrap_or_else(|error| panic!("{error}: {:?}", told(&error)));
    let asked = |filter: Json| {
        let query = json!({ "object": "memo", "fields": ["id"], "where": filter, "orderBy": ["id"] });
        rows(&shop, query)
    };
    assert_eq!(asked(json!({ "about_id": "same" })).await, ["m3", "m4"]);
    assert_eq!(asked(json!({ "about_id": "same", "about_type": "company" })).await, ["m3"]);
    assert_eq!(asked(json!({ "about_type": { "$in": ["company", "user"] } })).await, ["m1", "m3"]);
    assert_eq!(asked(json!({ "about_type": null })).await, ["m5"]);
    assert_eq!(asked(json!({ "about_company.name": "Acme" })).await, ["m1"]);
    assert_eq!(asked(json!({ "about_name": { "$startsWith": "Sam" } })).await, ["m3", "m4"]);
    let error = Query::parse(&json!({ "object": "memo", "where": { "about_type": "persn" } })).unwrap();
    assert!(shop.session.query(&error).await.is_err(), "a type that is none");
    let paths = json!({ "object": "memo", "fields": ["id", "about_type", "about_person.name"], "where": { "about_type": "person" }, "orderBy": ["id"] });
    assert_eq!(rows(&shop, paths).await, ["m2|person|Ann", "m4|person|Sam E."]);
    let groups = json!({ "object": "memo", "groupBy": ["about_type"], "aggregations": [{ "function": "count", "alias": "n" }], "orderBy": ["about_type"] });
    assert_eq!(rows(&shop, groups).await, ["company|2", "person|2", "|1"]);
    let back = json!({ "object": "company", "fields": ["id"], "where": { "memos": { "$some": { "title": "three" } } } });
    assert_eq!(rows(&shop, back).await, ["same"]);
    let joined = "SELECT m.id, m.about_id, c.name FROM memo m JOIN company c ON c.id = m.about_company_id ORDER BY m.id";
    assert_eq!(sql(&shop, joined).await, ["m1|acme|Acme", "m3|same|Same Ltd"]);
    assert_eq!(
        sql(&shop, "SELECT id FROM memo WHERE about_type = 'person' AND about_id = 'same'").await,
        ["m4"]
    );
    assert_eq!(shop.field("company", "acme", "memo_count"), Some(Value::Int(1)));
}

#[tokio::test]
async fn deletes_do_to_it_what_they_do_to_lookups() {
    let shop = stocked().await;
    let changes = vec![
        create("memo", json!({ "id": "m", "title": "x", "about_id": "acme" })),
        create("memo", json!({ "id": "n", "title": "x", "about_id": "same", "about_type": "person" })),
        create("badge", json!({ "id": "b", "holder": "acme" })),
    ];
    shop.change(changes).await.unwrap_or_else(|error| panic!("{error}: {:?}", told(&error)));
    let twice = create("badge", json!({ "holder_company_id": "acme" }));
    assert_eq!(told(&shop.change(vec![twice]).await.unwrap_err()), ["0 badge.holder_company_id unique"]);
    shop.change(vec![
        create("badge", json!({ "holder": "same", "holder_type": "company" })),
        create("badge", json!({ "holder": "same", "holder_type": "person" })),
    ])
    .await
    .unwrap();
    shop.change(vec![delete("company", "acme")]).await.unwrap();
    assert_eq!(about(&shop, "m"), "- - - - -", "emptied");
    assert_eq!(about(&shop, "n"), "same person - same -");
    assert_eq!(shop.field("badge", "b", "id"), None, "gone with it");
    shop.change(vec![delete("company", "same")]).await.unwrap();
    assert_eq!(
        (about(&shop, "n").as_str(), shop.rows("badge")),
        ("same person - same -", 1),
        "of the other object"
    );
}

#[tokio::test]
async fn one_that_is_required_is_never_empty() {
    let shop = stocked().await;
    let none = create("claim", json!({ "title": "x" }));
    assert_eq!(told(&shop.change(vec![none]).await.unwrap_err()), ["0 claim.against required"]);
    shop.change(vec![create("claim", json!({ "id": "c", "title": "x", "against": "acme" }))]).await.unwrap();
    for empty in [json!({ "against": null }), json!({ "against_company_id": null })] {
        let refused =
            shop.change(vec![update("claim", "c", empty.clone())]).await.expect_err(&empty.to_string());
        assert_eq!(told(&refused), ["0 claim.against required"], "{empty}");
    }
    let refused = shop.change(vec![delete("company", "acme")]).await.unwrap_err();
    assert_eq!(refused.findings[0].code, "delete_restricted");
    assert_eq!(refused.findings[0].message, "other records refer to it: 1 in claim.against_company_id");
    shop.change(vec![update("claim", "c", json!({ "against": "ann" })), delete("company", "acme")])
        .await
        .unwrap();
    shop.change(vec![delete("claim", "c"), delete("person", "ann")]).await.unwrap();
    let back = change("claim", Operation::Undelete { id: "c".to_owned() });
    assert_eq!(told(&shop.change(vec![back]).await.unwrap_err()), ["0 claim.against reference_not_found"]);
}

#[tokio::test]
async fn it_comes_back_from_the_bin_with_what_is_there_still() {
    let shop = stocked().await;
    shop.change(vec![
        create("memo", json!({ "id": "m", "title": "x", "about_id": "ann" })),
        create("memo", json!({ "id": "n", "title": "x", "about_id": "acme" })),
    ])
    .await
    .unwrap();
    shop.change(vec![delete("memo", "m"), delete("memo", "n"), delete("person", "ann")]).await.unwrap();
    let back = |id: &str| change("memo", Operation::Undelete { id: id.to_owned() });
    shop.change(vec![back("m"), back("n")]).await.unwrap();
    assert_eq!([about(&shop, "m"), about(&shop, "n")], ["- - - - -", "acme company acme - -"]);
    assert_eq!(shop.field("company", "acme", "memo_count"), Some(Value::Int(1)));
}

#[tokio::test]
async fn what_is_written_once_or_locked_does_not_move() {
    let shop = stocked().await;
    let made = create("badge", json!({ "id": "b", "holder": "acme", "guard": "ann", "sealed": true }));
    // A new record is locked as it will be.
    assert_eq!(told(&shop.change(vec![made]).await.unwrap_err()), ["0 badge.guard_person_id readonly"]);
    shop.change(vec![create("badge", json!({ "id": "b", "holder": "acme", "guard": "ann" }))]).await.unwrap();
    let moved = update("badge", "b", json!({ "holder": "ann" }));
    assert_eq!(told(&shop.change(vec![moved]).await.unwrap_err()), ["0 badge.holder_company_id readonly"]);
    shop.change(vec![update("badge", "b", json!({ "sealed": true }))]).await.unwrap();
    let moved = update("badge", "b", json!({ "guard": "acme" }));
    let refused = told(&shop.change(vec![moved]).await.unwrap_err());
    assert_eq!(refused, ["0 badge.guard_company_id readonly", "0 badge.guard_person_id readonly"]);
}

#[tokio::test]
async fn triggers_write_the_lookups() {
    let shop = stocked().await;
    let id = shop.create("company", json!({ "name": "Welcomed" })).await.unwrap();
    let found = rows(&shop, json!({ "object": "memo", "fields": ["title", "about_type", "about_id"] })).await;
    assert_eq!(found, [format!("Welcome|company|{id}")]);
    assert_eq!(shop.rows("claim"), 1);
}

/// A package of a note about some of its objects.
fn about_some(version: &str, objects: &str, more: &[(&str, &str)]) -> quarry_metadata::Bundle {
    let package = format!("name: folder\nversion: {version}\ndepends: {{ core: '*' }}\n");
    let sheet = format!(
        "idPrefix: sht\nfields:\n  name: {{ type: text }}\n  on_id: {{ type: lookup, reference: [{objects}], reverseName: sheets }}\n"
    );
    let plain = "fields: { name: { type: text } }\n".to_owned();
    let mut files = std::collections::BTreeMap::from([
        ("package.yml".to_owned(), package),
        ("sheet.object.yml".to_owned(), sheet),
        ("shelf.object.yml".to_owned(), format!("idPrefix: shf\n{plain}")),
        ("box.object.yml".to_owned(), plain.clone()),
        ("room.object.yml".to_owned(), plain),
    ]);
    for (path, text) in more {
        files.insert((*path).to_owned(), (*text).to_owned());
    }
    quarry_metadata::Bundle::of_files("folder", &files).unwrap_or_else(|issues| panic!("{issues}"))
}

fn bring(shop: &Shop, bundle: quarry_metadata::Bundle) {
    let id = bundle.id();
    shop.session.publish(&[bundle]).unwrap_or_else(|error| panic!("{error}"));
    shop.session.activate(&[id]).unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn a_later_version_lets_it_lead_to_another_object() {
    let shop = Shop::with("ties");
    bring(&shop, about_some("1.0.0", "shelf, box", &[]));
    let made = vec![
        create("shelf", json!({ "id": "s" })),
        create("room", json!({ "id": "r" })),
        create("sheet", json!({ "id": "old", "on_id": "s" })),
    ];
    shop.change(made).await.unwrap_or_else(|error| panic!("{error}: {:?}", told(&error)));
    let early = create("sheet", json!({ "on_id": "r", "on_type": "room" }));
    assert_eq!(told(&shop.change(vec![early]).await.unwrap_err()), ["0 sheet.on_id invalid_option"]);
    bring(&shop, about_some("1.1.0", "shelf, box, room", &[]));
    shop.change(vec![create("sheet", json!({ "id": "new", "on_id": "r" }))]).await.unwrap();
    let all = json!({ "object": "sheet", "fields": ["id", "on_type", "on_id"], "orderBy": ["id"] });
    assert_eq!(rows(&shop, all.clone()).await, ["new|room|r", "old|shelf|s"]);
    // The object is renamed: its type stays, and both names are taken.
    let cupboard =
        ("cupboard.object.yml", "alias: [shelf]\nidPrefix: shf\nfields: { name: { type: text } }\n");
    let mut renamed = about_some("1.2.0", "cupboard, box, room", &[cupboard]).files();
    renamed.remove("shelf.object.yml");
    bring(&shop, quarry_metadata::Bundle::of_files("folder", &renamed).unwrap());
    for (id, name) in [("a", "shelf"), ("b", "cupboard")] {
        shop.change(vec![create("sheet", json!({ "id": id, "on_id": "s", "on_type": name }))]).await.unwrap();
    }
    assert_eq!(rows(&shop, all).await, ["a|shelf|s", "b|shelf|s", "new|room|r", "old|shelf|s"]);
    let by_both = json!({ "object": "sheet", "fields": ["id", "on_cupboard.id"], "where": { "on_shelf_id": "s", "on_cupboard_id": "s" }, "orderBy": ["id"] });
    assert_eq!(rows(&shop, by_both).await, ["a|s", "b|s", "old|s"]);
    let less = about_some("1.3.0", "cupboard, room", &[cupboard]).files();
    let less: std::collections::BTreeMap<_, _> =
        less.into_iter().filter(|(path, _)| path != "shelf.object.yml").collect();
    let less = quarry_metadata::Bundle::of_files("folder", &less).unwrap();
    let refused = shop.session.publish(&[less]).expect_err("what leads to a box would be gone");
    assert_eq!(refused.code, "BREAKING_CHANGE");
}
