//! The fields of one object type.

use async_graphql::parser::types::SelectionSet;

use super::{Compiler, ConnectionPlan, KeyBytes, Level, key_bytes, text_bytes, unknown_field};
use crate::{
    error::Result,
    model::{Kind, Member, ObjectType, PartsType},
};

/// How a record is written.
#[derive(Default)]
pub(crate) struct ObjectPlan {
    pub items: Vec<(KeyBytes, Item)>,
}

/// How one field of it is written.
pub(crate) enum Item {
    /// As it stands: `__typename`.
    Text(Vec<u8>),
    Value {
        column: String,
        kind: Kind,
    },
    /// A sum, 0 where there is no row.
    Sum {
        column: String,
        kind: Kind,
    },
    /// A number of records, 0 where there is no row.
    Count {
        column: String,
    },
    /// An object out of the same row.
    Inline(ObjectPlan),
    /// A list out of the same row.
    List(Vec<(String, Kind)>),
    ToOne {
        column: String,
        object: ObjectPlan,
    },
    /// A list of objects out of one column.
    Each {
        column: String,
        object: ObjectPlan,
    },
    ToMany(Box<ToMany>),
}

/// A list of related records.
pub(crate) struct ToMany {
    /// Its number in the operation.
    pub site: usize,
    /// The list's column, when records are asked for.
    pub column: Option<String>,
    /// The parent's id, when something is counted per parent.
    pub parent: Option<String>,
    pub connection: ConnectionPlan,
}

impl<'a> Compiler<'a> {
    /// Compiles a selection of an object type; what it needs is added to `level`.
    ///
    /// # Errors
    ///
    /// Those of arguments, with the place of the field.
    pub fn object(
        &self,
        object: &ObjectType,
        sets: &[&'a SelectionSet],
        level: &mut Level,
    ) -> Result<ObjectPlan> {
        let mut items = Vec::new();
        for (key, asked) in self.collector.fields(&object.type_name, sets)? {
            let name = asked.field.name.node.as_str();
            let item = match object.members.get(name) {
                _ if name == "__typename" => Item::Text(text_bytes(&object.type_name)),
                Some(Member::Field(field)) => {
                    self.value(level.column(field.name.as_str()), &field.kind, &asked.sets)?
                }
                Some(Member::ToOne(way)) => {
                    let mut related = Level::default();
                    let plan = self.object(self.model.target(way)?, &asked.sets, &mut related)?;
                    let column = level.expand(way.relation.as_str(), related.finish());
                    Item::ToOne { column, object: plan }
                }
                Some(Member::ToSeveral(way)) => {
                    let mut related = Level::default();
                    let plan = self.object(self.model.target(way)?, &asked.sets, &mut related)?;
                    let column = level.expand(way.relation.as_str(), related.finish());
                    Item::Each { column, object: plan }
                }
                Some(Member::ToMany(way)) => {
                    let many = self.nested_connection(way, &asked, level);
                    Item::ToMany(Box::new(many.map_err(|failure| failure.at(asked.position))?))
                }
                None => return Err(unknown_field(&object.type_name, name).at(asked.position)),
            };
            items.push((key_bytes(key), item));
        }
        Ok(ObjectPlan { items })
    }

    /// A field's value; of one that is made of parts, those that are asked for. As deep as fields are declared within fields.
    fn value(&self, column: String, kind: &Kind, sets: &[&'a SelectionSet]) -> Result<Item> {
        Ok(match kind {
            Kind::Parts(own) => Item::ToOne { column, object: self.parts(own, sets)? },
            Kind::PartsList(own) => Item::Each { column, object: self.parts(own, sets)? },
            kind => Item::Value { column, kind: kind.clone() },
        })
    }

    fn parts(&self, own: &PartsType, sets: &[&'a SelectionSet]) -> Result<ObjectPlan> {
        let mut items = Vec::new();
        for (key, asked) in self.collector.fields(&own.name, sets)? {
            let name = asked.field.name.node.as_str();
            let item = match own.parts.get(name) {
                _ if name == "__typename" => Item::Text(text_bytes(&own.name)),
                Some(part) => self.value(part.name.to_string(), &part.kind, &asked.sets)?,
                None => return Err(unknown_field(&own.name, name).at(asked.position)),
            };
            items.push((key_bytes(key), item));
        }
        Ok(ObjectPlan { items })
    }
}
