//! What an object is called, how it is defined, what is said about it, by oid.

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

use super::{CatalogFunction, argument, constant, text_argument};
use crate::catalog::{
    cell::Cell,
    column::Shape,
    facts::{self, FUNCTIONS, FunctionFact},
    field_type::format_type,
    model::Model,
};

/// Over the model.
pub fn functions(model: &Arc<Model>) -> Vec<Arc<ScalarUDF>> {
    vec![
        with(model, "pg_get_constraintdef", Shape::Text, 1, 2, |model, arguments| {
            Cell::from(
                argument(arguments, 0)
                    .as_oid()
                    .and_then(|oid| model.constraint(oid))
                    .map(|found| found.definition.as_str()),
            )
        }),
        with(model, "pg_get_indexdef", Shape::Text, 1, 3, index_definition),
        with(model, "obj_description", Shape::Text, 1, 2, object_description),
        with(model, "col_description", Shape::Text, 2, 2, column_description),
        with(model, "pg_table_is_visible", Shape::Bool, 1, 1, table_is_visible),
        with(model, "pg_partition_ancestors", Shape::OidList, 1, 1, |_, _| Cell::List(Vec::new())),
    ]
}

/// Over the built-in facts alone, and those whose answer never changes here.
pub fn fixed() -> Vec<Arc<ScalarUDF>> {
    let mut functions = vec![
        CatalogFunction::new("format_type", Shape::Text, 1..=2, |arguments| {
            let Some(oid) = argument(arguments, 0).as_oid() else {
                return Ok(Cell::Null);
            };
            let modifier = argument(arguments, 1).as_int().and_then(|modifier| i32::try_from(modifier).ok());
            let name = if oid == 0 {
                "-".to_owned()
            } else {
                format_type(oid, modifier).unwrap_or_else(|| "???".to_owned())
            };
            Ok(Cell::Text(name))
        })
        .seeing_nulls()
        .udf(),
        CatalogFunction::new("pg_get_expr", Shape::Text, 2..=3, |arguments| {
            Ok(argument(arguments, 0).clone())
        })
        .udf(),
        CatalogFunction::new("pg_get_function_result", Shape::Text, 1..=1, |arguments| {
            Ok(built_in(arguments).and_then(|fact| type_at(fact, 3)).map_or(Cell::Null, Cell::Text))
        })
        .udf(),
    ];
    for name in ["pg_get_function_arguments", "pg_get_function_identity_arguments"] {
        functions.push(
            CatalogFunction::new(name, Shape::Text, 1..=1, |arguments| Ok(function_arguments(arguments)))
                .udf(),
        );
    }
    for name in VISIBLE {
        functions.push(CatalogFunction::new(name, Shape::Bool, 1..=1, |_| Ok(Cell::Bool(true))).udf());
    }
    // There are no views, rules, triggers, partitions, sequences here; sizes are not known per table.
    for (name, most) in ABSENT_TEXTS {
        functions.push(constant(name, Shape::Text, 1..=most, Cell::Null));
    }
    for (name, most) in ABSENT_NUMBERS {
        functions.push(constant(name, Shape::Int8, 0..=most, Cell::Null));
    }
    functions.push(constant("pg_relation_is_publishable", Shape::Bool, 1..=1, Cell::Bool(false)));
    functions.push(constant("pg_relation_is_updatable", Shape::Int4, 2..=2, Cell::Int(28)));
    functions
}

const VISIBLE: [&str; 12] = [
    "pg_type_is_visible",
    "pg_function_is_visible",
    "pg_operator_is_visible",
    "pg_opclass_is_visible",
    "pg_opfamily_is_visible",
    "pg_collation_is_visible",
    "pg_conversion_is_visible",
    "pg_statistics_obj_is_visible",
    "pg_ts_config_is_visible",
    "pg_ts_dict_is_visible",
    "pg_ts_parser_is_visible",
    "pg_ts_template_is_visible",
];

const ABSENT_TEXTS: [(&str, usize); 12] = [
    ("pg_get_viewdef", 2),
    ("pg_get_ruledef", 2),
    ("pg_get_triggerdef", 2),
    ("pg_get_functiondef", 1),
    ("pg_get_function_sqlbody", 1),
    ("pg_get_partkeydef", 1),
    ("pg_get_statisticsobjdef", 1),
    ("pg_get_statisticsobjdef_columns", 1),
    ("pg_get_serial_sequence", 2),
    ("pg_tablespace_location", 1),
    ("shobj_description", 2),
    ("pg_describe_object", 3),
];

const ABSENT_NUMBERS: [(&str, usize); 8] = [
    ("pg_relation_size", 2),
    ("pg_table_size", 1),
    ("pg_indexes_size", 1),
    ("pg_total_relation_size", 1),
    ("pg_database_size", 1),
    ("pg_tablespace_size", 1),
    ("pg_sequence_last_value", 1),
    ("txid_current", 0),
];

/// A function over the model, of `least` to `most` arguments.
fn with(
    model: &Arc<Model>,
    name: &'static str,
    returns: Shape,
    least: usize,
    most: usize,
    run: fn(&Model, &[Cell]) -> Cell,
) -> Arc<ScalarUDF> {
    let model = Arc::clone(model);
    CatalogFunction::new(name, returns, least..=most, move |arguments| Ok(run(&model, arguments))).udf()
}

/// The whole definition, or with a column number other than 0 that column's.
fn index_definition(model: &Model, arguments: &[Cell]) -> Cell {
    let Some((table, index)) = argument(arguments, 0).as_oid().and_then(|oid| model.index(oid)) else {
        return Cell::Null;
    };
    let place =
        argument(arguments, 1).as_int().and_then(|place| usize::try_from(place).ok()).unwrap_or_default();
    if place == 0 {
        return Cell::from(index.definition.as_str());
    }
    let column = index.columns.get(place - 1).and_then(|number| table.column(*number));
    column.map_or_else(|| Cell::from(""), |column| Cell::from(facts::quote_ident(&column.name)))
}

fn object_description(model: &Model, arguments: &[Cell]) -> Cell {
    let Some(oid) = argument(arguments, 0).as_oid() else {
        return Cell::Null;
    };
    let class = text_argument(arguments, 1);
    let tables = model
        .relations
        .iter()
        .filter(|_| matches!(class, "" | "pg_class"))
        .map(|table| (table.oid, &table.comment));
    let schemas = model
        .schemas
        .iter()
        .filter(|_| matches!(class, "" | "pg_namespace"))
        .map(|schema| (schema.oid, &schema.comment));
    Cell::from(
        tables.chain(schemas).find(|(found, _)| *found == oid).and_then(|(_, comment)| comment.as_deref()),
    )
}

fn column_description(model: &Model, arguments: &[Cell]) -> Cell {
    let number = argument(arguments, 1).as_int().and_then(|number| i16::try_from(number).ok());
    let table = argument(arguments, 0).as_oid().and_then(|oid| model.relation(oid));
    let column = table.zip(number).and_then(|(table, number)| table.column(number));
    Cell::from(column.and_then(|column| column.comment.as_deref()))
}

/// Every package is on the search path and so is `pg_catalog`; `information_schema`, `recycle_bin` and `audit` are not. Null for what doesn't exist.
fn table_is_visible(model: &Model, arguments: &[Cell]) -> Cell {
    let Some(oid) = argument(arguments, 0).as_oid() else {
        return Cell::Null;
    };
    if let Some(table) = model.relation(oid).or_else(|| model.index(oid).map(|(table, _)| table)) {
        return Cell::Bool(!table.only_read);
    }
    Cell::from(facts::relations().find(|table| table.oid == oid).map(|table| table.schema == "pg_catalog"))
}

fn built_in(arguments: &[Cell]) -> Option<&'static FunctionFact> {
    let oid = argument(arguments, 0).as_oid()?;
    FUNCTIONS.iter().find(|fact| fact.oid == oid)
}

fn type_at(fact: &FunctionFact, at: usize) -> Option<String> {
    format_type(fact.columns.get(at)?.parse().ok()?, None)
}

fn function_arguments(arguments: &[Cell]) -> Cell {
    let Some(types) = built_in(arguments).and_then(|fact| fact.columns.get(7)) else {
        return Cell::Null;
    };
    let names: Vec<_> = types.split(' ').filter_map(|oid| format_type(oid.parse().ok()?, None)).collect();
    Cell::Text(names.join(", "))
}
