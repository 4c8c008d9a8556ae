//! Durable commits: of one client beside a bare append and sync, of 64 beside PostgreSQL under pgbench.

use std::{
    fs::File,
    io::Write as _,
    os::unix::fs::FileExt,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use quarry_benches::{
    measure::{Line, Timing, Unit},
    process::Postgres,
};
use quarry_storage::StoreOptions;

use crate::wide;

const CLIENTS: u64 = 64;
const TURNS: u64 = 5;

/// One client, one row a commit; the baseline appends and syncs as many bytes as the log grew by.
pub fn one(slot: Duration) -> Result<Vec<Line>> {
    let folder = tempfile::tempdir()?;
    let store = wide::open(&folder.path().join("store"), StoreOptions::default())?;
    let payload = vec![7; postcard_bytes()];
    let file = File::create(folder.path().join("baseline"))?;
    file.write_all_at(&vec![0; 64 << 20], 0)?;
    file.sync_all()?;
    let (mut next, mut offset) = (0, 0);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        timed(slot, &mut ours, || {
            next += 1;
            wide::insert(&store, next - 1..next)
        })?;
        timed(slot, &mut bare, || {
            file.write_all_at(&payload, offset % (60 << 20))?;
            offset += u64::try_from(payload.len())?;
            Ok(file.sync_data()?)
        })?;
    }
    Ok(vec![Line {
        name: "commit of one row, one client (baseline: append and fdatasync of the same bytes)",
        subject: Timing::of(ours),
        peer: Timing::of(bare),
        targets: ("1.5 ×", "1.1 ×"),
        unit: Unit::Micros,
    }])
}

/// What one row takes in the log, about: the values as they are, and the frame.
fn postcard_bytes() -> usize {
    wide::line(1).len() + 60
}

fn timed(slot: Duration, times: &mut Vec<f64>, mut call: impl FnMut() -> Result<()>) -> Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < slot {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(())
}

/// 64 clients, one row a commit each, in turns with pgbench of 64 clients on PostgreSQL.
pub fn crowd(slot: Duration) -> Result<Vec<Line>> {
    let folder = tempfile::tempdir()?;
    let store = wide::open(folder.path(), StoreOptions::default())?;
    let postgres = Postgres::start()?;
    let script = script(&postgres)?;
    // As pgbench's script: values that cost the client little to make.
    let template = wide::row(12_345);
    let next = AtomicU64::new(0);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (from, begin) = (next.load(Ordering::Relaxed), Instant::now());
        thread::scope(|scope| {
            let client = || -> Result<()> {
                while begin.elapsed() < slot {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    wide::insert_rows(&store, std::iter::once(wide::copied(&template, number)))?;
                }
                Ok(())
            };
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
            clients
                .into_iter()
                .try_for_each(|client| client.join().map_err(|_| anyhow::anyhow!("a client panicked"))?)
        })?;
        let done = next.load(Ordering::Relaxed) - from;
        ours.push(done as f64 / begin.elapsed().as_secs_f64());
        theirs.push(pgbench(&postgres, script.path(), slot)?);
    }
    Ok(vec![Line {
        name: "commits a second, 64 clients (PostgreSQL 15 under pgbench)",
        subject: Timing::of(ours),
        peer: Timing::of(theirs),
        targets: ("5 ×", "12 ×"),
        unit: Unit::PerSecond,
    }])
}

/// A pgbench script that inserts rows as wide, of values that cost it little to make.
fn script(postgres: &Postgres) -> Result<tempfile::NamedTempFile> {
    let mut setup = tempfile::NamedTempFile::new()?;
    writeln!(setup, "{};", wide::ddl()?)?;
    for index in wide::indexes() {
        writeln!(setup, "{index};")?;
    }
    writeln!(setup, "CREATE SEQUENCE numbers;")?;
    readable(&setup)?;
    for _ in 0..100 {
        let made =
            run(postgres, "psql", |psql| psql.args(["-v", "ON_ERROR_STOP=1", "-qf"]).arg(setup.path()))?;
        if made.status.success() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    let row = wide::line(12_345);
    let cells: Vec<String> = row.trim_end().split(',').skip(2).map(literal).collect();
    let mut script = tempfile::NamedTempFile::new()?;
    writeln!(
        script,
        "INSERT INTO {} SELECT lpad(n::text, 26, '0'), 'C-' || n, {} FROM (SELECT nextval('numbers') n) x;",
        wide::TABLE,
        cells.join(", ")
    )?;
    readable(&script)?;
    Ok(script)
}

fn literal(cell: &str) -> String {
    if cell.is_empty() { "NULL".into() } else { cell.replace('"', "'") }
}

/// PostgreSQL's programs run as its owner, who must be able to read it.
fn readable(file: &tempfile::NamedTempFile) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644))?)
}

fn run(
    postgres: &Postgres,
    program: &str,
    words: impl FnOnce(&mut std::process::Command) -> &mut std::process::Command,
) -> Result<std::process::Output> {
    let mut command = postgres.program(program)?;
    let port = postgres.port.to_string();
    command.args(["-h", "127.0.0.1", "-p", &port, "-U", "bench"]);
    words(&mut command);
    command.arg("postgres");
    Ok(command.stdin(Stdio::null()).output()?)
}

fn pgbench(postgres: &Postgres, script: &std::path::Path, slot: Duration) -> Result<f64> {
    let seconds = slot.as_secs().max(1).to_string();
    let clients = CLIENTS.to_string();
    let words = ["-n", "-M", "prepared", "-c", clients.as_str(), "-j", "2", "-T", seconds.as_str(), "-f"];
    let output = run(postgres, "pgbench", |pgbench| pgbench.args(words).arg(script))?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| line.strip_prefix("tps = ")).context("pgbench told no rate")?;
    Ok(line.split(' ').next().unwrap_or_default().parse()?)
}
