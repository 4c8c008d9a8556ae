//! The session's views told as PostgreSQL's catalog would: schemas, relations, columns, constraints, indexes, each with its oid.
//!
//! Built from [`Views`] alone, so what is not in a view is in no catalog table; a foreign key to an object that is not in the views is
//! not there either. Oids come from the whole registry ([`Oids`]), so that sessions with different views agree on them.

use std::sync::Arc;

use quarry_metadata::{DeleteBehavior, Field, FieldKind, Index, Object, ObjectName, Registry};
use quarry_planner::{
    ObjectView, Views,
    lower::DELETED_AT,
    sql::{AUDIT, RECYCLE_BIN},
};

use super::{definition, field_type::pg_type, oid::Oids, only_read};

/// Everything the catalog tells about the model.
#[derive(Debug)]
pub struct Model {
    /// One per package, in the registry's order, which is the search path's; then `recycle_bin` and `audit`, which are not on it.
    pub schemas: Vec<Schema>,
    /// The tables, sorted by schema, then name.
    pub relations: Vec<Relation>,
}

/// A package as a schema.
#[derive(Debug)]
pub struct Schema {
    /// Its oid.
    pub oid: u32,
    /// The package's name.
    pub name: String,
    /// Its label.
    pub comment: Option<String>,
    /// Names without a schema are looked for in it.
    pub on_path: bool,
}

/// An object as a table, or what is only looked at.
#[derive(Debug)]
pub struct Relation {
    /// Its oid.
    pub oid: u32,
    /// The schema's oid.
    pub schema_oid: u32,
    /// The package's name.
    pub schema: String,
    /// The object's name.
    pub name: String,
    /// Label and description.
    pub comment: Option<String>,
    /// The fields that the session may read, in the view's order.
    pub columns: Vec<Column>,
    /// Primary key first, then unique constraints and foreign keys by name.
    pub constraints: Vec<Constraint>,
    /// Primary key first, then by name.
    pub indexes: Vec<IndexRelation>,
    /// Deleted records and the audit trail: nobody makes them, and they are named with their schema only.
    pub only_read: bool,
    /// What the session may do with all of it, of `SELECT`, `INSERT`, `UPDATE` and `DELETE`.
    pub grants: &'static [&'static str],
    /// The column that may be updated where the others may not.
    pub updated: Option<&'static str>,
}

/// A field as a column.
#[derive(Debug)]
pub struct Column {
    /// Its place, from 1.
    pub number: i16,
    /// The field's name.
    pub name: String,
    /// Its type's oid.
    pub type_oid: u32,
    /// Its type's modifier, or -1.
    pub modifier: i32,
    /// A record always has a value.
    pub not_null: bool,
    /// The default as SQL, with the oid of its `pg_attrdef` row.
    pub default: Option<(u32, String)>,
    /// Label and description.
    pub comment: Option<String>,
    /// The engine gives the value.
    pub generated: bool,
}

/// A primary key, unique constraint or foreign key.
#[derive(Debug)]
pub struct Constraint {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: String,
    /// The columns here.
    pub columns: Vec<i16>,
    /// The index that keeps it (for a foreign key: the other table's primary key).
    pub index_oid: u32,
    /// What it says.
    pub kind: ConstraintKind,
    /// As SQL: `FOREIGN KEY (owner) REFERENCES "user"(id) ON DELETE RESTRICT`.
    pub definition: String,
}

/// What a constraint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// The record's id.
    Primary,
    /// No two alike.
    Unique,
    /// A lookup.
    Foreign {
        /// The other table.
        target: u32,
        /// The column there.
        target_column: i16,
        /// What its deletion does here.
        on_delete: DeleteBehavior,
    },
}

impl ConstraintKind {
    /// `pg_constraint.contype`.
    pub fn letter(self) -> char {
        match self {
            Self::Primary => 'p',
            Self::Unique => 'u',
            Self::Foreign { .. } => 'f',
        }
    }
}

/// An index as a relation.
#[derive(Debug)]
pub struct IndexRelation {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: String,
    /// The columns of the table, in order.
    pub columns: Vec<i16>,
    /// No two alike.
    pub unique: bool,
    /// The primary key's.
    pub primary: bool,
    /// As SQL: `CREATE INDEX … ON crm.account USING btree (type)`.
    pub definition: String,
}

impl Relation {
    /// The column of that number.
    pub fn column(&self, number: i16) -> Option<&Column> {
        self.columns.iter().find(|column| column.number == number)
    }

    /// What the session may do with a column.
    pub fn grants_on(&self, column: &str) -> impl Iterator<Item = &'static str> {
        let of_table = self.grants.iter().copied().filter(|grant| *grant != "DELETE");
        of_table.chain((self.updated == Some(column)).then_some("UPDATE"))
    }

    /// The columns of those numbers, as SQL writes a list of them.
    pub fn column_list(&self, numbers: &[i16]) -> String {
        definition::column_list(
            numbers.iter().filter_map(|number| self.column(*number)).map(|column| column.name.as_str()),
        )
    }
}

impl Model {
    /// The catalog of a session's views, and of the audit trail if it reads that.
    pub fn new(views: &Views, reads_audit: bool) -> Model {
        let oids = assign(&views.registry);
        let packages = views
            .registry
            .packages
            .values()
            .filter(|package| views.objects.values().any(|view| view.object.package == package.name))
            .map(|package| Schema {
                oid: oids.get("schema", package.name.as_str()),
                name: package.name.to_string(),
                comment: Some(package.label.get("en").to_owned()).filter(|label| !label.is_empty()),
                on_path: true,
            });
        let only_read: Vec<(&str, &str)> = only_read::schemas(views, reads_audit).collect();
        let finds = |name: &str| only_read.iter().any(|(found, _)| *found == name);
        let looked_at = only_read.iter().map(|(name, comment)| Schema {
            oid: oids.get("schema", name),
            name: (*name).to_owned(),
            comment: Some((*comment).to_owned()),
            on_path: false,
        });
        let schemas = packages.chain(looked_at).collect();
        let builder = Builder { views, oids: &oids, administers: reads_audit };
        let mut relations: Vec<_> = views.objects.values().map(|view| builder.relation(view)).collect();
        let bins = views.bins.iter().filter(|_| finds(RECYCLE_BIN));
        relations.extend(bins.map(|(name, bin)| builder.bin(name, bin)));
        relations.extend(finds(AUDIT).then(|| only_read::audit(&oids)).into_iter().flatten());
        relations.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
        Model { schemas, relations }
    }

    /// The table of that oid.
    pub fn relation(&self, oid: u32) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.oid == oid)
    }

    /// The index of that oid, with its table.
    pub fn index(&self, oid: u32) -> Option<(&Relation, &IndexRelation)> {
        self.relations
            .iter()
            .find_map(|table| table.indexes.iter().find(|index| index.oid == oid).map(|index| (table, index)))
    }

    /// The constraint of that oid.
    pub fn constraint(&self, oid: u32) -> Option<&Constraint> {
        self.relations.iter().flat_map(|table| &table.constraints).find(|constraint| constraint.oid == oid)
    }
}

pub(super) fn full_name(object: &Object, part: &str) -> String {
    format!("{}.{}.{part}", object.package, object.name)
}

/// Oids for everything in the registry.
fn assign(registry: &Registry) -> Oids {
    let mut names: Vec<(&'static str, String)> =
        registry.packages.keys().map(|name| ("schema", name.to_string())).collect();
    names.extend(only_read::names());
    for object in registry.objects.values() {
        names.push(("table", full_name(object, "")));
        names.push(("index", full_name(object, &primary_name(object.name.as_str()))));
        names.push(("constraint", full_name(object, &primary_name(object.name.as_str()))));
        for index in &object.indexes {
            names.push(("index", full_name(object, &index.name)));
            names.push(("constraint", full_name(object, &index.name)));
        }
        if object.recycle_bin {
            names.extend(only_read::names_of_bin(object));
        }
        for field in object.fields.values() {
            names.push(("default", full_name(object, field.name.as_str())));
            names.push(("constraint", full_name(object, &foreign_name(object, field))));
        }
    }
    Oids::assign(names)
}

pub(super) fn primary_name(table: &str) -> String {
    format!("{table}_pkey")
}

fn foreign_name(object: &Object, field: &Field) -> String {
    format!("{}_{}_fkey", object.name, field.name)
}

/// What the parts of one model are built from.
struct Builder<'a> {
    views: &'a Views,
    oids: &'a Oids,
    /// For an administrator.
    administers: bool,
}

impl Builder<'_> {
    fn relation(&self, view: &Arc<ObjectView>) -> Relation {
        let object = &view.object;
        let mut relation = Relation {
            oid: self.oids.get("table", &full_name(object, "")),
            schema_oid: self.oids.get("schema", object.package.as_str()),
            schema: object.package.to_string(),
            name: object.name.to_string(),
            comment: comment(object.label.get("en"), object.description.as_deref()),
            columns: self.columns(view),
            constraints: Vec::new(),
            indexes: Vec::new(),
            only_read: false,
            grants: only_read::WRITTEN,
            updated: None,
        };
        self.add_primary_key(object, &mut relation);
        let mut indexes: Vec<&Index> = object.indexes.iter().collect();
        indexes.sort_by(|one, other| one.name.cmp(&other.name));
        for index in indexes {
            self.add_index(object, index, &mut relation);
        }
        for field in view.fields.iter().filter_map(|name| object.field(name.as_str())) {
            self.add_foreign_key(object, field, &mut relation);
        }
        relation
    }

    /// The deleted records of an object: its columns, and the key.
    fn bin(&self, name: &ObjectName, view: &Arc<ObjectView>) -> Relation {
        let object = &view.object;
        let mut relation = Relation {
            oid: self.oids.get("table", &full_name(object, "")),
            schema_oid: self.oids.get("schema", RECYCLE_BIN),
            schema: RECYCLE_BIN.to_owned(),
            name: name.to_string(),
            comment: comment(object.label.get("en"), Some("deleted records")),
            columns: self.columns(view),
            constraints: Vec::new(),
            indexes: Vec::new(),
            only_read: true,
            grants: if self.administers { only_read::PURGED } else { only_read::READ },
            updated: Some(DELETED_AT),
        };
        self.add_primary_key(object, &mut relation);
        relation
    }

    fn columns(&self, view: &ObjectView) -> Vec<Column> {
        let fields = view.fields.iter().filter_map(|name| view.object.field(name.as_str()));
        (1..).zip(fields).map(|(number, field)| self.column(&view.object, field, number)).collect()
    }

    fn column(&self, object: &Object, field: &Field, number: i16) -> Column {
        let (type_oid, modifier) = pg_type(field);
        let default = definition::default_expression(field, type_oid)
            .map(|text| (self.oids.get("default", &full_name(object, field.name.as_str())), text));
        Column {
            number,
            name: field.name.to_string(),
            type_oid,
            modifier,
            not_null: field.is_always_required() || matches!(field.kind, FieldKind::Id),
            default,
            comment: comment(field.label.get("en"), field.description.as_deref()),
            generated: field.system
                || field.readonly
                || matches!(field.kind, FieldKind::Id | FieldKind::AutoNumber { .. }),
        }
    }

    fn add_primary_key(&self, object: &Object, relation: &mut Relation) {
        let Some(id) = relation.columns.iter().find(|column| column.name == "id").map(|column| column.number)
        else {
            return;
        };
        let name = primary_name(&relation.name);
        let oid = self.oids.get("index", &full_name(object, &name));
        relation.indexes.push(IndexRelation {
            oid,
            definition: definition::index(relation, &name, &[id], true),
            name: name.clone(),
            columns: vec![id],
            unique: true,
            primary: true,
        });
        relation.constraints.push(Constraint {
            oid: self.oids.get("constraint", &full_name(object, &name)),
            name,
            columns: vec![id],
            index_oid: oid,
            kind: ConstraintKind::Primary,
            definition: "PRIMARY KEY (id)".to_owned(),
        });
    }

    /// Adds an index, and the constraint it keeps when it is unique; not when the session may not see all its columns.
    fn add_index(&self, object: &Object, index: &Index, relation: &mut Relation) {
        let number = |name: &str| {
            relation.columns.iter().find(|column| column.name == name).map(|column| column.number)
        };
        let Some(columns) =
            index.fields.iter().map(|field| number(field.as_str())).collect::<Option<Vec<i16>>>()
        else {
            return;
        };
        let oid = self.oids.get("index", &full_name(object, &index.name));
        if index.unique {
            relation.constraints.push(Constraint {
                oid: self.oids.get("constraint", &full_name(object, &index.name)),
                name: index.name.clone(),
                columns: columns.clone(),
                index_oid: oid,
                kind: ConstraintKind::Unique,
                definition: format!("UNIQUE ({})", relation.column_list(&columns)),
            });
        }
        relation.indexes.push(IndexRelation {
            oid,
            definition: definition::index(relation, &index.name, &columns, index.unique),
            name: index.name.clone(),
            columns,
            unique: index.unique,
            primary: false,
        });
    }

    fn add_foreign_key(&self, object: &Object, field: &Field, relation: &mut Relation) {
        let FieldKind::Lookup { target, on_delete, .. } = &field.kind else {
            return;
        };
        let Some(target) = self.views.get(target.as_str()) else {
            return;
        };
        let Some(target_column) =
            (1_i16..).zip(&target.fields).find(|(_, name)| name.as_str() == "id").map(|(number, _)| number)
        else {
            return;
        };
        let Some(number) = relation
            .columns
            .iter()
            .find(|column| column.name == field.name.as_str())
            .map(|column| column.number)
        else {
            return;
        };
        let name = foreign_name(object, field);
        let target = &target.object;
        relation.constraints.push(Constraint {
            oid: self.oids.get("constraint", &full_name(object, &name)),
            columns: vec![number],
            index_oid: self.oids.get("index", &full_name(target, &primary_name(target.name.as_str()))),
            kind: ConstraintKind::Foreign {
                target: self.oids.get("table", &full_name(target, "")),
                target_column,
                on_delete: *on_delete,
            },
            definition: definition::foreign_key(field.name.as_str(), target, *on_delete),
            name,
        });
    }
}

/// A comment of label and description; none when there is neither.
fn comment(label: &str, description: Option<&str>) -> Option<String> {
    match (label, description) {
        ("", None) => None,
        ("", Some(description)) => Some(description.to_owned()),
        (label, None) => Some(label.to_owned()),
        (label, Some(description)) => Some(format!("{label}: {description}")),
    }
}
