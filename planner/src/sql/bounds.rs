//! What of a text of SQL is refused before a tree is made of it, or before the tree is planned.
//!
//! The parser limits its own recursion, but `1+1+1+…` needs none and makes a tree as deep as it is long, on which every
//! walk recurses. So the length of a chain is bounded while it is still a list of tokens.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::{
    ast::{Query, Statement, TableFactor, Visit, Visitor},
    tokenizer::Token,
};

use crate::error::{Error, Result};

/// Tokens between two commas, counted through open parentheses.
pub const CHAIN_TOKENS_MAX: usize = 6_000;

/// Refuses a chain of tokens that would make too deep a tree.
///
/// # Errors
///
/// `Limited`.
pub fn check_chains<'a>(tokens: impl Iterator<Item = &'a Token>) -> Result<()> {
    let mut open: Vec<usize> = Vec::new();
    let (mut outside, mut here) = (0, 0_usize);
    for token in tokens {
        match token {
            Token::Whitespace(_) => {}
            Token::Comma | Token::SemiColon => here = 0,
            Token::LParen => {
                open.push(here);
                outside += here;
                here = 0;
            }
            Token::RParen => {
                here = open.pop().unwrap_or(0);
                outside -= here;
                here += 1;
            }
            _ => here += 1,
        }
        if outside + here > CHAIN_TOKENS_MAX {
            let message = format!(
                "a chain of operators may be {CHAIN_TOKENS_MAX} words long; write it with IN, ANY or VALUES"
            );
            return Err(Error::limited("", message));
        }
    }
    Ok(())
}

/// Refuses the clauses that the planner would pass over in silence.
///
/// # Errors
///
/// `Invalid`, naming the clause.
pub fn refuse_ignored(statement: &Statement) -> Result<()> {
    match statement.visit(&mut Ignored) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(clause) => {
            Err(Error::invalid("NOT_SUPPORTED", "", format!("{clause} is not supported")))
        }
    }
}

struct Ignored;

impl Visitor for Ignored {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<&'static str> {
        match query.locks.is_empty() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break("FOR UPDATE or FOR SHARE"),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<&'static str> {
        match factor {
            TableFactor::Table { sample: Some(_), .. } => ControlFlow::Break("TABLESAMPLE"),
            TableFactor::Table { version: Some(_), .. } => ControlFlow::Break("a table's version"),
            TableFactor::Table { partitions, .. } if !partitions.is_empty() => {
                ControlFlow::Break("a table's partitions")
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
