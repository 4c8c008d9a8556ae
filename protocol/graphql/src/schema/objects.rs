//! Output types: objects, connections, aggregates; and the root fields that lead to them.

use async_graphql::dynamic::{Enum, EnumItem, Field, InputValue, Object, TypeRef};

use super::{PAGE_INFO, Types, field};
use crate::{
    error::Result,
    model::{Action, FieldType, Kind, Member, Model, ObjectType},
};

/// The aggregates of an object type by their field, and over which fields each is.
pub(crate) const AGGREGATES: [(&str, &str); 5] =
    [("sum", "Sum"), ("avg", "Avg"), ("min", "Min"), ("max", "Max"), ("countDistinct", "CountDistinct")];

/// Types that every schema has.
pub(super) fn shared(types: &mut Types) {
    let flag = || TypeRef::named_nn(TypeRef::BOOLEAN);
    let page = Object::new(PAGE_INFO)
        .field(field("hasNextPage", flag()))
        .field(field("hasPreviousPage", flag()))
        .field(field("startCursor", TypeRef::named(TypeRef::STRING)))
        .field(field("endCursor", TypeRef::named(TypeRef::STRING)));
    types.add(page);
    let done = Enum::new("Done")
        .description("What a change did; an upsert creates or updates, an action says nothing more.")
        .items(["CREATED", "UPDATED", "DELETED", "UNDELETED", "ACTED"].map(EnumItem::new));
    types.add(done);
}

/// The type of an aggregate over a field; nothing where it has no meaning.
pub(crate) fn aggregate_type<'a>(function: &str, kind: &'a Kind) -> Option<&'a str> {
    match function {
        "sum" if kind.is_number() => Some(match kind {
            Kind::Int => "Long",
            other => other.type_name(),
        }),
        "avg" if kind.is_number() => Some(if matches!(kind, Kind::Float) { "Float" } else { "Decimal" }),
        "min" | "max" if kind.is_ordered() => Some(kind.type_name()),
        "countDistinct" if kind.is_sortable() => Some("Int"),
        _ => None,
    }
}

/// An object's type, its connection and its aggregates.
pub(super) fn add(types: &mut Types, model: &Model, object: &ObjectType) -> Result<()> {
    let name = &object.type_name;
    let mut output = Object::new(name);
    if let Some(description) = &object.description {
        output = output.description(description);
    }
    for (member_name, member) in &object.members {
        output = output.field(match member {
            Member::Field(member) => {
                add_parts(types, &member.kind);
                value(member_name, member)
            }
            Member::ToOne(way) => field(member_name, TypeRef::named(&model.target(way)?.type_name)),
            Member::ToSeveral(way) => {
                field(member_name, TypeRef::named_nn_list(&model.target(way)?.type_name))
            }
            Member::ToMany(way) => {
                let target = model.target(way)?;
                paged(
                    field(member_name, TypeRef::named_nn(format!("{}Connection", target.type_name))),
                    target,
                )
            }
        });
    }
    types.add(output);
    connection(types, name);
    aggregates(types, object);
    Ok(())
}

fn value(name: &str, member: &FieldType) -> Field {
    let ty = match (&member.kind, name) {
        (Kind::Id, "id") => TypeRef::named_nn(TypeRef::ID),
        (kind, _) if kind.is_list() => TypeRef::named_nn_list(kind.type_name()),
        (kind, _) => TypeRef::named(kind.type_name()),
    };
    let mut output = field(name, ty);
    if let Some(description) = &member.description {
        output = output.description(description);
    }
    match &member.deprecated {
        Some(why) => output.deprecation(Some(why)),
        None => output,
    }
}

/// The object types of a field that is made of parts. As deep as fields are declared within fields.
fn add_parts(types: &mut Types, kind: &Kind) {
    let (Kind::Parts(own) | Kind::PartsList(own)) = kind else { return };
    let mut output = Object::new(&own.name);
    for (name, part) in &own.parts {
        add_parts(types, &part.kind);
        output = output.field(value(name, part));
    }
    types.add(output);
}

fn connection(types: &mut Types, name: &str) {
    let edge = Object::new(format!("{name}Edge"))
        .field(field("node", TypeRef::named_nn(name)))
        .field(field("cursor", TypeRef::named_nn(TypeRef::STRING)));
    types.add(edge);
    let groups = field("groups", TypeRef::named_nn_list_nn(format!("{name}Group")))
        .argument(InputValue::new("by", TypeRef::named_nn_list_nn(format!("{name}GroupKey"))))
        .argument(InputValue::new("orderBy", TypeRef::named_nn_list(format!("{name}GroupOrder"))))
        .argument(InputValue::new("first", TypeRef::named(TypeRef::INT)))
        .argument(InputValue::new("timeZone", TypeRef::named(TypeRef::STRING)));
    let connection = Object::new(format!("{name}Connection"))
        .field(field("edges", TypeRef::named_nn_list_nn(format!("{name}Edge"))))
        .field(field("nodes", TypeRef::named_nn_list_nn(name)))
        .field(field("pageInfo", TypeRef::named_nn(PAGE_INFO)))
        .field(field("totalCount", TypeRef::named_nn(TypeRef::INT)))
        .field(field("aggregate", TypeRef::named_nn(format!("{name}Aggregate"))))
        .field(groups);
    types.add(connection);
}

fn aggregates(types: &mut Types, object: &ObjectType) {
    let name = &object.type_name;
    let count = || field("count", TypeRef::named_nn(TypeRef::INT));
    let mut aggregate = Object::new(format!("{name}Aggregate")).field(count());
    let keys = field("keys", TypeRef::named_nn_list("JSON")).description(
        "The values of the group's keys, in the order of `by`; a period is its label, `2024-03`.",
    );
    let mut group = Object::new(format!("{name}Group")).field(keys).field(count());
    let direction = || TypeRef::named(super::filters::DIRECTION);
    let mut order = async_graphql::dynamic::InputObject::new(format!("{name}GroupOrder"))
        .description("One entry, one thing to sort by. `key` counts the entries of `by` from 0.")
        .field(InputValue::new("key", TypeRef::named(TypeRef::INT)))
        .field(InputValue::new("count", direction()))
        .field(InputValue::new("direction", direction()));
    for (function, suffix) in AGGREGATES {
        let members: Vec<_> = object
            .fields()
            .filter_map(|(name, field)| Some((name, aggregate_type(function, &field.kind)?)))
            .collect();
        if members.is_empty() {
            continue;
        }
        let type_name = format!("{name}{suffix}");
        let output = Object::new(&type_name);
        let output =
            members.iter().fold(output, |output, (name, ty)| output.field(field(name, TypeRef::named(*ty))));
        types.add(output);
        let order_name = format!("{name}{suffix}Order");
        types.add(super::input(&order_name, members.iter().map(|(name, _)| (name.as_str(), direction()))));
        order = order.field(InputValue::new(function, TypeRef::named(order_name)));
        aggregate = aggregate.field(field(function, TypeRef::named(&type_name)));
        group = group.field(field(function, TypeRef::named(&type_name)));
    }
    types.add(aggregate);
    types.add(group);
    types.add(order);
}

/// The arguments of a list of records.
fn paged(list: Field, object: &ObjectType) -> Field {
    let type_name = &object.type_name;
    let int = || TypeRef::named(TypeRef::INT);
    let text = || TypeRef::named(TypeRef::STRING);
    [
        ("where", TypeRef::named(format!("{type_name}Where"))),
        ("orderBy", TypeRef::named_nn_list(format!("{type_name}Order"))),
        ("first", int()),
        ("after", text()),
        ("last", int()),
        ("before", text()),
        ("offset", int()),
    ]
    .into_iter()
    .fold(list, |list, (name, ty)| list.argument(InputValue::new(name, ty)))
}

/// A root field.
pub(super) fn root(object: &ObjectType, action: Action) -> Field {
    root_called(&object.root_name(action), object, action)
}

/// The field of a query root where nothing may be read.
pub(super) fn nothing() -> Field {
    field("nothing", TypeRef::named(TypeRef::BOOLEAN)).description("There is nothing that you may read.")
}

/// A root field by a name that it had.
pub(super) fn former_root(name: &str, object: &ObjectType, action: Action) -> Field {
    let reason = format!("called {} now", object.root_name(action));
    root_called(name, object, action).deprecation(Some(&reason))
}

fn root_called(name: &str, object: &ObjectType, action: Action) -> Field {
    let type_name = &object.type_name;
    let of = |suffix: &str| format!("{type_name}{suffix}");
    let id = || InputValue::new("id", TypeRef::named_nn(TypeRef::ID));
    let revision = || InputValue::new("ifRevision", TypeRef::named("Long"));
    let set = || InputValue::new("set", TypeRef::named_nn(of("Patch")));
    let filter = || InputValue::new("where", TypeRef::named_nn(of("Where")));
    let result = |suffix: &str| field(name, TypeRef::named(of(suffix)));
    let change = |field: Field| field.argument(InputValue::new("dryRun", TypeRef::named(TypeRef::BOOLEAN)));
    match action {
        Action::One => result("").argument(id()),
        Action::Many => {
            let list = paged(field(name, TypeRef::named_nn(of("Connection"))), object);
            let search = InputValue::new("search", TypeRef::named(TypeRef::STRING));
            if object.searchable { list.argument(search) } else { list }
        }
        Action::Create => {
            change(result("Result").argument(InputValue::new("input", TypeRef::named_nn(of("Input")))))
        }
        Action::CreateMany => change(
            result("ManyResult").argument(InputValue::new("input", TypeRef::named_nn_list_nn(of("Input")))),
        ),
        Action::Update => change(result("Result").argument(id()).argument(set()).argument(revision())),
        Action::UpdateMany => change(result("ManyResult").argument(filter()).argument(set())),
        Action::Upsert => change(
            result("Result")
                .argument(InputValue::new("on", TypeRef::named_nn_list_nn(of("Field"))))
                .argument(InputValue::new("input", TypeRef::named_nn(of("Input")))),
        ),
        Action::Delete => change(result("Result").argument(id()).argument(revision())),
        Action::DeleteMany => change(result("ManyResult").argument(filter())),
        Action::Undelete => change(result("Result").argument(id()))
            .description("Brings a deleted record back, with all that was deleted with it."),
    }
}
