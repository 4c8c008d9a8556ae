//! What a statement's form alone says of its parameters' types, where the planner does not: `$1::date`, `LIMIT $1`, `= ANY($1)`.

use std::{collections::HashMap, ops::ControlFlow};

use datafusion::sql::sqlparser::ast::{
    DataType as SqlType, Expr, LimitClause, Query, Statement, TimezoneInfo, Visitor,
};
use pgwire::api::Type;

use crate::{
    parse::{parameter_number, placeholder_of},
    pg_type::array_of,
    walk,
};

/// A type by parameter number, from 1.
pub type Hints = HashMap<usize, Type>;

/// Reads the hints off a statement.
pub fn hints_of(statement: &Statement) -> Hints {
    let mut finder = Finder::default();
    // The visitor never breaks.
    let ControlFlow::Continue(()) = walk::look(statement, &mut finder);
    finder.hints
}

#[derive(Default)]
struct Finder {
    hints: Hints,
}

impl Finder {
    fn hint(&mut self, expr: &Expr, pg_type: Type) {
        if let Some(number) = placeholder_of(expr).and_then(parameter_number) {
            self.hints.entry(number).or_insert(pg_type);
        }
    }
}

impl Visitor for Finder {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                if let Some(limit) = limit {
                    self.hint(limit, Type::INT8);
                }
                if let Some(offset) = offset {
                    self.hint(&offset.value, Type::INT8);
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.hint(offset, Type::INT8);
                self.hint(limit, Type::INT8);
            }
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Cast { expr, data_type, .. } => {
                if let Some(pg_type) = of_sql(data_type) {
                    self.hint(expr, pg_type);
                }
            }
            Expr::Nested(inner) => {
                if let Expr::Cast { .. } = inner.as_ref() {
                    return self.pre_visit_expr(inner);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The PostgreSQL type of a type as written; none for what is not known here.
pub fn of_sql(written: &SqlType) -> Option<Type> {
    Some(match written {
        SqlType::Boolean | SqlType::Bool => Type::BOOL,
        SqlType::SmallInt(_) | SqlType::Int2(_) => Type::INT2,
        SqlType::Int(_) | SqlType::Integer(_) | SqlType::Int4(_) => Type::INT4,
        SqlType::BigInt(_) | SqlType::Int8(_) => Type::INT8,
        SqlType::Real | SqlType::Float4 => Type::FLOAT4,
        SqlType::DoublePrecision | SqlType::Double(_) | SqlType::Float(_) | SqlType::Float8 => Type::FLOAT8,
        SqlType::Numeric(_) | SqlType::Decimal(_) | SqlType::Dec(_) => Type::NUMERIC,
        SqlType::Text => Type::TEXT,
        SqlType::Varchar(_) | SqlType::CharacterVarying(_) => Type::VARCHAR,
        SqlType::Char(_) | SqlType::Character(_) => Type::BPCHAR,
        SqlType::Uuid => Type::UUID,
        SqlType::JSON => Type::JSON,
        SqlType::JSONB => Type::JSONB,
        SqlType::Bytea => Type::BYTEA,
        SqlType::Date => Type::DATE,
        SqlType::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Type::TIME,
        SqlType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Type::TIMESTAMP,
        SqlType::Timestamp(_, _) => Type::TIMESTAMPTZ,
        SqlType::Interval { .. } => Type::INTERVAL,
        SqlType::Array(inner) => match inner {
            datafusion::sql::sqlparser::ast::ArrayElemTypeDef::AngleBracket(item)
            | datafusion::sql::sqlparser::ast::ArrayElemTypeDef::SquareBracket(item, _)
            | datafusion::sql::sqlparser::ast::ArrayElemTypeDef::Parenthesis(item) => {
                array_of(&of_sql(item)?)
            }
            datafusion::sql::sqlparser::ast::ArrayElemTypeDef::None => return None,
        },
        SqlType::Custom(name, _) => match crate::names::last_part(name).as_str() {
            "oid" => Type::OID,
            "name" => Type::NAME,
            "regclass" => Type::REGCLASS,
            "regtype" => Type::REGTYPE,
            _ => return None,
        },
        _ => return None,
    })
}
