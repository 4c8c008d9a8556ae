//! What may be a name: of a package, an object, a field, a relation, a locale.

use crate::{
    definition::{Located, value::Value},
    issue::{Issues, Place},
    limits::NAME_BYTES_MAX,
    yaml::Content,
};

/// Fields that the engine keeps, those it will keep, and the hidden columns that PostgreSQL's clients expect of every table.
pub(crate) const RESERVED_FIELDS: &[&str] = &[
    "id",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
    "deleted_at",
    "deleted_by",
    "revision",
    "package_version",
    "cmax",
    "cmin",
    "ctid",
    "tableoid",
    "xmax",
    "xmin",
];

/// Objects whose GraphQL types or root fields would hide the language's own.
const RESERVED_OBJECTS: &[&str] = &[
    "boolean",
    "boolean_filter",
    "bucket",
    "csn",
    "date",
    "date_filter",
    "date_time",
    "date_time_filter",
    "datetime",
    "decimal",
    "decimal_filter",
    "direction",
    "done",
    "float",
    "float_filter",
    "float_list_filter",
    "id",
    "id_filter",
    "id_list_filter",
    "int",
    "int_filter",
    "json",
    "json_filter",
    "long",
    "long_filter",
    "mutation",
    "node",
    "page_info",
    "query",
    "search",
    "search_hit",
    "string",
    "string_filter",
    "subscription",
    "time",
    "time_filter",
];

/// Packages whose SQL schema would hide the database's own.
const RESERVED_PACKAGES: &[&str] = &["information_schema", "main", "public", "quarry"];

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameOf {
    Package,
    Object,
    Field,
    Relation,
    Index,
}

/// Checks a name; reports it at `place` when it can't be one.
pub(crate) fn check(name: &str, of: NameOf, place: &Place, issues: &mut Issues) -> bool {
    if let Some(fault) = fault(name) {
        let message =
            format!("`{name}` can't be a name: {fault}; names are snake_case, such as `annual_revenue`");
        issues.error(place, "bad-name", message);
        return false;
    }
    let reserved = match of {
        NameOf::Package => RESERVED_PACKAGES.contains(&name) || name.starts_with("pg_"),
        NameOf::Object => RESERVED_OBJECTS.contains(&name),
        NameOf::Field | NameOf::Relation => RESERVED_FIELDS.contains(&name),
        NameOf::Index => false,
    };
    if reserved {
        issues.error(place, "reserved-name", format!("the name `{name}` is reserved; take another"));
    }
    !reserved
}

/// `alias`: the names that a thing had, one or a list of them; each must be able to be one.
pub(crate) fn aliases<N: for<'n> From<&'n str>>(
    value: Option<&Value<'_>>,
    of: NameOf,
    issues: &mut Issues,
) -> Vec<Located<N>> {
    let Some(value) = value else { return Vec::new() };
    let items = match value.content() {
        Content::List(_) => value.list(issues).unwrap_or_default(),
        _ => vec![value.clone()],
    };
    let mut names = Vec::with_capacity(items.len());
    for item in items {
        let Some(name) = item.text(issues) else { continue };
        if check(name, of, &item.place(), issues) {
            names.push(item.located(N::from(name)));
        }
    }
    names
}

/// What is wrong with the name of a part of a field. GraphQL asks beside the parts whether there is a value at all.
pub(crate) fn part_fault(name: &str) -> Option<String> {
    if name == "is_null" {
        return Some("the name `is_null` is reserved; take another".to_owned());
    }
    let fault = fault(name)?;
    Some(format!("`{name}` can't be a name: {fault}; names are snake_case, such as `postal_code`"))
}

/// What is wrong with a name's form.
fn fault(name: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    match name {
        "" => Some("it is empty"),
        _ if name.len() > NAME_BYTES_MAX => Some("it has more than 63 characters"),
        _ if !name.bytes().all(allowed) => Some("only a-z, 0-9 and _ are allowed"),
        _ if !name.starts_with(|c: char| c.is_ascii_lowercase()) => Some("it does not begin with a letter"),
        _ if name.ends_with('_') || name.contains("__") => Some("an _ stands between two words"),
        _ => None,
    }
}

/// A locale such as `en`, `zh-CN`, `pt_BR`; its canonical form, with `-`.
pub(crate) fn locale(text: &str, value: &Value<'_>, issues: &mut Issues) -> Option<String> {
    let canonical = canonical_locale(text);
    if canonical.is_none() {
        let message = format!("`{text}` is not a locale such as `en` or `zh-CN`");
        issues.error(&value.place(), "bad-name", message);
    }
    canonical
}

/// The form with `-`, a lower-case language, a title-case script and an upper-case region.
pub(crate) fn canonical_locale(text: &str) -> Option<String> {
    let mut parts = text.split(['-', '_']);
    let language =
        parts.next().filter(|l| (2..=3).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_lowercase()))?;
    let mut canonical = language.to_owned();
    for part in parts {
        let letters = part.bytes().all(|b| b.is_ascii_alphabetic());
        match part.len() {
            2 if letters => canonical += &format!("-{}", part.to_ascii_uppercase()),
            3 if part.bytes().all(|b| b.is_ascii_digit()) => canonical += &format!("-{part}"),
            4 if letters => {
                canonical += &format!("-{}", crate::naming::title_case(&part.to_ascii_lowercase()))
            }
            _ => return None,
        }
    }
    Some(canonical)
}

#[cfg(test)]
mod tests;
