//! Who gets the next turn.

#![allow(clippy::unwrap_used)]

use std::{pin::pin, task::Poll};

use futures::poll;

use super::*;

fn named(name: &str) -> TenantName {
    TenantName::try_from(name).unwrap()
}

/// The turn, where it has come.
async fn now(place: &mut Option<Place>) -> Option<Turn> {
    let mut waiting = place.take().unwrap().0;
    match poll!(pin!(&mut waiting)) {
        Poll::Ready(turn) => turn.ok(),
        Poll::Pending => {
            *place = Some(Place(waiting));
            None
        }
    }
}

#[tokio::test]
async fn a_tenant_alone_has_all_turns_and_another_gets_the_next_that_is_free() {
    let turns = Turns::new(2, 8);
    let (loud, quiet) = (named("loud"), named("quiet"));
    let first = turns.ask(&loud).unwrap().turn().await;
    let _second = turns.ask(&loud).unwrap().turn().await;
    let mut queue: Vec<_> = (0..8).map(|_| turns.ask(&loud)).collect();
    assert!(turns.ask(&loud).is_none(), "its queue is full");
    let mut other = turns.ask(&quiet);
    drop(first);
    assert!(now(&mut queue[0]).await.is_none(), "eight wait longer, and have a turn");
    let theirs = now(&mut other).await.unwrap();
    drop(theirs);
    assert!(now(&mut queue[0]).await.is_some());
}

#[tokio::test]
async fn tenants_that_wait_get_one_each() {
    let turns = Turns::new(1, 8);
    let held = turns.ask(&named("a")).unwrap().turn().await;
    let mut order = Vec::new();
    let mut waiting: Vec<(&str, Option<Place>)> =
        ["a", "a", "b", "b", "c"].into_iter().map(|name| (name, turns.ask(&named(name)))).collect();
    drop(held);
    while !waiting.is_empty() {
        for at in 0..waiting.len() {
            if let Some(turn) = now(&mut waiting[at].1).await {
                order.push(waiting.remove(at).0);
                drop(turn);
                break;
            }
        }
    }
    assert_eq!(order, ["a", "b", "c", "a", "b"]);
    let state = turns.state.lock();
    assert_eq!((state.free, state.tenants.len(), state.ring.len()), (1, 0, 0));
}

#[tokio::test]
async fn who_waits_no_more_makes_room_and_takes_no_turn() {
    let turns = Turns::new(1, 1);
    let one = named("one");
    let held = turns.ask(&one).unwrap().turn().await;
    let waiting = turns.ask(&one).unwrap();
    assert!(turns.ask(&one).is_none());
    drop(waiting);
    let next = turns.ask(&one).unwrap();
    drop(held);
    drop(next.turn().await);
    assert_eq!(turns.state.lock().free, 1);
    // Given and never taken: it comes back.
    drop(turns.ask(&one));
    assert_eq!(turns.state.lock().free, 1);
}

#[tokio::test]
async fn a_turn_that_is_given_back_for_a_while_comes_again() {
    let turns = Turns::new(1, 0);
    let (one, two) = (named("one"), named("two"));
    let mut turn = turns.ask(&one).unwrap().turn().await;
    let left = turn.leave();
    let theirs = turns.ask(&two).unwrap().turn().await;
    let mut back = Box::pin(left.back());
    assert!(poll!(&mut back).is_pending(), "the other has it");
    assert!(turns.ask(&named("three")).is_none());
    drop(theirs);
    let again = back.await;
    assert_eq!(turns.state.lock().free, 0);
    drop((turn, again));
    assert_eq!(turns.state.lock().free, 1);
}
