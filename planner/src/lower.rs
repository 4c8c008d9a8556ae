//! The one place where an object becomes a table.

use quarry_metadata::{Field, Object};
use quarry_storage::{ColumnType, TableSpec};

/// The table of an object: same name, one column per field in the object's order (`id` first), lookups, unique and
/// indexed fields indexed, searchable fields searchable.
pub fn table_spec(object: &Object) -> TableSpec {
    let _ = object;
    todo!()
}

/// How a field is stored.
pub fn column_type(field: &Field) -> ColumnType {
    let _ = field;
    todo!()
}
