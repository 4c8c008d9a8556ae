//! A drawing has its lines and names.

#![allow(clippy::unwrap_used)]

use super::svg;
use crate::results::Plot;

#[test]
fn a_plot_has_its_names_and_lines() {
    let series = vec![
        ("Quarry".to_owned(), vec![(10_000.0, 120.0), (1_000_000.0, 180.0)]),
        ("PostgreSQL".to_owned(), vec![(10_000.0, 90.0), (1_000_000.0, 9_000.0)]),
    ];
    let of = |series| Plot {
        file: "a".into(),
        title: "By id".into(),
        x: "records".into(),
        y: "µs".into(),
        series,
    };
    let drawn = svg(&of(series)).unwrap();
    assert!(drawn.starts_with("<svg"), "{drawn}");
    for word in ["By id", "records", "µs", "Quarry", "PostgreSQL", "<polyline", "<circle"] {
        assert!(drawn.contains(word), "{word} is not in {drawn}");
    }
    assert!(svg(&of(vec![])).is_err());
    assert!(svg(&of(vec![("zero".into(), vec![(1.0, 0.0)])])).is_err());
}
