//! Which columns of an answer hold JSON, to be written as it stands: the planner knows them as text.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use quarry_engine::Query;
use quarry_json::JSON_TEXT;
use quarry_metadata::{FieldKind, Object, Registry, RelationKind};

/// The schema with its JSON columns marked. Those inside an expanded relation stay text.
pub(crate) fn marked(schema: &Schema, registry: &Registry, query: &Query) -> SchemaRef {
    let Some(object) = registry.get(&query.object) else { return Arc::new(schema.clone()) };
    let path_of = |column: &str| {
        let named = query
            .fields
            .iter()
            .find(|selected| selected.alias.as_deref().unwrap_or(&selected.path) == column);
        named.map_or_else(|| column.to_owned(), |selected| selected.path.clone())
    };
    let grouped = !query.group_by.is_empty() || !query.aggregations.is_empty();
    let mark = |field: &Arc<Field>| match !grouped && is_json(registry, object, &path_of(field.name())) {
        true => {
            let mut marks = field.metadata().clone();
            marks.insert(JSON_TEXT.to_owned(), "true".to_owned());
            Arc::new(field.as_ref().clone().with_metadata(marks))
        }
        false => Arc::clone(field),
    };
    let fields: Vec<Arc<Field>> = schema.fields().iter().map(mark).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn is_json(registry: &Registry, object: &Arc<Object>, path: &str) -> bool {
    let mut object = Arc::clone(object);
    let mut rest = path;
    while let Some((step, tail)) = rest.split_once('.') {
        let Some(next) = to_one(registry, &object, step) else { return false };
        (object, rest) = (next, tail);
    }
    object.field(rest).is_some_and(|field| matches!(field.kind, FieldKind::Json))
}

/// The object at the other end of a relation, or of the lookup that carries it.
fn to_one(registry: &Registry, object: &Object, step: &str) -> Option<Arc<Object>> {
    let lookup = object.field(step).and_then(|field| match &field.kind {
        FieldKind::Lookup { target, .. } => Some(target),
        _ => None,
    });
    let related =
        object.relation(step).filter(|r| matches!(r.kind, RelationKind::ToOne { .. })).map(|r| &r.target);
    registry.get(related.or(lookup)?.as_str()).cloned()
}
