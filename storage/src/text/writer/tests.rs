//! An index that is made in parts is the one that is made at once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::{ColumnSpec, ColumnType, TableSpec, catalog::Catalog, term::term};

fn table() -> TableSpec {
    let column = |name: &str, indexed, searchable| ColumnSpec {
        name: name.into(),
        column_type: ColumnType::Text,
        indexed,
        searchable,
    };
    let columns = vec![column("id", false, false), column("kind", true, false), column("about", false, true)];
    TableSpec { name: "thing".into(), columns, unique: vec![], references: vec![] }
}

fn row(number: u32) -> Row {
    let about = if number.is_multiple_of(7) {
        Value::Null
    } else {
        Value::text(format!("thing {} of many things, {number}", number % 90))
    };
    Row([Value::text(format!("{number:08}")), Value::text(format!("kind {}", number % 13)), about].into())
}

#[test]
fn an_index_in_parts_has_the_same_rows_under_every_term() {
    let catalog = Catalog::default().with(vec![table()]).unwrap().unwrap();
    let table = catalog.must_get("thing").unwrap();
    for rows in [0, 1, 20_000] {
        let mut whole = TextWriter::in_memory(table);
        let mut pieces = TextWriter::in_memory(table);
        pieces.open_bytes = WRITER_BYTES_MIN;
        for number in 0..rows {
            whole.add(&row(number)).unwrap();
            pieces.add(&row(number)).unwrap();
            if number == 0 {
                pieces.part_bytes_max = pieces.bytes() + (64 << 10);
            }
            assert!(pieces.parts.len() < 20, "a part of few rows");
        }
        assert!(pieces.parts.len() > 1 || rows < 20_000, "{} parts", pieces.parts.len());
        let (whole, pieces) = (whole.into_part().unwrap(), pieces.into_part().unwrap());
        assert_eq!(pieces.differs_from(&whole).unwrap(), None);
        let index = table.column_index(1).unwrap();
        for kind in 0..13 {
            let found = pieces.lookup(index, &[term(&Value::text(format!("kind {kind}")))]).unwrap().unwrap();
            assert!(found.iter().eq((0..rows).filter(|number| number % 13 == kind)), "kind {kind}");
        }
    }
}

#[test]
fn what_parts_were_written_to_goes() {
    let catalog = Catalog::default().with(vec![table()]).unwrap().unwrap();
    let mut writer = TextWriter::in_memory(catalog.must_get("thing").unwrap());
    writer.open_bytes = WRITER_BYTES_MIN;
    for number in 0..300 {
        writer.part_bytes_max = if number % 100 == 99 { 0 } else { usize::MAX };
        writer.add(&row(number)).unwrap();
    }
    assert_eq!(writer.parts.len(), 3);
    let index = writer.finish().unwrap();
    let merged = index.searchable_segment_metas().unwrap()[0].id().uuid_string();
    for file in index.directory().list_managed_files() {
        let name = file.to_str().unwrap();
        assert!(name == META || name.starts_with(&merged), "{name} is left");
    }
}
