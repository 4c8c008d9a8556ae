//! Rights that change while a transaction is open, and what is told of constraints over fields that are not seen.

use super::*;

#[tokio::test]
async fn a_constraint_over_several_fields_names_none_of_those_that_are_not_seen() {
    let shop = open();
    let there = json!({ "name": "A", "region": "north", "code": "c", "secret": "s" });
    shop.create("company", there).await.unwrap();
    let other = json!({ "name": "B", "region": "north", "code": "d", "secret": "s" });
    let other = shop.create("company", other).await.unwrap();
    let error = shop.session.change(vec![update("company", &other, json!({ "code": "c" }))], true).await;
    let told = &error.unwrap_err().findings[0];
    assert!(told.message.contains("code, secret") && told.constraint.is_some(), "{told:?}");
    let all = with(&shop, "all", &["editor"]);
    let error = all.change(vec![update("company", &other, json!({ "code": "c" }))], true).await.unwrap_err();
    assert!(error.findings[0].message.contains("code, secret"), "who sees both is told");
    let blind = with(&shop, "blind", &["blind"]);
    let error =
        blind.change(vec![update("company", &other, json!({ "code": "c" }))], true).await.unwrap_err();
    let told = &error.findings[0];
    assert_eq!((&*told.code, &told.field, &told.constraint), ("unique", &None, &None));
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn an_open_transaction_goes_on_with_what_its_user_may_now() {
    let shop = open();
    let north = shop.create("company", json!({ "name": "N", "region": "north" })).await.unwrap();
    let mut editor = with(&shop, "editor", &["editor"]);
    let seen = |transaction: &crate::Transaction| transaction.context().views.get("company").is_some();
    let mut reading = editor.begin();
    let mut writing = editor.begin();
    writing.apply(vec![update("company", &north, json!({ "stars": 1 }))]).await.unwrap();
    shop.session.revoke("editor", "editor").unwrap();
    assert!(editor.renew().unwrap());
    for transaction in [&mut reading, &mut writing] {
        assert!(seen(transaction));
        transaction.renew(&editor);
        assert!(!seen(transaction));
        let error =
            transaction.apply(vec![update("company", &north, json!({ "stars": 2 }))]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Missing);
    }
    reading.commit().await.unwrap();
    let error = writing.commit().await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Conflict, "PERMISSIONS_CHANGED"));
    assert_eq!(shop.field("company", &north, "stars"), Some(Value::Null));
    // What came is there, too; and the same again is nothing new.
    let mut waiting = editor.begin();
    shop.session.grant("editor", "editor", None).unwrap();
    assert!(editor.renew().unwrap());
    assert!(!editor.renew().unwrap());
    waiting.renew(&editor);
    waiting.apply(vec![update("company", &north, json!({ "stars": 3 }))]).await.unwrap();
    waiting.renew(&editor);
    waiting.commit().await.unwrap();
    assert_eq!(shop.field("company", &north, "stars"), Some(Value::Int(3)));
}

#[tokio::test]
async fn what_was_taken_is_gone_with_the_next_request() {
    let shop = open();
    let mut rep = with(&shop, "rep", &["rep"]);
    do_(&rep, create("company", json!({ "name": "O" }))).await.unwrap();
    let all = Query::parse(&json!({ "object": "company", "expand": ["deals"] })).unwrap();
    assert_eq!(rep.must_export(&all).unwrap_err().kind, ErrorKind::Denied, "no set of his allows exports");
    with(&shop, "reader", &["read_all_data"]).must_export(&all).unwrap();
    shop.session.revoke("rep", "rep").unwrap();
    rep.renew().unwrap();
    assert_eq!(ask(&rep, json!({ "object": "company" })).await.unwrap_err().kind, ErrorKind::Missing);
}

#[tokio::test]
async fn what_was_given_for_a_while_ends_though_nothing_changes() {
    let shop = open();
    let mut rep = with(&shop, "rep", &[]);
    assert!(!rep.renew().unwrap());
    shop.session.grant("rep", "rep", Some(START_MICROS + 5_000_000)).unwrap();
    let mut clone = rep.clone();
    assert!(rep.renew().unwrap() && clone.renew().unwrap());
    // Each look at this clock is a millisecond.
    assert!((0..100).all(|_| !rep.renew().unwrap()));
    assert!((0..10_000).any(|_| rep.renew().unwrap()));
    assert!(rep.principal().permission_sets.is_empty() && !rep.renew().unwrap());
    assert!(clone.renew().unwrap());
}

/// What may not be exported is not taken along with what may: not by a group, not by an aggregate, not by a formula.
#[tokio::test]
async fn an_export_takes_nothing_along_that_may_not_be_exported() {
    let shop = open();
    let company = shop.create("company", json!({ "name": "N", "region": "north" })).await.unwrap();
    shop.create("deal", json!({ "title": "D", "company_id": company, "amount": 5 })).await.unwrap();
    let of_deals = [
        json!({ "fields": ["title", "company.name"] }),
        json!({ "expand": ["company"] }),
        json!({ "groupBy": ["company.name"], "aggregations": [{ "function": "count", "as": "n" }] }),
        json!({ "aggregations": [{ "function": "array_agg", "field": "company.name", "as": "names" }] }),
        json!({ "aggregations": [{ "function": "count", "as": "n", "filter": { "company.name": "N" } }] }),
        json!({ "aggregations": [{ "function": "first", "field": "title", "orderBy": ["company.name"], "as": "t" }] }),
        json!({ "fields": ["title", { "as": "x", "formula": "company.name" }] }),
        json!({ "fields": ["title"], "windows": [{ "function": "lag", "field": "company.name", "orderBy": ["title"], "as": "w" }] }),
    ];
    let of_companies = [
        json!({ "expand": ["deals"] }),
        json!({ "aggregations": [{ "function": "sum", "field": "deals.amount", "as": "sum" }] }),
        json!({ "aggregations": [{ "function": "count", "field": "deals", "as": "n" }] }),
        json!({ "aggregations": [{ "function": "count", "as": "n", "filter": { "deals": { "$some": { "amount": 5 } } } }] }),
    ];
    let parts = with(&shop, "parts", &["parts_taker"]);
    let whole = with(&shop, "whole", &["taker"]);
    let both = with(&shop, "both", &["parts_taker", "taker"]);
    let asked = |session: &Session, object: &str, question: &Json| {
        let mut question = question.clone();
        question["object"] = object.into();
        let query = Query::parse(&question).unwrap_or_else(|error| panic!("{question}\n{error}"));
        session.must_export(&query).map_err(|error| (error.kind, error.message))
    };
    for (session, object, other, questions) in
        [(&parts, "deal", "company", &of_deals[..]), (&whole, "company", "deal", &of_companies[..])]
    {
        for question in questions {
            let (kind, message) = asked(session, object, question).unwrap_err();
            assert_eq!(kind, ErrorKind::Denied, "{question}");
            assert!(message.ends_with(other), "{question}: {message}");
            asked(&both, object, question).unwrap();
            // None of them is refused for another reason.
            let mut whole = question.clone();
            whole["object"] = object.into();
            ask(session, whole).await.unwrap_or_else(|error| panic!("{question}\n{error}"));
        }
    }
    // The lookup is the deal's own, and what chooses and sorts is not in the file.
    for question in [
        json!({ "groupBy": ["company_id"], "aggregations": [{ "function": "count", "as": "n" }] }),
        json!({ "fields": ["title", { "as": "x", "formula": "title + '!'" }], "where": { "company.name": "N" } }),
    ] {
        asked(&parts, "deal", &question).unwrap_or_else(|error| panic!("{question}\n{error:?}"));
    }
}

/// A reference that is not shown is not found out by writing what it might be.
#[tokio::test]
async fn what_a_reference_leads_to_is_not_told_by_trying() {
    let shop = open();
    let south = shop.create("company", json!({ "name": "S", "region": "south" })).await.unwrap();
    let rep = with(&shop, "rep", &["rep"]);
    let own = do_(&rep, create("company", json!({ "name": "Y", "region": "north" }))).await.unwrap();
    shop.session.change(vec![update("company", &own, json!({ "partner_id": south }))], false).await.unwrap();
    for id in [south.as_str(), "com_none"] {
        for more in [json!({ "partner_id": id }), json!({ "partner_id": id, "region": "north" })] {
            let (_, code, message) = refused(&rep, update("company", &own, more)).await;
            assert_eq!(code, "reference_not_found");
            assert!(message.contains(&format!("there is no company {id:?}")), "{message}");
        }
        let (_, code, _) =
            refused(&rep, upsert("company", &["name"], json!({ "name": "Y", "partner_id": id }))).await;
        assert_eq!(code, "reference_not_found");
    }
    assert_eq!(shop.field("company", &own, "partner_id"), Some(Value::Text(south.as_str().into())));
    // What he sees may be said again.
    do_(&rep, update("company", &own, json!({ "partner_id": own, "region": "north" }))).await.unwrap();
    do_(&rep, update("company", &own, json!({ "partner_id": own }))).await.unwrap();
}
