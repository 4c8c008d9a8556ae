//! One proof at a time for each name: whoever wants to prove a name waits until the one before has been told right or
//! wrong. So that however many guess at once, each guess is checked against all failures before it.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use super::{
    Origin,
    gate::Told,
    places::{Place, Places},
    throttle::of_address,
};

#[derive(Default)]
pub(crate) struct Turns {
    names: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Of those who wait for their turn, or have it.
    pub places: Arc<Places>,
}

/// The right to prove one name, and the place of who has it; the next one's turn comes when it is dropped.
pub(crate) struct Turn {
    _name: OwnedMutexGuard<()>,
    _place: Place,
}

impl Turns {
    /// Waits for the turn of a name, first come first served; none when too many wait.
    pub async fn take(&self, told: &Told, origin: &Origin) -> Option<Turn> {
        let place = self.places.take(told.queue, origin.address.map(of_address))?;
        let line = {
            let mut names = self.names.lock();
            // Names in use are no more than there are places.
            names.retain(|_, line| Arc::strong_count(line) > 1);
            names.entry(told.whole.clone()).or_default().clone()
        };
        Some(Turn { _name: line.lock_owned().await, _place: place })
    }
}
