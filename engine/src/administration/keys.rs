//! API keys through a session: one's own, and as an administrator anyone's.

use crate::{
    error::Result,
    identity::{EventKind, KeyInfo, MadeKey, Means, NewKey, Principal, keys, principal::Basis},
    session::Session,
    system::Credential,
};

impl Session {
    /// Makes a key. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` for someone else unless an administrator asks, for oneself when one has come with a key only, and for permission sets
    /// that the user does not have; `Missing`, `Invalid`, `Violated`, `Limited`.
    pub fn make_key(&self, user: &str, new: &NewKey) -> Result<MadeKey> {
        let known = self.must_keep_keys_of(user)?;
        let (ledger, by) = (&self.engine().gate().ledger, &self.principal().user_id);
        let basis = Basis::of(Means::Console, &known);
        let owner = Principal::of(&ledger.snapshot(), &known, basis, ledger.now())?;
        let made = keys::make(ledger, &owner, by, new)?;
        self.tell(self.event(EventKind::KeyMade).of_user(&known.user_id).about(&made.info.id));
        Ok(made)
    }

    /// The keys of a user, the newest first. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` for someone else unless an administrator asks; `Missing`.
    pub fn keys_of(&self, user: &str) -> Result<Vec<KeyInfo>> {
        let known = self.must_look_after(user)?;
        keys::list(&self.engine().store().snapshot(), &known.user_id)
    }

    /// Revokes a key: it is refused from now on. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::make_key`]; `Missing` when the user has no such key.
    pub fn revoke_key(&self, user: &str, id: &str) -> Result<()> {
        let known = self.must_keep_keys_of(user)?;
        let by = self.principal().user_id.clone();
        self.engine().gate().ledger.write(&by, |draft| keys::revoke(draft, &known.user_id, id))?;
        self.tell(self.event(EventKind::KeyRevoked).of_user(&known.user_id).about(id));
        Ok(())
    }

    /// A key may look after no keys of its own user: whoever has stolen one could make another.
    fn must_keep_keys_of(&self, user: &str) -> Result<Credential> {
        if user == self.principal().user_name {
            self.must_be_in_person("keys")?;
        }
        self.must_look_after(user)
    }
}
