//! What PostgreSQL spells in its own way and means one thing only. Applied to every statement.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Array, ArrayElemTypeDef, BinaryOperator, CastKind, DataType, Expr, Function, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, Query, SetExpr, TableFactor, VisitorMut,
};

use super::build::{self, call, function_name, is_system, literal_text, parts, take};
use crate::catalog::{RewriteError, facts, functions::parse_array};

/// The visitor.
pub struct Spelling {
    /// The statement asks the catalog alone, so that its columns are known by name.
    pub is_catalog: bool,
}

impl VisitorMut for Spelling {
    type Break = RewriteError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        if let TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } = factor {
            strip_schema(name);
        }
        read_as_table(factor);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match respell(expr, self.is_catalog) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn respell(expr: &mut Expr, is_catalog: bool) -> Result<(), RewriteError> {
    match expr {
        Expr::Function(function) => {
            strip_schema(&mut function.name);
            if matches!(function.args, FunctionArguments::None) && is_session_word(function) {
                *expr = call(&function_name(function).unwrap_or_default(), Vec::new());
            }
        }
        Expr::Identifier(name) if name.quote_style.is_none() && is_reserved_word(&build::folded(name)) => {
            *expr = call(&build::folded(name), Vec::new());
        }
        Expr::BinaryOp { op, .. } => respell_operator(op)?,
        Expr::Collate { expr: inner, collation } if is_byte_order(collation) => *expr = take(inner),
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. } => {
            if let Some(spelled) = respell_cast(inner, data_type, is_catalog)? {
                *expr = spelled;
            }
        }
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            // DataFusion knows the backslash only.
            if let Some(escape) = escape_char.take() {
                let written = take(pattern);
                **pattern = call("like_escape", vec![written, Expr::Value(escape)]);
            }
        }
        _ => {}
    }
    Ok(())
}

/// `pg_get_keywords()` in FROM is a table here.
fn read_as_table(factor: &mut TableFactor) {
    let TableFactor::Table { name, args, .. } = factor else {
        return;
    };
    let is_table = |name: &str| facts::table("pg_catalog", name).is_some_and(|table| table.kind == "f");
    if args.as_ref().is_some_and(|args| args.args.is_empty())
        && parts(name).last().is_some_and(|name| is_table(name))
    {
        *args = None;
        name.0.insert(0, ObjectNamePart::Identifier(Ident::new("pg_catalog")));
    }
}

/// Words that call a function without parentheses.
fn is_session_word(function: &Function) -> bool {
    function_name(function).is_some_and(|name| {
        matches!(
            name.as_str(),
            "current_user" | "session_user" | "current_role" | "user" | "current_catalog" | "current_schema"
        )
    })
}

/// Those that the parser takes for a column.
fn is_reserved_word(name: &str) -> bool {
    matches!(name, "current_role" | "current_schema" | "current_catalog" | "session_user")
}

fn strip_schema(name: &mut ObjectName) {
    if let [schema, _] = parts(name).as_slice()
        && is_system(schema)
    {
        name.0.remove(0);
    }
}

/// `OPERATOR(pg_catalog.~)`.
fn respell_operator(operator: &mut BinaryOperator) -> Result<(), RewriteError> {
    let BinaryOperator::PGCustomBinaryOperator(parts) = operator else {
        return Ok(());
    };
    let symbol = match parts.as_slice() {
        [schema, symbol] if schema == "pg_catalog" => symbol.as_str(),
        [symbol] => symbol.as_str(),
        _ => return Err(RewriteError(format!("operator {} does not exist", parts.join(".")))),
    };
    *operator = match symbol {
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "=" => BinaryOperator::Eq,
        "<>" | "!=" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        ">=" => BinaryOperator::GtEq,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "||" => BinaryOperator::StringConcat,
        other => return Err(RewriteError(format!("operator {other} can't be written with a schema here"))),
    };
    Ok(())
}

/// The collations that are the order of bytes, which is the order everything has here.
fn is_byte_order(collation: &ObjectName) -> bool {
    let parts = parts(collation);
    let name = match parts.as_slice() {
        [name] => name,
        [schema, name] if schema == "pg_catalog" => name,
        _ => return false,
    };
    matches!(name.to_ascii_lowercase().as_str(), "default" | "c" | "posix" | "ucs_basic")
}

/// What a cast becomes; none when it stays (perhaps with another spelling of its type).
fn respell_cast(
    inner: &mut Expr,
    data_type: &mut DataType,
    is_catalog: bool,
) -> Result<Option<Expr>, RewriteError> {
    if let Some(output) = is_name_of_oid(inner)
        && is_text(data_type)
    {
        return Ok(Some(call(&output, vec![take(inner)])));
    }
    if is_catalog
        && is_text(data_type)
        && let Some(output) = output_of_column(inner)
    {
        return Ok(Some(call(output, vec![take(inner)])));
    }
    match target(data_type) {
        Target::Name(input) => Ok(Some(call(input, vec![take(inner)]))),
        Target::Same => Ok(Some(Expr::Nested(Box::new(take(inner))))),
        Target::Type(spelled) => {
            if let DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) = &spelled
                && let Some(items) = literal_text(inner)
            {
                return Ok(Some(array_of(items, element)));
            }
            *data_type = spelled;
            Ok(None)
        }
        Target::Unknown => Ok(None),
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Text | DataType::Varchar(_) | DataType::CharacterVarying(_))
        || matches!(target(data_type), Target::Type(DataType::Text))
}

/// The function that writes what `regclass_in`, `to_regclass` … found.
fn is_name_of_oid(expr: &Expr) -> Option<String> {
    let Expr::Function(function) = expr else {
        return None;
    };
    let name = function_name(function)?;
    let kind = name
        .strip_suffix("_in")
        .or_else(|| name.strip_prefix("to_"))
        .filter(|kind| kind.starts_with("reg"))?;
    matches!(kind, "regclass" | "regtype" | "regnamespace" | "regproc" | "regrole")
        .then(|| format!("{kind}_out"))
}

/// The function that writes a catalog column of a `reg…` type, by the column's name.
fn output_of_column(expr: &Expr) -> Option<&'static str> {
    let name = match expr {
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(names) => names.last()?,
        _ => return None,
    };
    match facts::column_type(&build::folded(name))? {
        "regproc" => Some("regproc_out"),
        "regtype" => Some("regtype_out"),
        _ => None,
    }
}

enum Target {
    /// A `reg…` type: the function that finds the oid.
    Name(&'static str),
    /// A type that the value has already.
    Same,
    /// Another spelling of the type.
    Type(DataType),
    /// As it is.
    Unknown,
}

fn target(data_type: &DataType) -> Target {
    match data_type {
        DataType::Regclass => Target::Name("regclass_in"),
        DataType::Custom(name, _) => named_target(&parts(name)),
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, size)) => match target(element) {
            Target::Type(element) => Target::Type(DataType::Array(ArrayElemTypeDef::SquareBracket(
                Box::new(element),
                size.to_owned(),
            ))),
            Target::Name(_) | Target::Same => Target::Same,
            Target::Unknown => Target::Type(data_type.clone()),
        },
        _ => Target::Unknown,
    }
}

fn named_target(parts: &[String]) -> Target {
    let (qualified, name) = match parts {
        [name] => (false, name.as_str()),
        [schema, name] if is_system(schema) => (true, name.as_str()),
        _ => return Target::Unknown,
    };
    match name {
        "regclass" => Target::Name("regclass_in"),
        "regtype" => Target::Name("regtype_in"),
        "regnamespace" => Target::Name("regnamespace_in"),
        "regproc" | "regprocedure" => Target::Name("regproc_in"),
        "regrole" => Target::Name("regrole_in"),
        "int2vector" | "oidvector" => Target::Same,
        "oid" | "xid" => Target::Type(DataType::IntUnsigned(None)),
        "name" | "char" | "cstring" | "pg_node_tree" | "sql_identifier" | "character_data" | "yes_or_no" => {
            Target::Type(DataType::Text)
        }
        "cardinal_number" => Target::Type(DataType::Int(None)),
        _ if qualified => built_in(name),
        _ => Target::Unknown,
    }
}

fn built_in(name: &str) -> Target {
    Target::Type(match name {
        "text" | "bpchar" | "inet" | "aclitem" | "unknown" => DataType::Text,
        "varchar" => DataType::Varchar(None),
        "int2" => DataType::SmallInt(None),
        "int4" => DataType::Int(None),
        "int8" => DataType::BigInt(None),
        "float4" => DataType::Real,
        "float8" => DataType::DoublePrecision,
        "bool" => DataType::Boolean,
        "date" => DataType::Date,
        "timestamptz" => {
            DataType::Timestamp(None, datafusion::sql::sqlparser::ast::TimezoneInfo::WithTimeZone)
        }
        "timestamp" => DataType::Timestamp(None, datafusion::sql::sqlparser::ast::TimezoneInfo::None),
        _ => return Target::Unknown,
    })
}

/// `'{a,b}'::text[]` as an array.
fn array_of(items: &str, element: &DataType) -> Expr {
    let number = matches!(
        element,
        DataType::SmallInt(_)
            | DataType::Int(_)
            | DataType::Integer(_)
            | DataType::BigInt(_)
            | DataType::Int2(_)
            | DataType::Int4(_)
            | DataType::Int8(_)
            | DataType::IntUnsigned(_)
    );
    if !number {
        return call("parse_text_array", vec![build::text(items)]);
    }
    let elem = parse_array(items)
        .into_iter()
        .map(|item| Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(item.map_or_else(build::null, |item| build::text(&item))),
            data_type: element.clone(),
            array: false,
            format: None,
        })
        .collect();
    Expr::Array(Array { elem, named: true })
}

/// Outputs of the outermost SELECT that are a `reg…` show the name, as PostgreSQL prints them.
pub fn show_names(query: &mut Query, is_catalog: bool) {
    show_body(&mut query.body, is_catalog);
}

fn show_body(body: &mut SetExpr, is_catalog: bool) {
    match body {
        SetExpr::Select(select) => {
            let outputs = select.projection.iter_mut().filter_map(build::item_expr_mut);
            outputs.for_each(|output| show_expr(output, is_catalog));
        }

        SetExpr::Query(query) => show_body(&mut query.body, is_catalog),
        SetExpr::SetOperation { left, right, .. } => {
            show_body(left, is_catalog);
            show_body(right, is_catalog);
        }
        _ => {}
    }
}

fn show_expr(expr: &mut Expr, is_catalog: bool) {
    if let Some(output) = is_name_of_oid(expr) {
        *expr = call(&output, vec![take(expr)]);
        return;
    }
    if is_catalog && let Some(output) = output_of_column(expr) {
        *expr = call(output, vec![take(expr)]);
        return;
    }
    match expr {
        Expr::Nested(inner) => show_expr(inner, is_catalog),
        Expr::Case { conditions, else_result, .. } => {
            conditions.iter_mut().for_each(|when| show_expr(&mut when.result, is_catalog));
            if let Some(otherwise) = else_result {
                show_expr(otherwise, is_catalog);
            }
        }
        _ => {}
    }
}
