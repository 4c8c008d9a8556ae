//! Issuers' tokens at the gate: whose they are, and what they may.

use super::*;
use crate::{
    Error, ErrorKind, EventKind, Means, Origin, Principal,
    tests::{Shop, someone, update},
};

fn shop(issuer: Issuer, published: &Arc<Published>) -> Shop {
    let shop = Shop::open();
    let fetch: Arc<dyn Fetch> = published.clone();
    shop.engine.trust_issuers(vec![issuer], fetch).unwrap();
    shop
}

async fn who(shop: &Shop, token: &str) -> Result<Principal, Error> {
    shop.engine.by_bearer(token, &Origin::default()).await
}

#[tokio::test]
async fn a_token_is_of_a_user_who_is_there_and_may_no_more_than_he() {
    let pair = Pair::ed();
    let published = Published::of(vec![pair.jwk("one")]);
    let groups = Issuer {
        groups_claim: Some("groups".into()),
        permission_sets: [("Sales".to_owned(), vec!["sales_user".to_owned()])].into(),
        ..issuer()
    };
    let shop = shop(groups, &published);
    let token = pair.token("one", &with(json!({ "groups": ["Sales"] })));
    let error = who(&shop, &token).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Unauthenticated, "UNAUTHENTICATED"));
    let li = someone(&shop, "li");
    shop.session.grant("li", "read_all_data", None).unwrap();
    let found = who(&shop, &token).await.unwrap();
    assert_eq!(found.user_id, li.user_id);
    assert!(matches!(found.means(), Means::Issuer(name) if &**name == "corp"));
    assert_eq!(&*found.permission_sets, ["read_all_data".into(), "sales_user".into()]);
    let mut session = shop.engine.session(found, Default::default());
    session.renew().unwrap();
    assert_eq!(session.principal().permission_sets.len(), 2);
    // Nothing that outlives the token is made by it.
    let new = crate::NewKey { name: "for later".into(), ..Default::default() };
    assert_eq!(session.make_key("li", &new).unwrap_err().kind, ErrorKind::Denied);
    // An administrator is none by a token, unless the configuration says so.
    let admin = pair.token("one", &with(json!({ "sub": "admin" })));
    assert!(!who(&shop, &admin).await.unwrap().admin);
    shop.change(vec![update("user", &li.user_id, json!({ "active": false }))]).await.unwrap();
    assert!(who(&shop, &token).await.is_err());
    assert!(session.renew().is_err());
}

#[tokio::test]
async fn whoever_is_no_user_is_made_one_where_the_configuration_says_so() {
    let pair = Pair::ed();
    let published = Published::of(vec![pair.jwk("one")]);
    let shop = shop(Issuer { provision: true, ..issuer() }, &published);
    let token = pair.token("one", &with(json!({ "name": "Li Wei" })));
    let all = futures::future::join_all((0..5).map(|_| who(&shop, &token))).await;
    let found = all.into_iter().next().unwrap().unwrap();
    assert_eq!((found.user_name.as_str(), found.admin), ("li", false));
    assert_eq!(shop.field("user", &found.user_id, "name"), Some(crate::tests::text("Li Wei")));
    assert_eq!(shop.rows("user"), 2);
    assert!(shop.engine.login("li", "").await.is_err());
    // Whom an administrator has deactivated does not come back as someone new.
    shop.change(vec![update("user", &found.user_id, json!({ "active": false }))]).await.unwrap();
    assert!(who(&shop, &token).await.is_err());
    assert_eq!(shop.rows("user"), 2);
}

#[tokio::test]
async fn claims_fill_the_fields_of_a_users_record() {
    let pair = Pair::ed();
    let published = Published::of(vec![pair.jwk("one")]);
    let fields = |field: &str| [(field.to_owned(), "org.unit".to_owned())].into();
    let shop = shop(Issuer { provision: true, fields: fields("department"), ..issuer() }, &published);
    let token = |claims: Value| pair.token("one", &with(claims));
    let found = who(&shop, &token(json!({ "org": { "unit": "Sales" } }))).await.unwrap();
    let department = || shop.field("user", &found.user_id, "department");
    assert_eq!(department(), Some(crate::tests::text("Sales")));
    who(&shop, &token(json!({ "org": { "unit": "Support" }, "jti": "2" }))).await.unwrap();
    assert_eq!(department(), Some(crate::tests::text("Support")));
    // What can't be kept is no reason to come in with what was said before.
    let long = token(json!({ "org": { "unit": "x".repeat(81) } }));
    assert_eq!(who(&shop, &long).await.unwrap_err().kind, ErrorKind::Unauthenticated);
    let list = token(json!({ "org": { "unit": ["Sales"] } }));
    assert_eq!(who(&shop, &list).await.unwrap_err().kind, ErrorKind::Unauthenticated);
    who(&shop, &token(json!({ "jti": "3" }))).await.unwrap();
    assert_eq!(department(), Some(crate::Value::Null));
    for field in ["active", "username", "id", "created_by", "role_id", "nothing"] {
        let fetch: Arc<dyn Fetch> = published.clone();
        let issuer = Issuer { fields: fields(field), ..issuer() };
        let error = shop.engine.trust_issuers(vec![issuer], fetch).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[tokio::test]
async fn what_a_client_is_told_is_the_same_whatever_is_wrong() {
    let pair = Pair::ed();
    let published = Published::of(vec![pair.jwk("one")]);
    let shop = shop(issuer(), &published);
    someone(&shop, "li");
    let tokens = [
        pair.token("one", &with(json!({ "aud": "other" }))),
        pair.token("one", &with(json!({ "exp": NOW - 1_000 }))),
        pair.token("two", &claims()),
        Pair::ed().token("one", &claims()),
        pair.token("one", &with(json!({ "sub": "nobody" }))),
        "a.b.c".to_owned(),
    ];
    let mut told = Vec::new();
    for token in &tokens {
        told.push(who(&shop, token).await.unwrap_err().to_string());
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    let events = shop.engine.recent_events();
    let reasons: Vec<_> = events.iter().filter_map(|event| event.reason).collect();
    let expected =
        ["AUDIENCE_WRONG", "EXPIRED", "KEY_UNKNOWN", "SIGNATURE_WRONG", "NO_SUCH_USER", "TOKEN_MALFORMED"];
    assert_eq!(reasons, expected);
    let written = format!("{events:?}");
    assert!(tokens.iter().all(|token| !written.contains(token.as_str()) && !written.contains("nobody")));
    *published.is_down.lock() = true;
    let fetch: Arc<dyn Fetch> = published.clone();
    shop.engine.trust_issuers(vec![issuer()], fetch).unwrap();
    let error = who(&shop, &pair.token("one", &claims())).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Unavailable, "ISSUER_UNAVAILABLE"));
}

/// As at a door where somebody says who he is before he shows his token.
#[tokio::test]
async fn a_token_of_another_than_was_named_lets_nobody_in_and_makes_nobody() {
    let pair = Pair::ed();
    let published = Published::of(vec![pair.jwk("one")]);
    let fields = [("department".to_owned(), "unit".to_owned())].into();
    let shop = shop(Issuer { provision: true, fields, ..issuer() }, &published);
    let kim = someone(&shop, "kim");
    let come =
        async |named: &str, token: &str| shop.engine.by_issuer(token, Some(named), &Origin::default()).await;
    let of_li = pair.token("one", &with(json!({ "unit": "Sales" })));
    let of_kim = pair.token("one", &with(json!({ "sub": "kim", "unit": "Sales" })));
    for (named, token) in
        [("admin", &of_li), ("kim", &of_li), ("nobody", &of_li), ("", &of_kim), ("li", &of_kim)]
    {
        let error = come(named, token).await.unwrap_err();
        assert_eq!((error.kind, error.code), (ErrorKind::Unauthenticated, "UNAUTHENTICATED"), "{named}");
        let event = shop.engine.recent_events().pop().unwrap();
        assert_eq!((event.kind, event.reason), (EventKind::TokenRefused, Some("OTHER_USER")), "{named}");
    }
    assert_eq!(shop.rows("user"), 2, "nobody was made of what the token says");
    assert_eq!(shop.field("user", &kim.user_id, "department"), Some(crate::Value::Null), "nor was it kept");
    // What a client is told is what it is told of every other token that is not taken.
    let wrong = come("li", "a.b.c").await.unwrap_err().to_string();
    assert_eq!(come("admin", &of_li).await.unwrap_err().to_string(), wrong);
    // Who is named and vouched for comes in, for the first time or again.
    assert_eq!(come("li", &of_li).await.unwrap().user_name, "li");
    assert_eq!(come("kim", &of_kim).await.unwrap().user_id, kim.user_id);
    assert_eq!(shop.field("user", &kim.user_id, "department"), Some(crate::tests::text("Sales")));
}
