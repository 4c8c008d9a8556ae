//! Shares of the memory for questions.
#![allow(clippy::unwrap_used)]

use super::*;

fn share(total: &Arc<Total>, bytes_max: u64) -> MemoryShare {
    let share = MemoryShare::of(&RuntimeEnv::default(), total);
    share.set_bytes_max(bytes_max);
    share
}

fn consumer(share: &MemoryShare, can_spill: bool) -> MemoryReservation {
    MemoryConsumer::new("sort").with_can_spill(can_spill).register(share.pool())
}

#[test]
fn a_share_that_is_taken_leaves_the_others_theirs() {
    let total = Total::new(1_000);
    let (loud, quiet) = (share(&total, 600), share(&total, 600));
    let first = consumer(&loud, false);
    first.try_grow(600).unwrap();
    let refused = first.try_grow(1).unwrap_err();
    assert!(matches!(&refused, DataFusionError::ResourcesExhausted(told) if told.contains(SHARE_TAKEN)));
    let other = consumer(&quiet, false);
    other.try_grow(400).unwrap();
    let refused = other.try_grow(1).unwrap_err().to_string();
    assert!(refused.contains("of all tenants"), "{refused}");
    drop(first);
    assert_eq!((loud.bytes(), quiet.bytes()), (0, 400));
    other.try_grow(200).unwrap();
}

#[test]
fn what_can_spill_shares_a_share_evenly() {
    let total = Total::new(1_000);
    let share = share(&total, 800);
    let (fixed, one, other) = (consumer(&share, false), consumer(&share, true), consumer(&share, true));
    fixed.try_grow(200).unwrap();
    one.try_grow(300).unwrap();
    one.try_grow(1).unwrap_err();
    other.try_grow(300).unwrap();
    drop(one);
    other.try_grow(300).unwrap();
    drop((fixed, other));
    assert_eq!(share.bytes(), 0);
    assert_eq!(total.taken.load(Ordering::Relaxed), 0);
}

#[test]
fn a_share_that_shrinks_keeps_what_it_gave() {
    let total = Total::new(1_000);
    let share = share(&total, 800);
    let one = consumer(&share, false);
    one.try_grow(700).unwrap();
    share.set_bytes_max(100);
    one.try_grow(1).unwrap_err();
    one.shrink(650);
    one.try_grow(50).unwrap();
    assert_eq!(share.bytes(), 100);
}
