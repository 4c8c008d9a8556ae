//! The company's own people: departments, positions, and who holds them.

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::{Draw, Kind, Person, World, money};
use crate::demo::{
    company,
    words::{self, Culture},
};

pub(super) const KINDS: &[Kind] = &[DEPARTMENT, POSITION, EMPLOYEE];
pub(super) const DEPARTMENT: Kind =
    Kind::of("department", "dep", |_| company::count(DEPARTMENTS), World::department);
pub(super) const POSITION: Kind = Kind::of("position", "pos", |_| company::count(POSITIONS), World::position);
pub(super) const EMPLOYEE: Kind =
    Kind::of("employee", "emp", |world| 60 + 60 * world.scale(), World::employee_record);

/// A department: name, code, kind, the one above it, a year's budget.
type Department = (&'static str, &'static str, &'static str, Option<u64>, i64);

const DEPARTMENTS: &[Department] = &[
    ("Headquarters", "HQ", "headquarters", None, 900_000),
    ("Sales", "SALES", "division", Some(0), 4_200_000),
    ("Marketing", "MKT", "department", Some(1), 1_400_000),
    ("Customer Care", "CARE", "department", Some(0), 1_900_000),
    ("Engineering", "ENG", "division", Some(0), 6_800_000),
    ("Finance", "FIN", "department", Some(0), 800_000),
    ("People", "HR", "department", Some(0), 700_000),
    ("Operations", "OPS", "department", Some(0), 1_100_000),
];

/// A position: title, code, department, level, family, the one above it, a month's salary from and to.
type Position = (&'static str, &'static str, u64, &'static str, &'static str, Option<u64>, (i64, i64));

const POSITIONS: &[Position] = &[
    ("Managing Director", "MD", 0, "c_level", "management", None, (22_000, 30_000)),
    ("VP Sales", "VPS", 1, "vp", "sales", Some(0), (15_000, 20_000)),
    ("Head of Engineering", "HOE", 4, "vp", "technical", Some(0), (15_000, 20_000)),
    ("Head of Customer Care", "HCC", 3, "director", "customer_service", Some(0), (9_500, 13_000)),
    ("Finance Manager", "FM", 5, "manager", "finance", Some(0), (8_000, 11_000)),
    ("People Manager", "PM", 6, "manager", "hr", Some(0), (7_500, 10_000)),
    ("Marketing Manager", "MM", 2, "manager", "marketing", Some(1), (7_000, 9_500)),
    ("Operations Manager", "OM", 7, "manager", "operations", Some(0), (7_000, 9_500)),
    ("Account Executive", "AE", 1, "staff", "sales", Some(1), (5_000, 8_000)),
    ("Software Engineer", "SE", 4, "staff", "technical", Some(2), (5_500, 9_000)),
    ("Support Agent", "SA", 3, "staff", "customer_service", Some(3), (3_600, 5_200)),
    ("Accountant", "AC", 5, "staff", "finance", Some(4), (4_200, 6_000)),
    ("Recruiter", "RE", 6, "staff", "hr", Some(5), (4_000, 5_800)),
    ("Content Designer", "CD", 2, "staff", "marketing", Some(6), (4_200, 6_200)),
    ("System Operator", "SO", 7, "staff", "operations", Some(7), (4_400, 6_400)),
];
/// Each position before this one is held by one employee, who has its number.
const LEADERS: u64 = 8;

/// What the records about an employee have to know.
pub(super) struct Employee {
    pub(super) person: Person,
    pub(super) culture: Culture,
    pub(super) position: u64,
    pub(super) salary: i64,
    pub(super) hired: NaiveDate,
    /// The last day, when it is over.
    pub(super) left: Option<NaiveDate>,
}

impl Employee {
    /// Works for the company on a day.
    pub(super) fn is_here(&self, day: NaiveDate) -> bool {
        self.hired <= day && self.left.is_none_or(|left| day <= left)
    }
}

impl World {
    /// The employee of a number.
    pub(super) fn employee(&self, number: u64) -> (Employee, Draw) {
        let mut draw = self.draw("employee record", number);
        let culture = draw.weighted(words::CULTURES);
        let person = Person::numbered(culture, number + 7);
        let staff = [(8, 30), (9, 34), (10, 16), (11, 5), (12, 4), (13, 5), (14, 6)];
        let position = if number < LEADERS { number } else { draw.weighted(&staff) };
        let (.., (low, high)) = company::entry(POSITIONS, position);
        let salary = draw.between(low / 100, high / 100) * 100;
        let hired = self.day(-draw.between(if number < LEADERS { 1_400 } else { 3 }, 2_900));
        let is_gone = number >= LEADERS && draw.percent(9);
        let stayed = draw.between(60, 1_500);
        let left = (hired + Days::new(stayed.unsigned_abs())).min(self.day(-1));
        let left = (is_gone && left > hired).then_some(left);
        (Employee { person, culture, position, salary, hired, left }, draw)
    }

    /// Who leads the employee of a number: whoever holds the position above.
    pub(super) fn leader_of(&self, employee: u64) -> u64 {
        let (Employee { position, .. }, _) = self.employee(employee);
        company::entry(POSITIONS, position).5.unwrap_or(0)
    }

    /// A position's title and department.
    pub(super) fn place_of(&self, position: u64) -> (&'static str, u64) {
        let (title, _, department, ..) = company::entry(POSITIONS, position);
        (title, department)
    }

    /// A position that many hold, by chance.
    pub(super) fn any_position(&self, draw: &mut Draw) -> u64 {
        draw.weighted(&[(8, 30), (9, 40), (10, 16), (11, 4), (12, 3), (13, 4), (14, 3)])
    }

    fn department(&self, number: u64) -> Value {
        let (name, code, kind, above, budget) = company::entry(DEPARTMENTS, number);
        json!({
            "name": name,
            "code": code,
            "type": kind,
            "parent_id": above.map(|above| self.id(DEPARTMENT, above)),
            "cost_center": format!("{}", 1_000 + number * 100),
            "email": format!("{}@quarry.example", code.to_lowercase()),
            "budget_amount": money(budget),
        })
    }

    fn position(&self, number: u64) -> Value {
        let (title, code, department, level, family, above, (low, high)) = company::entry(POSITIONS, number);
        json!({
            "title": title,
            "code": code,
            "department_id": self.id(DEPARTMENT, department),
            "level": level,
            "job_family": family,
            "reports_to_id": above.map(|above| self.id(POSITION, above)),
            "headcount": if number < LEADERS { 1 } else { 4 + self.count(EMPLOYEE) / 8 },
            "min_salary": money(low),
            "max_salary": money(high),
            "status": if number == 9 { "hiring" } else { "active" },
        })
    }

    fn employee_record(&self, number: u64) -> Value {
        let (employee, mut draw) = self.employee(number);
        let Employee { person, culture, position, salary, hired, left } = &employee;
        let (_, department) = self.place_of(*position);
        let city = draw.pick(words::words(*culture).cities);
        let again = number / 300 + 1;
        let is_new = *hired > self.day(-90);
        let status = match left {
            Some(_) => "terminated",
            None if is_new => "probation",
            None => draw.weighted(&[("active", 96), ("on_leave", 4)]),
        };
        let leader = self.leader_of(number);
        json!({
            "first_name": person.first,
            "last_name": person.last,
            "email": format!("{}.{number}@people.quarry.example", person.mailbox(again)),
            "mobile_phone": company::phone(&mut draw, &city),
            "department_id": self.id(DEPARTMENT, department),
            "position_id": self.id(POSITION, *position),
            "manager_id": (leader != number && leader < number).then(|| self.id(EMPLOYEE, leader)),
            "employment_status": status,
            "employment_type": draw.weighted(&[("full_time", 88), ("part_time", 9), ("contract", 3)]),
            "hire_date": hired.to_string(),
            "probation_end_date": is_new.then(|| (*hired + Days::new(90)).to_string()),
            "termination_date": left.map(|day| day.to_string()),
            "base_salary": money(*salary),
            "work_location": city.name,
            "city": city.name,
            "state": city.state,
            "country": city.country,
            "date_of_birth": self.day(-draw.between(8_500, 21_500)).to_string(),
            "gender": draw.weighted(&[("male", 49), ("female", 49), ("other", 2)]),
        })
    }
}
