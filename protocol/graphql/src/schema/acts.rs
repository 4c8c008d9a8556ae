//! The root fields, inputs and results of actions.

use async_graphql::dynamic::{Field, InputObject, InputValue, Object, TypeRef};

use super::{Types, field, inputs};
use crate::model::{ActType, Kind, Parameter};

/// An action's input and result types.
pub(super) fn add(types: &mut Types, act: &ActType) {
    if !act.parameters.is_empty() {
        let input = InputObject::new(act.type_called("Input")).description("What the action is given.");
        let value = |(name, parameter): (&String, &Parameter)| {
            InputValue::new(name, inputs::input_type(parameter.kind(), parameter.required))
        };
        types.add(act.parameters.iter().fold(input, |input, given| input.field(value(given))));
        for parameter in act.parameters.values() {
            if let Kind::Enum(values) | Kind::Enums(values) = parameter.kind() {
                types.add_enum(values);
            }
        }
    }
    let mut result = Object::new(act.type_called("Result"))
        .description("What became of the action; in a dry run, what would.")
        .field(field("id", TypeRef::named_nn(TypeRef::ID)))
        .field(field("record", TypeRef::named(&act.object.type_name)));
    if !act.returns.is_empty() {
        let of_action =
            act.returns.iter().fold(Object::new(act.type_called("Returned")), |output, (name, value)| {
                let ty = match value.many {
                    true => TypeRef::named_nn_list(value.type_name),
                    false => TypeRef::named(value.type_name),
                };
                output.field(field(name, ty))
            });
        types.add(of_action);
        result = result.field(field("returned", TypeRef::named(act.type_called("Returned"))));
    }
    types.add(inputs::manners(result));
}

/// Its field of the mutation root.
pub(super) fn root(act: &ActType) -> Field {
    let root = field(&act.root_name(), TypeRef::named(act.type_called("Result")))
        .description(&act.description)
        .argument(InputValue::new("id", TypeRef::named_nn(TypeRef::ID)))
        .argument(InputValue::new("ifRevision", TypeRef::named("Long")))
        .argument(InputValue::new("dryRun", TypeRef::named(TypeRef::BOOLEAN)));
    let input = act.type_called("Input");
    match (act.parameters.is_empty(), act.must_be_given()) {
        (true, _) => root,
        (false, true) => root.argument(InputValue::new("input", TypeRef::named_nn(input))),
        (false, false) => root.argument(InputValue::new("input", TypeRef::named(input))),
    }
}
