//! Messages: what stands in braces is a path from the record to a value.

use std::collections::BTreeMap;

use crate::{
    definition::{Located, rule::RefusalDefinition},
    expression::{Expression, NodeKind, Root, Scope},
    issue::{Issues, Place},
    model::Labels,
    rules::{Message, Piece, Refusal},
};

/// Compiles a message; what is wrong with its places is told once for each text.
pub(super) fn message(labels: &Located<Labels>, scope: &Scope<'_>, issues: &mut Issues) -> Message {
    let mut message = Message::default();
    let mut known = BTreeMap::new();
    for (locale, text) in &labels.value.0 {
        let mut place = labels.place.clone();
        if labels.value.0.len() > 1 {
            place.path = format!("{}.{locale}", place.path);
        }
        let mut compiler = Compiler { place: &place, scope, known: &mut known, values: &mut message.values };
        let pieces = compiler.pieces(text, issues);
        message.texts.insert(locale.clone(), pieces);
    }
    message
}

/// A refusal with what it tells; `name` makes its code where it has none.
pub(super) fn refusal(
    written: &RefusalDefinition,
    name: &str,
    when: Option<Expression>,
    scope: &Scope<'_>,
    issues: &mut Issues,
) -> Refusal {
    let error_code = written.error_code.clone().unwrap_or_else(|| name.to_uppercase());
    Refusal {
        when,
        severity: written.severity,
        error_code,
        message: message(&written.message, scope, issues),
    }
}

/// What whoever writes a message can read without evaluating anything.
fn is_own_field(value: &Expression) -> bool {
    matches!(&value.node.kind, NodeKind::Field { root: Root::Record | Root::Old, path } if path.steps.is_empty())
}

struct Compiler<'a, 's> {
    place: &'a Place,
    scope: &'a Scope<'s>,
    /// The paths that a value is there for.
    known: &'a mut BTreeMap<String, usize>,
    values: &'a mut Vec<Expression>,
}

impl Compiler<'_, '_> {
    fn pieces(&mut self, text: &str, issues: &mut Issues) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let Some((path, after)) = behind.split_once('}') else {
                issues.error(self.place, "bad-format", "a `{` without its `}`");
                return pieces;
            };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.extend(self.value(path, issues).map(Piece::Value));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        pieces
    }

    fn value(&mut self, path: &str, issues: &mut Issues) -> Option<usize> {
        if let Some(at) = self.known.get(path) {
            return Some(*at);
        }
        let in_path = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if path.is_empty() || !path.chars().all(in_path) {
            let message = format!("`{{{path}}}`: in braces stands a field, or a path to one");
            issues.error(self.place, "bad-format", message);
            return None;
        }
        let value = Expression::compile(path, self.place, self.scope, issues)?;
        if !is_own_field(&value) {
            let message = format!("`{{{path}}}`: a message names stored fields of its own record so far");
            issues.error(self.place, "not-supported-yet", message);
            return None;
        }
        self.values.push(value);
        self.known.insert(path.to_owned(), self.values.len() - 1);
        Some(self.values.len() - 1)
    }
}
