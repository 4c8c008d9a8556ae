//! Inputs that choose and sort records: one filter type per kind of value, a where and an order per object.

use async_graphql::dynamic::{Enum, EnumItem, InputObject, InputValue, TypeRef};

use super::{Types, input};
use crate::{
    error::Result,
    model::{FieldType, Kind, Member, Model, ObjectType},
};

/// Ascending and descending; nulls are last unless the name says otherwise.
pub(crate) const DIRECTION: &str = "Direction";
/// How a group key takes a field's values.
pub(crate) const BUCKET: &str = "Bucket";

/// The filter of each kind of value, and the directions of sorting.
pub(super) fn shared(types: &mut Types) {
    let direction = Enum::new(DIRECTION)
        .description("Nulls come last in both directions unless the name says otherwise.")
        .items(["ASC", "DESC", "ASC_NULLS_FIRST", "DESC_NULLS_FIRST"].map(EnumItem::new));
    types.add(direction);
    let bucket = Enum::new(BUCKET)
        .description("Groups by the value itself, or by the period that a day or an instant lies in.")
        .items(["VALUE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"].map(EnumItem::new));
    types.add(bucket);
    for kind in [
        Kind::Id,
        Kind::Text,
        Kind::Int,
        Kind::Long,
        Kind::Float,
        Kind::Decimal,
        Kind::Boolean,
        Kind::Date,
        Kind::DateTime,
        Kind::Time,
        Kind::Json,
        Kind::Ids,
        Kind::Floats,
    ] {
        types.add(filter(&kind));
    }
}

/// `StringFilter`, `AccountIndustryFilter` …
pub(crate) fn filter_name(kind: &Kind) -> String {
    match kind {
        kind if kind.is_list() => format!("{}ListFilter", kind.type_name()),
        _ => format!("{}Filter", kind.type_name()),
    }
}

/// The operators of a kind of value with the types of their operands.
fn filter(kind: &Kind) -> InputObject {
    let one = || TypeRef::named(kind.type_name());
    let several = || TypeRef::named_nn_list(kind.type_name());
    let flag = || TypeRef::named(TypeRef::BOOLEAN);
    let mut fields: Vec<(&str, TypeRef)> = Vec::new();
    match kind {
        Kind::Json | Kind::Floats | Kind::PartsList(_) => {}
        Kind::Parts(own) => {
            let part = |(name, part): (&'_ String, &FieldType)| (name.clone(), filter_name(&part.kind));
            let parts: Vec<_> = own.parts.iter().map(part).collect();
            let parts = parts.iter().map(|(name, ty)| (name.as_str(), TypeRef::named(ty)));
            let parts = parts.chain([("isNull", flag())]);
            return input(&filter_name(kind), parts);
        }
        Kind::Enums(_) | Kind::Ids => {
            fields.extend([("has", one()), ("hasAny", several()), ("hasAll", several())])
        }
        Kind::Boolean => fields.extend([("eq", one()), ("ne", one())]),
        _ => fields.extend([("eq", one()), ("ne", one()), ("in", several()), ("notIn", several())]),
    }
    if kind.is_ordered() {
        fields.extend(["gt", "gte", "lt", "lte"].map(|name| (name, one())));
        fields.push(("between", several()));
    }
    if matches!(kind, Kind::Text) {
        let names = ["contains", "notContains", "startsWith", "endsWith", "like"];
        fields.extend(names.map(|name| (name, one())));
        fields.extend(["ieq", "icontains", "istartsWith", "iendsWith"].map(|name| (name, one())));
    }
    if matches!(kind, Kind::Text | Kind::Enums(_) | Kind::Ids) {
        fields.push(("isEmpty", flag()));
    }
    if kind.is_calendar() {
        fields.push(("within", TypeRef::named(TypeRef::STRING)));
    }
    fields.push(("isNull", flag()));
    input(&filter_name(kind), fields)
}

/// The filters of a field that is made of parts. As deep as fields are declared within fields.
fn add_parts(types: &mut Types, kind: &Kind) {
    let (Kind::Parts(own) | Kind::PartsList(own)) = kind else { return };
    own.parts.values().for_each(|part| add_parts(types, &part.kind));
    types.add(filter(kind));
}

/// An object's enums with their filters, its where, its order and its group keys.
pub(super) fn add(types: &mut Types, object: &ObjectType, model: &Model) -> Result<()> {
    let where_name = format!("{}Where", object.type_name);
    let order_name = format!("{}Order", object.type_name);
    let group_name = format!("{}GroupKey", object.type_name);
    let mut condition = InputObject::new(&where_name);
    let mut order =
        InputObject::new(&order_name).description("One field per entry; the entries sort in their order.");
    let mut group = InputObject::new(&group_name).description("One field per entry.");
    for (name, member) in &object.members {
        match member {
            Member::Field(field) => {
                if let Kind::Enum(values) | Kind::Enums(values) = &field.kind {
                    types.add_enum(values);
                    types.add(filter(&field.kind));
                }
                add_parts(types, &field.kind);
                condition = condition.field(InputValue::new(name, TypeRef::named(filter_name(&field.kind))));
                if field.kind.is_sortable() {
                    order = order.field(InputValue::new(name, TypeRef::named(DIRECTION)));
                    group = group.field(InputValue::new(name, TypeRef::named(BUCKET)));
                }
            }
            Member::ToOne(way) => {
                let target = &model.target(way)?.type_name;
                let of = |suffix: &str| InputValue::new(name, TypeRef::named(format!("{target}{suffix}")));
                condition = condition.field(of("Where"));
                order = order.field(of("Order"));
                group = group.field(of("GroupKey"));
            }
            Member::ToMany(way) => {
                let many = format!("{}WhereMany", model.target(way)?.type_name);
                condition = condition.field(InputValue::new(name, TypeRef::named(many)));
            }
            Member::ToSeveral(_) => {}
        }
    }
    for name in ["and", "or"] {
        condition = condition.field(InputValue::new(name, TypeRef::named_nn_list(&where_name)));
    }
    let many = ["some", "every", "none"].map(|name| (name, TypeRef::named(&where_name)));
    let many = input(&format!("{where_name}Many"), many.to_vec());
    types.add(many.description("Of how many related records a condition is true."));
    types.add(condition.field(InputValue::new("not", TypeRef::named(&where_name))));
    types.add(order);
    types.add(group);
    Ok(())
}
