//! What a new record gets that the client did not give. A null that the client gave stays null.

use quarry_metadata::{Default_, Field, FieldKind};
use quarry_storage::Value;

use super::{calculate::OWNER, coerce, draft::Draft};
use crate::{
    change::Input,
    error::{Error, Result},
    work::{Actor, Work},
};

/// Fills in the defaults of a new record.
///
/// # Errors
///
/// `Internal` when a default does not fit its field: the registry has checked that it does.
pub(super) fn fill(draft: &mut Draft, work: &Work) -> Result<()> {
    if draft.old.is_some() {
        return Ok(());
    }
    let layout = draft.layout.clone();
    for (column, field) in layout.fields() {
        if draft.is_given(column) || draft.is_faulty(field.name.as_str()) {
            continue;
        }
        if let Some(value) = default(field, &work.actor)? {
            draft.give(column, value);
        }
    }
    Ok(())
}

/// Gives a record that comes back what is required by now and was not when it went.
///
/// # Errors
///
/// As [`fill`].
pub(super) fn required(draft: &mut Draft, work: &Work) -> Result<()> {
    let layout = draft.layout.clone();
    for (column, field) in layout.fields() {
        if field.required
            && draft.value(column).is_null()
            && let Some(value) = default(field, &work.actor)?
        {
            draft.set(column, value);
        }
    }
    Ok(())
}

/// What a field gets that nobody gave a value.
///
/// # Errors
///
/// `Internal` when its default does not fit it.
pub(crate) fn default(field: &Field, actor: &Actor) -> Result<Option<Value>> {
    let misfit = || Error::internal(format!("the default of {} does not fit it", field.name));
    match &field.default {
        None if field.system && field.name.as_str() == OWNER => Ok(Some(Value::Text(actor.user_id.clone()))),
        None => Ok(None),
        Some(Default_::Value(json)) => {
            let value = coerce::value(field, &Input::Json(json.clone()), actor.time_zone);
            value.map(Some).map_err(|_| misfit())
        }
        Some(Default_::Now) => match field.kind {
            FieldKind::DateTime => Ok(Some(Value::Timestamp(actor.now_micros))),
            FieldKind::Date => Ok(Some(Value::Date(actor.today()))),
            FieldKind::Time => Ok(Some(Value::Time(actor.time_of_day_micros()))),
            _ => Err(misfit()),
        },
        Some(Default_::Today) => match field.kind {
            FieldKind::Date => Ok(Some(Value::Date(actor.today()))),
            FieldKind::DateTime => Ok(Some(Value::Timestamp(actor.now_micros))),
            _ => Err(misfit()),
        },
        Some(Default_::CurrentUser) => Ok(Some(Value::Text(actor.user_id.clone()))),
    }
}
