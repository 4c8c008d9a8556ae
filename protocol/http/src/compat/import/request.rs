//! What an import asks for: its rows, what their columns stand for, and how they are written.

mod table;

use axum::http::StatusCode;
use serde_json::{Map, Value};

pub(super) use table::{Column, Line, Table, Transform};

use super::super::names::{Names, View};
use crate::{
    administration::{known, truth},
    problem::Problem,
};

/// Rows of one request.
pub(super) const ROWS_MAX: usize = 5_000;

/// The keys that are read.
const KEYS: [&str; 14] = [
    "format",
    "csv",
    "rows",
    "mapping",
    "dryRun",
    "writeMode",
    "matchFields",
    "runAutomations",
    "treatAsHistorical",
    "createMissingOptions",
    "trimWhitespace",
    "nullValues",
    "skipBlankMatchKey",
    "templateId",
];
/// Keys that clients know and that nothing is done with, each with what there is instead.
const ABSENT: [(&str, &str); 4] = [
    ("xlsxBase64", "send the rows as csv or rows"),
    ("sheet", "send the rows as csv or rows"),
    ("mappingName", "send the mapping itself"),
    ("templateId", "send the mapping itself"),
];
/// Switches that can't be turned, each with the position that it is in and why.
const FIXED: [(&str, bool, &str); 3] = [
    ("runAutomations", true, "rules and triggers are part of every change"),
    ("treatAsHistorical", false, "state machines and what the engine keeps hold for imports too"),
    ("createMissingOptions", false, "options are declared by packages"),
];

/// What a body asks for.
pub(super) struct Asked {
    pub table: Table,
    pub manner: Manner,
}

/// How rows are written.
pub(super) struct Manner {
    pub mode: Mode,
    /// The fields that tell which record a row is about.
    pub on: Vec<String>,
    /// Nothing is kept.
    pub dry_run: bool,
    /// A row that does not say which record it is about is passed over; else an upsert makes a new one of it.
    pub skips_blank: bool,
}

/// What is done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A new record.
    Insert,
    /// Some fields of a record that is there; without one it is passed over.
    Update,
    /// Either.
    Upsert,
}

impl Mode {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Insert => "insert",
            Mode::Update => "update",
            Mode::Upsert => "upsert",
        }
    }
}

impl Manner {
    /// With our names of the fields that tell records apart.
    ///
    /// # Errors
    ///
    /// A field that the session does not see.
    pub fn named(mut self, names: Names<'_>, view: &View) -> Result<Self, Problem> {
        for name in &mut self.on {
            let Some(field) = names.field(view, name) else {
                let message = format!("there is no field {name:?} of {}", view.object.name);
                return Err(Problem::new(StatusCode::BAD_REQUEST, "INVALID_FIELD", message).at("matchFields"));
            };
            *name = field.name.to_string();
        }
        Ok(self)
    }
}

/// Reads a body: an object, or the rows alone.
///
/// # Errors
///
/// What is not known, can't be done or contradicts itself, by its name; 413 for too many rows.
pub(super) fn read(body: Value) -> Result<Asked, Problem> {
    let given = match body {
        Value::Object(given) => given,
        rows @ Value::Array(_) => Map::from_iter([("rows".to_owned(), rows)]),
        _ => return Err(Problem::invalid("the body is an object with csv or rows, or a list of rows")),
    };
    if let Some((key, instead)) = ABSENT.iter().find(|(key, _)| given.contains_key(*key)) {
        return Err(absent(key, instead));
    }
    known(&given, &KEYS)?;
    for (key, holds, why) in FIXED {
        if given.contains_key(key) && truth(&given, key)? != holds {
            return Err(absent(&format!("{key}: {}", !holds), why).at(key));
        }
    }
    let mode = mode(&given)?;
    let on = texts(&given, "matchFields")?.unwrap_or_default();
    if mode != Mode::Insert && on.is_empty() {
        let message = format!("writeMode {:?} needs matchFields, a list of fields", mode.name());
        return Err(Problem::invalid(message).at("matchFields"));
    }
    let manner = Manner {
        mode,
        on,
        dry_run: truth(&given, "dryRun")?,
        skips_blank: truth(&given, "skipBlankMatchKey")?,
    };
    Ok(Asked { table: table::read(given)?, manner })
}

fn mode(given: &Map<String, Value>) -> Result<Mode, Problem> {
    let Some(told) = given.get("writeMode") else { return Ok(Mode::Insert) };
    let modes = [Mode::Insert, Mode::Update, Mode::Upsert];
    let mode = modes.into_iter().find(|mode| told.as_str() == Some(mode.name()));
    mode.ok_or_else(|| {
        Problem::invalid(format!("writeMode is insert, update or upsert, not {told}")).at("writeMode")
    })
}

/// A list of texts; none without the key.
pub(super) fn texts(given: &Map<String, Value>, key: &str) -> Result<Option<Vec<String>>, Problem> {
    let wrong = || Problem::invalid(format!("{key} is a list of texts")).at(key);
    let Some(told) = given.get(key) else { return Ok(None) };
    let list = told.as_array().ok_or_else(wrong)?;
    list.iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(wrong)
        .map(Some)
}

fn absent(what: &str, instead: &str) -> Problem {
    let message = format!("an import with {what} is not implemented; {instead}");
    Problem::new(StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED", message).at(what)
}
