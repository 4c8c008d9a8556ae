//! Random records of the shop: few values, many gaps, so that filters and groups find several of them alike.

use serde_json::{Map, Value as Json, json};

use crate::dice::Dice;

pub type Record = Map<String, Json>;

/// What a field holds, as far as questions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Text,
    Industry,
    Stage,
    Choices,
    Exact,
    Whole,
    Flag,
    Day,
    Link,
}

pub const INDUSTRIES: [&str; 3] = ["tech", "retail", "energy"];
pub const TAGS: [&str; 3] = ["key", "new", "eu"];
pub const STAGES: [&str; 3] = ["open", "won", "lost"];
pub const WORDS: [&str; 8] = ["Acme", "acme", "Ärger", "50%_off", "a", "Zed", "acm", "x_y"];

/// Fields of an object that are asked for.
pub fn fields(object: &str) -> &'static [(&'static str, Holds)] {
    match object {
        "account" => &[
            ("id", Holds::Link),
            ("name", Holds::Text),
            ("industry", Holds::Industry),
            ("tags", Holds::Choices),
            ("revenue", Holds::Exact),
            ("budget", Holds::Exact),
            ("employees", Holds::Whole),
            ("active", Holds::Flag),
            ("founded", Holds::Day),
            ("parent_id", Holds::Link),
        ],
        "contact" => &[("id", Holds::Link), ("name", Holds::Text), ("account_id", Holds::Link)],
        "order" => &[
            ("id", Holds::Link),
            ("number", Holds::Text),
            ("stage", Holds::Stage),
            ("amount", Holds::Exact),
            ("closes", Holds::Day),
            ("account_id", Holds::Link),
            ("contact", Holds::Link),
        ],
        other => panic!("{other}"),
    }
}

/// Ways to one record: the relation, the field that holds its id, the object there.
pub fn to_one(object: &str) -> &'static [(&'static str, &'static str, &'static str)] {
    match object {
        "account" => &[("parent", "parent_id", "account")],
        "contact" => &[("account", "account_id", "account")],
        "order" => &[("account", "account_id", "account"), ("contact", "contact", "contact")],
        other => panic!("{other}"),
    }
}

/// Ways to many records: the relation, the object there, its field that refers back.
pub fn to_many(object: &str) -> &'static [(&'static str, &'static str, &'static str)] {
    match object {
        "account" => &[("contacts", "contact", "account_id"), ("orders", "order", "account_id")],
        "contact" => &[("orders", "order", "contact")],
        "order" => &[],
        other => panic!("{other}"),
    }
}

/// All records.
pub struct Records {
    accounts: Vec<Record>,
    contacts: Vec<Record>,
    orders: Vec<Record>,
}

impl Records {
    pub fn random(dice: &mut Dice) -> Records {
        let count = |dice: &mut Dice, most: u64| 1 + dice.roll(most);
        let accounts: Vec<String> = (0..count(dice, 12)).map(|n| format!("acc_{n:02}")).collect();
        let contacts: Vec<String> = (0..count(dice, 16)).map(|n| format!("con_{n:02}")).collect();
        let orders: Vec<String> = (0..count(dice, 40)).map(|n| format!("ord_{n:02}")).collect();
        let account = |dice: &mut Dice, id: &String, before: &[String]| {
            filled(
                json!({"id": id, "name": one(dice, &WORDS), "industry": maybe(dice, |dice| one(dice, &INDUSTRIES).into()),
                "tags": maybe(dice, |dice| TAGS.iter().filter(|_| dice.roll(2) == 0).copied().collect()),
                "revenue": maybe(dice, exact), "budget": maybe(dice, exact),
                "employees": maybe(dice, |dice| dice.roll(5).into()), "active": maybe(dice, |dice| (dice.roll(2) == 0).into()),
                "founded": maybe(dice, day), "parent_id": link(dice, before)}),
            )
        };
        let contact = |dice: &mut Dice, id: &String| {
            filled(json!({"id": id, "name": one(dice, &WORDS), "account_id": link(dice, &accounts)}))
        };
        let order = |dice: &mut Dice, id: &String| {
            filled(
                json!({"id": id, "number": id, "stage": maybe(dice, |dice| one(dice, &STAGES).into()), "amount": maybe(dice, exact),
                "closes": maybe(dice, day), "account_id": link(dice, &accounts), "contact": link(dice, &contacts)}),
            )
        };
        Records {
            accounts: (0..).zip(&accounts).map(|(at, id)| account(dice, id, &accounts[..at])).collect(),
            contacts: contacts.iter().map(|id| contact(dice, id)).collect(),
            orders: orders.iter().map(|id| order(dice, id)).collect(),
        }
    }

    /// The same records changed, or left out.
    pub fn changed(&self, change: impl Fn(&'static str, &Record) -> Option<Record>) -> Records {
        let all = |object: &'static str| {
            self.of(object).iter().filter_map(|record| change(object, record)).collect()
        };
        Records { accounts: all("account"), contacts: all("contact"), orders: all("order") }
    }

    pub fn each(&self) -> [(&'static str, &[Record]); 3] {
        [("account", &self.accounts), ("contact", &self.contacts), ("order", &self.orders)]
    }

    pub fn of(&self, object: &str) -> &[Record] {
        self.each().into_iter().find(|(name, _)| *name == object).unwrap().1
    }
}

pub fn one<'a>(dice: &mut Dice, of: &[&'a str]) -> &'a str {
    dice.one(of)
}

pub fn maybe(dice: &mut Dice, value: impl Fn(&mut Dice) -> Json) -> Json {
    if dice.roll(4) == 0 { Json::Null } else { value(dice) }
}

pub fn exact(dice: &mut Dice) -> Json {
    ["0.00", "0.01", "99.99", "100.00", "-5.50"][dice.place(5)].into()
}

pub fn day(dice: &mut Dice) -> Json {
    ["2023-12-31", "2024-01-01", "2024-02-29", "2024-06-30", "2025-01-01"][dice.place(5)].into()
}

fn link(dice: &mut Dice, to: &[String]) -> Json {
    if to.is_empty() {
        return Json::Null;
    }
    maybe(dice, |dice| to[dice.place(to.len())].clone().into())
}

/// Without the fields that have no value.
fn filled(record: Json) -> Record {
    let Json::Object(record) = record else { panic!("{record}") };
    record.into_iter().filter(|(_, value)| !value.is_null()).collect()
}
