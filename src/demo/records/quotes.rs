//! Quotes: one for each opportunity that has come so far, whose lines add up to its amount.

use serde_json::{Value, json};

use super::{
    Kind, World,
    catalogue::{PRICEBOOK, PRODUCT, QUOTE_TEMPLATE},
    customers::{ACCOUNT, CONTACT},
    in_words, instant, money,
    people::USER,
    sales::{OPPORTUNITY, Sale},
};
use crate::demo::words::Culture;

pub(super) const KINDS: &[Kind] = &[
    QUOTE,
    Kind::of("quote_line_item", "qli", |world| world.count(QUOTE) * LINES_MAX, World::quote_line),
    Kind::of("approval_request", "apr", |world| world.count(QUOTE), World::approval_request),
];
/// A quote has the number of its opportunity.
pub(super) const QUOTE: Kind = Kind::of("quote", "quo", |world| world.count(OPPORTUNITY), World::quote);

/// Lines of one quote at most.
const LINES_MAX: u64 = 3;

impl World {
    /// Whether the opportunity of this number has a quote, and its discount in percent.
    pub(super) fn quote_of(&self, sale: &Sale, number: u64) -> Option<i64> {
        let mut draw = self.draw("quote", number);
        let is_quoted = sale.is_quoted() && (!sale.is_lost() || draw.percent(60));
        is_quoted.then(|| draw.weighted(&[(0, 66), (5, 14), (8, 8), (12, 7), (18, 3), (25, 2)]))
    }

    fn quote(&self, number: u64) -> Value {
        let (sale, _) = self.sale(number);
        let Some(discount) = self.quote_of(&sale, number) else { return Value::Null };
        let mut draw = self.draw("quote record", number);
        let Sale { account, company, close, .. } = &sale;
        let written = *close - chrono::Days::new(draw.between(12, 40).unsigned_abs());
        let written = written.min(self.today());
        let ends = written + chrono::Days::new(30);
        let status = match (sale.is_won(), sale.is_lost()) {
            (true, _) => "accepted",
            (_, true) => draw.weighted(&[("declined", 70), ("expired", 30)]),
            _ if ends < self.today() => "expired",
            _ => draw.weighted(&[("sent", 60), ("draft", 20), ("in_review", 10), ("approved", 10)]),
        };
        let (pricebook, currency) = self.pricebook_of(company.culture);
        let template = match company.culture {
            Culture::English => 0,
            Culture::German => 1,
            Culture::Chinese => 2,
        };
        let contact = self.contact_of(&mut draw, *account);
        json!({
            "name": in_words(company.culture, ["Quote", "Angebot", "报价单"]).to_owned() + &format!(" {}", number + 1),
            "status": status,
            "opportunity_id": self.id(OPPORTUNITY, number),
            "account_id": self.id(ACCOUNT, *account),
            "contact_id": self.id(CONTACT, contact),
            "owner_id": self.owner_of(*account),
            "quote_date": written.to_string(),
            "expiration_date": ends.to_string(),
            "pricebook_id": self.id(PRICEBOOK, pricebook),
            "currency_code": currency,
            "discount_percent": discount.to_string(),
            "tax_percent": in_words(company.culture, ["0", "19", "13"]),
            "payment_terms": draw.weighted(&[("net_30", 60), ("net_60", 15), ("prepay_30", 15), ("full_prepayment", 10)]),
            "delivery_terms": draw.weighted(&[("remote_delivery", 40), ("cloud_deployment", 35), ("on_site_delivery", 25)]),
            "billing_street": company.street,
            "billing_city": company.city.name,
            "billing_state": company.city.state,
            "billing_postal_code": company.postal_code,
            "billing_country": company.city.country,
            "template_id": self.id(QUOTE_TEMPLATE, template),
        })
    }

    /// How many lines a quote has.
    fn lines_of(&self, quote: u64) -> u64 {
        self.draw("quote lines", quote).weighted(&[(1, 45), (2, 35), (3, 20)])
    }

    fn quote_line(&self, number: u64) -> Value {
        let (quote, line) = (number / LINES_MAX, number % LINES_MAX);
        let lines = self.lines_of(quote);
        if line >= lines {
            return Value::Null;
        }
        let (sale, _) = self.sale(quote);
        if self.quote_of(&sale, quote).is_none() {
            return Value::Null;
        }
        let mut draw = self.draw("quote line record", number);
        let (product, article) = self.any_article(&mut draw);
        // Even parts of the amount; the first line takes what is left over.
        let part = sale.amount / i64::try_from(lines).unwrap_or(1);
        let share = if line == 0 { sale.amount - part * i64::try_from(lines - 1).unwrap_or(0) } else { part };
        let wanted = (share / article.price.max(1)).clamp(1, 500);
        let quantity = (1..=wanted).rev().find(|quantity| share % quantity == 0).unwrap_or(1);
        let (pricebook, _) = self.pricebook_of(sale.company.culture);
        let price = money(share / quantity);
        json!({
            "quote_id": self.id(QUOTE, quote),
            "line_number": line + 1,
            "product_id": self.id(PRODUCT, product),
            "pricebook_entry_id": self.entry_of(pricebook, product),
            "description": article.name,
            "quantity": quantity.to_string(),
            "unit_of_measure": article.unit,
            "list_price": price,
            "unit_price": price,
            "billing_frequency": match article.family {
                "subscription" | "support" => "annual",
                _ => "one_time",
            },
        })
    }

    fn approval_request(&self, number: u64) -> Value {
        let (sale, _) = self.sale(number);
        let Some(discount @ 6..) = self.quote_of(&sale, number) else { return Value::Null };
        let mut draw = self.draw("approval request record", number);
        let (account, amount) = (sale.account, sale.amount);
        let asked = (sale.close - chrono::Days::new(draw.between(10, 30).unsigned_abs())).min(self.today());
        let is_decided = sale.is_won() || sale.is_lost();
        let approver = self.id(USER, if discount > 20 { 0 } else { 1 + number % 3 });
        json!({
            "name": format!("{discount} % for {}", sale.company.name),
            "request_type": "discount_approval",
            "status": if !is_decided { "pending" } else if draw.percent(88) { "approved" } else { "rejected" },
            "account_id": self.id(ACCOUNT, account),
            "opportunity_id": self.id(OPPORTUNITY, number),
            "quote_id": self.id(QUOTE, number),
            "original_price": money(amount),
            "proposed_price": money(amount * (100 - discount) / 100),
            "discount_percent": discount.to_string(),
            "discount_amount": money(amount * discount / 100),
            "reason_code": draw.weighted(&[
                ("competitive_match", 40),
                ("volume_discount", 25),
                ("strategic_account", 20),
                ("end_of_quarter", 15),
            ]),
            "business_justification": "The customer has a cheaper offer and decides this quarter.",
            "due_date": instant(&mut draw, asked + chrono::Days::new(2)),
            "approver_comments": is_decided.then(|| format!("Seen by {approver}.")),
        })
    }
}
