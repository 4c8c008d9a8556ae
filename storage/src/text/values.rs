//! The value fields of an index: documents by terms, by ranges of terms, and how many about.

use std::{
    ops::{Bound, ControlFlow},
    sync::Arc,
};

use roaring::RoaringBitmap;
use tantivy::{
    InvertedIndexReader,
    postings::TermInfo,
    schema::IndexRecordOption,
    termdict::{TermDictionary, TermMerger, TermStreamer},
};

use super::{TextPart, kept::DOCUMENTS_MIN, tantivy_error};
use crate::{catalog::Indexed, error::Result, range::TermRange, term::Term};

/// So many documents are gathered as numbers; more of them as bits.
const FEW_DOCUMENTS: usize = 4_096;
/// Terms of a range that are looked at to tell how many documents it has.
const TERMS_SAMPLED: u64 = 32;

impl TextPart {
    /// Documents that have one of these terms; `None` when there is no such index here.
    pub fn lookup(&self, index: &Indexed, terms: &[Term]) -> Result<Option<RoaringBitmap>> {
        let alone = match terms {
            [term] => self.fields.value(index).map(|field| (field, term)),
            _ => None,
        };
        if let Some(kept) = alone.and_then(|(field, term)| self.kept.get(field, term)) {
            return Ok(Some(kept));
        }
        let found = self.gather(index, |inverted, found| {
            for value in terms {
                if let Some(info) = inverted.terms().get(value)? {
                    found.add(inverted, &info)?;
                }
            }
            Ok(())
        })?;
        if let (Some((field, term)), Some(found)) = (alone, &found)
            && found.len() >= u64::from(DOCUMENTS_MIN)
        {
            self.kept.keep(field, term, found);
        }
        Ok(found)
    }

    /// Documents that have a term of the range; `None` when there is no such index here.
    pub fn range(&self, index: &Indexed, range: &TermRange) -> Result<Option<RoaringBitmap>> {
        self.gather(index, |inverted, found| {
            let mut terms = stream(inverted.terms(), range, false)?;
            while terms.advance() {
                found.add(inverted, terms.value())?;
            }
            Ok(())
        })
    }

    /// How many documents have one of these terms, deleted ones too.
    pub fn count(&self, index: &Indexed, terms: &[Term]) -> Result<u64> {
        self.sum(index, |dictionary| {
            let mut sum = 0;
            for value in terms {
                sum += dictionary.get(value)?.map_or(0, |info| u64::from(info.doc_freq));
            }
            Ok(sum)
        })
    }

    /// About how many documents have a term of the range: exact for few terms, otherwise by a sample of them.
    pub fn count_range(&self, index: &Indexed, range: &TermRange) -> Result<u64> {
        self.sum(index, |dictionary| {
            let mut terms = stream(dictionary, range, false)?;
            let mut sum = 0;
            let mut seen = 0;
            while seen <= TERMS_SAMPLED && terms.advance() {
                sum += u64::from(terms.value().doc_freq);
                seen += 1;
            }
            if seen <= TERMS_SAMPLED {
                return Ok(sum);
            }
            let first = terms.term_ord() + 1 - seen;
            let behind = match &range.upper {
                Bound::Unbounded => None,
                Bound::Included(upper) => first_of(dictionary.range().gt(upper).into_stream()?),
                Bound::Excluded(upper) => first_of(dictionary.range().ge(upper).into_stream()?),
            };
            let all = u64::try_from(dictionary.num_terms()).unwrap_or(u64::MAX);
            let terms = behind.unwrap_or(all).saturating_sub(first);
            sampled(dictionary, first, terms)
        })
    }

    /// How many terms an index has.
    pub fn terms(&self, index: &Indexed) -> Result<u64> {
        self.sum(index, |dictionary| Ok(u64::try_from(dictionary.num_terms()).unwrap_or(u64::MAX)))
    }

    /// The terms of an index, in order; it goes on while `visit` says so.
    pub fn each_term(
        &self,
        index: &Indexed,
        mut visit: impl FnMut(&[u8]) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let Some(field) = self.fields.value(index) else { return Ok(()) };
        for reader in self.searcher.segment_readers() {
            let inverted = reader.inverted_index(field).map_err(tantivy_error)?;
            let mut terms = inverted.terms().stream().map_err(|error| tantivy_error(error.into()))?;
            while terms.advance() {
                if visit(terms.key())?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn gather(
        &self,
        index: &Indexed,
        mut add: impl FnMut(&InvertedIndexReader, &mut Gathered) -> std::io::Result<()>,
    ) -> Result<Option<RoaringBitmap>> {
        let Some(field) = self.fields.value(index) else { return Ok(None) };
        let mut found = Gathered::default();
        for reader in self.searcher.segment_readers() {
            let inverted = reader.inverted_index(field).map_err(tantivy_error)?;
            add(&inverted, &mut found).map_err(|error| tantivy_error(error.into()))?;
        }
        Ok(Some(found.finish()))
    }

    fn sum(&self, index: &Indexed, count: impl Fn(&TermDictionary) -> std::io::Result<u64>) -> Result<u64> {
        let Some(field) = self.fields.value(index) else { return Ok(0) };
        let mut sum = 0;
        for reader in self.searcher.segment_readers() {
            let inverted = reader.inverted_index(field).map_err(tantivy_error)?;
            sum += count(inverted.terms()).map_err(|error| tantivy_error(error.into()))?;
        }
        Ok(sum)
    }
}

/// The terms of an index in many parts, in order: for each term, the parts that have it with how many documents each.
/// It goes on while `visit` says so.
pub(crate) fn each_shared_term(
    parts: &[Arc<TextPart>],
    index: &Indexed,
    mut visit: impl FnMut(&[u8], &mut dyn Iterator<Item = (usize, u32)>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut open = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let Some(field) = part.fields.value(index) else { continue };
        for reader in part.searcher.segment_readers() {
            open.push((number, reader.inverted_index(field).map_err(tantivy_error)?));
        }
    }
    let streams: std::io::Result<Vec<_>> =
        open.iter().map(|(_, inverted)| inverted.terms().stream()).collect();
    let mut merger = TermMerger::new(streams.map_err(|error| tantivy_error(error.into()))?);
    while merger.advance() {
        let number = |at: usize| open.get(at).map_or(usize::MAX, |(number, _)| *number);
        let infos = merger.current_segment_ords_and_term_infos();
        if visit(merger.key(), &mut infos.map(|(at, info)| (number(at), info.doc_freq)))?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The terms of a range, from either end.
pub(super) fn stream<'a>(
    dictionary: &'a TermDictionary,
    range: &TermRange,
    is_descending: bool,
) -> std::io::Result<TermStreamer<'a>> {
    let from = match &range.lower {
        Bound::Unbounded => dictionary.range(),
        Bound::Included(lower) => dictionary.range().ge(lower),
        Bound::Excluded(lower) => dictionary.range().gt(lower),
    };
    let all = match &range.upper {
        Bound::Unbounded => from,
        Bound::Included(upper) => from.le(upper),
        Bound::Excluded(upper) => from.lt(upper),
    };
    if is_descending { all.backward().into_stream() } else { all.into_stream() }
}

/// The number of the first term.
fn first_of(mut terms: TermStreamer<'_>) -> Option<u64> {
    terms.advance().then(|| terms.term_ord())
}

/// Documents of so many terms from the `first` on, if all have as many as some of them.
fn sampled(dictionary: &TermDictionary, first: u64, terms: u64) -> std::io::Result<u64> {
    let mut sum = 0;
    let mut bytes = Vec::new();
    for sample in 0..TERMS_SAMPLED {
        let at = first + terms * sample / TERMS_SAMPLED;
        if dictionary.ord_to_term(at, &mut bytes)? {
            sum += dictionary.get(&bytes)?.map_or(0, |info| u64::from(info.doc_freq));
        }
    }
    Ok(sum.saturating_mul(terms) / TERMS_SAMPLED)
}

/// Documents of many terms, which come in no order.
#[derive(Default)]
pub(super) struct Gathered {
    few: Vec<u32>,
    /// A bit per document, once they are many.
    bits: Vec<u8>,
}

impl Gathered {
    pub fn add(&mut self, inverted: &InvertedIndexReader, info: &TermInfo) -> std::io::Result<()> {
        let mut postings = inverted.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        loop {
            let documents = postings.docs();
            if documents.is_empty() {
                return Ok(());
            }
            self.few.extend_from_slice(documents);
            postings.advance();
            if self.few.len() > FEW_DOCUMENTS {
                self.spill();
            }
        }
    }

    fn spill(&mut self) {
        for document in self.few.drain(..) {
            let at = usize::try_from(document / 8).unwrap_or(usize::MAX);
            if self.bits.len() <= at {
                self.bits.resize((at + 1).next_power_of_two(), 0);
            }
            if let Some(byte) = self.bits.get_mut(at) {
                *byte |= 1 << (document % 8);
            }
        }
    }

    pub fn finish(mut self) -> RoaringBitmap {
        if self.bits.is_empty() {
            self.few.sort_unstable();
            self.few.dedup();
            // Only what is not sorted is refused.
            return RoaringBitmap::from_sorted_iter(self.few).unwrap_or_default();
        }
        self.spill();
        RoaringBitmap::from_lsb0_bytes(0, &self.bits)
    }
}
