//! What processes take in memory, as Linux tells it.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

const MIB: u64 = 1 << 20;
/// How often the own memory is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// Bytes in memory.
#[derive(Clone, Copy, Debug)]
pub struct Resident {
    /// All pages, those of mapped files included, which the system takes back when memory is short.
    pub all: u64,
    /// Pages that are no file's.
    pub own: u64,
    /// The most that `all` has been.
    pub highest: u64,
}

impl Resident {
    /// Now.
    ///
    /// # Errors
    ///
    /// Where `/proc` does not tell.
    pub fn now() -> Result<Resident> {
        let status = fs::read_to_string("/proc/self/status")?;
        let of = |name: &str| -> Result<u64> {
            let line = status.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            Ok(number.with_context(|| format!("/proc does not tell {name}"))?.parse::<u64>()? << 10)
        };
        Ok(Resident { all: of("VmRSS:")?, own: of("RssAnon:")?, highest: of("VmHWM:")? })
    }
}

/// What a process and all below it take, pages that several share counted in parts (Linux's `Pss`).
///
/// # Errors
///
/// Where `/proc` does not tell.
pub fn of_tree(pid: u32) -> Result<u64> {
    let mut sum = 0;
    let mut waiting = vec![pid];
    while let Some(pid) = waiting.pop() {
        let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
        let line = rollup.lines().find(|line| line.starts_with("Pss:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        sum += number.context("/proc does not tell Pss")?.parse::<u64>()? << 10;
        for task in fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            waiting.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    Ok(sum)
}

/// Looks at the own memory all the while, and tells of it on standard error.
pub struct Watch {
    begin: Instant,
    seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    own_most: AtomicU64,
    is_over: AtomicBool,
}

impl Watch {
    /// Begins to look.
    pub fn start() -> Watch {
        let seen = Arc::new(Seen::default());
        let sees = seen.clone();
        let look = move || {
            while !sees.is_over.load(Ordering::Relaxed) {
                sees.look();
                thread::sleep(EVERY);
            }
        };
        Watch { begin: Instant::now(), seen, thread: Some(thread::spawn(look)) }
    }

    /// The most own memory since this was last asked.
    pub fn own_most(&self) -> u64 {
        self.seen.look();
        self.seen.own_most.swap(0, Ordering::Relaxed)
    }

    /// Tells what a step took: the most of its own memory is since the last telling, and is returned.
    ///
    /// # Errors
    ///
    /// Where `/proc` does not tell.
    #[allow(clippy::print_stderr)]
    pub fn tell(&self, what: &str) -> Result<u64> {
        let most = self.own_most();
        let Resident { all, own, highest } = Resident::now()?;
        eprintln!(
            "{:8.1} s: {:5} MiB its own, {:5} at most in this step; {:5} with mapped files, {:5} at most ever: {what}",
            self.begin.elapsed().as_secs_f64(),
            own / MIB,
            most / MIB,
            all / MIB,
            highest / MIB
        );
        Ok(most)
    }
}

impl Seen {
    fn look(&self) {
        if let Ok(now) = Resident::now() {
            self.own_most.fetch_max(now.own, Ordering::Relaxed);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.seen.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell but that it ended.
            let _ended = thread.join();
        }
    }
}
