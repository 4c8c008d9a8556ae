//! Names to oids and back: `regclass`, `regtype`, `regnamespace`, `regproc`, `regrole`.
//!
//! The rewriting turns `x::regclass` into `regclass_in(x)` (text or number to oid, an error for an unknown name) and a
//! `regclass` that is shown or made text into `regclass_out(oid)`.

use std::sync::Arc;

use datafusion::{error::Result, logical_expr::ScalarUDF};

use super::{CatalogFunction, argument, invalid};
use crate::catalog::{
    cell::Cell,
    column::Shape,
    facts::{self, FUNCTIONS},
    field_type::format_type,
    model::{Model, Relation},
    rows::{self, role_oid},
};

/// One kind of name: how it is found, how it is written, what an unknown one is called.
struct Kind {
    input: &'static str,
    output: &'static str,
    lenient: &'static str,
    noun: &'static str,
    find: fn(&Model, &[String]) -> Option<u32>,
    write: fn(&Model, u32) -> Option<String>,
}

const KINDS: [Kind; 5] = [
    Kind {
        input: "regclass_in",
        output: "regclass_out",
        lenient: "to_regclass",
        noun: "relation",
        find: find_relation,
        write: write_relation,
    },
    Kind {
        input: "regtype_in",
        output: "regtype_out",
        lenient: "to_regtype",
        noun: "type",
        find: find_type,
        write: write_type,
    },
    Kind {
        input: "regnamespace_in",
        output: "regnamespace_out",
        lenient: "to_regnamespace",
        noun: "schema",
        find: find_schema,
        write: write_schema,
    },
    Kind {
        input: "regproc_in",
        output: "regproc_out",
        lenient: "to_regproc",
        noun: "function",
        find: find_function,
        write: write_function,
    },
    Kind {
        input: "regrole_in",
        output: "regrole_out",
        lenient: "to_regrole",
        noun: "role",
        find: find_role,
        write: write_role,
    },
];

/// All of them.
pub fn functions(model: &Arc<Model>) -> Vec<Arc<ScalarUDF>> {
    KINDS.iter().flat_map(|kind| of_kind(kind, model)).collect()
}

fn of_kind(kind: &'static Kind, model: &Arc<Model>) -> [Arc<ScalarUDF>; 3] {
    let strict_model = Arc::clone(model);
    let input = CatalogFunction::new(kind.input, Shape::Oid, 1..=1, move |arguments| {
        let name = argument(arguments, 0);
        match look_up(kind, &strict_model, name)? {
            Some(oid) => Ok(Cell::from(oid)),
            None => Err(invalid(format!(
                "{} \"{}\" does not exist",
                kind.noun,
                name.display().unwrap_or_default()
            ))),
        }
    });
    let lenient_model = Arc::clone(model);
    let lenient = CatalogFunction::new(kind.lenient, Shape::Oid, 1..=1, move |arguments| {
        Ok(Cell::from(look_up(kind, &lenient_model, argument(arguments, 0))?))
    });
    let output_model = Arc::clone(model);
    let output = CatalogFunction::new(kind.output, Shape::Text, 1..=1, move |arguments| {
        let Some(oid) = argument(arguments, 0).as_oid() else {
            return Ok(argument(arguments, 0).clone());
        };
        let name = if oid == 0 {
            "-".to_owned()
        } else {
            (kind.write)(&output_model, oid).unwrap_or_else(|| oid.to_string())
        };
        Ok(Cell::Text(name))
    });
    [input.udf(), lenient.udf(), output.udf()]
}

/// The oid of a name; a number is its own oid, `-` is none.
fn look_up(kind: &Kind, model: &Model, name: &Cell) -> Result<Option<u32>> {
    if let Some(oid) = name.as_oid() {
        return Ok(Some(oid));
    }
    match name.as_text() {
        Some("-") => Ok(Some(0)),
        Some(text) => Ok((kind.find)(model, &split_name(text)?)),
        None => Ok(None),
    }
}

/// The parts of a dotted name; unquoted parts are folded to lower case.
///
/// # Errors
///
/// Plan error for an unclosed quote.
fn split_name(text: &str) -> Result<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut letters = text.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        let Some(part) = parts.last_mut() else {
            break;
        };
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                part.push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            letter if quoted => part.push(letter),
            letter => part.extend(letter.to_lowercase()),
        }
    }
    if quoted { Err(invalid(format!("invalid name syntax: {text}"))) } else { Ok(parts) }
}

/// The schema, when it was named, and the name.
fn qualified(parts: &[String]) -> Option<(Option<&str>, &str)> {
    match parts {
        [name] => Some((None, name)),
        [schema, name] | [_, schema, name] => Some((Some(schema), name)),
        _ => None,
    }
}

fn find_relation(model: &Model, parts: &[String]) -> Option<u32> {
    let (schema, name) = qualified(parts)?;
    let system = facts::table(schema.unwrap_or("pg_catalog"), name).map(|table| table.oid);
    let is_there = |table: &&Relation| schema.map_or(!table.only_read, |schema| schema == table.schema);
    let tables = || model.relations.iter().filter(is_there);
    let table = || tables().find(|table| table.name == name).map(|table| table.oid);
    let index =
        || tables().flat_map(|table| &table.indexes).find(|index| index.name == name).map(|index| index.oid);
    system.or_else(table).or_else(index)
}

/// The oid of a relation, by its oid or name; `public` stands for every package.
///
/// # Errors
///
/// Plan error for an unclosed quote.
pub fn relation_of(model: &Model, name: &Cell) -> Result<Option<u32>> {
    if let Some(oid) = name.as_oid() {
        return Ok(Some(oid));
    }
    let Some(text) = name.as_text() else { return Ok(None) };
    let parts = split_name(text)?;
    Ok(match parts.as_slice() {
        [.., schema, name] if schema == "public" => find_relation(model, std::slice::from_ref(name)),
        parts => find_relation(model, parts),
    })
}

fn write_relation(model: &Model, oid: u32) -> Option<String> {
    if let Some(table) = model.relation(oid) {
        return Some(facts::quote_ident(&table.name));
    }
    if let Some((_, index)) = model.index(oid) {
        return Some(facts::quote_ident(&index.name));
    }
    let table = facts::relations().find(|table| table.oid == oid)?;
    let name = facts::quote_ident(table.name);
    Some(if table.schema == "pg_catalog" { name } else { format!("{}.{name}", table.schema) })
}

fn find_type(_: &Model, parts: &[String]) -> Option<u32> {
    let (schema, name) = qualified(parts)?;
    if schema.is_some_and(|schema| schema != "pg_catalog") {
        return None;
    }
    let (name, is_array) =
        name.strip_suffix("[]").map_or((name, false), |element| (element.trim_end(), true));
    let bare = name.split('(').next().unwrap_or(name).trim_end();
    let bare = match bare {
        "int" => "integer",
        "float" => "double precision",
        "decimal" => "numeric",
        "timestamp" => "timestamp without time zone",
        "time" => "time without time zone",
        other => other,
    };
    let fact = facts::type_named(bare)?;
    Some(if is_array { fact.array } else { fact.oid })
}

fn write_type(_: &Model, oid: u32) -> Option<String> {
    format_type(oid, None)
}

fn find_schema(model: &Model, parts: &[String]) -> Option<u32> {
    let (_, name) = qualified(parts)?;
    let own = rows::SYSTEM_SCHEMAS.iter().find(|(_, own)| *own == name).map(|(oid, _)| *oid);
    own.or_else(|| model.schemas.iter().find(|schema| schema.name == name).map(|schema| schema.oid))
}

fn write_schema(model: &Model, oid: u32) -> Option<String> {
    let own = rows::SYSTEM_SCHEMAS.iter().find(|(own, _)| *own == oid).map(|(_, name)| (*name).to_owned());
    own.or_else(|| {
        model.schemas.iter().find(|schema| schema.oid == oid).map(|schema| facts::quote_ident(&schema.name))
    })
}

fn find_function(_: &Model, parts: &[String]) -> Option<u32> {
    let (_, name) = qualified(parts)?;
    let bare = name.split('(').next().unwrap_or(name);
    FUNCTIONS.iter().find(|fact| fact.name == bare).map(|fact| fact.oid)
}

fn write_function(_: &Model, oid: u32) -> Option<String> {
    FUNCTIONS.iter().find(|fact| fact.oid == oid).map(|fact| fact.name.to_owned())
}

fn find_role(_: &Model, parts: &[String]) -> Option<u32> {
    qualified(parts).map(|(_, name)| role_oid(name))
}

fn write_role(_: &Model, oid: u32) -> Option<String> {
    (oid == rows::OWNER).then(|| rows::OWNER_NAME.to_owned())
}
