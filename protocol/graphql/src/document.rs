//! Reading a document, with limits that hold before anything recurses into it.

use std::collections::HashMap;

use async_graphql::{
    Pos, Positioned, ServerError,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet},
    },
};

use crate::error::{Failure, Fault, Result};

/// What a document may cost before it runs.
#[derive(Clone, Debug)]
pub struct DocumentLimits {
    /// Bytes of text.
    pub bytes_max: usize,
    /// Names, numbers, texts and marks.
    pub tokens_max: usize,
    /// Brackets within brackets.
    pub depth_max: usize,
    /// Fields with all fragments opened.
    pub fields_max: usize,
    /// Fields at the root of an operation with all fragments opened.
    pub roots_max: usize,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self { bytes_max: 256 << 10, tokens_max: 20_000, depth_max: 48, fields_max: 10_000, roots_max: 100 }
    }
}

impl DocumentLimits {
    /// Parses a document.
    ///
    /// # Errors
    ///
    /// `Limit` with what was asked and what is allowed; `Syntax` with the place.
    pub(crate) fn parse(&self, text: &str) -> Result<ExecutableDocument> {
        check("document bytes", text.len(), self.bytes_max)?;
        self.scan(text)?;
        let document = parse_query(text).map_err(|error| syntax(&error.into()))?;
        for (_, operation) in document.operations.iter() {
            let set = &operation.node.selection_set.node;
            let size = opened(&document, set, &mut HashMap::new(), self.depth_max)?;
            check("fields at the root", size.roots, self.roots_max)?;
            check("fields with fragments opened", size.fields, self.fields_max)?;
        }
        Ok(document)
    }

    /// Counts tokens and brackets without a stack of its own; texts and comments are stepped over.
    fn scan(&self, text: &str) -> Result<()> {
        let bytes = text.as_bytes();
        let (mut at, mut tokens, mut depth) = (0, 0_usize, 0_usize);
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => continue,
                b'#' => {
                    at += length_until(&bytes[at..], |byte| matches!(byte, b'\n' | b'\r'));
                    continue;
                }
                b'"' => at = text_end(bytes, at),
                b'{' | b'(' | b'[' => depth += 1,
                b'}' | b')' | b']' => depth = depth.saturating_sub(1),
                _ if is_word(byte) => at += length_until(&bytes[at..], |byte| !is_word(byte)),
                _ => {}
            }
            tokens += 1;
            check("document depth", depth, self.depth_max)?;
            check("document tokens", tokens, self.tokens_max)?;
        }
        Ok(())
    }
}

/// The parser draws the place into its message; the last line says what is wrong.
fn syntax(error: &ServerError) -> Failure {
    let said = error.message.rsplit(" = ").next().unwrap_or_default();
    let failure = Failure::from_server(error, Fault::Syntax);
    Failure { message: format!("syntax error: {}", said.trim()), ..failure }
}

fn check(what: &str, asked: usize, allowed: usize) -> Result<()> {
    if asked <= allowed {
        return Ok(());
    }
    let message = format!("{what}: {asked} asked, {allowed} allowed; ask for less");
    Err(Failure::new(Fault::Limit, message).with("limit", allowed))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+')
}

fn length_until(bytes: &[u8], ends: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| ends(*byte)).unwrap_or(bytes.len())
}

/// Where the text that began before `at` ends: `"…"` with escapes, or `"""…"""`.
fn text_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    if let Some(block) = rest.strip_prefix(b"\"\"") {
        let end = block.windows(3).position(|window| window == b"\"\"\"");
        return end.map_or(bytes.len(), |end| at + 2 + end + 3);
    }
    let mut escaped = false;
    let end = rest.iter().position(|byte| {
        let ends = (*byte == b'"' && !escaped) || *byte == b'\n';
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(bytes.len(), |end| at + end + 1)
}

/// How many fields a selection set has with its fragments opened.
#[derive(Clone, Copy, Default)]
struct Size {
    /// In it.
    roots: usize,
    /// In it and below.
    fields: usize,
}

/// How many fields a selection set has with its fragments opened. Each fragment is measured once, so that fragments
/// that hold one another several times are counted without being walked; a circle is left to validation.
fn opened<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    sizes: &mut HashMap<&'a str, Size>,
    depth_left: usize,
) -> Result<Size> {
    let Some(depth_left) = depth_left.checked_sub(1) else {
        return Err(Failure::new(Fault::Limit, "fragments nest too deep, or hold themselves; nest less"));
    };
    let mut total = Size::default();
    for selection in &set.items {
        let size = match &selection.node {
            Selection::Field(field) => {
                let below = opened(document, &field.node.selection_set.node, sizes, depth_left)?;
                Size { roots: 1, fields: below.fields.saturating_add(1) }
            }
            Selection::InlineFragment(fragment) => {
                opened(document, &fragment.node.selection_set.node, sizes, depth_left)?
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                match (sizes.get(name), document.fragments.get(name)) {
                    (Some(size), _) => *size,
                    (None, Some(fragment)) => {
                        let size = opened(document, &fragment.node.selection_set.node, sizes, depth_left)?;
                        sizes.insert(name, size);
                        size
                    }
                    (None, None) => Size::default(),
                }
            }
        };
        total.roots = total.roots.saturating_add(size.roots);
        total.fields = total.fields.saturating_add(size.fields);
    }
    Ok(total)
}

/// The operation to run.
///
/// # Errors
///
/// `Validation` when the name is unknown, or is needed and not given.
pub(crate) fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>> {
    let found = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next()
        }
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        _ => None,
    };
    found.ok_or_else(|| {
        let message = match name {
            Some(name) => format!("the document has no operation named \"{name}\""),
            None => "the document has several operations; say which one with \"operationName\"".to_owned(),
        };
        Failure::new(Fault::Validation, message).at(Pos { line: 1, column: 1 })
    })
}
