//! Where the reader stands in a question, and how objects of keys are read without dropping one.

use serde_json::{Map, Value};

use crate::{
    error::{Error, Result},
    nearest,
};

/// A question may nest so deep when it is read; the planner's own limit is checked when it is planned.
const DEPTH_MAX: usize = 64;

/// A place in the question: `where.$or[1].amount`.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    path: String,
    depth: usize,
}

impl Place {
    pub(super) fn at(path: &str) -> Place {
        Place { path: path.into(), depth: 0 }
    }

    /// The place of a key below.
    pub(super) fn key(&self, key: &str) -> Place {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Place { path, depth: self.depth }
    }

    /// The place of an item of a list.
    pub(super) fn index(&self, index: usize) -> Place {
        Place { path: format!("{}[{index}]", self.path), depth: self.depth }
    }

    /// One level of nesting more.
    pub(super) fn deeper(&self) -> Result<Place> {
        if self.depth >= DEPTH_MAX {
            return Err(Error::limited(self.path.clone(), format!("nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(Place { path: self.path.clone(), depth: self.depth + 1 })
    }

    pub(super) fn path(&self) -> String {
        self.path.clone()
    }

    /// An `Invalid` error here. What only tells what the place expects, or lacks, is told with the place's own name.
    pub(super) fn error(&self, code: &'static str, message: impl Into<String>) -> Error {
        let message = message.into();
        let own = self.path.rsplit('.').next().filter(|own| !own.is_empty());
        let is_of_place =
            ["expects ", "names no ", "needs ", "takes "].iter().any(|verb| message.starts_with(verb));
        let message = match own {
            Some(own) if is_of_place => format!("{own:?} {message}"),
            _ => message,
        };
        Error::invalid(code, self.path.clone(), message)
    }

    pub(super) fn query_error(&self, message: impl Into<String>) -> Error {
        self.error("INVALID_QUERY", message)
    }

    pub(super) fn filter_error(&self, message: impl Into<String>) -> Error {
        self.error("INVALID_FILTER", message)
    }

    pub(super) fn not_supported(&self, message: impl Into<String>) -> Error {
        Error::not_supported(self.path.clone(), message)
    }

    pub(super) fn text<'a>(&self, value: &'a Value) -> Result<&'a str> {
        match value.as_str() {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(self.query_error(format!("expects a name, not {}", shown(value)))),
        }
    }

    pub(super) fn count(&self, value: &Value) -> Result<u64> {
        value
            .as_u64()
            .ok_or_else(|| self.query_error(format!("expects a whole number from 0, not {}", shown(value))))
    }

    pub(super) fn flag(&self, value: &Value) -> Result<bool> {
        value
            .as_bool()
            .ok_or_else(|| self.query_error(format!("expects true or false, not {}", shown(value))))
    }
}

/// A value as an error shows it: short.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The keys of one object, each taken once under one of its spellings; what is left over is an error.
pub(super) struct Keys<'a> {
    place: &'a Place,
    object: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(place: &'a Place, object: &'a Map<String, Value>) -> Keys<'a> {
        Keys { place, object, known: Vec::new() }
    }

    /// The value under any of these spellings (the canonical one first); null is absent.
    ///
    /// # Errors
    ///
    /// `Invalid` when two spellings are there with different values.
    pub(super) fn take(&mut self, spellings: &[&'static str]) -> Result<Option<(Place, &'a Value)>> {
        self.known.extend(spellings);
        let mut found: Option<(&'static str, &'a Value)> = None;
        for spelling in spellings {
            let Some(value) = self.object.get(*spelling).filter(|value| !value.is_null()) else { continue };
            match found {
                Some((before, first)) if first != value => {
                    let message =
                        format!("{before:?} and {spelling:?} mean the same but have different values");
                    return Err(self.place.key(spelling).query_error(message));
                }
                Some(_) => {}
                None => found = Some((spelling, value)),
            }
        }
        Ok(found.map(|(spelling, value)| (self.place.key(spelling), value)))
    }

    /// Keys that mean something this version can't do: absent, null and false pass.
    ///
    /// # Errors
    ///
    /// `NOT_SUPPORTED`, naming the key.
    pub(super) fn refuse(&mut self, keys: &[&'static str]) -> Result<()> {
        self.known.extend(keys);
        for key in keys {
            let asked =
                self.object.get(*key).is_some_and(|value| !value.is_null() && *value != Value::Bool(false));
            if asked {
                return Err(self.place.key(key).not_supported(format!("{key:?} is not supported yet")));
            }
        }
        Ok(())
    }

    /// Nothing may be left.
    ///
    /// # Errors
    ///
    /// `Invalid`, naming the key and the nearest known one.
    pub(super) fn finish(self) -> Result<()> {
        for key in self.object.keys() {
            if !self.known.contains(&key.as_str()) {
                let hint = nearest::hint(key, self.known.iter().copied());
                return Err(self.place.key(key).query_error(format!("unknown key {key:?}{hint}")));
            }
        }
        Ok(())
    }
}
