//! The documents of an index in the order of its values, from either end.

use std::ops::Bound;

use roaring::RoaringBitmap;

use super::{
    TextPart, tantivy_error,
    values::{Gathered, stream},
};
use crate::{catalog::Indexed, error::Result, range::TermRange, scan::Order, term};

impl TextPart {
    /// Hands on the documents of an index, value by value, until it is told to stop. It gives up, and says no, before it
    /// would have handed on more than so many documents.
    pub fn in_order(
        &self,
        index: &Indexed,
        (order, documents_max): (Order, u64),
        mut has_enough: impl FnMut(RoaringBitmap) -> bool,
    ) -> Result<bool> {
        let Some(field) = self.fields.value(index) else { return Ok(false) };
        let mut left = documents_max;
        for reader in self.searcher.segment_readers() {
            let inverted = reader.inverted_index(field).map_err(tantivy_error)?;
            let mut walk = || -> std::io::Result<bool> {
                let dictionary = inverted.terms();
                // What is cut alike has no order: it comes together.
                let mut last: Option<term::Term> = None;
                for (range, is_descending) in runs(order) {
                    let mut terms = stream(dictionary, &range, is_descending)?;
                    while terms.advance() {
                        if last.as_ref().is_some_and(|head| !terms.key().starts_with(head)) {
                            return Ok(true);
                        }
                        let info = terms.value();
                        let Some(rest) = left.checked_sub(u64::from(info.doc_freq)) else { return Ok(false) };
                        left = rest;
                        let mut found = Gathered::default();
                        found.add(&inverted, info)?;
                        if has_enough(found.finish()) && last.is_none() {
                            match term::cut_head(terms.key()) {
                                Some(head) => last = Some(head.into()),
                                None => return Ok(true),
                            }
                        }
                    }
                }
                Ok(true)
            };
            if !walk().map_err(|error| tantivy_error(error.into()))? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The terms in an order: the one of null, and those of values.
fn runs(order: Order) -> [(TermRange, bool); 2] {
    let null = TermRange { lower: Bound::Unbounded, upper: Bound::Excluded([1].into()) };
    let values = TermRange { lower: Bound::Included([1].into()), upper: Bound::Unbounded };
    let values = (values, order.is_descending);
    if order.nulls_first { [(null, false), values] } else { [values, (null, false)] }
}
