//! What rules cost: records of an object with validations, a state machine and triggers go through the pipeline, and the same
//! records of an object without any; nothing is committed. The difference is the rules'.
#![allow(clippy::expect_used)]

use std::path::PathBuf;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use quarry_engine::{
    Change, Engine, EngineOptions, Input, Operation, PlannerOptions, Record, ResourceOptions, Session,
    SessionOptions, TenantOptions, World,
};
use serde_json::json;

/// 2026-07-31.
const START_MICROS: i64 = 1_785_456_000_000_000;
const RECORDS: usize = 10_000;

const FIELDS: &str = "fields:
  name: { type: text, required: true, maxLength: 80 }
  stage: { type: select, options: [draft, sent, won, lost] }
  amount: { type: currency }
  discount: { type: percent }
  cost: { type: currency }
  starts: { type: date }
  ends: { type: date }
  note: { type: text }
  margin: { type: currency }
  size: { type: number, scale: 0 }
";
const VALIDATIONS: &str = "rules:
  - { name: positive, kind: range, fields: [amount], min: 0, message: No }
  - { name: discounted, kind: range, fields: [discount], min: 0, max: 100, message: No }
  - { name: in_order, kind: cross_field, condition: \"ends == null || ends >= starts\", message: No }
  - { name: profitable, kind: cross_field, condition: \"amount * (100 - discount) / 100 >= cost\", message: No }
  - { name: noted, kind: conditional, when: \"discount > 50\", condition: \"note != null\", message: No }
  - { name: plain, kind: pattern, fields: [name], pattern: \"^[A-Za-z0-9 ]+$\", message: No }
";
const TRIGGERS: &str = "triggers:
  - { name: discount, on: [before create, before update], when: discount == null, steps: [{ set: { discount: \"10\" } }] }
  - { name: margin, on: [before create, before update], steps: [{ set: { margin: \"amount - cost\" } }] }
  - { name: sent, on: [before create], steps: [{ reject: { when: \"stage == 'won' && amount == 0\", message: No } }] }
";
const MACHINE: &str = "field: stage
initial: [draft, sent]
transitions: { draft: [sent], sent: [won, lost] }
message: No
";

struct Deals {
    session: Session,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Deals {
    fn open() -> Deals {
        let folder = tempfile::tempdir().expect("a folder");
        let shop = folder.path().join("shop");
        std::fs::create_dir(&shop).expect("a folder");
        for (file, text) in [
            ("package.yml", "name: shop\nversion: 1.0.0\ndepends: { core: '*' }\n"),
            ("plain.object.yml", FIELDS),
            ("deal.object.yml", FIELDS),
            ("deal.validation.yml", VALIDATIONS),
            ("deal.trigger.yml", TRIGGERS),
            ("deal.workflow.yml", MACHINE),
        ] {
            std::fs::write(shop.join(file), text).expect("a file");
        }
        let core = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../packages/core");
        let options = EngineOptions {
            data: folder.path().join("data"),
            packages: vec![core, shop],
            admin_password: Some("correct horse battery".to_owned()),
            token_seconds: 3_600,
            tenants: TenantOptions::default(),
            resources: ResourceOptions::default(),
            planner: PlannerOptions::default(),
        };
        let engine = Engine::open(options, World::seeded(7, START_MICROS)).expect("an engine").engine;
        let session = engine.session(engine.operator().expect("an operator"), SessionOptions::default());
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        Deals { session, runtime, _folder: folder }
    }

    /// Through the pipeline, and away.
    fn apply(&self, changes: Vec<Change>) -> usize {
        let mut transaction = self.session.begin();
        self.runtime.block_on(transaction.apply(changes)).expect("records that hold").len()
    }
}

fn changes(object: &str, records: usize) -> Vec<Change> {
    let change = |number: usize| {
        let data = json!({
            "name": format!("Deal {number}"), "stage": "draft", "amount": "1200.50", "cost": "800", "starts": "2026-07-01",
            "ends": "2026-12-31", "size": number % 50,
        });
        let fields = data.as_object().into_iter().flatten();
        let data: Record = fields.map(|(name, value)| (name.clone(), Input::Json(value.clone()))).collect();
        Change { object: object.to_owned(), operation: Operation::Create(data), if_revision: None }
    };
    (0..records).map(change).collect()
}

fn rules(criterion: &mut Criterion) {
    let deals = Deals::open();
    for records in [1, RECORDS] {
        let mut group = criterion.benchmark_group(format!("{records} records through the pipeline"));
        group.throughput(Throughput::Elements(u64::try_from(records).expect("a number")));
        group.sample_size(if records == 1 { 100 } else { 10 });
        for (name, object) in [("no rules", "plain"), ("six validations, a machine, three triggers", "deal")]
        {
            group.bench_function(name, |bencher| {
                bencher.iter_batched(
                    || changes(object, records),
                    |changes| deals.apply(changes),
                    BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
}

criterion_group!(benches, rules);
criterion_main!(benches);
