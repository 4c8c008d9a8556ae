//! The sales dashboard, each of its figures one ObjectQL question (`docs/dashboard.md`), held against sums over the records.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{by_id, cents, of, options, records, text};
use crate::{
    demo::load,
    import::{target::Upsert, tests::engine::open},
};

/// The questions of the manual, by name.
fn questions() -> BTreeMap<String, Value> {
    let manual = include_str!("../../../docs/dashboard.md");
    let mut questions = BTreeMap::new();
    for part in manual.split("\n## ").skip(1) {
        let name = part.lines().next().unwrap().trim();
        let Some((_, rest)) = part.split_once("```json\n") else { continue };
        let (question, _) = rest.split_once("```").unwrap();
        questions.insert(name.to_owned(), serde_json::from_str(question).unwrap());
    }
    questions
}

/// Money as it is answered.
fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// `key: value` by group.
fn pairs(answer: &[Value], key: &str, value: &str) -> BTreeMap<String, String> {
    let told = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    answer.iter().map(|row| (told(&row[key]), told(&row[value]))).collect()
}

/// The records of a dashboard with what its questions are narrowed to.
struct Book {
    records: Vec<Upsert>,
}

impl Book {
    fn opportunities(&self) -> Vec<&Upsert> {
        of(&self.records, "opportunity")
    }

    fn at(&self, stage: &str) -> Vec<&Upsert> {
        self.opportunities().into_iter().filter(|upsert| text(upsert, "stage") == stage).collect()
    }

    fn open(&self) -> Vec<&Upsert> {
        self.opportunities()
            .into_iter()
            .filter(|upsert| !text(upsert, "stage").starts_with("closed"))
            .collect()
    }

    /// Sums of amounts by a key.
    fn sums<'a>(of: &[&'a Upsert], key: impl Fn(&'a Upsert) -> String) -> BTreeMap<String, String> {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for upsert in of {
            *sums.entry(key(upsert)).or_default() += cents(upsert, "amount");
        }
        sums.into_iter().map(|(key, sum)| (key, money(sum))).collect()
    }

    /// The name of what a lookup refers to.
    fn name<'a>(&'a self, object: &str, id: &str, field: &str) -> &'a str {
        by_id(&self.records, object).get(id).map_or("", |upsert| text(upsert, field))
    }
}

fn total(of: &[&Upsert]) -> i64 {
    of.iter().map(|upsert| cents(upsert, "amount")).sum()
}

/// How large a part is of the whole.
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

fn number(value: &Value) -> f64 {
    value.as_str().map_or_else(|| value.as_f64(), |text| text.parse().ok()).unwrap()
}

#[test]
fn the_sales_dashboard_is_answered_in_objectql() {
    let opened = open();
    load(options(1, 1), &opened.target, |_| {}).unwrap();
    let book = Book { records: records(1, 1) };
    let questions = questions();
    let ask = |name: &str| opened.ask(&questions[name]);
    let (won, lost, open) = (book.at("closed_won"), book.at("closed_lost"), book.open());

    assert_eq!(ask("total_revenue"), [json!({"total_revenue": money(total(&won)), "deals": won.len()})]);
    assert_eq!(ask("pipeline_value"), [json!({"pipeline_value": money(total(&open)), "deals": open.len()})]);

    let rate = &ask("win_rate")[0];
    assert_eq!(
        (rate["won"].as_u64(), rate["closed"].as_u64()),
        (Some(won.len() as u64), Some((won.len() + lost.len()) as u64))
    );
    let expected = share(won.len(), won.len() + lost.len());
    assert!((number(&rate["win_rate"]) - expected).abs() < 0.000_1, "{rate} is not {expected}");

    let average = number(&ask("avg_deal_size")[0]["avg_deal_size"]);
    let expected = total(&won) as f64 / 100.0 / won.len() as f64;
    assert!((average - expected).abs() < 0.01, "{average} is not {expected}");

    let funnel = ask("pipeline_funnel");
    let stages: Vec<&str> = funnel.iter().map(|row| row["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["prospecting", "qualification", "needs_analysis", "proposal", "negotiation"]);
    assert_eq!(
        pairs(&funnel, "stage", "amount"),
        Book::sums(&open, |upsert| text(upsert, "stage").to_owned())
    );

    let month = |upsert: &Upsert| text(upsert, "close_date")[..7].to_owned();
    assert_eq!(pairs(&ask("revenue_by_month"), "month", "revenue"), Book::sums(&won, month));

    let accounts = by_id(&book.records, "account");
    let industry = |upsert: &Upsert| text(accounts[text(upsert, "account_id")], "industry").to_owned();
    let by_industry = ask("revenue_by_industry");
    assert_eq!(pairs(&by_industry, "industry", "revenue"), Book::sums(&won, industry));
    assert!(by_industry.windows(2).all(|two| number(&two[0]["revenue"]) >= number(&two[1]["revenue"])));

    let reasons = ask("win_loss_analysis");
    let of_reason = |stage: &str, reason: Option<&str>| {
        reasons.iter().find(|row| row["stage"] == stage && row["loss_reason"].as_str() == reason).cloned()
    };
    assert_eq!(of_reason("closed_won", None).unwrap()["deals"], won.len());
    let price: Vec<_> =
        lost.iter().copied().filter(|upsert| text(upsert, "loss_reason") == "price").collect();
    let row = of_reason("closed_lost", Some("price")).unwrap();
    assert_eq!((&row["deals"], &row["amount"]), (&json!(price.len()), &json!(money(total(&price)))));

    let mut largest = open.clone();
    largest.sort_by_key(|upsert| (std::cmp::Reverse(cents(upsert, "amount")), text(upsert, "id").to_owned()));
    let deals = ask("top_deals");
    assert_eq!(deals.len(), 10);
    for (row, upsert) in deals.iter().zip(&largest) {
        assert_eq!(row["name"], upsert.data["name"]);
        assert_eq!(row["account.name"], book.name("account", text(upsert, "account_id"), "name"));
        assert_eq!(row["owner.name"], book.name("user", text(upsert, "owner_id"), "name"));
    }

    let mut sellers: BTreeMap<&str, (i64, u64)> = BTreeMap::new();
    for upsert in &won {
        let seller = sellers.entry(book.name("user", text(upsert, "owner_id"), "name")).or_default();
        *seller = (seller.0 + cents(upsert, "amount"), seller.1 + 1);
    }
    let mut sellers: Vec<_> = sellers.into_iter().collect();
    sellers.sort_by_key(|(name, (sum, _))| (std::cmp::Reverse(*sum), *name));
    let expected =
        sellers.iter().take(10).map(|(name, (sum, deals))| (json!(name), json!(money(*sum)), json!(deals)));
    let board = ask("team_leaderboard");
    let board = board.iter().map(|row| (row["seller"].clone(), row["revenue"].clone(), row["deals"].clone()));
    assert_eq!(board.collect::<Vec<_>>(), expected.collect::<Vec<_>>());

    forecast(&book, &ask("forecast_vs_actual"));
    filtered(&opened, &book, &questions["filters"]);
    opened.engine.close().unwrap();
}

/// By quarter: what was expected of the deals that are not lost, weighted, and what was won.
fn forecast(book: &Book, answer: &[Value]) {
    let quarter = |upsert: &Upsert| {
        let (year, rest) = text(upsert, "close_date").split_once('-').unwrap();
        format!("{year}-Q{}", rest[..2].parse::<u32>().unwrap().div_ceil(3))
    };
    let mut expected: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for upsert in book.opportunities() {
        let probability: i64 = text(upsert, "probability").parse().unwrap();
        let entry = expected.entry(quarter(upsert)).or_default();
        // Rounded to cents, as the field is.
        entry.0 += (cents(upsert, "amount") * probability + 50) / 100;
        entry.1 += if text(upsert, "stage") == "closed_won" { cents(upsert, "amount") } else { 0 };
    }
    let split = |at: fn((i64, i64)) -> i64| {
        expected.iter().map(|(key, value)| (key.clone(), money(at(*value)))).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(pairs(answer, "quarter", "forecast"), split(|value| value.0));
    assert_eq!(pairs(answer, "quarter", "actual"), split(|value| value.1));
}

/// The filters of the dashboard: one owner, a time, a region.
fn filtered(opened: &crate::import::tests::engine::Opened, book: &Book, question: &Value) {
    let accounts = by_id(&book.records, "account");
    let owner = text(book.at("closed_won")[0], "owner_id");
    let mut question = question.clone();
    question["where"]["owner_id"] = json!(owner);
    let wanted = book.at("closed_won").into_iter().filter(|upsert| {
        let day = text(upsert, "close_date");
        text(upsert, "owner_id") == owner
            && ("2026-01-01".."2026-11-01").contains(&day)
            && text(accounts[text(upsert, "account_id")], "region") == "emea"
    });
    let wanted: Vec<_> = wanted.collect();
    assert!(!wanted.is_empty(), "the seller won something there");
    let expected = json!({"total_revenue": money(total(&wanted)), "deals": wanted.len()});
    assert_eq!(opened.ask(&question), [expected]);
}
