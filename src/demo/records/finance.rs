//! What follows from a sale that was won: a contract, invoices twice a year, and money that comes in, mostly in time.

use chrono::{Days, Months, NaiveDate};
use serde_json::{Value, json};

use super::{
    Kind, World,
    catalogue::PRODUCT,
    customers::ACCOUNT,
    money,
    quotes::QUOTE,
    sales::{OPPORTUNITY, Sale},
};

pub(super) const KINDS: &[Kind] = &[
    CONTRACT,
    INVOICE,
    Kind::of("invoice_line", "ivl", |world| world.count(INVOICE), World::invoice_line),
    Kind::of("payment", "pay", |world| world.count(INVOICE), World::payment),
];
/// A contract has the number of its opportunity.
pub(super) const CONTRACT: Kind =
    Kind::of("contract", "ctr", |world| world.count(OPPORTUNITY), World::contract_record);
const INVOICE: Kind = Kind::of("invoice", "inv", |world| world.count(CONTRACT) * PARTS, World::invoice);

/// Each contract is paid in so many parts, half a year apart.
const PARTS: u64 = 4;
/// Days that a customer has to pay.
const TERM_DAYS: u64 = 30;

/// What its invoices have to know of a contract.
pub(super) struct Contract {
    pub(super) sale: Sale,
    pub(super) start: NaiveDate,
    pub(super) end: NaiveDate,
    months: u32,
    status: &'static str,
}

/// One of a contract's parts.
struct Bill {
    contract: Contract,
    number_of_contract: u64,
    part: u64,
    amount: i64,
    day: NaiveDate,
    due: NaiveDate,
}

impl World {
    /// The contract of opportunity `number`, if it was won.
    pub(super) fn contract(&self, number: u64) -> Option<Contract> {
        let (sale, _) = self.sale(number);
        if !sale.is_won() {
            return None;
        }
        let mut draw = self.draw("contract record", number);
        let start = sale.close + Days::new(draw.between(3, 24).unsigned_abs());
        let months = draw.weighted(&[(12, 70), (24, 20), (36, 10)]);
        let end = start + Months::new(months) - Days::new(1);
        let status = match (start > self.today(), end < self.today()) {
            (true, _) => draw.weighted(&[("in_approval", 60), ("draft", 40)]),
            (_, true) => draw.weighted(&[("completed", 95), ("terminated", 5)]),
            _ => draw.weighted(&[("activated", 95), ("on_hold", 3), ("terminated", 2)]),
        };
        Some(Contract { sale, start, end, months, status })
    }

    fn contract_record(&self, number: u64) -> Value {
        let Some(contract) = self.contract(number) else { return Value::Null };
        let Contract { sale, start, months, status, .. } = &contract;
        json!({
            "account": self.id(ACCOUNT, sale.account),
            "opportunity": self.id(OPPORTUNITY, number),
            "owner_id": self.owner_of(sale.account),
            "status": status,
            "start_date": start.to_string(),
            "contract_term": months,
            "contract_value": money(sale.amount),
        })
    }

    /// Part `number` of all contracts, if it is due by now or promised for later.
    fn bill(&self, number: u64) -> Option<Bill> {
        let (number_of_contract, part) = (number / PARTS, number % PARTS);
        let contract = self.contract(number_of_contract)?;
        if matches!(contract.status, "draft" | "in_approval" | "terminated") {
            return None;
        }
        let parts = i64::try_from(PARTS).unwrap_or(1);
        let even = contract.sale.amount / parts;
        let amount = if part == 0 { contract.sale.amount - even * (parts - 1) } else { even };
        let day = contract.start + Days::new(182 * part);
        Some(Bill { contract, number_of_contract, part, amount, day, due: day + Days::new(TERM_DAYS) })
    }

    /// When a bill was paid: some days before it was due or after, and a few not at all yet.
    fn paid_on(&self, number: u64, bill: &Bill) -> Option<NaiveDate> {
        let mut draw = self.draw("payment", number);
        let late: i64 = draw.weighted(&[(-8, 25), (-2, 40), (4, 20), (18, 10), (45, 5)]);
        let shift = Days::new(late.unsigned_abs());
        let paid = if late < 0 { bill.due - shift } else { bill.due + shift };
        (paid <= self.today() && draw.percent(98)).then_some(paid)
    }

    fn invoice(&self, number: u64) -> Value {
        let Some(bill) = self.bill(number).filter(|bill| bill.day <= self.today()) else {
            return Value::Null;
        };
        let status = match self.paid_on(number, &bill) {
            Some(_) => "paid",
            None if bill.day + Days::new(3) > self.today() => "draft",
            None => "posted",
        };
        json!({
            "account": self.id(ACCOUNT, bill.contract.sale.account),
            "contract": self.id(CONTRACT, bill.number_of_contract),
            "owner_id": self.owner_of(bill.contract.sale.account),
            "status": status,
            "invoice_date": bill.day.to_string(),
            "due_date": bill.due.to_string(),
            "payment_terms": "net_30",
        })
    }

    fn invoice_line(&self, number: u64) -> Value {
        let Some(bill) = self.bill(number).filter(|bill| bill.day <= self.today()) else {
            return Value::Null;
        };
        let (product, article) =
            self.any_article(&mut self.draw("invoice line record", bill.number_of_contract));
        json!({
            "invoice": self.id(INVOICE, number),
            "product": self.id(PRODUCT, product),
            "description": format!("{}, part {} of {PARTS}", article.name, bill.part + 1),
            "quantity": "1",
            "unit_price": money(bill.amount),
        })
    }

    fn payment(&self, number: u64) -> Value {
        let Some(bill) = self.bill(number) else { return Value::Null };
        let paid = self.paid_on(number, &bill);
        let sale = &bill.contract.sale;
        let status = match paid {
            Some(_) => "received",
            None if bill.due < self.today() => "overdue",
            None if bill.day <= self.today() => "invoiced",
            None => "planned",
        };
        let quote = self.quote_of(sale, bill.number_of_contract);
        let mut draw = self.draw("payment record", number);
        json!({
            "name": format!("Part {} of {PARTS}", bill.part + 1),
            "type": if bill.part == 0 { "down_payment" } else { "final_payment" },
            "status": status,
            "account": self.id(ACCOUNT, sale.account),
            "contract": self.id(CONTRACT, bill.number_of_contract),
            "opportunity": self.id(OPPORTUNITY, bill.number_of_contract),
            "quote": quote.map(|_| self.id(QUOTE, bill.number_of_contract)),
            "owner_id": self.owner_of(sale.account),
            "planned_amount": money(bill.amount),
            "planned_date": bill.due.to_string(),
            "received_amount": paid.map(|_| money(bill.amount)),
            "actual_date": paid.map(|day| day.to_string()),
            "payment_method": paid.map(|_| draw.weighted(&[("bank_transfer", 86), ("credit_card", 8), ("check", 6)])),
        })
    }
}
