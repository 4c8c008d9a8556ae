//! What each kind of record looks like, and how many there are of it.

mod cases;
mod catalogue;
mod customers;
mod desk;
mod employees;
mod finance;
mod hiring;
mod knowledge;
mod marketing;
mod outreach;
mod people;
mod quotes;
mod sales;
mod work;
mod workdays;

use chrono::{Datelike, Days, NaiveDate};
use serde_json::{Map, Value, json};

use super::{DemoOptions, company::Company, draw::Draw, person::Person, words::Culture};
use crate::import::target::Upsert;

/// The records of one object.
#[derive(Clone, Copy)]
pub struct Kind {
    object: &'static str,
    /// What the object's ids begin with.
    prefix: &'static str,
    /// How many there are, or might be.
    count: fn(&World) -> u64,
    /// The record of a number; null when there is none of that number.
    make: fn(&World, u64) -> Value,
}

impl Kind {
    const fn of(
        object: &'static str,
        prefix: &'static str,
        count: fn(&World) -> u64,
        make: fn(&World, u64) -> Value,
    ) -> Kind {
        Kind { object, prefix, count, make }
    }

    /// Every kind after those that it refers to.
    pub const ALL: &'static [&'static [Kind]] = &[
        people::KINDS,
        &[marketing::CAMPAIGN],
        &[customers::ACCOUNT, customers::CONTACT, customers::LEAD],
        &[marketing::CAMPAIGN_MEMBER],
        &[sales::OPPORTUNITY],
        work::KINDS,
        outreach::KINDS,
        catalogue::KINDS,
        quotes::KINDS,
        finance::KINDS,
        desk::KINDS,
        knowledge::KINDS,
        cases::KINDS,
        employees::KINDS,
        hiring::KINDS,
        workdays::KINDS,
    ];
}

/// The company whose records these are: everything about it follows from the options.
#[derive(Clone, Copy, Debug)]
pub struct World {
    options: DemoOptions,
}

impl World {
    pub fn new(options: DemoOptions) -> Self {
        Self { options }
    }

    /// How many records there are of a kind, or might be.
    pub fn count(&self, kind: Kind) -> u64 {
        (kind.count)(self)
    }

    fn scale(&self) -> u64 {
        u64::from(self.options.scale)
    }

    /// One record of a kind, if there is one of that number.
    pub fn record(&self, kind: Kind, number: u64) -> Option<Upsert> {
        let Value::Object(fields) = (kind.make)(self, number) else { return None };
        let mut data = Map::from_iter([("id".to_owned(), json!(self.id(kind, number)))]);
        data.extend(fields);
        Some(Upsert { object: kind.object.into(), on: vec!["id".into()], data })
    }

    /// The id of a record: a ULID whose time grows with the number and whose rest is drawn.
    fn id(&self, kind: Kind, number: u64) -> String {
        /// 2024-01-01, in milliseconds.
        const FIRST_MILLIS: u64 = 1_704_067_200_000;
        let bits = Draw::of(self.options.seed, kind.object, number).bits();
        format!("{}_{}", kind.prefix, ulid::Ulid::from_parts(FIRST_MILLIS + number * 1_000, bits))
    }

    fn draw(&self, what: &str, number: u64) -> Draw {
        Draw::of(self.options.seed, what, number)
    }

    fn company(&self, account: u64) -> Company {
        Company::of(self.options.seed, account, if self.is_key_account(account) { 4.0 } else { 1.0 })
    }

    /// The first two fifths of the accounts are larger, and have most of the contacts and opportunities.
    fn is_key_account(&self, account: u64) -> bool {
        account < self.key_accounts()
    }

    fn key_accounts(&self) -> u64 {
        self.count(customers::ACCOUNT) * 2 / 5
    }

    /// The account of a further contact, opportunity or activity.
    fn any_account(&self, draw: &mut Draw) -> u64 {
        if draw.percent(70) {
            draw.below(self.key_accounts())
        } else {
            draw.below(self.count(customers::ACCOUNT))
        }
    }

    /// Who looks after an account, and all that belongs to it.
    fn owner_of(&self, account: u64) -> String {
        self.id(people::USER, self.seller_of(account))
    }

    fn today(&self) -> NaiveDate {
        self.options.today
    }

    /// The day `days` from today, before it when negative.
    fn day(&self, days: i64) -> NaiveDate {
        let distance = Days::new(days.unsigned_abs());
        let day = if days < 0 {
            self.today().checked_sub_days(distance)
        } else {
            self.today().checked_add_days(distance)
        };
        day.unwrap_or(self.today())
    }
}

/// Money as a record holds it.
fn money(amount: i64) -> String {
    format!("{amount}.00")
}

/// The last working day of the month, towards which deals are pushed.
fn month_end(day: NaiveDate) -> NaiveDate {
    let next = if day.month() == 12 { (day.year() + 1, 1) } else { (day.year(), day.month() + 1) };
    let mut last =
        NaiveDate::from_ymd_opt(next.0, next.1, 1).and_then(|first| first.pred_opt()).unwrap_or(day);
    while matches!(last.weekday(), chrono::Weekday::Sat | chrono::Weekday::Sun) {
        last = last.pred_opt().unwrap_or(day);
    }
    last
}

/// An instant during working hours, UTC.
fn instant(draw: &mut Draw, day: NaiveDate) -> String {
    format!("{day}T{:02}:{:02}:00Z", draw.between(8, 17), draw.pick(&[0, 15, 30, 45]))
}

/// The text in the reader's language: English, German, Chinese.
fn in_words(culture: Culture, texts: [&'static str; 3]) -> &'static str {
    match culture {
        Culture::English => texts[0],
        Culture::German => texts[1],
        Culture::Chinese => texts[2],
    }
}
