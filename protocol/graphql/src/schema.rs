//! The GraphQL type system of a model, for parsing, validation and introspection. Nothing resolves here: operations
//! are compiled and answered by [`crate::compile`] and [`crate::run`].

mod acts;
mod filters;
mod inputs;
mod objects;

pub(crate) use objects::{AGGREGATES, aggregate_type};

use std::sync::Arc;

use async_graphql::{
    CacheControl, Response, ServerError, ValidationResult, Value,
    dynamic::{self, Enum, EnumItem, Field, FieldFuture, InputObject, InputValue, Object, Scalar, TypeRef},
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation},
};

use crate::{
    error::{Failure, Result},
    model::{EnumType, Model, Nature, ObjectType},
};

/// Nothing else in a schema has these names.
pub(crate) const QUERY: &str = "Query";
pub(crate) const MUTATION: &str = "Mutation";
pub(crate) const PAGE_INFO: &str = "PageInfo";

/// Types that every schema has, whatever its objects.
pub(crate) const GENERAL_TYPES: &[&str] = &[
    QUERY,
    MUTATION,
    PAGE_INFO,
    "Subscription",
    "Bucket",
    "Direction",
    "Done",
    "Boolean",
    "Date",
    "DateTime",
    "Decimal",
    "Float",
    "ID",
    "Int",
    "JSON",
    "Long",
    "String",
    "Time",
    "BooleanFilter",
    "DateFilter",
    "DateTimeFilter",
    "DecimalFilter",
    "FloatFilter",
    "FloatListFilter",
    "IDFilter",
    "IDListFilter",
    "IntFilter",
    "JSONFilter",
    "LongFilter",
    "StringFilter",
    "TimeFilter",
];

/// Put into a request's data: check the document, run nothing.
pub(crate) struct CheckOnly;

/// Put into a request's data: the document is known to fit, run it.
pub(crate) struct Unchecked;

/// The schema of a model.
///
/// # Errors
///
/// Internal when the types don't fit together.
pub(crate) fn build(model: &Model, depth_max: usize) -> Result<dynamic::Schema> {
    let written = |object: &Arc<ObjectType>| object.actions().any(|action| !action.reads());
    let changes = model.objects.values().any(written) || model.acts().next().is_some();
    let mut types = Types(
        dynamic::Schema::build(QUERY, changes.then_some(MUTATION), None)
            .limit_recursive_depth(depth_max)
            .extension(CheckOnlyFactory),
    );
    scalars(&mut types);
    filters::shared(&mut types);
    objects::shared(&mut types);
    let mut query =
        Object::new(QUERY).description("What can be read. Every field of one operation sees one state.");
    let mut mutation = Object::new(MUTATION).description(
        "What can be changed. All fields of one operation are one transaction: all is kept, or nothing.",
    );
    for object in model.objects.values() {
        objects::add(&mut types, model, object)?;
        filters::add(&mut types, object, model)?;
        if object.nature != Nature::Deleted && object.actions().any(|action| !action.reads()) {
            inputs::add(&mut types, object);
        }
        for action in object.actions() {
            let field = objects::root(object, action);
            if action.reads() {
                query = query.field(field);
            } else {
                mutation = mutation.field(field);
            }
        }
        for (name, action) in object.former_roots() {
            let is_its_own = model.root(&name).is_some_and(|root| Arc::ptr_eq(&root.object, object));
            if !is_its_own {
                continue;
            }
            let field = objects::former_root(&name, object, action);
            if action.reads() {
                query = query.field(field);
            } else {
                mutation = mutation.field(field);
            }
        }
    }
    for act in model.acts() {
        acts::add(&mut types, act);
        mutation = mutation.field(acts::root(act));
    }
    if model.objects.is_empty() {
        // A root has a field at least.
        query = query.field(objects::nothing());
    }
    types.add(query);
    if changes {
        types.add(mutation);
    }
    types.0.finish().map_err(Failure::internal)
}

/// The types so far; the library's builder is used by value.
struct Types(dynamic::SchemaBuilder);

impl Types {
    fn add(&mut self, ty: impl Into<dynamic::Type>) {
        let empty = dynamic::Schema::build(QUERY, None, None);
        self.0 = std::mem::replace(&mut self.0, empty).register(ty);
    }

    /// The enum of a select field.
    fn add_enum(&mut self, values: &EnumType) {
        let items = values.values.iter().map(|(name, value)| {
            let item = EnumItem::new(name);
            if value.label.is_empty() || value.label == *name { item } else { item.description(&value.label) }
        });
        self.add(Enum::new(&values.name).items(items));
    }
}

/// A field that nothing resolves.
fn field(name: &str, ty: TypeRef) -> Field {
    Field::new(name, ty, |_| FieldFuture::Value(None))
}

/// An input object out of names and types.
fn input<'a>(name: &str, fields: impl IntoIterator<Item = (&'a str, TypeRef)>) -> InputObject {
    fields
        .into_iter()
        .fold(InputObject::new(name), |input, (name, ty)| input.field(InputValue::new(name, ty)))
}

fn scalars(types: &mut Types) {
    let whole = |value: &Value| match value {
        Value::Number(number) => number.is_i64(),
        _ => false,
    };
    types.add(Scalar::new("Long").description("A whole number of up to 18 digits.").validator(whole));
    let decimal = |value: &Value| match value {
        Value::Number(_) => true,
        Value::String(text) => is_token(text) || text.parse::<serde_json::Number>().is_ok(),
        _ => false,
    };
    types.add(
        Scalar::new("Decimal")
            .description(
                "An exact decimal number, written as a string: \"1234.50\". Numbers are accepted as input.",
            )
            .validator(decimal),
    );
    for (name, description) in [
        (
            "Date",
            "A day, ISO 8601: \"2024-02-29\". Filters also take relative days: \"{today}\", \"{30_days_ago}\".",
        ),
        (
            "DateTime",
            "An instant, RFC 3339: \"2024-02-29T13:05:00Z\". Filters also take \"{now}\" and relative days.",
        ),
        ("Time", "A time of day: \"13:05:00\", \"13:05:00.250\"."),
    ] {
        let text = |value: &Value| matches!(value, Value::String(_));
        types.add(Scalar::new(name).description(description).validator(text));
    }
    types.add(Scalar::new("JSON").description("Any JSON value."));
}

/// `{today}`, resolved when the question is asked.
fn is_token(text: &str) -> bool {
    text.starts_with('{') && text.ends_with('}')
}

struct CheckOnlyFactory;

impl ExtensionFactory for CheckOnlyFactory {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(CheckOnlyExtension)
    }
}

struct CheckOnlyExtension;

#[async_graphql::async_trait::async_trait]
impl Extension for CheckOnlyExtension {
    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        if context.data_opt::<Unchecked>().is_some() {
            return Ok(ValidationResult { cache_control: CacheControl::default(), complexity: 0, depth: 0 });
        }
        next.run(context).await
    }

    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        if context.data_opt::<CheckOnly>().is_some() {
            return Response::default();
        }
        next.run(context, operation_name).await
    }
}
