//! `kill -9` in the middle of an import, again and again: what was acknowledged is there once, and importing again
//! makes the counts exact.
//!
//! Each build does twenty rounds; `QUARRY_TEST_SEEDS=1000 cargo nextest run --workspace -E 'test(kills_in_the_middle)'` does
//! a thousand (an hour; `--release` takes less).

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, agent};

const ROUNDS: usize = 20;
/// Of a server, and of an import that opens the data folder itself.
const BULK_ROUNDS: usize = 3;
/// So many new rows are loaded in bulk.
const BULK_ROWS: usize = 20_500;
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
    let (seed, rounds) = (seed(), number("QUARRY_TEST_SEEDS").unwrap_or(ROUNDS));
    let files = Files::new();
    let mut server = Server::start();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..rounds {
        files.write_rows(round, ROWS);
        let arguments = files.import();
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

        let kept: Vec<String> = keys(&server, &format!("writer {round}"));
        let unique: BTreeSet<String> = kept.iter().cloned().collect();
        assert_eq!(kept.len(), unique.len(), "round {round}: a row is there twice");
        let told = acknowledged.lock().unwrap();
        let own = format!("W{round} ");
        let missing: Vec<_> = told.difference(&unique).filter(|key| key.starts_with(&own)).collect();
        eprintln!("round {round}: {} acknowledged so far, killed after {wait_ms} ms", told.len());
        assert!(missing.is_empty(), "round {round}: acknowledged, but lost: {missing:?}");
        drop(told);

        let output = server.command(&arguments).output().unwrap();
        assert!(output.status.success(), "round {round}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(keys(&server, &format!("import {round}")).len(), ROWS, "round {round}");
    }
    let told = acknowledged.lock().unwrap();
    assert!(told.len() > rounds, "the writer wrote next to nothing");
    let kept = server.psql_ok("SELECT product FROM item WHERE series LIKE 'writer%'");
    let kept: BTreeSet<&str> = kept.lines().collect();
    assert!(told.iter().all(|key| kept.contains(key.as_str())), "lost in a later round");
    assert_eq!(
        server.psql_ok("SELECT count(*), count(DISTINCT product) FROM item WHERE series LIKE 'import%'"),
        format!("{0}|{0}", rounds * ROWS)
    );
}

/// An import that opens the data folder itself loads so many new rows in one step: all of them, or none.
#[test]
fn kills_in_the_middle_of_a_bulk_load() {
    let (seed, rounds) = (seed(), number("QUARRY_TEST_SEEDS").unwrap_or(BULK_ROUNDS));
    let files = Files::new();
    let mut server = Server::start();
    assert_eq!(server.terminate(), Some(0));
    let count = |round: usize| {
        let sql = format!("SELECT count(*) FROM item WHERE series = 'import {round}'");
        let output = server.command_on_folder(&["sql", "--format", "csv", &sql]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().nth(1).and_then(|line| line.parse::<usize>().ok()).unwrap_or_else(|| panic!("{text}"))
    };
    let mut whole_ms = 0;
    for round in 0..rounds {
        files.write_rows(round, BULK_ROWS);
        let begin = Instant::now();
        let mut import = server.command_on_folder(&files.import()).stderr(Stdio::null()).spawn().unwrap();
        // The first goes to its end, to tell how long one takes.
        if round > 0 {
            std::thread::sleep(Duration::from_millis(random(seed, round) % whole_ms.max(1)));
            import.kill().unwrap();
        }
        import.wait().unwrap();
        if round == 0 {
            whole_ms = u64::try_from(begin.elapsed().as_millis()).unwrap();
        }
        let found = count(round);
        eprintln!("round {round}: {found} rows after {:?}", begin.elapsed());
        assert!([0, BULK_ROWS].contains(&found), "round {round}: {found} rows, a part of the load");
        let output = server.command_on_folder(&files.import()).output().unwrap();
        assert!(output.status.success(), "round {round}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(count(round), BULK_ROWS, "round {round}");
    }
    let output = server.command_on_folder(&["verify"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A mapping, and the file that it is for.
struct Files {
    _folder: tempfile::TempDir,
    mapping: String,
    items: String,
}

impl Files {
    fn new() -> Files {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (mapping, items) = (path("import.yml"), path("items.csv"));
        std::fs::write(&mapping, MAPPING).unwrap();
        Files { _folder: folder, mapping, items }
    }

    fn write_rows(&self, round: usize, rows: usize) {
        let mut text = String::from("product,series,sales_price\n");
        for row in 0..rows {
            writeln!(text, "R{round} item {row},import {round},{row}.50").unwrap();
        }
        std::fs::write(&self.items, text).unwrap();
    }

    fn import(&self) -> [&str; 4] {
        ["import", "--mapping", &self.mapping, &self.items]
    }
}

fn seed() -> u64 {
    let seed = number("QUARRY_TEST_SEED").unwrap_or(7);
    eprintln!("QUARRY_TEST_SEED={seed}");
    u64::try_from(seed).unwrap()
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
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
                "data": {"product": product, "series": format!("writer {round}"), "sales_price": 1}}]});
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
