//! A side that is a library of another language: a process of its own that has it, asked by lines of JSON.
//!
//! It gets `{"do": …}` and answers `{"micros": …, "rows": …}` or `{"error": …}`, a line each. `micros` is what the library took, to the last
//! row in its own process; the line there and back is in none of our figures (it is told as `outside` on the page).

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Stdio},
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use quarry_benches::{
    answer::{Row, cell},
    process::ending_with_us,
};
use serde_json::{Value, json};

use super::Ask;

/// A process that has a library.
pub struct Program {
    child: Child,
    /// Its input, its lines, and whether one of them never came: then it can't be asked any more.
    pipe: Mutex<(ChildStdin, mpsc::Receiver<String>, bool)>,
    /// Longer it may not take.
    limit: Duration,
    /// How long calls took seen from here, beyond what they took inside: their sum in microseconds, and how many.
    outside: Mutex<(f64, u64)>,
}

impl Program {
    /// Starts an interpreter with a script and its words, and waits for its first line, which tells of it.
    ///
    /// # Errors
    ///
    /// An interpreter that is missing, a script that ends.
    pub fn start(
        interpreter: &Path,
        script: &Path,
        words: &[&str],
        limit: Duration,
    ) -> Result<(Program, Value)> {
        let mut command = ending_with_us(interpreter, "KILL");
        command.arg(script).args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| interpreter.display().to_string())?;
        let input = child.stdin.take().context("no input")?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).take_while(|line| sender.send(line.clone()).is_ok()).count()
        });
        let program =
            Program { child, pipe: Mutex::new((input, lines, false)), limit, outside: Mutex::default() };
        let greeting =
            program.read(Duration::from_secs(120)).with_context(|| script.display().to_string())?;
        Ok((program, greeting))
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What a call took seen from here beyond what it took inside, on average, in microseconds.
    pub fn outside(&self) -> f64 {
        let (sum, calls) = self.outside.lock().map_or((0.0, 0), |outside| *outside);
        sum / (calls.max(1)) as f64
    }

    /// Says a line, and reads the answer.
    ///
    /// # Errors
    ///
    /// What the library refuses; a process that ended or does not answer in time.
    pub fn call(&self, line: &Value, limit: Duration) -> Result<Value> {
        {
            let mut pipe = self.pipe.lock().map_err(|_| anyhow::anyhow!("broken off before"))?;
            if pipe.2 {
                bail!("it did not answer before");
            }
            writeln!(pipe.0, "{line}")?;
            pipe.0.flush()?;
        }
        // It ends its own work at its limit; a moment later it is given up.
        self.read(limit + Duration::from_secs(15))
    }

    fn read(&self, limit: Duration) -> Result<Value> {
        let mut pipe = self.pipe.lock().map_err(|_| anyhow::anyhow!("broken off before"))?;
        // Libraries log to the same output; an answer is an object with one of these.
        let until = Instant::now() + limit;
        loop {
            let line = match pipe.1.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => line,
                Err(_) => {
                    pipe.2 = true;
                    bail!("the process ended, or said nothing for {} s", limit.as_secs());
                }
            };
            let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
            if let Some(error) = answer.get("error") {
                bail!("{}", error.as_str().unwrap_or_default());
            }
            if answer.get("micros").is_some() || answer.get("version").is_some() {
                return Ok(answer);
            }
        }
    }

    fn ask(&self, ask: &Ask, parameter: Option<&str>, rows: bool) -> Result<Value> {
        let parameters = Vec::from_iter(parameter);
        let limit = self.limit.as_secs_f64();
        let line = match ask {
            Ask::Sql(sql) => {
                json!({ "do": "sql", "sql": sql, "parameters": parameters, "rows": rows, "limit": limit })
            }
            Ask::Call(call) => {
                json!({ "do": "call", "call": call, "parameters": parameters, "rows": rows, "limit": limit })
            }
            other => bail!("{other:?} is not for a program"),
        };
        self.call(&line, self.limit)
    }

    /// All rows, as text.
    ///
    /// # Errors
    ///
    /// As [`Self::call`].
    pub fn answer(&self, ask: &Ask, parameter: Option<&str>) -> Result<Vec<Row>> {
        let answer = self.ask(ask, parameter, true)?;
        let rows = answer.get("rows").and_then(Value::as_array).context("no rows")?;
        let row = |row: &Value| row.as_array().into_iter().flatten().map(cell).collect::<Row>();
        Ok(rows.iter().map(row).collect())
    }

    /// Microseconds inside.
    ///
    /// # Errors
    ///
    /// As [`Self::call`].
    pub fn time(&self, ask: &Ask, parameter: Option<&str>) -> Result<f64> {
        let begin = Instant::now();
        let inside = micros(&self.ask(ask, parameter, false)?)?;
        if let Ok(mut outside) = self.outside.lock() {
            outside.0 += begin.elapsed().as_secs_f64() * 1e6 - inside;
            outside.1 += 1;
        }
        Ok(inside)
    }
}

/// What the process says it took.
pub fn micros(answer: &Value) -> Result<f64> {
    answer.get("micros").and_then(Value::as_f64).context("the process tells no time")
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
