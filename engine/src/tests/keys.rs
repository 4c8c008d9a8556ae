//! API keys and service accounts.

use super::*;
use crate::{ErrorKind, Means, NewKey, Origin, UserKind};

fn new(name: &str) -> NewKey {
    NewKey { name: name.to_owned(), ..NewKey::default() }
}

async fn who(shop: &Shop, key: &str) -> Result<Principal, Error> {
    shop.engine.by_bearer(key, &Origin::default()).await
}

fn session_of(shop: &Shop, principal: Principal) -> Session {
    shop.engine.session(principal, SessionOptions::default())
}

#[tokio::test]
async fn a_key_is_its_users_until_it_is_revoked() {
    let shop = Shop::open();
    let li = someone(&shop, "li");
    let session = session_of(&shop, shop.engine.login("li", PASSWORD).await.unwrap());
    let made = session.make_key("li", &new("reports")).unwrap();
    assert!(made.text.starts_with("qk_") && made.text.starts_with(&made.info.id));
    assert!(!format!("{made:?}").contains(&made.text));
    let found = who(&shop, &made.text).await.unwrap();
    assert_eq!((&found.user_id, found.means().name(), found.admin), (&li.user_id, "key", false));
    let shop = shop.reopen();
    let found = who(&shop, &made.text).await.unwrap();
    let mut by_key = session_of(&shop, found);
    let listed = shop.session.keys_of("li").unwrap();
    assert_eq!((listed.len(), &listed[0].id), (1, &made.info.id));
    shop.session.revoke_key("li", &made.info.id).unwrap();
    assert!(who(&shop, &made.text).await.is_err());
    assert!(by_key.renew().is_err());
    assert_eq!(shop.session.revoke_key("li", &made.info.id).unwrap_err().code, "KEY_NOT_FOUND");
}

#[tokio::test]
async fn a_key_may_no_more_than_its_user_and_what_it_is_held_to() {
    let shop = Shop::open();
    someone(&shop, "li");
    let only = |sets: &[&str]| {
        let permission_sets = Some(sets.iter().map(|set| (*set).to_owned()).collect());
        NewKey { permission_sets, ..new(&format!("only {sets:?}")) }
    };
    let error = shop.session.make_key("li", &only(&["write_all_data"])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    shop.session.grant("li", "read_all_data", None).unwrap();
    shop.session.grant("li", "write_all_data", None).unwrap();
    let all = shop.session.make_key("li", &new("all")).unwrap().text;
    let read = shop.session.make_key("li", &only(&["read_all_data"])).unwrap().text;
    let none = shop.session.make_key("li", &only(&[])).unwrap().text;
    let held = who(&shop, &all).await.unwrap().permission_sets;
    assert_eq!(&*held, ["read_all_data".into(), "write_all_data".into()]);
    assert_eq!(&*who(&shop, &read).await.unwrap().permission_sets, ["read_all_data".into()]);
    assert!(who(&shop, &none).await.unwrap().permission_sets.is_empty());
    // What is taken from the user is taken from his keys.
    shop.session.revoke("li", "read_all_data").unwrap();
    assert!(who(&shop, &read).await.unwrap().permission_sets.is_empty());
    assert_eq!(&*who(&shop, &all).await.unwrap().permission_sets, ["write_all_data".into()]);
    // An administrator's key administers only when it is held to nothing.
    assert!(who(&shop, &shop.session.make_key("admin", &new("all")).unwrap().text).await.unwrap().admin);
    assert!(!who(&shop, &shop.session.make_key("admin", &only(&[])).unwrap().text).await.unwrap().admin);
    let read_only = NewKey { read_only: true, ..new("read only") };
    assert!(!who(&shop, &shop.session.make_key("admin", &read_only).unwrap().text).await.unwrap().admin);
}

#[tokio::test]
async fn a_key_that_only_reads_changes_nothing() {
    let shop = Shop::open();
    someone(&shop, "li");
    let made = shop.session.make_key("li", &NewKey { read_only: true, ..new("read only") }).unwrap();
    let session = session_of(&shop, who(&shop, &made.text).await.unwrap());
    let error = session.change(vec![create("maker", json!({ "name": "Acme" }))], false).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    let error = session.bulk().add(vec![create("maker", json!({ "name": "Acme" }))]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(session.upload("a.txt", None).await.err().unwrap().kind, ErrorKind::Denied);
    assert_eq!(shop.rows("maker"), 0);
    session.sql("SELECT count(*) FROM maker").await.unwrap();
}

#[tokio::test]
async fn a_stolen_key_makes_no_other_and_changes_no_password() {
    let shop = Shop::open();
    someone(&shop, "li");
    let made = shop.session.make_key("li", &new("stolen")).unwrap();
    let session = session_of(&shop, who(&shop, &made.text).await.unwrap());
    assert_eq!(session.make_key("li", &new("another")).unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(session.make_key("admin", &new("another")).unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(session.set_password("li", "another password").unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(session.revoke_key("li", &made.info.id).unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(session.keys_of("li").unwrap().len(), 1);
}

#[tokio::test]
async fn keys_end_with_their_time_and_their_user() {
    let shop = Shop::open();
    let li = someone(&shop, "li");
    for days in [0, 5_000] {
        let new = NewKey { days: Some(days), ..new("too long") };
        assert_eq!(shop.session.make_key("li", &new).unwrap_err().kind, ErrorKind::Invalid);
    }
    for name in ["", " ", "a\nb", &"x".repeat(121)] {
        assert_eq!(shop.session.make_key("li", &new(name)).unwrap_err().kind, ErrorKind::Invalid);
    }
    let made = shop.session.make_key("li", &new("reports")).unwrap();
    assert_eq!(shop.session.make_key("li", &new("reports")).unwrap_err().code, "UNIQUE_VIOLATION");
    shop.change(vec![update("user", &li.user_id, json!({ "active": false }))]).await.unwrap();
    assert!(who(&shop, &made.text).await.is_err());
    shop.change(vec![update("user", &li.user_id, json!({ "active": true }))]).await.unwrap();
    who(&shop, &made.text).await.unwrap();
    shop.change(vec![delete("user", &li.user_id)]).await.unwrap();
    assert!(who(&shop, &made.text).await.is_err());
    assert_eq!(shop.rows("_api_key"), 0);
}

#[tokio::test]
async fn a_service_account_has_keys_and_no_password() {
    let shop = Shop::open();
    let robot = shop.session.add_service_account("robot", false).unwrap();
    assert_eq!(robot.kind, UserKind::Service);
    for password in ["", PASSWORD, "nobody's password"] {
        assert!(shop.engine.login("robot", password).await.is_err());
    }
    let (verifier, principal) = shop.engine.scram("robot").unwrap();
    assert!(principal.is_none() && verifier.iterations == 4096);
    assert_eq!(shop.session.set_password("robot", PASSWORD).unwrap_err().code, "INVALID_PASSWORD");
    let made = shop.session.make_key("robot", &new("nightly")).unwrap();
    let found = who(&shop, &made.text).await.unwrap();
    assert_eq!((found.user_name.as_str(), found.kind), ("robot", UserKind::Service));
    assert_eq!(shop.session.add_service_account("qk_robot", false).unwrap_err().code, "INVALID_USER");
}

#[tokio::test]
async fn a_key_opens_the_postgres_door_by_its_id() {
    let shop = Shop::open();
    someone(&shop, "li");
    let made = shop.session.make_key("li", &new("reports")).unwrap();
    let (verifier, principal) = shop.engine.scram(&made.info.id).unwrap();
    assert!(matches!(principal.unwrap().means(), Means::Key(id) if **id == *made.info.id));
    use hmac::{Hmac, Mac};
    use sha2::{Digest, Sha256};
    let salted =
        pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(made.text.as_bytes(), &verifier.salt, verifier.iterations);
    let mut mac = Hmac::<Sha256>::new_from_slice(&salted).unwrap();
    mac.update(b"Client Key");
    assert_eq!(Sha256::digest(mac.finalize().into_bytes()).to_vec(), verifier.stored_key);
    let (_, nobody) = shop.engine.scram("qk_00000000000000000000000000").unwrap();
    assert!(nobody.is_none());
    shop.session.revoke_key("li", &made.info.id).unwrap();
    assert!(shop.engine.scram(&made.info.id).unwrap().1.is_none());
}
