//! Users as issuers know them: made when they first come where the configuration says so, and given the fields that it maps from claims.
//! Both go through the pipeline, as every change of a record.

use std::sync::Arc;

use quarry_metadata::FieldKind;
use quarry_storage::{Key, Store, Value, World};

use super::{
    UserKind,
    jwt::{Issuer, Vouched},
    principal::Principal,
};
use crate::{
    active::{Active, USER},
    change::{Input, Record},
    error::{Error, Result},
    opening::{self, NewUser},
    pipeline::{self, Action, Call, Step},
    work::{Actor, Work},
};

/// Fields that no claim fills: who someone is, and whether he may come in.
const OWN: [&str; 3] = ["id", "active", "username"];

/// Writes records of users for the gate.
pub(crate) struct Registrar {
    pub store: Arc<Store>,
    pub active: Arc<Active>,
    pub world: World,
}

impl Registrar {
    /// Makes a user of whom an issuer vouches for.
    ///
    /// # Errors
    ///
    /// As [`opening::add_user`].
    pub fn make(&self, vouched: &Vouched) -> Result<Principal> {
        let new = NewUser {
            name: &vouched.user_name,
            display_name: vouched.display_name.as_deref(),
            password: None,
            admin: false,
            kind: UserKind::Person,
            adopts: false,
        };
        opening::add_user(&self.store, &self.active, &self.world, new)
    }

    /// Gives a user's record what the claims say of him; what they do not say is emptied.
    ///
    /// # Errors
    ///
    /// `Violated` when the record can't have it; those of the store.
    pub fn update(&self, user_id: &Key, vouched: &Vouched) -> Result<()> {
        if vouched.fields.is_empty() {
            return Ok(());
        }
        let actor = Actor::of(user_id.clone(), self.world.clock.now_micros());
        let mut work = Work::new(self.active.clone(), self.store.snapshot(), actor, self.world.clone());
        let layout = work.layout(USER)?;
        let Some(row) = work.row(&layout.table, user_id)? else { return Ok(()) };
        let mut data = Record::new();
        for (field, text) in &vouched.fields {
            let value = text.as_deref().map_or(Value::Null, |text| Value::Text(text.into()));
            let known = layout.column(field).map(|column| row.get(column));
            if known != Some(&value) {
                data.insert(field.clone(), Input::Typed(value, None));
            }
        }
        if data.is_empty() {
            return Ok(());
        }
        let mut call = Call::new(1);
        let action = Action::Update { ids: vec![user_id.clone()], data };
        let step = Step { change: 0, object: USER.to_owned(), if_revision: None, action };
        pipeline::run(&mut work, &mut call, vec![step])?;
        call.finish()?;
        opening::commit(&self.store, work)
    }
}

/// Whether the fields that an issuer's claims fill are there.
///
/// # Errors
///
/// `Invalid`, naming one that is not.
pub(crate) fn check_fields(active: &Active, issuer: &Issuer) -> Result<()> {
    let object = active.object(USER)?;
    for name in issuer.fields.keys() {
        let is_text = object
            .field(name)
            .is_some_and(|field| !field.system && matches!(field.kind, FieldKind::Text { .. }));
        if !is_text || OWN.contains(&name.as_str()) || *name == *active.login_field.as_str() {
            let message =
                format!("the issuer {:?}: fields: claims can't fill {name:?} of a user", issuer.name);
            return Err(Error::invalid(message));
        }
    }
    Ok(())
}
