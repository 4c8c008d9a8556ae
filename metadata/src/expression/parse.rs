//! From text to CEL's own tree, by the `cel` crate's parser.

use cel::{
    IdedExpr,
    common::ast::SourceInfo,
    parser::{ParseErrors, Parser},
};

use crate::{
    expression::spreadsheet::in_cel,
    issue::{Issues, Place},
    limits::{EXPRESSION_BYTES_MAX, EXPRESSION_PARSE_DEPTH_MAX, EXPRESSION_SYMBOLS_MAX},
};

/// CEL's tree and where its parts stand in the text.
pub(super) struct Parsed {
    pub(super) root: IdedExpr,
    source: SourceInfo,
}

impl Parsed {
    /// Where a part begins: the character, from 1.
    pub(super) fn character(&self, id: u64) -> usize {
        let (start, _) = self.source.offset_for(id).unwrap_or_default();
        usize::try_from(start).unwrap_or(0) + 1
    }
}

/// Parses a text; what can't be read is one issue, for what follows it would be guesswork.
pub(super) fn parse(text: &str, place: &Place, issues: &mut Issues) -> Option<Parsed> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let message = format!("an expression has at most {EXPRESSION_BYTES_MAX} bytes");
        issues.error(place, "expression-cost", message);
        return None;
    }
    // The parser goes down once for each operator of a chain.
    if text.chars().filter(|c| !c.is_alphanumeric() && !c.is_whitespace() && *c != '_').count()
        > EXPRESSION_SYMBOLS_MAX
    {
        let message =
            format!("an expression has at most {EXPRESSION_SYMBOLS_MAX} operators, brackets and commas");
        issues.error(place, "expression-cost", message);
        return None;
    }
    if bracket_depth(text) > usize::from(EXPRESSION_PARSE_DEPTH_MAX) {
        let message = format!("more than {EXPRESSION_PARSE_DEPTH_MAX} brackets within brackets");
        issues.error(place, "expression-cost", message);
        return None;
    }
    match read(text) {
        Ok(parsed) => Some(parsed),
        Err(errors) => {
            // One of the older dialects, perhaps: only a text that reads as CEL then is taken for it.
            if let Some((cel, parsed)) = in_cel(text).and_then(|cel| Some((cel.clone(), read(&cel).ok()?))) {
                let message = format!("not CEL, but an older dialect; it is read as `{cel}`");
                issues.warning(place, "expression-dialect", message);
                return Some(parsed);
            }
            issues.error(place, "expression-syntax", message(text, &errors));
            None
        }
    }
}

/// The text as CEL: itself, or what an older dialect says in it; none for what is neither.
pub(crate) fn in_cel_of(text: &str) -> Option<String> {
    if text.len() > EXPRESSION_BYTES_MAX || bracket_depth(text) > usize::from(EXPRESSION_PARSE_DEPTH_MAX) {
        return None;
    }
    match read(text) {
        // `CONCATENATE(a, b)` has the form of a call, but no function of ours is in capitals.
        Ok(_) if !calls_in_capitals(text) => Some(text.to_owned()),
        Ok(_) => in_cel(text).filter(|cel| read(cel).is_ok()).or_else(|| Some(text.to_owned())),
        Err(_) => in_cel(text).filter(|cel| read(cel).is_ok()),
    }
}

/// Whether something like `TODAY(` stands in it.
fn calls_in_capitals(text: &str) -> bool {
    text.match_indices('(').any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase())
    })
}

fn read(text: &str) -> Result<Parsed, ParseErrors> {
    let parser = Parser::new().max_recursion_depth(EXPRESSION_PARSE_DEPTH_MAX);
    parser.parse_with_source_info(text).map(|(root, source)| Parsed { root, source })
}

fn message(text: &str, errors: &ParseErrors) -> String {
    let Some(first) = errors.errors.first() else { return "can't be read as CEL".to_owned() };
    let hint = if spreadsheet_like(text) { "; CEL writes `==`, `&&`, `||`, `!` and `x ? y : z`" } else { "" };
    let what = first.msg.trim_start_matches("Syntax error: ");
    let what = what.split(" expecting {").next().unwrap_or(what).replace("<EOF>", "the end");
    let what = match what.as_str() {
        "mismatched input 'the end'" => "it ends where something must follow".to_owned(),
        _ => what,
    };
    let (line, column) = first.pos;
    let before: usize = text
        .split_inclusive('\n')
        .take(usize::try_from(line - 1).unwrap_or(0))
        .map(|l| l.chars().count())
        .sum();
    let character = before + usize::try_from(column).unwrap_or(0).max(1);
    format!("can't be read as CEL: {what}, at character {character}{hint}")
}

/// Brackets within brackets; those in quotes count too, for it takes the parser to know them.
fn bracket_depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for character in text.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Whether it looks like the older dialects.
fn spreadsheet_like(text: &str) -> bool {
    let upper = text.to_uppercase();
    [" AND ", " OR ", "NOT ", " = ", "CASE WHEN", "<>"].iter().any(|word| upper.contains(word))
}
