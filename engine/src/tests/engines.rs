//! Tenants over their lives, and who comes into which.

use std::{fs, path::Path, sync::Arc};

use quarry_storage::{TenantName, TenantState};
use serde_json::json;

use super::{PASSWORD, START_MICROS, Shop, create, options};
use crate::{
    Database, Engine, EngineOptions, Engines, ErrorKind, NewTenant, Origin, SessionOptions, TenantLimits,
    World, identity::NewKey, master_keys,
};

pub(super) const OTHER_PASSWORD: &str = "another horse battery";
/// 32 bytes each.
const MASTER: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const MASTER_2: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

pub(super) fn named(name: &str) -> TenantName {
    TenantName::try_from(name).unwrap()
}

pub(super) fn new_tenant() -> NewTenant {
    NewTenant { admin_password: Some(OTHER_PASSWORD.into()), location: None }
}

fn world(masters: &str) -> World {
    let mut world = World::seeded(7, START_MICROS);
    world.keys = (!masters.is_empty()).then(|| master_keys(masters, world.ids.clone()).unwrap());
    world
}

pub(super) fn opened(folder: &tempfile::TempDir, masters: &str) -> Engines {
    Engines::open(Engine::open(options(folder), world(masters)).unwrap().engine).unwrap()
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push((path.clone(), fs::read(&path).unwrap())),
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn the_tenant_comes_from_who_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    engines.create(&named("acme"), new_tenant()).unwrap();
    engines.create(&named("other"), new_tenant()).unwrap();
    let origin = Origin::default();
    for (login, tenant, user) in [
        ("admin", "main", "admin"),
        ("admin@main", "main", "admin"),
        ("admin@acme", "acme", "admin"),
        ("a@b@other", "other", "a@b"),
        ("admin@nobody", "main", "admin@nobody"),
        ("erin@example.com", "main", "erin@example.com"),
        ("admin@../acme", "main", "admin@../acme"),
        ("@acme", "acme", ""),
    ] {
        let (engine, name) = engines.of_login(login, &Origin::default()).await;
        assert_eq!((engine.tenant().to_string().as_str(), name), (tenant, user), "{login}");
    }
    let (acme, user) = engines.of_login("admin@acme", &Origin::default()).await;
    assert!(acme.login(user, PASSWORD).await.is_err(), "the main tenant's password");
    assert!(engines.main().login("admin", OTHER_PASSWORD).await.is_err());
    let admin = acme.login(user, OTHER_PASSWORD).await.unwrap();

    // What a tenant gives out is of use there alone.
    let tokens = acme.begin_session(&admin, &origin).await.unwrap();
    let session = acme.session(admin.clone(), SessionOptions::default());
    let key = session.make_key("admin", &NewKey { name: "of acme".into(), ..NewKey::default() }).unwrap();
    for secret in [&tokens.access.text, &key.text] {
        assert!(secret.starts_with("acme~"), "{secret:?}");
        let engine = engines.of_secret(secret, &Origin::default()).await.unwrap();
        assert_eq!(engine.by_bearer(secret, &origin).await.unwrap().user_id, admin.user_id);
        let bare = secret.strip_prefix("acme~").unwrap();
        for forged in
            [bare.to_owned(), format!("other~{bare}"), format!("main~{bare}"), format!("nobody~{bare}")]
        {
            let engine = engines.of_secret(&forged, &Origin::default()).await.unwrap();
            let error = engine.by_bearer(&forged, &origin).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unauthenticated, "{forged}: {error}");
        }
        let error = acme.by_bearer(&format!("acme~{secret}"), &origin).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated);
    }
    let engine = engines.of_secret(&tokens.refresh.text, &Origin::default()).await.unwrap();
    let (next, _) = engine.refresh(&tokens.refresh.text, &origin).await.unwrap();
    assert!(next.refresh.text.starts_with("acme~") && next.access.text.starts_with("acme~"));

    // Records of one are not those of another.
    session.change(vec![create("maker", json!({ "name": "Of acme" }))], false).await.unwrap();
    assert_eq!(acme.store().snapshot().table("maker").unwrap().statistics().rows, 1);
    assert_eq!(engines.main().store().snapshot().table("maker").unwrap().statistics().rows, 0);
    let of_acme = engines.of_database("acme", "admin", &Origin::default()).await.unwrap();
    assert!(matches!(of_acme, Database::Of(engine) if Arc::ptr_eq(&engine, &acme)));
    assert!(matches!(
        engines.of_database("nobody", "admin", &Origin::default()).await.unwrap(),
        Database::Nobodys(_)
    ));
    assert!(engines.must_operate(&session).is_err(), "an administrator of another tenant");
    let main = engines.main();
    let operator = main.session(main.operator().unwrap(), SessionOptions::default());
    engines.must_operate(&operator).unwrap();
}

#[tokio::test]
async fn who_is_suspended_goes_and_comes_in_again_when_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    engines.create(&named("acme"), new_tenant()).unwrap();
    let acme = engines.engine_of(&named("acme")).unwrap();
    engines.suspend(&named("acme")).unwrap();
    acme.ended().await;
    assert_told_to_who_is_proven(&engines).await;
    let still = engines.engine_of(&named("acme")).unwrap();
    assert!(Arc::ptr_eq(&still, &acme), "one engine for one store");
    assert!(!engines.open_ones().iter().any(|open| Arc::ptr_eq(open, &acme)), "nothing is done in it");
    engines.resume(&named("acme")).unwrap();
    acme.login("admin", OTHER_PASSWORD).await.unwrap();
    engines.suspend(&named("acme")).unwrap();
    drop((acme, still));
    engines.close().unwrap();
    drop(engines);
    let engines = opened(&folder, "");
    assert_told_to_who_is_proven(&engines).await;
    engines.resume(&named("acme")).unwrap();
    let (acme, _) = engines.of_login("admin@acme", &Origin::default()).await;
    acme.login("admin", OTHER_PASSWORD).await.unwrap();
    for refused in [engines.suspend(&TenantName::main()), engines.suspend(&named("nobody"))] {
        assert!(refused.is_err());
    }
}

/// A suspended tenant is told of to who has proven himself, and is as none to all others.
async fn assert_told_to_who_is_proven(engines: &Engines) {
    let (acme, user) = engines.of_login("admin@acme", &Origin::default()).await;
    let told = acme.login(user, OTHER_PASSWORD).await.unwrap_err();
    assert_eq!((told.kind, told.code), (ErrorKind::Denied, "TENANT_SUSPENDED"), "{told}");
    let told = acme.login(user, "a wrong password").await.unwrap_err();
    assert_eq!(told.kind, ErrorKind::Unauthenticated, "{told}");
    let engine = engines.of_secret("acme~qa_x_y", &Origin::default()).await.unwrap();
    let told = engine.by_bearer("acme~qa_x_y", &Origin::default()).await.unwrap_err();
    assert_eq!(told.kind, ErrorKind::Unauthenticated, "{told}");
    assert!(matches!(
        engines.of_database("acme", "admin", &Origin::default()).await.unwrap(),
        Database::Of(_)
    ));
}

#[tokio::test]
async fn guesses_are_not_forgotten_when_an_engine_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    engines.create(&named("acme"), new_tenant()).unwrap();
    let acme = engines.engine_of(&named("acme")).unwrap();
    for _ in 0..4 {
        acme.login("admin", "a wrong password").await.unwrap_err();
    }
    let waiting = acme.login("admin", OTHER_PASSWORD).await.unwrap_err();
    assert_eq!(waiting.code, "LOGIN_THROTTLED", "{waiting}");
    let closed = Arc::downgrade(&acme);
    drop(acme);
    engines.close_all_unheld();
    assert!(closed.upgrade().is_none(), "it was closed");
    let acme = engines.engine_of(&named("acme")).unwrap();
    let waiting = acme.login("admin", OTHER_PASSWORD).await.unwrap_err();
    assert_eq!(waiting.code, "LOGIN_THROTTLED", "{waiting}");
}

#[test]
fn a_tenant_that_was_made_is_open_and_shares_what_was_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    engines.create(&named("acme"), new_tenant()).unwrap();
    let open: Vec<String> = engines.open_ones().iter().map(|engine| engine.tenant().to_string()).collect();
    assert_eq!(open, ["main", "acme"]);
    let acme = engines.engine_of(&named("acme")).unwrap();
    assert!(Arc::ptr_eq(&acme, &engines.open_ones()[1]), "it is not opened again");
    assert!(Arc::ptr_eq(&acme.registry(), &engines.main().registry()));
    let known = Arc::downgrade(&acme);
    drop(acme);
    engines.close_all_unheld();
    assert!(known.upgrade().is_none(), "it was closed");
    // Opened from what it keeps itself, too.
    let acme = engines.engine_of(&named("acme")).unwrap();
    assert!(Arc::ptr_eq(&acme.registry(), &engines.main().registry()));
}

#[test]
fn nobodys_hash_is_checked_as_any_other_and_is_nobodys() {
    let hash = crate::identity::password::nobodys();
    assert!(crate::identity::password::is_strong(&hash));
    for password in ["", "nobody's password", PASSWORD] {
        assert!(!crate::identity::password::verify(password, &hash).unwrap());
    }
}

#[tokio::test]
async fn a_login_tells_nobody_whether_there_is_such_a_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    let salt = async |engines: &Engines, tenant: &str, user: &str| match engines
        .of_database(tenant, user, &Origin::default())
        .await
        .unwrap()
    {
        Database::Of(engine) => engine.scram(user).unwrap().0.salt,
        Database::Nobodys(main) => main.scram_of_nobody(&format!("{user}@{tenant}")).unwrap().salt,
        Database::NoTenants(_) => panic!("{tenant}"),
    };
    let before = salt(&engines, "acme", "erin").await;
    assert_eq!(before, salt(&engines, "acme", "erin").await, "stable");
    assert_ne!(before, salt(&engines, "other", "erin").await);
    assert_ne!(
        salt(&engines, "acme", "admin").await,
        salt(&engines, "main", "admin").await,
        "not the main tenant's"
    );
    engines.create(&named("acme"), new_tenant()).unwrap();
    assert_eq!(before, salt(&engines, "acme", "erin").await, "made meanwhile");
    engines.suspend(&named("acme")).unwrap();
    assert_eq!(before, salt(&engines, "acme", "erin").await, "suspended");
    engines.delete(&named("acme")).unwrap();
    assert_eq!(before, salt(&engines, "acme", "erin").await, "gone");
    assert!(matches!(
        engines.of_database("No.Tenant", "admin", &Origin::default()).await.unwrap(),
        Database::NoTenants(_)
    ));
}

#[tokio::test]
async fn a_tenant_has_what_its_quota_says() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, "");
    engines.create(&named("acme"), new_tenant()).unwrap();
    engines.main().set_limits_of_all(TenantLimits { rows: Some(5), ..TenantLimits::default() });
    let acme = engines.engine_of(&named("acme")).unwrap();
    let limited = engines.set_limits(&named("acme"), |limits| limits.set("rows", Some(4))).unwrap();
    assert_eq!((limited.rows, acme.limits().rows), (Some(4), Some(4)));
    let session = acme.session(acme.operator().unwrap(), SessionOptions::default());
    let make = |name: &str| create("maker", json!({ "name": name }));
    let has = engines.quota(&named("acme")).unwrap().usage.rows;
    for number in has..4 {
        session.change(vec![make(&format!("Maker {number}"))], false).await.unwrap();
    }
    let full = session.change(vec![make("One too many")], false).await.unwrap_err();
    assert_eq!((full.kind, full.code), (ErrorKind::Limited, "ROWS_QUOTA"), "{full}");
    // Sessions are no records: who is full can come in, read and delete.
    let admin = acme.login("admin", OTHER_PASSWORD).await.unwrap();
    acme.begin_session(&admin, &Origin::default()).await.unwrap();
    engines.set_limits(&named("acme"), |limits| limits.set("storageBytes", Some(1))).unwrap();
    let full = session.change(vec![make("No room")], false).await.unwrap_err();
    assert!(["ROWS_QUOTA", "STORAGE_QUOTA"].contains(&full.code), "{full}");
    let filter = crate::objectql::Filter::parse(&json!({})).unwrap();
    let operation = crate::Operation::DeleteWhere { filter };
    let all = crate::Change { object: "maker".into(), operation, if_revision: None };
    session.change(vec![all], false).await.unwrap();
    assert_eq!(acme.store().snapshot().table("maker").unwrap().statistics().rows, 0);
    // It is kept, and taken back.
    drop((session, acme));
    engines.close().unwrap();
    drop(engines);
    let engines = opened(&folder, "");
    assert_eq!(engines.list().unwrap()[1].limits.storage_bytes, Some(1));
    engines.set_limits(&named("acme"), |limits| limits.set("storageBytes", None)).unwrap();
    engines.set_limits(&named("main"), |limits| limits.set("rows", Some(0))).unwrap();
    assert!(engines.set_limits(&named("nobody"), |_| Ok(())).is_err());
    assert_eq!(engines.list().unwrap().len(), 2, "the main tenant once");
    assert_eq!(engines.engine_of(&named("acme")).unwrap().limits().rows, Some(4));
}

#[tokio::test]
async fn a_plain_store_in_the_place_of_an_encrypted_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let engines = opened(&folder, MASTER);
    for name in ["acme", "plain"] {
        engines.create(&named(name), new_tenant()).unwrap();
    }
    engines.close().unwrap();
    drop(engines);
    let without =
        || crate::upkeep::without_keys(&data, &world(MASTER), &std::collections::BTreeMap::new()).unwrap();
    assert_eq!(without(), []);
    // Another server's, where there is no master key.
    let elsewhere = tempfile::tempdir().unwrap();
    let others = opened(&elsewhere, "");
    others.create(&named("acme"), new_tenant()).unwrap();
    others.close().unwrap();
    drop(others);
    let place = |name: &str| named(name).folder(&data);
    fs::remove_dir_all(place("acme")).unwrap();
    fs::rename(named("acme").folder(&elsewhere.path().join("data")), place("acme")).unwrap();
    assert_eq!(without(), [named("acme")]);
    let engines = opened(&folder, MASTER);
    let error = engines.engine_of(&named("acme")).err().unwrap();
    assert_eq!(error.code, "NOT_ENCRYPTED", "{error}");
    assert!(error.message.contains("acme"));
    engines.engine_of(&named("plain")).unwrap();
    engines.close().unwrap();
    drop(engines);
    fs::remove_dir_all(place("main")).unwrap();
    fs::rename(TenantName::main().folder(&elsewhere.path().join("data")), place("main")).unwrap();
    let error = Engine::open(options(&folder), world(MASTER)).err().unwrap();
    assert_eq!(error.code, "NOT_ENCRYPTED", "{error}");
}

#[tokio::test]
async fn a_deleted_tenant_is_gone_and_others_are_as_they_were_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let engines = opened(&folder, MASTER);
    for name in ["acme", "other"] {
        engines.create(&named(name), new_tenant()).unwrap();
        let engine = engines.engine_of(&named(name)).unwrap();
        let session = engine.session(engine.operator().unwrap(), SessionOptions::default());
        session.change(vec![create("maker", json!({ "name": format!("Of {name}") }))], false).await.unwrap();
        engine.store().fold().unwrap();
    }
    let place = |name: &str| named(name).folder(&folder.path().join("data"));
    let held = engines.engine_of(&named("acme")).unwrap();
    let session = held.session(held.operator().unwrap(), SessionOptions::default());
    let (copied, before) = (files(&place("acme")), files(&place("other")));
    let before_main = files(&place("main"));
    assert!(copied.iter().any(|(path, _)| path.ends_with("keys")));
    assert!(engines.delete(&named("acme")).unwrap(), "there were keys");
    held.ended().await;
    assert!(!place("acme").exists());
    assert_eq!(files(&place("other")), before);
    assert_eq!(files(&place("main")), before_main);
    let (engine, user) = engines.of_login("admin@acme", &Origin::default()).await;
    assert!(Arc::ptr_eq(&engine, engines.main()), "nobody's name is the main tenant's to refuse");
    assert!(engine.login(user, OTHER_PASSWORD).await.is_err());
    let late = session.change(vec![create("maker", json!({ "name": "Late" }))], false).await;
    assert!(late.is_err(), "whoever is still there changes nothing");
    assert!(!place("acme").exists());
    drop((session, held, engine));

    // The files alone, from a copy, are of no use.
    for (path, bytes) in copied.iter().filter(|(path, _)| !path.ends_with("keys")) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let error = engines.create(&named("acme"), new_tenant()).unwrap_err();
    assert_eq!(error.code, "TENANT_EXISTS", "{error}");
    let error = engines.main().open_tenant(&named("acme"), None).err().unwrap();
    assert!(matches!(error.kind, ErrorKind::Invalid | ErrorKind::Internal), "{error}");
    fs::remove_dir_all(place("acme")).unwrap();
    engines.create(&named("acme"), new_tenant()).unwrap();
    assert!(engines.delete(&TenantName::main()).is_err());
}

#[test]
fn what_a_crash_left_half_done_is_finished_at_the_next_start() {
    use quarry_storage::{TenantRecord, write_catalogue};
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let engines = opened(&folder, MASTER);
    for name in ["making", "deleting", "stays"] {
        engines.create(&named(name), new_tenant()).unwrap();
    }
    engines.close().unwrap();
    drop(engines);
    let record = |name: &str, state| TenantRecord {
        name: named(name),
        state,
        location: None,
        made_micros: 1,
        is_encrypted: true,
        limits: Default::default(),
    };
    let records = [
        record("making", TenantState::Making),
        record("deleting", TenantState::Deleting),
        record("stays", TenantState::Active),
        record("never_begun", TenantState::Making),
    ];
    write_catalogue(&data, &world(MASTER), &records).unwrap();
    let engines = opened(&folder, MASTER);
    let names: Vec<_> = engines.list().unwrap().iter().map(|tenant| tenant.name.to_string()).collect();
    assert_eq!(names, ["main", "stays"]);
    assert!(!named("making").folder(&data).exists() && !named("deleting").folder(&data).exists());
    engines.engine_of(&named("stays")).unwrap();
}

#[test]
fn a_tenant_is_pinned_to_a_location_and_named_ones_only() {
    let (folder, eu) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut options = options(&folder);
    options.tenants.locations.insert("eu".into(), eu.path().to_path_buf());
    let again = options.clone();
    let engines = Engines::open(Engine::open(options, world("")).unwrap().engine).unwrap();
    let pinned = |location: &str| NewTenant { location: Some(location.into()), ..new_tenant() };
    let error = engines.create(&named("acme"), pinned("../mars")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    engines.create(&named("acme"), pinned("eu")).unwrap();
    assert!(named("acme").folder(eu.path()).exists());
    assert!(!named("acme").folder(&folder.path().join("data")).exists());
    engines.close().unwrap();
    drop(engines);
    let open =
        |options: EngineOptions| Engines::open(Engine::open(options, world("")).unwrap().engine).unwrap();
    let engines = open(again.clone());
    drop(engines.engine_of(&named("acme")).unwrap());
    engines.close().unwrap();
    drop(engines);
    // Without the location nothing is made elsewhere, and nothing is deleted by half.
    let mut without = again.clone();
    without.tenants.locations.clear();
    let engines = open(without);
    assert!(engines.engine_of(&named("acme")).is_err());
    assert!(engines.delete(&named("acme")).is_err());
    assert!(named("acme").folder(eu.path()).exists());
    engines.close().unwrap();
    drop(engines);
    let places = again.tenants.locations.clone();
    let error = Engines::open(Engine::open(again, world("")).unwrap().engine);
    let engines = error.unwrap();
    assert!(!named("acme").folder(eu.path()).exists(), "what was to be deleted is, once it can be");
    engines.close().unwrap();
    assert_eq!(
        crate::upkeep::verify_data(&folder.path().join("data"), &world(""), &places).unwrap().len(),
        1
    );
}

#[test]
fn few_engines_are_open_for_many_tenants() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&folder);
    options.tenants.open_max = 4;
    let engines = Engines::open(Engine::open(options, world("")).unwrap().engine).unwrap();
    let names: Vec<TenantName> = (0..8).map(|number| named(&format!("t{number}"))).collect();
    for name in &names {
        engines.create(name, new_tenant()).unwrap();
    }
    for name in names.iter().chain(&names) {
        drop(engines.engine_of(name).unwrap());
        assert!(engines.open_ones().len() <= 4);
    }
    let held: Vec<_> = names.iter().map(|name| engines.engine_of(name)).collect();
    assert!(held.iter().any(|engine| engine.as_ref().is_err_and(|error| error.kind == ErrorKind::Limited)));
    drop(held);
    engines.engine_of(&names[7]).unwrap();
}

#[test]
fn a_master_key_is_changed_and_a_wrong_one_opens_nothing() {
    use crate::upkeep::{rewrap_keys, rotate_key, verify_data};
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let engines = opened(&folder, MASTER);
    engines.create(&named("acme"), new_tenant()).unwrap();
    assert!(engines.list().unwrap().iter().all(|tenant| tenant.master_key.is_some()));
    engines.close().unwrap();
    drop(engines);
    let before = files(&data);
    for masters in ["", MASTER_2] {
        let error = Engine::open(options(&folder), world(masters)).err().unwrap();
        assert!(error.to_string().contains("encrypted"), "{error}");
        assert_eq!(files(&data), before);
    }
    let both = format!("# the new one first\n{MASTER_2}\n{MASTER}");
    let done = rewrap_keys(&data, &world(&both), &Default::default()).unwrap();
    assert_eq!(done, [(TenantName::main(), true), (named("acme"), true)]);
    rotate_key(&data, &world(MASTER_2), &Default::default(), &named("acme")).unwrap();
    let engines = opened(&folder, MASTER_2);
    engines.engine_of(&named("acme")).unwrap();
    engines.close().unwrap();
    drop(engines);
    let reports = verify_data(&data, &world(MASTER_2), &Default::default()).unwrap();
    assert!(reports.iter().all(|(_, report)| report.is_sound()) && reports.len() == 2);
    for wrong in ["", "short", "MDEy", &format!("{MASTER},{MASTER}")] {
        assert!(master_keys(wrong, World::real().ids).is_err(), "{wrong:?}");
    }
}

#[test]
fn an_engine_alone_knows_no_tenants() {
    let shop = Shop::open();
    let engines = Engines::from(shop.engine.clone());
    assert_eq!(engines.list().unwrap().len(), 1);
    assert!(engines.engine_of(&named("acme")).is_err());
}
