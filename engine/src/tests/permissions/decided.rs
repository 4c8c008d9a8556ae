//! Which rows are seen is decided once and remembered: every change of what it depends on counts with the next question.

use super::*;

/// So many companies that a question for all of them is worth deciding ahead.
const COMPANIES: usize = 200;

fn company(number: usize) -> Json {
    let region = if number.is_multiple_of(2) { "north" } else { "south" };
    json!({ "id": format!("com_{number:03}"), "name": format!("Company {number:03}"), "region": region, "stars": number })
}

/// Companies in a segment, each with a deal, half of them in the north.
async fn filled() -> Shop {
    let shop = open();
    let mut changes = Vec::new();
    for number in 0..COMPANIES {
        changes.push(create("company", company(number)));
        let deal = json!({ "title": "D", "company_id": format!("com_{number:03}"), "amount": number });
        changes.push(create("deal", deal));
    }
    shop.change(changes).await.unwrap();
    shop.engine.store().fold().unwrap();
    shop
}

/// How many are seen, what they sum up to, and the first of them: by a plan, by groups around it, and by a list. What was decided at the first
/// time is taken at the second and the third.
async fn seen(session: &Session, object: &str, value: &str) -> (String, String, Vec<String>) {
    let sum = json!({ "function": "sum", "field": value, "as": "sum" });
    let groups = json!({ "object": object, "aggregations": [{ "function": "count", "as": "n" }, sum] });
    let list = json!({ "object": object, "fields": [value], "orderBy": [format!("-{value}")], "limit": 3 });
    let rows = json!({ "object": object, "fields": [value], "limit": 1000 });
    let text = |value: &Json| value.as_str().unwrap_or("null").to_owned();
    let mut before = None;
    for time in 0..3 {
        let groups = ask(session, groups.clone()).await.unwrap().remove(0);
        let list = ask(session, list.clone()).await.unwrap();
        let all = ask(session, rows.clone()).await.unwrap();
        assert_eq!(text(&groups[0]), all.len().to_string(), "{time}");
        let now = (text(&groups[0]), text(&groups[1]), list.iter().map(|row| text(&row[0])).collect());
        assert_eq!(before.get_or_insert_with(|| now.clone()), &now, "the same at time {time}");
    }
    before.unwrap()
}

fn told(count: usize, sum: usize, first: [usize; 3]) -> (String, String, Vec<String>) {
    (count.to_string(), sum.to_string(), first.iter().map(usize::to_string).collect())
}

#[tokio::test]
async fn a_record_that_changes_is_seen_or_not_from_then_on() {
    let shop = filled().await;
    let editor = with(&shop, "editor", &["editor"]);
    assert_eq!(seen(&editor, "company", "stars").await, told(100, 9_900, [198, 196, 194]));
    shop.change(vec![update("company", "com_198", json!({ "region": "south" }))]).await.unwrap();
    assert_eq!(seen(&editor, "company", "stars").await, told(99, 9_702, [196, 194, 192]));
    shop.change(vec![update("company", "com_199", json!({ "region": "north" }))]).await.unwrap();
    assert_eq!(seen(&editor, "company", "stars").await, told(100, 9_901, [199, 196, 194]));
    shop.engine.store().fold().unwrap();
    assert_eq!(seen(&editor, "company", "stars").await, told(100, 9_901, [199, 196, 194]));
    shop.change(vec![delete("company", "com_199")]).await.unwrap();
    shop.change(vec![create("company", json!({ "name": "New", "region": "north", "stars": 500 }))])
        .await
        .unwrap();
    assert_eq!(seen(&editor, "company", "stars").await, told(100, 10_202, [500, 196, 194]));
    // Who sees everything, and who sees otherwise, are not told the same.
    assert_eq!(seen(&shop.session, "company", "stars").await.0, "200");
    let rep = with(&shop, "rep", &["rep"]);
    assert_eq!(seen(&rep, "company", "stars").await.0, "100");
}

#[tokio::test]
async fn a_part_is_seen_as_its_whole_is() {
    let shop = filled().await;
    let rep = with(&shop, "rep", &["rep"]);
    assert_eq!(seen(&rep, "deal", "amount").await.0, "100");
    shop.change(vec![update("company", "com_198", json!({ "region": "south" }))]).await.unwrap();
    assert_eq!(seen(&rep, "deal", "amount").await.0, "99", "the deal did not change, its company did");
    shop.change(vec![update("company", "com_001", json!({ "region": "north" }))]).await.unwrap();
    shop.engine.store().fold().unwrap();
    assert_eq!(seen(&rep, "deal", "amount").await.0, "100");
    shop.change(vec![update("company", "com_001", json!({ "name": "Hidden" }))]).await.unwrap();
    assert_eq!(seen(&rep, "deal", "amount").await.0, "99", "a denial by name");
}

#[tokio::test]
async fn what_is_shared_is_seen_while_it_is() {
    let shop = filled().await;
    let editor = with(&shop, "editor", &["editor"]);
    assert_eq!(seen(&editor, "company", "stars").await.0, "100");
    let them = Grantee::User(editor.principal().user_id.clone());
    let share = shop.session.share("company", "com_199", &them, (Access::Read, None)).unwrap();
    assert_eq!(seen(&editor, "company", "stars").await, told(101, 10_099, [199, 198, 196]));
    shop.session.unshare("company", "com_199", &share.id).unwrap();
    assert_eq!(seen(&editor, "company", "stars").await, told(100, 9_900, [198, 196, 194]));
}

#[tokio::test]
async fn a_transaction_sees_its_own_changes_and_nobody_else_does() {
    let shop = filled().await;
    let rep = with(&shop, "rep", &["rep"]);
    assert_eq!(seen(&rep, "company", "stars").await.0, "100");
    let mut transaction = rep.begin();
    let count = json!({ "object": "company", "aggregations": [{ "function": "count", "as": "n" }] });
    transaction.apply(vec![create("company", json!({ "name": "Own", "region": "south" }))]).await.unwrap();
    for _ in 0..3 {
        let (planner, query) = (shop.engine.planner(), Query::parse(&count).unwrap());
        let answer = planner.query(&transaction.context(), &query).await.unwrap();
        let batches: Vec<arrow::array::RecordBatch> = answer.batches.try_collect().await.unwrap();
        let shown = arrow::util::display::array_value_to_string(batches[0].column(0), 0).unwrap();
        assert_eq!(shown, "101");
        assert_eq!(seen(&rep, "company", "stars").await.0, "100");
    }
    drop(transaction);
    assert_eq!(seen(&rep, "company", "stars").await.0, "100");
}
