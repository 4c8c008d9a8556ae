//! A join answers the same whether its larger side is read whole or looked up by the keys of the smaller one; and it is looked up
//! where an index has them, and where they are few.

use arrow::array::RecordBatch;
use datafusion::sql::sqlparser::{dialect::PostgreSqlDialect, parser::Parser};
use futures::TryStreamExt;
use quarry_planner::{PlannerOptions, sql::SqlExtras};
use serde_json::{Value as Json, json};

use crate::fixture::{Shop, to_json};

const ORDERS: u32 = 3_000;
const ACCOUNTS: u32 = 60;

/// Orders of accounts that have names in common, some of none; the later ones in the delta.
fn filled(options: PlannerOptions) -> Shop {
    let shop = Shop::empty(options);
    let account = |number: u32| {
        let parent = (number > 9).then(|| format!("acc_{:02}", number / 10));
        let industry = ["tech", "retail", "energy"][usize::try_from(number % 3).unwrap()];
        json!({"id": format!("acc_{number:02}"), "name": format!("n{}", number % 7), "parent_id": parent,
               "industry": industry})
    };
    let contact = |number: u32| {
        json!({"id": format!("con_{number:02}"), "name": format!("n{}", number % 5),
               "account_id": (!number.is_multiple_of(4)).then(|| format!("acc_{:02}", number % ACCOUNTS))})
    };
    let order = |number: u32| {
        let of = number.wrapping_mul(2_654_435_761) >> 9;
        json!({"id": format!("ord_{number:04}"), "number": format!("o{number}"), "amount": format!("{}.00", number % 97),
               "account_id": (!number.is_multiple_of(11)).then(|| format!("acc_{:02}", of % ACCOUNTS)),
               "contact": (!number.is_multiple_of(7)).then(|| format!("con_{:02}", of % 90))})
    };
    shop.insert("account", &(0..ACCOUNTS).map(account).collect::<Vec<_>>());
    shop.insert("contact", &(0..90).map(contact).collect::<Vec<_>>());
    let orders: Vec<Json> = (0..ORDERS).map(order).collect();
    shop.insert("order", &orders[..2_500]);
    shop.store.fold().unwrap();
    shop.insert("order", &orders[2_500..]);
    shop
}

async fn run(shop: &Shop, sql: &str) -> Json {
    let session = shop.planner.sql(&shop.context(), &SqlExtras::default());
    let statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
    let plan = session.plan(statement).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let rows = session.execute(plan, Vec::new()).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let batches: Vec<RecordBatch> =
        rows.try_collect().await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    to_json(&batches)
}

/// Joins of all kinds, with columns of the same name on both sides, several keys, and nothing on one side.
const QUESTIONS: [&str; 23] = [
    "select account_id from \"order\" intersect select parent_id from account where name in ('n3', 'n4') order by 1",
    "select o.id from (select parent_id from account where id = 'acc_03') a join \"order\" o on o.account_id is not distinct from a.parent_id
     order by 1",
    "select o.id, a.id as account from \"order\" o join account a on a.id = o.account_id where a.name = 'n3' order by 1",
    "select o.id, a.name from \"order\" o left join account a on a.id = o.account_id and a.name = 'n3' order by 1",
    "select a.id, o.id as of from account a left join \"order\" o on a.id = o.account_id where a.name = 'n3' order by 1, 2",
    "select a.id, o.id as of from (select * from account where name = 'n3') a full join \"order\" o on a.id = o.account_id order by 1, 2",
    "select id from \"order\" where account_id in (select id from account where name = 'n3') order by 1",
    "select id from \"order\" where account_id not in (select id from account where name = 'n3') order by 1",
    "select id from \"order\" where (account_id is null or account_id = 'acc_01')
     and account_id not in (select id from account where name = 'n3') order by 1",
    "select id from account where id not in (select account_id from \"order\" where amount < 2 and account_id is not null) order by 1",
    "select id from account a where not exists (select 1 from \"order\" o where o.account_id = a.id and o.amount > 94) order by 1",
    "select id from account a where exists (select 1 from \"order\" o where o.account_id = a.id and o.amount > 94) order by 1",
    "select o.id from \"order\" o join account a on a.id = o.account_id where a.name = 'nobody' order by 1",
    "select o.id from account a join contact c on c.account_id = a.id join \"order\" o on o.contact = c.id and o.account_id = a.id
     where a.industry = 'tech' order by 1",
    "select o.id, a.id as one, b.id as other from account a join account b on b.parent_id = a.id join \"order\" o on o.account_id = b.id
     where a.name = 'n2' order by 1",
    "select o.id, b.id as other from account a join account b on b.parent_id = a.id join \"order\" o on o.account_id = a.id
     where b.name = 'n2' order by 1, 2",
    "select a.name, sum(o.amount) as total from account a join \"order\" o on o.account_id = a.id where a.industry = 'retail'
     and o.amount > (select avg(p.amount) from \"order\" p where p.account_id = a.id) group by a.name order by 1",
    "select a.id, t.n from account a join (select account_id, count(*) as n from \"order\" group by account_id) t on t.account_id = a.id
     where a.name = 'n1' order by 1",
    "select a.id, t.n from (select account_id, count(*) as n from \"order\" group by rollup (account_id)) t
     left join account a on a.id = t.account_id and a.name = 'n1' order by 1, 2",
    "select o.id from account a join (select * from \"order\" order by id limit 40) o on o.account_id = a.id where a.industry = 'tech' order by 1",
    "select o.id from account a join \"order\" o on o.account_id = a.id or o.contact = a.id where a.name = 'n3' order by 1",
    "select count(*) as n from account a join \"order\" o on o.account_id is not distinct from a.parent_id where a.name = 'n1'",
    "with recursive tree as (select id from account where id = 'acc_01' union all
     select a.id from account a join tree t on a.parent_id = t.id)
     select t.id, count(o.id) as n from tree t join \"order\" o on o.account_id = t.id group by t.id order by 1",
];

#[tokio::test]
async fn a_join_answers_the_same_whether_it_reads_or_looks_up() {
    let with = |join_lookup_rows_min, single_partition_rows| PlannerOptions {
        join_lookup_rows_min,
        single_partition_rows,
        target_partitions: 3,
        ..PlannerOptions::default()
    };
    let read = filled(with(u64::MAX, 100_000));
    let others = [with(0, 100_000), with(0, 1), with(2_048, 1), with(u64::MAX, 1)].map(filled);
    for sql in QUESTIONS {
        let wanted = run(&read, sql).await;
        for (number, shop) in others.iter().enumerate() {
            assert_eq!(run(shop, sql).await, wanted, "{number}: {sql}");
        }
        if !sql.contains("nobody") {
            assert!(!wanted.as_array().unwrap().is_empty(), "{sql} shows nothing");
        }
    }
}

#[tokio::test]
async fn each_round_of_a_recursion_looks_up_its_own_keys() {
    // Each round joins the accounts of the one before with all accounts: what the join knew of one round is not so of the next.
    let sql = "with recursive tree as (select id, 0 as depth from account where id = 'acc_01' union all
               select a.id, t.depth + 1 from tree t join account a on a.parent_id = t.id where t.depth < 5)
               select id, depth from tree order by 1";
    let options = PlannerOptions { join_lookup_rows_min: 0, ..PlannerOptions::default() };
    let found = run(&filled(options), sql).await;
    let wanted: Vec<Json> = std::iter::once(json!({"id": "acc_01", "depth": 0}))
        .chain((10..20).map(|number| json!({"id": format!("acc_{number}"), "depth": 1})))
        .collect();
    assert_eq!(found, Json::Array(wanted));
}

#[tokio::test]
async fn a_scan_is_told_of_the_joins_that_an_index_can_serve() {
    let shop = filled(PlannerOptions { join_lookup_rows_min: 2_048, ..PlannerOptions::default() });
    let cases = [
        ("select o.id from \"order\" o join account a on a.id = o.account_id where a.name = 'n3'", true),
        ("select id from \"order\" where account_id in (select id from account where name = 'n3')", true),
        // No index, an outer join that keeps all orders, a table too small, a part of the rows.
        ("select o.id from \"order\" o join account a on a.name = o.stage", false),
        ("select o.id from \"order\" o left join account a on a.id = o.account_id", false),
        ("select c.id from contact c join account a on a.id = c.account_id where a.name = 'n3'", false),
        (
            "select o.id from account a join (select * from \"order\" limit 40) o on o.account_id = a.id",
            false,
        ),
    ];
    for (sql, wanted) in cases {
        let plan = run(&shop, &format!("explain {sql}")).await.to_string();
        assert_eq!(plan.contains("joined by [account_id]"), wanted, "{sql}: {plan}");
    }
}
