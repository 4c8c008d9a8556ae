//! TLS with real clients: psql, curl, drivers of Python and Node.js, and our own command.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    clients::runner,
    server::{PASSWORD, Server, root},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// An authority of the test's own, with its certificate in `ca.pem`.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Authority of a test");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Authority { issuer, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A pair for the server.
    fn issue(&self, names: &[&str]) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let cert = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path("cert.pem"), cert.pem()).unwrap();
        std::fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
    }

    fn serve(&self, more: &[&str]) -> Server {
        let (cert, key) = (self.path("cert.pem"), self.path("key.pem"));
        let mut arguments = vec!["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
        arguments.extend(more);
        Server::start_in(tempfile::tempdir().unwrap(), &root().join("packages"), &arguments)
    }
}

/// What psql says, and whether it went well.
fn psql(server: &Server, ca: &Path, host: &str, options: &str, sql: &str) -> (bool, String) {
    let port = server.pg_port;
    let to = format!(
        "host={host} hostaddr=127.0.0.1 port={port} user=admin dbname=main sslrootcert={} {options}",
        ca.display()
    );
    let output = Command::new("psql")
        .args(["-X", "-A", "-t", &to, "-c", sql])
        .env("PGPASSWORD", PASSWORD)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).trim().to_owned())
}

/// The status that curl is told.
fn curl(server: &Server, more: &[&str], url: &str) -> String {
    let resolve = format!("localhost:{}:127.0.0.1", server.http.rsplit(':').next().unwrap());
    let output = Command::new("curl")
        .args([
            "-sS",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{http_version} %{redirect_url}",
            "--resolve",
            &resolve,
        ])
        .args(more)
        .arg(url)
        .output()
        .expect("curl is there");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned()
}

#[test]
fn clients_that_check_who_the_server_is_come_in_and_others_are_kept_out() {
    let authority = Authority::new();
    authority.issue(&["localhost", "127.0.0.1"]);
    let server = authority.serve(&["--tls-required"]);
    assert!(server.url().starts_with("https://"));
    let ca = authority.path("ca.pem");
    for options in [
        "sslmode=verify-full channel_binding=require",
        "sslmode=verify-full ssl_min_protocol_version=TLSv1.3",
        "sslmode=verify-full ssl_max_protocol_version=TLSv1.2",
    ] {
        assert_eq!(psql(&server, &ca, "localhost", options, "SELECT 1 + 1"), (true, "2".into()), "{options}");
    }
    let (went_well, said) = psql(&server, &ca, "other.example", "sslmode=verify-full", "SELECT 1");
    assert!(!went_well && said.contains("does not match host name"), "{said}");
    let (went_well, said) = psql(&server, &ca, "localhost", "sslmode=disable", "SELECT 1");
    assert!(!went_well && said.contains("without encryption"), "{said}");
    let (went_well, said) = psql(
        &server,
        &ca,
        "localhost",
        "sslmode=verify-full ssl_max_protocol_version=TLSv1.1 ssl_min_protocol_version=TLSv1",
        "SELECT 1",
    );
    assert!(!went_well, "{said}");

    let port = server.http.rsplit(':').next().unwrap();
    let live = format!("https://localhost:{port}/health/live");
    let trusting = ["--cacert", ca.to_str().unwrap()];
    assert_eq!(curl(&server, &trusting, &live), "200 1.1");
    assert!(curl(&server, &[], &live).contains("certificate"), "nobody vouches for it");
    let old = [&trusting[..], &["--tls-max", "1.1"]].concat();
    assert!(!curl(&server, &old, &live).starts_with("200"));
    let plain = live.replace("https", "http");
    assert_eq!(curl(&server, &[], &plain), format!("308 1.1 {live}"));
    assert!(curl(&server, &["-u", "admin:x"], &plain).starts_with("400"));

    let question = ["sql", "SELECT count(*) AS n FROM account", "--format", "ndjson"];
    let answered = server.command(&question).env("QUARRY_CA", &ca).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&answered.stdout).trim(), "{\"n\":0}", "{answered:?}");
    let refused = server.command(&question).output().unwrap();
    assert!(!refused.status.success(), "nobody vouches for it");
}

#[test]
fn a_hangup_brings_a_new_certificate_and_a_broken_one_changes_nothing() {
    let authority = Authority::new();
    authority.issue(&["old.example"]);
    let server = authority.serve(&[]);
    let ca = authority.path("ca.pem");
    let by = |host: &str| psql(&server, &ca, host, "sslmode=verify-full", "SELECT 1").0;
    assert!(by("old.example"));
    let hang_up = || {
        let pid = server.pid().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    };
    let wait_for = |host: &str| {
        (0..200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            by(host)
        })
    };
    authority.issue(&["new.example"]);
    hang_up();
    assert!(wait_for("new.example"));
    assert!(!by("old.example"));
    std::fs::write(authority.path("key.pem"), "no key").unwrap();
    hang_up();
    // The next good one is read after the broken one: in between the old one serves.
    assert!(by("new.example"));
    authority.issue(&["last.example"]);
    hang_up();
    assert!(wait_for("last.example"));
}

#[test]
fn files_that_are_no_pair_are_told_before_anything_is_served() {
    let authority = Authority::new();
    authority.issue(&["localhost"]);
    let key = std::fs::read(authority.path("key.pem")).unwrap();
    authority.issue(&["localhost"]);
    std::fs::write(authority.path("key.pem"), key).unwrap();
    let refused = |arguments: &[&str]| {
        let data = tempfile::tempdir().unwrap();
        let output = crate::server::quarry()
            .args(["serve", "--http", "127.0.0.1:0", "--pg", "127.0.0.1:0", "--data"])
            .arg(data.path().join("data"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let (cert, key) = (authority.path("cert.pem"), authority.path("key.pem"));
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    assert!(refused(&["--tls-cert", cert, "--tls-key", key]).contains("can't be used"));
    assert!(refused(&["--tls-cert", cert]).contains("together"));
    assert!(refused(&["--tls-required"]).contains("tls_required needs"));
}

/// Drivers of Python and Node.js, each a script in `tests/clients/tls`.
#[test]
fn drivers_come_by_tls() {
    let authority = Authority::new();
    authority.issue(&["localhost", "127.0.0.1"]);
    let server = authority.serve(&["--tls-required"]);
    for script in ["drivers.py", "drivers.mjs"] {
        let script = root().join("tests/clients/tls").join(script);
        let output = runner(&script)
            .env("NODE_PATH", std::env::var("QUARRY_TEST_NODE_PATH").unwrap_or_default())
            .env("QUARRY_HTTP", server.url().replace("127.0.0.1", "localhost"))
            .env("QUARRY_CA", authority.path("ca.pem"))
            .env("NODE_EXTRA_CA_CERTS", authority.path("ca.pem"))
            .env("QUARRY_PG_PORT", server.pg_port.to_string())
            .env("QUARRY_PASSWORD", PASSWORD)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}\n{}", script.display(), String::from_utf8_lossy(&said));
    }
}
