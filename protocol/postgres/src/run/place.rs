//! The places for queries: so many compute at once. Who waits for the client to read holds none: an open cursor costs
//! what it keeps in memory, never another's turn.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
};

/// How long a new query waits for a place.
const PLACE_WAIT: Duration = Duration::from_secs(30);

/// A query's place.
pub(super) struct Place {
    places: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// A place for a new query.
    ///
    /// # Errors
    ///
    /// `53400` when too many run.
    pub async fn take(places: &Arc<Semaphore>) -> Result<Place> {
        match timeout(PLACE_WAIT, places.clone().acquire_owned()).await {
            Ok(Ok(held)) => Ok(Place { places: places.clone(), held: Some(held) }),
            _ => Err(PgError::new(SqlState::LIMIT_EXCEEDED, "too many queries are running: try again later")),
        }
    }

    /// Room for one more in the queue to the client; none when nobody reads it any more. While the queue is full the
    /// place is given back; the query then waits its turn again, behind those that came before, until its statement's
    /// own deadline.
    pub async fn room_in<'a, T>(&mut self, queue: &'a mpsc::Sender<T>) -> Option<mpsc::Permit<'a, T>> {
        if let Ok(room) = queue.try_reserve() {
            return Some(room);
        }
        self.held = None;
        let room = queue.reserve().await.ok()?;
        self.held = Some(self.places.clone().acquire_owned().await.ok()?);
        Some(room)
    }
}
