//! A company of any size, loaded in process: the same records for the same sizes.
//!
//! 200 people sell. Half of them are below the lead, all of them below the head; of fifty accounts one belongs to somebody who is below
//! nobody, while its opportunities are its seller's, so that leads see opportunities of accounts that they do not see.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use quarry_benches::process::{PASSWORD, package_folders};
use quarry_engine::{
    Change, Engine, EngineOptions, Input, Operation, PlannerOptions, Record, ResourceOptions, Session,
    SessionOptions, StoreOptions, TenantName, World,
};
use quarry_storage::{Resources, Store};
use serde_json::{Value, json};

use super::Sizes;
use crate::restricted;

/// Below whom half of the sellers are.
pub const LEAD: &str = "bench_lead";
/// Below whom all of them are.
pub const HEAD: &str = "bench_head";
/// People who sell.
const SELLERS: u64 = 200;
/// Of so many accounts one is a stranger's.
const STRANGERS_EVERY: u64 = 50;
/// Records that go through the pipeline together.
const BATCH: u64 = 2_000;

/// The packages that are served.
pub fn packages() -> Vec<PathBuf> {
    package_folders(Some(&restricted::package()))
}

/// The id of an account.
pub fn account_id(number: u64) -> String {
    format!("acc_{number:09}")
}

/// The id of someone who sells; those with even numbers are below the lead.
pub fn seller_id(number: u64) -> String {
    format!("usr_seller_{number:03}")
}

/// An account that both leads see: the next one from this number on.
pub fn seen_by_all(number: u64, sizes: Sizes) -> Option<u64> {
    let seen = |n: &u64| !is_strangers(*n) && seller_of(*n).is_multiple_of(2);
    (number..sizes.accounts).chain(0..number).find(seen)
}

/// An engine over the folder, made if there is none.
///
/// # Errors
///
/// Packages that do not compile; those of the store.
pub fn open(folder: &Path) -> Result<Arc<Engine>> {
    let options = EngineOptions {
        data: folder.to_owned(),
        packages: packages(),
        admin_password: Some(PASSWORD.to_owned()),
        token_seconds: 3_600,
        tenants: Default::default(),
        resources: Default::default(),
        planner: PlannerOptions::default(),
        contents: Default::default(),
    };
    Ok(Engine::open(options, World::real())?.engine)
}

/// Loads all records, and folds.
///
/// # Errors
///
/// Records that are refused; those of the store.
pub async fn load(folder: &Path, sizes: Sizes) -> Result<()> {
    let engine = open(folder)?;
    let session = engine.session(engine.operator()?, SessionOptions::default());
    for (name, role) in [(LEAD, "rol_lead"), (HEAD, "rol_head")] {
        let user = engine.add_user(name, PASSWORD, false)?;
        session.grant(name, restricted::SET, None)?;
        people(&session, &user.user_id, role).await?;
    }
    bulk(&session, "account", sizes.accounts, account).await?;
    bulk(&session, "contact", sizes.accounts, contact).await?;
    bulk(&session, "opportunity", sizes.opportunities, |number| opportunity(number, sizes)).await?;
    drop(session);
    engine.close()?;
    drop(engine);
    let resources = Resources::new(ResourceOptions::default());
    let folder = TenantName::main().folder(folder);
    let store = Store::open(&folder, StoreOptions::default(), World::real(), &resources)?;
    store.fold()?;
    Ok(store.close()?)
}

/// The hierarchy, once; and a user's place in it.
async fn people(session: &Session, user_id: &str, role: &str) -> Result<()> {
    let mut changes = Vec::new();
    if role == "rol_lead" {
        let roles = [
            ("rol_head", None),
            ("rol_lead", Some("rol_head")),
            ("rol_rep", Some("rol_lead")),
            ("rol_other", Some("rol_head")),
        ];
        for (id, above) in roles {
            changes.push(create("role", &json!({ "id": id, "name": id, "parent_role_id": above })));
        }
        for number in 0..SELLERS {
            let role = if number % 2 == 0 { "rol_rep" } else { "rol_other" };
            let (id, name) = (seller_id(number), format!("seller{number}"));
            changes
                .push(create("user", &json!({ "id": id, "name": name, "username": name, "role_id": role })));
        }
        let stranger = json!({ "id": "usr_stranger", "name": "Stranger", "username": "stranger" });
        changes.push(create("user", &stranger));
    }
    let data = record(&json!({ "role_id": role }));
    let operation = Operation::Update { id: user_id.to_owned(), data };
    changes.push(Change { object: "user".into(), operation, if_revision: None });
    session.change(changes, false).await?;
    Ok(())
}

async fn bulk(session: &Session, object: &str, count: u64, make: impl Fn(u64) -> Value) -> Result<()> {
    let begin = Instant::now();
    let mut bulk = session.bulk();
    let mut first = 0;
    while first < count {
        let end = count.min(first + BATCH);
        let changes = (first..end).map(|number| create(object, &make(number))).collect();
        let added = bulk.add(changes).await.with_context(|| format!("{object} from {first} on"))?;
        ensure!(added.is_some(), "{object} has triggers that look at other records");
        first = end;
    }
    bulk.commit().await?;
    super::tell(begin, &format!("{count} of {object}"));
    Ok(())
}

fn create(object: &str, data: &Value) -> Change {
    Change { object: object.to_owned(), operation: Operation::Create(record(data)), if_revision: None }
}

fn record(data: &Value) -> Record {
    let fields = data.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), Input::Json(value.clone()))).collect()
}

fn account(number: u64) -> Value {
    let draw = Draw(number, 1);
    let employees = draw.below(0, 5_000) + 1;
    let owner = if is_strangers(number) { "usr_stranger".into() } else { seller_id(seller_of(number)) };
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

fn contact(number: u64) -> Value {
    let draw = Draw(number, 2);
    json!({
        "id": format!("con_{number:09}"),
        "first_name": draw.pick(0, &["Ann", "Ben", "Chen", "Dora", "Emil", "Fang", "Grete", "Hans"]),
        "last_name": format!("{}{}", draw.pick(1, &["Smith", "Meyer", "Wang", "Jones", "Li"]), number % 1_000),
        "account_id": account_id(number),
        "title": draw.pick(2, &["Buyer", "Head of IT", "Controller", "Assistant"]),
        "email": format!("person{number}@example.com"),
        "mobile_phone": format!("+1 202 557 {:04}", draw.below(3, 10_000)),
    })
}

fn opportunity(number: u64, sizes: Sizes) -> Value {
    let draw = Draw(number, 3);
    let account = draw.below(0, sizes.accounts);
    let days = draw.below(1, 1_460);
    let minutes = draw.below(2, 1_440);
    json!({
        "id": format!("opp_{number:09}"),
        "name": format!("Sale {number} to company {account}"),
        "account_id": account_id(account),
        "contact_id": format!("con_{account:09}"),
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

const CITIES: &[&str] = &["Boston", "Hamburg", "Shanghai", "Lyon", "Osaka", "Denver", "Ulm", "Nanjing"];

fn is_strangers(account: u64) -> bool {
    account % STRANGERS_EVERY == 7
}

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
