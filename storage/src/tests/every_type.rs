//! Every type of column, on every access path, in the delta and in a segment.

use super::support::*;
use crate::{
    ColumnSpec, ColumnType, Row, ScanRequest, Store, TableSpec, Value, World,
    columns::{batch, rows},
};

const KINDS: [ColumnType; 10] = [
    ColumnType::Text,
    ColumnType::Bool,
    ColumnType::Int,
    ColumnType::Float,
    ColumnType::Decimal { precision: 38, scale: 10 },
    ColumnType::Text,
    ColumnType::Date,
    ColumnType::Time,
    ColumnType::Timestamp,
    ColumnType::TextList,
];

fn every_type() -> TableSpec {
    let column = |(at, column_type): (usize, ColumnType)| ColumnSpec {
        name: format!("c{at}").into(),
        column_type,
        indexed: true,
        searchable: false,
    };
    let mut columns: Vec<_> = KINDS.into_iter().enumerate().map(column).collect();
    columns.push(column((10, ColumnType::Bytes)));
    TableSpec { name: "every".into(), columns, unique: vec![], references: vec![] }
}

fn row(number: i64) -> Row {
    let small = i32::try_from(number).unwrap();
    let list = Value::TextList((0..number % 3).map(|item| format!("item {item}").into()).collect());
    let values = [
        Value::text(format!("key {number:03}")),
        Value::Bool(number % 2 == 0),
        Value::Int(i64::MAX - number),
        Value::Float(-0.5 * f64::from(small)),
        Value::Decimal(-(10_i128.pow(37)) - i128::from(number)),
        Value::text(format!("Größe \u{1F600} {number} and some more to pass twelve bytes")),
        Value::Date(small - 50),
        Value::Time(number * 1_000_000),
        Value::Timestamp(-number),
        list,
        Value::Bytes([u8::try_from(number).unwrap(), 0, 255].as_slice().into()),
    ];
    // Each row has one column that is null; the key never is.
    let null = usize::try_from(1 + number % 10).unwrap();
    let values =
        values.into_iter().enumerate().map(|(at, value)| if at == null { Value::Null } else { value });
    Row(values.collect())
}

#[test]
fn values_of_every_type_come_back_by_every_path() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options(), World::seeded(1, 0), &resources()).unwrap();
    store.define_tables(vec![every_type()]).unwrap();
    let wanted: Vec<Row> = (0..60).map(row).collect();
    insert(&store, "every", wanted.clone()).unwrap();
    for folded in [false, true] {
        if folded {
            store.fold().unwrap();
        }
        let snapshot = store.snapshot();
        assert_eq!(all(&snapshot, "every"), wanted);
        let table = snapshot.table("every").unwrap();
        for (number, row) in wanted.iter().enumerate() {
            assert_eq!(table.get(row.key().unwrap()).unwrap().as_ref(), Some(row), "row {number}");
        }
        for (at, column) in table.spec().columns.iter().enumerate() {
            for value in [wanted[7].get(at), wanted[20].get(at), &Value::Null] {
                let same = wanted.iter().filter(|row| row.get(at) == value).count();
                let found = table.lookup(&column.name, std::slice::from_ref(value)).unwrap();
                assert_eq!(usize::try_from(found.len()).unwrap(), same, "{} = {value:?}", column.name);
            }
        }
    }
}

#[test]
fn a_few_rows_read_by_their_pages_are_the_same_as_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let tight = crate::StoreOptions { row_group_rows: 200, ..options() };
    let store = Store::open(folder.path(), tight, World::seeded(1, 0), &small_cache(1)).unwrap();
    let spec = every_type();
    store.define_tables(vec![spec.clone()]).unwrap();
    let wanted: Vec<Row> = (0..200).map(row).collect();
    insert(&store, "every", wanted.clone()).unwrap();
    store.fold().unwrap();
    let table = store.snapshot().table("every").unwrap();
    for round in 0..6 {
        let some = [3, 50, 51, 199];
        let keys: Vec<_> = some.iter().map(|at: &usize| wanted[*at].key().unwrap().clone()).collect();
        let found = table.keys(&keys).unwrap();
        let request = ScanRequest { rows: Some(found), ..ScanRequest::default() };
        let read: Vec<Row> = table
            .scan(request)
            .unwrap()
            .into_iter()
            .flatten()
            .flat_map(|batch| rows(table.spec(), &batch.unwrap()).unwrap())
            .collect();
        assert_eq!(read, some.map(|at| wanted[at].clone()), "round {round}");
    }
    assert_eq!(batch(&spec, &spec.arrow(), &wanted).unwrap().num_rows(), 200);
}
