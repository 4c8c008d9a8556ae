//! Small questions go around the general executor: random ones, for records and for groups, with conditions, keys and sorts of related
//! records, get the answers and the columns of their plans.

use quarry_planner::{Planner, PlannerOptions, Query, QueryContext};
use serde_json::{Value as Json, json};

use crate::{
    dice::Dice,
    fixture::{Kept, Shop, records},
    oracle::{Records, number, questions, shop},
};

const QUESTIONS: u64 = 600;

/// One that plans all.
fn planning() -> Planner {
    Planner::new(PlannerOptions { direct_rows_max: 0, ..PlannerOptions::default() })
}

/// One of so many random questions, at least, is to be answered around the executor.
const DIRECT_SHARE: u64 = 4;

/// The columns of the answer, and its records.
async fn asked(planner: &Planner, context: &QueryContext, question: &Json) -> (String, Json, Option<u64>) {
    let query = Query::parse(question).unwrap();
    let answer = planner.query(context, &query).await.unwrap_or_else(|error| panic!("{question}\n{error}"));
    let (schema, count) = (format!("{:?}", answer.schema), answer.count);
    (schema, records(answer).await.unwrap(), count)
}

#[tokio::test]
async fn random_questions_get_the_answers_of_their_plans() {
    compare_random_questions().await;
}

/// Threads that hand on what they have to do read for themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_questions_get_the_answers_of_their_plans_where_they_are_asked() {
    tokio::spawn(compare_random_questions()).await.unwrap();
}

async fn compare_random_questions() {
    let first = number("QUARRY_TEST_SEED", 20_261_201);
    let many = number("QUARRY_TEST_SEEDS", QUESTIONS);
    println!("QUARRY_TEST_SEED={first}, {many} questions");
    let planning = planning();
    let mut direct = 0;
    for draw in 0..3 {
        let records = Records::random(&mut Dice::of(draw));
        let shop = shop(&records, draw * 2);
        let context = shop.context();
        for seed in (first..first + many).filter(|seed| seed % 3 == draw) {
            let question = questions::question(&mut Dice::of(seed.wrapping_mul(0x9e37_79b9)), &records);
            let planned = asked(&planning, &context, &question).await;
            let got = asked(&shop.planner, &context, &question).await;
            assert_eq!(got, planned, "QUARRY_TEST_SEED={seed}\n{question}");
        }
        direct += shop.planner.direct_answers();
    }
    println!("{direct} of them around the executor");
    assert_eq!(planning.direct_answers(), 0);
    assert!(many < 100 || direct > many / DIRECT_SHARE, "only {direct} of {many} went around the executor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_of_related_records_are_made_where_they_are_asked_for() {
    let shop = Shop::filled(Kept::Both);
    let (context, planning) = (shop.context(), planning());
    let questions = [
        json!({"object": "order", "where": {"account.industry": "tech"},
            "aggregations": [{"function": "sum", "field": "amount", "as": "sum"}, {"function": "count", "as": "n"}]}),
        json!({"object": "order", "where": {"account.name": "no such"},
            "aggregations": [{"function": "sum", "field": "amount", "as": "sum"}, {"function": "max", "field": "amount", "as": "max"}]}),
        json!({"object": "order", "groupBy": ["account.industry", "stage"], "having": {"n": {"$gt": 0}}, "orderBy": ["-sum"],
            "aggregations": [{"function": "sum", "field": "amount", "as": "sum"}, {"function": "count", "as": "n"}], "limit": 3, "offset": 1}),
        json!({"object": "order", "groupBy": ["account.name"], "fields": ["n"], "limit": 0,
            "aggregations": [{"function": "count", "as": "n"}]}),
        json!({"object": "order", "fields": ["id", "account.name"], "where": {"account.parent.industry": {"$ne": "tech"}},
            "orderBy": ["account.name", "-id"], "limit": 5}),
    ];
    // No group at all is asked of the plan.
    let direct = questions.iter().filter(|question| question["limit"] != json!(0)).count();
    for question in questions {
        let planned = asked(&planning, &context, &question).await;
        assert_eq!(asked(&shop.planner, &context, &question).await, planned, "{question}");
    }
    assert_eq!(shop.planner.direct_answers(), u64::try_from(direct).unwrap());
}
