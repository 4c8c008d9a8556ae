//! The places for queries: so many compute at once. Who waits for the client to read holds none: an open cursor costs
//! what it keeps in memory, never another's turn. Places go round by tenant where they are short.
//!
//! With its place a query holds its tenant's turn: what a tenant may have running at once is counted while it runs, not
//! while it is planned. The turn is taken first, always: who waits for a turn of its tenant keeps nobody from a place.

use std::{sync::Arc, time::Duration};

use quarry_engine::{Engine, RequestTurn};
use quarry_planner::turns::{Turn, Turns};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
};

/// How long a new query waits for a place.
const PLACE_WAIT: Duration = Duration::from_secs(30);

/// A query's place.
pub(super) struct Place {
    place: Turn,
    /// Of its tenant; none where whoever asked holds one himself until it has ended.
    turn: Option<RequestTurn>,
}

impl Place {
    /// A place for a new query.
    ///
    /// # Errors
    ///
    /// `53400` when too many run.
    pub async fn take(places: &Arc<Turns>, engine: &Engine, turn: Option<RequestTurn>) -> Result<Place> {
        let busy = || PgError::new(SqlState::LIMIT_EXCEEDED, "too many queries are running: try again later");
        let asked = places.ask(engine.tenant()).ok_or_else(busy)?;
        let place = timeout(PLACE_WAIT, asked.turn()).await.map_err(|_| busy())?;
        Ok(Place { place, turn })
    }

    /// Room for one more in the queue to the client; none when nobody reads it any more. While the queue is full place
    /// and turn are given back; the query then waits for them again, behind those that came before, until its
    /// statement's own deadline.
    pub async fn room_in<'a, T>(
        &mut self,
        engine: &Engine,
        queue: &'a mpsc::Sender<T>,
    ) -> Option<mpsc::Permit<'a, T>> {
        if let Ok(room) = queue.try_reserve() {
            return Some(room);
        }
        let counts = self.turn.take().is_some();
        let wait = async {
            let room = queue.reserve().await.ok()?;
            let turn = match counts {
                true => Some(engine.continue_request().await),
                false => None,
            };
            Some((room, turn))
        };
        let (room, turn) = self.place.away(wait).await?;
        self.turn = turn;
        Some(room)
    }
}
