//! What is looked at: the deleted records of objects with a recycle bin, and the audit trail. Deleted records can be told to
//! come back, and administrators purge them; nothing else is written here.
//!
//! Their schemas are not on the search path, so that an object's own name always means the records that are there.

use arrow::datatypes::{Field, Schema};
use quarry_metadata::Object;
use quarry_planner::{
    Views, changes_schema, events_schema,
    lower::BIN_VIEW,
    sql::{AUDIT, CHANGES, EVENTS, RECYCLE_BIN},
};

use super::{
    model::{Column, Relation, primary_name},
    oid::Oids,
};
use crate::pg_type::announce;

/// What may be done with an object's records, until there are permissions.
pub const WRITTEN: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE"];
/// What may be done with deleted records by who may purge them.
pub const PURGED: &[&str] = &["SELECT", "DELETE"];
/// What may be done with all else.
pub const READ: &[&str] = &["SELECT"];

/// The schemas that a session finds, with what they are. A package of that name comes first.
pub fn schemas(views: &Views, reads_audit: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    let bins = (RECYCLE_BIN, "Deleted records", !views.bins.is_empty());
    let audit = (AUDIT, "Who changed what, and when", reads_audit);
    let is_free = |name: &str| views.registry.packages.keys().all(|package| package.as_str() != name);
    let found = [bins, audit].into_iter().filter(move |(name, _, is_there)| *is_there && is_free(name));
    found.map(|(name, comment, _)| (name, comment))
}

/// What is given oids, beside what is in the registry.
pub fn names() -> [(&'static str, String); 4] {
    [
        ("schema", RECYCLE_BIN.to_owned()),
        ("schema", AUDIT.to_owned()),
        ("table", audit_name(CHANGES)),
        ("table", audit_name(EVENTS)),
    ]
}

/// What is given oids for the deleted records of an object.
pub fn names_of_bin(object: &Object) -> [(&'static str, String); 3] {
    let bin = |part: &str| format!("{}.{BIN_VIEW}{}.{part}", object.package, object.name);
    let key = bin(&primary_name(object.name.as_str()));
    [("table", bin("")), ("index", key.clone()), ("constraint", key)]
}

fn audit_name(table: &str) -> String {
    format!("{AUDIT}.{table}.")
}

/// `audit.changes` and `audit.events`.
pub fn audit(oids: &Oids) -> [Relation; 2] {
    let changes = "One row for each record that came or went, and for each field that changed";
    let events = "Who came in or was refused, who was given what, what was published";
    [relation(oids, CHANGES, changes, &changes_schema()), relation(oids, EVENTS, events, &events_schema())]
}

fn relation(oids: &Oids, name: &str, comment: &str, schema: &Schema) -> Relation {
    let column = |number: i16, field: &Field| {
        let announced = announce(field);
        Column {
            number,
            name: field.name().clone(),
            type_oid: announced.pg_type.oid(),
            modifier: announced.modifier,
            not_null: !field.is_nullable(),
            default: None,
            comment: None,
            generated: true,
        }
    };
    Relation {
        oid: oids.get("table", &audit_name(name)),
        schema_oid: oids.get("schema", AUDIT),
        schema: AUDIT.to_owned(),
        name: name.to_owned(),
        comment: Some(comment.to_owned()),
        columns: (1..).zip(schema.fields()).map(|(number, field)| column(number, field)).collect(),
        constraints: Vec::new(),
        indexes: Vec::new(),
        only_read: true,
        grants: READ,
        updated: None,
    }
}
