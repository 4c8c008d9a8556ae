//! Do two indexes say the same?

use tantivy::{
    DocSet, InvertedIndexReader, TERMINATED,
    postings::Postings,
    schema::{Field, IndexRecordOption, Schema},
};

use super::{TextPart, tantivy_error};
use crate::error::{Error, Result};

impl TextPart {
    /// What of this index is not as in another one, which has all that should be there; positions of words are left to
    /// the checksums.
    pub fn differs_from(&self, fresh: &TextPart) -> Result<Option<String>> {
        let (mine, other) = (self.documents(), fresh.documents());
        if mine != other {
            return Ok(Some(format!("it has {mine} documents for {other} rows")));
        }
        let (mine, other) = (self.searcher.schema(), fresh.searcher.schema());
        for (field, entry) in other.fields() {
            let name = entry.name();
            let Ok(own) = mine.get_field(name) else {
                return Ok(Some(format!("it has no field {name}")));
            };
            let how = options(other, field);
            let same = match (self.only(own)?, fresh.only(field)?) {
                (Some(mine), Some(other)) => {
                    same_terms(&mine, &other, how).map_err(|e| tantivy_error(e.into()))?
                }
                (None, None) => true,
                _ => false,
            };
            if !same {
                return Ok(Some(format!("its field {name} is not what the rows say")));
            }
        }
        Ok(None)
    }

    /// How many documents it has: as many as rows.
    pub fn documents(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// The terms of a field. An index of ours is one Tantivy segment, or none.
    fn only(&self, field: Field) -> Result<Option<std::sync::Arc<InvertedIndexReader>>> {
        match self.searcher.segment_readers() {
            [] => Ok(None),
            [only] => only.inverted_index(field).map(Some).map_err(tantivy_error),
            _ => Err(Error::Internal("an index of several segments".into())),
        }
    }
}

fn options(schema: &Schema, field: Field) -> IndexRecordOption {
    let kind = schema.get_field_entry(field).field_type();
    if kind.is_str() { IndexRecordOption::WithFreqs } else { IndexRecordOption::Basic }
}

/// The same terms, each with the same documents, as often in each.
fn same_terms(
    mine: &InvertedIndexReader,
    other: &InvertedIndexReader,
    how: IndexRecordOption,
) -> std::io::Result<bool> {
    let (mut left, mut right) = (mine.terms().stream()?, other.terms().stream()?);
    loop {
        match (left.advance(), right.advance()) {
            (false, false) => return Ok(true),
            (true, true) if left.key() == right.key() => {}
            _ => return Ok(false),
        }
        let mut mine = mine.read_postings_from_terminfo(left.value(), how)?;
        let mut other = other.read_postings_from_terminfo(right.value(), how)?;
        while other.doc() != TERMINATED {
            if mine.doc() != other.doc() || mine.term_freq() != other.term_freq() {
                return Ok(false);
            }
            mine.advance();
            other.advance();
        }
        if mine.doc() != TERMINATED {
            return Ok(false);
        }
    }
}
