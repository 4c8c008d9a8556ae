//! Coming in by a token of an issuer that is trusted.

use std::sync::Arc;

use super::{Gate, token_refused};
use crate::{
    error::{Error, ErrorKind, Result},
    identity::{
        EventKind, Origin, Principal, UserKind, credentials,
        jwt::{Issuers, Vouched},
        principal::{Basis, Means},
        registrar::Registrar,
        secret,
    },
    system::Credential,
};

impl Gate {
    /// From now on tokens of these are taken, and of no others.
    pub fn trust(&self, issuers: Issuers) {
        *self.issuers.write() = Arc::new(issuers);
    }

    /// Who a token of an issuer is for, as he is now; whoever is no user yet is made one where the issuer's users may. With the first sight
    /// of a token, the user's record is given what its claims say. Where a user was named before, a token of another does nothing of this.
    /// Blocks.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`; `Unavailable` when the issuer's keys can't be had; those of the store.
    pub fn by_issuer(
        &self,
        (text, named): (&str, Option<&str>),
        origin: &Origin,
        registrar: &Registrar,
    ) -> Result<Principal> {
        let now = self.ledger.now();
        let issuers = self.issuers.read().clone();
        let vouched = match issuers.prove(text, now) {
            Ok(vouched) => vouched,
            Err((reason, issuer)) => {
                let event = self.event(EventKind::TokenRefused).because(reason).from(origin);
                self.teller.tell(&match issuer {
                    Some(issuer) => event.about(issuer),
                    None => event,
                });
                return Err(match reason {
                    "KEYS_UNAVAILABLE" => unavailable(),
                    _ => token_refused(),
                });
            }
        };
        if named.is_some_and(|named| named != vouched.user_name) {
            let event = self.event(EventKind::TokenRefused).because("OTHER_USER").about(&vouched.issuer);
            self.teller.tell(&event.from(origin));
            return Err(token_refused());
        }
        let Some(credential) = self.user_of(&vouched, origin, registrar)? else {
            let event = self.event(EventKind::TokenRefused).because("NO_SUCH_USER").about(&vouched.issuer);
            self.teller.tell(&event.from(origin));
            return Err(token_refused());
        };
        let digest: String = secret::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        let is_first = !self.was_noted(&digest);
        if is_first && let Err(error) = registrar.update(&credential.user_id, &vouched) {
            return self.on_fields_refused(&vouched, origin, error);
        }
        let basis = Basis {
            until_micros: Some(vouched.until_micros),
            brought: vouched.permission_sets.into(),
            may_administer: vouched.may_administer,
            ..Basis::of(Means::Issuer(vouched.issuer.clone()), &credential)
        };
        let principal = Principal::of(&self.ledger.snapshot(), &credential, basis, now)?;
        // A token comes with every request: only its first time is a login.
        if is_first && self.note(digest, now).is_none() {
            let event = self.event(EventKind::LoggedIn).by(&principal).of_user(&principal.user_id);
            self.teller.tell(&event.about(&vouched.issuer).from(origin));
        }
        Ok(principal)
    }

    /// The user's record can't have what the claims say: he would come in with what was said of him before.
    fn on_fields_refused(&self, vouched: &Vouched, origin: &Origin, error: Error) -> Result<Principal> {
        if !matches!(error.kind, ErrorKind::Invalid | ErrorKind::Violated) {
            return Err(error);
        }
        tracing::warn!("claims of {:?} can't be kept with the user: {error}", vouched.issuer);
        let event = self.event(EventKind::TokenRefused).because("FIELDS_REFUSED").about(&vouched.issuer);
        self.teller.tell(&event.from(origin));
        Err(token_refused())
    }

    /// The user whom an issuer vouches for; none when he may not log in.
    fn user_of(
        &self,
        vouched: &Vouched,
        origin: &Origin,
        registrar: &Registrar,
    ) -> Result<Option<Credential>> {
        let snapshot = self.ledger.snapshot();
        let known = credentials::any_by_name(&snapshot, &vouched.user_name)?;
        if known.is_some_and(|known| known.kind == UserKind::Service) {
            // A program has keys, and nobody vouches for it.
            return Ok(None);
        }
        if !vouched.provision || credentials::any_by_name(&snapshot, &vouched.user_name)?.is_some() {
            return credentials::by_name(&snapshot, &vouched.user_name);
        }
        match registrar.make(vouched) {
            Ok(made) => {
                let event = self.event(EventKind::UserMade).of_user(&made.user_id);
                self.teller.tell(&event.about(&vouched.issuer).from(origin));
            }
            // Another request has made him meanwhile.
            Err(error) if matches!(error.kind, ErrorKind::Conflict | ErrorKind::Violated) => {
                tracing::info!("a user of {:?} was not made: {error}", vouched.issuer);
            }
            Err(error) => return Err(error),
        }
        credentials::by_name(&self.ledger.snapshot(), &vouched.user_name)
    }
}

fn unavailable() -> Error {
    let message = "the keys of the token's issuer can't be had now; try again later";
    Error::new(ErrorKind::Unavailable, "ISSUER_UNAVAILABLE", message)
}
