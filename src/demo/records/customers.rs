//! Accounts, contacts and leads.

use serde_json::{Value, json};

use super::{Draw, Kind, Person, World, money};
use crate::demo::{
    company::{self, Company},
    words::{Culture, JOBS},
};

pub(super) const ACCOUNT: Kind = Kind::of("account", "acc", |world| 500 * world.scale(), World::account);
pub(super) const CONTACT: Kind = Kind::of("contact", "con", |world| 1_200 * world.scale(), World::contact);
pub(super) const LEAD: Kind = Kind::of("lead", "led", |world| 800 * world.scale(), World::lead);

impl World {
    pub(super) fn account(&self, number: u64) -> Value {
        let company = self.company(number);
        let mut draw = self.draw("account record", number);
        let status =
            draw.weighted(&[("active_customer", 55), ("prospect", 32), ("churned", 8), ("on_hold", 5)]);
        let of = match status {
            "prospect" => {
                draw.weighted(&[("prospect", 80), ("partner", 12), ("competitor", 3), ("other", 5)])
            }
            _ => draw.weighted(&[("customer", 90), ("partner", 10)]),
        };
        let is_customer = status == "active_customer";
        let tier = match company.employees {
            2_000.. => "platinum",
            500.. => "gold",
            100.. => "silver",
            _ => "standard",
        };
        let parent = (number > 20 && draw.percent(6)).then(|| self.id(ACCOUNT, draw.below(number.min(100))));
        json!({
            "name": company.name,
            "account_number": format!("A-{:06}", number + 1),
            "type": of,
            "industry": company.industry,
            "ownership": self.draw("ownership", number).weighted(&[("private", 70), ("public", 18), ("subsidiary", 9), ("state_owned", 3)]),
            "region": region(company.city.country),
            "annual_revenue": money(company.revenue),
            "number_of_employees": company.employees,
            "rating": draw.weighted(&[("hot", 20), ("warm", 45), ("cold", 35)]),
            "customer_status": status,
            "sla_tier": is_customer.then_some(tier),
            "next_renewal_date": is_customer.then(|| self.day(draw.between(-15, 360)).to_string()),
            "owner_id": self.owner_of(number),
            "parent_id": parent,
            "phone": company.phone,
            "website": format!("https://www.{}", company.domain),
            "email": format!("info@{}", company.domain),
            "billing_street": company.street,
            "billing_city": company.city.name,
            "billing_state": company.city.state,
            "billing_postal_code": company.postal_code,
            "billing_country": company.city.country,
            "shipping_street": company.street,
            "shipping_city": company.city.name,
            "shipping_state": company.city.state,
            "shipping_postal_code": company.postal_code,
            "shipping_country": company.city.country,
            "description": about(&company),
        })
    }

    /// The account of a contact, and which contact of that account it is, from 1: every account has a first one, key
    /// accounts have the rest.
    pub(super) fn place_of_contact(&self, contact: u64) -> (u64, u64) {
        match contact.checked_sub(self.count(ACCOUNT)) {
            None => (contact, 1),
            Some(further) => (further % self.key_accounts(), further / self.key_accounts() + 2),
        }
    }

    /// One of an account's contacts.
    pub(super) fn contact_of(&self, draw: &mut Draw, account: u64) -> u64 {
        let further = self.count(CONTACT) - self.count(ACCOUNT);
        if !self.is_key_account(account) || draw.percent(40) {
            return account;
        }
        let rounds = further / self.key_accounts();
        self.count(ACCOUNT) + draw.below(rounds) * self.key_accounts() + account
    }

    pub(super) fn contact(&self, number: u64) -> Value {
        let (account, place) = self.place_of_contact(number);
        let company = self.company(account);
        let mut draw = self.draw("contact record", number);
        let person = Person::any(&mut draw, company.culture);
        let (title, department, level, decides) = draw.weighted(JOBS);
        let channel = match company.culture {
            Culture::Chinese => draw.weighted(&[("wechat", 60), ("phone", 20), ("mobile", 20)]),
            _ => draw.weighted(&[("email", 60), ("phone", 25), ("mobile", 15)]),
        };
        let salutation = if draw.percent(6) { "dr" } else { draw.weighted(&[("mr", 50), ("ms", 50)]) };
        json!({
            "salutation": salutation,
            "first_name": person.first,
            "last_name": person.last,
            "account_id": self.id(ACCOUNT, account),
            "title": title,
            "department": department,
            "level": level,
            "email": format!("{}@{}", person.mailbox(place), company.domain),
            "phone": company.phone,
            "mobile_phone": draw.percent(70).then(|| company::phone(&mut draw, &company.city)),
            "preferred_contact": channel,
            "is_decision_maker": decides,
            "relationship_strength": draw.weighted(&[("strong", 18), ("medium", 40), ("weak", 22), ("unknown", 20)]),
        })
    }

    pub(super) fn lead(&self, number: u64) -> Value {
        let company = Company::of(self.options.seed, self.count(ACCOUNT) + number, 0.7);
        let mut draw = self.draw("lead record", number);
        let person = Person::any(&mut draw, company.culture);
        let (title, ..) = draw.weighted(JOBS);
        let rating = draw.weighted(&[("hot", 18), ("warm", 42), ("cold", 40)]);
        let is_pooled = draw.percent(9);
        let status = match is_pooled {
            true => "new",
            false => draw.weighted(&[
                ("new", 30),
                ("contacted", 32),
                ("qualified", 16),
                ("unqualified", 12),
                ("converted", 10),
            ]),
        };
        let entered = self.day(draw.between(-60, -1));
        json!({
            "first_name": person.first,
            "last_name": person.last,
            "company": company.name,
            "title": title,
            "status": status,
            "rating": rating,
            "lead_source": draw.weighted(&[("web", 48), ("phone_inquiry", 14), ("partner_referral", 18), ("purchased_list", 12), ("other", 8)]),
            "owner_id": self.owner_of(number + 7),
            "industry": company.industry,
            "number_of_employees": company.employees,
            "annual_revenue": money(company.revenue),
            "website": format!("https://www.{}", company.domain),
            "email": format!("{}@{}", person.mailbox(1), company.domain),
            "phone": company.phone,
            "street": company.street,
            "city": company.city.name,
            "state": company.city.state,
            "postal_code": company.postal_code,
            "country": company.city.country,
            "is_in_public_pool": is_pooled,
            "pool_entry_date": is_pooled.then(|| super::instant(&mut draw, entered)),
        })
    }
}

/// The sales region of a country.
fn region(country: &str) -> &'static str {
    match country {
        "China" => "greater_china",
        "United States" | "Canada" => "americas",
        "Australia" | "Singapore" => "asia_pacific",
        _ => "emea",
    }
}

fn about(company: &Company) -> String {
    let Company { name, city, employees, industry, .. } = company;
    match company.culture {
        Culture::English => format!(
            "{name} of {} has {employees} people and works in {}.",
            city.name,
            industry.replace('_', " ")
        ),
        Culture::German => format!("{name} aus {} mit {employees} Beschäftigten.", city.name),
        Culture::Chinese => format!("{name}，位于{}，员工{employees}人。", city.name),
    }
}
