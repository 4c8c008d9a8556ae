//! A question's search becomes storage's text question.

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
pub(super) fn text_query(view: &ObjectView, search: &Search) -> Result<TextQuery> {
    let searchable: Vec<&str> = view
        .object
        .fields
        .values()
        .filter(|field| field.searchable || view.object.searchable.contains(&field.name))
        .filter(|field| view.field(field.name.as_str()).is_some())
        .map(|field| field.name.as_str())
        .collect();
    let invalid = |message: String| Err(Error::invalid("INVALID_QUERY", "search", message));
    if searchable.is_empty() {
        return invalid(format!("{:?} has no searchable field", view.object.name));
    }
    if let Some(unknown) = search.fields.iter().find(|field| !searchable.contains(&field.as_str())) {
        let hint = nearest::hint(unknown, searchable.iter().copied());
        return invalid(format!("{:?} has no searchable field {unknown:?}{hint}", view.object.name));
    }
    let named = search.fields.iter().map(String::as_str);
    let columns = if search.fields.is_empty() { searchable } else { named.collect() };
    Ok(TextQuery {
        columns: columns.into_iter().map(Into::into).collect(),
        text: search.text.clone(),
        syntax: TextSyntax::Words,
    })
}
