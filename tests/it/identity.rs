//! Logging in as clients do it: sessions over a crash, keys at every door, an issuer of the test's own, and a log without secrets.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::Output,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, agent, basic};

/// A request with any credential.
fn ask(server: &Server, authorization: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", server.url()));
    if !authorization.is_empty() {
        request = request.header("Authorization", authorization);
    }
    if body.is_some() {
        request = request.header("Content-Type", "application/json");
    }
    let text = body.map(Value::to_string).unwrap_or_default();
    let response = agent().run(request.body(text).unwrap()).unwrap();
    let status = response.status().as_u16();
    let text = response.into_body().read_to_string().unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn me(server: &Server, secret: &str) -> (u16, Value) {
    ask(server, &format!("Bearer {secret}"), "GET", "/api/v1/auth/me", None)
}

fn log_in(server: &Server, user: &str, password: &str) -> Value {
    let body = json!({ "user": user, "password": password });
    let (status, told) = ask(server, "", "POST", "/api/v1/auth/login", Some(&body));
    assert_eq!(status, 200, "{told}");
    told
}

fn refresh(server: &Server, token: &Value) -> (u16, Value) {
    ask(server, "", "POST", "/api/v1/auth/refresh", Some(&json!({ "refreshToken": token })))
}

fn said(output: &Output) -> String {
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn sessions_and_keys_outlive_a_crash_and_the_command_looks_after_them() {
    let server = Server::start();
    let on = |server: &Server, arguments: &[&str]| said(&server.command(arguments).output().unwrap());
    on(&server, &["user", "add", "robot", "--service"]);
    on(&server, &["user", "grant", "robot", "read_all_data", "--until", "2100-01-01T00:00:00Z"]);
    let key =
        on(&server, &["user", "key", "add", "robot", "nightly", "--set", "read_all_data", "--read-only"]);
    let login = log_in(&server, "admin", PASSWORD);
    let server = server.crash_and_restart();
    let (status, told) = me(&server, &key);
    assert_eq!(
        (status, &told["permissionSets"], &told["readOnly"]),
        (200, &json!(["read_all_data"]), &json!(true))
    );
    assert_eq!(me(&server, text(&login["token"])).0, 200);
    let (status, next) = refresh(&server, &login["refreshToken"]);
    assert_eq!(status, 200, "{next}");
    // The replay ends the session, and stays ended over the next crash.
    assert_eq!(refresh(&server, &login["refreshToken"]).0, 401);
    let server = server.crash_and_restart();
    assert_eq!(me(&server, text(&next["token"])).0, 401);
    let id = key.rsplit_once('_').map(|_| key.split('_').take(2).collect::<Vec<_>>().join("_")).unwrap();
    assert!(on(&server, &["user", "show", "robot"]).contains("read_all_data until 2100-01-01T00:00:00Z"));
    assert!(on(&server, &["user", "key", "list", "robot"]).contains(&id));
    on(&server, &["user", "revoke", "robot", "read_all_data"]);
    assert_eq!(me(&server, &key).1["permissionSets"], json!([]));
    on(&server, &["user", "key", "revoke", "robot", &id]);
    assert_eq!(me(&server, &key).0, 401);
    log_in(&server, "admin", PASSWORD);
    // A command logs out when it is done, and leaves no session behind.
    let listed = on(&server, &["user", "sessions", "admin"]);
    assert!(listed.lines().count() <= 3, "{listed}");
    assert!(on(&server, &["user", "logout", "admin"]).starts_with("ended "));
    assert!(on(&server, &["user", "unlock", "robot"]).contains("neither"));
}

#[test]
fn the_command_does_the_same_on_a_data_folder() {
    let mut server = Server::start();
    server.terminate();
    let on = |arguments: &[&str]| said(&server.command_on_folder(arguments).output().unwrap());
    on(&["user", "add", "robot", "--service"]);
    on(&["user", "grant", "robot", "write_all_data"]);
    assert!(on(&["user", "show", "robot"]).contains("write_all_data"));
    let key = on(&["user", "key", "add", "robot", "nightly"]);
    assert!(key.starts_with("qk_"));
    assert!(on(&["user", "key", "list", "robot"]).contains("nightly"));
    on(&["user", "revoke", "robot", "write_all_data"]);
    assert!(on(&["user", "sessions", "robot"]).is_empty());
}

/// An issuer on this machine: its documents, answered for ever.
pub struct Issuer {
    pub url: String,
    pair: EcdsaKeyPair,
}

impl Issuer {
    pub fn start() -> Issuer {
        Issuer::with(&[])
    }

    /// One that publishes more keys than its own.
    pub fn with(more: &[Value]) -> Issuer {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let key =
            json!({ "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "x": b64(x), "y": b64(y) });
        let keys: Vec<&Value> = [&key].into_iter().chain(more).collect();
        let keys = json!({ "keys": keys }).to_string();
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }).to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                let body = if first.starts_with("GET /keys ") { &keys } else { &discovery };
                let length = body.len();
                let head =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        });
        Issuer { url, pair }
    }

    /// What a token of it says.
    pub fn claims(&self, changes: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims = json!({ "iss": self.url, "aud": "quarry", "sub": "li", "exp": now + 600, "groups": ["Everyone"] });
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims
    }

    pub fn token(&self, changes: &Value) -> String {
        let header = json!({ "alg": "ES256", "kid": "one", "typ": "JWT" });
        self.signed(&header, &self.claims(changes))
    }

    /// A token with any header, signed by its key.
    pub fn signed(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", b64(signature))
    }

    /// Its public key as it is published: an uncompressed point.
    pub fn public(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }
}

/// A server that takes the tokens of an issuer; its settings lie in the folder.
pub fn trusting(issuer: &Issuer, folder: &std::path::Path) -> std::path::PathBuf {
    let (settings, issuers) = (folder.join("quarry.toml"), folder.join("issuers.toml"));
    std::fs::write(&settings, format!("issuers = {:?}", issuers.to_str().unwrap())).unwrap();
    let told = format!(
        "[[issuer]]\nname = \"corp\"\nissuer = {:?}\naudience = [\"quarry\"]\nprovision = true\n\
         groups_claim = \"groups\"\npermission_sets = {{ Everyone = [\"read_all_data\"] }}\n",
        issuer.url
    );
    std::fs::write(&issuers, told).unwrap();
    settings
}

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn tokens_of_an_issuer_are_taken_and_nothing_secret_is_logged() {
    let issuer = Issuer::start();
    let folder = tempfile::tempdir().unwrap();
    let settings = trusting(&issuer, folder.path());
    let path = folder.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let more = ["--config", settings.to_str().unwrap()];
    let server = Server::start_logging(folder, log, "debug,quarry=trace", &more);

    let token = issuer.token(&json!({}));
    let (status, told) = me(&server, &token);
    assert_eq!((status, text(&told["user"]["name"]), text(&told["issuer"])), (200, "li", "corp"), "{told}");
    assert_eq!(told["permissionSets"], json!(["read_all_data"]));
    let (foreign, old) = (issuer.token(&json!({ "aud": "other" })), issuer.token(&json!({ "exp": 1 })));
    assert_eq!((me(&server, &foreign).0, me(&server, &old).0), (401, 401));

    let login = log_in(&server, "admin", PASSWORD);
    let (_, next) = refresh(&server, &login["refreshToken"]);
    let bearer = format!("Bearer {}", text(&next["token"]));
    let (_, key) = ask(&server, &bearer, "POST", "/api/v1/auth/keys", Some(&json!({ "name": "k" })));
    assert_eq!(me(&server, text(&key["key"])).0, 200);
    assert_eq!(ask(&server, &basic("admin", PASSWORD), "GET", "/api/v1/auth/me", None).0, 200);
    let wrong = "not the right password";
    assert_eq!(ask(&server, &basic("admin", wrong), "GET", "/api/v1/auth/me", None).0, 401);
    // A password typed into the field of the name.
    let slip = "mistyped-secret-of-mine";
    assert_eq!(ask(&server, &basic(slip, "x"), "GET", "/api/v1/auth/me", None).0, 401);
    assert!(server.psql_ok("SELECT 1") == "1");

    let log = std::fs::read_to_string(&path).unwrap();
    for event in [
        "logged_in",
        "login_failed",
        "session_refreshed",
        "key_made",
        "token_refused",
        "AUDIENCE_WRONG",
        "EXPIRED",
    ] {
        assert!(log.contains(event), "{event} is not in the log:\n{log}");
    }
    assert!(log.contains("127.0.0.1"));
    // 32 bytes in base64url, which may have `_` among them.
    let half = |secret: &Value| text(secret)[text(secret).len() - 43..].to_owned();
    let mut secrets = vec![PASSWORD.to_owned(), wrong.into(), slip.into(), token, foreign, old];
    secrets.extend(
        [&login["token"], &login["refreshToken"], &next["token"], &next["refreshToken"], &key["key"]]
            .map(half),
    );
    secrets.extend([basic("admin", PASSWORD), basic("admin", wrong)].map(|basic| basic[6..].to_owned()));
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
}
