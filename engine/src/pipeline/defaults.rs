//! What a new record gets that the client did not give. A null that the client gave stays null.

use quarry_metadata::{Default_, Field, FieldKind, FieldName};
use quarry_storage::Value;

use super::{calculate::OWNER, coerce, draft::Draft};
use crate::{
    change::Input,
    error::{Error, Result},
    rules,
    summaries::nothing,
    work::{Actor, Work},
};

/// Fills in the defaults of those of these records of one object that are new.
///
/// # Errors
///
/// `Internal` when a default does not fit its field: the registry has checked that it does.
pub(super) fn fill(drafts: &mut [&mut Draft], work: &mut Work) -> Result<()> {
    let new = drafts.iter_mut().map(|draft| &mut **draft).filter(|draft| draft.old.is_none());
    let mut new: Vec<&mut Draft> = new.collect();
    let Some(layout) = new.first().map(|first| first.layout.clone()) else { return Ok(()) };
    for (column, field) in layout.fields() {
        let Some(value) = default(field, &work.actor)? else { continue };
        for draft in &mut new {
            if !draft.is_given(column) && !draft.is_faulty(field.name.as_str()) {
                draft.give(column, value.clone());
            }
        }
    }
    compute(&mut new, work, |draft: &Draft, field: &FieldName| {
        let is_given = draft.layout.column(field.as_str()).is_none_or(|column| draft.is_given(column));
        !is_given && !draft.is_faulty(field.as_str())
    })
}

/// Defaults that are computed of what there is, each seeing those that it stands on, of the fields that want one.
fn compute(
    drafts: &mut [&mut Draft],
    work: &mut Work,
    wants: impl Fn(&Draft, &FieldName) -> bool,
) -> Result<()> {
    let wants = |draft: &&mut Draft, field: &FieldName| wants(draft, field);
    rules::computed_defaults(
        drafts,
        work,
        |draft| draft.subject(),
        wants,
        |draft, field, given| match given {
            Ok(Value::Null) => {}
            Ok(value) => {
                if let Some(column) = draft.layout.column(field.as_str()) {
                    draft.give(column, value);
                }
            }
            Err(fault) => {
                let message = format!("its default can't be computed: {fault}");
                draft.find(Some(field.as_str()), "not_computable", message, None);
            }
        },
    )
}

/// Gives a record that comes back what is required by now and was not when it went.
///
/// # Errors
///
/// As [`fill`].
pub(super) fn required(draft: &mut Draft, work: &mut Work) -> Result<()> {
    let layout = draft.layout.clone();
    for (column, field) in layout.fields() {
        if field.required
            && draft.value(column).is_null()
            && let Some(value) = default(field, &work.actor)?
        {
            draft.set(column, value);
        }
    }
    let is_missed = |draft: &Draft, field: &FieldName| {
        let object = &draft.layout.object;
        let empty = draft.layout.column(field.as_str()).is_some_and(|column| draft.value(column).is_null());
        empty && object.field(field.as_str()).is_some_and(|field| field.required)
    };
    compute(&mut [draft], work, is_missed)
}

/// What a field gets that nobody gave a value.
///
/// # Errors
///
/// `Internal` when its default does not fit it.
pub(crate) fn default(field: &Field, actor: &Actor) -> Result<Option<Value>> {
    let misfit = || Error::internal(format!("the default of {} does not fit it", field.name));
    if let Some(summary) = &field.summary {
        return Ok(Some(nothing(summary.function, &field.kind)).filter(|value| !value.is_null()));
    }
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
        // Of a record: see [`compute`].
        Some(Default_::Computed(_)) => Ok(None),
    }
}
