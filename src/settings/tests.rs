//! Which source wins, and what is refused.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use super::*;

fn resolve(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Settings> {
    let mut kept = tempfile::NamedTempFile::new().unwrap();
    kept.write_all(file.as_bytes()).unwrap();
    let given = Given {
        file: Some(kept.path().to_owned()),
        flags: flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(),
    };
    Settings::resolve(&given, environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let file = "http = \"127.0.0.1:1\"\npg = \"127.0.0.1:2\"\ntoken_seconds = 60";
    let settings = resolve(
        file,
        &[("QUARRY_HTTP", "127.0.0.1:3"), ("QUARRY_PG", "127.0.0.1:4"), ("QUARRY_PASSWORD", "not a setting")],
        &[("pg", "127.0.0.1:5")],
    )
    .unwrap();
    assert_eq!(settings.http(), Some("127.0.0.1:3".parse().unwrap()));
    assert_eq!(settings.pg(), Some("127.0.0.1:5".parse().unwrap()));
    assert_eq!(settings.token_seconds(), 60);
    assert_eq!(settings.data(), PathBuf::from("./quarry-data"));
    let explained = settings.explain();
    assert!(explained.contains("environment QUARRY_HTTP"), "{explained}");
    assert!(explained.contains("flag"), "{explained}");
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    for (file, environment, needle) in [
        ("htpp = \"127.0.0.1:1\"", vec![], "htpp"),
        ("http = \"here\"", vec![], "127.0.0.1:8080"),
        ("cache_bytes = 0", vec![], "cache_bytes"),
        ("http = [1]", vec![], "array"),
        ("", vec![("QUARRY_HTPP", "x")], "QUARRY_HTPP"),
        ("not toml at all", vec![], "TOML"),
    ] {
        let error = format!("{:#}", resolve(file, &environment, &[]).unwrap_err());
        assert!(error.contains(needle), "{file:?} {environment:?}: {error}");
    }
}
