//! Pieces over append-only rows.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::pieces::Pieces;

#[test]
fn pieces_cover_all_rows_without_a_gap_and_are_built_seldom() {
    let mut pieces: Pieces<u32> = Pieces::default();
    let (mut built, mut most) = (0, 0);
    for rows in 1..=20_000 {
        let cover = pieces
            .cover(rows, |places| {
                built += places.end - places.start;
                Ok(places.end)
            })
            .unwrap();
        let mut next = 0;
        for (places, _) in &cover {
            assert_eq!(places.start, next);
            next = places.end;
        }
        assert_eq!(next, rows);
        most = most.max(cover.len());
    }
    assert!(built < 20_000 * 15, "{built}");
    assert!(most < 20, "{most}");
}
