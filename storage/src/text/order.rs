//! The documents of an index in the order of its values, from either end.

use std::ops::{Bound, ControlFlow};

use tantivy::{InvertedIndexReader, postings::TermInfo, schema::IndexRecordOption};

use super::{TextPart, tantivy_error, values::stream};
use crate::{
    catalog::Indexed,
    error::Result,
    range::TermRange,
    scan::Order,
    term::{Term, cut_head},
};

impl TextPart {
    /// Hands on the documents of an index, value by value, until it is told to stop. It gives up, and says no, before it
    /// would have handed on more than so many documents.
    pub fn in_order(
        &self,
        index: &Indexed,
        (order, documents_max): (Order, u64),
        mut has_enough: impl FnMut(&[u32]) -> bool,
    ) -> Result<bool> {
        let Some(field) = self.fields.value(index) else { return Ok(false) };
        let mut walk =
            Walk { left: documents_max, last: None, has_enough: &mut has_enough, documents: Vec::new() };
        for reader in self.searcher.segment_readers() {
            let inverted = reader.inverted_index(field).map_err(tantivy_error)?;
            for (range, is_descending) in runs(order) {
                let mut terms = stream(inverted.terms(), &range, is_descending)
                    .map_err(|error| tantivy_error(error.into()))?;
                while terms.advance() {
                    let step = walk.visit(&inverted, terms.key(), terms.value());
                    if let ControlFlow::Break(is_enough) =
                        step.map_err(|error| tantivy_error(error.into()))?
                    {
                        return Ok(is_enough);
                    }
                }
            }
        }
        Ok(true)
    }
}

/// A walk from term to term.
struct Walk<'a> {
    /// Documents that may still be handed on.
    left: u64,
    /// There is enough but for the terms that begin so: what is cut alike has no order, and comes together.
    last: Option<Term>,
    has_enough: &'a mut dyn FnMut(&[u32]) -> bool,
    /// Those of a term, in order.
    documents: Vec<u32>,
}

impl Walk<'_> {
    /// Hands on the documents of a term; it ends with whether there is enough.
    fn visit(
        &mut self,
        inverted: &InvertedIndexReader,
        term: &[u8],
        info: &TermInfo,
    ) -> std::io::Result<ControlFlow<bool>> {
        if self.last.as_ref().is_some_and(|head| !term.starts_with(head)) {
            return Ok(ControlFlow::Break(true));
        }
        let Some(left) = self.left.checked_sub(u64::from(info.doc_freq)) else {
            return Ok(ControlFlow::Break(false));
        };
        self.left = left;
        self.documents.clear();
        let mut postings = inverted.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        while !postings.docs().is_empty() {
            self.documents.extend_from_slice(postings.docs());
            postings.advance();
        }
        if (self.has_enough)(&self.documents) && self.last.is_none() {
            match cut_head(term) {
                Some(head) => self.last = Some(head.into()),
                None => return Ok(ControlFlow::Break(true)),
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The terms in an order: the one of null, and those of values.
fn runs(order: Order) -> [(TermRange, bool); 2] {
    let null = TermRange { lower: Bound::Unbounded, upper: Bound::Excluded([1].into()) };
    let values = TermRange { lower: Bound::Included([1].into()), upper: Bound::Unbounded };
    let values = (values, order.is_descending);
    if order.nulls_first { [(null, false), values] } else { [values, (null, false)] }
}
