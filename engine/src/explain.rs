//! Why someone may do something, or may not: what each of his permission sets says of an object and of a record.
//!
//! Whoever asks for himself is told of what he sees; of others, and of what is not seen, those are told who have the capability for it.

use quarry_metadata::{
    Object,
    permissions::{Act, Capability, Effect, Layer, Reason},
};
use quarry_storage::{Key, Snapshot};

use crate::{
    error::{Error, ErrorKind, Result},
    identity::principal::{Basis, Means, Principal},
    rights::{Rights, denied},
    session::Session,
};

/// What is told of one user and one object, perhaps of one record of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The login name.
    pub user: String,
    /// May do everything.
    pub admin: bool,
    /// The user's permission sets, with those that they include.
    pub permission_sets: Vec<String>,
    /// The object.
    pub object: String,
    /// The record, where one was named.
    pub record: Option<String>,
    /// What may be done, act by act.
    pub acts: Vec<ExplainedAct>,
    /// Fields that are not there for the user.
    pub hidden: Vec<String>,
    /// Fields of which a part is shown.
    pub masked: Vec<String>,
    /// Fields that are read and not written.
    pub readonly: Vec<String>,
}

/// Whether an act may be done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedAct {
    /// `create`, `read`, `update` or `delete`.
    pub act: &'static str,
    /// With the record; without one, with some records.
    pub allowed: bool,
    /// What speaks for it and against it.
    pub because: Vec<Said>,
}

/// What a set says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The set; empty where a capability says it.
    pub set: String,
    /// `view_all_data`, `view_all`, `sharing`, `allow north`, `deny never`, …
    pub layer: String,
    /// Whether it is so of the record; without one, whether it may be of some.
    pub holds: bool,
}

const ACTS: [(Act, &str); 4] =
    [(Act::Read, "read"), (Act::Create, "create"), (Act::Update, "update"), (Act::Delete, "delete")];

impl Session {
    /// Why a user may do what with an object, or with one record of it. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` for someone else without the capability; `Missing` for a user, object or record that is not there, or that who asks may not
    /// see.
    pub fn explain_access(
        &self,
        object: &str,
        record: Option<&str>,
        user: Option<&str>,
    ) -> Result<Explained> {
        let engine = self.engine();
        let (active, snapshot) = (engine.active(), engine.store().snapshot());
        let now_micros = engine.world().clock.now_micros();
        let clock = (now_micros, self.options().time_zone);
        let is_wise = self.principal().admin || self.has(Capability::ExplainAccess);
        let other = match user.filter(|user| *user != self.principal().user_name) {
            Some(_) if !is_wise => {
                return Err(denied("you may not be told what others may do".to_owned()));
            }
            Some(user) => {
                let credential = engine.must_know(user)?;
                let basis = Basis::of(Means::Console, &credential);
                Principal::of(&snapshot, &credential, basis, now_micros)?
            }
            None => self.principal().clone(),
        };
        let own = Rights::of(&active, self.principal(), snapshot.clone(), clock);
        if !is_wise {
            own.must_see(object)?;
        }
        let whole = active.object(object)?.clone();
        let rights = Rights::of(&active, &other, snapshot.clone(), clock);
        let key = record.map(Key::from);
        if let Some(key) = &key {
            let is_there = snapshot.table(whole.table())?.get(key)?.is_some();
            if !is_there || !self.principal().admin && !own.sees(&snapshot, &whole.name, key)? {
                let message = format!("there is no {} {key:?}", whole.name);
                return Err(Error::new(ErrorKind::Missing, "RECORD_NOT_FOUND", message));
            }
        }
        let acts =
            ACTS.into_iter().map(|(act, name)| said(&rights, &snapshot, &whole, (act, name), key.as_ref()));
        let acts = acts.collect::<Result<Vec<_>>>()?;
        let mut explained = Explained {
            user: other.user_name.clone(),
            admin: other.admin,
            permission_sets: active.roles_of(&other).iter().map(|role| role.to_string()).collect(),
            object: whole.name.to_string(),
            record: record.map(str::to_owned),
            acts,
            hidden: Vec::new(),
            masked: Vec::new(),
            readonly: Vec::new(),
        };
        let view = rights.view(whole.name.as_str());
        for (name, field) in &whole.fields {
            let seen = view.and_then(|view| view.object.fields.get(name));
            match seen {
                // Of himself nobody is told what he does not see.
                None if is_wise => explained.hidden.push(name.to_string()),
                None => {}
                Some(seen) => {
                    if seen.mask.is_some() {
                        explained.masked.push(name.to_string());
                    }
                    if seen.readonly && !field.readonly {
                        explained.readonly.push(name.to_string());
                    }
                }
            }
        }
        Ok(explained)
    }
}

fn said(
    rights: &Rights,
    snapshot: &Snapshot,
    object: &Object,
    (act, name): (Act, &'static str),
    key: Option<&Key>,
) -> Result<ExplainedAct> {
    let mut because = Vec::new();
    for Reason { set, layer, records } in rights.reasons(object, act) {
        let holds = match key {
            Some(key) => !rights.among(snapshot, (object, &records), std::slice::from_ref(key))?.is_empty(),
            None => records != quarry_metadata::permissions::Records::None,
        };
        let is_deny = matches!(layer, Layer::Rule(Effect::Deny, _));
        because.push((is_deny, Said { set, layer: layer_name(&layer), holds }));
    }
    // Inside one set a denial wins; a rule that may deny some records denies no act as a whole.
    let denies = |set: &str| {
        because.iter().any(|(deny, said)| *deny && key.is_some() && said.set == set && said.holds)
    };
    let allowed = because.iter().any(|(deny, said)| !deny && said.holds && !denies(&said.set));
    Ok(ExplainedAct { act: name, allowed, because: because.into_iter().map(|(_, said)| said).collect() })
}

fn layer_name(layer: &Layer) -> String {
    match layer {
        Layer::Capability(Capability::ViewAllData) => "view_all_data".into(),
        Layer::Capability(_) => "modify_all_data".into(),
        Layer::Whole(Act::ViewAll) => "view_all".into(),
        Layer::Whole(_) => "modify_all".into(),
        Layer::Sharing => "sharing".into(),
        Layer::Rule(Effect::Allow, name) => format!("allow {name}"),
        Layer::Rule(Effect::Deny, name) => format!("deny {name}"),
    }
}
