//! `where` and `orderBy` to ObjectQL's filter and order.

use async_graphql::{Name, Value, indexmap::IndexMap};
use quarry_planner::objectql::{Filter, Operand, Operator, Order, Quantifier};
use serde_json::Value as Json;

use super::{Compiler, list};
use crate::{
    error::{Failure, Fault, Result},
    model::{FieldType, Kind, Member, ObjectType, Way},
    values::{nearest, to_json},
};

/// Where in the object graph a filter or an order stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub object: &'a ObjectType,
    /// The path of relations before its fields, each with a dot behind it.
    pub prefix: &'a str,
    /// For errors.
    pub at: &'a str,
}

/// All of these; nothing where there is none.
pub(crate) fn all(filters: impl IntoIterator<Item = Filter>) -> Option<Filter> {
    let mut filters: Vec<Filter> = filters.into_iter().collect();
    match filters.len() {
        0 | 1 => filters.pop(),
        _ => Some(Filter::And(filters)),
    }
}

/// Whether a filter holds for every record, or for none, whatever they hold; nothing where that depends on them.
pub(crate) fn always(filter: &Filter) -> Option<bool> {
    let joined = |parts: &[Filter], ends: bool| {
        let parts: Vec<_> = parts.iter().map(always).collect();
        if parts.contains(&Some(ends)) {
            return Some(ends);
        }
        parts.iter().all(Option::is_some).then_some(!ends)
    };
    match filter {
        Filter::And(all) => joined(all, false),
        Filter::Or(any) => joined(any, true),
        Filter::Not(inner) => always(inner).map(|holds| !holds),
        Filter::Compare { operator, operand: Operand::Value(Json::Array(none)), .. } if none.is_empty() => {
            match operator {
                Operator::Nin | Operator::HasAll => Some(true),
                Operator::In | Operator::HasAny => Some(false),
                _ => None,
            }
        }
        Filter::Compare { .. } | Filter::Related { .. } => None,
    }
}

fn compare(path: String, operator: Operator, value: Json, at: String) -> Filter {
    Filter::Compare { path, operator, operand: Operand::Value(value), at }
}

impl Compiler<'_> {
    /// An `AccountWhere`: all of its entries.
    ///
    /// # Errors
    ///
    /// `Value` that names the entry.
    pub fn condition(&self, place: Place<'_>, value: &Value) -> Result<Filter> {
        let mut filters = Vec::new();
        for (name, value) in object_of(value, place.at)? {
            let at = format!("{}.{name}", place.at);
            let inner = Place { at: &at, ..place };
            match (name.as_str(), place.object.members.get(name.as_str())) {
                ("and" | "or" | "not", None) if *value == Value::Null => {
                    return Err(invalid(format!("\"{at}\": null is no condition; leave it out")));
                }
                ("and", None) => filters.push(Filter::And(self.conditions(inner, value)?)),
                ("or", None) => filters.push(Filter::Or(self.conditions(inner, value)?)),
                ("not", None) => filters.push(Filter::Not(Box::new(self.condition(inner, value)?))),
                (_, Some(Member::Field(_) | Member::ToOne(_) | Member::ToMany(_))) if is_empty(value) => {
                    // A variable that was not given leaves an empty object: taking it for "all" would widen the question.
                    return Err(invalid(format!(
                        "\"{at}\": nothing to compare with; was a variable not given?"
                    )));
                }
                (_, Some(Member::Field(field))) => filters.extend(comparisons(inner, field, value)?),
                (_, Some(Member::ToOne(way))) => {
                    let prefix = format!("{}{}.", place.prefix, way.relation);
                    let object = self.model.target(way)?;
                    filters.push(self.condition(Place { object, prefix: &prefix, at: &at }, value)?);
                }
                (_, Some(Member::ToMany(way))) => filters.extend(self.of_many(inner, way, value)?),
                _ => {
                    let hint = nearest(name, place.object.members.keys().map(String::as_str));
                    let type_name = &place.object.type_name;
                    return Err(invalid(format!(
                        "\"{at}\": {type_name} can't be filtered by \"{name}\"{hint}"
                    )));
                }
            }
        }
        Ok(all(filters).unwrap_or(Filter::And(Vec::new())))
    }

    /// A `ContactWhereMany`: how many of the related records it is true of.
    fn of_many(&self, place: Place<'_>, way: &Way, value: &Value) -> Result<Vec<Filter>> {
        let object = self.model.target(way)?;
        let path = format!("{}{}", place.prefix, way.relation);
        let mut filters = Vec::new();
        for (name, value) in object_of(value, place.at)? {
            let at = format!("{}.{name}", place.at);
            let quantifier = match name.as_str() {
                "some" => Quantifier::Some,
                "every" => Quantifier::Every,
                "none" => Quantifier::None,
                _ => {
                    let hint = nearest(name, ["some", "every", "none"].into_iter());
                    return Err(invalid(format!("\"{at}\": expected some, every or none{hint}")));
                }
            };
            let filter = Box::new(self.condition(Place { object, prefix: "", at: &at }, value)?);
            filters.push(Filter::Related { path: path.clone(), quantifier, filter, at });
        }
        Ok(filters)
    }

    fn conditions(&self, place: Place<'_>, value: &Value) -> Result<Vec<Filter>> {
        list(value.clone()).iter().map(|item| self.condition(place, item)).collect()
    }

    /// An `AccountOrder`: the one path it names, with its direction.
    ///
    /// # Errors
    ///
    /// `Value` that names the entry.
    pub fn order(&self, place: Place<'_>, value: &Value) -> Result<(Order, Kind)> {
        let (name, value) = single(value, place.at)?;
        let at = format!("{}.{name}", place.at);
        match place.object.members.get(name.as_str()) {
            Some(Member::Field(field)) if field.kind.is_sortable() => {
                let (descending, nulls_first) = direction(value, &at)?;
                let path = format!("{}{}", place.prefix, field.name);
                Ok((Order { path, descending, nulls_first }, field.kind.clone()))
            }
            Some(Member::ToOne(way)) => {
                let prefix = format!("{}{}.", place.prefix, way.relation);
                self.order(Place { object: self.model.target(way)?, prefix: &prefix, at: &at }, value)
            }
            _ => {
                let type_name = &place.object.type_name;
                Err(invalid(format!("\"{at}\": {type_name} can't be sorted by \"{name}\"")))
            }
        }
    }
}

/// `ASC`, `DESC` and their forms with nulls first: whether descending, whether nulls are first.
pub(crate) fn direction(value: &Value, at: &str) -> Result<(bool, bool)> {
    match enum_name(value) {
        Some("ASC") => Ok((false, false)),
        Some("DESC") => Ok((true, false)),
        Some("ASC_NULLS_FIRST") => Ok((false, true)),
        Some("DESC_NULLS_FIRST") => Ok((true, true)),
        _ => Err(invalid(format!(
            "\"{at}\": expected ASC, DESC, ASC_NULLS_FIRST or DESC_NULLS_FIRST, found {value}"
        ))),
    }
}

/// The only entry of an object.
///
/// # Errors
///
/// `Value` when there is none, or more than one: their order would be lost on the way.
pub(crate) fn single<'a>(value: &'a Value, at: &str) -> Result<(&'a Name, &'a Value)> {
    let fields = object_of(value, at)?;
    let mut given = fields.iter().filter(|(_, value)| **value != Value::Null);
    match (given.next(), given.next()) {
        (Some(entry), None) => Ok(entry),
        _ => Err(invalid(format!(
            "\"{at}\": expected one field per entry, found {value}; write [{{…}}, {{…}}]"
        ))),
    }
}

/// An enum value, written as a name or given in a variable.
pub(crate) fn enum_name(value: &Value) -> Option<&str> {
    match value {
        Value::Enum(name) => Some(name.as_str()),
        Value::String(name) => Some(name.as_str()),
        _ => None,
    }
}

/// A value of a field as it is stored: enums by their stored value, ids as text.
///
/// # Errors
///
/// `Value` for a name that is no value of the enum.
pub(crate) fn stored(kind: &Kind, value: &Value, at: &str) -> Result<Json> {
    match (kind, value) {
        (_, Value::Null) => Ok(Json::Null),
        (_, Value::List(items)) if !matches!(kind, Kind::Json) => {
            items.iter().map(|item| stored(kind, item, at)).collect::<Result<_>>().map(Json::Array)
        }
        (Kind::Enum(values) | Kind::Enums(values), value) => {
            let stored = enum_name(value).and_then(|name| values.stored(name));
            let stored = stored.ok_or_else(|| {
                let hint = nearest(enum_name(value).unwrap_or(""), values.values.keys().map(String::as_str));
                invalid(format!("\"{at}\": {value} is no value of \"{}\"{hint}", values.name))
            })?;
            Ok(Json::String(stored.to_owned()))
        }
        (Kind::Id, Value::Number(number)) => Ok(Json::String(number.to_string())),
        _ => Ok(to_json(value)),
    }
}

// As deep as fields are declared within fields.
fn comparisons(place: Place<'_>, field: &FieldType, value: &Value) -> Result<Vec<Filter>> {
    let mut filters = Vec::new();
    for (name, operand) in object_of(value, place.at)? {
        let at = format!("{}.{name}", place.at);
        if let Kind::Parts(own) = &field.kind
            && let Some(part) = own.parts.get(name.as_str())
        {
            let prefix = format!("{}{}.", place.prefix, field.name);
            filters.extend(comparisons(Place { prefix: &prefix, at: &at, ..place }, part, operand)?);
            continue;
        }
        let operator = operator(name).ok_or_else(|| {
            let hint = nearest(name, OPERATORS.iter().map(|(known, _)| *known));
            invalid(format!("\"{at}\": there is no operator \"{name}\"{hint}"))
        })?;
        let path = format!("{}{}", place.prefix, field.name);
        let filter = match (operator, operand) {
            (Operator::Eq, Value::Null) => compare(path, Operator::Null, true.into(), at),
            (Operator::Ne, Value::Null) => compare(path, Operator::Null, false.into(), at),
            (_, Value::Null) => {
                return Err(invalid(format!("\"{at}\": null can't be compared; use isNull")));
            }
            (Operator::In | Operator::Nin | Operator::HasAny | Operator::HasAll | Operator::Between, one)
                if !matches!(one, Value::List(_)) =>
            {
                compare(path, operator, Json::Array(vec![stored(&field.kind, one, &at)?]), at)
            }
            (Operator::Within | Operator::Null | Operator::Empty, _) => {
                compare(path, operator, to_json(operand), at)
            }
            _ => {
                let operand = stored(&field.kind, operand, &at)?;
                compare(path, operator, operand, at)
            }
        };
        filters.push(filter);
    }
    Ok(filters)
}

const OPERATORS: [(&str, Operator); 24] = [
    ("eq", Operator::Eq),
    ("ne", Operator::Ne),
    ("gt", Operator::Gt),
    ("gte", Operator::Gte),
    ("lt", Operator::Lt),
    ("lte", Operator::Lte),
    ("between", Operator::Between),
    ("in", Operator::In),
    ("notIn", Operator::Nin),
    ("contains", Operator::Contains),
    ("notContains", Operator::NotContains),
    ("startsWith", Operator::StartsWith),
    ("endsWith", Operator::EndsWith),
    ("icontains", Operator::IContains),
    ("istartsWith", Operator::IStartsWith),
    ("iendsWith", Operator::IEndsWith),
    ("ieq", Operator::IEq),
    ("like", Operator::Like),
    ("isNull", Operator::Null),
    ("isEmpty", Operator::Empty),
    ("has", Operator::Has),
    ("hasAny", Operator::HasAny),
    ("hasAll", Operator::HasAll),
    ("within", Operator::Within),
];

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Object(fields) if fields.is_empty())
}

fn operator(name: &str) -> Option<Operator> {
    OPERATORS.iter().find(|(known, _)| *known == name).map(|(_, operator)| *operator)
}

fn object_of<'a>(value: &'a Value, at: &str) -> Result<&'a IndexMap<Name, Value>> {
    match value {
        Value::Object(fields) => Ok(fields),
        other => Err(invalid(format!("\"{at}\": expected an object, found {other}"))),
    }
}

pub(crate) fn invalid(message: String) -> Failure {
    Failure::new(Fault::Value, message)
}
