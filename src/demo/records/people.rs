//! Who works with the system: users with their roles and teams, and the queues that work waits in.

use serde_json::{Value, json};

use super::{Draw, Kind, Person, World};
use crate::demo::{
    company,
    words::{self, Culture, Words},
};

pub(super) const KINDS: &[Kind] =
    &[ROLE, USER, TEAM, Kind::of("team_member", "tmm", |world| world.count(USER), World::team_member), QUEUE];
const ROLE: Kind = Kind::of("role", "rol", |_| company::count(ROLES), World::role);
pub(super) const USER: Kind = Kind::of("user", "usr", |world| world.sellers() + world.agents(), World::user);
const TEAM: Kind = Kind::of("team", "tea", |_| company::count(TEAMS), World::team);
pub(super) const QUEUE: Kind = Kind::of("queue", "que", |_| company::count(QUEUES), World::queue);

/// Users before this one lead; this one and those after it sell.
const FIRST_SELLER: u64 = 4;

/// A role with the one above it.
const ROLES: &[(&str, Option<u64>)] = &[
    ("Management", None),
    ("Sales Manager", Some(0)),
    ("Account Executive", Some(1)),
    ("Head of Support", Some(0)),
    ("Support Agent", Some(3)),
];

const TEAMS: &[(&str, &str)] = &[
    ("Field Sales", "Looks after the key accounts."),
    ("Inside Sales", "Sells by phone and mail."),
    ("Customer Care", "Answers and mends."),
];

/// A queue: its name, what waits in it, its mailbox, what it is for.
const QUEUES: &[(&str, &str, &str, &str)] = &[
    ("New Leads", "lead", "leads", "Leads that nobody has taken yet."),
    ("Renewals", "task", "renewals", "Contracts that end within a quarter."),
    ("Sales Desk", "general", "sales", "What comes in by phone and mail."),
    ("First Line", "technical", "help", "Every new case that no rule sends elsewhere."),
    ("Product Experts", "product", "experts", "Cases that need someone who knows the product by heart."),
    ("Billing Desk", "billing", "billing", "Questions about invoices and payments."),
    ("Key Accounts", "vip", "vip", "Cases of customers with the best service levels."),
];
/// Queues before this one are not for cases.
const FIRST_CASE_QUEUE: u64 = 3;

impl World {
    pub(super) fn sellers(&self) -> u64 {
        12 + 8 * self.scale()
    }

    pub(super) fn agents(&self) -> u64 {
        6 + 2 * self.scale()
    }

    /// The number of the user who looks after an account, and all that belongs to it.
    pub(super) fn seller_of(&self, account: u64) -> u64 {
        self.draw("owner", account).below(self.sellers() - FIRST_SELLER) + FIRST_SELLER
    }

    /// An agent by number, counted round and round; the first one leads.
    pub(super) fn agent(&self, number: u64) -> String {
        self.id(USER, self.sellers() + number % self.agents())
    }

    /// One of the queues for cases.
    pub(super) fn case_queue(&self, draw: &mut Draw) -> String {
        self.id(QUEUE, draw.weighted(&[(3, 50), (4, 25), (5, 15), (6, 10)]))
    }

    /// A queue for cases, by number.
    pub(super) fn case_queue_at(&self, number: u64) -> String {
        self.id(QUEUE, FIRST_CASE_QUEUE + number % (company::count(QUEUES) - FIRST_CASE_QUEUE))
    }

    fn role(&self, number: u64) -> Value {
        let (name, above) = company::entry(ROLES, number);
        json!({ "name": name, "parent_role_id": above.map(|above| self.id(ROLE, above)) })
    }

    fn user(&self, number: u64) -> Value {
        let mut draw = self.draw("user record", number);
        let culture = draw.weighted(words::CULTURES);
        let person = Person::numbered(culture, number);
        let Words { first, last, cities, .. } = words::words(culture);
        let again = number / (company::count(first) * company::count(last)) + 1;
        let username = person.mailbox(again);
        let first_agent = self.sellers();
        let (title, department, role, manager) = match number {
            0 => ("VP Sales", "Sales", 0, None),
            1..FIRST_SELLER => ("Sales Manager", "Sales", 1, Some(0)),
            _ if number < first_agent => {
                ("Account Executive", "Sales", 2, Some(number % (FIRST_SELLER - 1) + 1))
            }
            _ if number == first_agent => ("Head of Support", "Customer Care", 3, Some(0)),
            _ => ("Support Agent", "Customer Care", 4, Some(first_agent)),
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
            "department": department,
            "employee_number": format!("E{:05}", number + 1),
            "role_id": self.id(ROLE, role),
            "manager_id": manager.map(|manager| self.id(USER, manager)),
            "phone": company::phone(&mut draw, &city),
            "locale": locale,
            "time_zone": time_zone,
        })
    }

    fn team(&self, number: u64) -> Value {
        let (name, description) = company::entry(TEAMS, number);
        let lead = if number == 2 { self.sellers() } else { number + 1 };
        json!({ "name": name, "description": description, "lead_id": self.id(USER, lead) })
    }

    fn team_member(&self, number: u64) -> Value {
        let team = if number < self.sellers() { number % 2 } else { 2 };
        let joined = self.day(-self.draw("team member record", number).between(30, 1_500));
        json!({
            "team_id": self.id(TEAM, team),
            "user_id": self.id(USER, number),
            "joined_date": joined.to_string(),
        })
    }

    fn queue(&self, number: u64) -> Value {
        let (name, kind, mailbox, description) = company::entry(QUEUES, number);
        let team = if number < FIRST_CASE_QUEUE { 1 } else { 2 };
        json!({
            "name": name,
            "queue_type": kind,
            "description": description,
            "email_address": format!("{mailbox}@quarry.example"),
            "team_id": self.id(TEAM, team),
            "routing_method": if number < FIRST_CASE_QUEUE { "manual" } else { "load_balanced" },
        })
    }
}
