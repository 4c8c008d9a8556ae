//! How the help desk is set up: hours and holidays, service levels, skills, and the ways by which cases come in.

use chrono::Datelike;
use serde_json::{Value, json};

use super::{
    Kind, World,
    people::{QUEUE, USER},
};
use crate::demo::company;

pub(super) const KINDS: &[Kind] = &[
    CALENDAR,
    Kind::of("holiday", "hol", |world| world.count(CALENDAR) * company::count(HOLIDAYS), World::holiday),
    HOURS,
    ESCALATION,
    SLA_TEMPLATE,
    Kind::of("sla_policy", "slp", |_| company::count(LEVELS), World::sla_policy),
    SKILL,
    Kind::of("agent_skill", "ags", |world| world.agents() * SKILLS_EACH, World::agent_skill),
    Kind::of("queue_member", "qum", |world| world.agents() * 2, World::queue_member),
    Kind::of("routing_rule", "rtr", |_| company::count(ROUTES), World::routing_rule),
    Kind::of("email_to_case", "etc", |_| 2, World::mailbox),
    Kind::of("web_to_case", "wtc", |_| 1, World::web_form),
    Kind::of("social_media_case", "smc", |_| 2, World::social_channel),
];
const CALENDAR: Kind =
    Kind::of("holiday_calendar", "hcl", |_| company::count(COUNTRIES) * 2, World::calendar);
const HOURS: Kind = Kind::of("business_hours", "bsh", |_| company::count(COUNTRIES), World::hours);
const ESCALATION: Kind =
    Kind::of("escalation_rule", "esr", |_| company::count(ESCALATIONS), World::escalation_rule);
pub(super) const SLA_TEMPLATE: Kind =
    Kind::of("sla_template", "slt", |_| company::count(LEVELS), World::sla_template);
const SKILL: Kind = Kind::of("skill", "skl", |_| company::count(SKILLS), World::skill);

const SKILLS_EACH: u64 = 3;

/// A country with its name and time zone.
const COUNTRIES: &[(&str, &str, &str)] = &[
    ("US", "United States", "America/New_York"),
    ("DE", "Germany", "Europe/Berlin"),
    ("CN", "China", "Asia/Shanghai"),
];

/// A holiday of every year: month and day, and its name in the countries that have it, in their order.
const HOLIDAYS: &[(u32, u32, [Option<&str>; 3])] = &[
    (1, 1, [Some("New Year's Day"), Some("Neujahr"), Some("元旦")]),
    (5, 1, [None, Some("Tag der Arbeit"), Some("劳动节")]),
    (7, 4, [Some("Independence Day"), None, None]),
    (10, 1, [None, None, Some("国庆节")]),
    (10, 3, [None, Some("Tag der Deutschen Einheit"), None]),
    (11, 11, [Some("Veterans Day"), None, None]),
    (12, 25, [Some("Christmas Day"), Some("Weihnachten"), None]),
    (12, 26, [None, Some("Zweiter Weihnachtstag"), None]),
];

/// A service level: its value, name, and minutes to a first answer, a further answer and the solution.
pub(super) const LEVELS: &[(&str, &str, [i64; 3])] = &[
    ("platinum", "Platinum", [60, 120, 240]),
    ("gold", "Gold", [120, 240, 720]),
    ("silver", "Silver", [240, 480, 1_440]),
    ("standard", "Standard", [480, 960, 2_880]),
];

/// An escalation: its name, what triggers it, after how many minutes, its level.
const ESCALATIONS: &[(&str, &str, i64, u64)] = &[
    ("No Answer", "response_time", 240, 1),
    ("Not Solved", "resolution_time", 1_440, 2),
    ("Angry Customer", "sentiment", 30, 3),
];

const SKILLS: &[(&str, &str)] = &[
    ("Data Platform", "product"),
    ("Analytics", "product"),
    ("Mobile App", "product"),
    ("Networks", "technical"),
    ("Databases", "technical"),
    ("Invoicing", "industry"),
    ("German", "language"),
    ("Chinese", "language"),
    ("Talking Down Anger", "soft"),
];

/// A routing rule: its name, the queue's place, the case types and the words that it looks for.
type Route = (&'static str, u64, &'static [&'static str], Option<&'static str>);

const ROUTES: &[Route] = &[
    ("Best Service Levels", 3, &["incident"], None),
    ("Invoices", 2, &["question"], Some("invoice, Rechnung, 发票")),
    ("Product Questions", 1, &["question", "feature_request", "training"], None),
    ("Everything Else", 0, &["problem", "incident", "maintenance", "other"], None),
];

impl World {
    fn calendar(&self, number: u64) -> Value {
        let (code, country, _) = company::entry(COUNTRIES, number);
        let year = self.calendar_year(number);
        json!({ "name": format!("{country} {year}"), "country": code, "year": year })
    }

    /// This year's calendars, then next year's.
    fn calendar_year(&self, number: u64) -> i32 {
        self.today().year() + i32::from(number >= company::count(COUNTRIES))
    }

    fn holiday(&self, number: u64) -> Value {
        let (calendar, holiday) = (number / company::count(HOLIDAYS), number % company::count(HOLIDAYS));
        let (month, day, names) = company::entry(HOLIDAYS, holiday);
        let Some(name) = company::entry(&names, calendar % company::count(COUNTRIES)) else {
            return Value::Null;
        };
        json!({
            "calendar_id": self.id(CALENDAR, calendar),
            "name": name,
            "holiday_date": format!("{}-{month:02}-{day:02}", self.calendar_year(calendar)),
            "holiday_type": "national",
        })
    }

    fn hours(&self, number: u64) -> Value {
        let (_, country, zone) = company::entry(COUNTRIES, number);
        json!({
            "name": format!("{country} Office Hours"),
            "time_zone": zone,
            "is_default": number == 0,
            "holiday_calendar_id": self.id(CALENDAR, number),
        })
    }

    fn escalation_rule(&self, number: u64) -> Value {
        let (name, trigger, minutes, level) = company::entry(ESCALATIONS, number);
        json!({
            "name": name,
            "trigger_type": trigger,
            "threshold_minutes": minutes,
            "escalation_level": level,
            "escalate_to_type": "user",
            "escalate_to_user_id": self.agent(0),
            "applicable_priorities": ["critical", "high"],
            "update_status": true,
            "new_status": "escalated",
        })
    }

    fn sla_template(&self, number: u64) -> Value {
        let (level, name, [first, next, solved]) = company::entry(LEVELS, number);
        json!({
            "name": name,
            "sla_level": level,
            "first_response_time_minutes": first,
            "next_response_time_minutes": next,
            "resolution_time_minutes": solved,
            "business_hours_id": self.id(HOURS, number % company::count(COUNTRIES)),
            "enable_auto_escalation": number < 2,
            "escalation_rule_id": self.id(ESCALATION, 1),
        })
    }

    fn sla_policy(&self, number: u64) -> Value {
        let (level, name, [first, next, solved]) = company::entry(LEVELS, number);
        json!({
            "policy_name": format!("{name} Support"),
            "tier": level,
            "priority": (number + 1) * 10,
            "effective_date": self.day(-700).to_string(),
            "coverage_type": if number == 0 { "around_the_clock" } else { "business_hours" },
            "business_hours_id": (number > 0).then(|| self.id(HOURS, 0)),
            "applies_to": "tier",
            "account_tier": [level],
            "first_response_minutes": first,
            "next_response_minutes": next,
            "resolution_minutes": solved,
            "escalation_level1_rule_id": self.id(ESCALATION, 0),
            "escalation_level2_rule_id": self.id(ESCALATION, 1),
        })
    }

    fn skill(&self, number: u64) -> Value {
        let (name, category) = company::entry(SKILLS, number);
        json!({ "name": name, "skill_category": category, "routing_weight": 3 + number % 7 })
    }

    fn agent_skill(&self, number: u64) -> Value {
        let (agent, which) = (number / SKILLS_EACH, number % SKILLS_EACH);
        let mut draw = self.draw("agent skill record", number);
        let (level, score) = draw.weighted(&[
            (("expert", 95), 15),
            (("advanced", 78), 35),
            (("intermediate", 55), 35),
            (("beginner", 30), 15),
        ]);
        json!({
            "user_id": self.agent(agent),
            "skill_id": self.id(SKILL, (agent + which * 3) % company::count(SKILLS)),
            "proficiency_level": level,
            "proficiency_score": score,
            "is_verified": draw.percent(60),
            "years_of_experience": format!("{}.5", draw.between(0, 12)),
        })
    }

    fn queue_member(&self, number: u64) -> Value {
        let (agent, second) = (number / 2, number % 2);
        let mut draw = self.draw("queue member record", number);
        json!({
            "queue_id": self.case_queue_at(agent + second),
            "user_id": self.agent(agent),
            "is_primary": second == 0,
            "status": draw.weighted(&[("available", 60), ("busy", 25), ("offline", 15)]),
            "max_cases": 20 + draw.between(0, 4) * 5,
            "joined_date": self.day(-draw.between(40, 900)).to_string(),
        })
    }

    fn routing_rule(&self, number: u64) -> Value {
        let (name, queue, types, keywords) = company::entry(ROUTES, number);
        json!({
            "name": name,
            "priority": (number + 1) * 10,
            "queue_id": self.case_queue_at(queue),
            "match_case_types": types,
            "match_keywords": keywords,
            "vip_customers_only": number == 0,
        })
    }

    fn mailbox(&self, number: u64) -> Value {
        let (name, address, queue) = company::entry(
            &[("Help", "help@quarry.example", 0), ("Billing", "billing@quarry.example", 2)],
            number,
        );
        json!({
            "name": name,
            "email_address": address,
            "mailbox_type": "imap",
            "mail_server": "mail.quarry.example",
            "default_queue_id": self.case_queue_at(queue),
            "default_case_type": "question",
        })
    }

    fn web_form(&self, _: u64) -> Value {
        json!({
            "name": "Support Page",
            "default_queue_id": self.case_queue_at(0),
            "default_owner_id": self.id(USER, self.sellers()),
            "form_title": "How can we help?",
        })
    }

    fn social_channel(&self, number: u64) -> Value {
        let (name, platform) = company::entry(&[("WeChat", "wechat"), ("LinkedIn", "linkedin")], number);
        json!({
            "name": name,
            "platform": platform,
            "account_handle": "quarry-example",
            "default_queue_id": self.id(QUEUE, 3),
            "default_priority": "medium",
        })
    }
}
