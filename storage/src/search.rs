//! Full-text search over all parts of a table: segments, deltas, own writes.
//!
//! Each part has its own index; the question is read once ([`expression`]) and asked of each. Scores are BM25 with the
//! counts of all parts together, so that a rank does not depend on what was folded. (Rows replaced but not yet
//! folded still count, as deleted documents do in any Lucene-like index.)

mod expression;
mod prefix;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use roaring::RoaringBitmap;
use tantivy::{
    Term,
    query::{Bm25StatisticsProvider, EnableScoring},
    schema::Field,
};

use self::expression::Clause;
use crate::{
    error::{Error, Result},
    rowset::RowSet,
    schema::ColumnName,
    snapshot::TableView,
    state::Place,
    text::{TextPart, tantivy_error},
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
    /// Plain words, all of which must occur (in any of the columns); no character is special. Without any word in it,
    /// nothing is found. Chinese, Japanese and Korean characters side by side must occur side by side.
    Words,
    /// An expression: `terms "phrases" +must -not prefix* fuzzy~1 field:term`; a mistake is an error. Of terms without a sign
    /// one must occur, unless others are marked with `+`.
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

/// An index with the rows that it covers.
struct Searched {
    part: u32,
    /// The row of its document 0.
    first: u32,
    text: Arc<TextPart>,
}

/// The rows that match.
///
/// # Errors
///
/// `Invalid` for a mistake in an expression, a column that is not searchable, or a table without searchable columns.
pub(crate) fn search(view: &TableView, query: &TextQuery) -> Result<TextHits> {
    let columns = columns(view, &query.columns)?;
    let clause = expression::read(&view.parts.table, &columns, query)?;
    let mut hits = TextHits::default();
    let Some(clause) = clause else { return Ok(hits) };
    let searched = searched(view)?;
    let mut seen: Option<(u32, Visible)> = None;
    for one in &searched {
        let visible = match seen.take() {
            Some((part, visible)) if part == one.part => visible,
            _ => visible(view, one.part),
        };
        let mut found = collect(&clause, one, &searched)?;
        found.retain(|(row, _)| visible.holds(*row));
        hits.rows.add(one.part, found.iter().map(|(row, _)| *row).collect());
        hits.scores.entry(one.part).or_default().append(&mut found);
        seen = Some((one.part, visible));
    }
    Ok(hits)
}

fn columns(view: &TableView, names: &[ColumnName]) -> Result<Vec<usize>> {
    let table = &view.parts.table;
    if table.searchable.is_empty() {
        return Err(Error::Invalid(format!("table {:?} has no searchable column", table.spec.name)));
    }
    if names.is_empty() {
        return Ok(table.searchable.clone());
    }
    names.iter().map(|name| expression::must_searchable(table, name)).collect()
}

/// The indexes of all parts, in the order of parts and rows.
fn searched(view: &TableView) -> Result<Vec<Searched>> {
    let mut all = Vec::new();
    for (number, part) in view.parts.segments.iter().enumerate() {
        let text = part.segment.index(&view.parts.table)?;
        all.push(Searched { part: view.parts.part_of(Place::Segment(number, 0)).0, first: 0, text });
    }
    for (number, delta) in view.parts.deltas.iter().enumerate() {
        let part = view.parts.part_of(Place::Delta(number, 0)).0;
        for (Range { start, .. }, text) in delta.texts()? {
            all.push(Searched { part, first: start, text });
        }
    }
    if let Some(overlay) = &view.overlay {
        all.push(Searched { part: view.overlay_part(), first: 0, text: overlay.text()? });
    }
    Ok(all)
}

/// Rows and scores of one index, in the order of rows.
fn collect(clause: &Clause, one: &Searched, all: &[Searched]) -> Result<Vec<(u32, f32)>> {
    let searcher = one.text.searcher();
    let statistics = Statistics { of: &one.text, all };
    let scoring = EnableScoring::enabled_from_statistics_provider(&statistics, searcher);
    let weight = clause.query(&one.text).weight(scoring).map_err(tantivy_error)?;
    let mut found = Vec::new();
    for reader in searcher.segment_readers() {
        let mut take = |document: u32, score: f32| found.push((one.first.saturating_add(document), score));
        weight.for_each(reader, &mut take).map_err(tantivy_error)?;
    }
    found.sort_by_key(|(row, _)| *row);
    Ok(found)
}

/// What of a part may be seen.
enum Visible {
    /// These rows.
    Only(RoaringBitmap),
    /// All but these.
    AllBut(RoaringBitmap),
}

impl Visible {
    fn holds(&self, row: u32) -> bool {
        match self {
            Visible::Only(rows) => rows.contains(row),
            Visible::AllBut(rows) => !rows.contains(row),
        }
    }
}

fn visible(view: &TableView, part: u32) -> Visible {
    let masked =
        view.overlay.as_ref().and_then(|overlay| overlay.masked.part(part)).cloned().unwrap_or_default();
    let number = usize::try_from(part).unwrap_or(usize::MAX);
    let segments = view.parts.segments.len();
    if let Some(segment) = view.parts.segments.get(number) {
        return Visible::AllBut(masked | view.parts.deleted(segment));
    }
    match number.checked_sub(segments).and_then(|number| view.parts.deltas.get(number)) {
        Some(delta) => Visible::Only(delta.visible(view.parts.csn) - masked),
        None => Visible::AllBut(masked),
    }
}

/// Counts over all parts, in terms of one part's fields.
struct Statistics<'a> {
    of: &'a TextPart,
    all: &'a [Searched],
}

impl Statistics<'_> {
    fn sum(
        &self,
        field: Field,
        count: impl Fn(&TextPart, Field) -> tantivy::Result<u64>,
    ) -> tantivy::Result<u64> {
        let Some(column) = self.of.column_of(field) else { return Ok(0) };
        let mut sum = 0;
        for one in self.all {
            if let Some(field) = one.text.text_field(column) {
                sum += count(&one.text, field)?;
            }
        }
        Ok(sum)
    }
}

impl Bm25StatisticsProvider for Statistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        self.sum(field, |part, field| part.searcher().total_num_tokens(field))
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        self.all.iter().map(|one| one.text.searcher().total_num_docs()).sum()
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let Some(word) = term.value().as_str().map(str::to_string) else { return Ok(0) };
        self.sum(term.field(), |part, field| part.searcher().doc_freq(&Term::from_field_text(field, &word)))
    }
}
