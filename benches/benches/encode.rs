//! Encoding 1,000 rows of 10 fields: our writer against arrow's own, and against the two ways a door may use it.

use std::{hint::black_box, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, StringViewArray,
        TimestampMicrosecondArray,
    },
    json::{WriterBuilder, writer::JsonArray},
    record_batch::RecordBatch,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quarry_json::{Encoder, Options, Separator};

const ROWS: i64 = 1_000;

fn batch() -> RecordBatch {
    let text = |prefix: &'static str| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values((0..ROWS).map(|row| format!("{prefix} number {row}"))))
    };
    let amounts = Decimal128Array::from_iter_values((0..ROWS).map(|row| i128::from(row) * 12_345));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", text("acc_01J8Z")),
        ("name", text("Account")),
        ("industry", text("Industry")),
        ("owner", text("usr_01J8Z")),
        ("website", text("https://example.com/")),
        (
            "employees",
            Arc::new(Int64Array::from_iter((0..ROWS).map(|row| (row % 7 > 0).then_some(row * 31)))),
        ),
        ("active", Arc::new(BooleanArray::from_iter((0..ROWS).map(|row| Some(row % 3 == 0))))),
        (
            "revenue",
            Arc::new(amounts.with_precision_and_scale(18, 2).unwrap_or_else(|error| panic!("{error}"))),
        ),
        ("renewal", Arc::new(Date32Array::from_iter_values((19_000..).take(1_000)))),
        (
            "created_at",
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(
                    (0..ROWS).map(|row| 1_700_000_000_000_000 + row * 1_001),
                )
                .with_timezone("UTC"),
            ),
        ),
    ];
    RecordBatch::try_from_iter(columns).unwrap_or_else(|error| panic!("{error}"))
}

fn encode(criterion: &mut Criterion) {
    let batch = batch();
    let mut group = criterion.benchmark_group("encode 1,000 rows × 10 fields");
    group.throughput(Throughput::Elements(1_000));
    let encoder = Encoder::new(&batch.schema(), Options::default()).unwrap_or_else(|error| panic!("{error}"));
    let mut out = Vec::with_capacity(1 << 20);
    group.bench_function("rows", |bencher| {
        bencher.iter(|| {
            out.clear();
            let result =
                encoder.encode_rows(black_box(&batch), 0..batch.num_rows(), Separator::Comma, &mut out);
            black_box((result.is_ok(), out.len()))
        });
    });
    group.bench_function("cell by cell", |bencher| {
        bencher.iter(|| {
            out.clear();
            let rows = encoder.bind(black_box(&batch)).unwrap_or_else(|error| panic!("{error}"));
            for row in 0..rows.len() {
                for column in 0..batch.num_columns() {
                    rows.write_cell(column, row, &mut out);
                }
            }
            black_box(out.len())
        });
    });
    group.bench_function("arrow-json", |bencher| {
        bencher.iter(|| {
            let buffer = Vec::with_capacity(1 << 20);
            let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(buffer);
            let result = writer.write(black_box(&batch)).and_then(|()| writer.finish());
            black_box((result.is_ok(), writer.into_inner().len()))
        });
    });
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
