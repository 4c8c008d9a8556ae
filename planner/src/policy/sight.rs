//! What is shown of a value that is not shown as it is.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Date32Array, ListArray, ListBuilder, StringBuilder,
        StringViewArray, TimestampMicrosecondArray, new_null_array,
    },
    buffer::BooleanBuffer,
    compute::nullif,
    datatypes::{DataType, Date32Type, TimestampMicrosecondType},
};
use chrono::{DateTime, Datelike, NaiveDate};
use datafusion::execution::memory_pool::MemoryPool;
use quarry_metadata::{FieldName, ObjectName, permissions::Mask};

use super::far::Far;
use crate::{
    coerce::days_of,
    error::{Error, Result},
};

/// What becomes of a field's values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sight {
    /// A part of each is shown.
    Masked(Mask),
    /// Null where the record of this object is not seen.
    Reference(ObjectName),
    /// Without those whose records are not seen.
    References(ObjectName),
    /// The id or type of a reference to one of several objects, by these lookups: null where the record is not seen.
    OneOf(Vec<(FieldName, ObjectName)>),
}

impl Sight {
    /// Every value is as it was, or null: what a column was asked to be, not to be null, still narrows it.
    pub(crate) fn only_hides(&self) -> bool {
        matches!(self, Sight::Reference(_) | Sight::OneOf(_))
    }
}

/// The same, ready for one user on one state.
pub(super) enum Shown {
    Masked(Mask),
    /// Whether the store keeps what is referred to.
    Reference(Arc<Far>, bool),
    References(Arc<Far>),
    /// The places of the lookups among the columns that are read for policies.
    OneOf(Vec<(usize, Arc<Far>)>),
}

impl Shown {
    /// As [`Far::account`], of all records that are looked at.
    pub(super) fn account(&self, pool: &Arc<dyn MemoryPool>) {
        match self {
            Shown::Masked(_) => {}
            Shown::Reference(far, _) | Shown::References(far) => far.account(pool),
            Shown::OneOf(members) => members.iter().for_each(|(_, far)| far.account(pool)),
        }
    }

    /// Decides about all records that are looked at.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn decide_all(&self) -> Result<()> {
        match self {
            Shown::Masked(_) => Ok(()),
            Shown::Reference(far, _) | Shown::References(far) => far.decide_all(),
            Shown::OneOf(members) => members.iter().try_for_each(|(_, far)| far.decide_all()),
        }
    }

    /// The column as it is shown; `columns` are those that are read for policies. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn of(&self, stored: &ArrayRef, columns: &[ArrayRef]) -> Result<ArrayRef> {
        match self {
            Shown::Masked(mask) => Ok(masked(*mask, stored)),
            Shown::Reference(far, is_kept) => far.only(stored, *is_kept),
            Shown::References(far) => references(far, stored),
            Shown::OneOf(members) => {
                let mut seen = BooleanBuffer::new_unset(stored.len());
                for (at, far) in members {
                    let keys =
                        columns.get(*at).ok_or_else(|| Error::internal("a lookup that was not read"))?;
                    seen = &seen | far.counts(keys, false)?.values();
                }
                Ok(nullif(stored, &BooleanArray::new(!&seen, None))?)
            }
        }
    }
}

fn references(far: &Far, stored: &ArrayRef) -> Result<ArrayRef> {
    let odd = || Error::internal("a list of references is no list of texts");
    let lists: &ListArray = stored.as_list_opt().ok_or_else(odd)?;
    let items = lists.values().as_string_opt::<i32>().ok_or_else(odd)?;
    let seen = far.among(items.iter().flatten())?;
    let mut shown = ListBuilder::new(StringBuilder::new());
    if let DataType::List(item) = stored.data_type() {
        shown = shown.with_field(Arc::clone(item));
    }
    for list in lists.iter() {
        let Some(list) = list else {
            shown.append(false);
            continue;
        };
        let ids = list.as_string_opt::<i32>().ok_or_else(odd)?;
        let mut any = false;
        for id in ids.iter().flatten().filter(|id| seen.contains(id)) {
            shown.values().append_value(id);
            any = true;
        }
        // A list without references is no list.
        shown.append(any);
    }
    Ok(Arc::new(shown.finish()))
}

/// A column with a part of each value. What a mask is not made for has no part that could be shown: null.
pub(super) fn masked(mask: Mask, stored: &ArrayRef) -> ArrayRef {
    if let Some(texts) = stored.as_string_view_opt()
        && mask != Mask::Year
    {
        let shown = texts.iter().map(|text| text.map(|text| part(mask, text)));
        return Arc::new(shown.collect::<StringViewArray>());
    }
    if let (Mask::Year, Some(days)) = (mask, stored.as_primitive_opt::<Date32Type>()) {
        let year = |day: i32| days_of(january(NaiveDate::from_epoch_days(day)?.year())?);
        return Arc::new(days.iter().map(|day| day.and_then(year)).collect::<Date32Array>());
    }
    if let (Mask::Year, Some(instants)) = (mask, stored.as_primitive_opt::<TimestampMicrosecondType>()) {
        let year = |micros: i64| {
            let first = january(DateTime::from_timestamp_micros(micros)?.year())?.and_hms_opt(0, 0, 0)?;
            Some(first.and_utc().timestamp_micros())
        };
        let shown: TimestampMicrosecondArray = instants.iter().map(|micros| micros.and_then(year)).collect();
        return Arc::new(shown.with_timezone("UTC"));
    }
    new_null_array(stored.data_type(), stored.len())
}

fn january(year: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, 1, 1)
}

/// What is shown of a text. How long it is does not show.
fn part(mask: Mask, text: &str) -> String {
    let last = |digits: &[char], shown: usize| -> String {
        // Of a short one nothing is shown: that would be most of it.
        let from = if digits.len() < 2 * shown { digits.len() } else { digits.len() - shown };
        let end: String = digits.get(from..).unwrap_or_default().iter().collect();
        format!("***{end}")
    };
    match mask {
        Mask::Email => match text.rsplit_once('@') {
            Some((name, domain)) => {
                let first: String = name.chars().take(1).filter(|_| name.chars().nth(1).is_some()).collect();
                format!("{first}***@{domain}")
            }
            None => "***".into(),
        },
        Mask::Phone => last(&text.chars().filter(char::is_ascii_digit).collect::<Vec<_>>(), 4),
        Mask::Last4 => last(&text.chars().collect::<Vec<_>>(), 4),
        Mask::Name => {
            let words = text.split_whitespace().map(|word| word.chars().take(1).collect::<String>() + "***");
            words.collect::<Vec<_>>().join(" ")
        }
        Mask::Year | Mask::All => "***".into(),
    }
}
