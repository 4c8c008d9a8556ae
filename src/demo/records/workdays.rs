//! What employees do, earn and learn: days at work and off, payslips, reviews, goals, trainings, certificates.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use serde_json::{Value, json};

use super::{
    Kind, World,
    employees::{EMPLOYEE, Employee},
    money,
};
use crate::demo::company;

pub(super) const KINDS: &[Kind] = &[
    REVIEW,
    Kind::of("goal", "gol", |world| world.count(EMPLOYEE) * 2, World::goal),
    TRAINING,
    Kind::of("certification", "crt", |world| world.count(EMPLOYEE), World::certification),
    Kind::of("attendance", "att", |world| world.count(EMPLOYEE) * DAYS, World::attendance),
    Kind::of("time_off", "tof", |world| world.count(EMPLOYEE) * 2, World::time_off),
    Kind::of("payroll", "prl", |world| world.count(EMPLOYEE) * MONTHS, World::payslip),
];
const REVIEW: Kind = Kind::of("performance_review", "pfr", |world| world.count(EMPLOYEE), World::review);
const TRAINING: Kind = Kind::of("training", "trn", |world| world.count(EMPLOYEE), World::training);

/// Days back for which attendance is kept.
const DAYS: u64 = 10;
/// Months back for which there are payslips.
const MONTHS: u64 = 3;

/// A goal: its title, category, unit, target.
const GOALS: &[(&str, &str, &str, i64)] = &[
    ("Bring in new customers", "performance", "customers", 12),
    ("Answer within the service level", "customer_satisfaction", "%", 95),
    ("Learn a new tool", "skill_development", "courses", 2),
    ("Make the release boring", "innovation", "releases", 6),
    ("Lead a project", "leadership", "projects", 1),
];

/// A course: its title, kind, provider, hours, whether everyone has to take it.
const COURSES: &[(&str, &str, &str, i64, bool)] = &[
    ("Information Security", "compliance", "Quarry Academy", 4, true),
    ("Working Safely", "safety", "Quarry Academy", 2, true),
    ("Selling Solutions", "sales", "North Institute", 16, false),
    ("Data Platform for Experts", "product", "Quarry Academy", 24, false),
    ("Leading People", "leadership", "North Institute", 24, false),
];

impl World {
    fn review(&self, number: u64) -> Value {
        let (Employee { person, hired, left, .. }, _) = self.employee(number);
        let year = self.today().year() - 1;
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or(hired);
        if number == 0 || hired > first || left.is_some() {
            return Value::Null;
        }
        let mut draw = self.draw("review record", number);
        let rating =
            |draw: &mut super::Draw| format!("{}.0", draw.weighted(&[(5, 18), (4, 42), (3, 30), (2, 10)]));
        let status = draw.weighted(&[("completed", 92), ("in_progress", 8)]);
        json!({
            "review_name": format!("{} {year}", person.name()),
            "employee_id": self.id(EMPLOYEE, number),
            "reviewer_id": self.id(EMPLOYEE, self.leader_of(number)),
            "review_type": "manager_review",
            "review_period": "annual",
            "status": status,
            "start_date": first.to_string(),
            "end_date": format!("{year}-12-31"),
            "due_date": format!("{}-02-15", year + 1),
            "technical_skills_rating": rating(&mut draw),
            "productivity_rating": rating(&mut draw),
            "quality_rating": rating(&mut draw),
            "communication_rating": rating(&mut draw),
            "teamwork_rating": rating(&mut draw),
            // The last rating hands a review in.
            "leadership_rating": (status == "completed").then(|| rating(&mut draw)),
            "promotion_recommendation": draw.percent(8),
        })
    }

    fn goal(&self, number: u64) -> Value {
        let employee = number / 2;
        let (Employee { hired, left, .. }, _) = self.employee(employee);
        let first = NaiveDate::from_ymd_opt(self.today().year(), 1, 1).unwrap_or(hired).max(hired);
        let last = NaiveDate::from_ymd_opt(self.today().year(), 12, 31).unwrap_or(first);
        if left.is_some() {
            return Value::Null;
        }
        let mut draw = self.draw("goal record", number);
        let (title, category, unit, target) = company::entry(GOALS, draw.below(company::count(GOALS)));
        let gone = self.today().signed_duration_since(first).num_days() * 100;
        let expected = gone / last.signed_duration_since(first).num_days().max(1);
        let progress = (expected + draw.between(-30, 25)).clamp(0, 100);
        let status = match progress {
            100 => "completed",
            0 => "not_started",
            _ if progress + 20 < expected => "at_risk",
            _ => "in_progress",
        };
        json!({
            "title": title,
            "employee_id": self.id(EMPLOYEE, employee),
            "manager_id": self.id(EMPLOYEE, self.leader_of(employee)),
            "category": category,
            "status": status,
            "start_date": first.to_string(),
            "target_date": last.to_string(),
            "completion_date": (status == "completed").then(|| self.day(-draw.between(1, 30)).to_string()),
            "progress": progress.to_string(),
            "target_value": format!("{target}.00"),
            "current_value": format!("{}.00", target * progress / 100),
            "unit": unit,
            "weight": "50",
        })
    }

    fn training(&self, number: u64) -> Value {
        let (Employee { hired, left, .. }, _) = self.employee(number);
        if left.is_some() {
            return Value::Null;
        }
        let mut draw = self.draw("training record", number);
        let (title, kind, provider, hours, is_mandatory) =
            company::entry(COURSES, draw.below(company::count(COURSES)));
        let day = self.day(draw.between(-300, 40)).max(hired);
        let is_over = day < self.today();
        let days = u64::try_from((hours - 1) / 8).unwrap_or(0);
        json!({
            "title": title,
            "training_code": format!("TR-{:05}", number + 1),
            "employee_id": self.id(EMPLOYEE, number),
            "training_type": kind,
            "category": if provider == "Quarry Academy" { "internal" } else { "external" },
            "provider": provider,
            "start_date": format!("{day}T09:00:00Z"),
            "end_date": format!("{}T17:00:00Z", day + Days::new(days)),
            "duration_hours": hours.to_string(),
            "status": if is_over { draw.weighted(&[("completed", 94), ("no_show", 6)]) } else { "scheduled" },
            "is_mandatory": is_mandatory,
            "cost": money(if is_mandatory { 0 } else { hours * 60 }),
            "passed": is_over,
            "exam_score": is_over.then(|| format!("{}.00", draw.between(62, 100))),
        })
    }

    fn certification(&self, number: u64) -> Value {
        let (Employee { hired, left, .. }, _) = self.employee(number);
        let mut draw = self.draw("certification record", number);
        if left.is_some() || !draw.percent(40) {
            return Value::Null;
        }
        let issued = self.day(-draw.between(20, 900)).max(hired);
        let expires = issued + Months::new(24);
        let status = match expires.signed_duration_since(self.today()).num_days() {
            ..0 => "expired",
            0..=60 => "expiring_soon",
            _ => "active",
        };
        let (title, kind) = draw.pick(&[
            ("Certified Platform Administrator", "technical"),
            ("Project Management Professional", "professional"),
            ("Data Protection Officer", "compliance"),
            ("First Aid", "safety"),
        ]);
        json!({
            "title": title,
            "employee_id": self.id(EMPLOYEE, number),
            "certification_type": kind,
            "issuing_organization": "North Institute",
            "certification_number": format!("NI-{:06}", number + 1),
            "issue_date": issued.to_string(),
            "expiry_date": expires.to_string(),
            "status": status,
            "is_active": status != "expired",
            "renewal_required": true,
            "next_renewal_date": expires.to_string(),
        })
    }

    fn attendance(&self, number: u64) -> Value {
        let (employee, back) = (number / DAYS, number % DAYS);
        let day = self.today() - Days::new(back + 1);
        let (who, _) = self.employee(employee);
        if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) || !who.is_here(day) {
            return Value::Null;
        }
        let mut draw = self.draw("attendance record", number);
        let status = draw.weighted(&[
            ("present", 66),
            ("remote_work", 20),
            ("late", 5),
            ("on_leave", 5),
            ("business_trip", 3),
            ("absent", 1),
        ]);
        let is_there = !matches!(status, "on_leave" | "absent");
        let (late, over) = (draw.between(5, 50), draw.between(0, 90));
        let came = if status == "late" { late } else { 0 };
        json!({
            "employee_id": self.id(EMPLOYEE, employee),
            "attendance_date": day.to_string(),
            "status": status,
            "check_in_time": is_there.then(|| format!("{day}T09:{came:02}:00Z")),
            "check_out_time": is_there.then(|| format!("{day}T{}:{:02}:00Z", 17 + over / 60, over % 60)),
            "late_minutes": (status == "late").then_some(late),
            "location": match status {
                "remote_work" => Some("remote"),
                "business_trip" => Some("business_trip"),
                _ if is_there => Some("office"),
                _ => None,
            },
            "is_approved": true,
        })
    }

    fn time_off(&self, number: u64) -> Value {
        let employee = number / 2;
        let (who, _) = self.employee(employee);
        let mut draw = self.draw("time off record", number);
        let first = self.day(draw.between(-200, 60));
        if !who.is_here(first) || !draw.percent(70) {
            return Value::Null;
        }
        let (kind, days, reason) = draw.weighted(&[
            (("annual_leave", draw_days(number), "Holiday"), 66),
            (("sick_leave", 2, "Ill"), 20),
            (("personal_leave", 0, "Moving house"), 9),
            (("compensatory_leave", 0, "For the weekend at the fair"), 5),
        ]);
        let is_past = first < self.today();
        let status = match is_past {
            true => "approved",
            false => draw.weighted(&[("pending", 55), ("approved", 45)]),
        };
        let leader = self.leader_of(employee);
        json!({
            "employee_id": self.id(EMPLOYEE, employee),
            "leave_type": kind,
            "start_date": first.to_string(),
            "end_date": (first + Days::new(days)).to_string(),
            "status": status,
            "reason": reason,
            "request_date": (first - Days::new(20)).min(self.today()).to_string(),
            "approver_id": self.id(EMPLOYEE, leader),
            "approval_date": (status == "approved").then(|| (first - Days::new(15)).min(self.today()).to_string()),
            "is_paid": true,
        })
    }

    fn payslip(&self, number: u64) -> Value {
        let (employee, back) = (number / MONTHS, number % MONTHS);
        let this_month = self.today().with_day(1).unwrap_or(self.today());
        let first = this_month - Months::new(u32::try_from(back + 1).unwrap_or(1));
        let last = first + Months::new(1) - Days::new(1);
        let (who, _) = self.employee(employee);
        if !who.is_here(first) {
            return Value::Null;
        }
        let mut draw = self.draw("payslip record", number);
        let sells = who.position == 8;
        let commission = if sells { draw.between(0, 18) * 100 } else { 0 };
        let gross = who.salary + commission;
        json!({
            "employee_id": self.id(EMPLOYEE, employee),
            "pay_period_start": first.to_string(),
            "pay_period_end": last.to_string(),
            "pay_date": last.to_string(),
            "base_salary": money(who.salary),
            "commission": money(commission),
            "allowances": money(120),
            "tax": money(gross * 17 / 100),
            "social_security": money(gross * 10 / 100),
            "housing_fund": money(gross * 5 / 100),
            "worked_days": "21.0",
            "status": "paid",
        })
    }
}

/// One to ten days, by number.
fn draw_days(number: u64) -> u64 {
    number * 7 % 10
}
