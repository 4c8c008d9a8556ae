//! Many tables in many stores: what is the same is held once, and what was never written takes next to nothing.

use std::{ops::Bound, path::Path, sync::Arc};

use super::support::*;
use crate::{
    ColumnSpec, ColumnType, ReferenceSpec, Resources, Row, ScanRequest, Store, TableSpec, TextQuery,
    TextSyntax, Value, World,
};

const TABLES: usize = 1_000;

/// Tables of a text that is searched, a number that has an index, and a reference to the first of them.
fn many() -> Vec<TableSpec> {
    let table = |number: usize| TableSpec {
        name: format!("thing{number}").into(),
        columns: vec![
            column("id", ColumnType::Text),
            ColumnSpec { searchable: true, ..column("name", ColumnType::Text) },
            ColumnSpec { indexed: true, ..column("rank", ColumnType::Int) },
            column("parent", ColumnType::Text),
        ],
        unique: vec![],
        references: vec![ReferenceSpec { column: "parent".into(), target: "thing0".into() }],
    };
    (0..TABLES).map(table).collect()
}

fn thing(id: &str, name: &str, rank: i64) -> Row {
    Row([text(id), text(name), Value::Int(rank)].into())
}

fn store(folder: &Path, resources: &Arc<Resources>) -> Arc<Store> {
    let store = Store::open(folder, options(), World::seeded(7, 0), resources).unwrap();
    store.define_tables(many()).unwrap();
    store
}

/// The tables whose deltas have something in them.
fn written(store: &Store) -> Vec<String> {
    let state = store.inner.published().state;
    let newest = state.generations.last().unwrap();
    let tables = state.catalog.tables().iter();
    let written = tables.filter(|table| newest.must_get(table.id).unwrap().is_written());
    written.map(|table| table.spec.name.to_string()).collect()
}

/// How many tables of two stores are the very same.
fn shared(one: &Store, other: &Store) -> usize {
    let (one, other) = (one.inner.published().state, other.inner.published().state);
    let pairs = one.catalog.tables().iter().zip(other.catalog.tables());
    pairs.filter(|(one, other)| Arc::ptr_eq(&one.shape, &other.shape)).count()
}

#[test]
fn tables_that_are_the_same_are_held_once_and_hold_no_delta() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let resources = inline_resources();
    let one = store(first.path(), &resources);
    let other = store(second.path(), &resources);
    assert_eq!((shared(&one, &other), resources.shapes.len()), (TABLES, TABLES));
    assert_eq!((written(&one), written(&other)), (vec![], vec![]));

    // One that is written is written in its store alone.
    insert(&one, "thing7", vec![thing("a", "first", 1)]).unwrap();
    assert_eq!((written(&one), written(&other)), (vec!["thing7".to_owned()], vec![]));
    one.fold().unwrap();
    assert_eq!(written(&one), [""; 0]);
    assert_eq!(keys(&one.snapshot(), "thing7", ScanRequest::default()), ["a"]);

    // What is read from a manifest or from a log is the same as what was defined.
    drop((one, other));
    let one = Store::open(first.path(), options(), World::seeded(8, 0), &resources).unwrap();
    let other = store(second.path(), &resources);
    assert_eq!(shared(&one, &other), TABLES);
    assert_eq!((written(&one), written(&other)), (vec![], vec![]));
    assert_eq!(one.snapshot().table("thing7").unwrap().statistics().rows, 1);

    // A column of one's own makes one table one's own.
    let mut grown = many().swap_remove(9);
    grown.columns.push(column("own", ColumnType::Bool));
    one.define_tables(vec![grown]).unwrap();
    assert_eq!(shared(&one, &other), TABLES - 1);
    assert_eq!((written(&one), resources.shapes.len()), (vec![], TABLES + 1));
    let row = Row([text("b"), text("grown"), Value::Int(2), Value::Null, Value::Bool(true)].into());
    insert(&one, "thing9", vec![row.clone()]).unwrap();
    assert_eq!(get(&one.snapshot(), "thing9", "b"), Some(row));
    drop(one);
    assert!(verified(first.path(), &World::seeded(9, 0)).is_sound());
}

/// Shapes that nobody has go, and one that comes again is made again.
#[test]
fn shapes_go_with_the_last_table_that_has_them() {
    let resources = inline_resources();
    for round in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let mut tables = many();
        tables.iter_mut().for_each(|table| table.columns.push(column(&format!("c{round}"), ColumnType::Int)));
        let store = Store::open(folder.path(), options(), World::seeded(7, 0), &resources).unwrap();
        store.define_tables(tables).unwrap();
    }
    assert!(resources.shapes.len() <= 2 * TABLES + 1, "{}", resources.shapes.len());
}

/// Every way to read a table that was never written finds nothing, in the columns that it has; a snapshot from before the
/// first write goes on finding nothing.
#[test]
fn what_was_never_written_reads_as_empty() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), &inline_resources());
    let before = store.snapshot();
    let is_empty = || {
        let table = before.table("thing3").unwrap();
        assert_eq!(table.schema().fields().len(), 4);
        assert_eq!(table.statistics().rows, 0);
        assert!(table.get("a").unwrap().is_none());
        assert!(table.lookup("rank", &[Value::Int(1)]).unwrap().is_empty());
        assert!(table.range("rank", Bound::Unbounded, Bound::Included(&Value::Int(5))).unwrap().is_empty());
        let query = TextQuery { columns: vec![], text: "first".into(), syntax: TextSyntax::Words };
        assert!(table.search(&query).unwrap().rows().is_empty());
        assert!(all(&before, "thing3").is_empty());
    };
    assert_eq!(before.table("thing3").unwrap().column_statistics(&[2]).unwrap()[0].max, None);
    is_empty();
    let mut writes = before.writes();
    writes.insert(&name("thing3"), thing("a", "first", 1)).unwrap();
    assert_eq!(all(&before.with_writes(&writes), "thing3").len(), 1);
    store.commit(writes, info()).unwrap();
    is_empty();
    assert_eq!(found(&store.snapshot(), "thing3", "rank", Value::Int(1)), ["a"]);
    delete(&store, "thing3", "a").unwrap();
    is_empty();
    assert!(all(&store.snapshot(), "thing3").is_empty());
    store.fold().unwrap();
    is_empty();
    assert_eq!(store.snapshot().table("thing3").unwrap().statistics().rows, 0);
}
