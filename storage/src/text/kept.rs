//! Documents of terms that many have (a stage, a status), remembered as they were found: such lists are asked for again and again, and
//! making a bitmap of a hundred thousand postings takes longer than all that is done with it.

use parking_lot::Mutex;
use roaring::RoaringBitmap;
use tantivy::schema::Field;

use crate::term::Term;

/// Terms of an index whose documents are remembered. A bitmap of one takes a bit for each document of the index at most, so all of them
/// take a byte.
const TERMS_KEPT: usize = 8;
/// Terms that have fewer documents are read anew.
pub(super) const DOCUMENTS_MIN: u32 = 4_096;

/// What was found last, the one that was asked for last at the end.
#[derive(Default)]
pub(super) struct Kept(Mutex<Vec<(Field, Term, RoaringBitmap)>>);

impl Kept {
    /// What they may take for so many documents.
    pub fn bytes_max(documents: u64) -> usize {
        match documents {
            few if few < u64::from(DOCUMENTS_MIN) => 0,
            many => usize::try_from(many).unwrap_or(usize::MAX),
        }
    }

    /// Documents of a term, as they were found before.
    pub fn get(&self, field: Field, term: &Term) -> Option<RoaringBitmap> {
        let mut all = self.0.lock();
        let at = all.iter().position(|(known, of, _)| *known == field && of == term)?;
        let found = all.remove(at);
        let documents = found.2.clone();
        all.push(found);
        Some(documents)
    }

    /// Remembers them; what was not asked for the longest goes.
    pub fn keep(&self, field: Field, term: &Term, documents: &RoaringBitmap) {
        let mut all = self.0.lock();
        if all.iter().any(|(known, of, _)| *known == field && of == term) {
            return;
        }
        if all.len() >= TERMS_KEPT {
            all.remove(0);
        }
        all.push((field, term.clone(), documents.clone()));
    }
}
