//! `kill -9` in the middle of an import, again and again: what was acknowledged is there once, and importing again
//! makes the counts exact.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, agent};

const ROUNDS: usize = 20;
const ROWS: usize = 1_500;
const MAPPING: &str = "version: 1
files:
  - file: items.csv
    object: item
    key: [product]
    columns: { product: product, series: series, sales_price: sales_price }
";

#[test]
fn twenty_kills_in_the_middle_of_an_import() {
    let seed = std::env::var("QUARRY_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(7_u64);
    eprintln!("seed {seed}");
    let folder = tempfile::tempdir().unwrap();
    let mapping = folder.path().join("import.yml");
    std::fs::write(&mapping, MAPPING).unwrap();
    let file = folder.path().join("items.csv");
    let mut server = Server::start();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..ROUNDS {
        std::fs::write(&file, rows(round)).unwrap();
        let arguments = ["import", "--mapping", mapping.to_str().unwrap(), file.to_str().unwrap()];
        let stop = Arc::new(AtomicBool::new(false));
        let writer = start_writer(&server, round, Arc::clone(&acknowledged), Arc::clone(&stop));
        let mut import =
            server.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let wait_ms = 50 + random(seed, round) % 900;
        std::thread::sleep(Duration::from_millis(wait_ms));
        server = server.crash_and_restart();
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        import.wait().unwrap();

        let kept: Vec<String> = keys(&server, "writer");
        let unique: BTreeSet<String> = kept.iter().cloned().collect();
        assert_eq!(kept.len(), unique.len(), "round {round}: a row is there twice");
        let missing: Vec<_> = acknowledged.lock().unwrap().difference(&unique).cloned().collect();
        eprintln!(
            "round {round}: {} acknowledged so far, killed after {wait_ms} ms",
            acknowledged.lock().unwrap().len()
        );
        assert!(missing.is_empty(), "round {round}: acknowledged, but lost: {missing:?}");

        let output = server.command(&arguments).output().unwrap();
        assert!(output.status.success(), "round {round}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(keys(&server, &format!("import {round}")).len(), ROWS, "round {round}");
    }
    assert!(acknowledged.lock().unwrap().len() > ROUNDS, "the writer wrote next to nothing");
    assert_eq!(
        server.psql_ok("SELECT count(*), count(DISTINCT product) FROM item WHERE series LIKE 'import%'"),
        format!("{0}|{0}", ROUNDS * ROWS)
    );
}

fn rows(round: usize) -> String {
    let mut text = String::from("product,series,sales_price\n");
    for row in 0..ROWS {
        writeln!(text, "R{round} item {row},import {round},{row}.50").unwrap();
    }
    text
}

/// Writes single records until it is stopped or the server is gone; remembers those that were acknowledged.
fn start_writer(
    server: &Server,
    round: usize,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    let url = format!("{}/api/v1/changes", server.url());
    let (_, login) = server.post("/api/v1/auth/login", &json!({"user": "admin", "password": PASSWORD}));
    let authorization = format!("Bearer {}", login["token"].as_str().unwrap());
    std::thread::spawn(move || {
        let agent = agent();
        for serial in 0.. {
            let product = format!("W{round} {serial}");
            let body = json!({"changes": [{"op": "create", "object": "item",
                "data": {"product": product, "series": "writer", "sales_price": 1}}]});
            let sent = agent.post(&url).header("Authorization", &authorization).send_json(&body);
            match sent {
                Ok(answer) if answer.status().is_success() => {
                    acknowledged.lock().unwrap().insert(product);
                }
                Ok(answer) => panic!("{}", answer.status()),
                Err(_) => return,
            }
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
    })
}

fn keys(server: &Server, series: &str) -> Vec<String> {
    let records = server.query(json!({"object": "item", "where": {"series": series}, "fields": ["product"]}));
    records.iter().map(|r: &Value| r["product"].as_str().unwrap().to_owned()).collect()
}

/// SplitMix64.
fn random(seed: u64, round: usize) -> u64 {
    let mut z = seed.wrapping_add((round as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
