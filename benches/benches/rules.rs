//! What rules cost a change: the same records with their rules and without, one and ten thousand of them in one request; and
//! what is summed up of records, in those that they refer to. Nothing is committed.
//!
//! Behind criterion's figures stand the differences, each measured in turns: microseconds a record beyond what the same records
//! cost without their rules.
#![allow(clippy::expect_used, clippy::print_stdout)]

use std::{path::Path, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quarry_benches::measure::in_turn;
use quarry_engine::{
    Change, Engine, EngineOptions, Input, Operation, PlannerOptions, Record, Session, SessionOptions, World,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Records of one request.
const COUNTS: [usize; 2] = [1, 10_000];
/// Bills that lines are of.
const BILLS: usize = 100;
/// How long one side runs before it is the other's turn.
const TURN: Duration = Duration::from_secs(1);

/// Something that is sent: triggers before it is written, validations, a state machine.
const PARCEL: [(&str, &str); 4] = [
    ("parcel.object.yml", include_str!("../../engine/fixtures/shop/parcel.object.yml")),
    ("parcel.trigger.yml", include_str!("../../engine/fixtures/shop/parcel.trigger.yml")),
    ("parcel.validation.yml", include_str!("../../engine/fixtures/shop/parcel.validation.yml")),
    ("parcel.workflow.yml", include_str!("../../engine/fixtures/shop/parcel.workflow.yml")),
];
const LINE: (&str, &str) = (
    "line.object.yml",
    "fields:
  name: { type: text, required: true }
  bill_id: { type: lookup, reference: bill, reverseName: lines }
  amount: { type: currency }
",
);
const BILL: (&str, &str) = ("bill.object.yml", "fields: { name: { type: text } }\n");
const SUMMED_UP: (&str, &str) = (
    "bill.object.yml",
    "fields:
  name: { type: text }
  line_count: { type: summary, summaryOperations: { relation: lines, function: count } }
  total: { type: summary, summaryOperations: { relation: lines, function: sum, field: amount } }
",
);

/// The same records, without and with what is done for them.
struct Pair {
    name: &'static str,
    bare: Session,
    ruled: Session,
    object: &'static str,
    /// One record after another.
    data: Box<dyn Fn(usize) -> Value>,
}

impl Pair {
    fn parcels(folder: &Path) -> Pair {
        let bare = session(&folder.join("bare"), PARCEL.get(..1).expect("the object comes first"));
        let ruled = session(&folder.join("ruled"), &PARCEL);
        let data = Box::new(|_| json!({ "name": "Box", "weight": "2.5" }));
        Pair { name: "triggers, validations, states", bare, ruled, object: "parcel", data }
    }

    /// Lines of bills that are there.
    fn lines(folder: &Path, runtime: &Runtime) -> Pair {
        let bare = session(&folder.join("bare"), &[BILL, LINE]);
        let ruled = session(&folder.join("summed up"), &[SUMMED_UP, LINE]);
        let bill = |number: usize| create("bill", &json!({ "id": format!("bill_{number}") }));
        let bills: Vec<Change> = (0..BILLS).map(bill).collect();
        for session in [&bare, &ruled] {
            runtime.block_on(session.change(bills.clone(), false)).expect("bills");
        }
        let data = |number: usize| json!({ "name": "Bolt", "amount": "12.50", "bill_id": format!("bill_{}", number % BILLS) });
        Pair { name: "summed up in another", bare, ruled, object: "line", data: Box::new(data) }
    }

    fn creates(&self, many: usize) -> Vec<Change> {
        (0..many).map(|number| create(self.object, &(self.data)(number))).collect()
    }
}

fn create(object: &str, data: &Value) -> Change {
    let data: Record = data
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), Input::Json(value.clone())))
        .collect();
    Change { object: object.to_owned(), operation: Operation::Create(data), if_revision: None }
}

/// An engine of its own over the core package and these files.
fn session(folder: &Path, files: &[(&str, &str)]) -> Session {
    let package = folder.join("packages/bench");
    std::fs::create_dir_all(&package).expect("a folder");
    let manifest = ("package.yml", "name: bench\nversion: 1.0.0\ndepends: { core: '*' }\n");
    for (name, text) in files.iter().chain([&manifest]) {
        std::fs::write(package.join(name), text).expect("a file");
    }
    open(folder, package)
}

fn open(folder: &Path, package: std::path::PathBuf) -> Session {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let options = EngineOptions {
        data: folder.join("data"),
        packages: vec![root.join("packages/core"), package],
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

async fn tried(session: &Session, changes: &[Change]) -> usize {
    session.change(changes.to_vec(), true).await.expect("they are kept").outcomes.len()
}

fn rules(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = Runtime::new().expect("a runtime");
    let pairs =
        [Pair::parcels(&folder.path().join("parcels")), Pair::lines(&folder.path().join("lines"), &runtime)];
    let mut group = criterion.benchmark_group("new records, not committed");
    group.sample_size(20);
    for pair in &pairs {
        for many in COUNTS {
            let changes = pair.creates(many);
            group.throughput(Throughput::Elements(u64::try_from(many).expect("few")));
            for (side, session) in [("without", &pair.bare), ("with", &pair.ruled)] {
                let name = format!("{}, {side}", pair.name);
                group.bench_with_input(BenchmarkId::new(name, many), &changes, |bencher, changes| {
                    bencher.iter(|| runtime.block_on(tried(session, changes)));
                });
            }
        }
    }
    followed(&mut group, &runtime, folder.path());
    group.finish();
    pairs.iter().for_each(|pair| compare(pair, &runtime));
}

/// What an after-trigger writes is a change of its own.
fn followed(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    runtime: &Runtime,
    folder: &Path,
) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/fixtures/desk");
    let desk = open(&folder.join("desk"), fixtures);
    for many in [1, 1_000] {
        let changes = vec![create("ticket", &json!({ "subject": "Printer" })); many];
        group.throughput(Throughput::Elements(u64::try_from(many).expect("few")));
        let name = BenchmarkId::new("an after-trigger that writes", many);
        group.bench_with_input(name, &changes, |bencher, changes| {
            bencher.iter(|| runtime.block_on(tried(&desk, changes)));
        });
    }
}

/// Both sides in turn, and what the one costs beyond the other.
fn compare(pair: &Pair, runtime: &Runtime) {
    for many in COUNTS {
        let changes = pair.creates(many);
        let sides = in_turn(
            TURN,
            async || Ok(tried(&pair.bare, &changes).await),
            async || Ok(tried(&pair.ruled, &changes).await),
        );
        let (bare, ruled) = runtime.block_on(sides).expect("both are measured");
        println!(
            "{}, {many} in one request: {:.2} µs a record without, {:.2} with; {:.2} beyond",
            pair.name,
            bare.p50 / many as f64,
            ruled.p50 / many as f64,
            (ruled.p50 - bare.p50) / many as f64,
        );
    }
}

criterion_group!(benches, rules);
criterion_main!(benches);
