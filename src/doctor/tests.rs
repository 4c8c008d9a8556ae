//! Each weakness is found, and what is sound is not.
#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::*;
use crate::settings::Given;

fn settings(data: &Path, flags: &[(&'static str, &str)]) -> Settings {
    let mut flags: Vec<_> = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    flags.push(("data", data.display().to_string()));
    let empty = tempfile::NamedTempFile::new().unwrap();
    let given = Given { file: Some(empty.path().to_owned()), flags };
    Settings::resolve(&given, std::iter::empty()).unwrap()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Checks that found something at least so bad.
fn found(data: &Path, flags: &[(&'static str, &str)], level: Level) -> Vec<&'static str> {
    let report = look(&settings(data, flags));
    let mut found: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.level >= level)
        .map(|finding| finding.check)
        .collect();
    found.dedup();
    found
}

/// A pair whose certificate ends after so many days.
fn pair(folder: &Path, days: i64) -> (String, String) {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let end = chrono::Utc::now() + chrono::TimeDelta::days(days);
    let date = |at: chrono::DateTime<chrono::Utc>| {
        use chrono::Datelike;
        rcgen::date_time_ymd(at.year(), u8::try_from(at.month()).unwrap(), u8::try_from(at.day()).unwrap())
    };
    params.not_before = date(end - chrono::TimeDelta::days(90));
    params.not_after = date(end);
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    let (cert_path, key_path) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&cert_path, cert.pem()).unwrap();
    fs::write(&key_path, key.serialize_pem()).unwrap();
    mode(&key_path, 0o600);
    (cert_path.display().to_string(), key_path.display().to_string())
}

#[test]
fn addresses_that_others_reach_want_tls() {
    let data = tempfile::tempdir().unwrap();
    let critical =
        |flags: &[(&'static str, &str)]| found(data.path(), flags, Level::Critical).contains(&"tls");
    let warned = |flags: &[(&'static str, &str)]| found(data.path(), flags, Level::Warning).contains(&"tls");
    assert!(!warned(&[("http", "127.0.0.1:1"), ("pg", "[::1]:2")]));
    assert!(critical(&[("http", "0.0.0.0:1")]));
    assert!(critical(&[("pg", "192.0.2.1:1")]));
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = pair(folder.path(), 60);
    let tls = [("http", "0.0.0.0:1"), ("tls_cert", cert.as_str()), ("tls_key", key.as_str())];
    assert!(!critical(&tls) && warned(&tls));
    assert!(!warned(&[&tls[..], &[("tls_required", "true")]].concat()));
}

#[test]
fn certificates_that_end_are_told_in_time() {
    let data = tempfile::tempdir().unwrap();
    for (days, level) in [(60, None), (10, Some(Level::Warning)), (-1, Some(Level::Critical))] {
        let (cert, key) = pair(data.path(), days);
        let report = look(&settings(data.path(), &[("tls_cert", &cert), ("tls_key", &key)]));
        let told = report.findings.iter().find(|finding| finding.check == "certificate");
        assert_eq!(told.map(|finding| finding.level), level, "{days}: {told:?}");
    }
}

#[test]
fn keys_and_records_that_others_read_are_critical() {
    let data = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = pair(folder.path(), 60);
    let tls = [("tls_cert", cert.as_str()), ("tls_key", key.as_str())];
    mode(data.path(), 0o700);
    let log = data.path().join("log");
    fs::write(&log, "records").unwrap();
    mode(&log, 0o644);
    let critical = || {
        let found = found(data.path(), &tls, Level::Critical);
        [found.contains(&"data_permissions"), found.contains(&"secrets")]
    };
    assert_eq!(critical(), [false, false], "nobody comes through the folder");
    mode(data.path(), 0o755);
    mode(Path::new(&key), 0o644);
    assert_eq!(critical(), [true, true]);
    mode(&log, 0o600);
    mode(Path::new(&key), 0o640);
    assert_eq!(critical(), [false, false]);
    assert!(found(data.path(), &tls, Level::Warning).contains(&"secrets"));
    mode(data.path(), 0o777);
    assert_eq!(critical(), [true, false], "others write");
    mode(data.path(), 0o700);
}

#[test]
fn weak_settings_are_told() {
    let data = tempfile::tempdir().unwrap();
    let packages = tempfile::tempdir().unwrap();
    mode(packages.path(), 0o777);
    let shared = packages.path().display().to_string();
    for (flag, check) in [
        (("cors_origins", "*"), "cors"),
        (("cors_origins", "http://app.example"), "cors"),
        (("token_seconds", "604800"), "tokens"),
        (("query_timeout_ms", "0"), "limits"),
        (("connections_per_address_max", "256"), "limits"),
        (("packages", shared.as_str()), "written_by_others"),
    ] {
        assert!(found(data.path(), &[flag], Level::Warning).contains(&check), "{flag:?}");
    }
    let sound =
        found(data.path(), &[("cors_origins", "https://app.example http://localhost:3000")], Level::Warning);
    assert!(
        !["cors", "tokens", "limits", "written_by_others"].iter().any(|check| sound.contains(check)),
        "{sound:?}"
    );
}

#[test]
fn a_clock_that_is_behind_its_files_is_critical() {
    let data = tempfile::tempdir().unwrap();
    let file = fs::File::create(data.path().join("log")).unwrap();
    assert!(!found(data.path(), &[], Level::Warning).contains(&"clock"));
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(3600)).unwrap();
    assert!(found(data.path(), &[], Level::Critical).contains(&"clock"));
}
