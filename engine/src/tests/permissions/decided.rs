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

/// In the bin a lookup leads to what there was: that all companies that are there are seen says nothing of it.
#[tokio::test]
async fn what_belonged_to_what_was_not_seen_is_not_seen_in_the_bin() {
    let shop = open_with("enable: { recycleBin: true }\n");
    let mut changes = Vec::new();
    for number in 0..80 {
        changes.push(create("company", company(number)));
        changes.push(create("deal", json!({ "title": "D", "company_id": format!("com_{number:03}") })));
    }
    shop.change(changes).await.unwrap();
    let south = (0..40).map(|number| delete("company", &format!("com_{:03}", 2 * number + 1)));
    shop.change(south.collect()).await.unwrap();
    shop.engine.store().fold().unwrap();
    let count = async |session: &Session, object: &str| {
        let count = json!({ "object": object, "aggregations": [{ "function": "count", "as": "n" }] });
        ask(session, count).await.unwrap()[0][0].as_str().unwrap().to_owned()
    };
    let rep = with(&shop, "rep", &["rep"]);
    for _ in 0..4 {
        let his =
            [count(&rep, "company").await, count(&rep, "deal").await, count(&rep, "recycle_bin.deal").await];
        assert_eq!(his, ["40", "40", "0"]);
        let rows = ask(&rep, json!({ "object": "recycle_bin.deal", "fields": ["id"], "limit": 100 })).await;
        assert_eq!(rows.unwrap().len(), 0);
    }
    assert_eq!(count(&shop.session, "recycle_bin.deal").await, "40");
}

#[tokio::test]
async fn plans_tell_nothing_of_rows_that_are_not_seen() {
    let shop = open();
    for n in 0..5 {
        shop.create("company", json!({ "name": format!("S{n}"), "region": "south", "stars": n }))
            .await
            .unwrap();
    }
    let rep = with(&shop, "rep", &["rep"]);
    let text = |answer: quarry_planner::Answer| async move {
        let batches: Vec<arrow::array::RecordBatch> = answer.batches.try_collect().await.unwrap();
        arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
    };
    let told = text(rep.sql("EXPLAIN SELECT name FROM company WHERE stars > 1").await.unwrap()).await;
    assert!(told.contains("rows=Absent") && !told.contains("Exact(5)"), "{told}");
    assert_eq!(
        rep.sql("EXPLAIN VERBOSE SELECT name FROM company").await.err().unwrap().kind,
        ErrorKind::Invalid
    );
    assert!(rep.must_export_all().is_err());
    let past = Query::parse(&json!({ "object": "company", "asOf": "2020-01-01T00:00:00Z" })).unwrap();
    assert_eq!(rep.query(&past).await.err().unwrap().kind, ErrorKind::Denied);
}
