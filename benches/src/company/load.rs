//! A company's records through the engine's pipeline, in process.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use quarry_engine::{
    Change, Engine, EngineOptions, Input, Operation, PlannerOptions, Record, ResourceOptions, Session,
    SessionOptions, StoreOptions, TenantName, World,
};
use quarry_storage::{Resources, Store};
use serde_json::{Value, json};

use super::{Company, HEAD, LEAD, SALES, SELLERS, SET, packages, seller_id, seller_name};
use crate::process::PASSWORD;

/// Records that go through the pipeline together.
const BATCH: u64 = 2_000;

/// What loading took.
pub struct Loaded {
    /// Each object with its time.
    pub objects: Vec<(&'static str, Duration)>,
    /// Folding what was in memory into files, which is all that the files lack.
    pub fold: Duration,
}

impl Loaded {
    /// All of it.
    pub fn total(&self) -> Duration {
        self.objects.iter().map(|(_, time)| *time).sum::<Duration>() + self.fold
    }
}

/// An engine over the folder, made if there is none.
///
/// # Errors
///
/// Packages that do not compile; those of the store.
pub fn open(folder: &Path, packages: Vec<std::path::PathBuf>) -> Result<Arc<Engine>> {
    let options = EngineOptions {
        data: folder.to_owned(),
        packages,
        admin_password: Some(PASSWORD.to_owned()),
        token_seconds: 3_600,
        tenants: Default::default(),
        resources: Default::default(),
        planner: PlannerOptions::default(),
        contents: Default::default(),
    };
    Ok(Engine::open(options, World::real())?.engine)
}

/// Loads all records, and folds.
///
/// # Errors
///
/// Records that are refused; those of the store.
pub async fn load(folder: &Path, company: Company) -> Result<Loaded> {
    let engine = open(folder, packages())?;
    let session = engine.session(engine.operator()?, SessionOptions::default());
    for (name, set, role) in [(LEAD, SET, "rol_lead"), (HEAD, SET, "rol_head"), (SALES, SALES, "rol_head")] {
        let user = engine.add_user(name, PASSWORD, false)?;
        session.grant(name, set, None)?;
        people(&session, &user.user_id, role).await?;
    }
    let objects = vec![
        ("account", bulk(&session, "account", company.accounts, move |n| company.account(n)).await?),
        ("contact", bulk(&session, "contact", company.contacts, move |n| company.contact(n)).await?),
        (
            "opportunity",
            bulk(&session, "opportunity", company.opportunities, move |n| company.opportunity(n)).await?,
        ),
        ("activity", bulk(&session, "activity", company.activities, move |n| company.activity(n)).await?),
    ];
    drop(session);
    engine.close()?;
    drop(engine);
    Ok(Loaded { objects, fold: fold(folder)? })
}

/// Folds what is in memory into files; nobody else has the store open.
///
/// # Errors
///
/// Those of the store.
pub fn fold(folder: &Path) -> Result<Duration> {
    let begin = Instant::now();
    let resources = Resources::new(ResourceOptions::default());
    let folder = TenantName::main().folder(folder);
    let store = Store::open(&folder, StoreOptions::default(), World::real(), &resources)?;
    store.fold()?;
    store.close()?;
    Ok(begin.elapsed())
}

/// The hierarchy, once; and a user's place in it.
async fn people(session: &Session, user_id: &str, role: &str) -> Result<()> {
    let mut changes = Vec::new();
    if role == "rol_lead" {
        let roles = [
            ("rol_head", None),
            ("rol_lead", Some("rol_head")),
            ("rol_rep", Some("rol_lead")),
            ("rol_other", Some("rol_head")),
        ];
        for (id, above) in roles {
            changes.push(create("role", &json!({ "id": id, "name": id, "parent_role_id": above })));
        }
        for number in 0..SELLERS {
            let role = if number % 2 == 0 { "rol_rep" } else { "rol_other" };
            let (id, name) = (seller_id(number), seller_name(number));
            changes
                .push(create("user", &json!({ "id": id, "name": name, "username": name, "role_id": role })));
        }
        let stranger = json!({ "id": "usr_stranger", "name": "Stranger", "username": "stranger" });
        changes.push(create("user", &stranger));
    }
    let data = record(&json!({ "role_id": role }));
    let operation = Operation::Update { id: user_id.to_owned(), data };
    changes.push(Change { object: "user".into(), operation, if_revision: None });
    session.change(changes, false).await?;
    Ok(())
}

/// Makes so many records, through a bulk load; those whose object has triggers that look at other records, in transactions.
///
/// # Errors
///
/// Records that are refused; those of the store.
#[allow(clippy::print_stderr)]
pub async fn bulk(
    session: &Session,
    object: &str,
    count: u64,
    make: impl Fn(u64) -> Value + Send + Sync + 'static,
) -> Result<Duration> {
    let begin = Instant::now();
    let mut bulk = Some(session.bulk());
    let (make, of) = (Arc::new(make), object.to_owned());
    let changes = move |first: u64| {
        let (make, of) = (Arc::clone(&make), of.clone());
        let numbers = first..count.min(first + BATCH);
        // As a client would: the next are made while these go through the pipeline.
        tokio::task::spawn_blocking(move || {
            numbers.map(|number| create(&of, &make(number))).collect::<Vec<_>>()
        })
    };
    let (mut first, mut next) = (0, changes(0));
    while first < count {
        let these = std::mem::replace(&mut next, changes(first + BATCH)).await?;
        let context = || format!("{object} from {first} on");
        let rest = match &mut bulk {
            Some(bulk) => match bulk.add(these).await.with_context(context)? {
                Some(_) => None,
                None => Some(changes(first).await?),
            },
            None => Some(these),
        };
        if let Some(changes) = rest {
            bulk = None;
            session.change(changes, false).await.with_context(context)?;
        }
        first += BATCH;
    }
    if let Some(bulk) = bulk {
        bulk.commit().await?;
    }
    eprintln!("{:8.1} s: {count} of {object}", begin.elapsed().as_secs_f64());
    Ok(begin.elapsed())
}

fn create(object: &str, data: &Value) -> Change {
    Change { object: object.to_owned(), operation: Operation::Create(record(data)), if_revision: None }
}

fn record(data: &Value) -> Record {
    let fields = data.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), Input::Json(value.clone()))).collect()
}
