//! 100,000 deals of 1,000 clients in a segment, and what asks for them.

use std::{path::Path, sync::Arc};

use quarry_metadata::{Registry, permissions::Shape};
use quarry_planner::{Planner, PlannerOptions, QueryContext, Viewer, Views, lower};
use quarry_storage::{
    CommitInfo, ResourceOptions, Resources, Row, Store, StoreOptions, TableSpec, Value, World, WriteSet,
};

const DEALS: i64 = 100_000;
const CLIENTS: i64 = 1_000;
const START_MICROS: i64 = 1_785_240_000_000_000;

/// The deals, opened.
pub struct Bench {
    pub planner: Planner,
    pub context: QueryContext,
    pub runtime: tokio::runtime::Runtime,
}

fn main_row(spec: &TableSpec, cells: &[(&str, Value)]) -> Row {
    let cell = |name: &str| cells.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    Row(spec.columns.iter().map(|column| cell(&column.name).unwrap_or(Value::Null)).collect())
}

fn text(text: impl Into<Arc<str>>) -> Value {
    Value::Text(text.into())
}

/// Writes them into a folder.
pub fn bench(folder: &Path) -> anyhow::Result<Bench> {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packages");
    let registry = Registry::load(&[packages.join("core"), packages.join("sales_pipeline")])
        .map_err(|issues| anyhow::anyhow!("{issues}"))?;
    let resources = Resources::new(ResourceOptions::default());
    let world = World::seeded(1, START_MICROS);
    let store = Store::open(folder, StoreOptions::default(), world, &resources)?;
    store.define_tables(
        registry.objects.values().map(|object| lower::table_spec(object, &registry)).collect(),
    )?;
    let spec = |name: &str| registry.get(name).map(|object| lower::table_spec(object, &registry));
    let (Some(client), Some(deal)) = (spec("client"), spec("deal")) else { anyhow::bail!("no such object") };
    let mut writes = WriteSet::new(store.snapshot().csn());
    for n in 0..CLIENTS {
        let cells = [("id", text(format!("cl_{n:06}"))), ("account", text(format!("Client {n}")))];
        writes.insert(&client.name, main_row(&client, &cells))?;
    }
    let stages = ["Prospecting", "Engaging", "Won", "Lost"];
    for n in 0..DEALS {
        let stage = stages.iter().cycle().nth(usize::try_from(n % 7)?).copied().unwrap_or_default();
        let cells = [
            ("id", text(format!("dl_{n:06}"))),
            ("opportunity_id", text(format!("OPP{n:06}"))),
            ("account", text(format!("cl_{:06}", n % CLIENTS))),
            ("deal_stage", text(stage)),
            ("close_date", Value::Date(20_000 + i32::try_from(n % 700)?)),
            ("close_value", Value::Decimal(i128::from(n % 9_973) * 100)),
        ];
        writes.insert(&deal.name, main_row(&deal, &cells))?;
    }
    store.commit(writes, CommitInfo::default())?;
    store.fold()?;
    let registry = Arc::new(registry);
    let parts = (Arc::clone(&registry), Arc::new(Shape::all()));
    let viewer = Viewer::new("usr_1", parts, store.snapshot(), (START_MICROS, chrono_tz::UTC));
    let context = QueryContext {
        views: Arc::new(Views::new(registry)),
        snapshot: store.snapshot(),
        as_of: None,
        viewer: Arc::new(viewer),
        locale: "en".into(),
        time_zone: chrono_tz::UTC,
        now_micros: START_MICROS,
        timeout: None,
        stop: quarry_planner::Stop::default(),
        memory: None,
        reads_audit: true,
        tenant: quarry_storage::TenantName::main(),
        line: quarry_planner::HeavyLine::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    Ok(Bench { planner: Planner::new(PlannerOptions::default()), context, runtime })
}
