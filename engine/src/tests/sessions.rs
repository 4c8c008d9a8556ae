//! Sessions: what a login gives, how long it holds, and what ends it.

use super::*;
use crate::{ErrorKind, EventKind, IdentityOptions, Means, Origin, Tokens};

async fn log_in(shop: &Shop, name: &str) -> Tokens {
    let principal = shop.engine.login(name, PASSWORD).await.unwrap();
    shop.engine.begin_session(&principal, &Origin::default()).await.unwrap()
}

async fn who(shop: &Shop, token: &str) -> Result<Principal, Error> {
    shop.engine.by_bearer(token, &Origin::default()).await
}

async fn is_refused(shop: &Shop, token: &str) -> bool {
    who(shop, token).await.is_err_and(|error| error.kind == ErrorKind::Unauthenticated)
}

async fn refresh(shop: &Shop, tokens: &Tokens) -> Result<Tokens, Error> {
    shop.engine.refresh(&tokens.refresh.text, &Origin::default()).await.map(|(tokens, _)| tokens)
}

fn session_of(shop: &Shop, principal: Principal) -> Session {
    shop.engine.session(principal, SessionOptions::default())
}

#[tokio::test]
async fn a_login_outlives_a_restart_and_nothing_secret_is_kept() {
    let shop = Shop::open();
    let li = someone(&shop, "li");
    let tokens = log_in(&shop, "li").await;
    assert!(!format!("{tokens:?}").contains(&tokens.access.text[30..]));
    assert!(!format!("{tokens:?}").contains(&tokens.refresh.text[60..]));
    let found = who(&shop, &tokens.access.text).await.unwrap();
    assert_eq!((&found.user_id, found.means().name()), (&li.user_id, "session"));
    let folder = shop.folder.path().join("data");
    let shop = shop.reopen();
    assert_eq!(who(&shop, &tokens.access.text).await.unwrap().user_id, li.user_id);
    let secrets =
        [tokens.access.text.rsplit('_').next().unwrap(), tokens.refresh.text.rsplit('.').next().unwrap()];
    for file in files(&folder) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in secrets {
            assert!(!bytes.windows(secret.len()).any(|at| at == secret.as_bytes()), "{}", file.display());
        }
    }
    let next = refresh(&shop, &tokens).await.unwrap();
    assert_eq!(who(&shop, &next.access.text).await.unwrap().user_id, li.user_id);
}

fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_replay_ends_the_session() {
    let shop = Shop::open();
    someone(&shop, "li");
    let first = log_in(&shop, "li").await;
    let second = refresh(&shop, &first).await.unwrap();
    assert!(is_refused(&shop, &first.access.text).await);
    assert!(!is_refused(&shop, &second.access.text).await);
    let third = refresh(&shop, &second).await.unwrap();
    // What was never one of this session's tokens ends nothing.
    let made_up = format!("qr_{}.{}", third.session, "A".repeat(43));
    for text in
        [made_up.clone(), format!("{made_up}.{}", "B".repeat(43)), "qr_".into(), third.access.text.clone()]
    {
        let error = shop.engine.refresh(&text, &Origin::default()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated, "{text}");
    }
    assert!(!is_refused(&shop, &third.access.text).await);
    // The first one was used long ago: whoever has it took it, or had it taken.
    assert!(refresh(&shop, &first).await.is_err());
    assert!(is_refused(&shop, &third.access.text).await);
    assert!(refresh(&shop, &third).await.is_err());
    let told = shop.engine.recent_events();
    assert!(told.iter().any(|event| event.kind == EventKind::RefreshReplayed), "{told:?}");
}

#[tokio::test]
async fn tokens_of_one_kind_are_none_of_another() {
    let shop = Shop::open();
    someone(&shop, "li");
    let tokens = log_in(&shop, "li").await;
    let (session, secret) = (&tokens.session, tokens.access.text.rsplit('_').next().unwrap());
    let texts = [
        tokens.refresh.text.clone(),
        format!("qk_{session}_{secret}"),
        format!("qa_{session}_"),
        format!("qa__{secret}"),
        format!("qa_{secret}"),
        format!("qa_{session}_{secret}x"),
        format!("qa_../{session}_{secret}"),
        secret.to_owned(),
        String::new(),
        "qa_".into(),
        "x".repeat(20_000),
    ];
    for text in texts {
        assert!(is_refused(&shop, &text).await, "{text}");
    }
}

#[tokio::test]
async fn sessions_end_with_their_time_the_password_the_user_and_a_word() {
    let shop = Shop::open();
    let li = someone(&shop, "li");
    let tokens = log_in(&shop, "li").await;
    shop.engine.set_password("li", "another password").unwrap();
    assert!(is_refused(&shop, &tokens.access.text).await);
    assert!(refresh(&shop, &tokens).await.is_err());
    assert!(shop.engine.login("li", PASSWORD).await.is_err());
    shop.engine.set_password("li", PASSWORD).unwrap();
    let tokens = log_in(&shop, "li").await;
    shop.change(vec![update("user", &li.user_id, json!({ "active": false }))]).await.unwrap();
    assert!(is_refused(&shop, &tokens.access.text).await);
    assert!(shop.engine.login("li", PASSWORD).await.is_err());
    shop.change(vec![update("user", &li.user_id, json!({ "active": true, "username": "wei" }))])
        .await
        .unwrap();
    // Who comes back logs in again.
    assert!(is_refused(&shop, &tokens.access.text).await);
    let tokens = log_in(&shop, "wei").await;
    let wei = who(&shop, &tokens.access.text).await.unwrap();
    assert_eq!(wei.user_name, "wei");
    session_of(&shop, wei).log_out().unwrap();
    assert!(is_refused(&shop, &tokens.access.text).await);
    assert!(refresh(&shop, &tokens).await.is_err());
    let tokens = log_in(&shop, "wei").await;
    shop.change(vec![delete("user", &li.user_id)]).await.unwrap();
    assert!(is_refused(&shop, &tokens.access.text).await);
    assert!(shop.engine.login("wei", PASSWORD).await.is_err());
}

#[tokio::test]
async fn one_sees_and_ends_ones_own_sessions_and_an_administrator_anyones() {
    let shop = Shop::open();
    someone(&shop, "li");
    someone(&shop, "wei");
    let (one, two) = (log_in(&shop, "li").await, log_in(&shop, "li").await);
    let li = session_of(&shop, who(&shop, &one.access.text).await.unwrap());
    let wei = session_of(&shop, shop.engine.login("wei", PASSWORD).await.unwrap());
    let ids = |session: &Session| -> Vec<String> {
        session.sessions_of("li").unwrap().into_iter().map(|session| session.id).collect()
    };
    assert_eq!(ids(&li), [two.session.clone(), one.session.clone()]);
    assert_eq!(wei.sessions_of("li").unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(wei.end_session("li", &two.session).unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(wei.end_session("wei", &two.session).unwrap_err().code, "SESSION_NOT_FOUND");
    li.end_session("li", &two.session).unwrap();
    assert!(is_refused(&shop, &two.access.text).await);
    assert_eq!(ids(&shop.session), std::slice::from_ref(&one.session));
    assert_eq!(shop.session.end_sessions("li").unwrap(), 1);
    assert!(is_refused(&shop, &one.access.text).await);
}

#[tokio::test]
async fn a_user_has_so_many_sessions_and_the_oldest_makes_room() {
    let shop = Shop::open();
    someone(&shop, "li");
    let first = log_in(&shop, "li").await;
    for _ in 0..crate::identity::sessions::SESSIONS_MAX {
        log_in(&shop, "li").await;
    }
    assert!(is_refused(&shop, &first.access.text).await);
    assert_eq!(shop.session.sessions_of("li").unwrap().len(), crate::identity::sessions::SESSIONS_MAX);
}

#[tokio::test]
async fn what_has_ended_is_swept_away() {
    let shop = Shop::open();
    someone(&shop, "li");
    let lives = log_in(&shop, "li").await;
    shop.engine.set_identity_options(IdentityOptions { session_seconds: 0, ..Default::default() });
    let ended = log_in(&shop, "li").await;
    assert!(is_refused(&shop, &ended.access.text).await);
    assert!(refresh(&shop, &ended).await.is_err());
    log_in(&shop, "li").await;
    assert_eq!(shop.rows("_session"), 2);
    assert_eq!(shop.engine.remove_ended().unwrap(), 1);
    assert!(!is_refused(&shop, &lives.access.text).await);
}

#[tokio::test]
async fn a_connection_that_lives_long_sees_what_its_user_may_now() {
    let shop = Shop::open();
    someone(&shop, "li");
    let mut by_password = session_of(&shop, shop.engine.login("li", PASSWORD).await.unwrap());
    let tokens = log_in(&shop, "li").await;
    let mut by_token = session_of(&shop, who(&shop, &tokens.access.text).await.unwrap());
    assert!(matches!(by_token.principal().means(), Means::Session(_)));
    shop.session.grant("li", "read_all_data", None).unwrap();
    for session in [&mut by_password, &mut by_token] {
        assert!(session.principal().permission_sets.is_empty());
        session.renew().unwrap();
        assert_eq!(&*session.principal().permission_sets, ["read_all_data".into()]);
    }
    shop.session.end_sessions("li").unwrap();
    assert_eq!(by_token.renew().unwrap_err().kind, ErrorKind::Unauthenticated);
    by_password.renew().unwrap();
    shop.engine.set_password("li", "another password").unwrap();
    assert_eq!(by_password.renew().unwrap_err().kind, ErrorKind::Unauthenticated);
}
