//! A text that is compared with a select must be one of its options.

use super::Checker;
use crate::{
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
            let Some(options) = self.options_of(field) else { continue };
            for text in texts(beside) {
                if options.is_empty() || options.iter().any(|option| option.value == text) {
                    continue;
                }
                let near = did_you_mean(text, options.iter().map(|option| option.value.as_str()));
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

/// The texts that are written down: one, or those of a list.
fn texts(node: &Node) -> Vec<&str> {
    match &node.kind {
        NodeKind::Literal(Literal::Text(text)) => vec![text],
        NodeKind::List(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
