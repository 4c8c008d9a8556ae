//! In which order records come.

use datafusion::logical_expr::{SortExpr, ident};

use super::{
    cursor::Key,
    member::Member,
    scope::{At, Scope, Subject},
    windows,
};
use crate::{
    coerce::Class,
    error::{Error, Result},
    objectql::Query,
    view::SCORE,
};

/// The sort keys, ties broken by id; a search without an order gives the best hits first. With them what a cursor is made of, where
/// all of them are values of records.
///
/// # Errors
///
/// `Missing` for an unknown path, `Invalid` for a field without an order.
pub(super) fn keys(
    scope: &mut Scope,
    query: &Query,
    windows: &[Member],
) -> Result<(Vec<SortExpr>, Option<Vec<Key>>)> {
    let mut sort = Vec::with_capacity(query.order_by.len() + 1);
    let mut keys = Vec::with_capacity(query.order_by.len() + 1);
    let by_rank = query.search.is_some() && query.order_by.is_empty();
    if by_rank {
        sort.push(scope.column(SCORE).sort(false, false));
    }
    for order in &query.order_by {
        if let Some(window) = windows.iter().position(|window| window.name == order.path) {
            sort.push(ident(windows::column(window)).sort(!order.descending, order.nulls_first));
            continue;
        }
        let place = format!("orderBy.{}", order.path);
        let subject = scope.subject(&order.path, At { code: "INVALID_SORT", place: &place })?;
        if !subject.class.is_sortable() {
            let message = format!("{:?} is a {} field: it has no order", order.path, subject.class.name());
            return Err(Error::invalid("INVALID_SORT", place, message));
        }
        let (path, Subject { expr, class }) = (order.path.clone(), subject);
        let key = Key { path, expr, class, descending: order.descending, nulls_first: order.nulls_first };
        sort.push(key.sort());
        keys.push(key);
    }
    if !query.order_by.iter().any(|order| order.path == "id") {
        let (path, expr) = ("id".to_owned(), scope.column("id"));
        let key = Key { path, expr, class: Class::Reference, descending: false, nulls_first: false };
        sort.push(key.sort());
        keys.push(key);
    }
    let has_cursor = keys.len() == sort.len() && keys.iter().all(|key| key.class != Class::Score);
    Ok((sort, has_cursor.then_some(keys)))
}
