//! Imports into a real engine: what the questions answer afterwards.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Decimal128Array, Int32Array, StringArray},
    record_batch::RecordBatch,
};
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use quarry_engine::{Engine, EngineOptions, PlannerOptions, Query, SessionOptions, World};
use quarry_json::{Encoder, Options, Separator};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::import::{ImportOptions, run, target::Embedded};

/// An engine over a folder of its own, with the shipped packages.
pub struct Opened {
    pub target: Embedded,
    pub engine: Arc<Engine>,
    runtime: Runtime,
    pub folder: TempDir,
}

/// Opens one.
pub fn open() -> Opened {
    let folder = TempDir::new().unwrap();
    let options = EngineOptions {
        data: folder.path().join("data"),
        packages: vec![PathBuf::from("packages")],
        admin_password: Some("a long password".to_owned()),
        token_seconds: 60,
        tenants: Default::default(),
        resources: Default::default(),
        planner: PlannerOptions::default(),
        contents: Default::default(),
    };
    let engine = Engine::open(options, World::real()).unwrap_or_else(|error| panic!("{error}")).engine;
    let session = engine.session(engine.operator().unwrap(), SessionOptions::default());
    let runtime = Runtime::new().unwrap();
    let target = Embedded { session, runtime: runtime.handle().clone() };
    Opened { target, engine, runtime, folder }
}

impl Opened {
    /// The records that answer a question.
    pub fn ask(&self, question: &Value) -> Vec<Value> {
        let query = Query::parse(question).unwrap();
        self.runtime.block_on(async {
            let mut answer = self.target.session.query(&query).await.unwrap();
            let encoder = Encoder::new(&answer.schema, Options::default()).unwrap();
            let mut bytes = Vec::new();
            while let Some(batch) = answer.batches.next().await {
                let batch = batch.unwrap();
                encoder.encode_rows(&batch, 0..batch.num_rows(), Separator::Newline, &mut bytes).unwrap();
            }
            let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
        })
    }

    /// How many records an object has.
    pub fn count(&self, object: &str) -> Value {
        let answer = self.ask(&json!({"object": object, "aggregations": [{"function": "count", "as": "n"}]}));
        answer[0]["n"].clone()
    }
}

#[test]
fn rows_become_records_of_the_engine() {
    let opened = open();
    let case = super::Case::new(
        "
aliases:
  products: { GTXPro: GTX Pro }
files:
  - { file: agents.csv, object: sales_agent, key: [sales_agent], columns: { agent: sales_agent } }
  - { file: items.csv, object: item, key: [product], columns: { product: product, price: sales_price } }
  - file: firms.csv
    object: client
    key: [account]
    columns:
      account: account
      year: year_established
      parent: { field: subsidiary_of, reference: { object: client, by: account } }
  - file: deals.csv
    object: deal
    key: [opportunity_id]
    columns:
      id: opportunity_id
      agent: { field: sales_agent, reference: { object: sales_agent, by: sales_agent } }
      product: { field: product, alias: products, reference: { object: item, by: product } }
      firm: { field: account, empty: count, reference: { object: client, by: account } }
      stage: deal_stage
      closed: close_date
      value: close_value
",
        &[
            ("agents.csv", "agent\nAnna\n"),
            ("items.csv", "product,price\nGTX Pro,4821\nMG,55.50\n"),
            ("firms.csv", "account,year,parent\nBetatech,1996,Acme\nAcme,old,\nCodehow,2001,\n"),
            (
                "deals.csv",
                "id,agent,product,firm,stage,closed,value\nD1,Anna,GTXPro,Betatech,Won,2017-03-01,4514\nD2,Anna,MG,,Engaging,,\nD3,Anna,MG,,Lostt,2017-03-01,0\nD4,Bob,MG,,Lost,2017-03-01,0\n",
            ),
        ],
    );
    for round in 0..2 {
        let report = run(&case.options, &opened.target).unwrap();
        let created: Vec<_> = report.files.iter().map(|file| file.created).collect();
        assert_eq!(created, if round == 0 { [1, 2, 2, 2] } else { [0; 4] }, "{report}");
        let refused: Vec<_> = report.files.iter().map(|file| (file.refused, file.incomplete)).collect();
        // Acme's year is no number, so Betatech has no parent to point to.
        assert_eq!(refused, [(0, 0), (0, 0), (1, 1), (2, 0)], "{report}");
    }
    let codes: Vec<_> = case.findings().iter().map(|line| line["code"].clone()).collect();
    assert!(
        codes.contains(&json!("invalid_option")) && codes.contains(&json!("reference_not_found")),
        "{codes:?}"
    );
    let deals = opened.ask(&json!({
        "object": "deal",
        "fields": ["opportunity_id", "product.product", "account.account", "close_date", "close_value"],
        "orderBy": ["opportunity_id"],
    }));
    assert_eq!(
        deals,
        [
            json!({"opportunity_id": "D1", "product.product": "GTX Pro", "account.account": "Betatech", "close_date": "2017-03-01", "close_value": "4514.00"}),
            json!({"opportunity_id": "D2", "product.product": "MG", "account.account": null, "close_date": null, "close_value": null}),
        ]
    );
    opened.engine.close().unwrap();
}

#[test]
fn a_large_file_arrives_at_once_with_all_its_findings_and_again_changes_no_counts() {
    let opened = open();
    let years = |row: u32| if row % 5_000 == 7 { "old".to_owned() } else { (1900 + row % 100).to_string() };
    let mut rows: String = (0..20_600).map(|row| format!("firm {row},{}\n", years(row))).collect();
    rows.insert_str(0, "account,year\nfirm 3,1999\n");
    let mapping = "files: [{ file: f.csv, object: client, key: [account], columns: { account: account, year: year_established } }]";
    let case = super::Case::new(mapping, &[("f.csv", &rows)]);
    for round in 0..2 {
        let report = run(&case.options, &opened.target).unwrap();
        let file = &report.files[0];
        let written = if round == 0 { file.created } else { file.updated };
        assert_eq!((file.rows, written, file.refused), (20_601, 20_595, 6), "{report}");
        assert_eq!(opened.count("client"), 20_595);
        assert_eq!(report.findings_lines, 6);
    }
    opened.engine.close().unwrap();
}

#[test]
fn a_mapping_that_names_what_is_not_there_stops_at_the_first_batch() {
    let opened = open();
    let product = "product: product";
    for (object, key, columns, expected) in [
        ("item", "product", "product: product, price: salesprice", "fills `salesprice` of item"),
        ("item", "product", "product: product, price: revision", "fills `revision` of item"),
        ("itm", "product", product, "itm"),
        ("item", "series", "product: product, price: series", "series"),
        ("deal", "product", "product: { field: product, reference: { object: itm, by: product } }", "itm"),
        ("deal", "product", "product: { field: product, reference: { object: item, by: prodct } }", "prodct"),
    ] {
        let ignore = if columns.contains("price") { "" } else { ", ignore: [price]" };
        let case = super::Case::new(
            &format!(
                "files: [{{ file: i.csv, object: {object}, key: [{key}], columns: {{ {columns} }}{ignore} }}]"
            ),
            &[("i.csv", "product,price\nA,1\nB,2\n")],
        );
        let error = format!("{:#}", run(&case.options, &opened.target).unwrap_err());
        assert!(error.contains(expected), "{object} {columns}: {error}");
    }
    opened.engine.close().unwrap();
}

#[test]
fn parquet_keeps_its_types() {
    let opened = open();
    let case = super::Case::new(
        "files: [{ file: i.parquet, object: client, key: [account], columns: { name: account, year: year_established, revenue: revenue }, ignore: [noise] }]",
        &[],
    );
    let path = case.source("i.parquet");
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("Acme"), Some("Betatech"), None]));
    let years: ArrayRef = Arc::new(Int32Array::from(vec![Some(1996), None, Some(2001)]));
    let revenue = Decimal128Array::from(vec![110_004, 25_141, 1]).with_precision_and_scale(10, 2).unwrap();
    let noise: ArrayRef = Arc::new(StringArray::from(vec!["x", "y", "z"]));
    let columns =
        [("noise", noise), ("revenue", Arc::new(revenue) as ArrayRef), ("name", names), ("year", years)];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let report = run(&case.options, &opened.target).unwrap();
    assert_eq!((report.files[0].created, report.files[0].refused), (2, 1), "{report}");
    assert_eq!(case.findings()[0]["code"], "key_missing");
    let question = json!({"object": "client", "fields": ["account", "year_established", "revenue"], "orderBy": ["account"]});
    assert_eq!(
        opened.ask(&question),
        [
            json!({"account": "Acme", "year_established": 1996, "revenue": "1100.04"}),
            json!({"account": "Betatech", "year_established": null, "revenue": "251.41"}),
        ]
    );
    opened.engine.close().unwrap();
}

#[test]
fn a_natural_key_that_looks_like_a_token_is_found() {
    let opened = open();
    let case = super::Case::new(
        "
files:
  - file: firms.csv
    object: client
    key: [account]
    columns:
      account: account
      parent: { field: subsidiary_of, reference: { object: client, by: account } }
",
        &[("firms.csv", "account,parent\n{today},\nBolt,{today}\n")],
    );
    for _ in 0..2 {
        let report = run(&case.options, &opened.target).unwrap();
        assert!(report.is_complete(), "{report}");
    }
    let parents = opened
        .ask(&json!({"object": "client", "fields": ["subsidiary_of.account"], "where": {"account": "Bolt"}}));
    assert_eq!(parents, [json!({"subsidiary_of.account": "{today}"})]);
    opened.engine.close().unwrap();
}

/// The published data set: the answers that its publisher's files give.
#[test]
fn the_sales_pipeline_has_its_known_answers() {
    let Some(data) = super::data_set() else { return };
    let opened = open();
    let mut options = ImportOptions::new(Path::new("packages/sales_pipeline/import.yml"), &[data.to_owned()]);
    options.findings = opened.folder.path().join("findings.ndjson");
    options.progress = false;
    let report = run(&options, &opened.target).unwrap();
    assert!(report.is_complete(), "{report}");
    let won =
        json!([{"function": "sum", "field": "close_value", "as": "won"}, {"function": "count", "as": "n"}]);
    let stages = opened
        .ask(&json!({"object": "deal", "groupBy": ["deal_stage"], "aggregations": won, "orderBy": ["-n"]}));
    let counts: Vec<_> = stages.iter().map(|row| (row["deal_stage"].clone(), row["n"].clone())).collect();
    assert_eq!(
        counts,
        [("Won", 4_238), ("Lost", 2_473), ("Engaging", 1_589), ("Prospecting", 500)]
            .map(|(s, n)| (json!(s), json!(n)))
    );
    assert_eq!(stages[0]["won"], "10005534.00");
    let best = opened.ask(&json!({
        "object": "deal",
        "where": {"deal_stage": "Won"},
        "groupBy": ["sales_agent.sales_agent"],
        "aggregations": won,
        "orderBy": ["-won"],
        "limit": 1,
    }));
    assert_eq!(best[0]["sales_agent.sales_agent"], "Darcel Schlecht");
    assert_eq!(best[0]["won"], "1153214.00");
    opened.engine.close().unwrap();
}
