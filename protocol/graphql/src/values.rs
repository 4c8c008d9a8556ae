//! Values of arguments and variables: from JSON, by their declared types, with variables put in.

use async_graphql::{
    Name, Value, Variables,
    indexmap::IndexMap,
    parser::types::{BaseType, OperationDefinition, Type},
    registry::{MetaType, Registry},
};

use crate::error::{Failure, Fault, Result};

/// A value as it stands in a document, where variables may still be.
pub(crate) type Literal = async_graphql_value::Value;

/// A JSON value, numbers with all their digits.
pub(crate) fn from_json(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Boolean(flag),
        Json::Number(number) => Value::Number(number),
        Json::String(text) => Value::String(text),
        Json::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        Json::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (Name::new(key), from_json(value))).collect())
        }
    }
}

/// The same as JSON; an enum value is its name.
pub(crate) fn to_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Number(number) => Json::Number(number.clone()),
        Value::String(text) => Json::String(text.clone()),
        Value::Enum(name) => Json::String(name.to_string()),
        Value::Binary(bytes) => Json::Array(bytes.iter().map(|byte| (*byte).into()).collect()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Object(fields) => {
            Json::Object(fields.iter().map(|(key, value)| (key.to_string(), to_json(value))).collect())
        }
    }
}

/// A literal with its variables put in; nothing where it is a variable that was not given. A field of an object
/// whose variable was not given is left out, an item of a list is null.
pub(crate) fn resolve(literal: &Literal, variables: &Variables) -> Option<Value> {
    Some(match literal {
        Literal::Variable(name) => return variables.get(name).cloned(),
        Literal::Null => Value::Null,
        Literal::Number(number) => Value::Number(number.clone()),
        Literal::String(text) => Value::String(text.clone()),
        Literal::Boolean(flag) => Value::Boolean(*flag),
        Literal::Binary(bytes) => Value::Binary(bytes.clone()),
        Literal::Enum(name) => Value::Enum(name.clone()),
        Literal::List(items) => {
            Value::List(items.iter().map(|item| resolve(item, variables).unwrap_or(Value::Null)).collect())
        }
        Literal::Object(fields) => Value::Object(
            fields
                .iter()
                .filter_map(|(name, field)| Some((name.clone(), resolve(field, variables)?)))
                .collect::<IndexMap<_, _>>(),
        ),
    })
}

/// The variables of an operation: what was given, checked against the declared types, and defaults. A variable of
/// an unknown type is left for validation to name.
pub(crate) fn variables(
    operation: &OperationDefinition,
    mut given: serde_json::Map<String, serde_json::Value>,
    registry: &Registry,
) -> (Variables, Vec<Failure>) {
    let mut variables = Variables::default();
    let mut failures = Vec::new();
    for definition in &operation.variable_definitions {
        let name = &definition.node.name.node;
        let ty = &definition.node.var_type.node;
        let fail = |message: String| Failure::new(Fault::Value, message).at(definition.pos);
        let value = match (given.shift_remove(name.as_str()), &definition.node.default_value) {
            (Some(value), _) => from_json(value),
            (None, Some(default)) => default.node.clone(),
            (None, None) if ty.nullable => continue,
            (None, None) => {
                failures.push(fail(format!(
                    "variable \"${name}\" of type \"{ty}\" is required, give it a value"
                )));
                continue;
            }
        };
        match coerce(value, ty, registry, &format!("${name}")) {
            Ok(value) => {
                variables.insert(name.clone(), value);
            }
            Err(failure) => failures.push(failure.at(definition.pos)),
        }
    }
    (variables, failures)
}

/// A value by its type: a single value becomes a list where a list is wanted, integers fit their width.
///
/// # Errors
///
/// One that names the place inside the value.
pub(crate) fn coerce(value: Value, ty: &Type, registry: &Registry, at: &str) -> Result<Value> {
    let wrong = |value: &Value| {
        Failure::new(Fault::Value, format!("\"{at}\": expected a value of type \"{ty}\", found {value}"))
    };
    if value == Value::Null {
        return if ty.nullable { Ok(Value::Null) } else { Err(wrong(&value)) };
    }
    let name = match &ty.base {
        BaseType::List(inner) => {
            let items = match value {
                Value::List(items) => items,
                single => vec![single],
            };
            let place = |index: usize| format!("{at}[{index}]");
            let items = items.into_iter().enumerate();
            let items = items.map(|(index, item)| coerce(item, inner, registry, &place(index)));
            return Ok(Value::List(items.collect::<Result<_>>()?));
        }
        BaseType::Named(name) => name.as_str(),
    };
    let fits = match (name, registry.types.get(name)) {
        ("Int", _) => matches!(&value, Value::Number(number) if number.as_i64().is_some_and(fits_int)),
        ("Float", _) => matches!(&value, Value::Number(_)),
        ("String", _) => matches!(&value, Value::String(_)),
        ("Boolean", _) => matches!(&value, Value::Boolean(_)),
        ("ID", _) => match &value {
            Value::String(_) => true,
            Value::Number(number) => number.is_i64() || number.is_u64(),
            _ => false,
        },
        (_, Some(MetaType::Scalar { is_valid, .. })) => {
            is_valid.as_ref().is_none_or(|is_valid| is_valid(&value))
        }
        (_, Some(MetaType::Enum { enum_values, .. })) => match &value {
            Value::String(name) => enum_values.contains_key(name.as_str()),
            Value::Enum(name) => enum_values.contains_key(name.as_str()),
            _ => false,
        },
        (_, Some(MetaType::InputObject { .. })) => return coerce_object(value, name, registry, at),
        _ => true,
    };
    if fits { Ok(value) } else { Err(wrong(&value)) }
}

fn coerce_object(value: Value, name: &str, registry: &Registry, at: &str) -> Result<Value> {
    let Some(MetaType::InputObject { input_fields, .. }) = registry.types.get(name) else { return Ok(value) };
    let Value::Object(fields) = value else {
        return Err(Failure::new(Fault::Value, format!("\"{at}\": expected an object of type \"{name}\"")));
    };
    let mut coerced = IndexMap::with_capacity(fields.len());
    for (field, value) in fields {
        let place = format!("{at}.{field}");
        let Some(input) = input_fields.get(field.as_str()) else {
            let hint = nearest(&field, input_fields.keys().map(String::as_str));
            let message = format!("\"{place}\": type \"{name}\" has no field \"{field}\"{hint}");
            return Err(Failure::new(Fault::Value, message));
        };
        let ty = Type::new(&input.ty).ok_or_else(|| Failure::internal(format!("type {}", input.ty)))?;
        coerced.insert(field, coerce(value, &ty, registry, &place)?);
    }
    let missing = input_fields.values().find(|field| {
        field.ty.ends_with('!') && field.default_value.is_none() && !coerced.contains_key(field.name.as_str())
    });
    match missing {
        Some(field) => {
            let message = format!("\"{at}\": field \"{}\" of type \"{}\" is required", field.name, field.ty);
            Err(Failure::new(Fault::Value, message))
        }
        None => Ok(Value::Object(coerced)),
    }
}

fn fits_int(number: i64) -> bool {
    i32::try_from(number).is_ok()
}

/// `, did you mean "name"?`, or nothing.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len().min(name.len()) / 3)
        .min()
        .map_or_else(String::new, |(_, known)| format!(", did you mean \"{known}\"?"))
}
