//! The demo's records: the same every time, fit for the shipped packages, and shaped like a business.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::PathBuf,
};

use quarry_metadata::{FieldKind, Registry};
use serde_json::Value;

use super::*;
use crate::import::target::Finding;

mod dashboard;

fn options(seed: u64, scale: u32) -> DemoOptions {
    DemoOptions { seed, scale, today: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap() }
}

fn records(seed: u64, scale: u32) -> Vec<Upsert> {
    generate(options(seed, scale)).flatten().collect()
}

fn of<'a>(records: &'a [Upsert], object: &str) -> Vec<&'a Upsert> {
    records.iter().filter(|upsert| upsert.object.as_str() == object).collect()
}

fn text<'a>(upsert: &'a Upsert, field: &str) -> &'a str {
    upsert.data[field].as_str().unwrap_or_default()
}

#[test]
fn the_same_seed_makes_the_same_records_and_another_makes_others() {
    let some = |seed: u64| generate(options(seed, 1)).take(14).flatten().collect::<Vec<_>>();
    let (one, two) = (some(1), some(2));
    assert_eq!(one, some(1));
    assert_eq!(one.len(), two.len());
    // The roles and teams are the same in every company, but for their ids.
    assert!(one.iter().zip(&two).all(|(a, b)| a.data["id"] != b.data["id"]));
}

#[test]
fn the_first_records_stay_as_they_are() {
    let records = records(1, 1);
    let account = of(&records, "account")[0];
    let golden = "account acc_01HK153X00FWDRXKD4VEYFKPST";
    assert_eq!(format!("{} {}", account.object, text(account, "id")), golden);
}

#[test]
fn scale_one_is_about_five_hundred_accounts() {
    let records = records(1, 1);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for upsert in &records {
        *counts.entry(upsert.object.as_str()).or_default() += 1;
    }
    assert_eq!((counts["account"], counts["contact"], counts["opportunity"]), (500, 1_200, 1_500));
    assert!(generate(options(1, 1)).all(|batch| batch.len() <= 500 && !batch.is_empty()));
}

#[test]
fn every_record_fits_its_object_and_refers_to_one_before() {
    let registry = Registry::load(&[PathBuf::from("packages")]).unwrap_or_else(|issues| panic!("{issues}"));
    for scale in [2] {
        let mut seen: HashSet<String> = HashSet::new();
        let mut unique: HashMap<String, String> = HashMap::new();
        let mut faults = BTreeSet::new();
        for upsert in records(5, scale) {
            let object = registry.get(upsert.object.as_str()).expect("an object of the packages");
            let id = text(&upsert, "id").to_owned();
            assert!(id.starts_with(&format!("{}_", object.id_prefix)), "{id} is no id of {}", object.name);
            for (name, value) in &upsert.data {
                let Some(field) = object.field(name) else {
                    faults.insert(format!("{}.{name} is no field", object.name));
                    continue;
                };
                if field.readonly && name != "id" && !value.is_null() {
                    faults.insert(format!("{}.{name} is readonly", object.name));
                }
                if let Some(fault) = fault(&field.kind, value, &seen) {
                    faults.insert(format!("{}.{name}: {fault}", object.name));
                }
                let key = format!("{}.{name}={value}", object.name);
                if field.unique && !value.is_null() && unique.insert(key.clone(), id.clone()).is_some() {
                    faults.insert(format!("{key} is there twice"));
                }
            }
            for field in object
                .fields
                .values()
                .filter(|field| field.required && field.default.is_none() && !field.system)
            {
                if upsert.data.get(field.name.as_str()).is_none_or(Value::is_null) {
                    faults.insert(format!("{}.{} is required", object.name, field.name));
                }
            }
            for index in object.indexes.iter().filter(|index| index.unique && index.fields.len() > 1) {
                let values: Vec<_> = index.fields.iter().map(|field| &upsert.data[field.as_str()]).collect();
                let key = format!("{}.{values:?}", object.name);
                if unique.insert(key.clone(), id.clone()).is_some() {
                    faults.insert(format!("{key} is there twice"));
                }
            }
            assert!(seen.insert(id), "an id is there twice");
        }
        assert!(faults.is_empty(), "scale {scale}: {faults:#?}");
    }
}

fn fault(kind: &FieldKind, value: &Value, seen: &HashSet<String>) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let text = value.as_str().unwrap_or_default();
    let fits = match kind {
        FieldKind::Text { max_length, .. } => {
            value.is_string()
                && max_length.is_none_or(|max| text.chars().count() <= usize::try_from(max).unwrap())
        }
        FieldKind::Select { options } => options.iter().any(|option| option.value == text),
        FieldKind::MultiSelect { options } => {
            let known =
                |text: &Value| options.iter().any(|option| Some(option.value.as_str()) == text.as_str());
            value.as_array().is_some_and(|list| list.iter().all(known))
        }
        FieldKind::Lookup { .. } => seen.contains(text),
        FieldKind::Boolean => value.is_boolean(),
        FieldKind::Date => NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok(),
        FieldKind::DateTime => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
        FieldKind::Number { min, max, .. }
        | FieldKind::Currency { min, max, .. }
        | FieldKind::Percent { min, max, .. } => {
            let number: f64 = crate::import::target::text_of(value).parse().unwrap_or(f64::NAN);
            let bound = |text: &Option<String>, default: f64| {
                text.as_ref().map_or(default, |text| text.parse().unwrap())
            };
            number >= bound(min, f64::MIN) && number <= bound(max, f64::MAX)
        }
        _ => true,
    };
    (!fits).then(|| format!("{value} does not fit"))
}

#[test]
fn the_funnel_narrows_and_deals_lie_around_today() {
    let records = records(1, 1);
    let opportunities = of(&records, "opportunity");
    let count = |stage: &str| opportunities.iter().filter(|upsert| text(upsert, "stage") == stage).count();
    let (won, lost) = (count("closed_won"), count("closed_lost"));
    assert!(won > 300 && lost > won, "{won} won, {lost} lost");
    let open: usize = ["prospecting", "qualification", "needs_analysis", "proposal", "negotiation"]
        .into_iter()
        .map(count)
        .sum();
    assert!(open > 100 && open < won, "{open} open");
    assert!(count("prospecting") > count("proposal") && count("qualification") > count("negotiation"));
    let today = options(1, 1).today.to_string();
    for upsert in &opportunities {
        let is_closed = text(upsert, "stage").starts_with("closed");
        assert!(!is_closed || text(upsert, "close_date") < today.as_str(), "{upsert:?}");
    }
}

/// Money as cents.
fn cents(upsert: &Upsert, field: &str) -> i64 {
    text(upsert, field).replace('.', "").parse().unwrap_or(0)
}

fn by_id<'a>(records: &'a [Upsert], object: &str) -> HashMap<&'a str, &'a Upsert> {
    of(records, object).into_iter().map(|upsert| (text(upsert, "id"), upsert)).collect()
}

#[test]
fn every_object_of_the_clouds_has_records() {
    let registry = Registry::load(&[PathBuf::from("packages")]).unwrap_or_else(|issues| panic!("{issues}"));
    let records = records(1, 1);
    let made: BTreeSet<&str> = records.iter().map(|upsert| upsert.object.as_str()).collect();
    let without: Vec<&str> = ["crm", "marketing", "products", "finance", "support", "hr"]
        .iter()
        .flat_map(|package| &registry.packages[*package].objects)
        .map(|name| name.as_str())
        .filter(|name| !made.contains(name))
        .collect();
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn the_lines_of_a_quote_add_up_to_its_opportunity() {
    let records = records(1, 1);
    let (quotes, opportunities) = (by_id(&records, "quote"), by_id(&records, "opportunity"));
    let mut sums: HashMap<&str, i64> = HashMap::new();
    for line in of(&records, "quote_line_item") {
        let quantity: i64 = text(line, "quantity").parse().unwrap();
        *sums.entry(text(line, "quote_id")).or_default() += quantity * cents(line, "unit_price");
    }
    assert_eq!(sums.len(), quotes.len());
    for (quote, sum) in sums {
        let opportunity = opportunities[text(quotes[quote], "opportunity_id")];
        assert_eq!(sum, cents(opportunity, "amount"), "{quote}");
    }
}

#[test]
fn what_was_won_is_under_contract_and_paid_in_parts() {
    let records = records(1, 1);
    let (contracts, opportunities) = (by_id(&records, "contract"), by_id(&records, "opportunity"));
    let won = opportunities.values().filter(|upsert| text(upsert, "stage") == "closed_won").count();
    assert_eq!(contracts.len(), won);
    let mut paid: HashMap<&str, i64> = HashMap::new();
    for payment in of(&records, "payment") {
        *paid.entry(text(payment, "contract")).or_default() += cents(payment, "planned_amount");
    }
    for (id, contract) in &contracts {
        let opportunity = opportunities[text(contract, "opportunity")];
        assert_eq!(cents(contract, "contract_value"), cents(opportunity, "amount"));
        assert!(paid.get(id).is_none_or(|sum| *sum == cents(contract, "contract_value")), "{id}");
    }
    let today = options(1, 1).today.to_string();
    let status = |upsert: &Upsert| text(upsert, "status").to_owned();
    for invoice in of(&records, "invoice") {
        assert!(text(invoice, "invoice_date") <= today.as_str(), "{invoice:?}");
    }
    for payment in of(&records, "payment").into_iter().filter(|payment| status(payment) == "overdue") {
        assert!(text(payment, "planned_date") < today.as_str(), "{payment:?}");
    }
}

#[test]
fn most_cases_are_over_and_nobody_is_paid_after_leaving() {
    let records = records(1, 1);
    let cases = of(&records, "case");
    let over = cases.iter().filter(|case| matches!(text(case, "status"), "closed" | "resolved"));
    let share = over.count() * 100 / cases.len();
    assert!((85..99).contains(&share), "{share} % are over");
    let employees = by_id(&records, "employee");
    for payslip in of(&records, "payroll") {
        let employee = employees[text(payslip, "employee_id")];
        let left = text(employee, "termination_date");
        assert!(left.is_empty() || text(payslip, "pay_period_start") <= left, "{payslip:?}");
    }
}

#[test]
fn names_come_from_three_languages() {
    let records = records(1, 1);
    let names: Vec<&str> = of(&records, "account").iter().map(|upsert| text(upsert, "name")).collect();
    let chinese = names.iter().filter(|name| name.ends_with("公司")).count();
    let german = names
        .iter()
        .filter(|name| name.contains("GmbH") || name.ends_with(" AG") || name.ends_with(" KG"))
        .count();
    assert!(chinese > 40 && german > 60 && names.len() - chinese - german > 250, "{chinese} {german}");
}

#[test]
fn warnings_are_counted_and_the_first_are_listed() {
    let finding =
        Finding { change: None, field: None, code: "ODD".to_owned(), message: "it is odd".to_owned() };
    let mut report = DemoReport::default();
    report.warned(Warned { told: vec![finding.clone(); 15], more: 2 });
    report.warned(Warned { told: vec![finding; 15], more: 0 });
    assert_eq!((report.warnings.told.len(), report.warnings.count()), (WARNINGS_LISTED_MAX, 32));
    let said = report.to_string();
    assert!(
        said.contains("; 32 warnings") && said.matches("ODD: it is odd").count() == WARNINGS_LISTED_MAX,
        "{said}"
    );
}

#[test]
fn a_scale_out_of_range_is_refused() {
    struct Nothing;
    impl Target for Nothing {
        fn write(&self, _: &[Upsert], _: bool) -> Result<Batch, Refusal> {
            panic!("nothing may be written")
        }

        fn find(
            &self,
            _: &quarry_metadata::ObjectName,
            _: &quarry_metadata::FieldName,
            _: &[Value],
        ) -> Result<Vec<(String, String)>> {
            panic!("nothing is asked")
        }
    }
    for scale in [0, 1_001] {
        assert!(load(options(1, scale), &Nothing, |_| {}).is_err());
    }
}

#[test]
fn an_engine_takes_every_record_and_again_changes_nothing() {
    let opened = crate::import::tests::engine::open();
    let report = load(options(1, 1), &opened.target, |_| {}).unwrap();
    assert_eq!(report.created["account"], 500);
    assert_eq!(opened.count("opportunity"), serde_json::json!(1_500));
    let again = load(options(1, 1), &opened.target, |_| {}).unwrap();
    assert!(again.created.is_empty(), "{again}");
    assert_eq!(opened.count("opportunity"), serde_json::json!(1_500));
    opened.engine.close().unwrap();
}

/// Passes so many batches on, then fails.
struct Breaks<'a> {
    target: &'a dyn Target,
    batches_left: std::cell::Cell<u32>,
}

impl Target for Breaks<'_> {
    fn write(&self, batch: &[Upsert], dry_run: bool) -> Result<Batch, Refusal> {
        match self.batches_left.get().checked_sub(1) {
            Some(left) => self.batches_left.set(left),
            None => return Err(Refusal::Failed(anyhow::anyhow!("killed"))),
        }
        self.target.write(batch, dry_run)
    }

    fn find(
        &self,
        object: &quarry_metadata::ObjectName,
        by: &quarry_metadata::FieldName,
        values: &[Value],
    ) -> Result<Vec<(String, String)>> {
        self.target.find(object, by, values)
    }
}

#[test]
fn loading_that_was_broken_off_is_completed_and_changes_nothing_else() {
    let opened = crate::import::tests::engine::open();
    let count = |object: &str| opened.count(object);
    // Roles, users, teams, their members, queues, campaigns, the accounts and a part of the contacts.
    let breaks = Breaks { target: &opened.target, batches_left: 8.into() };
    assert!(complete(options(1, 1), &breaks, false).is_err());
    assert_eq!((count("contact"), count("note")), (500.into(), 0.into()));
    let mut renamed = generate(options(1, 1)).flatten().find(|u| u.object.as_str() == "account").unwrap();
    renamed.data.insert("name".to_owned(), "Renamed".into());
    opened.target.write(&[renamed], false).unwrap();

    let report = complete(options(1, 1), &opened.target, true).unwrap().unwrap();
    assert_eq!((report.created["contact"], report.updated), (700, 0));
    assert_eq!((count("account"), count("contact"), count("note")), (500.into(), 1_200.into(), 400.into()));
    let renamed = opened.ask(&serde_json::json!({"object": "account", "where": {"name": "Renamed"}}));
    assert_eq!(renamed.len(), 1, "what was changed meanwhile stays");
    assert_eq!(complete(options(1, 1), &opened.target, true).unwrap(), None);
    opened.engine.close().unwrap();
}

#[test]
fn accounts_of_someone_else_get_no_demo_beside_them() {
    let opened = crate::import::tests::engine::open();
    assert_eq!(complete(options(1, 1), &opened.target, true).unwrap(), None);
    opened.engine.close().unwrap();
}
