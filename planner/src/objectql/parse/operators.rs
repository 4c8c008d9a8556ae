//! The names of the operators, in all dialects.

use crate::objectql::{Operator, Quantifier};

/// What an operator's name means: an operator, perhaps with a fixed operand, or something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An operator with the operand given.
    Takes(Operator),
    /// An operator that asks for true or false; the operand given (default true) is negated when `negated`.
    Asks { operator: Operator, negated: bool },
    /// Asks so many related records.
    Relates(Quantifier),
    /// Known, but not done by this version.
    Later,
    /// Known from an older age: use that instead.
    Retired(&'static str),
}

use Meaning::{Asks, Later, Relates, Retired, Takes};

/// Operators of the object form.
pub(super) const OBJECT_FORM: &[(&str, Meaning)] = &[
    ("$eq", Takes(Operator::Eq)),
    ("$ne", Takes(Operator::Ne)),
    ("$gt", Takes(Operator::Gt)),
    ("$gte", Takes(Operator::Gte)),
    ("$lt", Takes(Operator::Lt)),
    ("$lte", Takes(Operator::Lte)),
    ("$between", Takes(Operator::Between)),
    ("$in", Takes(Operator::In)),
    ("$nin", Takes(Operator::Nin)),
    ("$notIn", Takes(Operator::Nin)),
    ("$contains", Takes(Operator::Contains)),
    ("$notContains", Takes(Operator::NotContains)),
    ("$startsWith", Takes(Operator::StartsWith)),
    ("$endsWith", Takes(Operator::EndsWith)),
    ("$icontains", Takes(Operator::IContains)),
    ("$istartsWith", Takes(Operator::IStartsWith)),
    ("$iendsWith", Takes(Operator::IEndsWith)),
    ("$ieq", Takes(Operator::IEq)),
    ("$like", Takes(Operator::Like)),
    ("$ilike", Takes(Operator::ILike)),
    ("$null", Asks { operator: Operator::Null, negated: false }),
    ("$exists", Asks { operator: Operator::Null, negated: true }),
    ("$exist", Asks { operator: Operator::Null, negated: true }),
    ("$empty", Asks { operator: Operator::Empty, negated: false }),
    ("$has", Takes(Operator::Has)),
    ("$hasAny", Takes(Operator::HasAny)),
    ("$hasAll", Takes(Operator::HasAll)),
    ("$within", Takes(Operator::Within)),
    ("$some", Relates(Quantifier::Some)),
    ("$every", Relates(Quantifier::Every)),
    ("$none", Relates(Quantifier::None)),
    ("$matches", Later),
    ("$near", Later),
    ("$regex", Retired("$icontains")),
    ("$options", Retired("$icontains")),
];

/// Operators of the array form, of view rules and of old nodes; compared without case, `_` and spaces.
pub(super) const ARRAY_FORM: &[(&str, Meaning)] = &[
    ("=", Takes(Operator::Eq)),
    ("==", Takes(Operator::Eq)),
    ("eq", Takes(Operator::Eq)),
    ("equals", Takes(Operator::Eq)),
    ("!=", Takes(Operator::Ne)),
    ("<>", Takes(Operator::Ne)),
    ("ne", Takes(Operator::Ne)),
    ("neq", Takes(Operator::Ne)),
    ("not_equals", Takes(Operator::Ne)),
    (">", Takes(Operator::Gt)),
    ("gt", Takes(Operator::Gt)),
    ("greater_than", Takes(Operator::Gt)),
    ("after", Takes(Operator::Gt)),
    (">=", Takes(Operator::Gte)),
    ("gte", Takes(Operator::Gte)),
    ("ge", Takes(Operator::Gte)),
    ("greater_than_or_equal", Takes(Operator::Gte)),
    ("greater_than_or_equals", Takes(Operator::Gte)),
    ("<", Takes(Operator::Lt)),
    ("lt", Takes(Operator::Lt)),
    ("less_than", Takes(Operator::Lt)),
    ("before", Takes(Operator::Lt)),
    ("<=", Takes(Operator::Lte)),
    ("lte", Takes(Operator::Lte)),
    ("le", Takes(Operator::Lte)),
    ("less_than_or_equal", Takes(Operator::Lte)),
    ("less_than_or_equals", Takes(Operator::Lte)),
    ("between", Takes(Operator::Between)),
    ("in_date_range", Takes(Operator::Between)),
    ("in", Takes(Operator::In)),
    ("nin", Takes(Operator::Nin)),
    ("not_in", Takes(Operator::Nin)),
    ("contains", Takes(Operator::Contains)),
    ("not_contains", Takes(Operator::NotContains)),
    ("starts_with", Takes(Operator::StartsWith)),
    ("ends_with", Takes(Operator::EndsWith)),
    ("icontains", Takes(Operator::IContains)),
    ("istarts_with", Takes(Operator::IStartsWith)),
    ("iends_with", Takes(Operator::IEndsWith)),
    ("ieq", Takes(Operator::IEq)),
    ("like", Takes(Operator::Like)),
    ("ilike", Takes(Operator::ILike)),
    ("has", Takes(Operator::Has)),
    ("has_any", Takes(Operator::HasAny)),
    ("has_all", Takes(Operator::HasAll)),
    ("within", Takes(Operator::Within)),
    ("matches", Later),
    ("is_null", Asks { operator: Operator::Null, negated: false }),
    ("not_set", Asks { operator: Operator::Null, negated: false }),
    ("is_not_null", Asks { operator: Operator::Null, negated: true }),
    ("exists", Asks { operator: Operator::Null, negated: true }),
    ("set", Asks { operator: Operator::Null, negated: true }),
    ("empty", Asks { operator: Operator::Empty, negated: false }),
    ("is_empty", Asks { operator: Operator::Empty, negated: false }),
    ("not_empty", Asks { operator: Operator::Empty, negated: true }),
    ("is_not_empty", Asks { operator: Operator::Empty, negated: true }),
    ("regex", Retired("icontains")),
];

/// An operator of the object form, by its exact name.
pub(super) fn of_object_form(name: &str) -> Option<Meaning> {
    OBJECT_FORM.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}

/// An operator of the array form, whatever its case and the way its words are joined.
pub(super) fn of_array_form(name: &str) -> Option<Meaning> {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| !matches!(c, '_' | ' ')).flat_map(char::to_lowercase).collect()
    };
    let name = plain(name.strip_prefix('$').unwrap_or(name));
    ARRAY_FORM.iter().find(|(known, _)| plain(known) == name).map(|(_, meaning)| *meaning)
}
