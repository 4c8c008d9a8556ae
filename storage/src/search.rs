//! Full-text search over all parts of a table.

use std::collections::BTreeMap;

use crate::{
    error::{Error, Result},
    rowset::RowSet,
    schema::ColumnName,
    snapshot::TableView,
};

/// A full-text question.
#[derive(Clone, Debug, PartialEq)]
pub struct TextQuery {
    /// The columns to look at; empty: all searchable columns.
    pub columns: Vec<ColumnName>,
    /// What the user typed.
    pub text: String,
    /// How `text` is read.
    pub syntax: TextSyntax,
}

/// How a search text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextSyntax {
    /// Plain words, all of which must occur (in any of the columns); no character is special.
    Words,
    /// An expression: `terms "phrases" +must -not prefix* field:term`; a mistake is an error.
    Expression,
}

/// Rows that match a [`TextQuery`], with BM25 scores computed over segments and delta together.
#[derive(Clone, Debug, Default)]
pub struct TextHits {
    rows: RowSet,
    /// By part: row and score, in the order of rows.
    scores: BTreeMap<u32, Vec<(u32, f32)>>,
}

impl TextHits {
    /// The rows.
    pub fn rows(&self) -> &RowSet {
        &self.rows
    }

    /// The scores of these rows of a part, which are in order.
    pub(crate) fn scores(&self, part: u32, rows: &[u32]) -> Vec<f32> {
        let scored = self.scores.get(&part).map(Vec::as_slice).unwrap_or_default();
        let score = |row: &u32| {
            let at = scored.binary_search_by_key(row, |(row, _)| *row).ok()?;
            scored.get(at).map(|(_, score)| *score)
        };
        rows.iter().map(|row| score(row).unwrap_or(0.0)).collect()
    }
}

pub(crate) fn search(view: &TableView, query: &TextQuery) -> Result<TextHits> {
    Err(Error::Invalid(format!("search {query:?} of {:?} is not there yet", view.parts.table.spec.name)))
}
