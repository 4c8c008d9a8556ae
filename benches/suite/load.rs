//! Open-loop load: calls begin when they are due, at a fixed rate, whether or not earlier ones have been answered.
//!
//! Each call has an instant at which it is due. How long it took counts from that instant, not from when somebody was free to make it: a server that
//! stands still for a second is seen by all calls that were due in that second (what a closed loop leaves out is known as coordinated omission).
//! One thread tells when a call is due; as many clients as there are connections take them in turn. What is not answered when twice the time is
//! over counts with its age.

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use quarry_benches::{
    company::SALES,
    results::{Cell, Line, Plot, Section, Unit},
};
use tokio::runtime::Handle;
use tokio_postgres::Client;

use crate::{
    graphql::{self, posted},
    options::Options,
    questions::accounts,
    sides::{
        http::{Http, filled},
        name,
    },
    stage::{Stage, tell},
};

/// Connections of each side.
const CLIENTS: usize = 32;
const BY_ID: &str =
    "SELECT id, name, industry, rating, phone, website, type, billing_city, billing_country, customer_status
    FROM account WHERE id = $1";
const SHARES: [f64; 4] = [0.5, 0.95, 0.99, 0.999];

/// A client: makes the call of this number.
type Caller = Box<dyn FnMut(usize) -> Result<()> + Send>;

/// The table, and a drawing.
///
/// # Errors
///
/// Those of connecting.
pub async fn section(stage: &Stage, options: &Options) -> Result<Section> {
    let (mut lines, mut series) = (Vec::new(), Vec::new());
    let mut sides = vec![("record by id, SQL", name::QUARRY), ("account by id, GraphQL", name::QUARRY)];
    if stage.postgres.is_some() {
        sides.insert(1, ("record by id, SQL", name::POSTGRES));
    }
    if stage.postgraphile.is_some() {
        sides.push(("account by id, GraphQL", name::POSTGRAPHILE));
    }
    for (question, side) in sides {
        let mut points = Vec::new();
        for rate in &options.rates {
            let name = format!("{question}: {side} at {rate}/s");
            tell(&name);
            let callers = callers(stage, question, side).await?;
            let cells = match run(callers, *rate, options.steady).map(shares) {
                Ok(at) => {
                    points.extend(at.get(2).map(|p99| (*rate as f64, *p99)));
                    at.into_iter().map(Cell::Once).collect()
                }
                // Of a server that gives up under a rate that is what there is to say.
                Err(error) => vec![Cell::Said(format!("{error:#}")); SHARES.len()],
            };
            lines.push(Line { name, unit: Unit::Micros, cells, to_reach: None });
        }
        series.push((format!("{side}, {question}"), points));
    }
    let seconds = options.steady.as_secs();
    Ok(Section {
        part: "load".into(),
        title: "Under load at a fixed rate".into(),
        text: format!(
            "{CLIENTS} connections, {seconds} s at each rate, as a user with a policy on Quarry. Times count from when a call was due, so that a pause \
             is seen by all calls that it holds up (no coordinated omission); where a rate is too high the times say how far behind the side fell. \
             The clients run on the same cores."
        ),
        command: options.command("load"),
        columns: ["p50", "p95", "p99", "p99.9"].map(str::to_owned).to_vec(),
        ratio: None,
        lines,
        plots: vec![Plot {
            file: "load".into(),
            title: "99th percentile at a fixed rate".into(),
            x: "calls a second".into(),
            y: "µs".into(),
            series,
        }],
    })
}

async fn callers(stage: &Stage, question: &str, side: &str) -> Result<Vec<Caller>> {
    let ids: Arc<Vec<String>> = Arc::new(accounts(&stage.company));
    let id = move |number: usize| ids.get(number % ids.len().max(1)).cloned().unwrap_or_default();
    let mut callers: Vec<Caller> = Vec::new();
    for _ in 0..CLIENTS {
        let id = id.clone();
        if question.ends_with("GraphQL") {
            let (http, [ours, theirs]) = (over_http(stage, side)?, graphql::BY_ID);
            let body = posted(if side == name::QUARRY { ours } else { theirs });
            callers.push(Box::new(move |number| http.post(&filled(&body, Some(&id(number)))).map(drop)));
            continue;
        }
        let client = match (&stage.postgres, side) {
            (Some(postgres), name::POSTGRES) => postgres.connect().await?,
            _ => stage.quarry.connect_as(SALES).await?,
        };
        callers.push(by_sql(client, id).await?);
    }
    Ok(callers)
}

fn over_http(stage: &Stage, side: &str) -> Result<Http> {
    if side == name::QUARRY {
        let authorization = Some(stage.quarry.authorization(SALES));
        return Ok(Http::at(format!("{}/graphql", stage.quarry.url), authorization, stage.limit));
    }
    let (_, url) = stage.postgraphile.as_ref().context("there is no PostGraphile")?;
    Ok(Http::at(url.clone(), None, stage.limit))
}

async fn by_sql(client: Client, id: impl Fn(usize) -> String + Send + 'static) -> Result<Caller> {
    let statement = client.prepare(BY_ID).await?;
    let runtime = Handle::current();
    Ok(Box::new(move |number| {
        let id = id(number);
        runtime.block_on(client.query_one(&statement, &[&id]))?;
        Ok(())
    }))
}

/// Microseconds of each call, from when it was due.
///
/// # Errors
///
/// The first of a call.
pub fn run(callers: Vec<Caller>, rate: u64, time: Duration) -> Result<Vec<f64>> {
    let count = usize::try_from(rate * time.as_secs().max(1))?;
    let (sender, due) = mpsc::channel::<(usize, Instant)>();
    let due = Arc::new(Mutex::new(due));
    // A moment for all clients to be waiting.
    let begin = Instant::now() + Duration::from_millis(50);
    let end = begin + time * 2;
    let clients: Vec<_> = callers
        .into_iter()
        .map(|caller| {
            let due = Arc::clone(&due);
            thread::spawn(move || client(caller, &due, end))
        })
        .collect();
    for number in 0..count {
        let at = begin + Duration::from_secs_f64(number as f64 / rate as f64);
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if sender.send((number, at)).is_err() {
            break;
        }
    }
    drop(sender);
    let mut times = Vec::with_capacity(count);
    for client in clients {
        times.extend(client.join().map_err(|_| anyhow!("a client panicked"))??);
    }
    Ok(times)
}

fn client(
    mut caller: Caller,
    due: &Mutex<mpsc::Receiver<(usize, Instant)>>,
    end: Instant,
) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    loop {
        let next = due.lock().map_err(|_| anyhow!("a client panicked"))?.recv_timeout(Duration::from_secs(1));
        let (number, at) = match next {
            Ok(call) => call,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(times),
        };
        // Past the end nobody is asked any more: it is as old as it is.
        if Instant::now() < end {
            caller(number)?;
        }
        times.push(at.elapsed().as_secs_f64() * 1e6);
    }
}

fn shares(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let last = times.len().saturating_sub(1);
        times.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
    };
    SHARES.map(at).to_vec()
}
