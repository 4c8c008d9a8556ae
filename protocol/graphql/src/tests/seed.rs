//! The records that every test begins with.

use quarry_engine::{Change, Input, Operation, Record, Session};
use serde_json::{Value, json};

pub(super) async fn fill(session: &Session) {
    let changes = companies().into_iter().map(|data| change("company", data));
    let people = people().into_iter().map(|data| change("person", data));
    session.change(changes.chain(people).collect(), false).await.unwrap();
}

fn change(object: &str, data: Value) -> Change {
    let Value::Object(fields) = data else { panic!("a record is an object") };
    let record: Record = fields.into_iter().map(|(name, value)| (name, Input::Json(value))).collect();
    Change { object: object.into(), operation: Operation::Create(record), if_revision: None }
}

fn companies() -> Vec<Value> {
    vec![
        json!({"id": "com_acme", "name": "Acme", "about": "rockets and anvils", "industry": "technology",
               "markets": ["north", "far east"], "revenue": "1000.50", "margin": "12.5", "employees": 10,
               "views": 12_345_678_901_i64, "listed": true, "founded": "1999-12-31",
               "audited_at": "2024-02-29T13:05:00.25Z", "opens_at": "08:30:00", "details": {"a": [1, null, "x"]}}),
        json!({"id": "com_bolt", "name": "Bolt \"&\" Söhne", "about": "anvils", "industry": "Real Estate",
               "markets": [], "revenue": "250.00", "employees": 3, "founded": "2020-01-15", "parent_id": "com_acme"}),
        json!({"id": "com_cogs", "name": "Cogs", "industry": "2nd hand", "revenue": "250.00",
               "founded": "2020-02-20", "parent_id": "com_acme"}),
        json!({"id": "com_dust", "name": "dust"}),
    ]
}

fn people() -> Vec<Value> {
    vec![
        json!({"id": "per_ann", "name": "Ann", "email": "ann@acme.test", "salary": "100.00", "born": "1980-05-01",
               "company_id": "com_acme"}),
        json!({"id": "per_ben", "name": "Ben", "email": "ben@acme.test", "salary": "80.00", "born": "1990-06-02",
               "company_id": "com_acme", "mentor": "per_ann"}),
        json!({"id": "per_cid", "name": "Cid", "salary": "60.00", "company_id": "com_acme", "mentor": "per_ann"}),
        json!({"id": "per_dee", "name": "Dee", "salary": "70.00", "born": "1985-01-01", "company_id": "com_bolt"}),
        json!({"id": "per_eve", "name": "Eve"}),
    ]
}
