//! Who comes to which tenant before he has proven anything: names at the edge of their length, and tenants that are not opened for him.

use std::{fs, sync::Arc};

use super::{
    PASSWORD,
    engines::{OTHER_PASSWORD, named, new_tenant, opened},
};
use crate::{Database, Engine, Engines, ErrorKind, Origin, identity::gate::Told};

#[tokio::test]
async fn names_are_somebodys_up_to_256_bytes_and_nobodys_beyond() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    engines.create(&named("acme"), new_tenant()).unwrap();
    let acme = engines.engine_of(&named("acme")).unwrap();
    // With `@acme` behind it, 256 bytes and one more; of two bytes a letter, too.
    for letter in ["u", "ü"] {
        let longest = format!("{}{}", "x".repeat(251 % letter.len()), letter.repeat(251 / letter.len()));
        let longer = format!("{longest}x");
        assert_eq!((longest.len(), longer.len()), (251, 252));
        assert!(Engines::may_be_login(&longest, "acme") && !Engines::may_be_login(&longer, "acme"));
        let login = format!("{longest}@acme");
        let (engine, user) = engines.of_login(&login, &Origin::default()).await;
        assert_eq!((Arc::ptr_eq(&engine, &acme), user), (true, longest.as_str()));
        let login = format!("{longer}@acme");
        let (engine, user) = engines.of_login(&login, &Origin::default()).await;
        assert_eq!((Arc::ptr_eq(&engine, engines.main()), user), (true, login.as_str()));
        for (name, is_looked_for) in [("y".repeat(256), true), ("y".repeat(257), false)] {
            let error = acme.login(&name, PASSWORD).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unauthenticated, "{is_looked_for}: {error}");
        }
    }
}

/// What is wrong with a tenant that is closed, and how many may be opened for one who has proven nothing, is told to nobody outside.
#[tokio::test]
async fn a_stranger_has_few_tenants_opened_and_is_not_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    let from = |last: u8| Origin { address: Some([10, 0, 0, last].into()), ..Origin::default() };
    let names: Vec<String> = (0..24).map(|number| format!("t{number}")).collect();
    for name in &names {
        engines.create(&named(name), new_tenant()).unwrap();
    }
    engines.close_all_unheld();
    let is_main = |engine: &Arc<Engine>| Arc::ptr_eq(engine, engines.main());
    let mut opened = 0;
    for name in &names {
        match engines.of_secret(&format!("{name}~qa_x_y"), &from(1)).await {
            Ok(engine) => {
                opened += usize::from(!is_main(&engine));
                let refused = engine.by_bearer("x", &from(1)).await.unwrap_err();
                assert_eq!(refused.kind, ErrorKind::Unauthenticated);
            }
            Err(error) => assert_eq!(error.code, "LOGIN_THROTTLED"),
        }
    }
    // A token that may be good is not refused, whether there is its tenant or not.
    for secret in ["t23~qa_x_y", "none~qa_x_y"] {
        assert_eq!(engines.by_bearer(secret, &from(1)).await.err().unwrap().code, "LOGIN_THROTTLED");
    }
    assert!((15..24).contains(&opened), "{opened}");
    // Logins of the address that is waited for are the main tenant's to refuse; a database is refused as where there is none.
    let (engine, user) = engines.of_login("admin@t23", &from(1)).await;
    assert_eq!((is_main(&engine), user), (true, "admin@t23"));
    let code = async |name: &str, last: u8| {
        engines.of_database(name, "admin", &from(last)).await.err().map(|error| error.code)
    };
    assert_eq!(
        (code("t23", 1).await, code("none", 1).await),
        (Some("LOGIN_THROTTLED"), Some("LOGIN_THROTTLED"))
    );
    // Nor is he told what is open.
    let open = engines.engine_of(&named("t23")).unwrap();
    assert_eq!(code("t23", 1).await, Some("LOGIN_THROTTLED"));
    assert_eq!(code("t23", 4).await, None);
    // Who proves himself to one tenant takes back what was opened of that one alone.
    engines.came_in(&open, &from(1));
    assert_eq!(code("t22", 1).await, Some("LOGIN_THROTTLED"));
    drop(open);
    // Others come in, and who has proven himself has not lost anything.
    let (engine, user) = engines.of_login("admin@t23", &from(2)).await;
    assert!(!is_main(&engine));
    engine.login_from(user, OTHER_PASSWORD, &from(2)).await.unwrap();
    drop(engine);
    engines.close_all_unheld();
    for _ in 0..3 {
        for name in &names {
            let (engine, _) = engines.of_login(&format!("admin@{name}"), &from(2)).await;
            assert!(!is_main(&engine));
            engines.came_in(&engine, &from(2));
        }
        engines.close_all_unheld();
    }
    // Files that are not there are no tenant, to who comes.
    fs::remove_dir_all(folder.path().join("data/tenant/t22")).unwrap();
    let (engine, user) = engines.of_login("admin@t22", &from(3)).await;
    assert_eq!((is_main(&engine), user), (true, "admin@t22"));
    assert!(is_main(&engines.of_secret("none~qa_x_y", &from(3)).await.unwrap()));
    for secret in ["t22~qa_x_y", "none~qa_x_y"] {
        assert_eq!(engines.of_secret(secret, &from(3)).await.err().unwrap().kind, ErrorKind::Unavailable);
    }
    assert!(matches!(engines.of_database("t22", "admin", &from(3)).await.unwrap(), Database::Nobodys(_)));
}

/// What stands in the way is told to nobody; and nobody is told that what is right is wrong.
#[tokio::test]
async fn a_login_that_may_be_right_is_told_to_come_again_whether_there_is_such_a_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    let from = |last: u8| Origin { address: Some([10, 0, 0, last].into()), ..Origin::default() };
    for name in ["open", "closed", "broken"] {
        engines.create(&named(name), new_tenant()).unwrap();
    }
    engines.main().add_user("ann@nowhere", PASSWORD, false).unwrap();
    engines.close_all_unheld();
    fs::remove_dir_all(folder.path().join("data/tenant/broken")).unwrap();
    let open = engines.engine_of(&named("open")).unwrap();
    let told = async |login: &str, password: &str, last: u8| {
        let error = engines.log_in(login, password, &from(last)).await.err().unwrap();
        (error.kind, error.code, error.message)
    };
    let others = [
        ("admin@open", "wrong"),
        ("admin@closed", "wrong"),
        ("admin@broken", OTHER_PASSWORD),
        ("admin@none", OTHER_PASSWORD),
        ("ann@nowhere", "wrong"),
    ];
    let refused = told("nobody@open", "wrong", 1).await;
    assert_eq!((refused.0, refused.1), (ErrorKind::Unauthenticated, "UNAUTHENTICATED"));
    assert!(refused.2.ends_with("if they are right, try again later"), "{}", refused.2);
    for (login, password) in others {
        assert_eq!(told(login, password, 1).await, refused, "{login}");
    }
    // Whose tenant is always open is told so without a doubt.
    for login in ["admin", "admin@main", "admin@No Tenant", "ann@example.com"] {
        assert_eq!(told(login, "wrong", 1).await.2, "wrong user or password", "{login}");
    }
    // No more is opened for one address: that is told of all alike, and keeps nobody out who is right.
    for number in 0..21 {
        let secret = format!("none{number}~qa_x_y");
        let refused = engines.by_bearer(&secret, &from(2)).await.err().unwrap();
        assert_eq!(refused.kind, ErrorKind::Unauthenticated, "{number}");
    }
    engines.close_all_unheld();
    for (login, password) in others.into_iter().chain([("admin@closed", OTHER_PASSWORD)]) {
        let (kind, code, _) = told(login, password, 2).await;
        assert_eq!((kind, code), (ErrorKind::Limited, "LOGIN_THROTTLED"), "{login}");
    }
    assert_eq!(told("admin", "wrong", 2).await.0, ErrorKind::Unauthenticated);
    let (engine, principal) = engines.log_in("admin@open", OTHER_PASSWORD, &from(2)).await.unwrap();
    assert!(Arc::ptr_eq(&engine, &open) && principal.admin);
    let (engine, principal) = engines.log_in("ann@nowhere", PASSWORD, &from(2)).await.unwrap();
    assert_eq!((Arc::ptr_eq(&engine, engines.main()), principal.user_name.as_str()), (true, "ann@nowhere"));
    // From elsewhere the one that is closed is opened.
    engines.log_in("admin@closed", OTHER_PASSWORD, &from(3)).await.unwrap();
}

/// A name that failed too often has to wait, and is told so, where its tenant is closed as where it is open.
#[tokio::test]
async fn a_name_that_has_to_wait_is_told_so_when_its_tenant_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    engines.create(&named("acme"), new_tenant()).unwrap();
    let from = Origin { address: Some([10, 0, 0, 1].into()), ..Origin::default() };
    let code = async |login: &str| engines.log_in(login, "wrong", &from).await.err().unwrap().code;
    for login in ["admin@acme", "admin@none"] {
        let mut codes = Vec::new();
        for _ in 0..6 {
            codes.push(code(login).await);
        }
        assert_eq!((codes[0], codes[5]), ("UNAUTHENTICATED", "LOGIN_THROTTLED"), "{login}");
    }
    engines.close_all_unheld();
    for login in ["admin@acme", "admin@none"] {
        assert_eq!(code(login).await, "LOGIN_THROTTLED", "{login}");
    }
}

/// What somebody tells at the door with a name, a token and a database's name in turn, and what he is told.
async fn tried(engines: &Engines, tenant: &str, last: u8, with_tokens: bool) -> Vec<String> {
    let from = Origin { address: Some([10, 0, 1, last].into()), ..Origin::default() };
    let mut told = Vec::new();
    for round in 0..12 {
        engines.close_all_unheld();
        let user = format!("u{round}");
        let refused = engines.log_in(&format!("{user}@{tenant}"), "wrong", &from).await.err().unwrap();
        told.push(format!("{} {}", refused.code, refused.message));
        if with_tokens {
            let refused = engines.by_bearer(&format!("{tenant}~qa_x_y"), &from).await.err().unwrap();
            told.push(format!("{} {}", refused.code, refused.message));
        }
        let attempt = match engines.of_database(tenant, &user, &from).await {
            Ok(Database::Of(engine)) => engine.attempt(&user, &from).await,
            Ok(Database::Nobodys(main)) => main.attempt_of_nobody(&format!("{user}@{tenant}"), &from).await,
            Ok(Database::NoTenants(_)) => panic!("{tenant} may be one"),
            Err(refused) => Err(refused),
        };
        told.push(
            attempt
                .map_or_else(|refused| format!("{} {}", refused.code, refused.message), |_| "wrong".into()),
        );
        engines.turned_away(tenant, &from);
    }
    told
}

/// Past a few tries from one address he is told to wait: at the same try, for as long.
#[tokio::test]
async fn a_stranger_may_try_as_often_whether_there_is_such_a_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    for name in ["open", "closed", "suspended", "broken"] {
        engines.create(&named(name), new_tenant()).unwrap();
    }
    engines.suspend(&named("suspended")).unwrap();
    engines.close_all_unheld();
    fs::remove_dir_all(folder.path().join("data/tenant/broken")).unwrap();
    let _open = engines.engine_of(&named("open")).unwrap();
    let wanted = tried(&engines, "none", 1, true).await;
    let waits = wanted.iter().position(|told| told.starts_with("LOGIN_THROTTLED"));
    assert!(waits.is_some_and(|at| (15..25).contains(&at)), "{wanted:?}");
    for (last, tenant) in [(2, "open"), (3, "closed"), (4, "suspended")] {
        assert_eq!(tried(&engines, tenant, last, true).await, wanted, "{tenant}");
    }
    // A token that may be good is not refused where its tenant can't be opened: that is told to whoever has one.
    let wanted = tried(&engines, "none", 5, false).await;
    assert!(wanted.iter().any(|told| told.starts_with("LOGIN_THROTTLED")), "{wanted:?}");
    assert_eq!(tried(&engines, "broken", 6, false).await, wanted, "broken");
}

/// Failures of a name are counted where they are told, whoever judges them; and who proves himself has failed nowhere.
#[tokio::test]
async fn failures_of_a_name_are_one_count_before_there_is_its_tenant_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    let origin = Origin::default();
    engines.main().add_user("admin@acme", PASSWORD, false).unwrap();
    let code = async || engines.log_in("admin@acme", "wrong", &origin).await.err().unwrap().code;
    for _ in 0..4 {
        assert_eq!(code().await, "UNAUTHENTICATED");
    }
    engines.create(&named("acme"), new_tenant()).unwrap();
    assert_eq!(code().await, "LOGIN_THROTTLED");
    assert!(engines.main().gate().lift("admin@acme"));
    engines.log_in("admin@acme", OTHER_PASSWORD, &origin).await.unwrap();
    for _ in 0..4 {
        assert_eq!(code().await, "UNAUTHENTICATED");
    }
    // The main tenant's user of that name is another, and was not tried.
    engines.log_in("admin@acme@main", PASSWORD, &origin).await.unwrap();
    assert_eq!(code().await, "LOGIN_THROTTLED");
}

/// Who floods a tenant with logins takes its places and no other's, be there such a tenant or not.
#[tokio::test]
async fn too_many_logins_at_once_are_too_many_for_the_tenant_that_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    for name in ["open", "closed"] {
        engines.create(&named(name), new_tenant()).unwrap();
    }
    let _open = engines.engine_of(&named("open")).unwrap();
    let places = engines.main().process().doorstep.turns.places.clone();
    let tenants = ["main", "open", "closed", "none", "nowhere"];
    for (round, flooded) in tenants.into_iter().enumerate() {
        engines.close_all_unheld();
        let queue = Told::whole(&format!("u@{flooded}")).queue;
        let flood: Vec<_> = std::iter::from_fn(|| places.take(queue, None)).collect();
        for tenant in tenants {
            let login = format!("u{round}@{tenant}");
            let refused = engines.log_in(&login, "wrong", &Origin::default()).await.err().unwrap();
            let wanted = if tenant == flooded { "LOGINS_BUSY" } else { "UNAUTHENTICATED" };
            assert_eq!(refused.code, wanted, "{login}, {flooded} flooded");
            let name = format!("u{round}");
            let attempt = match engines.of_database(tenant, &name, &Origin::default()).await.unwrap() {
                Database::Of(engine) => engine.attempt(&name, &Origin::default()).await,
                Database::Nobodys(main) => main.attempt_of_nobody(&login, &Origin::default()).await,
                Database::NoTenants(_) => panic!("{tenant} may be one"),
            };
            let wanted = (tenant == flooded).then_some("LOGINS_BUSY");
            assert_eq!(attempt.err().map(|refused| refused.code), wanted, "{login}, {flooded} flooded");
        }
        drop(flood);
    }
}

/// What comes from one address at once, by many names, is checked as far as its failures cost nothing.
#[tokio::test]
async fn a_flood_from_one_address_is_not_worked_off() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    let checks = engines.main().process().doorstep.checks.clone();
    let held = [checks.take(0).await, checks.take(0).await];
    let from = Origin { address: Some([10, 0, 0, 1].into()), ..Origin::default() };
    let mut all = Vec::new();
    for number in 0..40 {
        let (engines, from) = (engines.clone(), from.clone());
        all.push(tokio::spawn(async move {
            engines.log_in(&format!("u{number}"), "wrong", &from).await.err().unwrap().code
        }));
    }
    while checks.taken().1 < all.len() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    drop(held);
    let mut checked = 0;
    for one in all {
        match one.await.unwrap() {
            "UNAUTHENTICATED" => checked += 1,
            code => assert_eq!(code, "LOGIN_THROTTLED"),
        }
    }
    // Two are checked at once.
    assert!((31..=32).contains(&checked), "{checked}");
}

/// Who floods the main tenant with logins keeps others waiting by the tenant that they name, not by whether there is one.
#[tokio::test]
async fn a_login_waits_in_the_queue_of_the_tenant_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    engines.create(&named("open"), new_tenant()).unwrap();
    let checks = engines.main().process().doorstep.checks.clone();
    let held = [checks.take(0).await, checks.take(0).await];
    let ended = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let mut all = Vec::new();
    let flood = (0..16).map(|number| format!("u{number}")).chain(["u@open".into(), "u@none".into()]);
    for (waiting, login) in flood.enumerate() {
        let (engines, ended) = (engines.clone(), ended.clone());
        all.push(tokio::spawn(async move {
            let refused = engines.log_in(&login, "wrong", &Origin::default()).await.err().unwrap();
            ended.lock().push((login, refused.kind));
        }));
        while checks.taken().1 <= waiting {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    drop(held);
    for one in all {
        one.await.unwrap();
    }
    let ended = ended.lock();
    assert!(ended.iter().all(|(_, kind)| *kind == ErrorKind::Unauthenticated), "{ended:?}");
    let at = |wanted: &str| ended.iter().position(|(login, _)| login == wanted).unwrap();
    assert!(at("u@open") < 12 && at("u@none") < 12, "behind all of another's: {ended:?}");
}
