//! A search text as clauses over columns, and the clauses as a query of one index.
//!
//! The grammar is Tantivy's; what of it is not promised (ranges, sets, patterns, existence) is refused by name. Columns
//! are bound here, once: a clause never leaves the columns that may be searched.

use tantivy::{
    Term,
    query::{
        AllQuery, BooleanQuery, BoostQuery, EmptyQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery,
    },
    query_grammar::{self, Delimiter, UserInputAst, UserInputLeaf, UserInputLiteral},
    schema::{Field, IndexRecordOption},
};

use super::{TextQuery, TextSyntax, prefix::PhrasePrefix};
use crate::{
    catalog::Table,
    error::{Error, Result},
    text::{TextPart, analyzer},
};

/// Longest search text, in bytes.
const TEXT_BYTES_MAX: usize = 4_096;
/// Words of a search text.
const WORDS_MAX: usize = 256;
/// Parentheses and NOTs inside each other.
const DEPTH_MAX: usize = 12;

/// What rows must hold.
#[derive(Debug, PartialEq)]
pub(super) enum Clause {
    All,
    /// These words in this order, in one of the columns.
    Phrase {
        columns: Vec<usize>,
        words: Vec<String>,
        how: How,
    },
    Group(Vec<(Occur, Clause)>),
    Boost(Box<Clause>, f32),
}

/// How words are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum How {
    /// As they are, with at most so many others in between.
    Exact { slop: u32 },
    /// The last is only the beginning of a word.
    Prefix,
    /// One word, with at most so many letters wrong.
    Fuzzy { letters: u8 },
}

/// The clause of a search text; `None` when there is no word in it.
///
/// # Errors
///
/// `Invalid`, telling the mistake.
pub(super) fn read(table: &Table, columns: &[usize], query: &TextQuery) -> Result<Option<Clause>> {
    if query.text.len() > TEXT_BYTES_MAX {
        return Err(limited("search_text_bytes_max", query.text.len(), TEXT_BYTES_MAX));
    }
    match query.syntax {
        TextSyntax::Words => words_clause(columns, &query.text),
        TextSyntax::Expression => {
            check_depth(&query.text)?;
            let ast = query_grammar::parse_query(&query.text)
                .map_err(|_| invalid(format!("the search expression {:?} can't be read", query.text)))?;
            Reader { table, columns }.clause(ast, 0).map(Some)
        }
    }
}

/// The position of a column that may be searched.
pub(super) fn must_searchable(table: &Table, name: &str) -> Result<usize> {
    let at = table.spec.position(name).filter(|at| table.searchable.contains(at));
    at.ok_or_else(|| invalid(format!("{name:?} is no searchable column of {:?}", table.spec.name)))
}

fn words_clause(columns: &[usize], text: &str) -> Result<Option<Clause>> {
    let runs = runs(text)?;
    if runs.is_empty() {
        return Ok(None);
    }
    let must = runs.into_iter().map(|words| {
        let columns = columns.to_vec();
        (Occur::Must, Clause::Phrase { columns, words, how: How::Exact { slop: 0 } })
    });
    Ok(Some(Clause::Group(must.collect())))
}

/// The words of a text, as the indexes cut them; those without anything between them together. Only characters of
/// writing without blanks stand so.
fn runs(text: &str) -> Result<Vec<Vec<String>>> {
    let mut analyzer = analyzer();
    let mut stream = analyzer.token_stream(text);
    let mut runs: Vec<Vec<String>> = Vec::new();
    let (mut count, mut end) = (0, None);
    while stream.advance() {
        count += 1;
        if count > WORDS_MAX {
            return Err(limited("search_words_max", count, WORDS_MAX));
        }
        let token = stream.token();
        match runs.last_mut().filter(|_| end == Some(token.offset_from)) {
            Some(run) => run.push(token.text.clone()),
            None => runs.push(vec![token.text.clone()]),
        }
        end = Some(token.offset_to);
    }
    Ok(runs)
}

fn words(text: &str) -> Result<Vec<String>> {
    Ok(runs(text)?.concat())
}

/// The parser recurses, so what is nested too deep must not reach it.
fn check_depth(text: &str) -> Result<()> {
    let depth = text.matches('(').count() + text.matches("NOT").count();
    if depth > DEPTH_MAX { Err(limited("search_depth_max", depth, DEPTH_MAX)) } else { Ok(()) }
}

struct Reader<'a> {
    table: &'a Table,
    columns: &'a [usize],
}

impl Reader<'_> {
    fn clause(&self, ast: UserInputAst, depth: usize) -> Result<Clause> {
        if depth > 4 * DEPTH_MAX {
            return Err(limited("search_depth_max", depth, DEPTH_MAX));
        }
        match ast {
            UserInputAst::Clause(clauses) if clauses.is_empty() => {
                Err(invalid("a search expression needs at least one term".into()))
            }
            UserInputAst::Clause(clauses) => {
                let clause = |(occur, ast): (Option<query_grammar::Occur>, UserInputAst)| {
                    Ok((occur.map_or(Occur::Should, occur_of), self.clause(ast, depth + 1)?))
                };
                let mut group = clauses.into_iter().map(clause).collect::<Result<Vec<_>>>()?;
                if group.iter().all(|(occur, _)| *occur == Occur::MustNot) {
                    group.push((Occur::Must, Clause::All));
                }
                Ok(Clause::Group(group))
            }
            UserInputAst::Boost(inner, factor) => {
                let factor = format!("{factor}")
                    .parse::<f32>()
                    .ok()
                    .filter(|factor| factor.is_finite() && *factor >= 0.0);
                let factor = factor.ok_or_else(|| invalid("a boost must be a number from 0 on".into()))?;
                Ok(Clause::Boost(Box::new(self.clause(*inner, depth + 1)?), factor))
            }
            UserInputAst::Leaf(leaf) => self.leaf(*leaf),
        }
    }

    fn leaf(&self, leaf: UserInputLeaf) -> Result<Clause> {
        let refused = match leaf {
            UserInputLeaf::Literal(literal) => return self.literal(literal),
            UserInputLeaf::All => return Ok(Clause::All),
            UserInputLeaf::Range { .. } => "a range",
            UserInputLeaf::Set { .. } => "a set",
            UserInputLeaf::Exists { .. } => "a test for existence",
            UserInputLeaf::Regex { .. } => "a regular expression",
        };
        Err(invalid(format!("{refused} can't be used in a search expression")))
    }

    fn literal(&self, literal: UserInputLiteral) -> Result<Clause> {
        let UserInputLiteral { field_name, phrase, delimiter, slop, prefix } = literal;
        let columns = match &field_name {
            Some(name) => vec![self.must_asked(name)?],
            None => self.columns.to_vec(),
        };
        let (text, how) = match (delimiter, prefix) {
            (Delimiter::None, _) => bare(&phrase)?,
            (_, true) => (phrase.as_str(), How::Prefix),
            (_, false) => (phrase.as_str(), How::Exact { slop }),
        };
        let words = words(text)?;
        if words.is_empty() {
            return Err(invalid(format!("there is no word in {phrase:?}")));
        }
        if words.len() > 1 && matches!(how, How::Fuzzy { .. }) {
            return Err(invalid(format!("{phrase:?}: only a single word can be fuzzy")));
        }
        Ok(Clause::Phrase { columns, words, how })
    }

    /// A column named in the expression: one that is searched, not merely one that could be.
    fn must_asked(&self, name: &str) -> Result<usize> {
        let at = must_searchable(self.table, name)?;
        if self.columns.contains(&at) {
            Ok(at)
        } else {
            Err(invalid(format!("{name:?} is not among the columns that are searched")))
        }
    }
}

/// A word without quotes: the grammar leaves `*` and `~1` at its end to us.
fn bare(word: &str) -> Result<(&str, How)> {
    if let Some(start) = word.strip_suffix('*') {
        return Ok((start, How::Prefix));
    }
    let Some((start, letters)) = word.rsplit_once('~') else { return Ok((word, How::Exact { slop: 0 })) };
    match letters.parse() {
        Ok(letters) if letters <= 2 => Ok((start, How::Fuzzy { letters })),
        _ => Err(invalid(format!("{word:?}: a fuzzy word ends in ~1 or ~2"))),
    }
}

impl Clause {
    /// This clause in terms of one index's fields. What an index does not have does not occur in it.
    pub fn query(&self, part: &TextPart) -> Box<dyn Query> {
        match self {
            Clause::All => Box::new(AllQuery),
            Clause::Boost(inner, factor) => Box::new(BoostQuery::new(inner.query(part), *factor)),
            Clause::Group(clauses) => {
                let queries = clauses.iter().map(|(occur, clause)| (*occur, clause.query(part)));
                Box::new(BooleanQuery::new(queries.collect()))
            }
            Clause::Phrase { columns, words, how } => {
                let fields = columns.iter().filter_map(|column| part.text_field(*column));
                let mut queries: Vec<_> = fields.map(|field| phrase(field, words, *how)).collect();
                match queries.pop() {
                    None => Box::new(EmptyQuery),
                    Some(only) if queries.is_empty() => only,
                    Some(last) => {
                        queries.push(last);
                        Box::new(BooleanQuery::union(queries))
                    }
                }
            }
        }
    }
}

fn phrase(field: Field, words: &[String], how: How) -> Box<dyn Query> {
    let terms: Vec<Term> = words.iter().map(|word| Term::from_field_text(field, word)).collect();
    match (terms.as_slice(), how) {
        ([], _) => Box::new(EmptyQuery),
        ([word], How::Exact { .. }) => Box::new(TermQuery::new(word.clone(), IndexRecordOption::WithFreqs)),
        ([start], How::Prefix) => Box::new(FuzzyTermQuery::new_prefix(start.clone(), 0, true)),
        ([word, ..], How::Fuzzy { letters }) => Box::new(FuzzyTermQuery::new(word.clone(), letters, true)),
        (_, How::Prefix) => match words.split_last() {
            Some((begun, words)) => {
                Box::new(PhrasePrefix { field, words: words.to_vec(), begun: begun.clone() })
            }
            None => Box::new(EmptyQuery),
        },
        (_, How::Exact { slop }) => {
            let numbered = terms.into_iter().enumerate().collect();
            Box::new(PhraseQuery::new_with_offset_and_slop(numbered, slop))
        }
    }
}

fn occur_of(occur: query_grammar::Occur) -> Occur {
    match occur {
        query_grammar::Occur::Must => Occur::Must,
        query_grammar::Occur::Should => Occur::Should,
        query_grammar::Occur::MustNot => Occur::MustNot,
    }
}

fn invalid(what: String) -> Error {
    Error::Invalid(what)
}

fn limited(limit: &'static str, asked: usize, allowed: usize) -> Error {
    let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
    Error::Limited { limit, asked: number(asked), allowed: number(allowed) }
}
