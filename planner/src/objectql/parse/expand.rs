//! `expand` in its forms: `{"account": {…}}`, `["account", "quotes"]`, `"account,owner"`, `"account.owner"`.

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    Expand, Query, nested,
    place::{Place, shown},
};
use crate::error::Result;

pub(super) fn expand(place: &Place, value: &Value) -> Result<IndexMap<String, Expand>> {
    let mut all = IndexMap::new();
    match value {
        Value::String(list) => {
            for path in list.split(',') {
                add_path(place, path.trim(), &mut all)?;
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let place = place.index(index);
                add_path(&place, place.text(item)?.trim(), &mut all)?;
            }
        }
        Value::Object(relations) => {
            for (name, value) in relations {
                let place = place.key(name).deeper()?;
                let expand = match value {
                    Value::Bool(true) | Value::Null => plain(name),
                    Value::Bool(false) => continue,
                    Value::Object(object) => nested(&place, object, name)?,
                    other => return Err(place.query_error(format!("expects a query, not {}", shown(other)))),
                };
                all.insert(name.clone(), expand);
            }
        }
        other => return Err(place.query_error(format!("expects relations, not {}", shown(other)))),
    }
    Ok(all)
}

/// `account.owner` expands the account and its owner.
fn add_path(place: &Place, path: &str, all: &mut IndexMap<String, Expand>) -> Result<()> {
    let mut level = all;
    let mut place = place.clone();
    for name in path.split('.') {
        if name.is_empty() {
            return Err(place.query_error(format!("{path:?} is no path")));
        }
        place = place.deeper()?;
        level = &mut level.entry(name.to_owned()).or_insert_with(|| plain(name)).query.expand;
    }
    Ok(())
}

fn plain(relation: &str) -> Expand {
    Expand { relation: relation.to_owned(), query: Query::default() }
}
