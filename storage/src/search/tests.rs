//! Full-text search as its callers meet it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arrow::{array::AsArray, datatypes::Float32Type};

use crate::{
    Error, Result, ScanRequest, Snapshot, TextHits, TextQuery, TextSyntax, WriteSet,
    tests::support::{account, all, change, column, contact, delete, insert, name, open, update},
};

fn search(snapshot: &Snapshot, text: &str, syntax: TextSyntax) -> Result<TextHits> {
    let query = TextQuery { columns: vec![], text: text.into(), syntax };
    snapshot.table("account").unwrap().search(&query)
}

/// Keys and scores, best first.
fn ranked(snapshot: &Snapshot, text: &str, syntax: TextSyntax) -> Vec<(String, f32)> {
    let hits = Arc::new(search(snapshot, text, syntax).unwrap());
    let request = ScanRequest { projection: Some(vec![0]), hits: Some(hits), ..ScanRequest::default() };
    let mut found = Vec::new();
    for batch in snapshot.table("account").unwrap().scan(request).unwrap().into_iter().flatten() {
        let batch = batch.unwrap();
        let scores = batch.column_by_name("_score").unwrap().as_primitive::<Float32Type>().clone();
        let keys = batch.column(0).as_string_view();
        found.extend((0..batch.num_rows()).map(|at| (keys.value(at).to_string(), scores.value(at))));
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    found
}

fn keys(snapshot: &Snapshot, text: &str, syntax: TextSyntax) -> Vec<String> {
    let mut keys: Vec<_> = ranked(snapshot, text, syntax).into_iter().map(|(key, _)| key).collect();
    keys.sort();
    keys
}

#[test]
fn a_hit_is_found_in_the_next_snapshot_before_and_after_a_fold() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for round in 0..3 {
        let key = format!("k{round}");
        insert(&store, "account", vec![account(&key, "Grüße an Acme", "", 0)]).unwrap();
        let snapshot = store.snapshot();
        assert_eq!(
            keys(&snapshot, "gruße ACME", TextSyntax::Words),
            (0..=round).map(|n| format!("k{n}")).collect::<Vec<_>>()
        );
        if round == 1 {
            store.fold().unwrap();
        }
    }
    let before = store.snapshot();
    update(&store, "account", account("k0", "Bolt", "", 0)).unwrap();
    delete(&store, "account", "k2").unwrap();
    assert_eq!(keys(&store.snapshot(), "acme", TextSyntax::Words), ["k1"]);
    assert_eq!(keys(&store.snapshot(), "bolt", TextSyntax::Words), ["k0"]);
    store.fold().unwrap();
    assert_eq!(keys(&store.snapshot(), "acme", TextSyntax::Words), ["k1"]);
    assert_eq!(keys(&store.snapshot(), "bolt", TextSyntax::Words), ["k0"]);
    assert_eq!(keys(&before, "acme", TextSyntax::Words), ["k0", "k1", "k2"]);
}

#[test]
fn ranks_do_not_depend_on_what_is_folded() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let names = ["red fox", "red red dog", "a lazy red dog sleeps", "blue dog", "green", "red"];
    let row = |at: usize| account(&format!("k{at}"), names[at], "", 0);
    for at in 0..3 {
        insert(&store, "account", vec![row(at)]).unwrap();
    }
    store.fold().unwrap();
    insert(&store, "account", (3..6).map(row).collect()).unwrap();
    let mixed = ranked(&store.snapshot(), "red dog", TextSyntax::Expression);
    store.fold().unwrap();
    let folded = ranked(&store.snapshot(), "red dog", TextSyntax::Expression);
    assert_eq!(mixed.len(), 5);
    assert_eq!(mixed, folded);
    assert_eq!(mixed[0].0, "k1");
}

#[test]
fn own_writes_are_searched() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "old words", "", 0), account("b", "old words", "", 0)])
        .unwrap();
    for _ in 0..2 {
        let mut writes = WriteSet::new(store.snapshot().csn());
        let table = name("account");
        writes.update(&table, account("a", "old words", "", 0), account("a", "new words", "", 0)).unwrap();
        writes.delete(&table, account("b", "old words", "", 0)).unwrap();
        writes.insert(&table, account("c", "old times", "", 0)).unwrap();
        let own = store.snapshot().with_writes(&writes);
        assert_eq!(keys(&own, "old", TextSyntax::Words), ["c"]);
        assert_eq!(keys(&own, "words", TextSyntax::Words), ["a"]);
        store.fold().unwrap();
    }
}

#[test]
fn expressions_mean_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = [("a", "data platform"), ("b", "platform for data"), ("c", "database"), ("d", "unrelated")];
    insert(&store, "account", rows.map(|(key, text)| account(key, text, "", 0)).into()).unwrap();
    let cases: [(&str, &[&str]); 13] = [
        ("data", &["a", "b"]),
        ("data database", &["a", "b", "c"]),
        ("+data +for", &["b"]),
        ("\"data platform\"", &["a"]),
        ("data*", &["a", "b", "c"]),
        ("\"platform fo\"*", &["b"]),
        ("dota~1", &["a", "b"]),
        ("\"platform data\"~1", &["b"]),
        ("platform -for", &["a"]),
        ("-platform", &["c", "d"]),
        ("name:database", &["c"]),
        ("data AND (for OR unrelated)", &["b"]),
        ("*", &["a", "b", "c", "d"]),
    ];
    for _ in 0..2 {
        for (text, wanted) in cases {
            assert_eq!(keys(&store.snapshot(), text, TextSyntax::Expression), wanted, "{text}");
        }
        store.fold().unwrap();
    }
}

#[test]
fn a_begun_phrase_finds_all_words_that_begin_so_whatever_is_folded() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let row = |at: usize| account(&format!("k{at:03}"), &format!("so the w{at:03} goes the way"), "", 0);
    insert(&store, "account", (0..150).map(row).collect()).unwrap();
    insert(&store, "account", vec![account("x", "the so w001", "", 0), account("y", "so the x", "", 0)])
        .unwrap();
    let wanted: Vec<_> = (0..150).map(|at| format!("k{at:03}")).collect();
    for _ in 0..3 {
        let snapshot = store.snapshot();
        assert_eq!(keys(&snapshot, "\"so the w\"*", TextSyntax::Expression), wanted);
        assert_eq!(keys(&snapshot, "\"goes the w\"*", TextSyntax::Expression), wanted);
        assert_eq!(keys(&snapshot, "\"so the w14\"*", TextSyntax::Expression), wanted[140..]);
        assert_eq!(keys(&snapshot, "\"so the w14\"* AND way -w141", TextSyntax::Expression).len(), 9);
        assert_eq!(keys(&snapshot, "\"never the w\"*", TextSyntax::Expression), Vec::<String>::new());
        store.fold().unwrap();
        insert(&store, "account", vec![account("z", "so the", "", 0)]).ok();
    }
}

#[test]
fn writing_without_blanks_is_found_by_any_run_of_its_characters() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = [("a", "東京都庁の電話"), ("b", "京都の東"), ("c", "한국어 문서"), ("d", "Quarry東京")];
    insert(&store, "account", rows.map(|(key, text)| account(key, text, "", 0)).into()).unwrap();
    let cases: [(&str, TextSyntax, &[&str]); 8] = [
        ("東京", TextSyntax::Words, &["a", "d"]),
        ("京都", TextSyntax::Words, &["a", "b"]),
        ("都 東", TextSyntax::Words, &["a", "b"]),
        ("quarry東", TextSyntax::Words, &["d"]),
        ("한국", TextSyntax::Words, &["c"]),
        ("電話 -京都", TextSyntax::Expression, &[]),
        ("東京*", TextSyntax::Expression, &["a", "d"]),
        ("京", TextSyntax::Expression, &["a", "b", "d"]),
    ];
    for _ in 0..2 {
        for (text, syntax, wanted) in cases {
            assert_eq!(keys(&store.snapshot(), text, syntax), wanted, "{text}");
        }
        store.fold().unwrap();
    }
}

#[test]
fn mistakes_in_an_expression_are_told_and_words_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "data (platform", "", 0)]).unwrap();
    let snapshot = store.snapshot();
    let nested = "(".repeat(1_000);
    let mistakes = [
        "(data",
        "name:",
        "code:x",
        "nme:x",
        "\"\"",
        "rank:[1 TO 5]",
        "/da.*/",
        "data~9",
        "",
        &nested,
        "name: IN [a b]",
        "NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT a",
    ];
    for text in mistakes {
        let error = search(&snapshot, text, TextSyntax::Expression).map(|_| ()).expect_err(text);
        assert!(matches!(error, Error::Invalid(_) | Error::Limited { .. }), "{text}: {error}");
        search(&snapshot, text, TextSyntax::Words).unwrap();
    }
    assert_eq!(keys(&snapshot, "data (platform", TextSyntax::Words), ["a"]);
    assert_eq!(keys(&snapshot, "&", TextSyntax::Words), Vec::<String>::new());
    let query = TextQuery { columns: vec!["code".into()], text: "x".into(), syntax: TextSyntax::Words };
    assert!(snapshot.table("account").unwrap().search(&query).is_err());
}

#[test]
fn a_column_made_searchable_and_indexed_later_is_found_in_old_segments() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "x", "Zebra", 3)]).unwrap();
    store.fold().unwrap();
    insert(&store, "account", vec![account("b", "x", "zebra two", 3)]).unwrap();
    let mut tables = crate::tests::support::tables();
    tables[0].columns[2].searchable = true;
    tables[0].columns.push(crate::ColumnSpec { indexed: true, ..column("later", crate::ColumnType::Int) });
    store.define_tables(tables).unwrap();
    let snapshot = store.snapshot();
    assert_eq!(keys(&snapshot, "zebra", TextSyntax::Words), ["a", "b"]);
    let nulls = snapshot.table("account").unwrap().lookup("later", &[crate::Value::Null]).unwrap();
    assert_eq!(nulls.len(), 2);
    assert_eq!(all(&snapshot, "account")[0].0.len(), 5);
    change(&store, |w| w.insert(&name("contact"), contact("c", "a", "hello"))).unwrap();
}
