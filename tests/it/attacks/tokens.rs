//! Tokens that were never given: of no algorithm, of a key that is no secret, for someone else, of another time; and a refresh token that
//! comes a second time. All of them are refused in the same words.
//!
//! Case by case, with every algorithm: `engine/src/identity/jwt/tests.rs`, `engine/src/tests/sessions.rs`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    hmac,
    rsa::PublicKeyComponents,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};

use super::stage::{Told, send};
use crate::{
    identity::{Issuer, b64, trusting},
    server::{PASSWORD, Server, root},
};

/// An issuer with an elliptic and an RSA key, and a server that trusts it.
struct Trusted {
    issuer: Issuer,
    rsa: RsaKeyPair,
    server: Server,
}

impl Trusted {
    fn open() -> Trusted {
        let text = std::fs::read_to_string(root().join("engine/src/identity/jwt/tests/rsa.b64")).unwrap();
        let text: String = text.split_whitespace().collect();
        let rsa = RsaKeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap();
        let PublicKeyComponents::<Vec<u8>> { n, e } = rsa.public().into();
        let key =
            json!({ "kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": b64(n), "e": b64(e) });
        let issuer = Issuer::with(&[key]);
        let folder = tempfile::tempdir().unwrap();
        let settings = trusting(&issuer, folder.path());
        let more = ["--config", settings.to_str().unwrap()];
        let server = Server::start_in(folder, &root().join("packages/core"), &more);
        Trusted { issuer, rsa, server }
    }

    fn me(&self, token: &str) -> Told {
        let bearer = format!("Bearer {token}");
        send(&self.server, ("GET", "/api/v1/auth/me"), None, &[("Authorization", &bearer)])
    }

    /// Refused as any nonsense is.
    fn refuses(&self, token: &str, what: &str) {
        let (told, wanted) = (self.me(token), self.me("nonsense"));
        assert_eq!((told.status, &told.body), (401, &wanted.body), "{what}");
    }

    /// The other keys are good: what is refused is refused for what is wrong with it.
    fn takes_true_ones(&self) {
        assert_eq!(self.me(&self.issuer.token(&json!({}))).status, 200);
        let message = message(&json!({ "alg": "RS256", "kid": "rsa" }), &self.issuer.claims(&json!({})));
        let mut signature = vec![0; self.rsa.public().modulus_len()];
        let random = ring::rand::SystemRandom::new();
        self.rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
        assert_eq!(self.me(&format!("{message}.{}", b64(signature))).status, 200);
    }
}

fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", b64(header.to_string()), b64(claims.to_string()))
}

#[test]
fn of_no_algorithm() {
    let trusted = Trusted::open();
    trusted.takes_true_ones();
    let claims = trusted.issuer.claims(&json!({}));
    for algorithm in ["none", "None", "NONE", "nOnE", "", "HS256", "PS256", "ES384"] {
        for kid in [json!("one"), json!("rsa"), Value::Null] {
            let header = json!({ "alg": algorithm, "kid": kid, "typ": "JWT" });
            let message = message(&header, &claims);
            trusted.refuses(&format!("{message}."), &format!("{header}, unsigned"));
            trusted.refuses(&message, &format!("{header}, without a place for a signature"));
            trusted.refuses(&trusted.issuer.signed(&header, &claims), &format!("{header}, signed"));
        }
    }
    let unnamed = trusted.issuer.signed(&json!({ "kid": "one" }), &claims);
    trusted.refuses(&unnamed, "no algorithm is named");
}

/// A public key taken for the secret of an HMAC, in every form in which it is published.
#[test]
fn of_a_key_that_is_no_secret() {
    let trusted = Trusted::open();
    let claims = trusted.issuer.claims(&json!({}));
    let PublicKeyComponents::<Vec<u8>> { n, e } = trusted.rsa.public().into();
    let der = trusted.rsa.public().as_ref().to_vec();
    let pem = |kind: &str, der: &[u8]| {
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der)).into_bytes()
    };
    let point = trusted.issuer.public();
    let secrets = [
        pem("RSA PUBLIC KEY", &der),
        pem("PUBLIC KEY", &der),
        der,
        b64(&n).into_bytes(),
        n,
        e,
        json!({ "kty": "RSA", "kid": "rsa" }).to_string().into_bytes(),
        b64(&point).into_bytes(),
        point[1..].to_vec(),
        point,
        Vec::new(),
        b"rsa".to_vec(),
    ];
    for (at, secret) in secrets.iter().enumerate() {
        for (algorithm, name) in [
            (hmac::HMAC_SHA256, "HS256"),
            (hmac::HMAC_SHA512, "HS512"),
            (hmac::HMAC_SHA256, "RS256"),
            (hmac::HMAC_SHA256, "ES256"),
        ] {
            for kid in ["rsa", "one"] {
                let message = message(&json!({ "alg": name, "kid": kid, "typ": "JWT" }), &claims);
                let tag = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
                trusted.refuses(&format!("{message}.{}", b64(tag)), &format!("{name} {kid} secret {at}"));
            }
        }
    }
    // A key for another algorithm.
    let mixed = trusted.issuer.signed(&json!({ "alg": "RS256", "kid": "rsa" }), &claims);
    trusted.refuses(&mixed, "an elliptic signature under an RSA key");
    trusted.refuses(
        &trusted.issuer.signed(&json!({ "alg": "ES256", "kid": "rsa" }), &claims),
        "ES256 with an RSA key",
    );
    trusted.takes_true_ones();
}

#[test]
fn of_the_tokens_own_keys() {
    let trusted = Trusted::open();
    let thief = Issuer::start();
    let (x, y) = (b64(&thief.public()[1..33]), b64(&thief.public()[33..]));
    let jwk = json!({ "kty": "EC", "crv": "P-256", "kid": "one", "x": x, "y": y });
    let claims = trusted.issuer.claims(&json!({}));
    for more in [
        json!({}),
        json!({ "jwk": jwk }),
        json!({ "jku": format!("{}/keys", thief.url) }),
        json!({ "x5u": format!("{}/keys", thief.url) }),
        json!({ "crit": ["exp"] }),
        json!({ "kid": "../../keys" }),
        json!({ "kid": "one' OR '1'='1" }),
        json!({ "typ": "logout+jwt" }),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": "one" });
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        trusted.refuses(&thief.signed(&header, &claims), &format!("signed by a thief: {header}"));
    }
    let own = thief.token(&json!({}));
    trusted.refuses(&own, "of an issuer that nobody trusts");
    trusted.refuses(
        &thief.token(&json!({ "iss": trusted.issuer.url })),
        "signed by a thief in the issuer's name",
    );
}

#[test]
fn for_someone_else_or_of_another_time() {
    let trusted = Trusted::open();
    for changes in [
        json!({ "aud": "other" }),
        json!({ "aud": ["other", "quarry2"] }),
        json!({ "aud": "quarry " }),
        json!({ "aud": null }),
        json!({ "aud": [] }),
        json!({ "aud": { "quarry": true } }),
        json!({ "iss": "https://login.example.com" }),
        json!({ "iss": format!("{}/", trusted.issuer.url) }),
        json!({ "iss": null }),
        json!({ "exp": 1 }),
        json!({ "exp": null }),
        json!({ "exp": "9999999999" }),
        json!({ "exp": -1 }),
        json!({ "nbf": 9_999_999_999_u64 }),
        json!({ "iat": 9_999_999_999_u64 }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
    ] {
        trusted.refuses(&trusted.issuer.token(&changes), &changes.to_string());
    }
    trusted.takes_true_ones();
}

#[test]
fn that_were_changed_on_the_way() {
    let trusted = Trusted::open();
    let token = trusted.issuer.token(&json!({}));
    let parts: Vec<&str> = token.split('.').collect();
    let claims =
        b64(trusted.issuer.claims(&json!({ "sub": "admin", "groups": ["Administrators"] })).to_string());
    let mut bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    bytes[10] ^= 1;
    for forged in [
        format!("{}.{claims}.{}", parts[0], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], b64(&bytes)),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], b64([0; 64])),
        format!("{}.{}.{}.{}", parts[0], parts[1], parts[2], parts[2]),
        format!("{}..{}", parts[0], parts[2]),
        format!("{token}="),
        token[..token.len() - 4].to_owned(),
        "x".repeat(40_000),
    ] {
        let told = trusted.me(&forged);
        assert!([401, 431].contains(&told.status), "{forged}: {told:?}");
    }
    trusted.takes_true_ones();
}

/// Who replays a refresh token ends the session of both.
#[test]
fn that_refresh_a_second_time() {
    let server = Server::start();
    let post = |path: &str, body: &Value| send(&server, ("POST", path), Some(body), &[]);
    let login = post("/api/v1/auth/login", &json!({ "user": "admin", "password": PASSWORD })).body;
    let me = |token: &Value| {
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        send(&server, ("GET", "/api/v1/auth/me"), None, &[("Authorization", &bearer)]).status
    };
    let refresh = |token: &Value| post("/api/v1/auth/refresh", &json!({ "refreshToken": token }));
    // Tokens of one kind are none of another.
    assert_eq!((me(&login["refreshToken"]), refresh(&login["token"]).status), (401, 401));
    let next = refresh(&login["refreshToken"]);
    assert_eq!((next.status, me(&next.body["token"]), me(&login["token"])), (200, 200, 401));
    let replayed = refresh(&login["refreshToken"]);
    assert_eq!(replayed.status, 401, "{replayed:?}");
    assert_eq!((me(&next.body["token"]), refresh(&next.body["refreshToken"]).status), (401, 401));
    // Two at once: one at most goes on, and then neither.
    let login = post("/api/v1/auth/login", &json!({ "user": "admin", "password": PASSWORD })).body;
    let answers: Vec<Told> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| refresh(&login["refreshToken"]))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let good: Vec<&Told> = answers.iter().filter(|told| told.status == 200).collect();
    assert!(good.len() <= 1, "{answers:?}");
    assert!(good.iter().all(|told| me(&told.body["token"]) == 401), "{answers:?}");
}
