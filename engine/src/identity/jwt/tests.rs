//! Tokens as an issuer makes them, and as attackers do. Keys are made here; the RSA key is a file, because ring makes none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod engine;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use parking_lot::Mutex;
use ring::{
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use serde_json::{Value, json};

use super::{Fetch, FetchLimits, Issuer, Issuers, Vouched};

const ISSUER: &str = "https://login.example.com/";
/// 2026-03-01T00:00:00Z.
const NOW: i64 = 1_772_323_200;
const NOW_MICROS: i64 = NOW * 1_000_000;
const MINUTE_MICROS: i64 = 60_000_000;

/// A key pair of an issuer.
enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Pair {
    fn rsa() -> Pair {
        let text: String = include_str!("tests/rsa.b64").split_whitespace().collect();
        Pair::Rsa(RsaKeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap())
    }

    fn ec() -> Pair {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Pair::Ec(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap())
    }

    fn ed() -> Pair {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Pair::Ed(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    fn jwk(&self, id: &str) -> Value {
        match self {
            Pair::Rsa(pair) => {
                let PublicKeyComponents::<Vec<u8>> { n, e } = pair.public().into();
                json!({ "kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": b64(n), "e": b64(e) })
            }
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": b64(x), "y": b64(y) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": b64(pair.public_key()) })
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    fn token(&self, id: &str, claims: &Value) -> String {
        self.token_with(&json!({ "alg": self.algorithm(), "kid": id, "typ": "JWT" }), claims)
    }

    fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature = b64(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": ["other", "quarry"], "sub": "li", "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 600 })
}

fn with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

/// What an issuer publishes, and how often it was asked.
#[derive(Default)]
struct Published {
    keys: Mutex<Vec<Value>>,
    asked: AtomicUsize,
    is_down: Mutex<bool>,
    document: Mutex<Option<Vec<u8>>>,
}

impl Fetch for Published {
    fn get(&self, url: &str, limits: FetchLimits) -> Result<Vec<u8>, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert!(limits.bytes_max <= 1 << 20 && limits.timeout.as_secs() <= 30);
        if *self.is_down.lock() {
            return Err("refused".into());
        }
        if let Some(document) = self.document.lock().clone() {
            return Ok(document);
        }
        let document = match url {
            "https://login.example.com/.well-known/openid-configuration" => {
                json!({ "issuer": ISSUER, "jwks_uri": "https://login.example.com/keys" })
            }
            "https://login.example.com/keys" => json!({ "keys": *self.keys.lock() }),
            other => return Err(format!("nothing at {other}")),
        };
        Ok(document.to_string().into_bytes())
    }
}

impl Published {
    fn of(keys: Vec<Value>) -> Arc<Published> {
        Arc::new(Published { keys: Mutex::new(keys), ..Published::default() })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn issuer() -> Issuer {
    let told = json!({ "name": "corp", "issuer": ISSUER, "audience": ["quarry"] });
    serde_json::from_value(told).unwrap()
}

fn trusted(issuer: Issuer, published: &Arc<Published>) -> Issuers {
    let fetch: Arc<dyn Fetch> = published.clone();
    Issuers::new(vec![issuer], &fetch).unwrap()
}

fn prove(issuers: &Issuers, token: &str) -> Result<Vouched, &'static str> {
    prove_at(issuers, token, NOW_MICROS)
}

fn prove_at(issuers: &Issuers, token: &str, now_micros: i64) -> Result<Vouched, &'static str> {
    issuers.prove(token, now_micros).map_err(|(reason, _)| reason)
}

#[test]
fn each_algorithm_proves_and_a_changed_byte_does_not() {
    for pair in [Pair::rsa(), Pair::ec(), Pair::ed()] {
        let published = Published::of(vec![Pair::ec().jwk("other"), pair.jwk("one")]);
        let issuers = trusted(issuer(), &published);
        let token = pair.token("one", &claims());
        let vouched = prove(&issuers, &token).unwrap();
        assert_eq!((vouched.user_name.as_str(), &*vouched.issuer), ("li", "corp"));
        let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let other = b64(with(json!({ "sub": "admin" })).to_string());
        assert_eq!(prove(&issuers, &format!("{header}.{other}.{signature}")), Err("SIGNATURE_WRONG"));
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[7] ^= 1;
        assert_eq!(prove(&issuers, &format!("{header}.{payload}.{}", b64(&bytes))), Err("SIGNATURE_WRONG"));
        assert_eq!(prove(&issuers, &format!("{header}.{payload}.")), Err("SIGNATURE_WRONG"));
        assert!(prove(&issuers, &format!("{header}.{payload}")).is_err());
        assert!(prove(&issuers, &format!("{token}.{signature}")).is_err());
        assert_eq!(prove(&issuers, &pair.token("two", &claims())), Err("KEY_UNKNOWN"));
    }
}

#[test]
fn an_algorithm_that_is_none_or_not_allowed_is_refused() {
    let (rsa, ec) = (Pair::rsa(), Pair::ec());
    let published = Published::of(vec![rsa.jwk("rsa"), ec.jwk("ec")]);
    let issuers = trusted(issuer(), &published);
    let payload = b64(claims().to_string());
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = b64(json!({ "alg": alg, "typ": "JWT", "kid": "rsa" }).to_string());
        for signature in ["", "AAAA"] {
            let refused = prove(&issuers, &format!("{header}.{payload}.{signature}"));
            assert_eq!(refused, Err("TOKEN_MALFORMED"), "{alg}");
        }
    }
    let header = b64(json!({ "typ": "JWT", "kid": "rsa" }).to_string());
    assert!(prove(&issuers, &format!("{header}.{payload}.")).is_err());
    let only_rsa = Issuer { algorithms: vec![super::Algorithm::Rs256], ..issuer() };
    let issuers = trusted(only_rsa, &published);
    prove(&issuers, &rsa.token("rsa", &claims())).unwrap();
    assert_eq!(prove(&issuers, &ec.token("ec", &claims())), Err("ALGORITHM_REFUSED"));
}

#[test]
fn a_public_key_is_no_secret() {
    use hmac::{Hmac, Mac};
    let pair = Pair::rsa();
    let Pair::Rsa(key) = &pair else { panic!() };
    let published = Published::of(vec![pair.jwk("one")]);
    let issuers = trusted(issuer(), &published);
    let PublicKeyComponents::<Vec<u8>> { n, .. } = key.public().into();
    let jwk = pair.jwk("one").to_string().into_bytes();
    for secret in [key.public().as_ref().to_vec(), n, jwk] {
        let header = json!({ "alg": "HS256", "kid": "one" });
        let message = format!("{}.{}", b64(header.to_string()), b64(claims().to_string()));
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&secret).unwrap();
        mac.update(message.as_bytes());
        let token = format!("{message}.{}", b64(mac.finalize().into_bytes()));
        assert_eq!(prove(&issuers, &token), Err("ALGORITHM_REFUSED"));
    }
    // Nor does a token choose another algorithm for a key than the key's own.
    for alg in ["ES256", "EdDSA", "PS256", "RS512"] {
        let token = pair.token_with(&json!({ "alg": alg, "kid": "one" }), &claims());
        assert!(prove(&issuers, &token).is_err(), "{alg}");
    }
}

#[test]
fn symmetric_short_and_foreign_keys_are_never_used() {
    let ec = Pair::ec();
    let Pair::Rsa(rsa) = &Pair::rsa() else { panic!() };
    let PublicKeyComponents::<Vec<u8>> { n, e } = rsa.public().into();
    let keys = vec![
        json!({ "kty": "oct", "kid": "one", "k": b64("a secret that everyone may read"), "alg": "HS256" }),
        json!({ "kty": "RSA", "kid": "one", "n": b64(&n[..128]), "e": b64(&e) }),
        json!({ "kty": "RSA", "kid": "one", "n": b64(&n), "e": b64(&e), "use": "enc" }),
        json!({ "kty": "RSA", "kid": "one", "n": b64(&n), "e": b64(&e), "alg": "RS512" }),
        json!({ "kty": "RSA", "kid": "one", "n": b64(&n), "e": b64(&e), "key_ops": ["encrypt"] }),
        json!({ "kty": "EC", "crv": "P-384", "kid": "one", "x": b64([1; 48]), "y": b64([1; 48]) }),
        json!({ "kty": "EC", "crv": "P-256", "kid": "one" }),
        json!({ "kty": "unheard-of", "kid": "one", "nbf": 1_700_000_000 }),
        json!(7),
    ];
    let published = Published::of(keys);
    let issuers = trusted(issuer(), &published);
    assert_eq!(prove(&issuers, &Pair::rsa().token("one", &claims())), Err("KEY_UNKNOWN"));
    assert_eq!(prove(&issuers, &ec.token("one", &claims())), Err("KEY_UNKNOWN"));
}

#[test]
fn tokens_for_others_from_others_and_of_other_times_are_refused() {
    let pair = Pair::ec();
    let published = Published::of(vec![pair.jwk("one")]);
    let issuers = trusted(issuer(), &published);
    let refused = |changes: Value| prove(&issuers, &pair.token("one", &with(changes))).unwrap_err();
    assert_eq!(refused(json!({ "aud": "other" })), "AUDIENCE_WRONG");
    assert_eq!(refused(json!({ "aud": ["quarry2", "Quarry"] })), "AUDIENCE_WRONG");
    assert_eq!(refused(json!({ "aud": null })), "CLAIM_MISSING");
    assert_eq!(refused(json!({ "aud": [] })), "AUDIENCE_WRONG");
    for iss in ["https://login.example.com", "https://evil.example.com/", "https://login.example.com/x", ""] {
        assert_eq!(refused(json!({ "iss": iss })), "ISSUER_UNKNOWN");
    }
    assert_eq!(refused(json!({ "iss": null })), "ISSUER_UNKNOWN");
    assert!(["TOKEN_MALFORMED", "ISSUER_UNKNOWN"].contains(&refused(json!({ "iss": [ISSUER] }))));
    assert_eq!(refused(json!({ "exp": NOW - 61 })), "EXPIRED");
    assert_eq!(refused(json!({ "exp": null })), "CLAIM_MISSING");
    assert_eq!(refused(json!({ "nbf": NOW + 61 })), "NOT_YET_VALID");
    assert_eq!(refused(json!({ "iat": NOW + 61 })), "NOT_YET_VALID");
    // Times that are no numbers are no times.
    for claim in ["exp", "nbf", "iat"] {
        for value in [json!("2030"), json!(true), json!([NOW]), json!(1e300), json!(-0.5)] {
            assert_eq!(refused(json!({ claim: value })), "TOKEN_MALFORMED", "{claim}");
        }
    }
    // Clocks may be a minute apart.
    let taken = |changes: Value| prove(&issuers, &pair.token("one", &with(changes))).unwrap();
    taken(json!({ "exp": NOW - 59, "nbf": NOW + 59 }));
    assert_eq!(taken(json!({ "exp": NOW as f64 + 0.5 })).until_micros, NOW_MICROS + 500_000 + MINUTE_MICROS);
    // However long it says that it lasts.
    assert_eq!(taken(json!({ "exp": NOW * 2 })).until_micros, NOW_MICROS + 24 * 60 * MINUTE_MICROS);
}

#[test]
fn headers_that_play_tricks_are_refused() {
    let (pair, evil) = (Pair::ec(), Pair::ec());
    let published = Published::of(vec![pair.jwk("one")]);
    let issuers = trusted(issuer(), &published);
    prove(&issuers, &pair.token("one", &claims())).unwrap();
    let asked = published.asked();
    for id in [
        "../../../../dev/null",
        "/etc/passwd",
        "one' OR '1'='1",
        "https://evil.example.com/keys",
        "one\0",
        "",
        "ONE",
    ] {
        assert_eq!(prove(&issuers, &evil.token(id, &claims())), Err("KEY_UNKNOWN"), "{id}");
    }
    assert_eq!(prove(&issuers, &evil.token(&"x".repeat(300), &claims())), Err("KEY_UNKNOWN"));
    // Keys that the token brings, or says where to get, are not looked at.
    for more in [
        json!({ "jwk": evil.jwk("one") }),
        json!({ "jku": "https://evil.example.com/keys" }),
        json!({ "x5u": "https://evil.example.com/certificate" }),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": "one" });
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(prove(&issuers, &evil.token_with(&header, &claims())), Err("SIGNATURE_WRONG"), "{more}");
    }
    assert_eq!(published.asked(), asked);
    let header = json!({ "alg": "ES256", "kid": "one", "crit": ["b64"], "b64": false });
    assert_eq!(prove(&issuers, &pair.token_with(&header, &claims())), Err("CRITICAL_HEADER"));
    let header = json!({ "alg": "ES256", "kid": "one", "typ": "logout+jwt" });
    assert_eq!(prove(&issuers, &pair.token_with(&header, &claims())), Err("TYPE_REFUSED"));
    let large = pair.token("one", &with(json!({ "junk": "x".repeat(20_000) })));
    assert_eq!(prove(&issuers, &large), Err("TOKEN_TOO_LARGE"));
    for text in ["..", "a.b.c", "e30.e30.e30", "\u{1F511}..", "eyJ.."] {
        assert!(prove(&issuers, text).is_err(), "{text}");
    }
}

#[test]
fn a_token_without_a_key_id_means_the_only_key() {
    let pair = Pair::ec();
    let published = Published::of(vec![pair.jwk("one"), Pair::ed().jwk("two")]);
    let token = pair.token_with(&json!({ "alg": "ES256" }), &claims());
    prove(&trusted(issuer(), &published), &token).unwrap();
    published.keys.lock().push(Pair::ec().jwk("three"));
    assert_eq!(prove(&trusted(issuer(), &published), &token), Err("KEY_UNKNOWN"));
}

#[test]
fn keys_are_fetched_once_and_again_when_the_issuer_changes_them() {
    let (old, new) = (Pair::ec(), Pair::ec());
    let published = Published::of(vec![old.jwk("old")]);
    let issuers = trusted(issuer(), &published);
    let at = |minutes: i64| NOW_MICROS + minutes * MINUTE_MICROS;
    let long = with(json!({ "exp": NOW + 100_000 }));
    for _ in 0..5 {
        prove(&issuers, &old.token("old", &long)).unwrap();
    }
    // Discovery and keys.
    assert_eq!(published.asked(), 2);
    *published.keys.lock() = vec![new.jwk("new")];
    // A key that nobody knows makes us ask once a minute, however many tokens name it.
    for _ in 0..50 {
        assert_eq!(prove_at(&issuers, &new.token("new", &long), at(0) + 1), Err("KEY_UNKNOWN"));
    }
    assert_eq!(published.asked(), 2);
    prove_at(&issuers, &new.token("new", &long), at(1)).unwrap();
    assert_eq!(published.asked(), 4);
    // What the issuer took back is not taken any more.
    assert_eq!(prove_at(&issuers, &old.token("old", &long), at(1)), Err("KEY_UNKNOWN"));
    // Known keys are looked at again after an hour; while the issuer is away they hold for a day.
    *published.is_down.lock() = true;
    prove_at(&issuers, &new.token("new", &long), at(59)).unwrap();
    assert_eq!(published.asked(), 4);
    prove_at(&issuers, &new.token("new", &long), at(62)).unwrap();
    assert_eq!(published.asked(), 5);
    prove_at(&issuers, &new.token("new", &long), at(20 * 60)).unwrap();
    assert_eq!(prove_at(&issuers, &new.token("new", &long), at(25 * 60)), Err("KEYS_UNAVAILABLE"));
}

#[test]
fn answers_that_are_no_keys_are_no_keys() {
    let pair = Pair::ec();
    let published = Published::of(Vec::new());
    let token = pair.token("one", &claims());
    let many: Vec<Value> = (0..101).map(|_| pair.jwk("one")).collect();
    let documents = [
        b"<html>".to_vec(),
        b"{}".to_vec(),
        vec![b' '; 300_000],
        json!({ "issuer": "https://evil.example.com/", "jwks_uri": "https://login.example.com/keys" })
            .to_string()
            .into_bytes(),
        json!({ "issuer": ISSUER, "jwks_uri": "http://login.example.com/keys" }).to_string().into_bytes(),
        json!({ "issuer": ISSUER, "jwks_uri": "file:///etc/passwd" }).to_string().into_bytes(),
    ];
    for document in documents {
        *published.document.lock() = Some(document);
        assert_eq!(prove(&trusted(issuer(), &published), &token), Err("KEYS_UNAVAILABLE"));
    }
    *published.document.lock() = Some(json!({ "keys": many }).to_string().into_bytes());
    let direct = Issuer { jwks_url: Some("https://login.example.com/keys".into()), ..issuer() };
    assert_eq!(prove(&trusted(direct, &published), &token), Err("KEYS_UNAVAILABLE"));
}

#[test]
fn claims_become_a_name_and_permission_sets() {
    let pair = Pair::ec();
    let published = Published::of(vec![pair.jwk("one")]);
    let told = |changes: Value| {
        let mut told = json!({ "name": "corp", "issuer": ISSUER, "audience": ["quarry"] });
        told.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value::<Issuer>(told).unwrap()
    };
    let issuers = trusted(told(json!({ "user_claim": "email" })), &published);
    let by_mail = |changes: Value| prove(&issuers, &pair.token("one", &with(changes))).map(|v| v.user_name);
    assert_eq!(by_mail(json!({ "email": "li@example.com" })), Err("EMAIL_NOT_VERIFIED"));
    assert_eq!(
        by_mail(json!({ "email": "li@example.com", "email_verified": "true" })),
        Err("EMAIL_NOT_VERIFIED")
    );
    assert_eq!(
        by_mail(json!({ "email": "li@example.com", "email_verified": true })),
        Ok("li@example.com".into())
    );
    assert_eq!(by_mail(json!({})), Err("CLAIM_MISSING"));
    let issuers = trusted(issuer(), &published);
    for sub in [
        json!(""),
        json!(" "),
        json!("a\nb"),
        json!("x".repeat(300)),
        json!("qk_01"),
        json!(7),
        json!(["li"]),
    ] {
        assert!(prove(&issuers, &pair.token("one", &with(json!({ "sub": sub })))).is_err(), "{sub}");
    }
    let mapped = told(json!({
        "groups_claim": "realm_access.roles",
        "permission_sets": { "Sales": ["sales_user", "reports"], "Boss": ["reports"] },
    }));
    let issuers = trusted(mapped, &published);
    let sets = |roles: Value| {
        let token = pair.token("one", &with(json!({ "realm_access": { "roles": roles } })));
        let sets = prove(&issuers, &token).unwrap().permission_sets;
        sets.iter().map(|set| set.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(sets(json!(["Boss", "Sales", "write_all_data", 7])), ["reports", "sales_user"]);
    assert_eq!(sets(json!("Boss Other")), ["reports"]);
    assert!(sets(json!({ "Boss": true })).is_empty());
}

#[test]
fn an_issuer_that_is_configured_badly_is_refused() {
    let fetch: Arc<dyn Fetch> = Published::of(Vec::new());
    let refused = |issuer: Issuer| Issuers::new(vec![issuer], &fetch).err().unwrap().to_string();
    assert!(refused(Issuer { audience: vec![], ..issuer() }).contains("audience"));
    assert!(refused(Issuer { algorithms: vec![], ..issuer() }).contains("algorithms"));
    assert!(refused(Issuer { clock_skew_seconds: 301, ..issuer() }).contains("clock_skew_seconds"));
    for url in [
        "http://login.example.com/",
        "http://127.0.0.1.evil.example.com/",
        "http://localhost:80@evil.example.com/",
        "ftp://x",
    ] {
        assert!(refused(Issuer { issuer: url.into(), ..issuer() }).contains("https"), "{url}");
        assert!(refused(Issuer { jwks_url: Some(url.into()), ..issuer() }).contains("https"), "{url}");
    }
    assert!(Issuers::new(vec![issuer(), issuer()], &fetch).is_err());
    let unknown = json!({ "name": "corp", "issuer": ISSUER, "audience": ["quarry"], "algorithm": "none" });
    assert!(serde_json::from_value::<Issuer>(unknown).is_err());
    let hmac = json!({ "name": "corp", "issuer": ISSUER, "audience": ["quarry"], "algorithms": ["HS256"] });
    assert!(serde_json::from_value::<Issuer>(hmac).is_err());
}
