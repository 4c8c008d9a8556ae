//! Timing: two servers in turn, short slots, medians over all calls.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Slots per server; odd, so that neither side has the last word twice.
const TURNS: usize = 5;
/// What takes so many times as long as all its turns should takes no more of them.
const PATIENCE: u32 = 8;

/// One line of the table.
pub struct Line {
    /// What was asked.
    pub name: &'static str,
    /// Quarry's median and p99.
    pub subject: Timing,
    /// The peer's, or the baseline's.
    pub peer: Timing,
    /// What to reach and what to aim for, as a ratio to the peer.
    pub targets: (&'static str, &'static str),
    /// What was measured.
    pub unit: Unit,
}

/// What a line's numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds; less is better.
    Micros,
    /// Calls a second; more is better.
    PerSecond,
    /// Bytes; less is better.
    Bytes,
}

/// Median and 99th percentile, in the line's unit.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

impl Timing {
    /// One number, measured once.
    pub fn once(number: f64) -> Timing {
        Timing { p50: number, p99: number }
    }

    /// Of these times, in microseconds.
    pub fn of(mut times: Vec<f64>) -> Timing {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let index = (times.len().saturating_sub(1) as f64 * share).round() as usize;
            times.get(index).copied().unwrap_or(f64::NAN)
        };
        Timing { p50: at(0.5), p99: at(0.99) }
    }
}

/// Runs both in turn, `slot` long each time, after a warm-up that is not counted.
///
/// # Errors
///
/// The first of a call.
pub async fn in_turn<A, B>(
    slot: Duration,
    mut a: impl AsyncFnMut() -> Result<A>,
    mut b: impl AsyncFnMut() -> Result<B>,
) -> Result<(Timing, Timing)> {
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    run(slot / 2, &mut a, &mut Vec::new()).await?;
    run(slot / 2, &mut b, &mut Vec::new()).await?;
    for _ in 0..TURNS {
        run(slot, &mut a, &mut of_a).await?;
        run(slot, &mut b, &mut of_b).await?;
    }
    Ok((Timing::of(of_a), Timing::of(of_b)))
}

/// What one side of several took.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Over all its calls.
    pub timing: Timing,
    /// The lowest median of a slot.
    pub low: f64,
    /// The highest median of a slot.
    pub high: f64,
    /// How many calls.
    pub calls: usize,
}

impl Spread {
    /// Of the times of each slot.
    pub fn of(slots: &[Vec<f64>]) -> Spread {
        let medians = Vec::from_iter(slots.iter().map(|times| Timing::of(times.clone()).p50));
        Spread {
            timing: Timing::of(slots.concat()),
            low: medians.iter().copied().fold(f64::INFINITY, f64::min),
            high: medians.iter().copied().fold(0.0, f64::max),
            calls: slots.iter().map(Vec::len).sum(),
        }
    }
}

/// As [`in_turn`], for any number of sides: `call` is told which one is asked.
///
/// # Errors
///
/// The first of a call.
pub async fn all_in_turn<T, const SIDES: usize>(
    slot: Duration,
    mut call: impl AsyncFnMut(usize) -> Result<T>,
) -> Result<[Spread; SIDES]> {
    let mut slots: [Vec<Vec<f64>>; SIDES] = std::array::from_fn(|_| Vec::new());
    for side in 0..SIDES {
        run(slot / 2, &mut async || call(side).await, &mut Vec::new()).await?;
    }
    for _ in 0..TURNS {
        for (side, slots) in slots.iter_mut().enumerate() {
            let mut times = Vec::new();
            run(slot, &mut async || call(side).await, &mut times).await?;
            slots.push(times);
        }
    }
    Ok(slots.map(|slots| Spread::of(&slots)))
}

/// As [`all_in_turn`], of as many sides as there are, each of which tells itself how many microseconds a call took. What fails takes no
/// further turns; the others do. Nor does, after its first, what has taken many times as long as it should.
pub async fn those_in_turn(
    sides: usize,
    (slot, turns): (Duration, usize),
    mut call: impl AsyncFnMut(usize) -> Result<f64>,
) -> Vec<Result<Spread>> {
    let mut slots: Vec<Result<Vec<Vec<f64>>>> = (0..sides).map(|_| Ok(Vec::new())).collect();
    let mut spent = vec![Duration::ZERO; sides];
    let patience = slot * u32::try_from(turns).unwrap_or(u32::MAX) * PATIENCE;
    for turn in 0..=turns {
        for (side, (slots, spent)) in slots.iter_mut().zip(&mut spent).enumerate() {
            if slots.is_err() || (turn > 1 && *spent > patience) {
                continue;
            }
            // The first turn warms up, for half as long, and is not counted.
            let slot = if turn == 0 { slot / 2 } else { slot };
            let (begin, mut times) = (Instant::now(), Vec::new());
            while times.is_empty() || begin.elapsed() < slot {
                match call(side).await {
                    Ok(time) => times.push(time),
                    Err(error) => {
                        *slots = Err(error);
                        break;
                    }
                }
            }
            *spent += begin.elapsed();
            if let Ok(done) = slots
                && turn > 0
            {
                done.push(times);
            }
        }
    }
    slots.into_iter().map(|slots| slots.map(|slots| Spread::of(&slots))).collect()
}

async fn run<T>(
    slot: Duration,
    call: &mut impl AsyncFnMut() -> Result<T>,
    times: &mut Vec<f64>,
) -> Result<()> {
    let begin = Instant::now();
    loop {
        let start = Instant::now();
        call().await?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        if begin.elapsed() >= slot {
            return Ok(());
        }
    }
}
