//! Many new records at once.

use std::path::Path;

use super::*;
use crate::{Done, ErrorKind};

fn makers(numbers: std::ops::Range<u32>) -> Vec<Change> {
    numbers.map(|number| create("maker", json!({ "name": format!("maker {number}") }))).collect()
}

/// Segments that lie in a folder.
fn segments(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let count = |path: std::path::PathBuf| match path.is_dir() {
        true => segments(&path),
        false => usize::from(path.ends_with("columns.parquet")),
    };
    entries.map(count).sum()
}

#[tokio::test]
async fn new_records_are_checked_like_all_others_and_come_at_once() {
    let shop = Shop::open();
    let kept = shop.create("maker", json!({ "name": "Acme" })).await.unwrap();
    let mut bulk = shop.session.bulk();
    let wrong = vec![
        create("maker", json!({ "name": "Acme" })),
        create("maker", json!({})),
        create("maker", json!({ "name": "Fine" })),
    ];
    let error = bulk.add(wrong).await.unwrap_err();
    assert_eq!(told(&error), ["0 maker.name unique", "1 maker.name required"]);
    let added = bulk.add(makers(0..3)).await.unwrap().unwrap();
    assert!(added.outcomes.iter().all(|outcome| outcome.done == Done::Created));
    let again =
        vec![create("maker", json!({ "name": "Fine" })), create("maker", json!({ "name": "maker 1" }))];
    assert_eq!(told(&bulk.add(again).await.unwrap_err()), ["1 maker.name unique"]);
    let of_mixed = vec![
        create("maker", json!({ "name": "Mixed" })),
        upsert("maker", &["name"], json!({ "name": "Acme" })),
        update("maker", &kept, json!({ "name": "Acme 2" })),
    ];
    assert!(bulk.add(of_mixed).await.unwrap().is_none());
    assert_eq!(shop.rows("maker"), 1);
    bulk.commit().await.unwrap();
    assert_eq!(shop.rows("maker"), 4);
    let none = shop.session.bulk();
    none.commit().await.unwrap();
}

#[tokio::test]
async fn very_many_go_straight_into_segments_all_or_none() {
    let shop = Shop::open();
    for kept in [false, true] {
        let mut bulk = shop.session.bulk();
        for thousand in 0..21 {
            bulk.add(makers(thousand * 1_000..(thousand + 1) * 1_000)).await.unwrap().unwrap();
        }
        assert_eq!(shop.rows("maker"), 0);
        match kept {
            true => _ = bulk.commit().await.unwrap(),
            false => drop(bulk),
        }
        assert_eq!(shop.rows("maker"), if kept { 21_000 } else { 0 });
        assert_eq!(segments(shop.folder.path()), usize::from(kept));
    }
    let shop = shop.reopen();
    assert_eq!(shop.rows("maker"), 21_000);
    let error = shop.create("maker", json!({ "name": "maker 20999" })).await.unwrap_err();
    assert_eq!(told(&error), ["0 maker.name unique"]);

    let mut late = shop.session.bulk();
    late.add(makers(21_000..42_000)).await.unwrap().unwrap();
    shop.create("maker", json!({ "name": "maker 30000" })).await.unwrap();
    let error = late.commit().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Violated, "{error}");
    assert_eq!(shop.rows("maker"), 21_001);
}

fn folder_of_segments(folder: &Path) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut folders = entries.filter(|path| path.is_dir());
    folders.find_map(|path| if path.ends_with("segments") { Some(path) } else { folder_of_segments(&path) })
}

/// Rows are written while the next go through the pipeline: that they could not be is told by a later call, and by each behind it.
#[tokio::test]
async fn after_rows_that_could_not_be_written_nothing_is_added_and_nothing_kept() {
    let shop = Shop::open();
    shop.engine.store().fold().unwrap();
    let places = folder_of_segments(shop.folder.path()).unwrap();
    std::fs::rename(&places, places.with_extension("away")).unwrap();
    std::fs::write(&places, "no folder").unwrap();
    let mut bulk = shop.session.bulk();
    let mut failed = None;
    for part in 0..5 {
        if let Err(error) = bulk.add(makers(part * 20_000..(part + 1) * 20_000)).await {
            failed = Some(error);
            break;
        }
    }
    let failed = failed.expect("rows have no place to go");
    let error = bulk.add(makers(900_000..900_001)).await.unwrap_err();
    assert!(error.message.contains(&failed.message), "{error}");
    let error = bulk.commit().await.unwrap_err();
    assert!(error.message.contains(&failed.message), "{error}");
    assert_eq!(shop.rows("maker"), 0);
}
