//! Golden questions: `tests/golden/*.json` holds cases of a question and its answer (or its error). Every case is asked
//! with the records in the delta, in a segment, in both, and in both by several partitions. `QUARRY_BLESS=1` writes what came instead of
//! comparing; read it before you commit it.

use std::{fs, path::PathBuf};

use quarry_planner::{Error, PlannerOptions};
use serde_json::{Value as Json, json};

use crate::fixture::{Kept, Shop};

const PARTITIONED: &str = "partitioned";

#[tokio::test]
async fn golden_questions_get_their_golden_answers() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let bless = std::env::var_os("QUARRY_BLESS").is_some();
    let partitioned = PlannerOptions {
        single_partition_rows: 1,
        target_partitions: 3,
        direct_rows_max: 0,
        ..PlannerOptions::default()
    };
    let shops = [
        ("delta", Shop::filled(Kept::Delta)),
        ("segment", Shop::filled(Kept::Segment)),
        ("both", Shop::filled(Kept::Both)),
        (PARTITIONED, Shop::filled_with(partitioned, Kept::Both)),
    ];
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no golden file in {}", folder.display());
    let mut wrong = Vec::new();
    for file in files {
        let mut cases: Vec<Json> = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for case in &mut cases {
            for (kept, shop) in &shops {
                let got = ask(shop, case).await;
                if bless && *kept == "delta" {
                    case["expect"] = got.clone();
                }
                let same = if *kept == PARTITIONED && !is_ordered(&case["ask"]) {
                    sorted(&case["expect"]) == sorted(&got)
                } else {
                    case["expect"] == got
                };
                if !same {
                    let name = file.file_name().unwrap().to_string_lossy();
                    let question = &case["ask"];
                    wrong.push(format!(
                        "{name} {kept}: {question}\n expected {}\n got      {got}",
                        case["expect"]
                    ));
                }
            }
        }
        if bless {
            fs::write(&file, written(&cases)).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Large results come in no order unless one is asked for.
fn is_ordered(question: &Json) -> bool {
    ["orderBy", "sort", "$orderby", "limit", "offset", "groupBy"]
        .iter()
        .any(|key| question.get(*key).is_some())
}

fn sorted(answer: &Json) -> Vec<String> {
    let mut lines: Vec<String> = match answer["records"].as_array() {
        Some(records) => records.iter().map(Json::to_string).collect(),
        None => vec![answer.to_string()],
    };
    lines.sort();
    lines
}

/// One case per block, its question and its answer on a line of their own.
fn written(cases: &[Json]) -> String {
    let case = |case: &Json| {
        let zone = case.get("zone").map(|zone| format!(" \"zone\": {zone},")).unwrap_or_default();
        format!(" {{{zone} \"ask\": {},\n  \"expect\": {}}}", case["ask"], case["expect"])
    };
    format!("[\n{}\n]\n", cases.iter().map(case).collect::<Vec<_>>().join(",\n"))
}

async fn ask(shop: &Shop, case: &Json) -> Json {
    let mut context = shop.context();
    if let Some(zone) = case.get("zone") {
        context.time_zone = zone.as_str().unwrap().parse().unwrap();
    }
    match shop.ask(&context, &case["ask"]).await {
        Ok(answer) => answer,
        Err(Error { kind, code, path, message, .. }) => {
            json!({"error": format!("{kind:?} {code}"), "path": path, "message": message})
        }
    }
}
