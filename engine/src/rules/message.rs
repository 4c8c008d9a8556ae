//! What people are told when a rule is broken, in their language, with the record's values in it.

use chrono::{DateTime, NaiveDate, NaiveTime};
use quarry_metadata::{
    FieldKind,
    expression::{NodeKind, Root},
    rules::{Message, Piece},
};
use quarry_storage::Value;

use super::Subject;
use crate::{decimal, work::Actor};

/// What stands where there is no value.
const NOTHING: &str = "–";
const MICROS_PER_SECOND: i64 = 1_000_000;

/// The text in the language of who acts.
pub(crate) fn told(message: &Message, subject: &Subject<'_>, actor: &Actor) -> String {
    let mut text = String::new();
    for piece in message.get(&actor.locale) {
        match piece {
            Piece::Text(literal) => text.push_str(literal),
            Piece::Value(at) => {
                let shown =
                    message.values.get(*at).and_then(|value| own_value(&value.node.kind, subject, actor));
                text.push_str(shown.as_deref().unwrap_or(NOTHING));
            }
        }
    }
    text
}

/// The value of a field of the record, now or before; the compiler lets nothing else into a message yet.
fn own_value(node: &NodeKind, subject: &Subject<'_>, actor: &Actor) -> Option<String> {
    let NodeKind::Field { root, path } = node else { return None };
    let name = path.field.as_str();
    let column = subject.layout.column(name)?;
    if let Some(rights) = actor.limited() {
        let layout = subject.layout;
        layout.object.field(name).filter(|field| rights.shows(&layout.object.name, field))?;
    }
    let value = match root {
        Root::Record => subject.new.get(column)?,
        Root::Old => subject.old?.get(column),
        Root::User | Root::Named(_) => return None,
    };
    shown(value, &subject.layout.object.field(name)?.kind, actor)
}

/// A value as people read it: options by their label, instants where who acts is.
fn shown(value: &Value, kind: &FieldKind, actor: &Actor) -> Option<String> {
    Some(match (value, kind) {
        (Value::Null | Value::Bytes(_), _) => return None,
        (Value::Text(value), FieldKind::Select { options }) => {
            let option = options.iter().find(|option| *option.value == **value);
            option.map_or_else(|| value.to_string(), |option| option.label.get(&actor.locale).to_owned())
        }
        (Value::Text(text), _) => text.to_string(),
        (Value::TextList(items), _) => items.join(", "),
        (Value::Bool(flag), _) => flag.to_string(),
        (Value::Int(number), _) => number.to_string(),
        (Value::Float(number), _) => number.to_string(),
        (Value::Decimal(unscaled), FieldKind::Currency { scale, .. }) => decimal::digits(*unscaled, *scale),
        (Value::Decimal(unscaled), FieldKind::Number { scale, .. } | FieldKind::Percent { scale, .. }) => {
            let digits = decimal::digits(*unscaled, *scale);
            match digits.contains('.') {
                true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => digits,
            }
        }
        (Value::Decimal(_), _) => return None,
        (Value::Date(days), _) => NaiveDate::from_epoch_days(*days)?.to_string(),
        (Value::Time(micros), _) => {
            let seconds = u32::try_from(micros / MICROS_PER_SECOND).ok()?;
            NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0)?.to_string()
        }
        (Value::Timestamp(micros), _) => {
            let instant = DateTime::from_timestamp_micros(*micros)?.with_timezone(&actor.time_zone);
            instant.format("%Y-%m-%d %H:%M").to_string()
        }
    })
}
