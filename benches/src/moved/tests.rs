//! What moved is told, and what only wavered is not.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use super::{Baseline, Median, told};

fn baseline(benches: &[(&str, f64, f64)]) -> Baseline {
    let median = |at: f64, share: f64| Median { low: at * (1.0 - share), at, high: at * (1.0 + share) };
    let benches = benches.iter().map(|(name, at, share)| ((*name).to_owned(), median(*at, *share)));
    Baseline { machine: "two cores".into(), benches: benches.collect() }
}

#[test]
fn what_moved_is_told_and_what_wavers_is_not() {
    let before = baseline(&[
        ("wavers", 1e3, 0.2),
        ("a_little", 1e3, 0.001),
        ("slower", 1e6, 0.01),
        ("faster", 2e9, 0.01),
    ]);
    let now = baseline(&[
        ("wavers", 1.2e3, 0.2),
        ("a_little", 1.03e3, 0.001),
        ("slower", 1.5e6, 0.01),
        ("faster", 1e9, 0.01),
        ("new", 1.0, 0.1),
    ]);
    let said = told(&before, &now);
    assert!(said.contains("| slower | 1.00 ms | 1.50 ms | 1.50 × slower |"), "{said}");
    assert!(said.contains("| faster | 2.00 s | 1.00 s | 0.50 × faster |"), "{said}");
    assert!(said.contains("2 benches did not move.") && said.contains("New: new."), "{said}");
    assert!(
        !said.contains("wavers") && !said.contains("a_little") && !said.contains("another machine"),
        "{said}"
    );
    assert!(told(&now, &now).starts_with("Nothing moved (5 benches)."));
    let elsewhere = Baseline { machine: "eight cores".into(), ..now.clone() };
    assert!(told(&elsewhere, &now).contains("another machine (eight cores; this is two cores)"));
}

fn write(folder: &Path, name: &str, median: f64) {
    let new = folder.join(name).join("new");
    fs::create_dir_all(&new).unwrap();
    fs::write(new.join("benchmark.json"), format!(r#"{{"group_id":"g","full_id":"g/{name}"}}"#)).unwrap();
    let (low, high) = (median - 1.0, median + 1.0);
    let estimates = format!(
        r#"{{"mean":{{"point_estimate":9.0}},"median":{{"confidence_interval":{{"confidence_level":0.95,"lower_bound":{low:?},"upper_bound":{high:?}}},"point_estimate":{median:?}}}}}"#
    );
    fs::write(new.join("estimates.json"), estimates).unwrap();
}

#[test]
fn what_criterion_left_is_read_and_kept_beside_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("g"), "a", 100.0);
    let first = Baseline::of_criterion(folder.path(), "m".into()).unwrap();
    assert_eq!(first.benches.get("g/a"), Some(&Median { low: 99.0, at: 100.0, high: 101.0 }));
    let file = folder.path().join("kept.json");
    first.keep(&file).unwrap();
    let other = baseline(&[("g/b", 5.0, 0.1)]);
    other.keep(&file).unwrap();
    let kept = Baseline::read(&file).unwrap();
    assert_eq!(kept.benches.keys().collect::<Vec<_>>(), ["g/a", "g/b"]);
    assert_eq!(kept.machine, "two cores");
}
