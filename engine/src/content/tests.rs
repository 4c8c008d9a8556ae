//! Contents from their upload to what is left of them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use futures::TryStreamExt;
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    Change, EngineOptions, Input, Operation, SessionOptions, World,
    tests::{Shop, change, create, delete, record, someone, told, update},
    upkeep::verify_data,
};

const PDF: &[u8] = b"%PDF-1.7 and so on";

fn office() -> Shop {
    Shop::with("contents")
}

fn office_with(contents: ContentOptions) -> Shop {
    Shop::with_options("contents", |options| EngineOptions { contents, ..options })
}

async fn sent(session: &Session, name: &str, media_type: &str, bytes: &[u8]) -> Uploaded {
    let mut upload = session.upload(name, Some(media_type)).await.unwrap();
    for piece in bytes.chunks(300_000) {
        upload.add(piece).await.unwrap();
    }
    upload.finish().await.unwrap()
}

async fn pdf(session: &Session) -> Uploaded {
    sent(session, "a.pdf", "application/pdf", PDF).await
}

async fn read(session: &Session, id: &str, field: &str, item: Option<&str>) -> Result<Vec<u8>> {
    let download = session.download("paper", id, field, item).await?;
    let all = download.bytes(0..u64::MAX).try_collect::<Vec<_>>().await?;
    Ok(all.concat())
}

fn other(shop: &Shop, name: &str) -> Session {
    shop.engine.session(someone(shop, name), SessionOptions::default())
}

fn paper(id: &str, data: Json) -> Change {
    let mut all = json!({ "id": id, "name": id });
    all.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
    create("paper", all)
}

/// What is found in changes of someone, and its first message.
async fn found(session: &Session, changes: Vec<Change>) -> (Vec<String>, String) {
    let error = session.change(changes, false).await.unwrap_err();
    (told(&error), error.findings[0].message.clone())
}

async fn code(session: &Session, change: Change) -> String {
    let (told, _) = found(session, vec![change]).await;
    assert_eq!(told.len(), 1, "{told:?}");
    told[0].rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_sent_is_what_a_record_has() {
    let shop = office();
    let big: Vec<u8> = (0..3_000_000_u32).map(|n| (n >> 3) as u8).collect();
    let content = sent(&shop.session, "big one.bin", "application/x-big; v=1", &big).await;
    assert_eq!(content.bytes, 3_000_000);
    assert!(content.id.starts_with("upl_") && content.id.len() == 36, "{}", content.id);
    shop.change(vec![paper("p", json!({ "anything": content.id }))]).await.unwrap();
    assert_eq!(read(&shop.session, "p", "anything", None).await.unwrap(), big);
    let download = shop.session.download("paper", "p", "anything", None).await.unwrap();
    assert_eq!(download.about(), &content);
    let part = download.bytes(999_999..1_000_002).try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(part.concat(), big[999_999..1_000_002]);
    let Some(Value::Text(text)) = shop.field("paper", "p", "anything") else { panic!("no value") };
    let wanted = format!(
        r#"{{"id":"{}","name":"big one.bin","type":"application/x-big; v=1","size":3000000,"hash":"{}"}}"#,
        content.id, content.hash
    );
    assert_eq!(*text, wanted);
    let shop = shop.reopen_with("contents");
    assert_eq!(read(&shop.session, "p", "anything", None).await.unwrap(), big, "after a restart");
}

#[tokio::test]
async fn an_id_may_be_written_in_every_form() {
    let shop = office();
    let typed = |text: String| Input::Typed(Value::Text(text.into()), None);
    let list =
        |ids: &[&str]| Input::Typed(Value::TextList(ids.iter().map(|id| Key::from(*id)).collect()), None);
    for form in 0..6 {
        let (one, two) = (
            sent(&shop.session, "1.png", "image/png", b"1").await,
            sent(&shop.session, "2.png", "image/png", b"2").await,
        );
        let (id, all) = (one.id.clone(), Json::Object(one.to_json()));
        let (field, input) = match form {
            0 => ("scan", Input::Json(json!(id))),
            1 => ("scan", Input::Json(all)),
            2 => ("scan", typed(id.clone())),
            3 => ("scan", typed(json!({ "id": id }).to_string())),
            4 => ("photos", typed(json!([id, { "id": two.id, "name": null }]).to_string())),
            _ => ("photos", list(&[&id, &two.id])),
        };
        let mut data = record(json!({ "name": "n", "id": format!("p{form}") }));
        data.insert(field.to_owned(), input);
        shop.change(vec![change("paper", Operation::Create(data))]).await.unwrap();
        let item = (field == "photos").then_some(&*id);
        assert_eq!(read(&shop.session, &format!("p{form}"), field, item).await.unwrap(), b"1", "{form}");
    }
    let several = read(&shop.session, "p4", "photos", None).await.unwrap_err();
    assert_eq!(several.kind, ErrorKind::Invalid, "{several}");
    shop.change(vec![update("paper", "p4", json!({ "photos": [] }))]).await.unwrap();
    assert_eq!(shop.field("paper", "p4", "photos"), Some(Value::Null), "no content is no value");
}

#[tokio::test]
async fn nobody_gets_what_is_not_his_to_give() {
    let shop = office();
    let ann = other(&shop, "ann");
    let (mine, hers) = (pdf(&shop.session).await, pdf(&ann).await);
    let scan = |paper_id: &str, id: &str| paper(paper_id, json!({ "scan": id }));
    let (_, message) = found(&ann, vec![scan("p", &mine.id)]).await;
    let (_, unknown) = found(&ann, vec![scan("p", "upl_nothing")]).await;
    assert_eq!(message.replace(&mine.id, "…"), unknown.replace("upl_nothing", "…"), "they look the same");
    let sending = shop.session.upload("late.pdf", Some("application/pdf")).await.unwrap();
    assert_eq!(
        code(&shop.session, scan("p", &sending.id)).await,
        "content_not_found",
        "not all of it is there"
    );
    drop(sending);

    shop.change(vec![scan("p", &mine.id)]).await.unwrap();
    assert_eq!(code(&ann, scan("q", &mine.id)).await, "content_not_found", "though a record has it");
    assert_eq!(code(&shop.session, scan("q", &mine.id)).await, "content_taken");
    let (codes, _) = found(&shop.session, vec![scan("r", &mine.id), scan("s", &hers.id)]).await;
    assert_eq!(codes, ["0 paper.scan content_taken", "1 paper.scan content_not_found"]);
    let twice = pdf(&shop.session).await;
    let (codes, _) = found(&shop.session, vec![scan("r", &twice.id), scan("s", &twice.id)]).await;
    assert_eq!(codes, ["1 paper.scan content_taken"], "nor within one request");
    shop.change(vec![scan("r", &twice.id)]).await.unwrap();

    let kept = update("paper", "p", json!({ "name": "kept", "scan": { "id": mine.id, "size": PDF.len() } }));
    ann.change(vec![kept], false).await.expect("what the record has may be written back by anybody");
    ann.change(vec![update("paper", "p", json!({ "scan": hers.id }))], false).await.unwrap();
    let back = update("paper", "p", json!({ "scan": mine.id }));
    assert_eq!(code(&ann, back.clone()).await, "content_not_found", "it is in the past");
    shop.change(vec![back]).await.expect("its sender may bring it back to the record that had it");
    assert_eq!(read(&ann, "p", "scan", None).await.unwrap(), PDF);
}

#[tokio::test]
async fn two_who_want_one_content_at_once_do_not_both_get_it() {
    let shop = office();
    let content = pdf(&shop.session).await;
    let scan = |id: &str| vec![paper(id, json!({ "scan": content.id }))];
    let (mut one, mut two) = (shop.session.begin(), shop.session.begin());
    one.apply(scan("p")).await.unwrap();
    two.apply(scan("q")).await.unwrap();
    one.commit().await.unwrap();
    assert_eq!(two.commit().await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(code(&shop.session, scan("q").remove(0)).await, "content_taken");
}

/// Whichever way two records of one call would get one content: records that are written together (an object without
/// triggers), one change of many records, and changes of several kinds.
#[tokio::test]
async fn two_records_of_one_call_do_not_both_get_a_content() {
    let shop = office();
    let papers = vec![paper("p", json!({})), paper("q", json!({}))];
    shop.change(papers).await.unwrap();
    let signed =
        |id: &str, content: &str| create("contract", json!({ "id": id, "name": id, "signature": content }));
    let png = |name: &'static str| sent(&shop.session, name, "image/png", b"ink");
    let one = png("1.png").await.id;
    let (codes, _) = found(&shop.session, vec![signed("a", &one), signed("b", &one)]).await;
    assert_eq!(codes, ["1 contract.signature content_taken"], "written together");

    let filter = crate::objectql::Filter::parse(&json!({ "id": { "$in": ["p", "q"] } })).unwrap();
    let data = record(json!({ "anything": one }));
    let both = change("paper", Operation::UpdateWhere { filter, data });
    let (codes, _) = found(&shop.session, vec![both]).await;
    assert_eq!(codes, ["0 paper.anything content_taken"], "one change of two records");

    let changes = vec![update("paper", "p", json!({ "anything": one })), signed("a", &one)];
    let (codes, _) = found(&shop.session, changes).await;
    assert_eq!(codes, ["1 contract.signature content_taken"], "of two objects");
    let two = png("2.png").await.id;
    let photos = |id: &str, contents: &[&str]| update("paper", id, json!({ "photos": contents }));
    let (codes, _) = found(&shop.session, vec![photos("p", &[&one]), photos("q", &[&two, &one])]).await;
    assert_eq!(codes, ["1 paper.photos content_taken"], "in a list");

    // Nothing of what was refused took it; two fields of one record may have it both.
    let changes = vec![update("paper", "p", json!({ "anything": one, "photos": [one] })), signed("a", &two)];
    shop.change(changes).await.unwrap();
}

#[tokio::test]
async fn what_is_not_committed_takes_nothing() {
    let shop = office();
    let content = pdf(&shop.session).await;
    let scan = || vec![paper("p", json!({ "scan": content.id }))];
    shop.session.change(scan(), true).await.unwrap();
    shop.session.begin().apply(scan()).await.unwrap();
    let mut broken = scan();
    broken.push(create("paper", json!({})));
    assert_eq!(found(&shop.session, broken).await.0, ["1 paper.name required"]);
    let mut bulk = shop.session.bulk();
    assert!(bulk.add(scan()).await.unwrap().is_none(), "a load does not know what others have");
    shop.change(scan()).await.unwrap();
}

#[tokio::test]
async fn what_a_field_does_not_take_is_refused() {
    let shop = office();
    let session = &shop.session;
    for (name, media_type, size, field, wanted) in [
        ("a.txt", "text/plain", 10, "scan", "invalid_content_type"),
        ("A.PDF", "application/octet-stream", 10, "scan", ""),
        ("a", "IMAGE/PNG; x=y", 1000, "scan", ""),
        ("a.pdf", "application/pdf", 1001, "scan", "max_size"),
        ("a.png", "imagery/png", 10, "photos", "invalid_content_type"),
        ("a.mp4", "video/mp4", 0, "clip", ""),
        ("a.mp4", "audio/mp4", 10, "clip", "invalid_content_type"),
        ("a.mp3", "audio/mpeg", 10, "recording", ""),
    ] {
        let content = sent(session, name, media_type, &vec![1; size]).await;
        let id = json!(content.id);
        let value = if field == "photos" { json!([id]) } else { id };
        let done = session.change(vec![create("paper", json!({ "name": "n", field: value }))], false).await;
        let codes = done.err().map(|error| told(&error).join(",")).unwrap_or_default();
        assert!(codes.ends_with(wanted) && codes.is_empty() == wanted.is_empty(), "{name}: {codes}");
    }
    let content = sent(session, "a.png", "image/png", b"1").await;
    let full = |part: &str, value: Json| {
        let mut full = content.to_json();
        full.insert(part.to_owned(), value);
        Json::Object(full)
    };
    for (field, value, wanted) in [
        ("scan", json!(5), "invalid_shape"),
        ("scan", json!([content.id]), "invalid_shape"),
        ("scan", json!({ "name": "a.png" }), "required"),
        ("scan", json!({ "id": 7 }), "invalid_type"),
        ("scan", full("path", json!("/etc/passwd")), "unknown_field"),
        ("scan", full("name", json!("b.png")), "invalid_content"),
        ("scan", full("size", json!(2)), "invalid_content"),
        ("scan", full("hash", json!("00")), "invalid_content"),
        ("photos", json!(content.id), "invalid_shape"),
        ("photos", json!([content.id, { "id": content.id }]), "invalid_value"),
        ("photos", json!(vec![content.id.as_str(); 101]), "max_items"),
        ("portrait", json!(content.id), "readonly"),
    ] {
        let change = create("paper", json!({ "name": "n", field: value }));
        assert_eq!(code(session, change).await, wanted, "{field}: {value}");
    }
    let unsigned = create("contract", json!({ "name": "c" }));
    assert_eq!(code(session, unsigned).await, "required");
    let clip = sent(session, "a.mp4", "video/mp4", b"1").await;
    let next = sent(session, "b.mp4", "video/mp4", b"2").await;
    shop.change(vec![paper("once", json!({ "clip": clip.id }))]).await.unwrap();
    shop.change(vec![update("paper", "once", json!({ "clip": clip.id, "name": "again" }))]).await.unwrap();
    let again = update("paper", "once", json!({ "clip": next.id }));
    assert!(session.change(vec![again], false).await.is_err(), "the first stays");
}

#[tokio::test]
async fn a_trigger_gives_nothing_away() {
    let shop = office();
    let scan = sent(&shop.session, "a.png", "image/png", b"1").await;
    let handed = paper("p", json!({ "name": "hand on", "scan": scan.id }));
    let (codes, _) = found(&shop.session, vec![handed]).await;
    assert_eq!(codes, ["0 contract.signature content_taken"]);
    shop.change(vec![paper("p", json!({ "scan": scan.id }))]).await.unwrap();
    shop.change(vec![update("paper", "p", json!({ "name": "move" }))]).await.unwrap();
    assert_eq!(read(&shop.session, "p", "anything", None).await.unwrap(), b"1", "the same record has it");
}

#[tokio::test]
async fn it_is_seen_where_its_record_is_seen() {
    let shop = office();
    let content = pdf(&shop.session).await;
    shop.change(vec![paper("p", json!({ "scan": content.id })), paper("empty", json!({}))]).await.unwrap();
    let missing = async |object: &str, id: &str, field: &str, item: Option<&str>| {
        let error = shop.session.download(object, id, field, item).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Missing, "{error}");
        error.code
    };
    assert_eq!(missing("paper", "p", "scan", Some("upl_other")).await, "CONTENT_NOT_FOUND");
    assert_eq!(missing("paper", "empty", "scan", None).await, "CONTENT_NOT_FOUND");
    assert_eq!(missing("paper", "p", "name", None).await, "CONTENT_NOT_FOUND");
    assert_eq!(missing("paper", "p", "scan.id", None).await, "CONTENT_NOT_FOUND");
    assert_eq!(missing("paper", "p", "nothing", None).await, "CONTENT_NOT_FOUND");
    assert_eq!(missing("paper", "nobody", "scan", None).await, "RECORD_NOT_FOUND");
    assert_eq!(missing("papers", "p", "scan", None).await, "OBJECT_NOT_FOUND");
    assert_eq!(missing("_upload", &content.id, "name", None).await, "OBJECT_NOT_FOUND");
    shop.change(vec![delete("paper", "p")]).await.unwrap();
    assert_eq!(missing("paper", "p", "scan", None).await, "RECORD_NOT_FOUND");
    shop.change(vec![change("paper", Operation::Undelete { id: "p".to_owned() })]).await.unwrap();
    assert_eq!(read(&shop.session, "p", "scan", None).await.unwrap(), PDF);
}

/// Each look at the clock of the tests is a millisecond later.
fn pass_a_second(shop: &Shop) {
    let begun = shop.engine.world().clock.now_micros();
    while shop.engine.world().clock.now_micros() < begun + MICROS_PER_SECOND {}
}

#[tokio::test]
async fn what_no_record_gets_in_time_goes_and_nothing_else() {
    let shop = office_with(ContentOptions { waiting_seconds_max: 1, ..ContentOptions::default() });
    let (taken, left) = (pdf(&shop.session).await, pdf(&shop.session).await);
    drop(shop.session.upload("half.pdf", None).await.unwrap());
    shop.change(vec![paper("p", json!({ "scan": taken.id }))]).await.unwrap();
    assert_eq!(shop.engine.remove_uploads().unwrap(), 0, "their time is not over");
    pass_a_second(&shop);
    assert_eq!(code(&shop.session, paper("q", json!({ "scan": left.id }))).await, "content_not_found");
    assert_eq!(shop.engine.remove_uploads().unwrap(), 2);
    assert_eq!(shop.engine.remove_uploads().unwrap(), 0);
    assert!(shop.engine.store().content(&left.id).is_err(), "its bytes are gone");
    assert_eq!(shop.rows(UPLOAD), 1);
    shop.change(vec![update("paper", "p", json!({ "scan": null }))]).await.unwrap();
    shop.change(vec![delete("paper", "p")]).await.unwrap();
    shop.session.purge_all("paper").unwrap();
    pass_a_second(&shop);
    assert_eq!(shop.engine.remove_uploads().unwrap(), 0, "history speaks of it still");
    assert!(shop.engine.store().content(&taken.id).is_ok());
}

#[tokio::test]
async fn there_is_a_limit_to_everything() {
    let limits =
        ContentOptions { content_bytes_max: 10, uploads_max: 2, waiting_max: 4, ..ContentOptions::default() };
    let shop = office_with(limits);
    let mut long = shop.session.upload("long", None).await.unwrap();
    long.add(&[1; 10]).await.unwrap();
    assert_eq!(long.add(&[1]).await.unwrap_err().code, "CONTENT_TOO_LARGE");
    assert!(long.add(&[]).await.is_err(), "it can't go on");
    drop(long);
    let one = shop.session.upload("one", None).await.unwrap();
    let two = shop.session.upload("two", None).await.unwrap();
    let busy = shop.session.upload("three", None).await.err().unwrap();
    assert_eq!((busy.kind, busy.code), (ErrorKind::Limited, "UPLOADS_BUSY"));
    assert_eq!(one.finish().await.unwrap().bytes, 0);
    drop(two);
    shop.session.upload("three", None).await.unwrap();
    let waiting = shop.session.upload("four", None).await.err().unwrap();
    assert_eq!((waiting.kind, waiting.code), (ErrorKind::Limited, "LIMIT_EXCEEDED"), "{waiting}");
    other(&shop, "ann").upload("hers", None).await.expect("others have their own");
}

#[tokio::test]
async fn names_and_media_types_are_what_can_be_told_again() {
    let shop = office();
    let session = &shop.session;
    let long = "é".repeat(255);
    for name in ["a", "Ünï \"quoted\" 'single'; x=y.pdf", "测试.pdf", "..", &long] {
        let upload = session.upload(name, None).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(upload.finish().await.unwrap().name, name);
    }
    let longer = "a".repeat(256);
    for name in ["", "  ", "a\nb", "a\r\nSet-Cookie: x", "a\0b", "../a", "a\\b", "a\u{85}b", &longer] {
        let error = session.upload(name, None).await.err().unwrap();
        assert_eq!((error.kind, error.code), (ErrorKind::Invalid, "INVALID_NAME"), "{name:?}");
    }
    let plain = session.upload("a", None).await.unwrap().finish().await.unwrap();
    assert_eq!(plain.media_type, "application/octet-stream");
    for media_type in ["text/plain; charset=utf-8", "IMAGE/svg+xml", "application/vnd.a-b.c+d"] {
        session.upload("a", Some(media_type)).await.unwrap_or_else(|error| panic!("{media_type}: {error}"));
    }
    let longer = format!("a/{}", "b".repeat(126));
    for media_type in ["", "pdf", "a/", "/b", "a/b/c", "image/*", "a b/c", "a/b;\r\nx: y", "a/ü", &longer] {
        let error = session.upload("a", Some(media_type)).await.err().unwrap();
        assert_eq!((error.kind, error.code), (ErrorKind::Invalid, "INVALID_MEDIA_TYPE"), "{media_type:?}");
    }
}

#[tokio::test]
async fn damage_is_told_and_never_given() {
    let shop = office();
    let content = sent(&shop.session, "a.bin", "a/b", &[1; 400_000]).await;
    let lost = sent(&shop.session, "b.bin", "a/b", b"lost").await;
    shop.change(vec![
        paper("p", json!({ "anything": content.id })),
        paper("q", json!({ "anything": lost.id })),
    ])
    .await
    .unwrap();
    shop.engine.close().unwrap();
    let data = shop.folder.path().join("data");
    let report = verify_data(&data, &World::seeded(1, 0), &Default::default()).unwrap().remove(0).1;
    assert_eq!((report.findings.as_slice(), report.contents), ([].as_slice(), 2), "{:?}", report.notes);
    let path = |id: &str| data.join(format!("tenant/main/content/{id}.bytes"));
    let mut bytes = std::fs::read(path(&content.id)).unwrap();
    bytes[300_000] = 2;
    std::fs::write(path(&content.id), bytes).unwrap();
    std::fs::remove_file(path(&lost.id)).unwrap();
    let report = verify_data(&data, &World::seeded(1, 0), &Default::default()).unwrap().remove(0).1;
    let mut files: Vec<_> = report.findings.iter().map(|finding| finding.file.as_str()).collect();
    files.sort_unstable();
    let mut wanted = [path(&content.id).display().to_string(), path(&lost.id).display().to_string()];
    wanted.sort_unstable();
    assert_eq!(files, wanted, "{:?}", report.findings);
    let shop = shop.reopen_with("contents");
    let download = shop.session.download("paper", "p", "anything", None).await.unwrap();
    assert_eq!(download.bytes(0..100).try_collect::<Vec<_>>().await.unwrap().concat(), [1; 100]);
    let error = download.bytes(0..u64::MAX).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Internal);
    assert!(shop.session.download("paper", "q", "anything", None).await.is_err());
}
