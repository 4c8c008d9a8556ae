//! SCRAM exchanges: what is told of a name that is nobody's, and one proof, checked in its turn, a failure unless it is told to be right.

use std::sync::Arc;

use super::{Gate, NAME_BYTES_MAX, Told, busy};
use crate::{
    error::Result,
    identity::{
        Origin, Principal, ScramVerifier, credentials, scram, secret::KEY, throttle::of_address, turns::Turn,
    },
};

/// One proof about to be checked, in its turn. Counts as a failure unless it is told to be right.
pub struct Attempt {
    gate: Arc<Gate>,
    name: String,
    told: Told,
    origin: Origin,
    is_proven: bool,
    _turn: Turn,
}

impl Gate {
    /// What a SCRAM exchange checks against where the name is nobody's, whether or not somebody has it here.
    ///
    /// # Errors
    ///
    /// `Limited` when the name failed too often.
    pub fn scram_of_nobody(&self, login: &str) -> Result<ScramVerifier> {
        self.names.check(&Told::whole(login).whole, self.ledger.now())?;
        self.fake(login)
    }

    /// Made of the whole login, so that it is the same before there is such a tenant, while there is, and when it is gone.
    pub(super) fn fake(&self, name: &str) -> Result<ScramVerifier> {
        scram::fake(&self.fake_secret, &format!("{name}{}", self.login_end))
    }

    /// The right to check one proof of a SCRAM exchange.
    ///
    /// # Errors
    ///
    /// `Limited` when the name or the address failed too often meanwhile, or too many wait.
    pub async fn attempt(self: &Arc<Self>, name: &str, origin: &Origin) -> Result<Attempt> {
        self.attempt_as((name, self.told(name)), origin).await
    }

    /// The same where the name is nobody's.
    ///
    /// # Errors
    ///
    /// As [`Self::attempt`].
    pub async fn attempt_of_nobody(self: &Arc<Self>, login: &str, origin: &Origin) -> Result<Attempt> {
        self.attempt_as((login, Told::whole(login)), origin).await
    }

    async fn attempt_as(self: &Arc<Self>, (name, told): (&str, Told), origin: &Origin) -> Result<Attempt> {
        let turn = self.turns.take(&told, origin).await.ok_or_else(busy)?;
        self.may_try(&told, origin, self.ledger.now())?;
        let (name, origin) = (name.to_owned(), origin.clone());
        Ok(Attempt { gate: self.clone(), name, told, origin, is_proven: false, _turn: turn })
    }
}

impl Attempt {
    /// The proof was right: the name's failures are forgotten.
    pub fn proven(mut self, principal: &Principal) {
        self.is_proven = true;
        self.gate.names.forget(&self.told.whole);
        self.gate.tell_login(principal, &self.origin);
        self.gate.note_use(principal, self.gate.ledger.now());
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.is_proven {
            return;
        }
        if self.name.len() > NAME_BYTES_MAX {
            if let Some(address) = self.origin.address {
                self.gate.addresses.failed(&of_address(address), self.gate.ledger.now());
            }
            return;
        }
        let is_key = self.name.starts_with(KEY);
        let found = credentials::by_name(&self.gate.ledger.snapshot(), &self.name);
        let user = found.ok().flatten().filter(|_| !is_key);
        self.gate.on_failed(&self.told, &self.origin, user.as_ref());
    }
}
