//! What people are told, with values of the record in it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::expression::Expression;

/// A text by locale, with places for values: `{name} may leave`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Message {
    /// The pieces by locale; `en` is always there.
    pub texts: BTreeMap<String, Vec<Piece>>,
    /// What stands in the places, each once.
    pub values: Vec<Expression>,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Piece {
    /// As it is.
    Text(String),
    /// A value of the message, by its number.
    Value(usize),
}

impl Message {
    /// The pieces in `locale`, else in its language, else in English.
    pub fn get(&self, locale: &str) -> &[Piece] {
        let language = locale.split(['-', '_']).next().unwrap_or(locale);
        [locale, language, "en"].iter().find_map(|known| self.texts.get(*known)).map_or(&[], Vec::as_slice)
    }
}
