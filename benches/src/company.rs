//! A company of any size: the same records for the same sizes.
//!
//! 200 people sell. Half of them are below the lead, all of them below the head. Where strangers are wanted, of fifty accounts one belongs
//! to somebody who is below nobody, while its opportunities are its seller's, so that leads see opportunities of accounts that they do not
//! see; without them the head sees every record, each by way of his policy.
//!
//! [`Company`] makes the records, as JSON by number; [`load`] puts them through the engine's pipeline, [`tables`] tells what columns and
//! indexes the same records have elsewhere.

pub mod load;
pub mod tables;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::process::package_folders;

/// Below whom half of the sellers are.
pub const LEAD: &str = "bench_lead";
/// Below whom all of them are.
pub const HEAD: &str = "bench_head";
/// Who asks in the benchmark: all sellers are below him, and no field is hidden from him.
pub const SALES: &str = "bench_sales";
/// What the first two have: a permission set of [`package`]. [`SALES`] has one of his own name.
pub const SET: &str = "bench_lead";
/// People who sell.
pub const SELLERS: u64 = 200;
/// Of so many accounts one is a stranger's.
const STRANGERS_EVERY: u64 = 50;

/// How many records there are.
#[derive(Clone, Copy, Debug)]
pub struct Company {
    /// Accounts.
    pub accounts: u64,
    /// Contacts, one account's after the other's.
    pub contacts: u64,
    /// Opportunities.
    pub opportunities: u64,
    /// Activities.
    pub activities: u64,
    /// Whether some accounts belong to somebody who is below nobody.
    pub strangers: bool,
}

/// The package that declares [`SET`].
pub fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("latency/package")
}

/// The packages that are served.
pub fn packages() -> Vec<PathBuf> {
    package_folders(Some(&package()))
}

/// The id of an account.
pub fn account_id(number: u64) -> String {
    format!("acc_{number:09}")
}

/// The id of a contact.
pub fn contact_id(number: u64) -> String {
    format!("con_{number:09}")
}

/// The id of an opportunity.
pub fn opportunity_id(number: u64) -> String {
    format!("opp_{number:09}")
}

/// The id of someone who sells; those with even numbers are below the lead.
pub fn seller_id(number: u64) -> String {
    format!("usr_seller_{number:03}")
}

/// The name of someone who sells.
pub fn seller_name(number: u64) -> String {
    format!("seller{number}")
}

impl Company {
    /// A company of about so many records, in the proportions of the demo: an account, two contacts, five opportunities, ten activities.
    pub fn of(records: u64) -> Company {
        let accounts = (records / 18).max(10);
        Company {
            accounts,
            contacts: accounts * 2,
            opportunities: accounts * 5,
            activities: accounts * 10,
            strangers: false,
        }
    }

    /// All records.
    pub fn records(&self) -> u64 {
        self.accounts + self.contacts + self.opportunities + self.activities
    }

    /// An account that both leads see: the next one from this number on.
    pub fn seen_by_all(&self, number: u64) -> Option<u64> {
        let seen = |n: &u64| !self.is_strangers(*n) && seller_of(*n).is_multiple_of(2);
        (number..self.accounts).chain(0..number).find(seen)
    }

    /// Someone who sells.
    pub fn seller(number: u64) -> Value {
        json!({ "id": seller_id(number), "name": seller_name(number) })
    }

    /// An account.
    pub fn account(&self, number: u64) -> Value {
        let draw = Draw(number, 1);
        let employees = draw.below(0, 5_000) + 1;
        let owner =
            if self.is_strangers(number) { "usr_stranger".into() } else { seller_id(seller_of(number)) };
        json!({
            "id": account_id(number),
            "name": format!("Company {number}"),
            "account_number": format!("A-{number:08}"),
            "type": draw.pick(1, &["prospect", "customer", "partner", "competitor", "other"]),
            "industry": draw.pick(2, &["technology", "finance", "manufacturing", "retail", "healthcare",
                "education", "real_estate", "energy", "consulting", "other"]),
            "ownership": draw.pick(3, &["private", "public", "subsidiary", "other"]),
            "region": draw.pick(4, &["americas", "emea", "greater_china", "asia_pacific"]),
            "annual_revenue": format!("{}.00", employees * 90_000),
            "number_of_employees": employees,
            "rating": draw.pick(5, &["hot", "warm", "cold"]),
            "customer_status": draw.pick(6, &["prospect", "active_customer", "churned", "on_hold"]),
            "sla_tier": draw.pick(7, &["platinum", "gold", "silver", "standard"]),
            "health_score": draw.below(8, 101),
            "next_renewal_date": day(draw.below(9, 730)),
            "owner_id": owner,
            "sic_code": format!("{}", 1_000 + draw.below(10, 8_000)),
            "ticker_symbol": format!("T{}", draw.below(11, 10_000)),
            "phone": format!("+1 202 555 {:04}", draw.below(12, 10_000)),
            "fax": format!("+1 202 556 {:04}", draw.below(13, 10_000)),
            "website": format!("https://company{number}.example.com"),
            "email": format!("office@company{number}.example.com"),
            "billing_street": format!("{} Main Street", draw.below(14, 999) + 1),
            "billing_city": draw.pick(15, CITIES),
            "billing_postal_code": format!("{:05}", draw.below(16, 100_000)),
            "billing_country": draw.pick(17, &["United States", "Germany", "China", "France", "Japan"]),
            "shipping_street": format!("{} Harbour Road", draw.below(18, 999) + 1),
            "shipping_city": draw.pick(19, CITIES),
            "shipping_postal_code": format!("{:05}", draw.below(20, 100_000)),
            "shipping_country": draw.pick(21, &["United States", "Germany", "China", "France", "Japan"]),
            "description": format!("Company {number} of {employees} people, looked after since {}.", day(draw.below(22, 2_000))),
            "tax_number": format!("T{:012}", draw.below(23, 1_000_000_000_000)),
        })
    }

    /// A contact.
    pub fn contact(&self, number: u64) -> Value {
        let draw = Draw(number, 2);
        json!({
            "id": contact_id(number),
            "first_name": draw.pick(0, &["Ann", "Ben", "Chen", "Dora", "Emil", "Fang", "Grete", "Hans"]),
            "last_name": format!("{}{}", draw.pick(1, &["Smith", "Meyer", "Wang", "Jones", "Li"]), number % 1_000),
            "account_id": account_id(number % self.accounts.max(1)),
            "title": draw.pick(2, &["Buyer", "Head of IT", "Controller", "Assistant"]),
            "email": format!("person{number}@example.com"),
            "mobile_phone": format!("+1 202 557 {:04}", draw.below(3, 10_000)),
        })
    }

    /// An opportunity.
    pub fn opportunity(&self, number: u64) -> Value {
        let draw = Draw(number, 3);
        let account = self.account_of(number);
        let days = draw.below(1, 1_460);
        let minutes = draw.below(2, 1_440);
        json!({
            "id": opportunity_id(number),
            "name": format!("Sale {number} to company {account}"),
            "account_id": account_id(account),
            "contact_id": contact_id(account),
            "amount": format!("{}.00", 500 + draw.below(3, 200_000)),
            "stage": draw.pick(4, &["prospecting", "qualification", "needs_analysis", "proposal", "negotiation",
                "closed_won", "closed_won", "closed_lost", "closed_lost", "closed_lost"]),
            "probability": draw.below(5, 101),
            "close_date": day(days),
            "type": draw.pick(6, &["new_business", "existing_business_upgrade", "existing_business_renewal"]),
            "lead_source": draw.pick(7, &["web", "phone_inquiry", "partner_referral", "trade_show", "other"]),
            "forecast_category": draw.pick(8, &["pipeline", "best_case", "commit", "closed"]),
            "loss_reason": draw.pick(9, &["price", "product", "competitor", "other"]),
            "next_step": draw.pick(10, &["Call", "Send the offer", "Visit", "Wait"]),
            "owner_id": seller_id(seller_of(account)),
            "decided_at": format!("{}T{:02}:{:02}:00Z", day(days), minutes / 60, minutes % 60),
        })
    }

    /// An activity. None of those that would write to its account is over: no peer has the rule that does.
    pub fn activity(&self, number: u64) -> Value {
        let draw = Draw(number, 5);
        let opportunity = draw.below(0, self.opportunities);
        let account = self.account_of(opportunity);
        let kind = draw.pick(1, &["call", "email", "meeting", "demo", "task", "note"]);
        let status = match kind {
            "note" => "completed",
            _ => draw.pick(2, &["planned", "planned", "in_progress", "cancelled", "deferred"]),
        };
        let minutes = draw.below(3, 1_440);
        json!({
            "id": format!("act_{number:09}"),
            "subject": format!("{kind} {number}"),
            "type": kind,
            "status": status,
            "priority": draw.pick(4, &["high", "medium", "low"]),
            "owner_id": seller_id(seller_of(account)),
            "who_id": contact_id(account),
            "what_id": account_id(account),
            "opportunity_id": opportunity_id(opportunity),
            "activity_date": format!("{}T{:02}:{:02}:00Z", day(draw.below(5, 1_460)), minutes / 60, minutes % 60),
            "duration_in_minutes": draw.below(6, 8) * 15 + 15,
            "location": format!("Room {}", draw.below(7, 100)),
            "email_subject": format!("About sale {opportunity}"),
        })
    }

    fn account_of(&self, opportunity: u64) -> u64 {
        Draw(opportunity, 3).below(0, self.accounts)
    }

    fn is_strangers(&self, account: u64) -> bool {
        self.strangers && account % STRANGERS_EVERY == 7
    }
}

const CITIES: &[&str] = &["Boston", "Hamburg", "Shanghai", "Lyon", "Osaka", "Denver", "Ulm", "Nanjing"];

fn seller_of(account: u64) -> u64 {
    Draw(account, 4).below(0, SELLERS)
}

/// So many days after the first one of 2023.
fn day(days: u64) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2023, 1, 1).unwrap_or_default();
    (first + chrono::Days::new(days)).to_string()
}

/// What is by chance about a record: by its number and kind, the same every time.
struct Draw(u64, u64);

impl Draw {
    fn below(&self, what: u64, end: u64) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        let mut bits = ((self.0 << 12) ^ (self.1 << 6) ^ what).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) % end.max(1)
    }

    fn pick<'a>(&self, what: u64, table: &[&'a str]) -> &'a str {
        let turn = self.below(what, u64::try_from(table.len()).unwrap_or(1));
        usize::try_from(turn).ok().and_then(|turn| table.get(turn)).copied().unwrap_or_default()
    }
}
