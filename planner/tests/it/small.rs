//! Small SQL questions go around the planner: random ones get the answers of their plans, and the next time are known.

use datafusion::{
    common::ScalarValue,
    sql::sqlparser::{ast::Statement, dialect::PostgreSqlDialect, parser::Parser},
};
use futures::TryStreamExt;
use quarry_planner::{Planner, PlannerOptions, QueryContext, sql::SqlExtras};
use serde_json::{Value as Json, json};

use crate::{
    dice::Dice,
    fixture::{Kept, Shop, to_json},
    oracle::{Records, number, shop},
};

const QUESTIONS: u64 = 150;

fn parsed(text: &str) -> Statement {
    Parser::parse_sql(&PostgreSqlDialect {}, text).unwrap().remove(0)
}

/// Asked as a door does.
async fn asked(shop: &Shop, context: &QueryContext, text: &str, values: &[ScalarValue]) -> Json {
    let session = shop.planner.sql(context, &SqlExtras::default());
    let statement = parsed(text);
    let plan = session.plan(statement.clone()).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let rows = session.execute_known(plan, values.to_vec(), &statement).await;
    let rows = rows.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    to_json(&rows.try_collect::<Vec<_>>().await.unwrap_or_else(|error| panic!("{text}: {error:?}")))
}

/// Asked once more.
async fn again(shop: &Shop, context: &QueryContext, text: &str, values: &[ScalarValue]) -> Option<Json> {
    let rows = shop.planner.again(context, &parsed(text), values).await.unwrap()?;
    Some(to_json(&rows.try_collect::<Vec<_>>().await.unwrap()))
}

/// Asked for at once: for a record by its key.
fn at_hand(shop: &Shop, context: &QueryContext, text: &str, values: &[ScalarValue]) -> Option<Json> {
    let rows = shop.planner.at_hand(context, &parsed(text), values).unwrap()?;
    Some(to_json(&[rows]))
}

struct Asking {
    dice: Dice,
    values: Vec<ScalarValue>,
}

impl Asking {
    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        self.dice.one(choices)
    }

    /// A value as a literal, or as a parameter.
    fn value(&mut self, literal: &str, value: ScalarValue) -> String {
        if self.dice.roll(2) == 0 {
            return literal.to_owned();
        }
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn text(&mut self, choices: &[&str]) -> String {
        let text = self.of(choices);
        self.value(&format!("'{text}'"), ScalarValue::from(text))
    }

    fn number(&mut self) -> String {
        let number = i64::try_from(self.dice.roll(9)).unwrap();
        self.value(&number.to_string(), ScalarValue::Int64(Some(number)))
    }

    fn condition(&mut self, depth: u64) -> String {
        let sides = if depth == 0 { 9 } else { 12 };
        match self.dice.roll(sides) {
            0 => format!("id = {}", self.text(&["acc_1", "acc_3", "acc_77"])),
            1 => format!("industry = {}", self.text(&["tech", "retail", "coal"])),
            2 => format!("employees {} {}", self.of(&["<", "<=", ">", "=", "<>"]), self.number()),
            3 => {
                let (least, most) = (self.number(), self.number());
                format!("revenue between {least} and {most}")
            }
            4 => format!("industry in ({}, {})", self.text(&["tech"]), self.text(&["energy", "x"])),
            5 => format!("name like {}", self.text(&["A%", "%e", "%"])),
            6 => {
                format!("{} is {}null", self.of(&["industry", "parent_id", "budget"]), self.of(&["", "not "]))
            }
            7 => format!("founded < date '20{}-06-15'", self.of(&["05", "15", "24"])),
            8 => format!("coalesce(budget, 0) + 1 > {}", self.number()),
            9 => format!("not ({})", self.condition(depth - 1)),
            10 => format!("({} and {})", self.condition(depth - 1), self.condition(depth - 1)),
            _ => format!("({} or {})", self.condition(depth - 1), self.condition(depth - 1)),
        }
    }

    /// `more` stands behind the table.
    fn text_of(&mut self, more: &str) -> String {
        let columns = self.of(&[
            "*",
            "id",
            "name, id",
            "upper(name) as name, revenue * 2 as twice",
            "case when active then 'yes' else name end as shown, founded",
            "id, cast(employees as text) as staff, 7 as seven",
        ]);
        let columns = if columns == "*" { "account.*" } else { columns };
        let condition = self.condition(2);
        let order =
            self.of(&["id", "id desc", "name, id", "revenue desc nulls last, id", "founded, id desc"]);
        let page = self.of(&["", " limit 3", " limit 2 offset 1", " offset 4", " limit 0"]);
        let wrapped = self.dice.roll(3) == 0;
        let table =
            if wrapped { "(select * from account where id <> 'acc_2') as account" } else { "account" };
        format!("select {columns} from {table}{more} where {condition} order by {order}{page}")
    }
}

#[tokio::test]
async fn random_small_questions_get_the_answers_of_their_plans() {
    let first = number("QUARRY_TEST_SEED", 20_261_130);
    let many = number("QUARRY_TEST_SEEDS", QUESTIONS);
    println!("QUARRY_TEST_SEED={first}, {many} questions");
    let mut known = 0;
    for draw in 0..3 {
        let records = Records::random(&mut Dice::of(draw));
        let shop = shop(&records, draw);
        let context = shop.context();
        for seed in (first..first + many).filter(|seed| seed % 3 == draw) {
            let asking = || Asking { dice: Dice::of(seed.wrapping_mul(0x9e37_79b9)), values: Vec::new() };
            let mut one = asking();
            let text = one.text_of("");
            // A second table, of one row: such a question has a plan.
            let planned = asking().text_of(", (select 1 as one) as other");
            let wanted = asked(&shop, &context, &planned, &one.values).await;
            let got = asked(&shop, &context, &text, &one.values).await;
            assert_eq!(got, wanted, "QUARRY_TEST_SEED={seed}\n{text}\n{:?}", one.values);
            if let Some(got) = again(&shop, &context, &text, &one.values).await {
                known += 1;
                assert_eq!(got, wanted, "asked again, QUARRY_TEST_SEED={seed}\n{text}\n{:?}", one.values);
            }
            if let Some(got) = at_hand(&shop, &context, &text, &one.values) {
                assert_eq!(got, wanted, "at hand, QUARRY_TEST_SEED={seed}\n{text}\n{:?}", one.values);
            }
        }
    }
    assert!(known > many / 4, "of {many} questions only {known} were known again");
}

#[tokio::test]
async fn a_known_question_reads_the_state_and_the_values_it_is_asked_with() {
    let shop = Shop::filled(Kept::Both);
    let context = shop.context();
    let text = "select name from account where id = $1";
    let id = |id: &str| [ScalarValue::from(id)];
    assert_eq!(again(&shop, &context, text, &id("acc_1")).await, None, "nobody asked yet");
    assert_eq!(at_hand(&shop, &context, text, &id("acc_1")), None, "nobody asked yet");
    assert_eq!(asked(&shop, &context, text, &id("acc_1")).await, json!([{"name": "Acme"}]));
    assert_eq!(again(&shop, &context, text, &id("acc_3")).await, Some(json!([{"name": "Globex"}])));
    assert_eq!(at_hand(&shop, &context, text, &id("acc_3")), Some(json!([{"name": "Globex"}])));
    shop.insert("account", &[json!({"id": "acc_new", "name": "Newer"})]);
    assert_eq!(again(&shop, &context, text, &id("acc_new")).await, Some(json!([])), "the older state");
    let newer = QueryContext { snapshot: shop.store.snapshot(), ..context.clone() };
    assert_eq!(again(&shop, &newer, text, &id("acc_new")).await, Some(json!([{"name": "Newer"}])));
    let null = [ScalarValue::Utf8(None)];
    assert_eq!(again(&shop, &newer, text, &null).await, Some(json!([])), "nothing is equal to null");

    let number = [ScalarValue::Int64(Some(1))];
    assert_eq!(again(&shop, &context, text, &number).await, None, "a value of another type");
    let zone = QueryContext { time_zone: chrono_tz::Europe::Berlin, ..context.clone() };
    assert_eq!(again(&shop, &zone, text, &id("acc_1")).await, None, "another time zone");
    assert_eq!(again(&shop, &shop.context(), text, &id("acc_1")).await, None, "other views");
}

/// What is kept of a question names the clock that it went by: another session's is planned anew, and so is one of the same zone only where it
/// asks for more than the zone.
#[tokio::test]
async fn a_known_question_is_known_of_its_time_zone() {
    let shop = Shop::filled(Kept::Both);
    shop.insert("account", &[json!({"id": "acc_night", "name": "Night", "seen_at": "2025-03-01T02:30:00Z"})]);
    let utc = QueryContext { snapshot: shop.store.snapshot(), ..shop.context() };
    let in_zone = |zone: chrono_tz::Tz| QueryContext { time_zone: zone, ..utc.clone() };
    let new_york = in_zone(chrono_tz::America::New_York);
    let tokyo = in_zone(chrono_tz::Asia::Tokyo);
    let day = "select cast(seen_at as date) as day from account where id = 'acc_night'";
    let since = "select id from account where seen_at between '2025-02-28' and '2025-02-28 23:00:00'";
    let by_value = "select id from account where seen_at = $1";
    // Noted on 2025-02-28 at 21:30 in New York, on 2025-03-01 at 11:30 in Tokyo.
    let reading = ScalarValue::TimestampMicrosecond(Some(1_740_778_200_000_000), None);
    let reading = std::slice::from_ref(&reading);
    for (context, first, found) in
        [(&utc, "2025-03-01", false), (&new_york, "2025-02-28", true), (&tokyo, "2025-03-01", false)]
    {
        let found = if found { json!([{"id": "acc_night"}]) } else { json!([]) };
        for (text, values, expected) in [
            (day, &[][..], json!([{"day": first}])),
            (since, &[], found.clone()),
            (by_value, reading, found.clone()),
        ] {
            let zone = context.time_zone;
            assert_eq!(again(&shop, context, text, values).await, None, "nobody asked in {zone} yet: {text}");
            assert_eq!(asked(&shop, context, text, values).await, expected, "{zone}: {text}");
            assert_eq!(again(&shop, context, text, values).await, Some(expected), "again in {zone}: {text}");
        }
    }
    let now = "select id from account where seen_at > now() - interval '1 day'";
    asked(&shop, &new_york, now, &[]).await;
    assert_eq!(again(&shop, &new_york, now, &[]).await, None, "what knows the instant is not kept");
}

/// The option holds for SQL as for other questions.
#[tokio::test]
async fn more_rows_than_are_allowed_at_once_are_planned() {
    let text = "select id from account where id in ($1, $2) order by id";
    let ids = [ScalarValue::from("acc_1"), ScalarValue::from("acc_3")];
    let key = "select name from account where id = $1";
    for (direct_rows_max, few, one) in
        [(0, false, false), (1, false, true), (2, true, true), (1 << 20, true, true)]
    {
        let mut shop = Shop::filled(Kept::Both);
        shop.planner = Planner::new(PlannerOptions { direct_rows_max, ..PlannerOptions::default() });
        let context = shop.context();
        let rows = json!([{"id": "acc_1"}, {"id": "acc_3"}]);
        assert_eq!(asked(&shop, &context, text, &ids).await, rows);
        assert_eq!(again(&shop, &context, text, &ids).await.is_some(), few, "{direct_rows_max}");
        assert_eq!(asked(&shop, &context, key, &ids[..1]).await, json!([{"name": "Acme"}]));
        assert_eq!(again(&shop, &context, key, &ids[..1]).await.is_some(), one, "{direct_rows_max}");
        assert_eq!(at_hand(&shop, &context, key, &ids[..1]).is_some(), one, "{direct_rows_max}");
        let direct = u64::from(few) * 2 + u64::from(one) * 3;
        assert_eq!(shop.planner.direct_answers(), direct, "{direct_rows_max}");
    }
}

#[tokio::test]
async fn what_may_change_by_itself_is_planned_each_time() {
    let shop = Shop::filled(Kept::Both);
    let context = shop.context();
    for text in [
        "select id from account where founded < now()",
        "select id from account where founded < current_date",
        "select id, random() as r from account where id = 'acc_1'",
        "select count(*) as n from account where id = 'acc_1'",
        "select distinct industry from account where id = 'acc_1'",
        "select id from account where id = (select max(id) from account)",
        "select a.id from account a join account b on b.id = a.parent_id where a.id = 'acc_1'",
        "select id from search('account', 'globex')",
        "explain select id from account where id = 'acc_1'",
    ] {
        asked(&shop, &context, text, &[]).await;
        assert_eq!(again(&shop, &context, text, &[]).await, None, "{text}");
    }
    let many = "select id from account where id > 'acc_1' or id = 'acc_1'";
    asked(&shop, &context, many, &[]).await;
    assert_eq!(at_hand(&shop, &context, many, &[]), None, "more than one record");
    let limits = "select id from account order by id limit $1";
    let two = [ScalarValue::Int64(Some(2))];
    assert_eq!(asked(&shop, &context, limits, &two).await, json!([{"id": "acc_1"}, {"id": "acc_2"}]));
    let one = [ScalarValue::Int64(Some(1))];
    assert_eq!(again(&shop, &context, limits, &one).await, Some(json!([{"id": "acc_1"}])));
}
