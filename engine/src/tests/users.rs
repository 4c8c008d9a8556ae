//! Who gets in, and who does not.

use super::*;
use crate::{ErrorKind, Origin};

#[tokio::test]
async fn passwords_prove_users_and_tell_strangers_nothing() {
    let shop = Shop::open();
    let admin = shop.engine.login("admin", PASSWORD).await.unwrap();
    assert!(admin.admin && admin.user_id.starts_with("usr_"));
    let wrong = shop.engine.login("admin", "wrong password").await.unwrap_err();
    let nobody = shop.engine.login("nobody", PASSWORD).await.unwrap_err();
    assert_eq!((wrong.kind, wrong.to_string()), (ErrorKind::Unauthenticated, nobody.to_string()));
    assert_eq!(nobody.kind, ErrorKind::Unauthenticated);
    // The second login is proven by what the first one left, and only with the same password.
    assert_eq!(shop.engine.login("admin", PASSWORD).await.unwrap(), admin);
    assert!(shop.engine.login("admin", &PASSWORD.to_uppercase()).await.is_err());
}

#[tokio::test]
async fn guessing_is_slowed_down_for_one_name_alone() {
    let shop = Shop::open();
    someone(&shop, "li");
    for _ in 0..4 {
        let error = shop.engine.login("li", "not the password").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated);
    }
    let error = shop.engine.login("li", PASSWORD).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Limited, "LOGIN_THROTTLED"));
    assert_eq!(shop.engine.scram("li").err().unwrap().code, "LOGIN_THROTTLED");
    shop.engine.login("admin", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_locked_name_waits_until_an_administrator_lifts_it_whether_or_not_anyone_has_it() {
    let shop = Shop::open();
    let li = someone(&shop, "li");
    let lock = Some(crate::Lock { failures: 3, seconds: 3_600 });
    shop.engine.set_identity_options(crate::IdentityOptions { lock, ..Default::default() });
    for name in ["li", "nobody"] {
        for _ in 0..3 {
            let error = shop.engine.login(name, "not the password").await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unauthenticated);
        }
        assert_eq!(shop.engine.login(name, PASSWORD).await.unwrap_err().code, "LOGIN_LOCKED");
        assert_eq!(shop.engine.scram(name).err().unwrap().code, "LOGIN_LOCKED");
    }
    let told = shop.engine.recent_events();
    let locked: Vec<_> = told.iter().filter(|event| event.kind == crate::EventKind::LockedOut).collect();
    assert_eq!(
        locked.iter().map(|event| event.user.as_deref()).collect::<Vec<_>>(),
        [Some(&*li.user_id), None]
    );
    let wei = shop.engine.session(someone(&shop, "wei"), SessionOptions::default());
    assert_eq!(wei.lift_lock("li").unwrap_err().kind, ErrorKind::Denied);
    assert!(shop.session.lift_lock("li").unwrap());
    assert!(!shop.session.lift_lock("li").unwrap());
    shop.engine.login("li", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn guessing_many_names_from_one_address_is_slowed_down_there_alone() {
    let shop = Shop::open();
    let from = |address: [u8; 4]| Origin { address: Some(address.into()), ..Origin::default() };
    for name in 0..31 {
        let tried = shop.engine.login_from(&format!("name{name}"), "a password", &from([192, 0, 2, 1])).await;
        assert_eq!(tried.unwrap_err().kind, ErrorKind::Unauthenticated, "{name}");
    }
    let error = shop.engine.login_from("admin", PASSWORD, &from([192, 0, 2, 1])).await.unwrap_err();
    assert_eq!(error.code, "LOGIN_THROTTLED");
    assert_eq!(
        shop.engine.attempt("admin", &from([192, 0, 2, 1])).await.err().unwrap().code,
        "LOGIN_THROTTLED"
    );
    shop.engine.login_from("admin", PASSWORD, &from([192, 0, 2, 2])).await.unwrap();
}

/// How many of the logins were let through to the password, and how many were told to wait.
async fn logins_at_once(shop: &Shop, name: &str, password: &str, count: usize) -> (usize, usize, usize) {
    let logins = (0..count).map(|_| shop.engine.login(name, password));
    let ended = futures::future::join_all(logins).await;
    let of = |kind| ended.iter().filter(|e| e.as_ref().is_err_and(|e| e.kind == kind)).count();
    let proven = ended.iter().filter(|login| login.is_ok()).count();
    (proven, of(ErrorKind::Unauthenticated), of(ErrorKind::Limited))
}

#[tokio::test]
async fn guessing_many_at_once_gains_nothing() {
    let shop = Shop::open();
    someone(&shop, "li");
    assert_eq!(logins_at_once(&shop, "li", "not the password", 20).await, (0, 4, 16));
    // Nor while the right password is remembered from a moment ago.
    shop.engine.login("admin", PASSWORD).await.unwrap();
    assert_eq!(logins_at_once(&shop, "admin", "not the password", 20).await, (0, 4, 16));
}

#[tokio::test]
async fn many_at_once_with_the_right_password_all_get_in() {
    let shop = Shop::open();
    assert_eq!(logins_at_once(&shop, "admin", PASSWORD, 200).await, (200, 0, 0));
    let (admin, here) = (shop.session.principal(), Origin::default());
    let attempts = (0..50)
        .map(|_| async { shop.engine.attempt("admin", &here).await.map(|attempt| attempt.proven(admin)) });
    assert!(futures::future::join_all(attempts).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn users_are_made_once_and_with_a_real_password() {
    let shop = Shop::open();
    let code = |result: Result<Principal, Error>| result.unwrap_err().code;
    assert_eq!(code(shop.engine.add_user("admin", PASSWORD, true)), "UNIQUE_VIOLATION");
    assert_eq!(code(shop.engine.add_user("li", "short", false)), "INVALID_PASSWORD");
    assert_eq!(code(shop.engine.add_user(" ", PASSWORD, false)), "INVALID_USER");
    assert_eq!(shop.engine.set_password("nobody", PASSWORD).unwrap_err().code, "USER_NOT_FOUND");
    // A record that is there already becomes someone who can log in.
    let id = shop.create("user", json!({ "name": "Wei", "username": "wei" })).await.unwrap();
    assert_eq!(shop.engine.add_user("wei", PASSWORD, false).unwrap().user_id, id);
    assert_eq!(shop.engine.login("wei", PASSWORD).await.unwrap().user_id, id);
}

#[tokio::test]
async fn scram_verifiers_are_those_of_the_password_and_fakes_stay_the_same() {
    use hmac::{Hmac, Mac};
    use sha2::{Digest, Sha256};
    let shop = Shop::open();
    let (verifier, principal) = shop.engine.scram("admin").unwrap();
    assert_eq!(principal.unwrap().user_name, "admin");
    let salted =
        pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(PASSWORD.as_bytes(), &verifier.salt, verifier.iterations);
    let mut mac = Hmac::<Sha256>::new_from_slice(&salted).unwrap();
    mac.update(b"Client Key");
    assert_eq!(Sha256::digest(mac.finalize().into_bytes()).to_vec(), verifier.stored_key);
    let (fake, nobody) = shop.engine.scram("nobody").unwrap();
    assert!(
        nobody.is_none() && fake.iterations == verifier.iterations && fake.salt.len() == verifier.salt.len()
    );
    let shop = shop.reopen();
    assert_eq!(shop.engine.scram("nobody").unwrap().0.salt, fake.salt);
    assert_ne!(shop.engine.scram("nobody2").unwrap().0.salt, fake.salt);
}
