//! The engine over a real store and real packages: `core`, and a small shop with one field of every kind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod actions;
mod bulk;
mod calls;
mod deletes;
mod drafts;
mod engines;
mod fields;
mod findings;
mod grants;
mod holds;
mod kept;
mod keys;
mod kinds;
mod later;
mod offered;
mod opening;
mod packages;
mod permissions;
mod polymorphic;
mod recycle;
mod roles;
mod sessions;
mod strangers;
mod tenants;
mod transactions;
mod triggers;
mod turns;
mod users;
mod warnings;

use std::{path::PathBuf, sync::Arc};

use serde_json::{Value as Json, json};

use crate::{
    Change, Engine, EngineOptions, Error, Input, Operation, Outcome, PlannerOptions, Principal, Record,
    Session, SessionOptions, Value, World,
};

/// 2026-03-01T00:00:00Z.
pub(crate) const START_MICROS: i64 = 1_772_323_200_000_000;
pub(crate) const PASSWORD: &str = "correct horse battery";

/// An engine in a folder that goes with it.
pub(crate) struct Shop {
    pub(crate) engine: Arc<Engine>,
    pub(crate) session: Session,
    pub(crate) folder: tempfile::TempDir,
}

impl Shop {
    pub(crate) fn open() -> Shop {
        Shop::open_in(tempfile::tempdir().unwrap())
    }

    /// The same with a package of the fixtures in place of the shop.
    pub(crate) fn with(package: &str) -> Shop {
        Shop::with_options(package, |options| options)
    }

    /// As [`Self::with`], with other options.
    pub(crate) fn with_options(package: &str, change: impl FnOnce(EngineOptions) -> EngineOptions) -> Shop {
        let folder = tempfile::tempdir().unwrap();
        Shop::opened(change(EngineOptions { packages: packages(package), ..options(&folder) }), folder)
    }

    pub(crate) fn open_in(folder: tempfile::TempDir) -> Shop {
        Shop::opened(options(&folder), folder)
    }

    fn opened(options: EngineOptions, folder: tempfile::TempDir) -> Shop {
        let engine = Engine::open(options, World::seeded(7, START_MICROS)).unwrap().engine;
        let session = engine.session(engine.operator().unwrap(), SessionOptions::default());
        Shop { engine, session, folder }
    }

    /// What was opened by [`Self::with`], once more.
    pub(crate) fn reopen_with(self, package: &str) -> Shop {
        self.engine.close().unwrap();
        let Shop { engine, session, folder } = self;
        drop((engine, session));
        Shop::opened(EngineOptions { packages: packages(package), ..options(&folder) }, folder)
    }

    fn reopen(self) -> Shop {
        self.engine.close().unwrap();
        let Shop { engine, session, folder } = self;
        drop((engine, session));
        Shop::open_in(folder)
    }

    pub(crate) async fn change(&self, changes: Vec<Change>) -> Result<Vec<Outcome>, Error> {
        self.session.change(changes, false).await.map(|report| report.outcomes)
    }

    pub(crate) async fn create(&self, object: &str, data: Json) -> Result<String, Error> {
        let outcomes = self.change(vec![create(object, data)]).await?;
        Ok(outcomes[0].ids[0].clone())
    }

    /// A field of a record in the newest state.
    pub(crate) fn field(&self, object: &str, id: &str, field: &str) -> Option<Value> {
        let table = self.engine.store().snapshot().table(object).unwrap();
        let column = table.spec().position(field).unwrap();
        table.get(id).unwrap().map(|row| row.get(column).clone())
    }

    pub(crate) fn rows(&self, object: &str) -> usize {
        let table = self.engine.store().snapshot().table(object).unwrap();
        let parts = table.scan(quarry_storage::ScanRequest::default()).unwrap();
        parts.into_iter().flatten().map(|batch| batch.unwrap().num_rows()).sum()
    }
}

fn packages(package: &str) -> Vec<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    vec![here.join("../packages/core"), here.join("fixtures").join(package)]
}

pub(crate) fn options(folder: &tempfile::TempDir) -> EngineOptions {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    EngineOptions {
        data: folder.path().join("data"),
        packages: vec![here.join("../packages/core"), here.join("fixtures/shop")],
        admin_password: Some(PASSWORD.to_owned()),
        token_seconds: 3600,
        tenants: Default::default(),
        resources: Default::default(),
        planner: PlannerOptions::default(),
        contents: Default::default(),
    }
}

pub(crate) fn record(data: Json) -> Record {
    let Json::Object(data) = data else { panic!("a record is an object") };
    data.into_iter().map(|(name, value)| (name, Input::Json(value))).collect()
}

pub(crate) fn create(object: &str, data: Json) -> Change {
    change(object, Operation::Create(record(data)))
}

pub(crate) fn update(object: &str, id: &str, data: Json) -> Change {
    change(object, Operation::Update { id: id.to_owned(), data: record(data) })
}

pub(crate) fn upsert(object: &str, on: &[&str], data: Json) -> Change {
    let on = on.iter().map(|name| (*name).to_owned()).collect();
    change(object, Operation::Upsert { on, data: record(data) })
}

pub(crate) fn delete(object: &str, id: &str) -> Change {
    change(object, Operation::Delete { id: id.to_owned() })
}

pub(crate) fn change(object: &str, operation: Operation) -> Change {
    Change { object: object.to_owned(), operation, if_revision: None }
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// What an error's findings say, briefly: `0 product.name required`.
pub(crate) fn told(error: &Error) -> Vec<String> {
    let told = |f: &crate::Finding| {
        let field = f.field.as_deref().map(|field| format!(".{field}")).unwrap_or_default();
        format!("{} {}{field} {}", f.change, f.object, f.code)
    };
    error.findings.iter().map(told).collect()
}

pub(crate) fn someone(shop: &Shop, name: &str) -> Principal {
    shop.engine.add_user(name, PASSWORD, false).unwrap()
}

/// Someone who may read and change everything, and look after nothing.
pub(crate) fn writer(shop: &Shop, name: &str) -> Session {
    let principal = someone(shop, name);
    shop.session.grant(name, "write_all_data", None).unwrap();
    shop.engine.session(shop.engine.renewed(&principal).unwrap(), SessionOptions::default())
}

fn product(name: &str) -> Json {
    json!({ "name": name })
}
