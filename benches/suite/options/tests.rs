//! The command line is read strictly, and told again for each part.

#![allow(clippy::unwrap_used)]

use super::Options;

fn read(line: &str) -> anyhow::Result<Options> {
    Options::read(line.split_whitespace().map(str::to_owned).collect())
}

#[test]
fn what_is_said_later_counts() {
    let options =
        read("--quick --accounts 100 --activities 7 --only load --only mixed --rates 10,20").unwrap();
    assert_eq!(
        (options.company.accounts, options.company.opportunities, options.company.activities),
        (100, 500, 7)
    );
    assert_eq!(options.rates, [10, 20]);
    assert!(options.wants("load") && options.wants("mixed") && !options.wants("tpch"));
    assert!(options.quick && options.tpch_scale < 1.0);
    let full = read("").unwrap();
    assert_eq!((full.company.records(), full.quick), (18_000_000, false));
    assert!(full.wants("tpch"));
}

#[test]
fn a_parts_command_has_the_sizes_and_no_other_part() {
    let options = read("--accounts 100 --only load --out x.json --no-page").unwrap();
    assert_eq!(options.command("costs"), "./bench --accounts 100 --only costs");
}

#[test]
fn what_is_not_known_is_refused() {
    for line in [
        "--fast",
        "--fast 1",
        "--only speed",
        "--accounts many",
        "--accounts",
        "--rates 1,x",
        "--tpch-scale 0.001",
    ] {
        assert!(read(line).is_err(), "{line}");
    }
}
