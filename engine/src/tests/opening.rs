//! Opening, closing, opening again, and new packages meanwhile.

use super::*;
use crate::ErrorKind;

#[tokio::test]
async fn the_first_start_makes_an_admin_and_later_ones_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = options(&folder);
    first.admin_password = None;
    let opened = Engine::open(first.clone(), World::real()).unwrap();
    let password = opened.admin_password.unwrap();
    assert!(password.len() >= 20);
    opened.engine.login("admin", &password).await.unwrap();
    opened.engine.close().unwrap();
    drop(opened.engine);
    let again = Engine::open(first, World::real()).unwrap();
    assert_eq!(again.admin_password, None);
    again.engine.login("admin", &password).await.unwrap();
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_reopen() {
    let shop = Shop::open();
    let id = shop.create("product", json!({ "name": "Lamp", "code": "L", "price": "1.25" })).await.unwrap();
    let shop = shop.reopen();
    assert_eq!(shop.field("product", &id, "price"), Some(Value::Decimal(125)));
    let taken = shop.create("product", json!({ "name": "Desk", "code": "L" })).await.unwrap_err();
    assert_eq!(told(&taken), ["0 product.code unique"]);
    let next = shop.create("product", product("Desk")).await.unwrap();
    assert_eq!(shop.field("product", &next, "number"), Some(text("P-2026-002")));
}

#[test]
fn packages_that_do_not_compile_or_know_no_user_open_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&folder);
    options.packages.remove(0);
    let Err(error) = Engine::open(options, World::real()) else { panic!("opened without users") };
    assert_eq!((error.kind, error.code), (ErrorKind::Invalid, "INVALID_PACKAGES"));
    assert!(!folder.path().join("data").exists());
}

/// A copy of the shop's package that a test may change.
fn own_packages(options: &mut EngineOptions, folder: &tempfile::TempDir) -> PathBuf {
    let own = folder.path().join("shop");
    std::fs::create_dir_all(&own).unwrap();
    for file in std::fs::read_dir(&options.packages[1]).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), own.join(file.file_name())).unwrap();
    }
    options.packages[1] = own.clone();
    own
}

#[tokio::test]
async fn a_reload_adds_fields_and_keeps_the_last_good_packages_on_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&folder);
    let own = own_packages(&mut options, &folder);
    let engine = Engine::open(options, World::seeded(7, START_MICROS)).unwrap().engine;
    let admin = engine.login("admin", PASSWORD).await.unwrap();
    let shop = Shop { session: engine.session(admin, SessionOptions::default()), engine, folder };
    let id = shop.create("maker", json!({ "name": "Acme" })).await.unwrap();
    let old = shop.engine.registry().version.clone();

    std::fs::write(own.join("maker.object.yml"), "fields: { name: { type: txt } }").unwrap();
    let error = shop.engine.reload().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("maker.object.yml") && error.message.contains("txt"), "{error}");
    assert_eq!(shop.engine.registry().version, old);
    shop.create("maker", json!({ "name": "Still" })).await.unwrap();

    // The new field stands between old ones here, and behind them in the table.
    let better = "idPrefix: mak\nfields:\n  city: { type: text, index: true }\n  name: { type: text, required: true, unique: true }\n  \
                  parent_id: { type: lookup, reference: maker, reverseName: branches }\n";
    std::fs::write(own.join("maker.object.yml"), better).unwrap();
    assert_ne!(shop.engine.reload().unwrap().version, old);
    shop.change(vec![update("maker", &id, json!({ "city": "Bonn" }))]).await.unwrap();
    assert_eq!(shop.field("maker", &id, "city"), Some(text("Bonn")));
    assert_eq!(shop.field("maker", &id, "name"), Some(text("Acme")));
    let taken = shop.create("maker", json!({ "name": "Still" })).await.unwrap_err();
    assert_eq!(told(&taken), ["0 maker.name unique"]);
}
