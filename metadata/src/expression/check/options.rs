//! A text that is compared with a select must be one of its options.

use super::Checker;
use crate::{
    expression::functions::Function,
    expression::tree::{Literal, Node, NodeKind, Root},
    expression::value_type::Type,
    model::{FieldKind, SelectOption},
    nearest::did_you_mean,
};

impl Checker<'_> {
    /// Reports every text beside a select, on either side, that is none of its options; nothing when there is one.
    pub(super) fn check_options(&mut self, id: u64, one: &Node, two: &Node) -> Option<()> {
        let mut fits = Some(());
        for (field, beside) in [(one, two), (two, one)] {
            let options = self.options_of(field);
            let options =
                options.as_ref().map(|all| all.iter().map(|option| option.value.as_str()).collect());
            let Some(options) = options.or_else(|| objects_of(field)) else { continue };
            let options: Vec<&str> = options;
            for text in texts(beside) {
                if options.is_empty() || options.contains(&text) {
                    continue;
                }
                let near = did_you_mean(text, options.iter().copied());
                let message = format!("{text:?} is not one of the options{near}");
                self.error(id, "unknown-option", message);
                fits = None;
            }
        }
        fits
    }

    fn options_of(&self, node: &Node) -> Option<Vec<SelectOption>> {
        let NodeKind::Field { root, path } = &node.kind else { return None };
        let object = match (path.steps.last(), root) {
            (Some(step), _) => step.target.as_str(),
            (None, Root::Record | Root::Old) => self.scope.object.name.as_str(),
            (None, Root::User) => "user",
            (None, Root::Named(name)) => self.record_named(name)?,
        };
        match &self.scope.objects.object(object)?.field(path.field.as_str())?.kind {
            FieldKind::Select { options } | FieldKind::MultiSelect { options } => Some(options.clone()),
            _ => None,
        }
    }

    fn record_named(&self, name: &str) -> Option<&str> {
        let variable = self.variables.iter().rev().find(|variable| variable.name == name);
        if let Some(Type::Record(object)) = variable.map(|variable| &variable.type_) {
            return Some(object.as_str());
        }
        self.scope.named.iter().find(|(known, _)| known == name).map(|(_, object)| object.as_str())
    }
}

/// What the type of a reference to one of several objects may be: it is written out as the first of several, each of which is a
/// text or nothing.
fn objects_of(node: &Node) -> Option<Vec<&str>> {
    let NodeKind::Call { function: Function::Coalesce, arguments } = &node.kind else { return None };
    arguments.iter().map(object_of).collect()
}

fn object_of(node: &Node) -> Option<&str> {
    let NodeKind::Conditional { then, otherwise, .. } = &node.kind else { return None };
    match &then.kind {
        NodeKind::Literal(Literal::Text(text)) if is_null(&otherwise.kind) => Some(text),
        _ => None,
    }
}

fn is_null(kind: &NodeKind) -> bool {
    match kind {
        NodeKind::Literal(Literal::Null) => true,
        NodeKind::Convert(inner) => is_null(&inner.kind),
        _ => false,
    }
}

/// The texts that are written down: one, or those of a list.
fn texts(node: &Node) -> Vec<&str> {
    match &node.kind {
        NodeKind::Literal(Literal::Text(text)) => vec![text],
        NodeKind::List(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
