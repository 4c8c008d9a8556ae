//! What a client may not do: each test is one way that someone would try.

mod decided;
mod hierarchy;
mod meanwhile;

use std::collections::BTreeMap;

use futures::TryStreamExt;
use quarry_metadata::Bundle;
use quarry_planner::Query;

use super::*;
use crate::{Access, ErrorKind, Explained, Grantee};

const COMPANY: &str = "
sharingModel: private
fields:
  name: { type: text, required: true, unique: true }
  region: { type: select, options: [north, south] }
  secret: { type: text }
  phone: { type: phone, maskAs: phone }
  stars: { type: number, scale: 0 }
  partner_id: { type: lookup, reference: company }
  code: { type: text }
indexes:
  - { fields: [code, secret], unique: true }
";
const DEAL: &str = "
sharingModel: controlled_by_parent
fields:
  title: { type: text, required: true }
  company_id: { type: master_detail, reference: company }
  amount: { type: number, scale: 2 }
";
const DIARY: &str = "fields:\n  text: { type: text, required: true }\n";
const TRIGGER: &str = "
triggers:
  - { name: note, on: [after create], steps: [{ create: { object: diary, values: { text: '\"made\"' } } }] }
";
const ACTION: &str = "
actions:
  - { name: rise, label: Rise, steps: [{ update: { path: this, values: { stars: 'stars == null ? 1 : stars + 1' } } }] }
  - { name: sink, label: Sink, steps: [{ update: { path: this, values: { stars: '0' } } }] }
";
const REP: &str = "
objects:
  company:
    allow: [create, read, update]
    actions: [rise]
    fields: { secret: none, stars: read }
    records:
      - { name: north, allow: [read], when: 'region == \"north\"' }
      - { name: never, deny: [create, read, update], when: 'name == \"Hidden\"' }
  deal: [create, read, update, delete]
  user: [read, viewAll]
";
const EDITOR: &str = "
objects:
  company:
    allow: [read, update]
    records:
      - { name: north, allow: [read, update], when: 'region == \"north\"' }
";
const BLIND: &str = "
objects:
  company:
    allow: [read, update]
    fields: { secret: none }
    records:
      - { name: north, allow: [read, update], when: 'region == \"north\"' }
";

fn open() -> Shop {
    open_with("")
}

/// With more said of companies and their deals.
fn open_with(more: &str) -> Shop {
    let shop = Shop::open();
    let (company, deal) = (format!("{COMPANY}{more}"), format!("{DEAL}{more}"));
    let files = [
        ("package.yml", "name: sale\nversion: 1.0.0\ndepends: { core: '*' }\n"),
        ("company.object.yml", company.as_str()),
        ("company.action.yml", ACTION),
        ("deal.object.yml", deal.as_str()),
        ("deal.trigger.yml", TRIGGER),
        ("diary.object.yml", DIARY),
        ("rep.permissionset.yml", REP),
        ("editor.permissionset.yml", EDITOR),
        ("blind.permissionset.yml", BLIND),
        (
            "mover.permissionset.yml",
            "objects:\n  company: [create, read, update, delete]\n  user: [read, viewAll]\n",
        ),
        ("giver.permissionset.yml", "includes: [rep]\nobjects:\n  deal: [create, read, update, transfer]\n"),
        (
            "parts_taker.permissionset.yml",
            "objects:\n  deal: [read, viewAll, export]\n  company: [read, viewAll]\n",
        ),
        (
            "taker.permissionset.yml",
            "objects:\n  deal: [read, viewAll]\n  company: [read, viewAll, export]\n",
        ),
        ("chief.permissionset.yml", "includes: [rep]\ncapabilities: [manageUsers]\n"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let bundle = Bundle::of_files("sale", &BTreeMap::from(files)).unwrap_or_else(|issues| panic!("{issues}"));
    let id = bundle.id();
    shop.session.publish(&[bundle]).unwrap_or_else(|error| panic!("{error}"));
    shop.session.activate(&[id]).unwrap_or_else(|error| panic!("{error}"));
    shop
}

/// Someone who has these sets.
fn with(shop: &Shop, name: &str, sets: &[&str]) -> Session {
    let principal = someone(shop, name);
    for set in sets {
        shop.session.grant(name, set, None).unwrap();
    }
    shop.engine.session(shop.engine.renewed(&principal).unwrap(), SessionOptions::default())
}

async fn ask(session: &Session, question: Json) -> Result<Vec<Json>, Error> {
    let answer = session.query(&Query::parse(&question).unwrap()).await?;
    let batches: Vec<arrow::array::RecordBatch> =
        answer.batches.try_collect().await.map_err(Error::of_rows)?;
    let mut rows = Vec::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let shown = |column: &arrow::array::ArrayRef| match column.is_null(row) {
                true => Json::Null,
                false => arrow::util::display::array_value_to_string(column, row).unwrap().into(),
            };
            rows.push(batch.columns().iter().map(shown).collect());
        }
    }
    Ok(rows)
}

async fn do_(session: &Session, one: Change) -> Result<String, Error> {
    let report = session.change(vec![one], false).await?;
    Ok(report.outcomes[0].ids.first().cloned().unwrap_or_default())
}

/// What is wrong, in short.
async fn refused(session: &Session, one: Change) -> (ErrorKind, String, String) {
    let error = do_(session, one).await.unwrap_err();
    let code = error.findings.first().map_or(error.code.to_owned(), |finding| finding.code.to_string());
    (error.kind, code, error.message)
}

#[tokio::test]
async fn nobody_sees_anything_without_a_permission_set() {
    let shop = open();
    shop.create("company", json!({ "name": "A" })).await.unwrap();
    let nobody = with(&shop, "nobody", &[]);
    let error = ask(&nobody, json!({ "object": "company" })).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Missing, "OBJECT_NOT_FOUND"));
    assert_eq!(error.message, "no object \"company\"", "no hint to what is not seen");
    let (kind, code, message) = refused(&nobody, create("company", json!({ "name": "B" }))).await;
    assert_eq!((kind, code.as_str()), (ErrorKind::Missing, "OBJECT_NOT_FOUND"));
    assert_eq!(message, "there is no object \"company\"");
    let reader = with(&shop, "reader", &["read_all_data"]);
    assert_eq!(ask(&reader, json!({ "object": "company", "fields": ["name"] })).await.unwrap().len(), 1);
    let (kind, ..) = refused(&reader, create("company", json!({ "name": "B" }))).await;
    assert_eq!(kind, ErrorKind::Denied);
    let writer = with(&shop, "writer", &["write_all_data"]);
    do_(&writer, create("company", json!({ "name": "B", "secret": "x" }))).await.unwrap();
}

#[tokio::test]
async fn a_record_that_is_not_seen_is_as_one_that_is_not_there() {
    let shop = open();
    let south = shop.create("company", json!({ "name": "S", "region": "south" })).await.unwrap();
    let north = shop.create("company", json!({ "name": "N", "region": "north" })).await.unwrap();
    let rep = with(&shop, "rep", &["rep"]);
    let own = do_(&rep, create("company", json!({ "name": "O" }))).await.unwrap();
    let names =
        ask(&rep, json!({ "object": "company", "fields": ["name"], "orderBy": ["name"] })).await.unwrap();
    assert_eq!(names, [json!(["N"]), json!(["O"])]);
    for (id, wanted) in [(&south, "there is no company"), (&"com_none".to_owned(), "there is no company")] {
        for one in [
            update("company", id, json!({ "region": "north" })),
            change(
                "company",
                Operation::Act { id: id.clone(), action: "rise".into(), parameters: Record::new() },
            ),
        ] {
            let (kind, code, message) = refused(&rep, one).await;
            assert_eq!((kind, code.as_str()), (ErrorKind::Missing, "record_not_found"));
            assert!(message.contains(wanted), "{message}");
        }
    }
    // It is seen, and stays as it is.
    let (kind, code, _) = refused(&rep, update("company", &north, json!({ "region": "south" }))).await;
    assert_eq!((kind, code.as_str()), (ErrorKind::Denied, "permission_denied"));
    do_(&rep, update("company", &own, json!({ "region": "south" }))).await.unwrap();
    // Deleting is in none of the sets.
    assert_eq!(refused(&rep, delete("company", &own)).await.0, ErrorKind::Denied);
    // What matches is what is seen.
    let filter = quarry_planner::objectql::Filter::And(Vec::new());
    let all = change(
        "company",
        Operation::UpdateWhere { filter, data: record(json!({ "phone": "+49 30 1234567" })) },
    );
    assert_eq!(refused(&rep, all).await.0, ErrorKind::Denied, "N is among them");
    assert_eq!(shop.field("company", &south, "phone"), Some(Value::Null));
}

#[tokio::test]
async fn a_field_that_is_not_seen_is_as_one_that_is_not_there() {
    let shop = open();
    shop.create(
        "company",
        json!({ "name": "N", "region": "north", "secret": "s", "phone": "+49 30 123456" }),
    )
    .await
    .unwrap();
    let rep = with(&shop, "rep", &["rep"]);
    for field in ["secret", "sekret"] {
        let one = create("company", json!({ "name": "X", field: "guess" }));
        let (_, code, message) = refused(&rep, one).await;
        assert_eq!(code, "unknown_field");
        assert!(!message.contains("did you mean"), "{message}");
    }
    for question in [
        json!({ "object": "company", "fields": ["secret"] }),
        json!({ "object": "company", "where": { "secret": "s" } }),
        json!({ "object": "company", "orderBy": ["secret"] }),
        json!({ "object": "company", "groupBy": ["secret"], "aggregations": [{ "function": "count", "as": "n" }] }),
        json!({ "object": "company", "aggregations": [{ "function": "max", "field": "secret", "as": "m" }] }),
        json!({ "object": "company", "fields": [{ "formula": "secret + 'x'", "as": "f" }] }),
        json!({ "object": "company", "where": { "partner.secret": "s" } }),
    ] {
        let error = match Query::parse(&question) {
            Ok(_) => ask(&rep, question.clone()).await.unwrap_err(),
            Err(error) => Error::from(error),
        };
        assert!(matches!(error.kind, ErrorKind::Missing | ErrorKind::Invalid), "{question}: {error}");
        assert!(!error.message.contains("\"secret\"?"), "{error}");
    }
    // Masked: neither shown, nor found by, nor told in a group.
    let phones = ask(&rep, json!({ "object": "company", "fields": ["phone"] })).await.unwrap();
    assert_eq!(phones, [json!(["***3456"])]);
    let found =
        ask(&rep, json!({ "object": "company", "where": { "phone": "+49 30 123456" } })).await.unwrap();
    assert!(found.is_empty());
    // Read, and not written.
    let (_, code, _) = refused(&rep, create("company", json!({ "name": "X", "stars": 5 }))).await;
    assert_eq!(code, "readonly");
}

#[tokio::test]
async fn references_and_unique_values_tell_nothing_of_what_is_not_seen() {
    let shop = open();
    let south = shop.create("company", json!({ "name": "S", "region": "south" })).await.unwrap();
    let north =
        shop.create("company", json!({ "name": "N", "region": "north", "partner_id": south })).await.unwrap();
    let rep = with(&shop, "rep", &["rep"]);
    let wrong = |id: &str| format!("company.partner_id: there is no company {id:?}");
    for id in [south.as_str(), "com_none"] {
        let (_, code, message) =
            refused(&rep, create("company", json!({ "name": "X", "partner_id": id }))).await;
        assert_eq!((code.as_str(), message), ("reference_not_found", wrong(id)));
    }
    do_(&rep, create("company", json!({ "name": "Y", "partner_id": north }))).await.unwrap();
    let partners = ask(
        &rep,
        json!({ "object": "company", "fields": ["partner_id", "partner.name"], "where": { "name": "N" } }),
    );
    assert_eq!(partners.await.unwrap(), [json!([null, null])]);
    for filter in [json!({ "partner_id": south }), json!({ "partner.name": "S" })] {
        assert!(ask(&rep, json!({ "object": "company", "where": filter })).await.unwrap().is_empty());
    }
    let (_, code, message) = refused(&rep, create("company", json!({ "name": "S" }))).await;
    assert_eq!(code, "unique");
    assert!(!message.contains(&south), "{message}");
    let (_, _, message) = refused(&rep, create("company", json!({ "name": "N" }))).await;
    assert!(message.contains(&north), "{message}");
    // An upsert does not tell what it has found.
    let upsert = upsert("company", &["name"], json!({ "name": "S", "region": "north" }));
    let (_, code, message) = refused(&rep, upsert).await;
    assert_eq!(code, "unique");
    assert!(!message.contains(&south), "{message}");
}

#[tokio::test]
async fn nothing_is_made_or_moved_where_it_could_not_be_changed() {
    let shop = open();
    let north = shop.create("company", json!({ "name": "N", "region": "north" })).await.unwrap();
    let other = someone(&shop, "other").user_id;
    let editor = with(&shop, "editor", &["editor"]);
    do_(&editor, update("company", &north, json!({ "stars": 2 }))).await.unwrap();
    let (kind, code, _) = refused(&editor, update("company", &north, json!({ "region": "south" }))).await;
    assert_eq!((kind, code.as_str()), (ErrorKind::Denied, "permission_denied"));
    let (kind, _, message) = refused(&editor, update("company", &north, json!({ "owner": other }))).await;
    assert!(kind != ErrorKind::Denied || message.contains("owner"), "{message}");
    assert_eq!(refused(&editor, create("company", json!({ "name": "E" }))).await.0, ErrorKind::Denied);
    let rep = with(&shop, "rep", &["rep"]);
    // What is denied is denied, whoever owns it.
    let (kind, ..) = refused(&rep, create("company", json!({ "name": "Hidden" }))).await;
    assert_eq!(kind, ErrorKind::Denied);
    // A part belongs to what its whole belongs to; triggers write what the client does not see.
    let (_, code, _) = refused(&rep, create("deal", json!({ "title": "D", "company_id": north }))).await;
    assert_eq!(code, "permission_denied");
    let own = do_(&rep, create("company", json!({ "name": "O" }))).await.unwrap();
    let deal = do_(&rep, create("deal", json!({ "title": "D", "company_id": own }))).await.unwrap();
    assert_eq!(shop.rows("diary"), 1);
    assert_eq!(ask(&rep, json!({ "object": "diary" })).await.unwrap_err().kind, ErrorKind::Missing);
    assert_eq!(ask(&rep, json!({ "object": "deal", "fields": ["id"] })).await.unwrap(), [json!([deal])]);
    // Its sets add up.
    let both = with(&shop, "both", &["rep", "editor"]);
    do_(&both, update("company", &north, json!({ "phone": "+49 30 1234567" }))).await.unwrap();
    assert!(ask(&both, json!({ "object": "company", "fields": ["secret"] })).await.is_ok());
}

#[tokio::test]
async fn actions_are_done_by_those_who_may() {
    let shop = open();
    let rep = with(&shop, "rep", &["rep"]);
    let own = do_(&rep, create("company", json!({ "name": "O" }))).await.unwrap();
    let act = |action: &str| {
        change(
            "company",
            Operation::Act { id: own.clone(), action: action.into(), parameters: Record::new() },
        )
    };
    // The steps write as the system.
    do_(&rep, act("rise")).await.unwrap();
    assert_eq!(shop.field("company", &own, "stars"), Some(Value::Int(1)));
    for action in ["sink", "sing"] {
        let (kind, code, message) = refused(&rep, act(action)).await;
        assert_eq!((kind, code.as_str()), (ErrorKind::Missing, "ACTION_NOT_FOUND"));
        assert_eq!(message, format!("company has no action {action:?}"));
    }
}

#[tokio::test]
async fn a_record_is_shared_by_who_owns_it_until_it_ends() {
    let shop = open();
    let (rep, other) = (with(&shop, "rep", &["rep"]), with(&shop, "other", &["rep"]));
    let own = do_(&rep, create("company", json!({ "name": "O" }))).await.unwrap();
    let them = |session: &Session| Grantee::User(session.principal().user_id.clone());
    let seen = |session: &Session| {
        let session = session.clone();
        async move { ask(&session, json!({ "object": "company", "fields": ["name"] })).await.unwrap().len() }
    };
    assert_eq!(seen(&other).await, 0);
    let error = other.share("company", &own, &them(&other), (Access::Update, None)).unwrap_err();
    assert_eq!(
        (error.kind, error.code),
        (ErrorKind::Missing, "RECORD_NOT_FOUND"),
        "nobody takes what he does not see"
    );
    let made = rep.share("company", &own, &them(&other), (Access::Read, None)).unwrap();
    assert_eq!(seen(&other).await, 1);
    assert_eq!(
        refused(&other, update("company", &own, json!({ "region": "south" }))).await.0,
        ErrorKind::Denied
    );
    let error = other.share("company", &own, &them(&rep), (Access::Read, None)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "what was shared is not shared on");
    let again = rep
        .share("company", &own, &them(&other), (Access::Update, Some(START_MICROS + 1_000_000_000)))
        .unwrap();
    assert_eq!((&again.id, rep.shares_of("company", &own).unwrap().len()), (&made.id, 1));
    do_(&other, update("company", &own, json!({ "region": "south" }))).await.unwrap();
    rep.unshare("company", &own, &made.id).unwrap();
    assert_eq!(seen(&other).await, 0);
    // Whoever makes a record of that id anew gives nothing to those who had the old one.
    rep.share("company", &own, &them(&other), (Access::Read, None)).unwrap();
    shop.change(vec![delete("company", &own)]).await.unwrap();
    do_(&rep, create("company", json!({ "id": own, "name": "O" }))).await.unwrap();
    assert_eq!(seen(&other).await, 0);
    let past = rep.share("company", &own, &them(&other), (Access::Read, Some(1))).unwrap_err();
    assert_eq!((past.kind, past.path.as_str()), (ErrorKind::Invalid, "expires"));
    let nobody =
        rep.share("company", &own, &Grantee::User("usr_none".into()), (Access::Read, None)).unwrap_err();
    assert_eq!(nobody.kind, ErrorKind::Missing);
}

#[tokio::test]
async fn why_someone_may_is_told_to_him_and_to_who_may_know() {
    let shop = open();
    let south = shop.create("company", json!({ "name": "S", "region": "south" })).await.unwrap();
    let north = shop.create("company", json!({ "name": "N", "region": "north" })).await.unwrap();
    let rep = with(&shop, "rep", &["rep"]);
    let told = rep.explain_access("company", Some(&north), None).unwrap();
    let act = |told: &Explained, name: &str| told.acts.iter().find(|act| act.act == name).unwrap().clone();
    let read = act(&told, "read");
    assert!(read.allowed && !act(&told, "update").allowed && !act(&told, "delete").allowed);
    let said: Vec<_> = read.because.iter().map(|said| (said.layer.as_str(), said.holds)).collect();
    assert_eq!(said, [("sharing", false), ("allow north", true), ("deny never", false)]);
    assert_eq!(
        (told.masked.as_slice(), told.readonly.as_slice()),
        (&["phone".to_owned()][..], &["stars".to_owned()][..])
    );
    assert!(told.hidden.is_empty(), "he is not told what he does not see");
    assert_eq!(rep.explain_access("company", Some(&south), None).unwrap_err().kind, ErrorKind::Missing);
    assert_eq!(rep.explain_access("diary", None, None).unwrap_err().kind, ErrorKind::Missing);
    assert_eq!(rep.explain_access("company", None, Some("admin")).unwrap_err().kind, ErrorKind::Denied);
    let told = shop.session.explain_access("company", Some(&south), Some("rep")).unwrap();
    assert!(!act(&told, "read").allowed);
    assert_eq!(told.hidden, ["secret"]);
    assert!(
        shop.session
            .explain_access("company", Some(&south), None)
            .unwrap()
            .acts
            .iter()
            .all(|act| act.allowed)
    );
}

#[tokio::test]
async fn who_manages_users_gives_what_he_has_and_nothing_to_himself() {
    let shop = open();
    let chief = with(&shop, "chief", &["chief"]);
    let denied = |result: Result<(), Error>| assert_eq!(result.unwrap_err().kind, ErrorKind::Denied);
    chief.add_user("new", PASSWORD, false).unwrap();
    denied(chief.add_user("boss", PASSWORD, true).map(drop));
    chief.grant("new", "rep", None).unwrap();
    denied(chief.grant("new", "editor", None).map(drop));
    denied(chief.grant("new", "write_all_data", None).map(drop));
    denied(chief.grant("chief", "rep", None).map(drop));
    denied(chief.grant("admin", "rep", None).map(drop));
    denied(chief.revoke("chief", "chief").map(drop));
    denied(chief.set_password("new", "another password"));
    denied(chief.make_key("new", &crate::NewKey { name: "k".into(), ..Default::default() }).map(drop));
    chief.revoke("new", "rep").unwrap();
    let rep = with(&shop, "plain", &["rep"]);
    denied(rep.add_user("other", PASSWORD, false).map(drop));
    denied(rep.grant("new", "rep", None).map(drop));
}

#[tokio::test]
async fn what_is_deleted_at_once_is_judged_all_the_same() {
    let shop = open();
    let north = shop.create("company", json!({ "name": "N", "region": "north" })).await.unwrap();
    let mover = with(&shop, "mover", &["editor", "mover"]);
    let mine = json!({ "owner": mover.principal().user_id });
    // Who takes a record over in order to delete it has done neither.
    let both = vec![update("company", &north, mine), delete("company", &north)];
    let error = mover.change(both, false).await.unwrap_err();
    assert_eq!((error.kind, error.findings[0].code.as_ref()), (ErrorKind::Denied, "permission_denied"));
    assert_eq!(shop.rows("company"), 1);
}

#[tokio::test]
async fn the_record_of_a_user_is_no_way_to_become_another() {
    let shop = open();
    let writer = writer(&shop, "writer");
    let id = |name: &str| shop.engine.must_know(name).unwrap().user_id.to_string();
    for one in [
        update("user", &id("admin"), json!({ "username": "someone" })),
        update("user", &id("admin"), json!({ "active": false })),
        delete("user", &id("admin")),
    ] {
        assert_eq!(refused(&writer, one).await.0, ErrorKind::Denied);
    }
    // A record that nobody logs in by is not for who manages users to take.
    shop.create("user", json!({ "name": "The Boss", "username": "boss" })).await.unwrap();
    let chief = with(&shop, "chief", &["chief"]);
    assert_eq!(chief.add_user("boss", PASSWORD, false).unwrap_err().code, "UNIQUE_VIOLATION");
    shop.session.add_user("boss", PASSWORD, false).unwrap();
}

#[tokio::test]
async fn who_gives_a_part_away_leaves_it_where_he_may_change_it() {
    let shop = open();
    let north = shop.create("company", json!({ "name": "N", "region": "north" })).await.unwrap();
    let giver = with(&shop, "giver", &["giver"]);
    let own = do_(&giver, create("company", json!({ "name": "O" }))).await.unwrap();
    let deal = do_(&giver, create("deal", json!({ "title": "D", "company_id": own }))).await.unwrap();
    let to = shop.session.principal().user_id.clone();
    let moved = update("deal", &deal, json!({ "company_id": north, "owner": to }));
    assert_eq!(refused(&giver, moved).await.1, "permission_denied");
    do_(&giver, update("deal", &deal, json!({ "owner": to }))).await.unwrap();
}
