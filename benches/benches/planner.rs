//! Four standard questions over 100,000 deals in a segment: planning alone, and the whole way to the last row.

mod deals;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use deals::bench;
use futures::TryStreamExt;
use quarry_planner::Query;
use serde_json::{Value as Json, json};

fn questions() -> [(&'static str, Json); 4] {
    [
        ("by id", json!({"object": "deal", "where": {"id": "dl_050000"}})),
        (
            "list of 50",
            json!({"object": "deal", "fields": ["opportunity_id", "close_value", "account.account"],
                   "where": {"deal_stage": "Won"}, "orderBy": ["-close_value"], "limit": 50}),
        ),
        (
            "groups",
            json!({"object": "deal",
                   "groupBy": ["deal_stage", {"field": "close_date", "granularity": "month"}],
                   "aggregations": [{"function": "sum", "field": "close_value"}, {"function": "count"}]}),
        ),
        (
            "expand",
            json!({"object": "client", "fields": ["account"], "orderBy": "id", "limit": 20,
                   "expand": {"deals": {"fields": ["opportunity_id"], "orderBy": ["-close_value"], "limit": 5}}}),
        ),
    ]
}

fn answers(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let bench = bench(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let mut group = criterion.benchmark_group("planner, 100,000 deals");
    for (name, question) in questions() {
        let query = Query::parse(&question).unwrap_or_else(|error| panic!("{error}"));
        group.bench_function(format!("{name}: plan"), |bencher| {
            bencher.to_async(&bench.runtime).iter(|| async {
                let plan = bench.planner.explain(&bench.context, &query).await;
                black_box(plan.unwrap_or_else(|error| panic!("{error}")))
            });
        });
        group.bench_function(format!("{name}: run"), |bencher| {
            bencher.to_async(&bench.runtime).iter(|| async {
                let answer = bench.planner.query(&bench.context, &query).await;
                let answer = answer.unwrap_or_else(|error| panic!("{error}"));
                let batches: Vec<_> =
                    answer.batches.try_collect().await.unwrap_or_else(|error| panic!("{error}"));
                black_box(batches)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, answers);
criterion_main!(benches);
