//! Random questions of random roles, asked at every door: ObjectQL, the REST endpoints of the family, GraphQL and SQL give the rows of a plain
//! evaluation over what the role may see, record by record; or all refuse what names something that the role does not see. And the names
//! that can be found out at each door are those that are permitted.
//!
//! `QUARRY_TEST_SEEDS` says how many questions are asked (400 otherwise), `QUARRY_TEST_SEED` where they begin; a seed alone is asked again.
//! The campaign, of about half an hour with a release build:
//! `QUARRY_TEST_SEEDS=100000 cargo nextest run --release --workspace --profile campaign -E 'test(four_doors)'`.

mod answer;
#[path = "../../../planner/tests/it/dice.rs"]
mod dice;
mod doors;
mod names;
mod question;
mod world;
mod written;

use std::{env, fs, path::Path};

use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, copy, root};
use answer::answer;
use dice::Dice;
use doors::Asker;
use question::{Kind, Question};
use world::{Seen, USERS, World};

const QUESTIONS: u64 = 400;
/// Questions asked in one world.
const WORLD_QUESTIONS: u64 = 4_000;
/// Who ask at the same time.
const WORKERS: u64 = 2;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn every_door_gives_what_the_role_may_see() {
    let alone = number("QUARRY_TEST_SEED");
    let first = alone.unwrap_or(20_261_130);
    let many = number("QUARRY_TEST_SEEDS").unwrap_or(if alone.is_some() { 1 } else { QUESTIONS });
    println!("QUARRY_TEST_SEED={first}, {many} questions");
    let (mut answered, mut refused) = (0, 0);
    let mut next = first;
    while next < first + many {
        let end = (first + many).min((next / WORLD_QUESTIONS + 1) * WORLD_QUESTIONS);
        let (some, none) = in_world(next, end);
        answered += some;
        refused += none;
        next = end;
    }
    println!("{answered} answered, {refused} refused");
    assert!(
        many < 100 || answered * 4 > many && refused * 8 > many,
        "{answered} answered, {refused} refused"
    );
}

/// Asks the questions of one world; how many were answered, and refused.
fn in_world(first: u64, end: u64) -> (u64, u64) {
    let world = World::random(first / WORLD_QUESTIONS);
    let server = start(&world);
    let counts = std::thread::scope(|scope| {
        let work = |worker: u64| {
            let (world, server) = (&world, &server);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(asked(world, server, (first..end).filter(|seed| seed % WORKERS == worker)))
            })
        };
        let workers: Vec<_> = (0..WORKERS).map(work).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a question failed, see above"))
            .collect::<Vec<_>>()
    });
    counts.into_iter().fold((0, 0), |(some, none), (more, fewer)| (some + more, none + fewer))
}

async fn asked(world: &World, server: &Server, seeds: impl Iterator<Item = u64>) -> (u64, u64) {
    let mut askers = Vec::new();
    for user in 0..USERS {
        let asker = Asker::enter(server, &format!("u{user}")).await;
        names::must_be_those_permitted(world, user, &asker).await;
        askers.push((asker, world.seen(user)));
    }
    let (mut answered, mut refused) = (0, 0);
    for seed in seeds {
        let user = usize::try_from(seed / WORKERS).unwrap() % USERS;
        let (asker, seen) = &askers[user];
        match one(world, user, (asker, seen), seed).await {
            true => answered += 1,
            false => refused += 1,
        }
    }
    (answered, refused)
}

/// Asks one question at all doors; whether it was answered.
async fn one(world: &World, user: usize, (asker, seen): (&Asker, &Seen), seed: u64) -> bool {
    let question = Question::random(&mut Dice::of(seed.wrapping_mul(0x9e37_79b9)));
    if question.searches_nothing(world, user) {
        return false;
    }
    let about = |door: &str| {
        format!("QUARRY_TEST_SEED={seed} {door}: u{user} {:?}\n{question:?}", world.sets_of(user))
    };
    let sorted = |mut rows: Vec<Vec<Option<String>>>| {
        if matches!(question.kind, Kind::Groups { .. }) {
            rows.sort();
        }
        rows
    };
    let wanted = (!question.names_unseen(world, user)).then(|| answer(seen, &question));
    let counted = wanted.as_ref().filter(|_| matches!(question.kind, Kind::List { .. }));
    let counted = counted.map(|(_, total)| u64::try_from(*total).unwrap());
    let wanted = wanted.map(|(rows, _)| sorted(rows));
    for (door, (got, count)) in [
        ("ObjectQL", asker.objectql(&question)),
        ("REST", asker.rest(&question, !seed.is_multiple_of(3))),
        ("GraphQL", asker.graphql(&question)),
    ] {
        assert_eq!(got.map(sorted), wanted, "{}", about(door));
        if counted.is_some() {
            assert_eq!(count, counted, "{}", about(door));
        }
    }
    let text = format!("{} ({} unseen)", written::sql(&question), question.unseen(world, user).join(", "));
    assert_eq!(asker.sql(&question).await.map(sorted), wanted, "{}", about(&text));
    wanted.is_some()
}

/// A server with the world's package, users and records.
fn start(world: &World) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let packages = folder.path().join("packages");
    copy(&root().join("packages/core"), &packages.join("core"));
    let trade = packages.join("trade");
    copy(&root().join("tests/it/fixtures/four_doors"), &trade);
    for (path, text) in world.files() {
        write(&trade.join(path), &text);
    }
    let server = Server::start_of(folder, &packages, &[("QUARRY_LOG", "error")]);
    let mut ids: Vec<Value> = Vec::new();
    for user in 0..USERS {
        let name = format!("u{user}");
        let (status, told) =
            server.post("/api/v1/auth/users", &json!({ "user": name, "password": PASSWORD }));
        assert_eq!(status, 201, "{told}");
        for set in world.sets_of(user) {
            let (status, told) =
                server.request("PUT", &format!("/api/v1/users/{name}/permission-sets/{set}"), None);
            assert_eq!(status, 200, "{told}");
        }
        let known =
            server.query(json!({ "object": "user", "fields": ["id"], "where": { "username": name } }));
        ids.push(known[0]["id"].clone());
    }
    let mut changes = Vec::new();
    for (object, records) in &world.records {
        for (owner, record) in records {
            let mut data = json!(record);
            data["owner"] = ids[*owner].clone();
            data.as_object_mut().unwrap().remove("rank");
            changes.push(json!({ "op": "create", "object": object, "data": data }));
        }
    }
    let (status, told) = server.post("/api/v1/changes", &json!({ "changes": changes }));
    assert_eq!(status, 200, "{told}");
    for (user, object, record) in &world.shares {
        let path = format!("/api/v1/objects/{object}/{record}/shares");
        let (status, told) = server.post(&path, &json!({ "user": ids[*user] }));
        assert_eq!(status, 201, "{told}");
    }
    server
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
