//! What is asked of the suite.

#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use quarry_benches::company::Company;

/// Its parts, in their order.
pub const PARTS: [&str; 8] =
    ["questions", "dashboard", "graphql", "load", "mixed", "costs", "growth", "tpch"];

/// TPC-H is whole from this scale on.
const TPCH_SCALE_MIN: f64 = 0.01;

/// How to say it.
pub const USAGE: &str = "\
./bench [--quick] [--only PART]… [sizes] [times]   sets up the peers, measures, and writes docs/benchmarks.md
./bench page FILE                                  writes the page again from a run's JSON
./bench criterion [--bench NAME]…                  runs the criterion benches, and prints what moved against the kept baseline
./bench criterion --keep [--bench NAME]…           keeps them as the baseline

parts: questions dashboard graphql load mixed costs growth tpch
sizes: --accounts N (with 2 N contacts, 5 N opportunities, 10 N activities) --contacts N --opportunities N --activities N
       --growth N,N,… (records) --tpch-scale F --tenants N
times: --slot-ms MS (of a side's turn) --turns N --seconds S (of each rate and mix) --rates N,N,… (a second) --limit-s S (of one answer)
also:  --out FILE (the run; else benches/results/DATE.json) --no-page
       everything lies in TMPDIR meanwhile: about 40 GB of the whole run, less than 1 GB of a quick one";

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Small and short.
    pub quick: bool,
    /// These parts; all where there is none.
    pub only: Vec<String>,
    /// How many records.
    pub company: Company,
    /// How many records, growing.
    pub growth: Vec<u64>,
    /// TPC-H's scale factor.
    pub tpch_scale: f64,
    /// How many tenants are made.
    pub tenants: u64,
    /// How long a side is asked at a time.
    pub slot: Duration,
    /// How often it has its turn.
    pub turns: usize,
    /// How long each rate and mix goes on.
    pub steady: Duration,
    /// Calls a second.
    pub rates: Vec<u64>,
    /// How long one answer may take.
    pub limit: Duration,
    /// Where the run is kept.
    pub out: Option<PathBuf>,
    /// Whether the page and the README are written.
    pub writes_page: bool,
    /// As it was said.
    pub words: Vec<String>,
}

impl Options {
    /// Reads the command line; what is said later counts.
    ///
    /// # Errors
    ///
    /// Words that are not known, values that are none.
    pub fn read(words: Vec<String>) -> Result<Options> {
        let quick = words.iter().any(|word| word == "--quick");
        let mut options = if quick { Options::quick() } else { Options::full() };
        options.words.clone_from(&words);
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if options.flag(&word) {
                continue;
            }
            let value =
                words.next().with_context(|| format!("{word} needs a value, or is not known\n{USAGE}"))?;
            options.set(&word, &value).with_context(|| format!("{word} {value}"))?;
        }
        Ok(options)
    }

    fn full() -> Options {
        let million = 1_000_000;
        Options {
            quick: false,
            only: Vec::new(),
            company: Company {
                accounts: million,
                contacts: 2 * million,
                opportunities: 5 * million,
                activities: 10 * million,
                strangers: false,
            },
            growth: vec![10_000, 100_000, million, 10 * million],
            tpch_scale: 1.0,
            tenants: 50,
            slot: Duration::from_millis(500),
            turns: 5,
            steady: Duration::from_secs(15),
            rates: vec![100, 500, 1_000, 2_000, 4_000],
            limit: Duration::from_secs(120),
            out: None,
            writes_page: true,
            words: Vec::new(),
        }
    }

    fn quick() -> Options {
        Options {
            quick: true,
            company: Company::of(36_000),
            growth: vec![2_000, 20_000],
            tpch_scale: 0.01,
            tenants: 10,
            slot: Duration::from_millis(60),
            turns: 3,
            steady: Duration::from_secs(2),
            rates: vec![100, 1_000],
            limit: Duration::from_secs(20),
            ..Options::full()
        }
    }

    fn flag(&mut self, word: &str) -> bool {
        match word {
            "--quick" => {}
            "--no-page" => self.writes_page = false,
            _ => return false,
        }
        true
    }

    fn set(&mut self, word: &str, value: &str) -> Result<()> {
        let list = || value.split(',').map(|part| Ok(part.parse()?)).collect::<Result<Vec<u64>>>();
        match word {
            "--only" => {
                ensure!(PARTS.contains(&value), "the parts are {}", PARTS.join(", "));
                self.only.push(value.to_owned());
            }
            "--accounts" => self.company = Company::of(value.parse::<u64>()? * 18),
            "--contacts" => self.company.contacts = value.parse()?,
            "--opportunities" => self.company.opportunities = value.parse()?,
            "--activities" => self.company.activities = value.parse()?,
            "--growth" => self.growth = list()?,
            "--tpch-scale" => {
                self.tpch_scale = value.parse()?;
                // Of fewer suppliers some are named twice for a part, which no key allows.
                ensure!(
                    self.tpch_scale >= TPCH_SCALE_MIN,
                    "TPC-H has no rows for less than {TPCH_SCALE_MIN}"
                );
            }
            "--tenants" => self.tenants = value.parse()?,
            "--slot-ms" => self.slot = Duration::from_millis(value.parse()?),
            "--turns" => self.turns = value.parse::<usize>()?.max(1),
            "--seconds" => self.steady = Duration::from_secs(value.parse()?),
            "--rates" => self.rates = list()?,
            "--limit-s" => self.limit = Duration::from_secs(value.parse()?),
            "--out" => self.out = Some(value.into()),
            _ => bail!("not known\n{USAGE}"),
        }
        Ok(())
    }

    /// Whether a part is to be done.
    pub fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }

    /// What gives a part's figures alone, with the sizes of this run.
    pub fn command(&self, part: &str) -> String {
        let mut words = self.words.iter();
        let mut kept = Vec::new();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--only" | "--out" => drop(words.next()),
                "--no-page" => {}
                word => kept.push(word),
            }
        }
        let kept: String = kept.iter().map(|word| format!(" {word}")).collect();
        format!("./bench{kept} --only {part}")
    }
}
