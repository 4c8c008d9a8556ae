//! Who is below whom, and what he sees of theirs.

use super::*;

/// Who is below whom is remembered between questions, and never beyond a change of it.
#[tokio::test]
async fn a_place_in_the_hierarchy_counts_from_its_change_on() {
    let shop = open();
    let (boss, seller) = (with(&shop, "boss", &["rep"]), with(&shop, "seller", &["rep"]));
    for (id, above) in [("rol_top", None), ("rol_low", Some("rol_top")), ("rol_aside", None)] {
        shop.create("role", json!({ "id": id, "name": id, "parent_role_id": above })).await.unwrap();
    }
    let place = async |who: &Session, role: Option<&str>| {
        let data = record(json!({ "role_id": role }));
        let operation = Operation::Update { id: who.principal().user_id.clone(), data };
        do_(&shop.session, Change { object: "user".into(), operation, if_revision: None }).await.unwrap();
    };
    let operation = Operation::Create(record(json!({ "name": "S" })));
    do_(&seller, Change { object: "company".into(), operation, if_revision: None }).await.unwrap();
    let seen = async || {
        let mut names = ask(&boss, json!({ "object": "company", "fields": ["name"] })).await.unwrap();
        names.iter_mut().map(Json::take).collect::<Vec<_>>()
    };
    let (none, one) = (Vec::<Json>::new(), vec![json!(["S"])]);
    assert_eq!(seen().await, none, "nobody is below anybody");
    place(&boss, Some("rol_top")).await;
    assert_eq!(seen().await, none, "the seller has no place");
    place(&seller, Some("rol_low")).await;
    assert_eq!(seen().await, one);
    shop.create("company", json!({ "name": "of nobody below" })).await.unwrap();
    assert_eq!(seen().await, one, "remembered");
    place(&seller, Some("rol_aside")).await;
    assert_eq!(seen().await, none, "moved away");
    let aside = record(json!({ "parent_role_id": "rol_low" }));
    let operation = Operation::Update { id: "rol_aside".into(), data: aside };
    do_(&shop.session, Change { object: "role".into(), operation, if_revision: None }).await.unwrap();
    assert_eq!(seen().await, one, "the role is below now");
    place(&boss, None).await;
    assert_eq!(seen().await, none);
}
