//! Changes as doors ask for them, and what became of them.

use std::{borrow::Cow, fmt};

use indexmap::IndexMap;
use quarry_planner::objectql::Filter;
use quarry_storage::Value;

/// A value from outside, before it is checked against its field.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// JSON: numbers keep their digits; decimals may be strings; dates and instants are ISO 8601 text.
    Json(serde_json::Value),
    /// Typed already (a SQL door, an import of Parquet): text stays text and is parsed by the field; numbers,
    /// days, instants are checked and widened, never narrowed with loss. `Decimal` carries its scale.
    Typed(Value, Option<i8>),
}

/// A record as asked: fields by name.
pub type Record = IndexMap<String, Input>;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The object.
    pub object: String,
    /// What to do.
    pub operation: Operation,
    /// Refused with `CONCURRENT_UPDATE` unless the record's revision is this.
    pub if_revision: Option<i64>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Operation {
    /// A new record; `id` in the data is used when given.
    Create(Record),
    /// The named fields of one record.
    Update { id: String, data: Record },
    /// The named fields of every record that matches.
    UpdateWhere { filter: Filter, data: Record },
    /// Create, or update the one record whose `on` fields (together unique, or `id`) have the data's values.
    Upsert { on: Vec<String>, data: Record },
    /// One record.
    Delete { id: String },
    /// Every record that matches.
    DeleteWhere { filter: Filter },
    /// One record of the recycle bin, with all that went with it when it was deleted.
    Undelete { id: String },
    /// An action that a package declares, on one record.
    Act { id: String, action: String, parameters: Record },
}

/// What became of one change.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The object.
    pub object: String,
    /// The ids of the records created, updated, deleted or brought back, in order; that of the one that an action was done with.
    pub ids: Vec<String>,
    /// What was done (an upsert says which).
    pub done: Done,
    /// What an action returns, by name.
    pub returned: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Done {
    Created,
    Updated,
    Deleted,
    Undeleted,
    Acted,
}

/// One finding in data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which change of the request, from 0.
    pub change: usize,
    /// The object.
    pub object: String,
    /// The record, when it has an id.
    pub id: Option<String>,
    /// The field; none when it is about the record.
    pub field: Option<String>,
    /// `required`, `invalid_type`, `invalid_number`, `invalid_date`, `invalid_email`, `max_length`, `min_value`, `max_value`,
    /// `max_scale`, `invalid_option`, `reference_not_found`, `unique`, `readonly`, `unknown_field`, `delete_restricted`, …
    /// …, or what the rule that was broken calls itself.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: String,
    /// The constraint's name for unique and reference findings (SQL's `constraint_name`).
    pub constraint: Option<String>,
}

impl Finding {
    /// The finding that a violation told by the store stands for; which change it was is not known there.
    pub(crate) fn of_store(error: &quarry_storage::Error) -> Self {
        use quarry_storage::Error as Store;
        let of =
            |object: &str, id: Option<&str>, field: Option<&str>, code: &'static str, message, constraint| {
                Self {
                    change: 0,
                    object: object.to_owned(),
                    id: id.map(str::to_owned),
                    field: field.map(str::to_owned),
                    code: code.into(),
                    message,
                    constraint,
                }
            };
        match error {
            Store::DuplicateKey { table, key } => {
                let message = format!("a record with the id {key:?} exists already");
                of(table, Some(key), Some("id"), "unique", message, Some(format!("{table}_pkey")))
            }
            Store::MissingKey { table, key } => {
                of(table, Some(key), None, "record_not_found", format!("there is no record {key:?}"), None)
            }
            Store::UniqueViolation { table, constraint, columns, key } => {
                let field = columns.first().filter(|_| columns.len() == 1).map(String::as_str);
                let message = format!("another record has the same {}", columns.join(", "));
                of(table, Some(key), field, "unique", message, Some(constraint.clone()))
            }
            Store::ReferenceViolation { table, column, key, target, target_key } => {
                let message = format!("there is no {target} {target_key:?}");
                let constraint = Some(reference_constraint(table, column));
                of(table, Some(key), Some(column), "reference_not_found", message, constraint)
            }
            Store::StillReferenced { table, key, child, column } => {
                let message = format!("it is still referred to by {child}.{column}");
                let constraint = Some(reference_constraint(child, column));
                of(table, Some(key), None, "delete_restricted", message, constraint)
            }
            other => of("", None, None, "invalid_value", other.to_string(), None),
        }
    }
}

/// The constraint name of a lookup, as SQL tools expect it.
pub(crate) fn reference_constraint(object: &str, field: &str) -> String {
    format!("{object}_{field}_fkey")
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.object)?;
        if let Some(field) = &self.field {
            write!(f, ".{field}")?;
        }
        if let Some(id) = &self.id {
            write!(f, " of {id:?}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Warnings of one call that are told; of those past it their number is.
pub(crate) const WARNINGS_MAX: usize = 1_000;

/// Findings that refuse nothing: what rules of the weight of a warning say of changes that are made all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warnings {
    /// The first of them, in the order of the changes; a thousand at most.
    pub told: Vec<Finding>,
    /// How many more there are.
    pub more: u64,
}

impl Warnings {
    /// Nobody warns.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Adds one more; past the limit it is only counted.
    pub(crate) fn push(&mut self, finding: Finding) {
        match self.told.len() < WARNINGS_MAX {
            true => self.told.push(finding),
            false => self.more = self.more.saturating_add(1),
        }
    }

    /// Adds those of another call.
    pub fn extend(&mut self, others: Warnings) {
        others.told.into_iter().for_each(|finding| self.push(finding));
        self.more = self.more.saturating_add(others.more);
    }
}

/// What one call of a transaction did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// One per change, in order.
    pub outcomes: Vec<Outcome>,
    /// What was found and does not stand in the way.
    pub warnings: Warnings,
}

/// What became of a set of changes.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeReport {
    /// One per change, in order.
    pub outcomes: Vec<Outcome>,
    /// What was found and does not stand in the way.
    pub warnings: Warnings,
    /// The commit that holds them; none on a dry run.
    pub csn: Option<u64>,
}
