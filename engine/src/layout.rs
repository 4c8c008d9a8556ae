//! How an object's fields lie in the columns of its table.

use std::sync::Arc;

use indexmap::IndexMap;
use quarry_metadata::{Field, FieldName, Object, rules::Action};
use quarry_planner::lower;
use quarry_storage::{ColumnSpec, ColumnType, Key, Row, Snapshot, TableName, TableSpec, Value};

use crate::error::{Error, Result};

/// An object beside its table.
pub(crate) struct Layout {
    pub object: Arc<Object>,
    pub table: TableName,
    pub spec: Arc<TableSpec>,
    /// Per field of the object, in its order: the column; none where it is computed.
    columns: Vec<Option<usize>>,
}

impl Layout {
    /// Matches fields with columns by name.
    ///
    /// # Errors
    ///
    /// `Internal` when a column is missing: the tables are defined before a registry serves.
    pub fn new(object: &Arc<Object>, snapshot: &Snapshot) -> Result<Self> {
        let table = snapshot.table(object.table())?;
        let spec = table.spec().clone();
        let columns = object.fields.values().map(|field| match field.kind.is_computed() {
            true => Ok(None),
            false => spec
                .position(field.column())
                .map(Some)
                .ok_or_else(|| Error::internal(format!("no column for {}.{}", object.name, field.name))),
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(Self { object: object.clone(), table: spec.name.clone(), spec, columns })
    }

    /// The parameters of an action, as if they were the fields of an object of their own. Its first column, where rows have
    /// their key, is nobody's.
    pub fn of_parameters(object: &Object, action: &Action) -> Self {
        let key = ColumnSpec {
            name: "id".into(),
            column_type: ColumnType::Text,
            indexed: false,
            searchable: false,
        };
        let column = |field: &Field| ColumnSpec {
            name: field.name.as_str().into(),
            column_type: lower::column_type(field),
            ..key.clone()
        };
        let columns = [key.clone()].into_iter().chain(action.parameters.values().map(column)).collect();
        let spec = TableSpec { name: "".into(), columns, unique: Vec::new(), references: Vec::new() };
        let parameters = Object {
            fields: action.parameters.clone(),
            relations: IndexMap::new(),
            indexes: Vec::new(),
            searchable: Vec::new(),
            ..object.clone()
        };
        let columns = (1..=action.parameters.len()).map(Some).collect();
        Self { object: Arc::new(parameters), table: spec.name.clone(), spec: Arc::new(spec), columns }
    }

    /// Every stored field with its column.
    pub fn fields(&self) -> impl Iterator<Item = (usize, &Field)> {
        let fields = self.columns.iter().zip(self.object.fields.values());
        fields.filter_map(|(column, field)| Some(((*column)?, field)))
    }

    /// The column of a field.
    pub fn column(&self, field: &str) -> Option<usize> {
        let place = self.object.fields.get_index_of(self.object.field(field)?.name.as_str())?;
        self.columns.get(place).copied().flatten()
    }

    /// What a field's values are kept under.
    pub fn stored_name(&self, field: &FieldName) -> Option<&str> {
        self.object.field(field.as_str()).map(Field::column)
    }

    /// A row's values of these fields; none when one of them is null.
    pub fn values(&self, row: &Row, fields: &[FieldName]) -> Option<Vec<Value>> {
        let value = |name: &FieldName| {
            let value = row.get(self.column(name.as_str())?);
            (*value != Value::Null).then(|| value.clone())
        };
        fields.iter().map(value).collect()
    }
}

/// The key of a row.
pub(crate) fn key_of(row: &Row) -> Key {
    match row.get(0) {
        Value::Text(key) => key.clone(),
        _ => Key::from(""),
    }
}
