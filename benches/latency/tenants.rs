//! Many tenants, one of them abusive: what a quiet one waits, alone and beside it.
//!
//! 1. A server with so many tenants, each with a few accounts, and open for some minutes from then on; the abusive one has many.
//! 2. One client of the quiet tenant asks for a record by its id, for a list, and writes a record, each for a while without a pause.
//! 3. The same while the abusive tenant does all at once what it can: reports over all its records, bulk inserts, questions over HTTP, and logins with
//!    right and wrong passwords. Its clients stand for other machines: on this one they run at the lowest priority, so that the table tells of what
//!    the server does and not of who shares its cores.
//!
//! The last two columns tell what the abuser got done meanwhile, so that nobody takes a server that refuses it all for a fair one.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use quarry_benches::{
    measure::Timing,
    process::{PASSWORD, Quarry, package_folders},
    report::magnitude,
};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Client;

/// Accounts of every tenant but the abusive one.
const FEW_ACCOUNTS: usize = 200;
/// Records of one statement.
const INSERTED_AT_ONCE: usize = 500;
/// Connections and threads of the abusive tenant.
const REPORTERS: usize = 4;
const WRITERS: usize = 2;
const ASKERS: usize = 4;
const LOGINS: usize = 4;

/// What its clients stand back by: as far as the system has it.
const NICENESS: i32 = 19;

const BY_ID: &str = "SELECT id, name, industry, owner_id FROM account WHERE id = $1";
const LIST: &str =
    "SELECT id, name, industry FROM account WHERE industry = 'technology' ORDER BY name LIMIT 50";
const WRITE: &str = "INSERT INTO contact (first_name, last_name, email) VALUES ('Quiet', $1, $2)";
const REPORT: &str = "SELECT a.industry, count(*), max(length(a.name || b.name)) FROM account a \
     JOIN account b ON a.industry = b.industry AND a.name < b.name GROUP BY 1 ORDER BY 2 DESC";

/// How much of it.
#[derive(Clone, Copy)]
pub struct Sizes {
    /// All tenants, the quiet and the abusive one among them.
    pub tenants: usize,
    /// Accounts of the abusive one.
    pub accounts: usize,
}

/// What the abuser got done.
#[derive(Default)]
struct Done {
    stop: AtomicBool,
    reports: AtomicU64,
    rows: AtomicU64,
    requests: AtomicU64,
    logins: AtomicU64,
    refused: AtomicU64,
}

impl Done {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn add(&self, done: &AtomicU64, count: u64, succeeded: bool) {
        let counted = if succeeded { done } else { &self.refused };
        counted.fetch_add(if succeeded { count } else { 1 }, Ordering::Relaxed);
    }
}

/// The table.
///
/// # Errors
///
/// Those of the server, but for what it refuses the abuser.
pub async fn measure(sizes: Sizes, quiet_time: Duration) -> Result<String> {
    let quarry = Arc::new(Quarry::start(tempfile::tempdir()?, &package_folders(None))?);
    let begin = Instant::now();
    let names: Vec<String> = (0..sizes.tenants.max(2)).map(|number| format!("t{number:03}")).collect();
    for (number, name) in names.iter().enumerate() {
        quarry.ask("admin", "/api/v1/tenants", &json!({ "name": name, "adminPassword": PASSWORD }))?;
        let client = quarry.connect_to("admin", name).await.with_context(|| name.clone())?;
        let accounts = if number == 1 { sizes.accounts } else { FEW_ACCOUNTS };
        fill(&client, accounts).await?;
    }
    let made = begin.elapsed();
    let (quiet_name, loud_name) = (&names[0], &names[1]);
    let client = quarry.connect_to("admin", quiet_name).await?;
    let alone = look(&client, quiet_time).await?;
    let done = Arc::new(Done::default());
    let others = other_machines()?;
    let abuse = {
        let (quarry, loud, done) = (quarry.clone(), loud_name.clone(), done.clone());
        others.spawn(async move { abuse(&quarry, &loud, &done).await }).await??
    };
    // It is in full swing when it is measured.
    tokio::time::sleep(quiet_time / 5).await;
    let beside = look(&client, quiet_time).await;
    done.stop.store(true, Ordering::Relaxed);
    // A report may still run for long; nobody waits for it.
    abuse.iter().for_each(tokio::task::JoinHandle::abort);
    others.shutdown_background();
    let mut told = format!(
        "{} tenants, made and filled in {:.0} s; the abusive one has {} accounts. 99th percentiles of the quiet tenant \
         (medians in parentheses), {} s each.\n\n| question | alone | beside the abuser | ratio | to reach |\n|---|---|---|---|---|\n",
        names.len(),
        made.as_secs_f64(),
        sizes.accounts,
        quiet_time.as_secs(),
    );
    for ((name, alone), (_, beside)) in alone.iter().zip(&beside?) {
        let cell = |timing: &Timing| format!("{} ({})", magnitude(timing.p99), magnitude(timing.p50));
        let ratio = beside.p99 / alone.p99;
        writeln!(told, "| {name} | {} | {} | {ratio:.2} × | 3 × |", cell(alone), cell(beside))?;
    }
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    writeln!(
        told,
        "\nMeanwhile the abuser had {} reports, {} rows, {} requests and {} logins; {} were refused.",
        count(&done.reports),
        count(&done.rows),
        count(&done.requests),
        count(&done.logins),
        count(&done.refused)
    )?;
    Ok(told)
}

/// Threads that leave the cores to all others.
fn other_machines() -> Result<Runtime> {
    let stand_back = || {
        // Linux takes the calling thread for the "process".
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            eprintln!("the abuser's clients keep their priority: {error}");
        }
    };
    Ok(Builder::new_multi_thread().worker_threads(2).on_thread_start(stand_back).enable_all().build()?)
}

async fn fill(client: &Client, accounts: usize) -> Result<()> {
    for from in (0..accounts).step_by(INSERTED_AT_ONCE) {
        client.batch_execute(&accounts_of(from, accounts.min(from + INSERTED_AT_ONCE))).await?;
    }
    Ok(())
}

fn accounts_of(from: usize, to: usize) -> String {
    const INDUSTRIES: [&str; 4] = ["technology", "manufacturing", "retail", "healthcare"];
    let rows: Vec<String> = (from..to)
        .map(|number| {
            let industry = INDUSTRIES.get(number % INDUSTRIES.len()).copied().unwrap_or("technology");
            format!("('Account {number:07}', '{industry}')")
        })
        .collect();
    format!("INSERT INTO account (name, industry) VALUES {}", rows.join(", "))
}

/// Other records than those of the reports, which shall stay as large as they are.
fn contacts(writer: usize, from: usize, to: usize) -> String {
    let row = |number: usize| format!("('Bulk', 'w{writer} {number}', 'w{writer}.{number}@example.com')");
    let rows: Vec<String> = (from..to).map(row).collect();
    format!("INSERT INTO contact (first_name, last_name, email) VALUES {}", rows.join(", "))
}

/// The quiet tenant's three questions.
async fn look(client: &Client, time: Duration) -> Result<Vec<(&'static str, Timing)>> {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let ids: Vec<String> =
        client.query("SELECT id FROM account", &[]).await?.iter().map(|row| row.get(0)).collect();
    let (by_id, list) = (client.prepare(BY_ID).await?, client.prepare(LIST).await?);
    let write = client.prepare(WRITE).await?;
    let mut next = ids.iter().cycle();
    let asked = timed(time, async || {
        let id = next.next().context("it has no accounts")?;
        client.query_one(&by_id, &[id]).await?;
        Ok(())
    });
    let asked = asked.await?;
    let listed = timed(time, async || {
        client.query(&list, &[]).await?;
        Ok(())
    });
    let listed = listed.await?;
    let written = timed(time, async || {
        let serial = format!("q{}", SERIAL.fetch_add(1, Ordering::Relaxed));
        let email = format!("{serial}@example.com");
        client.execute(&write, &[&serial, &email]).await?;
        Ok(())
    });
    Ok(vec![("a record by its id", asked), ("a list of 50", listed), ("a record written", written.await?)])
}

async fn timed(time: Duration, mut call: impl AsyncFnMut() -> Result<()>) -> Result<Timing> {
    call().await?;
    let begin = Instant::now();
    let mut times = Vec::new();
    while begin.elapsed() < time {
        let start = Instant::now();
        call().await?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(Timing::of(times))
}

/// All that the abusive tenant does, until it is stopped.
async fn abuse(
    quarry: &Arc<Quarry>,
    tenant: &str,
    done: &Arc<Done>,
) -> Result<Vec<tokio::task::JoinHandle<()>>> {
    let mut tasks = Vec::new();
    for _ in 0..REPORTERS {
        let (client, done) = (quarry.connect_to("admin", tenant).await?, done.clone());
        tasks.push(tokio::spawn(async move {
            while done.goes_on() {
                let told = client.query(REPORT, &[]).await;
                done.add(&done.reports, 1, told.is_ok());
            }
        }));
    }
    for writer in 0..WRITERS {
        let (client, done) = (quarry.connect_to("admin", tenant).await?, done.clone());
        tasks.push(tokio::spawn(async move {
            let mut from = 0;
            while done.goes_on() {
                let statement = contacts(writer, from, from + INSERTED_AT_ONCE);
                let told = client.batch_execute(&statement).await;
                done.add(&done.rows, u64::try_from(INSERTED_AT_ONCE).unwrap_or(0), told.is_ok());
                from += INSERTED_AT_ONCE;
            }
        }));
    }
    let user = format!("admin@{tenant}");
    for _ in 0..ASKERS {
        let (quarry, done, user) = (quarry.clone(), done.clone(), user.clone());
        let query = json!({ "object": "account", "where": { "industry": "retail" }, "limit": 1000 });
        tasks.push(tokio::task::spawn_blocking(move || {
            while done.goes_on() {
                let told = quarry.ask(&user, "/api/v1/query", &query);
                done.add(&done.requests, 1, told.is_ok());
            }
        }));
    }
    for number in 0..LOGINS {
        let (quarry, done, user) = (quarry.clone(), done.clone(), user.clone());
        tasks.push(tokio::task::spawn_blocking(move || {
            let mut tried = number;
            while done.goes_on() {
                // A name of its own for each guess: what is throttled costs nothing.
                let body = match tried % 2 {
                    0 => json!({ "user": user, "password": PASSWORD }),
                    _ => json!({ "user": format!("guess{number}x{tried}@{user}"), "password": "a wrong password" }),
                };
                let told = quarry.open("/api/v1/auth/login", &body);
                done.add(&done.logins, 1, told.is_ok());
                tried += 1;
            }
        }));
    }
    Ok(tasks)
}
