//! A question's search becomes storage's text question.

use quarry_metadata::Field;
use quarry_storage::{TextQuery, TextSyntax};

use crate::{
    error::{Error, Result},
    nearest,
    objectql::Search,
    view::ObjectView,
};

/// The words, over searchable fields that the session may read.
///
/// # Errors
///
/// `Invalid` when the object or a named field is not searchable.
pub(crate) fn text_query(view: &ObjectView, search: &Search) -> Result<TextQuery> {
    let searchable: Vec<&Field> = view
        .object
        .fields
        .values()
        .filter(|field| field.searchable || view.object.searchable.contains(&field.name))
        .filter(|field| view.field(field.name.as_str()).is_some())
        .collect();
    let names = || searchable.iter().map(|field| field.name.as_str());
    let named =
        |name: &str| searchable.iter().find(|field| field.name.as_str() == name || field.has_alias(name));
    let invalid = |message: String| Err(Error::invalid("INVALID_QUERY", "search", message));
    if searchable.is_empty() {
        return invalid(format!("{:?} has no searchable field", view.object.name));
    }
    if let Some(unknown) = search.fields.iter().find(|field| named(field).is_none()) {
        let hint = nearest::hint(unknown, names());
        return invalid(format!("{:?} has no searchable field {unknown:?}{hint}", view.object.name));
    }
    let asked: Vec<&Field> = search.fields.iter().filter_map(|name| named(name).copied()).collect();
    let fields = if search.fields.is_empty() { &searchable } else { &asked };
    Ok(TextQuery {
        columns: fields.iter().map(|field| field.column().into()).collect(),
        text: search.text.clone(),
        syntax: TextSyntax::Words,
    })
}
