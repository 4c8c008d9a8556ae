//! Inputs and results of changes.

use async_graphql::dynamic::{Enum, EnumItem, InputObject, InputValue, Object, TypeRef};

use super::{Types, field};
use crate::model::{Kind, ObjectType};

/// An object's inputs (new, patch), its field names and its results.
pub(super) fn add(types: &mut Types, object: &ObjectType) {
    let type_name = &object.type_name;
    let new = InputObject::new(format!("{type_name}Input")).description("The values of a new record.");
    let patch = InputObject::new(format!("{type_name}Patch"))
        .description("The values to set; null clears a field, what is not named stays.");
    let writable = || object.writable();
    let value = |(name, kind): (&String, &Kind)| InputValue::new(name, input_type(kind, false));
    types.add(writable().fold(new, |input, (name, field)| input.field(value((name, &field.kind)))));
    let settable = writable().filter(|(name, _)| *name != "id");
    types.add(settable.fold(patch, |input, (name, field)| input.field(value((name, &field.kind)))));
    let names = object.fields().map(|(name, _)| EnumItem::new(name));
    types.add(Enum::new(format!("{type_name}Field")).items(names));
    let id = || TypeRef::named_nn(TypeRef::ID);
    let one = Object::new(format!("{type_name}Result"))
        .description("What became of one record; in a dry run, what would.")
        .field(field("id", id()))
        .field(field("record", TypeRef::named(type_name)));
    types.add(manners(one));
    let many = Object::new(format!("{type_name}ManyResult"))
        .description("What became of several records; in a dry run, what would.")
        .field(field("ids", TypeRef::named_nn_list_nn(TypeRef::ID)))
        .field(field("count", TypeRef::named_nn(TypeRef::INT)))
        .field(field("records", TypeRef::named_nn_list_nn(type_name)));
    types.add(manners(many));
}

/// What is told of every change.
pub(super) fn manners(result: Object) -> Object {
    result
        .field(field("done", TypeRef::named_nn("Done")))
        .field(field("csn", TypeRef::named("Long")))
        .field(field("dryRun", TypeRef::named_nn(TypeRef::BOOLEAN)))
}

/// The type of a value that is given.
pub(super) fn input_type(kind: &Kind, required: bool) -> TypeRef {
    let ty = match kind {
        // What is wrong inside is told by the field's own checks.
        Kind::Parts(_) | Kind::PartsList(_) => TypeRef::named("JSON"),
        kind if kind.is_list() => TypeRef::named_nn_list(kind.type_name()),
        _ => TypeRef::named(kind.type_name()),
    };
    if required { TypeRef::NonNull(Box::new(ty)) } else { ty }
}
