//! Whole imports against a target in memory: what arrives, what is refused with its line, and that again is safe.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub mod engine;
mod memory;

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use memory::{Fail, Memory};

/// A folder with a mapping and files.
struct Case {
    folder: TempDir,
    options: ImportOptions,
}

impl Case {
    fn new(mapping: &str, files: &[(&str, &str)]) -> Case {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("import.yml");
        fs::write(&path, format!("version: 1\n{mapping}")).unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        for (name, text) in files {
            fs::write(data.join(name), text).unwrap();
        }
        let mut options = ImportOptions::new(&path, &[data]);
        options.findings = folder.path().join("findings.ndjson");
        options.progress = false;
        options.batch_rows = NonZeroUsize::new(2).unwrap();
        Case { folder, options }
    }

    fn run(&self, target: &Memory) -> anyhow::Result<report::ImportReport> {
        run(&self.options, target)
    }

    fn findings(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.options.findings).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn source(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }
}

const SHOP: &str = "
aliases:
  products: { GTXPro: GTX Pro, Unused: X }
files:
  - file: items.csv
    object: item
    key: [product]
    columns: { product: product, price: sales_price }
  - file: firms.csv
    object: client
    key: [account]
    columns:
      account: account
      parent: { field: subsidiary_of, reference: { object: client, by: account } }
  - file: deals.csv
    object: deal
    key: [opportunity_id]
    columns:
      id: opportunity_id
      product: { field: product, alias: products, reference: { object: item, by: product } }
      firm: { field: account, empty: count, reference: { object: client, by: account } }
      closed: { field: close_date, date: '%d.%m.%Y' }
    ignore: [note]
";

fn shop() -> Case {
    Case::new(
        SHOP,
        &[
            ("items.csv", "product,price\nGTX Pro,4821\nMG,55\n"),
            ("firms.csv", "parent,account\nAcme,Betatech\n,Acme\nAcme,Codehow\nNobody,Zoomit\n"),
            (
                "deals.csv",
                "\u{feff}id,product,firm,closed,note\nD1,GTXPro,Acme,01.03.2017,x\nD2,MG,,,\nD3,GTX Max,Acme,,\nD1,MG,Acme,,\n,MG,,,\nD4,MG,Acme,31.02.2017,\nD5,GTXPro,Zoomit,,\nD6,MG\n",
            ),
            ("extra.csv", "a,b\n"),
            ("README.md", "not data"),
        ],
    )
}

#[test]
fn rows_become_records_and_everything_else_a_line() {
    let (case, target) = (shop(), Memory::default());
    let report = case.run(&target).unwrap();

    let acme = target.id("client", "account", "Acme");
    assert_eq!(target.value("client", "account", "Betatech", "subsidiary_of"), json!(acme));
    assert_eq!(target.value("client", "account", "Acme", "subsidiary_of"), Value::Null);
    assert_eq!(target.value("deal", "opportunity_id", "D1", "close_date"), json!("2017-03-01"));
    assert_eq!(
        target.value("deal", "opportunity_id", "D1", "product"),
        json!(target.id("item", "product", "GTX Pro"))
    );
    assert_eq!(target.value("deal", "opportunity_id", "D2", "account"), Value::Null);
    assert_eq!([target.count("item"), target.count("client"), target.count("deal")], [2, 4, 3]);

    let deals = &report.files[2];
    assert_eq!((deals.rows, deals.created, deals.updated, deals.refused), (8, 3, 0, 5));
    assert_eq!(deals.aliases[&("products".to_owned(), "GTXPro".to_owned())], 2);
    assert_eq!(deals.aliases[&("products".to_owned(), "Unused".to_owned())], 0);
    assert_eq!(deals.empty["firm"], 2);
    assert_eq!(report.files[1].incomplete, 1);
    assert!(!report.is_complete());
    assert_eq!(report.unmapped, [case.source("extra.csv")]);

    let lines: Vec<String> = case
        .findings()
        .iter()
        .map(|line| {
            let text =
                |key: &str| line.get(key).map_or(String::new(), |value| value.to_string().replace('"', ""));
            [text("kind"), text("row"), text("field"), text("code"), text("rows")].join(" ").trim().to_owned()
        })
        .collect();
    for expected in [
        "incomplete 4 subsidiary_of reference_not_found",
        "refused 3 product reference_not_found",
        "refused 4  duplicate_key",
        "refused 5 opportunity_id key_missing",
        "refused 6 close_date invalid_date",
        "refused 8  unreadable",
        "alias    2",
        "empty    2",
        "unmapped_file",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected:?} is not in {lines:#?}");
    }
    assert_eq!(report.findings_lines, 9);
    let refused =
        case.findings().into_iter().find(|line| line["row"] == 3 && line["file"] == "deals.csv").unwrap();
    assert_eq!(refused["key"], json!({"opportunity_id": "D3"}));
    assert_eq!(refused["values"]["product"], "GTX Max");
}

#[test]
fn again_changes_no_counts() {
    let (case, target) = (shop(), Memory::default());
    case.run(&target).unwrap();
    let before = target.records();
    let report = case.run(&target).unwrap();
    assert_eq!(target.records(), before);
    let counts: Vec<_> = report.files.iter().map(|file| (file.created, file.updated)).collect();
    assert_eq!(counts, [(0, 2), (0, 4), (0, 3)]);
}

#[test]
fn stopped_anywhere_and_run_again_every_row_is_there_once() {
    let whole = Memory::default();
    shop().run(&whole).unwrap();
    for writes in 0..6 {
        let (case, target) = (shop(), Memory::default());
        target.fail_after(writes, Fail::Always);
        assert!(case.run(&target).is_err(), "{writes} writes are enough");
        target.fail_after(u64::MAX, Fail::Always);
        case.run(&target).unwrap();
        assert_eq!(target.records(), whole.records(), "stopped after {writes} writes");
    }
}

#[test]
fn a_refused_batch_loses_only_its_bad_rows() {
    let rows: String =
        (0..20).map(|n| format!("P{n},{}\n", if n % 7 == 3 { "cheap" } else { "5" })).collect();
    let mut case = Case::new(
        "files: [{ file: items.csv, object: item, key: [product], columns: { product: product, price: sales_price } }]",
        &[("items.csv", &format!("product,price\n{rows}"))],
    );
    case.options.batch_rows = NonZeroUsize::new(8).unwrap();
    let target = Memory::default();
    let report = case.run(&target).unwrap();
    assert_eq!((report.files[0].created, report.files[0].refused), (17, 3));
    let rows: Vec<_> = case.findings().iter().map(|line| line["row"].clone()).collect();
    assert_eq!(rows, [4, 11, 18]);
    assert_eq!(case.findings()[0]["code"], "invalid_number");
}

#[test]
fn warnings_are_counted_and_have_their_lines() {
    let case = Case::new(
        "files: [{ file: items.csv, object: item, key: [product], columns: { product: product, price: sales_price } }]",
        &[("items.csv", "product,price\nA,5\nB,6000\nC,7000\nD,none\n")],
    );
    let report = case.run(&Memory::default()).unwrap();
    assert_eq!((report.files[0].created, report.files[0].refused, report.files[0].warnings), (3, 1, 2));
    assert!(report.to_string().contains("3 created, 0 updated, 1 refused, 2 warnings"), "{report}");
    let warned = |line: &&Value| line["kind"] == "warning";
    let lines = case.findings();
    let lines: Vec<_> = lines.iter().filter(warned).map(|line| (&line["row"], &line["code"])).collect();
    assert_eq!(lines, [(&json!(2), &json!("DEAR")), (&json!(3), &json!("DEAR"))]);
}

#[test]
fn conflicts_are_tried_again_and_large_batches_are_split() {
    let (mut case, target) = (shop(), Memory::default());
    case.options.batch_rows = NonZeroUsize::new(100).unwrap();
    target.fail_after(0, Fail::Once);
    target.limit_batch(1);
    case.run(&target).unwrap();
    assert_eq!([target.count("item"), target.count("client"), target.count("deal")], [2, 4, 3]);
}

#[test]
fn a_dry_run_keeps_nothing_and_sees_what_it_would_have_made() {
    let (mut case, target) = (shop(), Memory::default());
    case.options.dry_run = true;
    let report = case.run(&target).unwrap();
    assert_eq!([target.count("item"), target.count("client"), target.count("deal")], [0, 0, 0]);
    let counts: Vec<_> =
        report.files.iter().map(|file| (file.created, file.refused, file.incomplete)).collect();
    assert_eq!(counts, [(2, 0, 0), (4, 0, 1), (3, 5, 0)]);
}

#[test]
fn ndjson_keeps_its_types() {
    let case = Case::new(
        "files: [{ file: i.ndjson, object: item, key: [product], columns: { p: product, n: sales_price, on: { field: active, empty: leave } }, ignore: [x] }]",
        &[(
            "i.ndjson",
            "{\"p\":\"A\",\"n\":12.50,\"x\":1}\n\n{\"p\":\"B\",\"on\":true}\n{\"p\":\"C\",\"y\":1}\n[1]\n",
        )],
    );
    let target = Memory::default();
    let report = case.run(&target).unwrap();
    assert_eq!((report.files[0].created, report.files[0].refused), (2, 2));
    assert_eq!(target.value("item", "product", "A", "sales_price").to_string(), "12.50");
    assert!(!target.record("item", "product", "A").contains_key("active"));
    assert_eq!(target.value("item", "product", "B", "active"), json!(true));
    assert_eq!(target.value("item", "product", "B", "sales_price"), Value::Null);
}

#[test]
fn files_that_do_not_fit_the_mapping_stop_the_import() {
    let mapping = "files: [{ file: i.csv, object: item, key: [p], columns: { product: p } }]";
    for (files, expected) in [
        (vec![("i.csv", "prodct\nA\n")], "columns that the mapping neither maps nor ignores: [\"prodct\"]"),
        (vec![("i.csv", "product,product\nA,B\n")], "the column \"product\" is there twice"),
        (vec![("i.csv", "")], "no column \"product\""),
        (vec![], "\"i.csv\" is in none of the folders"),
    ] {
        let case = Case::new(mapping, &files);
        let error = format!("{:#}", case.run(&Memory::default()).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
    let mut case = Case::new(mapping, &[("j.csv", "product\n")]);
    case.options.sources = vec![case.source("j.csv")];
    let error = format!("{:#}", case.run(&Memory::default()).unwrap_err());
    assert!(error.contains("the mapping has no file \"j.csv\""), "{error}");
}

#[test]
fn a_forgotten_quote_does_not_swallow_the_memory() {
    let case = Case::new(
        "files: [{ file: i.csv, object: item, key: [p], columns: { product: p } }]",
        &[("i.csv", &format!("product\n\"{}", "x\n".repeat(10 << 20)))],
    );
    let error = format!("{:#}", case.run(&Memory::default()).unwrap_err());
    assert!(error.contains("is a quote missing?"), "{error}");
}

/// The published data set, where its folder lies beside the project; a test without it says so and passes.
pub(crate) fn data_set() -> Option<&'static Path> {
    let data = Path::new("../shared/data/crm-sales-opportunities");
    if data.is_dir() {
        return Some(data);
    }
    eprintln!("SKIPPED: {} is not there, its known answers are not asked for", data.display());
    None
}

/// The published data set arrives whole.
#[test]
fn the_sales_pipeline_arrives_whole() {
    let Some(data) = data_set() else { return };
    let folder = TempDir::new().unwrap();
    let mut options = ImportOptions::new(Path::new("packages/sales_pipeline/import.yml"), &[data.to_owned()]);
    options.findings = folder.path().join("findings.ndjson");
    options.progress = false;
    let target = Memory::default();
    let report = run(&options, &target).unwrap();
    assert!(report.is_complete(), "{report}");
    let created: Vec<_> = report.files.iter().map(|file| file.created).collect();
    assert_eq!(created, [35, 7, 85, 8_800]);
    let uses = |file: usize| report.files[file].aliases.values().sum::<u64>();
    assert_eq!((uses(2), uses(3)), (12, 1_480));
    let deals = &report.files[3].empty;
    assert_eq!((deals["account"], deals["engage_date"], deals["close_date"]), (1_425, 500, 2_089));
    assert_eq!(target.value("client", "account", "Bluth Company", "sector"), json!("technology"));
    let parent = target.value("client", "account", "Cheers", "subsidiary_of");
    assert_eq!(parent, json!(target.id("client", "account", "Massive Dynamic")));
}
