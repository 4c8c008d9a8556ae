//! One connection's settings (`SET`, `SHOW`, `RESET`): typed values with PostgreSQL's rules of when they end.
//!
//! A value is looked for in three layers: `local` (until the transaction ends), `session`, `reset` (what the connection began with); below
//! them is the known default. A transaction keeps what it may have to bring back: one copy at its begin and one per savepoint.

mod known;
mod value;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use chrono_tz::Tz;
use parking_lot::{Mutex, MutexGuard};

pub use known::Known;
pub use value::{SettingValue, read_bool};

use crate::{
    catalog::Setting,
    error::{PgError, Result, nearest},
    sqlstate::SqlState,
};

/// Custom settings (`app.user`) a connection may make.
const CUSTOM_MAX: usize = 128;
/// The longest value, bytes.
const VALUE_BYTES_MAX: usize = 64 * 1024;

/// How long a value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Until the connection ends.
    Session,
    /// Until the transaction ends.
    Local,
}

type Layer = BTreeMap<String, SettingValue>;

#[derive(Default)]
struct Layers {
    reset: Layer,
    session: Layer,
    local: Layer,
    undo: Vec<(Layer, Layer)>,
    told: HashMap<&'static str, String>,
    /// Times that may be no longer, and never 0, which means for ever; milliseconds.
    most: BTreeMap<String, u64>,
    /// No value has changed since they were told last.
    is_told: bool,
}

/// The settings of one connection; shared with the functions that read and write them (`current_setting`).
#[derive(Default)]
pub struct Settings {
    layers: Mutex<Layers>,
}

impl Settings {
    /// The value as `SHOW` tells it; none for an unknown name.
    pub fn get(&self, name: &str) -> Option<String> {
        self.value(name).map(|v| v.to_string())
    }

    fn value(&self, name: &str) -> Option<SettingValue> {
        let key = key_of(name);
        let layers = self.layers.lock();
        let set =
            layers.local.get(&key).or_else(|| layers.session.get(&key)).or_else(|| layers.reset.get(&key));
        let value = set.cloned().or_else(|| known::find(name).map(|k| k.default()))?;
        Some(match (value, layers.most.get(&key)) {
            (SettingValue::Millis(ms), Some(most)) if ms == 0 || ms > *most => SettingValue::Millis(*most),
            (value, _) => value,
        })
    }

    /// From now on a time is never longer than so, whatever is set; that is what `SHOW` tells, too.
    pub fn bound(&self, name: &str, most: Duration) {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1);
        self.layers.lock().most.insert(key_of(name), most);
    }

    /// Sets one value.
    ///
    /// # Errors
    ///
    /// `42704` for an unknown name, `22023` for a value it can't have, `55P02` for one that can't be set.
    pub fn set(&self, name: &str, text: &str, scope: Scope) -> Result<String> {
        let value = checked(name, text)?;
        let shown = value.to_string();
        self.put(key_of(name), value, scope)?;
        Ok(shown)
    }

    fn put(&self, key: String, value: SettingValue, scope: Scope) -> Result<()> {
        let mut layers = self.changing();
        if key.contains('.') && layers.session.len() + layers.local.len() >= CUSTOM_MAX {
            let message = format!("too many settings: a connection may have {CUSTOM_MAX}");
            return Err(PgError::new(SqlState::LIMIT_EXCEEDED, message));
        }
        match scope {
            Scope::Session => {
                layers.local.remove(&key);
                layers.session.insert(key, value);
            }
            Scope::Local => {
                layers.local.insert(key, value);
            }
        }
        Ok(())
    }

    /// Sets what the connection begins with, and comes back to.
    ///
    /// # Errors
    ///
    /// As [`Self::set`].
    pub fn begin_with(&self, name: &str, text: &str) -> Result<()> {
        let value = checked(name, text)?;
        self.changing().reset.insert(key_of(name), value);
        Ok(())
    }

    /// Tells what clients can't set (`session_authorization`).
    pub fn fix(&self, name: &'static str, value: SettingValue) {
        self.changing().reset.insert(key_of(name), value);
    }

    /// Forgets one value.
    ///
    /// # Errors
    ///
    /// `42704`.
    pub fn reset(&self, name: &str) -> Result<()> {
        let key = key_of(name);
        let mut layers = self.changing();
        if known::find(name).is_none() && !layers.session.contains_key(&key) {
            return Err(unknown(name));
        }
        layers.session.remove(&key);
        layers.local.remove(&key);
        Ok(())
    }

    /// Forgets all values.
    pub fn reset_all(&self) {
        let mut layers = self.changing();
        layers.session.clear();
        layers.local.clear();
    }

    /// A transaction begins.
    pub fn begin(&self) {
        let mut layers = self.layers.lock();
        layers.undo = vec![(layers.session.clone(), layers.local.clone())];
    }

    /// A transaction ends; what it set stays or goes with it.
    pub fn end(&self, kept: bool) {
        let mut layers = self.changing();
        let first = layers.undo.drain(..).next();
        if let (false, Some((session, _))) = (kept, first) {
            layers.session = session;
        }
        layers.local.clear();
    }

    /// What `set_config(…, true)` set outside a transaction ends with its statement.
    pub fn forget_local(&self) {
        if !self.layers.lock().local.is_empty() {
            self.changing().local.clear();
        }
    }

    /// A savepoint is made; returns its depth.
    pub fn mark(&self) -> usize {
        let mut layers = self.layers.lock();
        let copy = (layers.session.clone(), layers.local.clone());
        layers.undo.push(copy);
        layers.undo.len() - 1
    }

    /// A savepoint is come back to.
    pub fn rollback_to(&self, depth: usize) {
        let mut layers = self.changing();
        if let Some((session, local)) = layers.undo.get(depth).cloned() {
            layers.session = session;
            layers.local = local;
            layers.undo.truncate(depth + 1);
        }
    }

    /// Everything that is set or known, sorted by name.
    pub fn all(&self) -> Vec<Setting> {
        let custom: Vec<String> = {
            let layers = self.layers.lock();
            layers.session.keys().chain(layers.local.keys()).filter(|k| k.contains('.')).cloned().collect()
        };
        let mut all: Vec<Setting> = known::ALL.iter().map(|k| self.describe(k)).collect();
        all.extend(custom.into_iter().map(|name| Setting {
            value: self.get(&name).unwrap_or_default(),
            reset: String::new(),
            description: String::new(),
            vartype: "string",
            context: "user",
            name,
        }));
        all.sort_by_key(|s| s.name.to_ascii_lowercase());
        all.dedup_by(|a, b| a.name == b.name);
        all
    }

    fn describe(&self, known: &Known) -> Setting {
        let reset = self.layers.lock().reset.get(&key_of(known.name)).map(ToString::to_string);
        Setting {
            name: known.name.to_owned(),
            value: self.get(known.name).unwrap_or_default(),
            reset: reset.unwrap_or_else(|| known.default().to_string()),
            description: known.description.to_owned(),
            vartype: known.vartype(),
            context: if known.is_settable() { "user" } else { "internal" },
        }
    }

    fn changing(&self) -> MutexGuard<'_, Layers> {
        let mut layers = self.layers.lock();
        layers.is_told = false;
        layers
    }

    /// What must be told to the client now: reported settings whose value is not the one told last.
    pub fn untold(&self) -> Vec<(&'static str, String)> {
        if std::mem::replace(&mut self.layers.lock().is_told, true) {
            return Vec::new();
        }
        let now: Vec<_> = known::ALL
            .iter()
            .filter(|k| k.reported)
            .map(|k| (k.name, self.get(k.name).unwrap_or_default()))
            .collect();
        let mut layers = self.layers.lock();
        now.into_iter()
            .filter(|(name, value)| layers.told.insert(name, value.clone()).as_ref() != Some(value))
            .collect()
    }

    /// The session's time zone.
    pub fn time_zone(&self) -> Tz {
        match self.value("TimeZone") {
            Some(SettingValue::Zone(zone)) => zone,
            _ => Tz::UTC,
        }
    }

    /// A setting that is on or off.
    pub fn is_on(&self, name: &str) -> bool {
        matches!(self.value(name), Some(SettingValue::Bool(true)))
    }

    /// A setting that is a time; none for 0.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.value(name) {
            Some(SettingValue::Millis(ms)) if ms > 0 => Some(Duration::from_millis(ms)),
            _ => None,
        }
    }
}

fn key_of(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn unknown(name: &str) -> PgError {
    let mut error =
        PgError::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""));
    error.hint = nearest(&key_of(name), known::ALL.iter().map(|k| k.name));
    error
}

fn checked(name: &str, text: &str) -> Result<SettingValue> {
    if text.len() > VALUE_BYTES_MAX {
        return Err(PgError::new(SqlState::LIMIT_EXCEEDED, format!("the value of \"{name}\" is too long")));
    }
    match known::find(name) {
        Some(known) => known.read(text),
        None if name.contains('.') => Ok(SettingValue::Text(text.to_owned())),
        None => Err(unknown(name)),
    }
}

#[cfg(test)]
mod tests;
