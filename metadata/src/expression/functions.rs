//! The functions of the language: their names, what they take and what they give.

use serde::Serialize;

use crate::expression::value_type::Type;

/// The functions. Each gives null when one of its arguments is null, unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Function {
    /// Characters of a text, items of a list.
    Size,
    /// Is the second text somewhere in the first?
    Contains,
    /// Does the first text begin with the second?
    StartsWith,
    /// Does the first text end with the second?
    EndsWith,
    /// Does the regular expression match somewhere?
    Matches,
    /// In capital letters.
    Upper,
    /// In small letters.
    Lower,
    /// Without blanks at both ends.
    Trim,
    /// The texts of a list that are neither null nor blank, with the second text between them; never null for a list.
    JoinNonEmpty,
    /// Without its sign.
    Abs,
    /// To so many digits behind the point, half away from zero; without a second argument to a whole number.
    Round,
    /// The next whole number below.
    Floor,
    /// The next whole number above.
    Ceil,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The sum of a list of numbers, leaving out nulls; 0 for an empty one.
    Sum,
    /// The first that is not null.
    Coalesce,
    /// Is it null, a text of blanks, or an empty list? Never null.
    IsBlank,
    /// Is it null, an empty text or an empty list? Never null.
    IsEmpty,
    /// Of a day or instant.
    Year,
    /// 1 to 4.
    Quarter,
    /// 1 to 12.
    Month,
    /// 1 to 31.
    Day,
    /// 1 (Monday) to 7 (Sunday).
    Weekday,
    /// 0 to 23.
    Hour,
    /// 0 to 59.
    Minute,
    /// So many days later.
    AddDays,
    /// So many months later; the last day of a month that is too short.
    AddMonths,
    /// Days from the first to the second.
    DaysBetween,
    /// The day of an instant; a text as a day.
    Date,
    /// The first instant of a day; a text as an instant.
    DateTime,
    /// A number as a whole one: what is behind the point is left out; a text as one.
    Int,
    /// A number as a binary one.
    Double,
    /// A number or text as an exact one, with six digits behind the point unless it has its own.
    Decimal,
    /// As text.
    Text,
    /// Whole hours of a duration.
    Hours,
    /// Whole minutes of a duration.
    Minutes,
    /// Whole seconds of a duration.
    Seconds,
}

/// Every name that calls a function, as `name(x)` and as `x.name()`.
const NAMES: &[(&str, Function)] = &[
    ("size", Function::Size),
    ("len", Function::Size),
    ("contains", Function::Contains),
    ("startsWith", Function::StartsWith),
    ("endsWith", Function::EndsWith),
    ("matches", Function::Matches),
    ("upper", Function::Upper),
    ("lower", Function::Lower),
    ("trim", Function::Trim),
    ("joinNonEmpty", Function::JoinNonEmpty),
    ("abs", Function::Abs),
    ("round", Function::Round),
    ("floor", Function::Floor),
    ("ceil", Function::Ceil),
    ("min", Function::Min),
    ("max", Function::Max),
    ("sum", Function::Sum),
    ("coalesce", Function::Coalesce),
    ("isBlank", Function::IsBlank),
    ("isEmpty", Function::IsEmpty),
    ("year", Function::Year),
    ("quarter", Function::Quarter),
    ("month", Function::Month),
    ("day", Function::Day),
    ("weekday", Function::Weekday),
    ("hour", Function::Hour),
    ("minute", Function::Minute),
    ("addDays", Function::AddDays),
    ("addMonths", Function::AddMonths),
    ("daysBetween", Function::DaysBetween),
    ("date", Function::Date),
    ("datetime", Function::DateTime),
    ("timestamp", Function::DateTime),
    ("int", Function::Int),
    ("double", Function::Double),
    ("decimal", Function::Decimal),
    ("string", Function::Text),
    ("text", Function::Text),
    ("getHours", Function::Hours),
    ("getMinutes", Function::Minutes),
    ("getSeconds", Function::Seconds),
];

/// What is known to the checker alone: it makes something else of it.
const SPECIAL: &[&str] = &[
    "today",
    "now",
    "changed",
    "has",
    "duration",
    "daysFromNow",
    "daysAgo",
    "exists",
    "all",
    "exists_one",
    "map",
    "filter",
];

/// Digits behind the point of a text read as a number.
const DECIMAL_OF_TEXT: Type = Type::Decimal { precision: 38, scale: 6 };

/// The types that a call's arguments are brought to, and what it gives.
pub(crate) struct Signature {
    pub(crate) arguments: Vec<Type>,
    pub(crate) returns: Type,
}

impl Function {
    pub(crate) fn named(name: &str) -> Option<Function> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    /// Every name that can be called.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name).chain(SPECIAL.iter().copied())
    }

    /// The name it is known by.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }

    /// Whether an instant is seen in the session's time zone.
    pub(crate) fn sees_instants_locally(self) -> bool {
        use Function as F;
        let parts =
            matches!(self, F::Year | F::Quarter | F::Month | F::Day | F::Weekday | F::Hour | F::Minute);
        parts || matches!(self, F::AddDays | F::AddMonths | F::DaysBetween | F::Date)
    }

    /// What it takes and gives for arguments of these types; else what it wants.
    pub(crate) fn signature(self, given: &[Type]) -> Result<Signature, String> {
        use Function as F;
        use Type as T;
        let exact = |arguments: &[Type], returns: Type| {
            let fits = given.len() == arguments.len()
                && given.iter().zip(arguments).all(|(one, wanted)| one == wanted || *one == T::Null);
            let wants = || format!("`{}` takes {}", self.name(), list(arguments));
            fits.then(|| Signature { arguments: arguments.to_vec(), returns }).ok_or_else(wants)
        };
        let as_given = |returns: Type| Ok(Signature { arguments: given.to_vec(), returns });
        let wants = |what: &str| Err(format!("`{}` takes {what}", self.name()));
        match (self, given) {
            (F::Size, [T::Text | T::List(_)]) => as_given(T::Int),
            (F::Size, _) => wants("a text or a list"),
            (F::Contains | F::StartsWith | F::EndsWith | F::Matches, _) => {
                exact(&[T::Text, T::Text], T::Bool)
            }
            (F::Upper | F::Lower | F::Trim, _) => exact(&[T::Text], T::Text),
            (F::JoinNonEmpty, _) => exact(&[T::List(Box::new(T::Text)), T::Text], T::Text),
            (F::Abs, [number @ (T::Int | T::Decimal { .. } | T::Double)]) => as_given(number.clone()),
            (F::Round | F::Floor | F::Ceil, [T::Int | T::Decimal { .. }]) => as_given(T::Int),
            (F::Round, [T::Decimal { .. }, T::Int]) => {
                Err("`round` takes the digits as a number that is written down, 0 to 18".to_owned())
            }
            (F::Abs | F::Round | F::Floor | F::Ceil, _) => wants("a number"),
            (F::Min | F::Max, [T::List(item)]) if item.is_ordered() => as_given((**item).clone()),
            (F::Sum, [T::List(item)]) => match item.sum(item) {
                Some(T::Int) => as_given(T::Int),
                Some(T::Decimal { scale, .. }) => as_given(T::Decimal { precision: 38, scale }),
                _ => wants("a list of numbers"),
            },
            (F::Sum, _) => wants("a list of numbers"),
            (F::Min | F::Max | F::Coalesce, [_, _, ..]) => self.common(given),
            (F::Min | F::Max | F::Coalesce, _) => wants("two values or more"),
            (F::IsBlank | F::IsEmpty, [T::Record(_)]) => wants("a value, not a record"),
            (F::IsBlank | F::IsEmpty, [_]) => as_given(T::Bool),
            (F::IsBlank | F::IsEmpty, _) => wants("one value"),
            (F::Year | F::Quarter | F::Month | F::Day | F::Weekday, [T::Date | T::DateTime]) => {
                as_given(T::Int)
            }
            (F::Hour | F::Minute, [T::DateTime | T::Time]) => as_given(T::Int),
            (F::Hour | F::Minute, _) => wants("a datetime or a time"),
            (F::AddDays | F::AddMonths, [moment @ (T::Date | T::DateTime), T::Int]) => {
                as_given(moment.clone())
            }
            (F::AddDays | F::AddMonths, _) => wants("a date or datetime, and a whole number"),
            (F::DaysBetween, [T::Date | T::DateTime, T::Date | T::DateTime]) => as_given(T::Int),
            (F::DaysBetween, _) => wants("two dates or datetimes"),
            (F::Date, [T::Text | T::DateTime | T::Date]) => as_given(T::Date),
            (F::DateTime, [T::Text | T::DateTime | T::Date]) => as_given(T::DateTime),
            (F::Year | F::Quarter | F::Month | F::Day | F::Weekday | F::Date | F::DateTime, _) => {
                wants("a date or datetime")
            }
            (F::Int, [T::Int | T::Decimal { .. } | T::Double | T::Text]) => as_given(T::Int),
            (F::Double, [T::Int | T::Decimal { .. } | T::Double | T::Text]) => as_given(T::Double),
            (F::Decimal, [decimal @ T::Decimal { .. }]) => as_given(decimal.clone()),
            (F::Decimal, [T::Int]) => as_given(T::Decimal { precision: 19, scale: 0 }),
            (F::Decimal, [T::Double | T::Text]) => as_given(DECIMAL_OF_TEXT),
            (F::Int | F::Double | F::Decimal, _) => wants("a number or a text"),
            (F::Text, [T::Bool | T::Int | T::Decimal { .. } | T::Text | T::Date | T::DateTime | T::Time]) => {
                as_given(T::Text)
            }
            (F::Text, _) => wants("a text, number, boolean, date, datetime or time"),
            (F::Hours | F::Minutes | F::Seconds, _) => exact(&[T::Duration], T::Int),
        }
    }

    /// All arguments brought to one type, which is also what comes out.
    fn common(self, given: &[Type]) -> Result<Signature, String> {
        let mut common = Type::Null;
        for one in given {
            common = common
                .common(one)
                .ok_or_else(|| format!("`{}` takes values of one type, not {}", self.name(), list(given)))?;
        }
        let fits = match self {
            Function::Coalesce => !matches!(common, Type::Record(_) | Type::Null),
            _ => common.is_ordered(),
        };
        if !fits {
            return Err(format!("`{}` does not take {}", self.name(), list(given)));
        }
        Ok(Signature { arguments: vec![common.clone(); given.len()], returns: common })
    }
}

/// `text, whole number`.
pub(crate) fn list(types: &[Type]) -> String {
    types.iter().map(Type::to_string).collect::<Vec<_>>().join(", ")
}
