//! What a run is told of before it begins: the machine, the source, the command.

use std::{fs, process::Command};

use anyhow::Result;
use quarry_benches::{
    page::amount,
    results::{Results, Unit},
};

use crate::{options::Options, peers};

/// A run without a figure.
///
/// # Errors
///
/// A server that is missing.
pub fn results(options: &Options) -> Result<Results> {
    let words: String = options.words.iter().map(|word| format!(" {word}")).collect();
    Ok(Results {
        date: chrono::Local::now().format("%Y-%m-%d").to_string(),
        commit: commit(),
        command: format!("./bench{words}"),
        machine: machine(),
        sizes: String::new(),
        peers: vec![peers::quarry()?],
        sections: Vec::new(),
        troubles: Vec::new(),
    })
}

/// The commit, and whether files were changed since.
fn commit() -> String {
    let git = |words: &[&str]| {
        let told = Command::new("git").args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
        told.status.success().then(|| String::from_utf8_lossy(&told.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "an unknown commit".to_owned() };
    // The page and the runs that are being written are no change of what is measured.
    let others = [":(top)", ":(exclude,top)docs", ":(exclude,top)README.md", ":(exclude,top)benches/results"];
    let words = [["status", "--porcelain", "--untracked-files=no", "--"], others].concat();
    let changed = git(&words).is_some_and(|told| !told.is_empty());
    if changed { format!("{commit} with changes") } else { commit }
}

fn machine() -> Vec<(String, String)> {
    let of = |path: &str, start: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_default();
        line.split_once(':').map_or(line, |(_, value)| value).trim().to_owned()
    };
    let memory = of("/proc/meminfo", "MemTotal");
    let memory: f64 = memory.split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let system = of("/etc/os-release", "PRETTY_NAME");
    let system =
        system.split_once('=').map_or(system.as_str(), |(_, name)| name).trim_matches('"').to_owned();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    [
        ("processor", of("/proc/cpuinfo", "model name")),
        ("cores", cores.to_string()),
        ("memory", amount(memory * 1024.0, Unit::Bytes)),
        ("system", format!("{system}, Linux {}", kernel.trim())),
        ("files", format!("{} (folder of temporary files)", std::env::temp_dir().display())),
        (
            "build",
            if cfg!(debug_assertions) { "DEBUG: no figure counts".into() } else { "release".to_owned() },
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// The machine in a few words, by which baselines are told apart.
pub fn in_words() -> String {
    let machine = machine();
    let words: Vec<_> = machine.iter().take(3).map(|(_, value)| value.as_str()).collect();
    words.join(", ")
}
