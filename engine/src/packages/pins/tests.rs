//! Which combinations of versions are remembered: those that don't go have a list of their own.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::tests::Shop;

const BASE: &str = "the one that is active";

fn fit(active: &Arc<Active>, number: usize) -> Made {
    let versions = format!("fit@{number}.0.0");
    let pinned = Pinned { versions: versions.clone(), active: active.clone() };
    Made { versions, base: BASE.to_owned(), made: Ok(Arc::new(pinned)) }
}

fn does_not_fit(number: usize) -> Made {
    let versions = format!("unfit@{number}.0.0");
    let why = Err(Arc::from(format!("{versions} does not go")));
    Made { versions, base: BASE.to_owned(), made: why }
}

/// What is known of a combination: its versions, or why it does not go.
fn known(kept: &mut Kept, versions: &str, base: &str) -> Option<Result<String, String>> {
    let found = kept.of_versions(versions, base)?;
    Some(found.map(|pinned| pinned.versions.clone()).map_err(|error| {
        assert_eq!((error.kind, error.code), (ErrorKind::Invalid, "VERSION_NOT_AVAILABLE"));
        error.message
    }))
}

#[tokio::test]
async fn however_many_do_not_go_those_that_go_are_kept() {
    let shop = Shop::open();
    let (mut kept, active) = (Kept::default(), shop.engine.active());
    (0..KEPT_MAX).for_each(|number| kept.keep(fit(&active, number)));
    (0..10 * UNFIT_MAX).for_each(|number| kept.keep(does_not_fit(number)));
    for number in 0..KEPT_MAX {
        let versions = format!("fit@{number}.0.0");
        assert_eq!(known(&mut kept, &versions, BASE), Some(Ok(versions.clone())), "{versions}");
    }
    assert_eq!((kept.pinned.len(), kept.unfit.len()), (KEPT_MAX, UNFIT_MAX));
}

#[tokio::test]
async fn of_those_that_do_not_go_the_one_unused_for_longest_is_forgotten() {
    let shop = Shop::open();
    let (mut kept, active) = (Kept::default(), shop.engine.active());
    (0..UNFIT_MAX).for_each(|number| kept.keep(does_not_fit(number)));
    let why = |number: usize| Some(Err(format!("unfit@{number}.0.0 does not go")));
    assert_eq!(known(&mut kept, "unfit@0.0.0", BASE), why(0), "used again");
    // However many go, none of these is tried again for them.
    (0..2 * KEPT_MAX).for_each(|number| kept.keep(fit(&active, number)));
    kept.keep(does_not_fit(UNFIT_MAX));
    assert_eq!(known(&mut kept, "unfit@1.0.0", BASE), None);
    for number in [0, 2, UNFIT_MAX] {
        let versions = format!("unfit@{number}.0.0");
        assert_eq!(known(&mut kept, &versions, BASE), why(number));
    }
    assert_eq!(known(&mut kept, "fit@0.0.0", BASE), None, "the newest of those that go are kept");
    assert_eq!(known(&mut kept, "unfit@2.0.0", "another one"), None, "beside others it may go");
}

#[tokio::test]
async fn a_text_that_does_not_go_is_known_by_what_it_means() {
    let mut kept = Kept::default();
    kept.keep(does_not_fit(1));
    let text = |text: &str| Text {
        text: text.to_owned(),
        base: BASE.to_owned(),
        versions: "unfit@1.0.0".to_owned(),
    };
    (0..10 * TEXTS_MAX).for_each(|number| kept.keep_text(text(&format!("unfit@1, way {number}"))));
    assert_eq!(kept.texts.len(), TEXTS_MAX);
    assert!(kept.of_text("unfit@1, way 0", BASE).is_none(), "to be read again");
    let last = format!("unfit@1, way {}", 10 * TEXTS_MAX - 1);
    assert_eq!(kept.of_text(&last, BASE).unwrap().err().unwrap().code, "VERSION_NOT_AVAILABLE");
    assert!(kept.of_text(&last, "another one").is_none());
}
