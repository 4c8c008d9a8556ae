//! Who gets a turn, and who does not.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;

fn made(process: &Arc<FairTurns>, limits: RequestLimits) -> Arc<Quota> {
    let quota = Quota::new(process.clone());
    quota.set(limits);
    Arc::new(quota)
}

#[tokio::test]
async fn a_bucket_gives_what_has_come_in_and_no_more() {
    let per_second = NonZeroU32::new(10);
    let quota = made(&Arc::default(), RequestLimits { per_second, burst: 25, ..RequestLimits::default() });
    let taken = async |at: i64| {
        let mut taken = 0;
        while let Ok(_turn) = quota.begin(at).await {
            taken += 1;
        }
        taken
    };
    assert_eq!(taken(1_000_000_000_000_000).await, 25, "a burst after a long quiet time");
    assert_eq!(taken(1_000_000_000_000_000).await, 0);
    assert_eq!(taken(1_000_000_000_500_000).await, 5);
    assert_eq!(taken(1_000_000_000_599_999).await, 0);
    assert_eq!(taken(999_999_000_000_000).await, 0, "a clock set back gives nothing");
    let Err(error) = quota.begin(999_999_000_000_000).await else { panic!("given") };
    assert_eq!((error.kind, error.code), (ErrorKind::Limited, "RATE_LIMITED"));
}

#[tokio::test]
async fn past_what_may_run_requests_wait_and_past_what_may_wait_they_are_refused() {
    let limits = RequestLimits { running_max: 1, waiting_max: 1, ..RequestLimits::default() };
    let quota = made(&Arc::default(), limits);
    let first = quota.begin(0).await.unwrap();
    let waits = tokio::spawn({
        let quota = quota.clone();
        async move { quota.begin(0).await.map(drop) }
    });
    tokio::task::yield_now().await;
    assert!(!waits.is_finished());
    assert_eq!(quota.begin(0).await.err().unwrap().code, "REQUESTS_BUSY");
    drop(first);
    waits.await.unwrap().unwrap();
    quota.set(RequestLimits {
        running_max: 1,
        wait_max: Duration::from_millis(10),
        ..RequestLimits::default()
    });
    let _held = quota.begin(0).await.unwrap();
    assert_eq!(quota.begin(0).await.err().unwrap().code, "REQUESTS_BUSY", "after a while");
    assert_eq!(quota.waiting.load(Ordering::Relaxed), 0);
}

/// One tenant of 200 has hundreds waiting; each of the others asks once, and is served before the loud one's queue.
#[tokio::test]
async fn a_loud_tenant_does_not_stand_before_the_quiet_ones() {
    let process: Arc<FairTurns> = Arc::default();
    process.set_max(4);
    let limits = RequestLimits { running_max: 4, waiting_max: 1000, ..RequestLimits::default() };
    let loud = made(&process, limits.clone());
    let served = Arc::new(Mutex::new(Vec::new()));
    let (go, went) = tokio::sync::watch::channel(false);
    let ask = |quota: Arc<Quota>, who: &'static str| {
        let (served, mut went) = (served.clone(), went.clone());
        tokio::spawn(async move {
            let _turn = quota.begin(0).await.unwrap();
            went.wait_for(|go| *go).await.unwrap();
            served.lock().push(who);
            tokio::task::yield_now().await;
        })
    };
    let mut all: Vec<_> = (0..500).map(|_| ask(loud.clone(), "loud")).collect();
    while process.taken() != (4, 0) {
        tokio::task::yield_now().await;
    }
    let quiet: Vec<_> = (0..199).map(|_| made(&process, limits.clone())).collect();
    all.extend(quiet.iter().map(|quota| ask(quota.clone(), "quiet")));
    while process.taken() != (4, 199) {
        tokio::task::yield_now().await;
    }
    go.send_replace(true);
    for one in all {
        one.await.unwrap();
    }
    let served = served.lock();
    let last_quiet = served.iter().rposition(|who| *who == "quiet").unwrap();
    let loud_before = served.iter().take(last_quiet).filter(|who| **who == "loud").count();
    assert!(loud_before <= 4 + 199, "a quiet one waited for {loud_before} of the loud one");
    assert_eq!(served.len(), 699);
    assert_eq!(process.taken(), (0, 0));
}

#[tokio::test]
async fn who_stops_waiting_takes_no_turn() {
    let process: Arc<FairTurns> = Arc::default();
    process.set_max(1);
    let quota = made(&process, RequestLimits { running_max: 10, ..RequestLimits::default() });
    let held = quota.begin(0).await.unwrap();
    for _ in 0..5 {
        let waits = tokio::spawn({
            let quota = quota.clone();
            async move { quota.begin(0).await.map(drop) }
        });
        tokio::task::yield_now().await;
        waits.abort();
        assert!(waits.await.unwrap_err().is_cancelled());
    }
    drop(held);
    assert_eq!(process.taken(), (0, 0));
    quota.begin(0).await.unwrap();
}

/// Who waits and goes leaves nothing, however long no turn comes.
#[tokio::test]
async fn those_that_have_gone_are_not_kept() {
    let turns = Arc::new(FairTurns::of(1));
    let held = turns.try_take(1).unwrap();
    for _ in 0..5_000 {
        let waiting = turns.clone();
        let gone = tokio::time::timeout(Duration::ZERO, waiting.take(2)).await;
        assert!(gone.is_err());
    }
    let (taken, waiting) = turns.taken();
    assert!(taken == 1 && waiting <= 128, "{waiting} wait");
    let next = tokio::spawn({
        let turns = turns.clone();
        async move { drop(turns.take(2).await) }
    });
    tokio::task::yield_now().await;
    drop(held);
    next.await.unwrap();
    assert_eq!(turns.taken(), (0, 0));
}

#[tokio::test]
async fn who_waits_no_more_is_forgotten_however_many_are_named() {
    let turns = Arc::new(FairTurns::of(1));
    let held = turns.try_take(0).unwrap();
    let stays = tokio::spawn({
        let turns = turns.clone();
        async move { drop(turns.take(1).await) }
    });
    tokio::task::yield_now().await;
    for tenant in 2..5_000 {
        assert!(tokio::time::timeout(Duration::ZERO, turns.take(tenant)).await.is_err());
    }
    let (taken, waiting) = turns.taken();
    assert!(taken == 1 && waiting <= 128, "{waiting} wait");
    assert!(!stays.is_finished());
    drop(held);
    stays.await.unwrap();
    assert_eq!(turns.taken(), (0, 0));
}
