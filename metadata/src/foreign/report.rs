//! What became of everything that was read: nothing is dropped in silence.

use std::fmt;

use indexmap::IndexMap;
use serde::Serialize;

use crate::issue::Place;

/// What a finding of an import is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A file.
    File,
    /// A package, by what it says of itself.
    Package,
    /// An object.
    Object,
    /// A field of an object.
    Field,
    /// A rule about an object's records.
    Rule,
    /// Texts in one locale.
    Texts,
}

/// What became of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is there as it was written.
    AsIs,
    /// It is there and means what it meant, but is written otherwise.
    Mapped,
    /// It is there, without a part that is told in its notes.
    InPart,
    /// It is not there.
    LeftOut,
    /// It is nothing that a package holds: a picture, a text for readers.
    NotLookedAt,
}

/// What became of a part of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It says the same in other words.
    Mapped,
    /// It is the same property by its one name.
    Aliased,
    /// It is not there.
    LeftOut,
}

/// One thing that was changed in another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The line of the file.
    pub line: u32,
    /// Which property: `defaultValue`, `options[2].isWon`.
    pub property: String,
    /// What became of it.
    pub change: Change,
    /// What was there, where it is short enough to be told.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// What is there now.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// One thing and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What it is.
    pub subject: Subject,
    /// Its name: `account.rating`.
    pub name: String,
    /// Where it was read.
    pub place: Place,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it is not there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What was changed in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// Everything that was read and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Each thing, files first, then in the order in which they were read.
    pub entries: Vec<Entry>,
}

impl Report {
    /// Whether something is not there that was read.
    pub fn is_in_part(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.outcome, Outcome::InPart | Outcome::LeftOut))
    }

    /// How many things of a kind came to an outcome.
    pub fn count(&self, subject: Subject, outcome: Outcome) -> usize {
        let counts = |entry: &&Entry| entry.subject == subject && entry.outcome == outcome;
        self.entries.iter().filter(counts).count()
    }

    /// How many parts of things were changed so.
    pub fn changes(&self, change: Change) -> usize {
        self.entries.iter().flat_map(|entry| &entry.notes).filter(|note| note.change == change).count()
    }
}

/// All that is written otherwise or left out, a line for each, and in the longer form (`{:#}`) what is only called otherwise; then how
/// many there were of each kind.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            let place = &entry.place;
            if entry.outcome == Outcome::LeftOut {
                writeln!(f, "{place}: {}: left out: {}", entry.name, entry.reason)?;
            }
            let is_there = entry.outcome != Outcome::LeftOut;
            let told = |note: &&Note| is_there && (f.alternate() || note.change != Change::Aliased);
            let notes: Vec<&Note> = entry.notes.iter().filter(told).collect();
            for note in notes {
                writeln!(f, "{}:{}: {}: {note}", place.file.display(), note.line, entry.name)?;
            }
        }
        for (subject, one, several) in SUBJECTS {
            let count = |outcome| self.count(*subject, outcome);
            let all = self.entries.iter().filter(|entry| entry.subject == *subject).count();
            if all > 0 {
                write!(
                    f,
                    "{all} {}: {} as written",
                    if all == 1 { one } else { several },
                    count(Outcome::AsIs)
                )?;
                for (outcome, words) in OUTCOMES {
                    if count(*outcome) > 0 {
                        write!(f, ", {} {words}", count(*outcome))?;
                    }
                }
                writeln!(f)?;
            }
        }
        let changes = |change| self.changes(change);
        writeln!(
            f,
            "{} properties mapped, {} by another name, {} left out",
            changes(Change::Mapped),
            changes(Change::Aliased),
            changes(Change::LeftOut)
        )
    }
}

const SUBJECTS: &[(Subject, &str, &str)] = &[
    (Subject::File, "file", "files"),
    (Subject::Package, "package", "packages"),
    (Subject::Object, "object", "objects"),
    (Subject::Field, "field", "fields"),
    (Subject::Rule, "rule", "rules"),
    (Subject::Texts, "locale", "locales"),
];

const OUTCOMES: &[(Outcome, &str)] = &[
    (Outcome::Mapped, "mapped"),
    (Outcome::InPart, "in part"),
    (Outcome::LeftOut, "left out"),
    (Outcome::NotLookedAt, "not looked at"),
];

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { property, from, to, reason, .. } = self;
        let from = if from.is_empty() { String::new() } else { format!(" {from}") };
        match self.change {
            Change::Aliased => write!(f, "`{property}` is `{to}`")?,
            Change::Mapped => write!(f, "`{property}`{from} → {to}")?,
            Change::LeftOut => write!(f, "`{property}`{from} left out")?,
        }
        if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
    }
}

/// A thing in the report, to write notes on.
pub(super) type Key = (Subject, String);

/// The report as it is written.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: IndexMap<Key, Entry>,
}

impl Log {
    /// Enters a thing that was read; a second one of the same name is told by its file.
    pub(super) fn enter(&mut self, subject: Subject, name: &str, place: Place) -> Key {
        let mut key = (subject, name.to_owned());
        if self.entries.contains_key(&key) {
            key.1 = format!("{name} ({place})");
        }
        let entry = Entry {
            subject,
            name: name.to_owned(),
            place,
            outcome: Outcome::AsIs,
            reason: String::new(),
            notes: Vec::new(),
        };
        self.entries.insert(key.clone(), entry);
        key
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.entries.contains_key(key)
    }

    /// Tells that all of a thing is gone.
    pub(super) fn left_out(&mut self, key: &Key, reason: impl Into<String>) {
        self.conclude(key, Outcome::LeftOut, reason);
    }

    pub(super) fn conclude(&mut self, key: &Key, outcome: Outcome, reason: impl Into<String>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.outcome = outcome;
            entry.reason = reason.into();
        }
    }

    pub(super) fn note(&mut self, key: &Key, note: Note) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let outcome = match note.change {
            Change::LeftOut => Outcome::InPart,
            Change::Mapped | Change::Aliased => Outcome::Mapped,
        };
        if matches!((entry.outcome, outcome), (Outcome::AsIs, _) | (Outcome::Mapped, Outcome::InPart)) {
            entry.outcome = outcome;
        }
        entry.notes.push(note);
    }

    pub(super) fn report(self) -> Report {
        let mut entries: Vec<Entry> = self.entries.into_values().collect();
        entries.sort_by_key(|entry| entry.subject);
        Report { entries }
    }
}
