//! A small shop in a temporary folder.

use std::{path::Path, sync::Arc, time::Duration};

use arrow::{
    array::RecordBatch, json::LineDelimitedWriter, json::WriterBuilder, json::writer::LineDelimited,
};
use chrono::{DateTime, NaiveDate, NaiveTime, Timelike};
use futures::TryStreamExt;
use quarry_metadata::{Registry, permissions::Shape};
use quarry_planner::{
    Answer, Planner, PlannerOptions, Query, QueryContext, Result, UserLists, Viewer, Views, lower,
};
use quarry_storage::{
    CommitInfo, Csn, ResourceOptions, Resources, Row, Store, StoreOptions, TableSpec, Value, World, WriteSet,
};
use serde_json::{Map, Value as Json};

/// 2026-07-28T12:00:00Z.
pub const NOW_MICROS: i64 = 1_785_240_000_000_000;

/// A store with records, and what a question needs.
pub struct Shop {
    pub planner: Planner,
    pub store: Arc<Store>,
    pub registry: Arc<Registry>,
    /// What is remembered of users, where something is.
    pub lists: Option<Arc<UserLists>>,
    _folder: tempfile::TempDir,
}

/// Where the records lie when they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All in the delta.
    Delta,
    /// All in a segment.
    Segment,
    /// The accounts in a segment, the rest in the delta.
    Both,
}

impl Shop {
    pub fn empty(options: PlannerOptions) -> Shop {
        Shop::of("shop", options)
    }

    /// A store for the package in that folder of `tests`.
    pub fn of(package: &str, options: PlannerOptions) -> Shop {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = [here.join("../packages/core"), here.join("tests").join(package)];
        let registry = Registry::load(&folders).unwrap_or_else(|issues| panic!("{issues}"));
        let folder = tempfile::tempdir().unwrap();
        let world = World::seeded(7, NOW_MICROS);
        let resources = Resources::new(ResourceOptions::default());
        let store = Store::open(folder.path(), StoreOptions::default(), world, &resources).unwrap();
        store
            .define_tables(
                registry.objects.values().map(|object| lower::table_spec(object, &registry)).collect(),
            )
            .unwrap();
        let (planner, registry) = (Planner::new(options), Arc::new(registry));
        Shop { planner, store, registry, lists: Some(Arc::default()), _folder: folder }
    }

    pub fn filled(kept: Kept) -> Shop {
        Shop::filled_with(PlannerOptions::default(), kept)
    }

    pub fn filled_with(options: PlannerOptions, kept: Kept) -> Shop {
        let shop = Shop::empty(options);
        let text = include_str!("../records.json");
        let records: Map<String, Json> = serde_json::from_str(text).unwrap();
        for (object, records) in &records {
            shop.insert(object, records.as_array().unwrap());
            if kept == Kept::Both && object == "account" {
                shop.store.fold().unwrap();
            }
        }
        if kept == Kept::Segment {
            shop.store.fold().unwrap();
        }
        shop
    }

    pub fn insert(&self, object: &str, records: &[Json]) {
        let spec = lower::table_spec(self.registry.get(object).unwrap(), &self.registry);
        let mut writes = WriteSet::new(self.store.snapshot().csn());
        for record in records {
            writes.insert(&spec.name, row(&spec, record.as_object().unwrap())).unwrap();
        }
        let committed = self.store.commit(writes, CommitInfo::default()).unwrap();
        assert!(committed.csn > Csn(0));
    }

    pub fn context(&self) -> QueryContext {
        self.context_as("usr_1", Shape::all())
    }

    /// As someone who has some permission sets.
    pub fn context_as(&self, user: &str, shape: Shape) -> QueryContext {
        let shape = Arc::new(shape);
        let parts = (Arc::clone(&self.registry), Arc::clone(&shape));
        let clock = (NOW_MICROS, chrono_tz::UTC);
        let viewer = Viewer::new(user, parts, self.store.snapshot(), clock);
        QueryContext {
            views: Arc::new(Views::of(&self.registry, &self.registry, shape)),
            snapshot: self.store.snapshot(),
            as_of: None,
            viewer: Arc::new(match &self.lists {
                Some(lists) => viewer.remembering(Arc::clone(lists)),
                None => viewer,
            }),
            locale: "en".into(),
            time_zone: chrono_tz::UTC,
            now_micros: NOW_MICROS,
            timeout: Some(Duration::from_secs(60)),
            stop: quarry_planner::Stop::default(),
            memory: None,
            reads_audit: true,
            tenant: quarry_storage::TenantName::main(),
            line: quarry_planner::HeavyLine::default(),
        }
    }

    pub async fn ask(&self, context: &QueryContext, question: &Json) -> Result<Json> {
        let query = Query::parse(question)?;
        let answer = self.planner.query(context, &query).await?;
        let count = answer.count;
        let mut json = Map::new();
        json.insert("records".into(), records(answer).await?);
        if let Some(count) = count {
            json.insert("count".into(), count.into());
        }
        Ok(Json::Object(json))
    }
}

pub async fn records(answer: Answer) -> Result<Json> {
    let schema = Arc::clone(&answer.schema);
    let batches: Vec<RecordBatch> = answer.batches.try_collect().await?;
    for batch in &batches {
        assert_eq!(batch.schema(), schema, "every batch has the schema that was told");
    }
    Ok(to_json(&batches))
}

pub fn to_json(batches: &[RecordBatch]) -> Json {
    let mut bytes = Vec::new();
    let mut writer: LineDelimitedWriter<_> =
        WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut bytes);
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).unwrap();
    writer.finish().unwrap();
    let lines = String::from_utf8(bytes).unwrap();
    lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()).collect()
}

pub fn row(spec: &TableSpec, record: &Map<String, Json>) -> Row {
    let known = |name: &str| spec.position(name).is_some();
    assert!(record.keys().all(|key| known(key)), "a field of {record:?} is not in {}", spec.name);
    let value = |column: &quarry_storage::ColumnSpec| {
        record.get(&*column.name).map_or(Value::Null, |json| value(column.column_type, json))
    };
    Row(spec.columns.iter().map(value).collect())
}

fn value(column: quarry_storage::ColumnType, json: &Json) -> Value {
    use quarry_storage::ColumnType as C;
    if json.is_null() {
        return Value::Null;
    }
    let text = || json.as_str().unwrap();
    match column {
        C::Text => Value::Text(text().into()),
        C::Bool => Value::Bool(json.as_bool().unwrap()),
        C::Int => Value::Int(json.as_i64().unwrap()),
        C::Decimal { scale, .. } => {
            let (whole, fraction) = text().split_once('.').unwrap_or((text(), ""));
            let scale = usize::try_from(scale).unwrap();
            Value::Decimal(format!("{whole}{fraction:0<scale$}").parse().unwrap())
        }
        C::Date => {
            let day: NaiveDate = text().parse().unwrap();
            Value::Date(i32::try_from((day - NaiveDate::default()).num_days()).unwrap())
        }
        C::Time => {
            let time: NaiveTime = text().parse().unwrap();
            Value::Time(i64::from(time.num_seconds_from_midnight()) * 1_000_000)
        }
        C::Timestamp => Value::Timestamp(DateTime::parse_from_rfc3339(text()).unwrap().timestamp_micros()),
        C::TextList => Value::TextList(
            json.as_array().unwrap().iter().map(|item| item.as_str().unwrap().into()).collect(),
        ),
        other => panic!("no {other:?} in the shop"),
    }
}
