//! The page says all that a run found: losing figures, what can't be done, who was not asked, and what went wrong.

#![allow(clippy::unwrap_used)]

use crate::results::{Cell, Line, Peer, Plot, Results, Section, Unit};

use super::{page, readme, summary};

fn results() -> Results {
    let measured =
        |p50: f64| Cell::Measured { p50, p99: p50 * 3.0, low: p50 * 0.9, high: p50 * 1.1, calls: 10 };
    let line = |name: &str, cells, to_reach: Option<&str>| Line {
        name: name.into(),
        unit: Unit::Micros,
        cells,
        to_reach: to_reach.map(str::to_owned),
    };
    let peer = |name: &str, absent: Option<&str>| Peer {
        name: name.into(),
        version: "15.1".into(),
        settings: vec!["shared_buffers=2GB".into()],
        absent: absent.map(str::to_owned),
    };
    Results {
        date: "2026-11-30".into(),
        commit: "abc1234".into(),
        command: "./bench".into(),
        machine: vec![("cores".into(), "2".into())],
        sizes: "1,000 records.".into(),
        peers: vec![peer("PostgreSQL", None), peer("DuckDB", Some("pip failed"))],
        sections: vec![Section {
            part: "questions".into(),
            title: "Questions".into(),
            text: "Asked.".into(),
            command: "./bench --only questions".into(),
            columns: vec!["Quarry".into(), "PostgreSQL".into()],
            ratio: Some(("Quarry".into(), "PostgreSQL".into())),
            lines: vec![
                line("by id", vec![measured(400.0), measured(100.0)], Some("1.5 ×")),
                line("a | join", vec![measured(20_000.0), Cell::said("no time zones")], None),
            ],
            plots: vec![Plot {
                file: "growth-by-id".into(),
                title: "By id".into(),
                x: "records".into(),
                y: "µs".into(),
                series: vec![],
            }],
        }],
        troubles: vec!["growth broke off: no space".into()],
    }
}

#[test]
fn the_page_says_all_that_was_found() {
    let page = page(&results());
    for line in [
        "| by id | 400 µs (360 µs–440 µs) | 100 µs (90 µs–110 µs) | 4.00 × | 1.5 × |",
        "| a \\| join | 20.0 ms (18.0 ms–22.0 ms) | *no time zones* | – | – |",
        "- **PostgreSQL** 15.1: shared_buffers=2GB",
        "- **DuckDB**: not asked. pip failed",
        "- growth broke off: no space",
        "- cores: 2",
        "![By id](benchmarks/growth-by-id.svg)",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\nis not in\n{page}");
    }
    assert!(page.contains("Alone: `./bench --only questions`."), "{page}");
    assert!(page.contains("`./bench` on 2026-11-30, at abc1234. 1,000 records."), "{page}");
}

#[test]
fn a_run_is_kept_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    results().write(&path).unwrap();
    let read = Results::read(&path).unwrap();
    assert_eq!(page(&read), page(&results()));
    std::fs::write(&path, "{}").unwrap();
    assert!(Results::read(&path).unwrap_err().to_string().contains("is no run of the benchmark"));
}

#[test]
fn the_readme_gets_what_has_something_to_reach_and_keeps_the_rest() {
    let summary = summary(&results());
    assert!(summary.contains("| by id | 400 µs | 100 µs (PostgreSQL) | 4.00 × | 1.5 × |"), "{summary}");
    assert!(!summary.contains("join"), "{summary}");
    let old = "above\n<!-- benchmark: written by ./bench -->\nold\n<!-- /benchmark -->\nbelow\n";
    let new = readme(old, &summary).unwrap();
    assert!(new.starts_with("above\n") && new.ends_with("<!-- /benchmark -->\nbelow\n"), "{new}");
    assert!(new.contains(&summary) && !new.contains("\nold\n"), "{new}");
    assert_eq!(readme("no marks", &summary), None);
}
