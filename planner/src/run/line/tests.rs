//! What is lent is given back while a question waits, and is there before the work goes on.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::atomic::{AtomicBool, Ordering};

use futures::poll;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use super::*;

/// A place of which there is one.
struct OnlyPlace<'a> {
    places: &'a Semaphore,
    held: Option<SemaphorePermit<'a>>,
}

impl<'a> OnlyPlace<'a> {
    fn in_one_of(places: &'a Semaphore) -> OnlyPlace<'a> {
        OnlyPlace { places, held: Some(places.try_acquire().unwrap()) }
    }
}

impl Lent for OnlyPlace<'_> {
    fn give_back(&mut self) {
        self.held = None;
    }

    async fn again(&mut self) {
        self.held = Some(self.places.acquire().await.unwrap());
    }
}

#[tokio::test]
async fn work_holds_nothing_while_it_waits_and_has_all_again_before_it_goes_on() {
    let (places, line, has_gone_on) = (Semaphore::new(1), HeavyLine::default(), AtomicBool::new(false));
    let (give, turn) = oneshot::channel::<()>();
    let mut place = OnlyPlace::in_one_of(&places);
    let mut working = Box::pin(line.work_with(&mut place, async {
        assert_eq!(places.available_permits(), 0);
        line.wait_for(turn).await.unwrap();
        has_gone_on.store(true, Ordering::Relaxed);
        places.available_permits()
    }));
    assert!(poll!(&mut working).is_pending());
    let taken = places.try_acquire().expect("it was given back");
    give.send(()).unwrap();
    for _ in 0..3 {
        assert!(poll!(&mut working).is_pending());
    }
    assert!(!has_gone_on.load(Ordering::Relaxed), "it went on without its place");
    drop(taken);
    assert_eq!(working.await, 0, "it ran in its place");
    assert!(place.held.is_some());
}

#[tokio::test]
async fn a_turn_that_is_there_at_once_costs_no_place() {
    let (places, line) = (Semaphore::new(1), HeavyLine::default());
    let mut place = OnlyPlace::in_one_of(&places);
    let held = async {
        line.wait_for(ready(())).await;
        tokio::task::yield_now().await;
        places.available_permits()
    };
    assert_eq!(line.work_with(&mut place, held).await, 0);
}

/// Its answer needs no place.
#[tokio::test]
async fn work_that_ends_while_it_waits_is_not_kept_for_a_place() {
    let (places, line) = (Semaphore::new(1), HeavyLine::default());
    let waits = Box::pin(line.wait_for(std::future::pending::<()>()));
    let (end, ended) = oneshot::channel();
    let mut place = OnlyPlace::in_one_of(&places);
    let mut working = Box::pin(line.work_with(&mut place, async {
        tokio::select! {
            biased;
            () = waits => unreachable!("nobody gives that turn"),
            answer = ended => answer.unwrap(),
        }
    }));
    assert!(poll!(&mut working).is_pending());
    let _taken = places.try_acquire().unwrap();
    end.send("ended").unwrap();
    assert_eq!(working.await, "ended");
}
