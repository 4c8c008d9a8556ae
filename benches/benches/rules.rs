//! What rules cost a change: a record with before-triggers, validations and a state machine, one whose trigger writes
//! others, and for comparison one without any. Nothing is committed.
#![allow(clippy::expect_used)]

use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quarry_engine::{
    Change, Engine, EngineOptions, Input, Operation, PlannerOptions, Record, Session, SessionOptions, World,
};
use serde_json::{Value, json};

fn session(package: &str, folder: &Path) -> Session {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let options = EngineOptions {
        data: folder.join("data"),
        packages: vec![root.join("packages/core"), root.join("engine/fixtures").join(package)],
        admin_password: Some("correct horse battery".to_owned()),
        token_seconds: 60,
        tenants: Default::default(),
        resources: Default::default(),
        planner: PlannerOptions::default(),
        contents: Default::default(),
    };
    let engine = Engine::open(options, World::real()).expect("an engine").engine;
    let principal = engine.operator().expect("the first user");
    engine.session(principal, SessionOptions::default())
}

fn creates(object: &str, data: &Value, many: usize) -> Vec<Change> {
    let data: Record = data
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), Input::Json(value.clone())))
        .collect();
    let operation = Operation::Create(data);
    vec![Change { object: object.to_owned(), operation, if_revision: None }; many]
}

fn rules(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let shop = session("shop", &folder.path().join("shop"));
    let desk = session("desk", &folder.path().join("desk"));
    let cases = [
        ("no rules", &shop, "review", json!({ "text": "Fine" })),
        ("triggers, validations, states", &shop, "parcel", json!({ "name": "Box", "weight": "2.5" })),
        ("an after-trigger that writes", &desk, "ticket", json!({ "subject": "Printer" })),
    ];
    let mut group = criterion.benchmark_group("new records, not committed");
    for (name, session, object, data) in &cases {
        for many in [1, 1_000] {
            let changes = creates(object, data, many);
            group.throughput(Throughput::Elements(u64::try_from(many).expect("few")));
            group.bench_with_input(BenchmarkId::new(*name, many), &changes, |bencher, changes| {
                bencher.iter(|| {
                    let done = runtime.block_on(session.change(changes.clone(), true));
                    done.expect("they are kept").outcomes.len()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, rules);
criterion_main!(benches);
