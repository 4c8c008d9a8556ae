//! The places for queries: so many compute at once. Who waits for the client to read holds none: an open cursor costs
//! what it keeps in memory, never another's turn. Places go round by tenant where they are short.
//!
//! With its place a query holds its tenant's turn: what a tenant may have running at once is counted while it runs, not
//! while it is planned. The turn is taken first, always: who waits for a turn of its tenant keeps nobody from a place.
//!
//! Who waits for a turn among the heavy questions holds neither, or the reports of one tenant that wait would have all places.

use std::{sync::Arc, time::Duration};

use quarry_engine::{Engine, HeavyLine, Lent, RequestTurn};
use quarry_planner::turns::{Left, Turn, Turns};
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
    /// What was given back for a while.
    away: Option<Away>,
    engine: Arc<Engine>,
}

/// What a query waits for when it goes on.
struct Away {
    place: Left,
    has_turn: bool,
}

impl Place {
    /// A place for a new query.
    ///
    /// # Errors
    ///
    /// `53400` when too many run.
    pub async fn take(places: &Arc<Turns>, engine: &Arc<Engine>, turn: Option<RequestTurn>) -> Result<Place> {
        let busy = || PgError::new(SqlState::LIMIT_EXCEEDED, "too many queries are running: try again later");
        let asked = places.ask(engine.tenant()).ok_or_else(busy)?;
        let place = timeout(PLACE_WAIT, asked.turn()).await.map_err(|_| busy())?;
        Ok(Place { place, turn, away: None, engine: Arc::clone(engine) })
    }

    /// Room for one more in the queue to the client; none when nobody reads it any more. While the queue is full place
    /// and turn are given back; the query then waits for them again, behind those that came before, until its
    /// statement's own deadline.
    pub async fn room_in<'a, T>(&mut self, queue: &'a mpsc::Sender<T>) -> Option<mpsc::Permit<'a, T>> {
        if let Ok(room) = queue.try_reserve() {
            return Some(room);
        }
        self.give_back();
        let room = queue.reserve().await.ok()?;
        self.again().await;
        Some(room)
    }

    /// What comes of work that runs in this place. Place and turn are given back while it waits in line for the heavy ones.
    pub async fn work<T>(&mut self, line: &HeavyLine, work: impl Future<Output = T>) -> T {
        // What ran before may have ended while it waited.
        self.again().await;
        line.work_with(self, work).await
    }
}

impl Lent for Place {
    fn give_back(&mut self) {
        if self.away.is_none() {
            let has_turn = self.turn.take().is_some();
            self.away = Some(Away { place: self.place.leave(), has_turn });
        }
    }

    async fn again(&mut self) {
        let Some(Away { place, has_turn }) = self.away.take() else { return };
        if has_turn {
            self.turn = Some(self.engine.continue_request().await);
        }
        self.place = place.back().await;
    }
}
