//! A phrase of which the last word is only begun: `"one tw"*`.
//!
//! Tantivy's own query stops after some of the words that the last one may become, and which ones those are depends on
//! how rows lie in indexes; the answer would change with a fold. This one takes them all:
//!
//! 1. The places where the last word must stand are found by the words before it ([`Openings`]).
//! 2. Every word of the index that begins so is read once, and its places are compared with those.
//!
//! It holds the places of step 1, never those of all words. What it finds has one score, as a single begun word has.

use tantivy::{
    DocId, DocSet, InvertedIndexReader, Score, SegmentReader, TERMINATED, TantivyError, Term,
    postings::{Postings, SegmentPostings},
    query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight},
    schema::{Field, IndexRecordOption},
};

/// The words, all of one field, and how the last one begins.
#[derive(Clone, Debug)]
pub(super) struct PhrasePrefix {
    pub field: Field,
    pub words: Vec<String>,
    pub begun: String,
}

impl Query for PhrasePrefix {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for PhrasePrefix {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let documents = self.documents(&*reader.inverted_index(self.field)?)?;
        Ok(Box::new(ConstScorer::new(Documents { documents, at: 0 }, boost)))
    }

    fn explain(&self, _: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument(format!("document {document} is not explained")))
    }
}

impl PhrasePrefix {
    fn documents(&self, inverted: &InvertedIndexReader) -> tantivy::Result<Vec<DocId>> {
        let openings = Openings::find(self, inverted)?;
        let mut is_hit = vec![false; openings.documents.len()];
        let mut words = inverted.terms().range().ge(self.begun.as_bytes()).into_stream()?;
        let with_positions = IndexRecordOption::WithFreqsAndPositions;
        while words.advance() && words.key().starts_with(self.begun.as_bytes()) {
            let postings = inverted.read_postings_from_terminfo(words.value(), with_positions)?;
            openings.compare(postings, &mut is_hit);
        }
        let hits = openings.documents.into_iter().zip(is_hit);
        Ok(hits.filter(|(_, is_hit)| *is_hit).map(|((document, _), _)| document).collect())
    }
}

/// Documents in order.
struct Documents {
    documents: Vec<DocId>,
    at: usize,
}

impl DocSet for Documents {
    fn advance(&mut self) -> DocId {
        self.at = self.documents.len().min(self.at + 1);
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.documents.get(self.at).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        u32::try_from(self.documents.len()).unwrap_or(u32::MAX)
    }
}

/// Documents that have the words before the last, each with the places behind them.
struct Openings {
    documents: Vec<(DocId, Vec<u32>)>,
}

impl Openings {
    fn find(phrase: &PhrasePrefix, inverted: &InvertedIndexReader) -> tantivy::Result<Openings> {
        let mut found = Openings { documents: Vec::new() };
        let mut words = Vec::new();
        for word in &phrase.words {
            let term = Term::from_field_text(phrase.field, word);
            match inverted.read_postings(&term, IndexRecordOption::WithFreqsAndPositions)? {
                Some(postings) => words.push(postings),
                None => return Ok(found),
            }
        }
        let mut at = 0;
        while let Some(document) = next_of_all(&mut words, at) {
            let places = places_behind(&mut words);
            if !places.is_empty() {
                found.documents.push((document, places));
            }
            at = document + 1;
        }
        Ok(found)
    }

    /// Marks the documents where the word stands at one of the places.
    fn compare(&self, mut word: SegmentPostings, is_hit: &mut [bool]) {
        let mut positions = Vec::new();
        let mut from = 0;
        while word.doc() != TERMINATED {
            let rest = self.documents.get(from..).unwrap_or_default();
            from += rest.partition_point(|(document, _)| *document < word.doc());
            let (Some((document, places)), Some(is_hit)) = (self.documents.get(from), is_hit.get_mut(from))
            else {
                return;
            };
            if word.doc() < *document {
                word.seek(*document);
                continue;
            }
            if !*is_hit {
                word.positions(&mut positions);
                *is_hit = places.iter().any(|place| positions.binary_search(place).is_ok());
            }
            word.advance();
        }
    }
}

/// The first document from `at` on that all words are in; they stand at it then.
fn next_of_all(words: &mut [SegmentPostings], mut at: DocId) -> Option<DocId> {
    loop {
        let mut is_everywhere = true;
        for word in &mut *words {
            let document = if word.doc() < at { word.seek(at) } else { word.doc() };
            if document == TERMINATED {
                return None;
            }
            is_everywhere &= document == at;
            at = at.max(document);
        }
        if is_everywhere {
            return Some(at);
        }
    }
}

/// The places behind the words, where they stand one after the other.
fn places_behind(words: &mut [SegmentPostings]) -> Vec<u32> {
    let mut behind: Option<Vec<u32>> = None;
    for word in words {
        // Where the next word must stand.
        let mut places = Vec::new();
        word.positions_with_offset(1, &mut places);
        behind = Some(match behind {
            None => places,
            Some(before) => {
                places.retain(|place| before.binary_search(&(place - 1)).is_ok());
                places
            }
        });
    }
    behind.unwrap_or_default()
}
