//! Whatever is in a package folder, loading it ends in a registry or in issues with places: the fixture packages
//! with random slips in them, by printed seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use quarry_metadata::Registry;
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};

const ROUNDS: u64 = 120;
const SCRAPS: &[&str] = &[
    "{", "}", "[", "]", ": ", "- ", "\n", "\"", "'", "&a ", "*a", "!!str ", "? ", "|", ">", "%", "\t", "é",
    "\0", "0", "-1", "true", "~",
];

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push(path);
        }
    }
}

/// One slip of the hand: a line gone, twice or elsewhere, a scrap put in, a character out, the rest cut off.
fn slip(text: &str, random: &mut SmallRng) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = random.random_range(0..lines.len().max(1));
    let chars: Vec<char> = text.chars().collect();
    let place = random.random_range(0..=chars.len());
    let (before, behind): (String, String) =
        (chars[..place].iter().collect(), chars[place..].iter().collect());
    match random.random_range(0..6) {
        0 if !lines.is_empty() => drop(lines.remove(at)),
        1 if !lines.is_empty() => lines.insert(at, lines[at].clone()),
        2 if !lines.is_empty() => {
            let line = lines.remove(at);
            lines.insert(random.random_range(0..=lines.len()), line);
        }
        3 => return before + SCRAPS.choose(random).unwrap() + &behind,
        4 => {
            return before
                + behind.get(behind.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
        }
        _ => return before,
    }
    lines.join("\n")
}

#[test]
fn packages_with_slips_are_refused_with_places_or_compile() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut originals = Vec::new();
    files(&fixtures, &mut originals);
    originals.sort();
    let (mut refused, mut compiled) = (0, 0);
    for seed in 0..ROUNDS {
        let mut random = SmallRng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let slips = random.random_range(1..4);
        let spoiled: Vec<_> = (0..slips).map(|_| random.random_range(0..originals.len())).collect();
        for (at, original) in originals.iter().enumerate() {
            let mut text = fs::read_to_string(original).unwrap();
            for _ in spoiled.iter().filter(|spoiled| **spoiled == at) {
                text = slip(&text, &mut random);
            }
            let path = folder.path().join(original.strip_prefix(&fixtures).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        println!("seed {seed}");
        match (Registry::load(&[folder.path().to_owned()]), Registry::load(&[folder.path().to_owned()])) {
            (Ok(first), Ok(again)) => {
                assert_eq!(first.version, again.version, "seed {seed}");
                compiled += 1;
            }
            (Err(first), Err(again)) => {
                assert_eq!(first, again, "seed {seed}");
                assert!(first.has_errors(), "seed {seed}: refused for nothing");
                for issue in &first.0 {
                    let lines = fs::read_to_string(&issue.place.file).unwrap_or_default().lines().count();
                    let line = usize::try_from(issue.place.line).unwrap();
                    assert!((1..=lines + 1).contains(&line), "seed {seed}: {issue} of {lines} lines");
                }
                refused += 1;
            }
            _ => panic!("seed {seed}: the same folder compiled once and was refused once"),
        }
    }
    assert!(
        refused > 15 && compiled > 15,
        "{refused} refused, {compiled} compiled: the slips are not what they were"
    );
}
