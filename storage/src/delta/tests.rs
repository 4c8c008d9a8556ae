//! Pieces over append-only rows.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{
    Gauge,
    pieces::{Piece, Pieces},
};

/// A piece as large as its rows are many.
#[derive(Clone)]
struct Rows(u32);

impl Piece for Rows {
    fn bytes(&self) -> u64 {
        u64::from(self.0)
    }
}

#[test]
fn pieces_cover_all_rows_without_a_gap_and_are_built_seldom() {
    let gauge = Gauge::default();
    let mut pieces: Pieces<Rows> = Pieces::new(&gauge);
    let (mut built, mut most) = (0, 0);
    for rows in 1..=20_000 {
        let cover = pieces
            .cover(rows, |places| {
                built += places.end - places.start;
                Ok(Rows(places.end - places.start))
            })
            .unwrap();
        let mut next = 0;
        for (places, _) in &cover {
            assert_eq!(places.start, next);
            next = places.end;
        }
        assert_eq!(next, rows);
        assert_eq!(gauge.bytes(), u64::from(rows));
        most = most.max(cover.len());
    }
    assert!(built < 20_000 * 15, "{built}");
    assert!(most < 20, "{most}");
    drop(pieces);
    assert_eq!(gauge.bytes(), 0);
}
