//! What is sold, and for how much: products, pricebooks, bundles, and the rules of discounts.

use serde_json::{Value, json};

use super::{Draw, Kind, World, money, people::USER};
use crate::demo::{company, words::Culture};

pub(super) const KINDS: &[Kind] = &[
    PRODUCT,
    PRICEBOOK,
    PRICEBOOK_ENTRY,
    BUNDLE,
    Kind::of(
        "product_bundle_component",
        "pbc",
        |_| company::count(BUNDLES) * BUNDLE_PARTS_MAX,
        World::bundle_component,
    ),
    QUOTE_TEMPLATE,
    APPROVAL_MATRIX,
    Kind::of("discount_schedule", "dsc", |_| company::count(SCHEDULES), World::discount_schedule),
    Kind::of("price_rule", "prr", |_| company::count(PRICE_RULES), World::price_rule),
];
pub(super) const PRODUCT: Kind = Kind::of("product", "prd", |_| company::count(PRODUCTS), World::product);
pub(super) const PRICEBOOK: Kind =
    Kind::of("pricebook", "pbk", |_| company::count(PRICEBOOKS), World::pricebook);
pub(super) const PRICEBOOK_ENTRY: Kind = Kind::of(
    "pricebook_entry",
    "pbe",
    |_| company::count(PRICEBOOKS) * company::count(PRODUCTS),
    World::pricebook_entry,
);
const BUNDLE: Kind = Kind::of("product_bundle", "bun", |_| company::count(BUNDLES), World::bundle);
pub(super) const QUOTE_TEMPLATE: Kind = Kind::of("quote_template", "qtp", |_| 3, World::quote_template);
const APPROVAL_MATRIX: Kind = Kind::of("approval_matrix", "apm", |_| 1, World::approval_matrix);

/// Products of one bundle at most.
const BUNDLE_PARTS_MAX: u64 = 4;

/// A product: what it is, its price and its cost in whole units of money.
#[derive(Clone, Copy)]
pub(super) struct Article {
    pub(super) name: &'static str,
    pub(super) code: &'static str,
    pub(super) family: &'static str,
    pub(super) unit: &'static str,
    pub(super) price: i64,
    cost: i64,
}

const fn article(
    name: &'static str,
    code: &'static str,
    family: &'static str,
    unit: &'static str,
    (price, cost): (i64, i64),
) -> Article {
    Article { name, code, family, unit, price, cost }
}

const PRODUCTS: &[Article] = &[
    article("Data Platform Standard", "DP-STD", "subscription", "year", (12_000, 3_000)),
    article("Data Platform Enterprise", "DP-ENT", "subscription", "year", (36_000, 8_200)),
    article("Analytics Seat", "AN-SEAT", "subscription", "license", (480, 90)),
    article("Analytics Server", "AN-SRV", "software", "license", (9_800, 1_500)),
    article("Mobile App", "MB-APP", "software", "license", (240, 40)),
    article("Mobile App for Field Service", "MB-FLD", "software", "license", (360, 60)),
    article("Forecasting Module", "FC-MOD", "software", "license", (5_200, 900)),
    article("Security Scanner", "SC-SCN", "software", "license", (6_400, 1_200)),
    article("Edge Gateway", "ED-GW", "hardware", "unit", (890, 520)),
    article("Edge Gateway Pro", "ED-GWP", "hardware", "unit", (1_490, 860)),
    article("Sensor Kit", "SN-KIT", "hardware", "set", (320, 175)),
    article("Rack Server", "RK-SRV", "hardware", "unit", (6_900, 4_800)),
    article("Barcode Scanner", "BC-SCN", "hardware", "unit", (410, 230)),
    article("Rugged Tablet", "TB-RUG", "hardware", "unit", (1_250, 840)),
    article("System Integration", "PS-INT", "professional_services", "day", (1_400, 820)),
    article("Data Migration", "PS-MIG", "professional_services", "day", (1_250, 760)),
    article("Security Review", "CN-SEC", "consulting", "day", (1_600, 900)),
    article("Process Workshop", "CN-WRK", "consulting", "day", (1_800, 950)),
    article("Administrator Training", "TR-ADM", "training", "day", (950, 380)),
    article("User Training", "TR-USR", "training", "day", (700, 300)),
    article("Annual Support Basic", "SU-BAS", "support", "year", (2_400, 900)),
    article("Annual Support Premium", "SU-PRM", "support", "year", (7_200, 2_600)),
    article("Hosting", "HO-STD", "subscription", "month", (300, 110)),
    article("Data Platform Classic", "DP-CLS", "software", "license", (8_000, 1_900)),
];
/// The last product is not sold any more.
const DISCONTINUED: u64 = 23;

/// A pricebook: its name, currency, rate, region, channel and what a list price is multiplied by, in percent.
type Prices = (&'static str, &'static str, &'static str, Option<&'static str>, &'static str, i64);

const PRICEBOOKS: &[Prices] = &[
    ("Standard", "CNY", "1.000000", None, "direct", 100),
    ("Europe", "EUR", "7.850000", Some("emea"), "direct", 104),
    ("Americas", "USD", "7.120000", Some("americas"), "direct", 108),
    ("Partners", "CNY", "1.000000", None, "partner", 82),
];

/// A bundle: its name, code, discount in percent and its products by number, with quantities.
type Bundle = (&'static str, &'static str, i64, &'static [(u64, i64)]);

const BUNDLES: &[Bundle] = &[
    ("Platform Starter", "B-START", 8, &[(0, 1), (2, 10), (15, 3), (20, 1)]),
    ("Platform Enterprise", "B-ENT", 12, &[(1, 1), (3, 1), (14, 10), (21, 1)]),
    ("Connected Plant", "B-PLANT", 10, &[(9, 4), (10, 8), (6, 1), (14, 5)]),
    ("Field Team", "B-FIELD", 6, &[(5, 10), (13, 10), (19, 2)]),
];

/// A schedule: name, code, kind, first and last day from today, usual and largest discount.
type Schedule = (&'static str, &'static str, &'static str, (i64, i64), (i64, i64));

const SCHEDULES: &[Schedule] = &[
    ("Spring Start", "SPRING", "seasonal", (-260, -200), (8, 12)),
    ("End of Quarter", "EOQ", "end_of_quarter", (-20, 25), (5, 15)),
    ("New Customers", "WELCOME", "new_customer", (-180, 185), (10, 10)),
    ("Classic Clearance", "CLASSIC", "clearance", (-400, -100), (30, 40)),
];

/// A price rule: name, code, kind, product family, least quantity, discount.
type Rule = (&'static str, &'static str, &'static str, &'static str, i64, i64);

const PRICE_RULES: &[Rule] = &[
    ("Ten Licences and More", "VOL-10", "volume_discount", "software", 10, 5),
    ("Fifty Licences and More", "VOL-50", "volume_discount", "software", 50, 12),
    ("Twenty Devices and More", "HW-20", "tiered", "hardware", 20, 7),
    ("Ten Days and More", "PS-10", "volume_discount", "professional_services", 10, 4),
];

impl World {
    /// A product that is sold, by chance.
    pub(super) fn any_article(&self, draw: &mut Draw) -> (u64, Article) {
        let number = draw.below(DISCONTINUED);
        (number, company::entry(PRODUCTS, number))
    }

    /// The pricebook of a culture, with its currency.
    pub(super) fn pricebook_of(&self, culture: Culture) -> (u64, &'static str) {
        let number = match culture {
            Culture::Chinese => 0,
            Culture::German => 1,
            Culture::English => 2,
        };
        (number, company::entry(PRICEBOOKS, number).1)
    }

    /// The entry of a product in a pricebook.
    pub(super) fn entry_of(&self, pricebook: u64, product: u64) -> String {
        self.id(PRICEBOOK_ENTRY, pricebook * company::count(PRODUCTS) + product)
    }

    fn product(&self, number: u64) -> Value {
        let Article { name, code, family, unit, price, cost } = company::entry(PRODUCTS, number);
        let mut draw = self.draw("product record", number);
        let is_tracked = family == "hardware";
        let stock = if draw.percent(15) { 0 } else { draw.between(4, 240) };
        json!({
            "name": name,
            "product_code": code,
            "family": family,
            "quantity_unit": unit,
            "is_active": number != DISCONTINUED,
            "list_price": money(price),
            "cost_price": money(cost),
            "tax_percent": "13",
            "description": format!("{name}, sold by the {unit}."),
            "is_stock_tracked": is_tracked,
            "stock_quantity": is_tracked.then(|| stock.to_string()),
            "low_stock_threshold": is_tracked.then_some("20"),
        })
    }

    fn pricebook(&self, number: u64) -> Value {
        let (name, currency, rate, region, channel, percent) = company::entry(PRICEBOOKS, number);
        json!({
            "name": name,
            "currency": currency,
            "exchange_rate": rate,
            "region": region,
            "channel": channel,
            "is_standard": number == 0,
            "is_active": true,
            "start_date": self.day(-720).to_string(),
            "description": format!("List prices at {percent} %."),
        })
    }

    fn pricebook_entry(&self, number: u64) -> Value {
        let (pricebook, product) = (number / company::count(PRODUCTS), number % company::count(PRODUCTS));
        let article = company::entry(PRODUCTS, product);
        let (_, currency, .., percent) = company::entry(PRICEBOOKS, pricebook);
        let rate = match currency {
            "EUR" => 785,
            "USD" => 712,
            _ => 100,
        };
        let price = article.price * percent / rate;
        json!({
            "pricebook_id": self.id(PRICEBOOK, pricebook),
            "product_id": self.id(PRODUCT, product),
            "unit_price": money(price),
            "minimum_price": money(price * 7 / 10),
            "is_active": product != DISCONTINUED,
        })
    }

    fn bundle(&self, number: u64) -> Value {
        let (name, code, discount, parts) = company::entry(BUNDLES, number);
        let names: Vec<_> =
            parts.iter().map(|(product, _)| company::entry(PRODUCTS, *product).name).collect();
        json!({
            "name": name,
            "bundle_code": code,
            "status": "active",
            "bundle_type": if number == 0 { "fixed" } else { "customizable" },
            "pricing_method": "percentage_discount",
            "discount_percent": discount.to_string(),
            "allow_customization": number != 0,
            "start_date": self.day(-500).to_string(),
            "featured_bundle": number == 1,
            "display_order": number + 1,
            "description": names.join(", "),
        })
    }

    fn bundle_component(&self, number: u64) -> Value {
        let (bundle, part) = (number / BUNDLE_PARTS_MAX, number % BUNDLE_PARTS_MAX);
        let (.., parts) = company::entry(BUNDLES, bundle);
        let Some((product, quantity)) = usize::try_from(part).ok().and_then(|part| parts.get(part)) else {
            return Value::Null;
        };
        json!({
            "bundle": self.id(BUNDLE, bundle),
            "product": self.id(PRODUCT, *product),
            "quantity": quantity.to_string(),
            "optional": part + 1 == BUNDLE_PARTS_MAX,
        })
    }

    fn quote_template(&self, number: u64) -> Value {
        let (name, language, terms) = company::entry(
            &[
                ("English", "en", "Our general terms of business apply."),
                ("Deutsch", "de", "Es gelten unsere Allgemeinen Geschäftsbedingungen."),
                ("中文", "zh-CN", "适用我方一般交易条款。"),
            ],
            number,
        );
        json!({ "name": name, "language": language, "terms": terms, "is_default": number == 0 })
    }

    fn approval_matrix(&self, _: u64) -> Value {
        json!({
            "name": "Discounts",
            "description": "Who may give how much.",
            "level1_approver_id": self.id(USER, 1),
            "level2_approver_id": self.id(USER, 2),
            "level3_approver_id": self.id(USER, 3),
            "level4_approver_id": self.id(USER, 0),
            "level5_approver_id": self.id(USER, 0),
        })
    }

    fn discount_schedule(&self, number: u64) -> Value {
        let (name, code, kind, (first, last), (usual, most)) = company::entry(SCHEDULES, number);
        json!({
            "name": name,
            "schedule_code": code,
            "schedule_type": kind,
            "status": if last < 0 { "expired" } else { "active" },
            "start_date": format!("{}T00:00:00Z", self.day(first)),
            "end_date": format!("{}T23:00:00Z", self.day(last)),
            "discount_type": "percentage",
            "default_discount_percent": usual.to_string(),
            "maximum_discount_percent": most.to_string(),
            "applies_to": "all_products",
            "customer_scope": if number == 2 { "new_customers" } else { "all_customers" },
            "requires_approval": most > 10,
            "approval_matrix_id": self.id(APPROVAL_MATRIX, 0),
            "minimum_margin_percent": "25",
            "target_revenue": money(400_000),
        })
    }

    fn price_rule(&self, number: u64) -> Value {
        let (name, code, kind, family, quantity, discount) = company::entry(PRICE_RULES, number);
        json!({
            "name": name,
            "rule_code": code,
            "rule_type": kind,
            "status": "active",
            "priority": (number + 1) * 10,
            "applies_to": "product_family",
            "product_family": family,
            "customer_scope": "all_customers",
            "start_date": self.day(-400).to_string(),
            "minimum_quantity": quantity,
            "discount_type": "percentage",
            "discount_percent": discount.to_string(),
        })
    }
}
