//! What the engine writes itself: autonumbers, who and when, revision, package version.

use chrono::{DateTime, Datelike, Utc};
use quarry_metadata::{Field, FieldKind, Object};
use quarry_storage::{Key, Row, Value};

use super::draft::Draft;
use crate::{
    error::{Error, Result},
    layout::Layout,
    rules::{self, Part, Subject},
    system::COUNTER,
    work::Work,
};

/// The system field that a client may write.
pub(crate) const OWNER: &str = "owner";
const REVISION: &str = "revision";

/// Writes the engine's own fields of records of one object.
///
/// # Errors
///
/// Those of the store.
pub(super) fn fields(drafts: &mut [&mut Draft], work: &mut Work) -> Result<()> {
    let Some(layout) = drafts.first().map(|first| first.layout.clone()) else { return Ok(()) };
    numbers(&layout, drafts, work)?;
    let stamp = Stamp::new(&layout, work);
    for draft in drafts.iter_mut() {
        let Draft { values, old, .. } = &mut **draft;
        stamp.put(values, old.as_ref());
    }
    let mut values: Vec<&mut [Value]> = drafts.iter_mut().map(|draft| draft.values.as_mut_slice()).collect();
    work.active.formulas.keep(&layout, &mut values)
}

/// Counts the new ones in which nothing is wrong.
fn numbers(layout: &Layout, drafts: &mut [&mut Draft], work: &mut Work) -> Result<()> {
    let new = drafts.iter_mut().map(|draft| &mut **draft);
    let mut new: Vec<&mut Draft> =
        new.filter(|draft| draft.old.is_none() && draft.findings.is_empty()).collect();
    for (column, field) in layout.fields() {
        let FieldKind::AutoNumber { format, .. } = &field.kind else { continue };
        let subjects: Vec<Subject<'_>> = new.iter().map(|draft| draft.subject()).collect();
        let parts = rules::number_parts(&field.name, &subjects, work)?;
        let counter = format!("{}.{}", layout.object.table(), field.column());
        for (draft, parts) in new.iter_mut().zip(parts) {
            if let Some(format) = number_format(draft, field, (format.as_str(), parts), work)? {
                let number = next_number(work, &counter, &format)?;
                draft.set(column, Value::Text(number.into()));
            }
        }
    }
    Ok(())
}

/// Writes who, when, which revision and which version into a row's values, and then what is kept that is computed of them.
///
/// # Errors
///
/// `Internal`.
pub(crate) fn stamp(layout: &Layout, values: &mut [Value], old: Option<&Row>, work: &Work) -> Result<()> {
    Stamp::new(layout, work).put(values, old);
    work.active.formulas.keep(layout, &mut [values])
}

/// What records of one object are stamped with that are written at one moment, and where.
struct Stamp {
    made: [(Option<usize>, Value); 2],
    changed: [(Option<usize>, Value); 3],
    revision: Option<usize>,
}

impl Stamp {
    fn new(layout: &Layout, work: &Work) -> Stamp {
        let at = |name: &str, value: &Value| (layout.column(name), value.clone());
        let now = Value::Timestamp(work.actor.now_micros);
        let user = Value::Text(work.actor.user_id.clone());
        let version = Value::Text(package_version(&layout.object, work).into());
        Stamp {
            made: [at("created_at", &now), at("created_by", &user)],
            changed: [at("updated_at", &now), at("updated_by", &user), at("package_version", &version)],
            revision: layout.column(REVISION),
        }
    }

    fn put(&self, values: &mut [Value], old: Option<&Row>) {
        let mut set = |column: Option<usize>, value: Value| {
            if let Some(place) = column.and_then(|column| values.get_mut(column)) {
                *place = value;
            }
        };
        let made = self.made.iter().filter(|_| old.is_none());
        made.chain(&self.changed).for_each(|(column, value)| set(*column, value.clone()));
        let before = match old.zip(self.revision).map(|(old, column)| old.get(column)) {
            Some(Value::Int(revision)) => *revision,
            _ => 0,
        };
        set(self.revision, Value::Int(before.saturating_add(1)));
    }
}

/// Writes who brought a record back, and when; who made it stays.
///
/// # Errors
///
/// As [`stamp`].
pub(super) fn stamp_back(layout: &Layout, values: &mut [Value], work: &Work) -> Result<()> {
    let before = Row(values.to_vec().into());
    stamp(layout, values, Some(&before), work)
}

/// The revision of a row.
pub(super) fn revision(layout: &Layout, row: &Row) -> Option<i64> {
    match row.get(layout.column(REVISION)?) {
        Value::Int(revision) => Some(*revision),
        _ => None,
    }
}

fn package_version(object: &Object, work: &Work) -> String {
    let package = work.active.registry.packages.get(object.package.as_str());
    let version = package.map(|package| package.version.to_string()).unwrap_or_default();
    format!("{}@{version}", object.package)
}

/// The format of a number with all that stands in it; none, with findings, where a field of it has no value.
fn number_format(
    draft: &mut Draft,
    field: &Field,
    (format, parts): (&str, Vec<Part>),
    work: &Work,
) -> Result<Option<NumberFormat>> {
    for (empty, _) in parts.iter().filter(|(_, text)| text.is_none()) {
        // Parts go by their first names, and are told by those of today.
        let today = draft.layout.object.field(empty.as_str()).map_or(empty, |field| &field.name).clone();
        let message = format!("it stands in {}: a value is required", field.name);
        draft.find(Some(today.as_str()), "required", message, None);
    }
    match parts.iter().all(|(_, text)| text.is_some()) {
        true => NumberFormat::parse(format, &parts, work.actor.now_micros).map(Some),
        false => Ok(None),
    }
}

/// Counts on. Each counter is a row, changed in the same transaction: numbers of commits have no gaps, and two
/// transactions that count at once conflict. A counter belongs to what the format renders without the number, so
/// `Q-{YYYY}-{0000}` begins anew each year, and `{code}-{0000}` for each code. Dates are UTC's, the same for users of all time zones.
fn next_number(work: &mut Work, counter: &str, format: &NumberFormat) -> Result<String> {
    let key = Key::from(format!("{counter}.{}\u{1f}{}", format.before, format.after));
    let last = match work.row(COUNTER, &key)?.map(|row| row.get(1).clone()) {
        Some(Value::Int(last)) => last,
        _ => 0,
    };
    let number = last.saturating_add(1);
    work.put_system(COUNTER, Row([Value::Text(key), Value::Int(number)].into()))?;
    Ok(format!("{}{number:0width$}{}", format.before, format.after, width = format.digits))
}

/// A format with its dates filled in.
#[derive(Debug, PartialEq)]
struct NumberFormat {
    before: String,
    digits: usize,
    after: String,
}

impl NumberFormat {
    fn parse(format: &str, parts: &[Part], now_micros: i64) -> Result<Self> {
        let part = |token: &str| parts.iter().find(|(name, _)| name.as_str() == token)?.1.as_deref();
        let broken = |what: &str| Error::internal(format!("the autonumber format {format:?} {what}"));
        let now: DateTime<Utc> = DateTime::from_timestamp_micros(now_micros).unwrap_or_default();
        let (mut before, mut text, mut digits) = (None, String::new(), 0);
        let mut rest = format;
        while let Some((literal, tail)) = rest.split_once('{') {
            text.push_str(literal);
            let (token, tail) = tail.split_once('}').ok_or_else(|| broken("has a { without }"))?;
            match token {
                "YYYY" => text.push_str(&format!("{:04}", now.year())),
                "YY" => text.push_str(&format!("{:02}", now.year().rem_euclid(100))),
                "MM" => text.push_str(&format!("{:02}", now.month())),
                "DD" => text.push_str(&format!("{:02}", now.day())),
                "YYYYMMDD" => text.push_str(&now.format("%Y%m%d").to_string()),
                zeros if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') && before.is_none() => {
                    digits = zeros.len();
                    before = Some(std::mem::take(&mut text));
                }
                token => text.push_str(part(token).ok_or_else(|| broken("has an unknown part"))?),
            }
            rest = tail;
        }
        text.push_str(rest);
        let before = before.ok_or_else(|| broken("has no number: {0000}"))?;
        Ok(Self { before, digits, after: text })
    }
}

#[cfg(test)]
mod tests;
