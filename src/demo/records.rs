//! What each kind of record looks like, and how many there are of it.

mod customers;
mod marketing;
mod sales;
mod work;

use chrono::{Datelike, Days, NaiveDate};
use serde_json::{Map, Value, json};

use super::{
    DemoOptions,
    company::Company,
    draw::Draw,
    person::Person,
    words::{Culture, Words},
};
use crate::import::target::Upsert;

/// The kinds, each an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    User,
    Queue,
    Campaign,
    Account,
    Contact,
    Lead,
    CampaignMember,
    Opportunity,
    Activity,
    Task,
    Note,
}

impl Kind {
    /// Every kind after those that it refers to.
    pub const ALL: &'static [Kind] = &[
        Kind::User,
        Kind::Queue,
        Kind::Campaign,
        Kind::Account,
        Kind::Contact,
        Kind::Lead,
        Kind::CampaignMember,
        Kind::Opportunity,
        Kind::Activity,
        Kind::Task,
        Kind::Note,
    ];

    /// Its object, and what the object's ids begin with.
    fn object(self) -> (&'static str, &'static str) {
        match self {
            Kind::User => ("user", "usr"),
            Kind::Queue => ("queue", "que"),
            Kind::Campaign => ("campaign", "cmp"),
            Kind::Account => ("account", "acc"),
            Kind::Contact => ("contact", "con"),
            Kind::Lead => ("lead", "led"),
            Kind::CampaignMember => ("campaign_member", "cmm"),
            Kind::Opportunity => ("opportunity", "opp"),
            Kind::Activity => ("activity", "act"),
            Kind::Task => ("task", "tsk"),
            Kind::Note => ("note", "nte"),
        }
    }
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

    /// How many records there are of a kind.
    pub fn count(&self, kind: Kind) -> u64 {
        let scale = u64::from(self.options.scale);
        match kind {
            Kind::User => 12 + 8 * scale,
            Kind::Queue => 3,
            Kind::Campaign => 24 * scale,
            Kind::Account => 500 * scale,
            Kind::Contact => 1_200 * scale,
            Kind::Lead => 800 * scale,
            Kind::CampaignMember | Kind::Opportunity => 1_500 * scale,
            Kind::Activity => 2_500 * scale,
            Kind::Task => 900 * scale,
            Kind::Note => 400 * scale,
        }
    }

    /// One record of a kind.
    pub fn record(&self, kind: Kind, number: u64) -> Upsert {
        let value = match kind {
            Kind::User => self.user(number),
            Kind::Queue => self.queue(number),
            Kind::Campaign => self.campaign(number),
            Kind::Account => self.account(number),
            Kind::Contact => self.contact(number),
            Kind::Lead => self.lead(number),
            Kind::CampaignMember => self.campaign_member(number),
            Kind::Opportunity => self.opportunity(number),
            Kind::Activity => self.activity(number),
            Kind::Task => self.task(number),
            Kind::Note => self.note(number),
        };
        let mut data = Map::from_iter([("id".to_owned(), json!(self.id(kind, number)))]);
        if let Value::Object(fields) = value {
            data.extend(fields);
        }
        Upsert { object: kind.object().0.into(), on: vec!["id".into()], data }
    }

    /// The id of a record: a ULID whose time grows with the number and whose rest is drawn.
    fn id(&self, kind: Kind, number: u64) -> String {
        /// 2024-01-01, in milliseconds.
        const FIRST_MILLIS: u64 = 1_704_067_200_000;
        let (object, prefix) = kind.object();
        let bits = Draw::of(self.options.seed, object, number).bits();
        format!("{prefix}_{}", ulid::Ulid::from_parts(FIRST_MILLIS + number * 1_000, bits))
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
        self.count(Kind::Account) * 2 / 5
    }

    /// The account of a further contact, opportunity or activity.
    fn any_account(&self, draw: &mut Draw) -> u64 {
        if draw.percent(70) { draw.below(self.key_accounts()) } else { draw.below(self.count(Kind::Account)) }
    }

    /// Who looks after an account, and all that belongs to it.
    fn owner_of(&self, account: u64) -> String {
        let number = self.draw("owner", account).below(self.count(Kind::User) - FIRST_SELLER) + FIRST_SELLER;
        self.id(Kind::User, number)
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

    fn user(&self, number: u64) -> Value {
        let mut draw = self.draw("user record", number);
        let culture = draw.weighted(super::words::CULTURES);
        let person = Person::numbered(culture, number);
        let Words { first, last, cities, .. } = super::words::words(culture);
        let again = number / (super::company::count(first) * super::company::count(last)) + 1;
        let username = person.mailbox(again);
        let (title, manager) = match number {
            0 => ("VP Sales", None),
            1..FIRST_SELLER => ("Sales Manager", Some(0)),
            _ => ("Account Executive", Some(number % (FIRST_SELLER - 1) + 1)),
        };
        let (locale, time_zone) = match culture {
            Culture::English => ("en", "America/New_York"),
            Culture::German => ("de", "Europe/Berlin"),
            Culture::Chinese => ("zh-CN", "Asia/Shanghai"),
        };
        let city = draw.pick(cities);
        json!({
            "name": person.name(),
            "username": username,
            "email": format!("{username}@quarry.example"),
            "title": title,
            "department": "Sales",
            "employee_number": format!("E{:05}", number + 1),
            "manager_id": manager.map(|manager| self.id(Kind::User, manager)),
            "phone": super::company::phone(&mut draw, &city),
            "locale": locale,
            "time_zone": time_zone,
        })
    }

    fn queue(&self, number: u64) -> Value {
        let (name, of, description) = super::company::entry(
            &[
                ("New Leads", "lead", "Leads that nobody has taken yet."),
                ("Renewals", "task", "Contracts that end within a quarter."),
                ("Sales Desk", "general", "What comes in by phone and mail."),
            ],
            number,
        );
        json!({
            "name": name,
            "queue_type": of,
            "description": description,
            "email_address": format!("{of}@quarry.example"),
        })
    }
}

/// Users before this one lead; this one and all after it sell.
const FIRST_SELLER: u64 = 4;

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
