//! Tokens of an issuer in place of passwords (OAUTHBEARER, RFC 7628), as a client of PostgreSQL 18 sends them.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use quarry_engine::{Fetch, FetchLimits, NewTenant, Session, SessionOptions, TenantName};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};

use crate::{
    fixture::{PASSWORD, Server},
    raw::{Message, Raw, field, kinds, message, query, startup},
};

const ISSUER: &str = "https://login.example.com/";

/// An issuer with one key.
struct Issuer(Ed25519KeyPair);

impl Issuer {
    fn new() -> Issuer {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Issuer(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    fn token(&self, user: &str, audience: &str, lasts_s: i64) -> String {
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
        let claims =
            json!({ "iss": ISSUER, "aud": audience, "sub": user, "iat": now - 600, "exp": now + lasts_s });
        let header = json!({ "alg": "EdDSA", "kid": "one", "typ": "JWT" });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes())))
    }
}

struct Published(Vec<u8>);

impl Fetch for Published {
    fn get(&self, _url: &str, _limits: FetchLimits) -> Result<Vec<u8>, String> {
        Ok(self.0.clone())
    }
}

async fn trusting(issuer: &Issuer) -> Server {
    let server = Server::start().await;
    let engines = server.engines.clone();
    let new = NewTenant { admin_password: Some(PASSWORD.into()), location: None };
    let made = move || engines.create(&TenantName::try_from("acme").unwrap(), new);
    tokio::task::spawn_blocking(made).await.unwrap().unwrap();
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "one", "x": URL_SAFE_NO_PAD.encode(issuer.0.public_key()) });
    let published = Arc::new(Published(json!({ "keys": [key] }).to_string().into_bytes()));
    let of = |name: &str, tenant: Option<&str>, audience: &str| {
        let told = json!({ "name": name, "tenant": tenant, "issuer": ISSUER, "audience": [audience],
            "jwks_url": "https://login.example.com/keys" });
        serde_json::from_value(told).unwrap()
    };
    server.engine.trust_issuers(vec![of("corp", None, "quarry")], published).unwrap();
    let session: Session =
        server.engine.session(server.engine.operator().unwrap(), SessionOptions::default());
    session.add_user("li", PASSWORD, false).unwrap();
    session.grant("li", "write_all_data", None).unwrap();
    server
}

/// The mechanisms that a server offers.
async fn offered(raw: &mut Raw, user: &str, database: &str) -> Vec<String> {
    raw.send(&startup(&[("user", user), ("database", database)])).await;
    let (kind, body) = raw.next().await.unwrap();
    assert_eq!((kind, body.get(..4)), ('R', Some(&10u32.to_be_bytes()[..])), "SASL is asked for");
    let names = body[4..].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8(name.to_vec()).unwrap()).collect()
}

fn initial(first: &str) -> Vec<u8> {
    let mut body = b"OAUTHBEARER\0".to_vec();
    body.extend(u32::try_from(first.len()).unwrap().to_be_bytes());
    body.extend(first.as_bytes());
    message('p', &body)
}

/// Comes with a token; what the server says to it.
async fn come(server: &Server, user: &str, database: &str, token: &str) -> (Raw, Message) {
    let mut raw = Raw::connect(server.address).await;
    assert_eq!(offered(&mut raw, user, database).await, ["SCRAM-SHA-256", "OAUTHBEARER"]);
    raw.send(&initial(&format!("n,,\x01auth={token}\x01\x01"))).await;
    let told = raw.next().await.unwrap();
    (raw, told)
}

/// What is told to who is not let in: the challenge, then the error.
async fn refusal((mut raw, (kind, body)): (Raw, Message)) -> (Value, String, String) {
    assert_eq!((kind, body.get(..4)), ('R', Some(&11u32.to_be_bytes()[..])), "a challenge");
    let told = serde_json::from_slice(&body[4..]).unwrap();
    let mut bytes = message('p', b"\x01");
    bytes.extend(query("SELECT 1"));
    raw.send(&bytes).await;
    let rest = raw.rest().await;
    assert_eq!(kinds(&rest), "E");
    assert_eq!(field(&rest[0], b'S'), "FATAL");
    (told, field(&rest[0], b'C'), field(&rest[0], b'M'))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_in_whom_it_is_for() {
    let issuer = Issuer::new();
    let server = trusting(&issuer).await;
    let token = issuer.token("li", "quarry", 600);
    let (mut raw, (kind, body)) = come(&server, "li", "main", &format!("Bearer {token}")).await;
    assert_eq!((kind, body), ('R', 0u32.to_be_bytes().to_vec()), "at once");
    assert!(raw.until('Z').await.iter().any(|(kind, _)| *kind == 'K'));
    raw.send(&query("SELECT current_user")).await;
    let told = raw.until('Z').await;
    assert_eq!(kinds(&told), "TDCZ");
    assert!(told[1].1.ends_with(b"li"), "{told:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_else_is_refused_alike() {
    let issuer = Issuer::new();
    let server = trusting(&issuer).await;
    let good = issuer.token("li", "quarry", 600);
    let mut bytes = good.clone();
    bytes.truncate(bytes.len() - 4);
    let cases = [
        ("asks where", "li", "main", String::new()),
        ("of somebody else", "admin", "main", format!("Bearer {good}")),
        ("of nobody", "li", "main", format!("Bearer {}", issuer.token("nobody", "quarry", 600))),
        ("for somebody else", "li", "main", format!("Bearer {}", issuer.token("li", "other", 600))),
        ("over", "li", "main", format!("Bearer {}", issuer.token("li", "quarry", -300))),
        ("of another issuer", "li", "main", format!("Bearer {}", Issuer::new().token("li", "quarry", 600))),
        ("cut", "li", "main", format!("Bearer {bytes}")),
        ("no token", "li", "main", "Bearer abc".to_owned()),
        ("a password", "li", "main", format!("Basic {PASSWORD}").replace(' ', "_")),
        ("another tenant's, closed or open", "li", "acme", format!("Bearer {good}")),
        ("no tenant's", "li", "none", format!("Bearer {good}")),
    ];
    let mut of_others = Vec::new();
    for (what, user, database, token) in cases {
        let (told, code, message) = refusal(come(&server, user, database, &token).await).await;
        assert_eq!(told["status"], "invalid_token", "{what}");
        let discovery = "https://login.example.com/.well-known/openid-configuration";
        match database {
            "main" => assert_eq!(told["openid-configuration"], discovery, "{what}"),
            _ => of_others.push((told, code.clone(), message.clone())),
        }
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("28000", &*format!("OAuth bearer authentication failed for user \"{user}\"")),
            "{what}"
        );
    }
    assert_eq!(of_others[0], of_others[1], "whether there is such a tenant is told by nothing");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_of_it_ends_the_connection() {
    let issuer = Issuer::new();
    let server = trusting(&issuer).await;
    for first in [
        "",
        "n,,",
        "n,a=admin,\x01auth=Bearer x\x01\x01",
        "p=x,,\x01auth=Bearer x\x01\x01",
        "n,,\x01host=x\x01\x01",
    ] {
        let mut raw = Raw::connect(server.address).await;
        offered(&mut raw, "li", "main").await;
        raw.send(&initial(first)).await;
        let told = raw.rest().await;
        assert_eq!((kinds(&told).as_str(), field(&told[0], b'C').as_str()), ("E", "08P01"), "{first:?}");
    }
    // Passwords go on.
    server.connect().await.batch_execute("SELECT 1").await.unwrap();
    server.stop().await;
    // Where nobody is trusted, nothing is offered.
    let server = Server::start().await;
    let mut raw = Raw::connect(server.address).await;
    assert_eq!(offered(&mut raw, "admin", "main").await, ["SCRAM-SHA-256"]);
    let mut raw = Raw::connect(server.address).await;
    offered(&mut raw, "admin", "main").await;
    raw.send(&initial("n,,\x01auth=Bearer x\x01\x01")).await;
    assert_eq!(field(&raw.rest().await[0], b'C'), "08P01");
    server.stop().await;
}
