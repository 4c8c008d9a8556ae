//! `quarry audit`: takes history out with its hashes, checks what was taken out without a server, and looks after legal holds.
//!
//! An export is NDJSON: a head, an object for each entry of the log, one for each event, and an end. An entry tells its number, its hash, that of the entry
//! before, and the changes of records that an administrator may see. With `--frames` it has the entry itself, of which the hash is made (BLAKE3),
//! so that nothing is to be believed; but the entry holds everything, what proves who users are too.

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufRead, BufReader, BufWriter, Read, Write},
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail};
use arrow::record_batch::RecordBatch;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use quarry_engine::{ChainLink, EventKind, Held};
use serde_json::{Map, Value, json};

use crate::{
    command::{Audit, Export, HoldCommand},
    reach::{Local, Records},
    settings::Settings,
};

/// A line of an export may be so long.
const LINE_BYTES_MAX: u64 = 2 << 30;
/// The form of an export.
const FORM: u64 = 1;

/// Does what was asked.
///
/// # Errors
///
/// A server that runs on the data folder, damage, an export that does not hold together.
pub fn run(settings: &Settings, what: &Audit) -> Result<()> {
    match what {
        Audit::Export(export) => export_all(settings, export),
        Audit::Forget { days, tenant } => forget(settings, *days, tenant),
        Audit::Check { file } => check(file),
        Audit::Hold(hold) => holds(settings, hold),
    }
}

fn export_all(settings: &Settings, export: &Export) -> Result<()> {
    let (from, to) = (export.from.as_deref().map(instant), export.to.as_deref().map(instant));
    let (from, to) = (from.transpose()?, to.transpose()?);
    let main = Local::open(settings)?;
    let local = main.of_tenant(settings, &export.tenant)?;
    let out: Box<dyn Write> = match &export.out {
        Some(path) => Box::new(File::create_new(path).with_context(|| path.display().to_string())?),
        None => Box::new(std::io::stdout().lock()),
    };
    let mut out = BufWriter::new(out);
    let written = write_export(&local, (from, to), export.frames, &mut out);
    out.flush()?;
    local.engine.keep_events();
    local.engine.tell(EventKind::Exported, Some(local.session.principal()), "audit");
    local.engine.close()?;
    main.engine.close()?;
    let (entries, head) = written?;
    eprintln!(
        "{entries} entries{}",
        head.map_or(String::new(), |(csn, hash)| format!("; entry {csn} is the last, its hash {hash}"))
    );
    Ok(())
}

fn forget(settings: &Settings, days: std::num::NonZeroU32, tenant: &str) -> Result<()> {
    let main = Local::open(settings)?;
    let local = main.of_tenant(settings, tenant)?;
    local.engine.keep_events();
    let gone = local.engine.forget_history(days);
    local.engine.close()?;
    main.engine.close()?;
    for some in &gone? {
        println!(
            "let go of entries {} to {}, hash {}; entry {} tells of it",
            some.entries.start(),
            some.entries.end(),
            some.hash,
            some.checkpoint
        );
    }
    Ok(())
}

/// The entries whose instants lie there, and all between them; how many, and the last.
fn write_export(
    local: &Local,
    (from, to): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    frames: bool,
    out: &mut impl Write,
) -> Result<(u64, Option<(u64, String)>)> {
    let told = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true));
    line(out, &json!({ "quarryAudit": FORM, "from": told(from), "to": told(to), "frames": frames }))?;
    let inside = |link: &ChainLink| {
        link.time_micros.is_some_and(|at| {
            from.is_none_or(|from| at >= from.timestamp_micros())
                && to.is_none_or(|to| at < to.timestamp_micros())
        })
    };
    let (mut first, mut last) = (None, 0);
    for link in local.engine.chain(1, u64::MAX)? {
        let link = link?;
        if inside(&link) || (from.is_none() && first.is_none()) {
            first = first.or(Some(link.csn));
            last = link.csn;
        }
    }
    let (mut entries, mut head) = (0, None);
    if let Some(first) = first {
        let mut changes = Changes::between(local, first, last)?;
        for link in local.engine.chain(first, last)? {
            let link = link?;
            line(out, &entry(&link, changes.of(link.csn)?, frames))?;
            entries += 1;
            head = Some((link.csn, hex(&link.hash)));
        }
    }
    write_events(local, (from, to), out)?;
    let (csn, hash) = head.clone().unzip();
    line(out, &json!({ "end": { "entries": entries, "csn": csn, "hash": hash } }))?;
    Ok((entries, head))
}

fn entry(link: &ChainLink, changes: Vec<Value>, frames: bool) -> Value {
    let at = link.time_micros.and_then(DateTime::from_timestamp_micros);
    let at = at.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true));
    let mut told = json!({
        "csn": link.csn, "hashBefore": hex(&link.hash_before), "hash": hex(&link.hash), "at": at, "changes": changes,
    });
    if frames {
        told["frame"] = STANDARD.encode(&link.frame).into();
    }
    told
}

fn write_events(
    local: &Local,
    (from, to): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    out: &mut impl Write,
) -> Result<()> {
    let bound = |at: Option<DateTime<Utc>>, op: &str| {
        at.map(|at| format!("at {op} TIMESTAMP '{}'", at.to_rfc3339_opts(SecondsFormat::Micros, true)))
    };
    let bounds: Vec<String> = [bound(from, ">="), bound(to, "<")].into_iter().flatten().collect();
    let filter = if bounds.is_empty() { String::new() } else { format!("WHERE {}", bounds.join(" AND ")) };
    let sql = format!("SELECT * FROM audit.events {filter} ORDER BY at, id");
    for batch in local.sql(&sql)? {
        for event in rows(&batch?)? {
            line(out, &json!({ "event": event }))?;
        }
    }
    Ok(())
}

/// Changes in the order of commits, each handed out with its entry.
struct Changes {
    batches: crate::remote::Batches,
    waiting: VecDeque<Map<String, Value>>,
}

impl Changes {
    fn between(local: &Local, first: u64, last: u64) -> Result<Changes> {
        let sql = format!("SELECT * FROM audit.changes WHERE csn BETWEEN {first} AND {last}");
        Ok(Changes { batches: local.sql(&sql)?, waiting: VecDeque::new() })
    }

    fn of(&mut self, csn: u64) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        loop {
            if self.waiting.is_empty() {
                let Some(batch) = self.batches.next() else { return Ok(found) };
                self.waiting.extend(rows(&batch?)?);
                continue;
            }
            match self.waiting.front().and_then(|change| change.get("csn")).and_then(Value::as_u64) {
                Some(of) if of <= csn => found.extend(self.waiting.pop_front().map(Value::Object)),
                _ => return Ok(found),
            }
        }
    }
}

fn rows(batch: &RecordBatch) -> Result<Vec<Map<String, Value>>> {
    let mut writer = arrow::json::ArrayWriter::new(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    let bytes = writer.into_inner();
    Ok(if bytes.is_empty() { Vec::new() } else { serde_json::from_slice(&bytes)? })
}

fn line(out: &mut impl Write, value: &Value) -> Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    Ok(out.write_all(b"\n")?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn instant(text: &str) -> Result<DateTime<Utc>> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    text.parse().with_context(|| {
        format!("{text:?} is no date like 2026-01-31, and no instant like 2026-01-31T12:00:00Z")
    })
}

/// Checks an export by itself: that each entry has the hash of the one before, and with frames, that each hash is that of its frame.
fn check(file: &Path) -> Result<()> {
    let mut reader = BufReader::new(File::open(file).with_context(|| file.display().to_string())?);
    let mut checked = Checked::default();
    let mut number = 0;
    loop {
        let mut text = String::new();
        if reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut text)? == 0 {
            break;
        }
        number += 1;
        let value: Value =
            serde_json::from_str(&text).with_context(|| format!("line {number} is no JSON"))?;
        checked.line(&value, number).with_context(|| format!("line {number}"))?;
    }
    let Some((csn, hash)) = checked.before.filter(|_| checked.has_ended) else {
        bail!("{} has no end, or no entries: it is not whole", file.display());
    };
    println!("{} entries hold together; entry {csn} is the last, its hash {hash}", checked.entries);
    match checked.frames {
        true => println!("each hash is that of its entry"),
        false => println!(
            "the entries themselves are not in it: what they say is checked by quarry verify, where they lie"
        ),
    }
    Ok(())
}

#[derive(Default)]
struct Checked {
    entries: u64,
    before: Option<(u64, String)>,
    frames: bool,
    has_ended: bool,
}

impl Checked {
    fn line(&mut self, value: &Value, number: u64) -> Result<()> {
        if number == 1 {
            self.frames = value["frames"].as_bool().unwrap_or_default();
            return match value["quarryAudit"].as_u64() {
                Some(FORM) => Ok(()),
                _ => bail!("this is no export that this program reads"),
            };
        }
        if self.has_ended {
            bail!("something follows behind the end");
        }
        if let Some(end) = value.get("end") {
            self.has_ended = true;
            let (csn, hash) = self.before.clone().unzip();
            let agrees = end["entries"] == json!(self.entries)
                && end["csn"] == json!(csn)
                && end["hash"] == json!(hash);
            return if agrees { Ok(()) } else { bail!("the end does not tell of what is before it") };
        }
        if value.get("event").is_some() {
            return Ok(());
        }
        let text =
            |name: &str| value[name].as_str().map(str::to_owned).ok_or_else(|| anyhow!("it has no {name}"));
        let csn = value["csn"].as_u64().context("it has no csn")?;
        let (hash_before, hash) = (text("hashBefore")?, text("hash")?);
        if let Some((before, its_hash)) = &self.before
            && (csn != before + 1 || hash_before != *its_hash)
        {
            bail!("entry {csn} does not follow entry {before}");
        }
        if self.frames {
            let frame = STANDARD.decode(text("frame")?).ok().and_then(ChainLink::of);
            let frame = frame.with_context(|| format!("the frame of entry {csn} is broken"))?;
            if (frame.csn, hex(&frame.hash_before), hex(&frame.hash)) != (csn, hash_before, hash.clone()) {
                bail!("entry {csn} is not what its frame says");
            }
        }
        self.entries += 1;
        self.before = Some((csn, hash));
        Ok(())
    }
}

fn holds(settings: &Settings, what: &HoldCommand) -> Result<()> {
    const PATH: &str = "/api/v1/audit/holds";
    match what {
        HoldCommand::Place { on, reason, reach } => {
            let records = Records::open(settings, reach)?;
            match &records {
                Records::Local(local) => local.session.place_hold(&Held::parse(on)?, reason)?,
                Records::Remote(server) => drop(server.call(PATH, &json!({ "on": on, "reason": reason }))?),
            }
            println!("{on} is held");
            records.close()
        }
        HoldCommand::List { reach } => {
            let records = Records::open(settings, reach)?;
            match &records {
                Records::Local(local) => {
                    for hold in local.session.holds()? {
                        println!("{}  {}", hold.on, hold.reason);
                    }
                }
                Records::Remote(server) => {
                    for hold in server.fetch(PATH)?["holds"].as_array().into_iter().flatten() {
                        println!(
                            "{}  {}",
                            hold["on"].as_str().unwrap_or_default(),
                            hold["reason"].as_str().unwrap_or_default()
                        );
                    }
                }
            }
            records.close()
        }
        HoldCommand::Lift { on, reach } => {
            let records = Records::open(settings, reach)?;
            match &records {
                Records::Local(local) => local.session.lift_hold(&Held::parse(on)?)?,
                Records::Remote(server) => {
                    let encoded: String = on.bytes().map(|byte| format!("%{byte:02X}")).collect();
                    drop(server.request("DELETE", &format!("{PATH}?on={encoded}"), None)?);
                }
            }
            println!("{on} is no longer held");
            records.close()
        }
    }
}
