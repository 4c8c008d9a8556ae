//! What the engine writes itself: autonumbers, who and when, revision, package version.

use chrono::{DateTime, Datelike, Utc};
use quarry_metadata::{FieldKind, Object};
use quarry_storage::{Key, Row, Value};

use super::draft::Draft;
use crate::{
    error::{Error, Result},
    layout::Layout,
    system::COUNTER,
    work::Work,
};

/// The system field that a client may write.
pub(crate) const OWNER: &str = "owner";
const REVISION: &str = "revision";

/// Writes the engine's own fields.
///
/// # Errors
///
/// Those of the store.
pub(super) fn fields(draft: &mut Draft, work: &mut Work) -> Result<()> {
    if draft.old.is_none() && draft.findings.is_empty() {
        let layout = draft.layout.clone();
        for (column, field) in layout.fields() {
            if let FieldKind::AutoNumber { format } = &field.kind {
                let counter = format!("{}.{}", layout.object.table(), field.column());
                let number = next_number(work, &counter, format)?;
                draft.set(column, Value::Text(number.into()));
            }
        }
    }
    let layout = draft.layout.clone();
    stamp(&layout, &mut draft.values, draft.old.as_ref(), work);
    Ok(())
}

/// Writes who, when, which revision and which version into a row's values.
pub(crate) fn stamp(layout: &Layout, values: &mut [Value], old: Option<&Row>, work: &Work) {
    let mut set = |name: &str, value: Value| {
        let place = layout.column(name).and_then(|column| values.get_mut(column));
        if let Some(place) = place {
            *place = value;
        }
    };
    let now = Value::Timestamp(work.actor.now_micros);
    let user = Value::Text(work.actor.user_id.clone());
    if old.is_none() {
        set("created_at", now.clone());
        set("created_by", user.clone());
    }
    set("updated_at", now);
    set("updated_by", user);
    set(REVISION, Value::Int(old.and_then(|row| revision(layout, row)).unwrap_or(0).saturating_add(1)));
    set("package_version", Value::Text(package_version(&layout.object, work).into()));
}

/// Writes who brought a record back, and when; who made it stays.
pub(super) fn stamp_back(layout: &Layout, values: &mut [Value], work: &Work) {
    let before = Row(values.to_vec().into());
    stamp(layout, values, Some(&before), work);
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

/// Counts on. Each counter is a row, changed in the same transaction: numbers of commits have no gaps, and two
/// transactions that count at once conflict. A counter belongs to what the format renders without the number, so
/// `Q-{YYYY}-{0000}` begins anew each year. Dates are UTC's, the same for users of all time zones.
fn next_number(work: &mut Work, counter: &str, format: &str) -> Result<String> {
    let format = NumberFormat::parse(format, work.actor.now_micros)?;
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
    fn parse(format: &str, now_micros: i64) -> Result<Self> {
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
                _ => return Err(broken("has an unknown part")),
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
