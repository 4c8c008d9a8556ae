//! What someone who has proven himself before may now.

use quarry_storage::{Mark, Snapshot};

use super::{
    super::{Principal, credentials, grants, keys, principal::Means, sessions},
    Gate,
};
use crate::{
    error::{Error, ErrorKind, Result},
    system::Credential,
};

impl Gate {
    /// What someone proven may now, made anew: for what lives longer than a request.
    ///
    /// # Errors
    ///
    /// `Unauthenticated` when the proof does not hold any more: the user was deactivated, the password changed, the session or key
    /// ended; those of the store.
    pub fn renewed(&self, principal: &Principal) -> Result<Principal> {
        self.renewed_in(&self.ledger.snapshot(), principal)
    }

    /// Whether [`Self::renewed`] gave this principal by what is there still. Otherwise the principal, and by what it was given: nothing
    /// where it may be another by the time alone.
    ///
    /// # Errors
    ///
    /// Those of [`Self::renewed`].
    pub fn renewed_since(
        &self,
        principal: &Principal,
        given_by: Option<&Mark>,
    ) -> Result<Option<(Principal, Option<Mark>)>> {
        let snapshot = self.ledger.snapshot();
        let mark = match principal.may_end_by_itself() {
            false => snapshot.mark(&self.decide_renewal),
            true => None,
        };
        if mark.is_some() && mark.as_ref() == given_by {
            return Ok(None);
        }
        let renewed = self.renewed_in(&snapshot, principal)?;
        let ends = mark.is_some()
            && grants::of_user(&snapshot, &renewed.user_id)?
                .iter()
                .any(|grant| grant.expires_micros.is_some());
        Ok(Some((renewed, mark.filter(|_| !ends))))
    }

    fn renewed_in(&self, snapshot: &Snapshot, principal: &Principal) -> Result<Principal> {
        let now = self.ledger.now();
        let basis = &principal.basis;
        let renewed = match &basis.means {
            Means::Session(id) => sessions::by_id(snapshot, id, now, credentials::by_user)?,
            Means::Key(id) => {
                keys::by_id(snapshot, id, now, credentials::by_user)?.map(|(principal, _)| principal)
            }
            means => {
                let credential = match means {
                    Means::Console => credentials::any_by_user(snapshot, &principal.user_id)?,
                    _ => credentials::by_user(snapshot, &principal.user_id)?,
                };
                let is_same =
                    |c: &Credential| *means != Means::Password || c.changed_at_micros == basis.version_micros;
                let lives = basis.until_micros.is_none_or(|until| until > now);
                let credential = credential.filter(|c| lives && is_same(c));
                credential.map(|c| Principal::of(snapshot, &c, basis.clone(), now)).transpose()?
            }
        };
        renewed.ok_or_else(|| {
            let message = "what you logged in with does not hold any more; log in again";
            Error::new(ErrorKind::Unauthenticated, "UNAUTHENTICATED", message)
        })
    }
}
