//! Defaults, constraints and indexes as SQL text, as PostgreSQL's `pg_get_…def` functions write them.

use quarry_metadata::{Default_, DeleteBehavior, Field, FieldKind, Object};

use super::{
    facts::{quote_ident, quote_literal},
    field_type::format_type,
    model::Relation,
};

/// Names as a list in SQL.
pub fn column_list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(quote_ident).collect::<Vec<_>>().join(", ")
}

/// What a new record gets, as SQL; none without a default. A number the engine draws (`autonumber`) has none.
pub fn default_expression(field: &Field, type_oid: u32) -> Option<String> {
    let type_name = format_type(type_oid, None)?;
    match field.default.as_ref()? {
        Default_::Now if matches!(field.kind, FieldKind::Time) => Some("LOCALTIME".to_owned()),
        Default_::Now => Some("now()".to_owned()),
        Default_::Today => Some("CURRENT_DATE".to_owned()),
        Default_::CurrentUser => Some("CURRENT_USER".to_owned()),
        Default_::Value(serde_json::Value::Null) | Default_::Computed(_) => None,
        Default_::Value(serde_json::Value::Bool(value)) => Some(value.to_string()),
        Default_::Value(serde_json::Value::Number(number)) => Some(number.to_string()),
        Default_::Value(serde_json::Value::String(text))
            if type_name == "numeric" || type_name == "bigint" =>
        {
            Some(text.clone())
        }
        Default_::Value(serde_json::Value::String(text)) => {
            Some(format!("{}::{type_name}", quote_literal(text)))
        }
        Default_::Value(serde_json::Value::Array(items)) if type_name == "text[]" => {
            let items: Vec<_> = items.iter().filter_map(|item| item.as_str()).map(quote_literal).collect();
            Some(format!("ARRAY[{}]::text[]", items.join(", ")))
        }
        Default_::Value(other) => Some(format!("{}::{type_name}", quote_literal(&other.to_string()))),
    }
}

/// A foreign key of one column to another table's id. Every schema is on the search path, so that, as PostgreSQL does, the table is named
/// without it.
pub fn foreign_key(column: &str, target: &Object, on_delete: DeleteBehavior) -> String {
    let action = match on_delete {
        DeleteBehavior::Restrict => "RESTRICT",
        DeleteBehavior::SetNull => "SET NULL",
        DeleteBehavior::Cascade => "CASCADE",
    };
    format!(
        "FOREIGN KEY ({}) REFERENCES {}(id) ON DELETE {action}",
        quote_ident(column),
        quote_ident(target.name.as_str())
    )
}

/// An index over columns of a table.
pub fn index(table: &Relation, name: &str, columns: &[i16], unique: bool) -> String {
    let unique = if unique { "UNIQUE " } else { "" };
    let (schema, relation) = (quote_ident(&table.schema), quote_ident(&table.name));
    format!(
        "CREATE {unique}INDEX {} ON {schema}.{relation} USING btree ({})",
        quote_ident(name),
        table.column_list(columns)
    )
}
