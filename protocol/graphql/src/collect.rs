//! Which fields an operation asks of a type: fragments opened, `@skip` and `@include` obeyed, fields of one response
//! key merged (GraphQL specification, 6.3.2 "Field Collection").

use async_graphql::{
    Pos, Value, Variables,
    indexmap::IndexMap,
    parser::types::{Directive, ExecutableDocument, Field, Selection, SelectionSet},
};

use crate::{
    error::{Failure, Fault, Result},
    values,
};

/// One field of a response, with every selection set that was written under its key.
pub(crate) struct Asked<'a> {
    pub field: &'a Field,
    pub position: Pos,
    pub sets: Vec<&'a SelectionSet>,
}

/// The document's fragments with the operation's variables.
#[derive(Clone, Copy)]
pub(crate) struct Collector<'a> {
    pub document: &'a ExecutableDocument,
    pub variables: &'a Variables,
}

impl<'a> Collector<'a> {
    /// The fields asked of an object type, by response key, in order.
    ///
    /// # Errors
    ///
    /// A directive without a boolean.
    pub fn fields(&self, type_name: &str, sets: &[&'a SelectionSet]) -> Result<IndexMap<&'a str, Asked<'a>>> {
        let mut asked = IndexMap::new();
        for set in sets {
            self.add(type_name, set, &mut asked)?;
        }
        Ok(asked)
    }

    // Fragments can't go in circles and are counted before: see `document`.
    fn add(
        &self,
        type_name: &str,
        set: &'a SelectionSet,
        asked: &mut IndexMap<&'a str, Asked<'a>>,
    ) -> Result<()> {
        for selection in &set.items {
            if !self.included(&selection.node)? {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    let entry = asked.entry(key).or_insert_with(|| Asked {
                        field: &field.node,
                        position: field.pos,
                        sets: Vec::new(),
                    });
                    entry.sets.push(&field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    if condition.is_none_or(|condition| condition.node.on.node == type_name) {
                        self.add(type_name, &fragment.node.selection_set.node, asked)?;
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) = fragment
                        && fragment.node.type_condition.node.on.node == type_name
                    {
                        self.add(type_name, &fragment.node.selection_set.node, asked)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn included(&self, selection: &Selection) -> Result<bool> {
        for directive in selection.directives() {
            let excluded_by = match directive.node.name.node.as_str() {
                "skip" => true,
                "include" => false,
                _ => continue,
            };
            if self.condition(&directive.node).map_err(|failure| failure.at(directive.pos))? == excluded_by {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn condition(&self, directive: &Directive) -> Result<bool> {
        let value =
            directive.get_argument("if").and_then(|value| values::resolve(&value.node, self.variables));
        match value {
            Some(Value::Boolean(flag)) => Ok(flag),
            _ => {
                let name = &directive.name.node;
                Err(Failure::new(Fault::Value, format!("@{name} needs a boolean for \"if\"")))
            }
        }
    }

    /// The arguments of a field, variables put in; those without a value are left out.
    pub fn arguments(&self, field: &Field) -> IndexMap<String, Value> {
        let arguments = field.arguments.iter();
        let given = arguments.filter_map(|(name, value)| {
            Some((name.node.to_string(), values::resolve(&value.node, self.variables)?))
        });
        given.collect()
    }
}
