//! Who there is, guessed at the door: an unknown name, a wrong password, a name without a password and a deactivated one are told the same,
//! and cost the server the same work.
//!
//! That guessing is slowed down, and locks a name in the end: `engine/src/tests/users.rs`, `protocol/http/src/tests/identity.rs`. That the
//! fake verifier of an unknown name stays the same: `engine/src/tests/users.rs`.

use serde_json::{Value, json};
use tokio_postgres::NoTls;

use super::stage::{Stage, Told, send};
use crate::server::{PASSWORD, Server, basic};

/// Failed logins of one name that cost nothing; some less than they are.
const FREE: usize = 2;
/// How often it is measured: the least counts, for whatever else the server does meanwhile only adds to it.
const ROUNDS: usize = 3;
/// Names of a round.
const NAMES: usize = 2;

fn login(server: &Server, user: &str) -> Told {
    let body = json!({ "user": user, "password": "not the right one" });
    send(server, ("POST", "/api/v1/auth/login"), Some(&body), &[])
}

/// The processor's time that the server has taken so far, in clock ticks.
fn work(server: &Server) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap().split(' ').collect();
    // utime and stime, the 14th and 15th of all, the 12th and 13th behind the name.
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// What some logins take.
fn work_of(server: &Server, names: &[String]) -> u64 {
    let before = work(server);
    for name in names {
        for _ in 0..FREE {
            assert_eq!(login(server, name).status, 401, "{name}");
        }
    }
    work(server) - before
}

#[tokio::test]
async fn by_the_work_that_it_takes() {
    let stage = Stage::open();
    let names = |kind: &str, round: usize| -> Vec<String> {
        (0..NAMES).map(|n| format!("{kind}{round}x{n}")).collect()
    };
    for name in (0..ROUNDS).flat_map(|round| names("known", round)) {
        stage.user(&name, &["clerk"]);
    }
    // What is made at a first time only is made before.
    assert_eq!(login(&stage.server, "warm").status, 401);
    let (mut known, mut unknown) = (u64::MAX, u64::MAX);
    for round in 0..ROUNDS {
        known = known.min(work_of(&stage.server, &names("known", round)));
        unknown = unknown.min(work_of(&stage.server, &names("other", round)));
    }
    // A tick is a hundredth of a second; each check takes a few.
    let least = u64::try_from(FREE * NAMES).unwrap();
    assert!(known >= least, "a password is worth its work: {known} ticks");
    assert!(
        known * 2 >= unknown && unknown * 2 >= known,
        "{known} ticks for known names, {unknown} for unknown ones"
    );
}

#[tokio::test]
async fn by_what_is_told() {
    let stage = Stage::open();
    stage.user("gone", &["clerk"]);
    let id = stage.id_of("gone");
    let (status, told) = stage.server.request(
        "PATCH",
        &format!("/api/v1/objects/user/{id}"),
        Some(&json!({ "active": false })),
    );
    assert_eq!(status, 200, "{told}");
    let robot = json!({ "user": "robot", "service": true });
    assert_eq!(stage.server.post("/api/v1/auth/users", &robot).0, 201);
    let wanted = login(&stage.server, "nobody");
    assert_eq!(wanted.status, 401);
    // Who names a tenant is told of it, whether there is one or not.
    let of_tenant = login(&stage.server, "nobody@none");
    for name in ["clerk", "admin", "robot", "gone", "CLERK", "clerk ", "", "nobody@acme"] {
        let wanted = if name.contains('@') { &of_tenant } else { &wanted };
        let told = login(&stage.server, name);
        assert_eq!(&told, wanted, "{name}");
        let told = send(
            &stage.server,
            ("GET", "/api/v1/auth/me"),
            None,
            &[("Authorization", &basic(name, "not the right one"))],
        );
        assert_eq!((told.status, &told.body), (401, &wanted.body), "{name}");
    }
    // With the right password, who is deactivated is told no more.
    let body = json!({ "user": "gone", "password": PASSWORD });
    let told = send(&stage.server, ("POST", "/api/v1/auth/login"), Some(&body), &[]);
    assert_eq!((told.status, &told.body), (401, &wanted.body), "{told:?}");
}

#[tokio::test]
async fn at_the_postgres_door() {
    let stage = Stage::open();
    let robot = json!({ "user": "robot", "service": true });
    assert_eq!(stage.server.post("/api/v1/auth/users", &robot).0, 201);
    let mut all = Vec::new();
    for name in ["nobody", "clerk", "robot"] {
        let how =
            format!("host=127.0.0.1 port={} user={name} password=wrong dbname=main", stage.server.pg_port);
        let Err(error) = tokio_postgres::connect(&how, NoTls).await else { panic!("{name} is in") };
        let told: Value = super::stage::sql_error(&error);
        all.push(told.to_string().replace(name, "it"));
    }
    assert!(all[0].contains("28P01"), "{all:?}");
    assert!(all.iter().all(|told| *told == all[0]), "{all:?}");
}

/// Whoever asks for a user, a key or a session that is not his finds out nothing of which there are.
#[tokio::test]
async fn by_what_is_asked_of_others() {
    let stage = Stage::open();
    stage.user("oskar", &["clerk"]);
    let clerk = stage.clerk().await;
    for path in ["", "/sessions", "/keys", "/permission-sets/clerk", "/lock"] {
        for method in ["GET", "PUT", "DELETE"] {
            let (known, unknown) =
                ("/api/v1/users/oskar".to_owned() + path, "/api/v1/users/nobody".to_owned() + path);
            let (told, wanted) = (clerk.http(method, &known, None), clerk.http(method, &unknown, None));
            assert!(told.is_refused(), "{method} {known}: {told:?}");
            let plain = |told: &Told, name: &str| told.body.to_string().replace(name, "it");
            assert_eq!(
                (told.status, plain(&told, "oskar")),
                (wanted.status, plain(&wanted, "nobody")),
                "{method} {known}"
            );
        }
    }
    let ask =
        |user: &str| clerk.http("GET", &format!("/api/v1/security/explain?object=company&user={user}"), None);
    let (told, wanted) = (ask("oskar"), ask("nobody"));
    assert_eq!(
        (told.status, told.body.to_string().replace("oskar", "it")),
        (wanted.status, wanted.body.to_string().replace("nobody", "it"))
    );
}
