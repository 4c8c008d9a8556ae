//! Tenants over the same packages: what they have in common is in memory once.

use std::{collections::BTreeMap, fmt::Write, fs, sync::Arc};

use quarry_metadata::Bundle;
use quarry_storage::{Store, TableName, TableSpec, TenantName};

use super::{PASSWORD, START_MICROS, options};
use crate::{Engine, EngineOptions, SessionOptions, Value, World};

const FIELDS: usize = 20;

/// A server over a package of so many objects, beside the one of users.
fn served(folder: &tempfile::TempDir, objects: usize) -> Arc<Engine> {
    let packages = folder.path().join("packages");
    let write = |path: &str, text: &str| {
        let file = packages.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("core/package.yml", "name: core\nversion: 1.0.0\n");
    write("core/user.object.yml", "idPrefix: usr\nfields: { username: { type: text, unique: true } }\n");
    write("big/package.yml", "name: big\nversion: 1.0.0\ndepends: { core: '*' }\n");
    for number in 0..objects {
        let mut text = format!("idPrefix: x{number}\nfields:\n");
        for field in 0..FIELDS {
            writeln!(text, "  field{field}: {{ type: text, maxLength: 100, label: Field {field} }}").unwrap();
        }
        write(&format!("big/thing{number}.object.yml"), &text);
    }
    let options = EngineOptions { packages: vec![packages], ..options(folder) };
    Engine::open(options, World::seeded(7, START_MICROS)).unwrap().engine
}

/// A tenant with a field of its own on one of the objects.
fn tenant(main: &Engine, number: usize) -> Arc<Engine> {
    let name = TenantName::try_from(format!("tenant{number}").as_str()).unwrap();
    let engine = main.open_tenant(&name, Some(PASSWORD.to_owned())).unwrap().engine;
    let package = "name: own\nversion: 1.0.0\nscope: tenant\ndepends: { core: '*', big: '*' }\n";
    let object = format!("extends: thing{number}\nfields: {{ own: {{ type: text }} }}\n");
    let files = [("package.yml", package.to_owned()), ("own.object.yml", object)];
    let files: BTreeMap<String, String> =
        files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect();
    let own = Bundle::of_files("own", &files).unwrap();
    let session = engine.session(engine.operator().unwrap(), SessionOptions::default());
    session.publish(std::slice::from_ref(&own)).unwrap();
    session.activate(&[own.id()]).unwrap();
    engine
}

fn tables(store: &Store) -> BTreeMap<TableName, Arc<TableSpec>> {
    store.snapshot().tables().into_iter().map(|spec| (spec.name.clone(), spec)).collect()
}

#[test]
fn tables_and_packages_that_are_the_same_are_held_once() {
    let folder = tempfile::tempdir().unwrap();
    let main = served(&folder, 30);
    let engines = [tenant(&main, 3), tenant(&main, 4)];
    let of_main = tables(main.store());
    for (engine, own) in engines.iter().zip(["thing3", "thing4"]) {
        let of_tenant = tables(engine.store());
        assert_eq!(of_tenant.len(), of_main.len());
        let others = of_main.iter().filter(|(name, spec)| !Arc::ptr_eq(&of_tenant[*name], spec));
        assert_eq!(others.map(|(name, _)| &**name).collect::<Vec<_>>(), [own]);
    }
    let files = |engine: &Engine| {
        let row = engine.store().snapshot().table("_package").unwrap().get("big@1.0.0").unwrap().unwrap();
        let Value::Text(files) = row.get(2).clone() else { panic!("a text") };
        files
    };
    for engine in &engines {
        assert!(Arc::ptr_eq(&files(&main), &files(engine)));
    }
    // Read back from the log, tables are the same ones again.
    let [first, second] = engines;
    first.close().unwrap();
    let path = TenantName::try_from("tenant3").unwrap().folder(&folder.path().join("data"));
    let resources = quarry_storage::Resources::new(Default::default());
    drop(first);
    let again = Store::open(&path, Default::default(), World::seeded(8, START_MICROS), &resources).unwrap();
    assert!(!Arc::ptr_eq(&tables(&again)["thing5"], &of_main["thing5"]), "another process");
    assert_eq!(tables(&again)["thing5"], of_main["thing5"]);
    drop(second);
}
