//! Writes with dashboards beside them: what each does a second, alone and together, and whether a question that begins after a commit sees it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use quarry_benches::{
    company::{SALES, account_id, opportunity_id, seller_id},
    measure::Timing,
    results::{Cell, Line, Section, Unit},
};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::{
    options::Options,
    sides::{Ask, dialect, name},
    stage::{Stage, tell},
};

const WRITERS: usize = 16;
const READERS: usize = 2;
const ROUNDS: usize = 3;
/// Commits that are looked for.
const LOOKED_FOR: usize = 50;
const UPDATE: &str = "UPDATE opportunity SET next_step = $1 WHERE id = $2";
const INSERT: &str = "INSERT INTO contact (id, last_name, account_id, email) VALUES ($1, $2, $3, $4)";
const MARK: &str = "INSERT INTO opportunity (id, name, account_id, stage, close_date, owner_id) VALUES ($1, 'Mark', $2, 'proposal', '2026-06-01', $3)";
const MARKS: &str = "SELECT count(*) FROM opportunity WHERE owner_id = $1";
/// What the readers ask, one after the other.
const DASHBOARD: [&str; 4] = [
    "SELECT sum(amount), count(*) FROM opportunity WHERE stage = 'closed_won'",
    "SELECT {month:close_date}, sum(amount) FROM opportunity WHERE stage = 'closed_won' GROUP BY {month:close_date} ORDER BY 1",
    "SELECT a.industry, sum(o.amount), count(*) FROM opportunity o JOIN account a ON a.id = o.account_id
        WHERE o.stage = 'closed_won' GROUP BY a.industry ORDER BY 2 DESC",
    "SELECT stage, loss_reason, count(*), sum(amount) FROM opportunity WHERE stage IN ('closed_won', 'closed_lost')
        GROUP BY stage, loss_reason ORDER BY 3 DESC",
];

/// What one side did a second in a round.
#[derive(Clone, Copy, Debug, Default)]
struct Rates {
    writes: f64,
    dashboards: f64,
}

/// Each phase of a side: writes alone, dashboards alone, both.
const PHASES: [(usize, usize); 3] = [(WRITERS, 0), (0, READERS), (WRITERS, READERS)];

/// The table.
///
/// # Errors
///
/// Those of connecting; writes that are refused.
pub async fn section(stage: &Stage, options: &Options) -> Result<Section> {
    let mut sides = vec![name::QUARRY];
    sides.extend(stage.postgres.as_ref().map(|_| name::POSTGRES));
    let mut rates = vec![[const { Vec::new() }; PHASES.len()]; sides.len()];
    for round in 0..ROUNDS {
        for (side, rates) in sides.iter().zip(&mut rates) {
            for (number, (phase, rates)) in PHASES.iter().zip(rates).enumerate() {
                tell(&format!("{side}: {} writers, {} dashboards", phase.0, phase.1));
                let serial = round * PHASES.len() + number;
                rates.push(
                    run(stage, side, *phase, (options.steady, serial))
                        .await
                        .with_context(|| (*side).to_owned())?,
                );
            }
        }
    }
    let mut missed = Vec::new();
    for side in &sides {
        missed.push(Cell::Once(missed_by(stage, side).await.with_context(|| (*side).to_owned())?));
    }
    let export =
        stage.loadings.iter().find(|loading| loading.side == name::DUCKDB).map_or(Duration::ZERO, |l| l.time);
    let mut columns: Vec<_> = sides.iter().map(|side| (*side).to_owned()).collect();
    let mut lines = lines(&rates);
    lines.push(Line {
        name: format!("questions begun after {LOOKED_FOR} acknowledged commits that did not see them, in the midst of it"),
        unit: Unit::Count,
        cells: missed,
        to_reach: None,
    });
    columns.push(format!("{}, {}", name::DUCKDB, name::DATAFUSION));
    for line in &mut lines {
        line.cells.push(Cell::said("read files"));
    }
    if let Some(last) = lines.last_mut().and_then(|line| line.cells.last_mut()) {
        *last = Cell::Said(format!(
            "all, until the files are written again ({:.0} s)",
            export.as_secs_f64().ceil()
        ));
    }
    Ok(Section {
        part: "mixed".into(),
        title: "Writes with dashboards beside them".into(),
        text: format!(
            "{WRITERS} clients write without a pause, each commit durable (an update of an opportunity, a new contact, in turn); {READERS} ask the \
             dashboard's sums over all opportunities, one after the other. {} s each, {ROUNDS} rounds; Quarry as a user with a policy, with the rules \
             of the packages.",
            options.steady.as_secs()
        ),
        command: options.command("mixed"),
        columns,
        ratio: Some((name::QUARRY.into(), name::POSTGRES.into())),
        lines,
        plots: Vec::new(),
    })
}

fn lines(rates: &[[Vec<Rates>; PHASES.len()]]) -> Vec<Line> {
    let line = |name: &str, phase: usize, of: fn(&Rates) -> f64| {
        let cell = |side: &[Vec<Rates>; PHASES.len()]| {
            let rounds: Vec<f64> = side.get(phase).into_iter().flatten().map(of).collect();
            let low = rounds.iter().copied().fold(f64::INFINITY, f64::min);
            let high = rounds.iter().copied().fold(0.0, f64::max);
            let calls = rounds.len();
            let Timing { p50, p99 } = Timing::of(rounds);
            Cell::Measured { p50, p99, low, high, calls }
        };
        Line {
            name: name.into(),
            unit: Unit::PerSecond,
            cells: rates.iter().map(cell).collect(),
            to_reach: None,
        }
    };
    vec![
        line("commits, alone", 0, |rates| rates.writes),
        line("commits, beside dashboards", 2, |rates| rates.writes),
        line("dashboard figures, alone", 1, |rates| rates.dashboards),
        line("dashboard figures, beside commits", 2, |rates| rates.dashboards),
    ]
}

async fn connect(stage: &Stage, side: &str) -> Result<Client> {
    match (&stage.postgres, side) {
        (Some(postgres), name::POSTGRES) => postgres.connect().await,
        _ => stage.quarry.connect_as(SALES).await,
    }
}

async fn run(
    stage: &Stage,
    side: &'static str,
    (writers, readers): (usize, usize),
    (time, serial): (Duration, usize),
) -> Result<Rates> {
    let (writes, figures) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for number in 0..writers {
        let client = connect(stage, side).await?;
        let company = stage.company;
        let place = format!("mix_{serial}_{number}");
        let (done, stop) = (Arc::clone(&writes), Arc::clone(&stop));
        tasks.spawn(write(client, place, (company.accounts, company.opportunities), (done, stop)));
    }
    for _ in 0..readers {
        let client = connect(stage, side).await?;
        tasks.spawn(read(client, side, (Arc::clone(&figures), Arc::clone(&stop))));
    }
    let begin = Instant::now();
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        // Nobody ends before he is told to but by an error.
        Some(ended) = tasks.join_next() => ended??,
    }
    let took = begin.elapsed().as_secs_f64();
    let rates = Rates {
        writes: writes.load(Ordering::Relaxed) as f64 / took,
        dashboards: figures.load(Ordering::Relaxed) as f64 / took,
    };
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(rates)
}

type Shared = (Arc<AtomicU64>, Arc<AtomicBool>);

async fn write(
    client: Client,
    place: String,
    (accounts, opportunities): (u64, u64),
    (done, stop): Shared,
) -> Result<()> {
    let (update, insert) = (client.prepare(UPDATE).await?, client.prepare(INSERT).await?);
    let own = place.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    for serial in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let chance = (own ^ serial).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let id = format!("{place}_{serial}");
        let result = if serial % 2 == 0 {
            client.execute(&update, &[&id, &opportunity_id(chance % opportunities)]).await
        } else {
            let email = format!("{id}@example.com");
            client.execute(&insert, &[&id, &"Mixed", &account_id(chance % accounts), &email]).await
        };
        match result {
            Ok(count) => {
                ensure!(count == 1, "{count} rows were written");
                done.fetch_add(1, Ordering::Relaxed);
            }
            // Two wrote one record at once: the second tries something else.
            Err(error) if error.code().is_some_and(|code| code.code() == "40001") => {}
            Err(error) => return Err(crate::sides::sql::told(error)),
        }
    }
    Ok(())
}

async fn read(client: Client, side: &'static str, (done, stop): Shared) -> Result<()> {
    let mut statements = Vec::new();
    for sql in DASHBOARD {
        let Ask::Sql(sql) = dialect::ask(sql, side) else { continue };
        statements.push(client.prepare(&sql).await.map_err(crate::sides::sql::told)?);
    }
    for statement in statements.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        client.query(statement, &[]).await.map_err(crate::sides::sql::told)?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Commits a record, and asks on another connection as soon as that is acknowledged, while writers and readers go on; how many answers lacked it.
async fn missed_by(stage: &Stage, side: &'static str) -> Result<f64> {
    tell(&format!("{side}: freshness"));
    let (writer, reader) = (connect(stage, side).await?, connect(stage, side).await?);
    let stop = Arc::new(AtomicBool::new(false));
    let company = stage.company;
    let mut tasks = JoinSet::new();
    for number in 0..WRITERS / 4 {
        let shared = (Arc::new(AtomicU64::new(0)), Arc::clone(&stop));
        let place = format!("fresh_{number}");
        tasks.spawn(write(
            connect(stage, side).await?,
            place,
            (company.accounts, company.opportunities),
            shared,
        ));
    }
    tasks.spawn(read(connect(stage, side).await?, side, (Arc::new(AtomicU64::new(0)), Arc::clone(&stop))));
    let (mark, marks) = (writer.prepare(MARK).await?, reader.prepare(MARKS).await?);
    let seller = seller_id(0);
    let count = async || anyhow::Ok(reader.query_one(&marks, &[&seller]).await?.get::<_, i64>(0));
    let before = count().await?;
    let mut missed = 0;
    for number in 0..LOOKED_FOR {
        let id = format!("mark_{number}");
        writer.execute(&mark, &[&id, &account_id(0), &seller]).await.map_err(crate::sides::sql::told)?;
        if count().await? <= before + i64::try_from(number)? {
            missed += 1;
        }
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(f64::from(missed))
}
