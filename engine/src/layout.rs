//! How an object's fields lie in the columns of its table.

mod bin;

use std::sync::Arc;

use indexmap::IndexMap;
use quarry_metadata::{
    Field, FieldName, Object,
    rules::{Action, Check, Is, Requirement, Rules, Validation},
};
use quarry_planner::{Pace, lower};
use quarry_storage::{ColumnSpec, ColumnType, Key, Row, Snapshot, TableName, TableSpec, Value};

pub(crate) use bin::{Bin, Deletion};

use crate::error::{Error, Result};

/// An object beside its table.
pub(crate) struct Layout {
    pub object: Arc<Object>,
    pub table: TableName,
    pub spec: Arc<TableSpec>,
    /// Per field of the object, in its order: the column; none where it is computed.
    columns: Vec<Option<usize>>,
    /// What one record only may have.
    pub onces: Vec<Once>,
    /// Where its deleted records are kept, when they are.
    pub bin: Option<Bin>,
    /// Of changes of one record.
    pub pace: Pace,
}

impl Layout {
    /// Matches fields with columns by name.
    ///
    /// # Errors
    ///
    /// `Internal` when a column is missing: the tables are defined before a registry serves.
    pub fn new(object: &Arc<Object>, rules: Option<&Arc<Rules>>, snapshot: &Snapshot) -> Result<Self> {
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
        let (object, table) = (object.clone(), spec.name.clone());
        let bin = object.recycle_bin.then(|| Bin::new(&object, &spec, snapshot)).transpose()?;
        let (onces, pace) = (Vec::new(), Pace::default());
        let mut layout = Self { object, table, spec, columns, onces, bin, pace };
        layout.onces = layout.all_onces(rules)?;
        Ok(layout)
    }

    /// Whether its tables are in this state as they were when it was made.
    pub fn is_of(&self, snapshot: &Snapshot) -> bool {
        let same = |spec: &Arc<TableSpec>| {
            snapshot.table(&spec.name).is_ok_and(|table| Arc::ptr_eq(table.spec(), spec))
        };
        same(&self.spec) && self.bin.as_ref().is_none_or(|bin| same(&bin.spec))
    }

    /// Of the object's unique indexes, then of its rules.
    fn all_onces(&self, rules: Option<&Arc<Rules>>) -> Result<Vec<Once>> {
        let indexes = self.object.indexes.iter().filter(|index| index.unique);
        let mut onces =
            indexes.map(|index| Once::new(self, &index.name, &index.fields)).collect::<Result<Vec<_>>>()?;
        for (at, rule) in rules.iter().flat_map(|rules| rules.validations.iter().enumerate()) {
            let Check::Unique(unique) = &rule.check else { continue };
            let mut once = Once::new(self, &unique.constraint, &unique.fields)?;
            for Requirement { field, is } in &unique.when {
                once.when.push((self.must_column(field)?, is.clone()));
            }
            once.rule = rules.map(|rules| (Arc::clone(rules), at));
            onces.push(once);
        }
        Ok(onces)
    }

    fn must_column(&self, field: &FieldName) -> Result<usize> {
        let missing = || Error::internal(format!("no column for {}.{field}", self.object.name));
        self.column(field.as_str()).ok_or_else(missing)
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
        let (table, spec) = (spec.name.clone(), Arc::new(spec));
        let (onces, pace) = (Vec::new(), Pace::default());
        Self { object: Arc::new(parameters), table, spec, columns, onces, bin: None, pace }
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
}

/// What one record only may have: the values of some columns, among the records that count.
pub(crate) struct Once {
    /// What the store calls the constraint.
    pub name: Arc<str>,
    pub fields: Vec<FieldName>,
    pub columns: Vec<usize>,
    /// A record counts that meets all of these.
    pub when: Vec<(usize, Is)>,
    /// The rule that says so, by its place among the validations; none for an index.
    rule: Option<(Arc<Rules>, usize)>,
}

impl Once {
    /// Of these fields, whichever record has them.
    ///
    /// # Errors
    ///
    /// `Internal` when one of them has no column.
    pub fn new(layout: &Layout, name: &str, fields: &[FieldName]) -> Result<Self> {
        let columns = fields.iter().map(|field| layout.must_column(field)).collect::<Result<Vec<_>>>()?;
        Ok(Self { name: name.into(), fields: fields.to_vec(), columns, when: Vec::new(), rule: None })
    }

    /// The rule that says so.
    pub fn rule(&self) -> Option<&Validation> {
        self.rule.as_ref().and_then(|(rules, at)| rules.validations.get(*at))
    }

    /// All columns that decide.
    pub fn concerned(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().copied().chain(self.when.iter().map(|(column, _)| *column))
    }

    /// The values of a record; none where it does not count, or one of them is null.
    pub fn values<'v>(&self, of: impl Fn(usize) -> &'v Value) -> Option<Vec<Value>> {
        if !self.when.iter().all(|(column, is)| meets(of(*column), is)) {
            return None;
        }
        let filled = |column: &usize| Some(of(*column)).filter(|value| !value.is_null()).cloned();
        self.columns.iter().map(filled).collect()
    }

    /// Those of a row.
    pub fn of_row(&self, row: &Row) -> Option<Vec<Value>> {
        self.values(|column| row.get(column))
    }
}

fn meets(value: &Value, is: &Is) -> bool {
    let is_one = |texts: &[String]| match value {
        Value::Text(text) => texts.iter().any(|known| **known == **text),
        _ => false,
    };
    match is {
        Is::Empty => value.is_null(),
        Is::Filled => !value.is_null(),
        Is::Bool(flag) => *value == Value::Bool(*flag),
        Is::Int(number) => *value == Value::Int(*number),
        Is::AnyOf(texts) => is_one(texts),
        Is::NoneOf(texts) => !value.is_null() && !is_one(texts),
    }
}

/// The key of a row.
pub(crate) fn key_of(row: &Row) -> Key {
    match row.get(0) {
        Value::Text(key) => key.clone(),
        _ => Key::from(""),
    }
}
