//! What serves, and what happens to files that can't.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::*;

/// A fresh pair in a folder.
fn write_pair(folder: &Path, name: &str) -> TlsFiles {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&files.certificate, cert.pem()).unwrap();
    std::fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    files
}

#[test]
fn a_new_pair_serves_after_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::open(write_pair(folder.path(), "one.example")).unwrap();
    let first = tls.current().fingerprint.clone();
    assert_eq!(first.len(), 64);
    write_pair(folder.path(), "two.example");
    assert_eq!(tls.current().fingerprint, first, "nothing changes by itself");
    tls.reload().unwrap();
    assert_ne!(tls.current().fingerprint, first);
}

#[test]
fn files_that_can_not_be_used_change_nothing_and_tell_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let files = write_pair(folder.path(), "one.example");
    let tls = Tls::open(files.clone()).unwrap();
    let (first, key) = (tls.current().fingerprint.clone(), std::fs::read_to_string(&files.key).unwrap());
    let certificate = std::fs::read_to_string(&files.certificate).unwrap();
    let other = tempfile::tempdir().unwrap();
    let other_key = std::fs::read_to_string(write_pair(other.path(), "other.example").key).unwrap();
    let half = key.get(..key.len() / 2).unwrap();
    for (certificate, key, needle) in [
        ("", key.as_str(), "no certificate"),
        (certificate.as_str(), "", "no private key"),
        (certificate.as_str(), half, "no PEM"),
        (certificate.as_str(), other_key.as_str(), "can't be used"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key.as_str(), "can't be read"),
    ] {
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        let error = tls.reload().unwrap_err();
        assert!(error.to_string().contains(needle), "{needle}: {error}");
        let told = format!("{error} {error:?}");
        assert!(!key.lines().any(|line| line.len() > 20 && !line.starts_with('-') && told.contains(line)));
        assert_eq!(tls.current().fingerprint, first);
    }
    std::fs::remove_file(&files.key).unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Malformed { .. } | TlsError::Unreadable { .. })));
}
