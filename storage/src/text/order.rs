//! The rows of an index in the order of its values, from either end, through all parts of a table at once.

use std::{
    ops::{Bound, ControlFlow},
    sync::Arc,
};

use tantivy::{InvertedIndexReader, postings::TermInfo, schema::IndexRecordOption, termdict::TermStreamer};

use super::{TextPart, tantivy_error, values::stream};
use crate::{
    catalog::Indexed,
    error::Result,
    range::TermRange,
    scan::Order,
    term::{Term, cut_head, term},
    value::Value,
};

/// What a part of a table has of an index.
pub(crate) enum Source {
    /// Its documents are the part's rows.
    Index(Arc<TextPart>),
    /// The column came later: none of so many rows has a value.
    Nulls(u32),
}

/// Hands on the rows of an index with the number of their part, value by value, until it is told that there are enough: all that have the
/// last value then are handed on too. It gives up, and says no, before it would have handed on more than so many rows.
pub(crate) fn in_order(
    sources: &[Source],
    index: &Indexed,
    (order, rows_max): (Order, u64),
    mut has_enough: impl FnMut(usize, &[u32]) -> bool,
) -> Result<bool> {
    let mut readers = Vec::with_capacity(sources.len());
    for (part, source) in sources.iter().enumerate() {
        let Source::Index(own) = source else { continue };
        let Some(field) = own.fields.value(index) else { return Ok(false) };
        for reader in own.searcher.segment_readers() {
            readers.push((part, reader.inverted_index(field).map_err(tantivy_error)?));
        }
    }
    let mut walk = Walk { left: rows_max, last: None, has_enough: &mut has_enough, rows: Vec::new() };
    let ended = walk.runs(sources, &readers, order).map_err(|error| tantivy_error(error.into()))?;
    Ok(ended.break_value().unwrap_or(true))
}

/// A walk from term to term.
struct Walk<'a> {
    /// Rows that may still be handed on.
    left: u64,
    /// There are enough but for those of this term, or of those that begin so: what is cut alike has no order, and comes together.
    last: Option<(Term, bool)>,
    has_enough: &'a mut dyn FnMut(usize, &[u32]) -> bool,
    /// Those of a term in a part, in order.
    rows: Vec<u32>,
}

/// It goes on, or ends with whether there are enough.
type Step = std::io::Result<ControlFlow<bool>>;

impl Walk<'_> {
    fn runs(
        &mut self,
        sources: &[Source],
        readers: &[(usize, Arc<InvertedIndexReader>)],
        order: Order,
    ) -> Step {
        for (range, is_descending, is_null) in runs(order) {
            for (part, source) in sources.iter().enumerate().filter(|_| is_null) {
                if let Source::Nulls(rows) = source
                    && let ended @ ControlFlow::Break(_) = self.visit_nulls(part, *rows)
                {
                    return Ok(ended);
                }
            }
            let mut open = Vec::with_capacity(readers.len());
            for (part, inverted) in readers {
                let mut terms = stream(inverted.terms(), &range, is_descending)?;
                if terms.advance() {
                    open.push((*part, inverted, terms));
                }
            }
            while let Some(at) = first_of(&open, is_descending)
                && let Some((part, inverted, terms)) = open.get_mut(at)
            {
                if let ended @ ControlFlow::Break(_) =
                    self.visit(*part, inverted, terms.key(), terms.value())?
                {
                    return Ok(ended);
                }
                if !terms.advance() {
                    open.swap_remove(at);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn visit(&mut self, part: usize, inverted: &InvertedIndexReader, term: &[u8], info: &TermInfo) -> Step {
        if let ended @ ControlFlow::Break(_) = self.may_visit(term, info.doc_freq) {
            return Ok(ended);
        }
        self.rows.clear();
        let mut postings = inverted.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        while !postings.docs().is_empty() {
            self.rows.extend_from_slice(postings.docs());
            postings.advance();
        }
        self.hand_on(part, term);
        Ok(ControlFlow::Continue(()))
    }

    fn visit_nulls(&mut self, part: usize, rows: u32) -> ControlFlow<bool> {
        let null = term(&Value::Null);
        self.may_visit(&null, rows)?;
        self.rows.clear();
        self.rows.extend(0..rows);
        self.hand_on(part, &null);
        ControlFlow::Continue(())
    }

    fn may_visit(&mut self, term: &[u8], rows: u32) -> ControlFlow<bool> {
        let is_behind = self.last.as_ref().is_some_and(|(last, is_cut)| match is_cut {
            true => !term.starts_with(last),
            false => term != &**last,
        });
        if is_behind {
            return ControlFlow::Break(true);
        }
        let Some(left) = self.left.checked_sub(u64::from(rows)) else { return ControlFlow::Break(false) };
        self.left = left;
        ControlFlow::Continue(())
    }

    fn hand_on(&mut self, part: usize, term: &[u8]) {
        if (self.has_enough)(part, &self.rows) && self.last.is_none() {
            let head = cut_head(term);
            self.last = Some((head.unwrap_or(term).into(), head.is_some()));
        }
    }
}

/// The stream whose term comes first; they are few.
fn first_of<T>(open: &[(usize, T, TermStreamer<'_>)], is_descending: bool) -> Option<usize> {
    let keys = open.iter().map(|(_, _, terms)| terms.key()).enumerate();
    let first =
        if is_descending { keys.max_by_key(|(_, key)| *key) } else { keys.min_by_key(|(_, key)| *key) };
    first.map(|(at, _)| at)
}

/// The terms in an order: the one of null, and those of values; each with whether it descends, and whether it is that of null.
fn runs(order: Order) -> [(TermRange, bool, bool); 2] {
    let null = TermRange { lower: Bound::Unbounded, upper: Bound::Excluded([1].into()) };
    let values = TermRange { lower: Bound::Included([1].into()), upper: Bound::Unbounded };
    let (null, values) = ((null, false, true), (values, order.is_descending, false));
    if order.nulls_first { [null, values] } else { [values, null] }
}
