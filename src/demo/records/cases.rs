//! Cases and what belongs to them: the installed products that they are about, what was said, and what was promised.

use chrono::{Datelike, NaiveDate, Weekday};
use serde_json::{Value, json};

use super::{
    Draw, Kind, World,
    catalogue::PRODUCT,
    customers::{ACCOUNT, CONTACT},
    desk::{LEVELS, SLA_TEMPLATE},
    finance::CONTRACT,
    in_words, instant,
    knowledge::ARTICLE,
};
use crate::demo::{company, words::Culture};

pub(super) const KINDS: &[Kind] = &[
    ASSET,
    CASE,
    Kind::of("case_comment", "ccm", |world| world.count(CASE) * COMMENTS_MAX, World::case_comment),
    Kind::of("case_article", "car", |world| world.count(CASE), World::case_article),
    Kind::of("sla_milestone", "slm", |world| world.count(CASE), World::milestone),
];
/// An asset has the number of the contract that it was sold with.
const ASSET: Kind = Kind::of("asset", "ast", |world| world.count(CONTRACT), World::asset);
const CASE: Kind = Kind::of("case", "cas", |world| 900 * world.scale(), World::case);

const COMMENTS_MAX: u64 = 3;
/// So many days back the first case was opened.
const HISTORY_DAYS: i64 = 365;

/// A trouble: what the customer writes, what it is, and how it ends.
#[derive(Clone, Copy)]
struct Trouble {
    subject: [&'static str; 3],
    kind: &'static str,
    solved: &'static str,
    resolution: &'static str,
}

const TROUBLES: &[Trouble] = &[
    Trouble {
        subject: ["Report takes minutes", "Bericht dauert Minuten", "报表运行几分钟"],
        kind: "problem",
        solved: "configuration_change",
        resolution: "An index was added to the slow filter.",
    },
    Trouble {
        subject: ["Nobody can log in", "Niemand kann sich anmelden", "所有人无法登录"],
        kind: "incident",
        solved: "bug_fix",
        resolution: "The certificate had run out and was renewed.",
    },
    Trouble {
        subject: ["How do we add users?", "Wie legen wir Benutzer an?", "如何添加用户？"],
        kind: "question",
        solved: "product_guidance",
        resolution: "Shown by phone; the article was sent.",
    },
    Trouble {
        subject: ["Question about the invoice", "Frage zur Rechnung", "发票问题咨询"],
        kind: "question",
        solved: "no_fix_needed",
        resolution: "The lines were explained.",
    },
    Trouble {
        subject: ["Gateway is offline", "Gateway ist offline", "网关离线"],
        kind: "incident",
        solved: "technical_support",
        resolution: "Power supply replaced on site.",
    },
    Trouble {
        subject: ["Export as a spreadsheet", "Export als Tabelle", "导出为表格"],
        kind: "feature_request",
        solved: "product_update",
        resolution: "It is in the next version.",
    },
    Trouble {
        subject: ["Training for new colleagues", "Schulung für neue Kollegen", "新同事培训"],
        kind: "training",
        solved: "training",
        resolution: "Two days in the customer's rooms.",
    },
];

/// What the records that belong to a case have to know of it.
struct Story {
    account: u64,
    culture: Culture,
    opened: NaiveDate,
    is_over: bool,
}

impl World {
    fn asset(&self, number: u64) -> Value {
        let Some(contract) = self.contract(number) else { return Value::Null };
        let mut draw = self.draw("asset record", number);
        let (product, article) = self.any_article(&mut draw);
        if !matches!(article.family, "hardware" | "software" | "subscription") {
            return Value::Null;
        }
        let account = contract.sale.account;
        let is_delivered = contract.start <= self.today();
        json!({
            "name": article.name,
            "serial_number": format!("{}-{:07}", article.code, number + 1),
            "account_id": self.id(ACCOUNT, account),
            "product_id": self.id(PRODUCT, product),
            "contract_id": self.id(CONTRACT, number),
            "status": match is_delivered {
                true => draw.weighted(&[("installed", 93), ("in_repair", 3), ("retired", 4)]),
                false => "ordered",
            },
            "purchase_date": contract.sale.close.to_string(),
            "install_date": is_delivered.then(|| contract.start.to_string()),
            "warranty_end_date": contract.end.to_string(),
            "location": contract.sale.company.city.name,
        })
    }

    /// A case of a key account more often than not, on a working day, and over unless it is young.
    fn story(&self, number: u64) -> (Story, Draw) {
        let mut draw = self.draw("case record", number);
        let account = self.any_account(&mut draw);
        let opened = working_day(draw.day(self.day(-HISTORY_DAYS), self.today()));
        let age = self.today().signed_duration_since(opened).num_days();
        let is_over = match age {
            0..=2 => draw.percent(25),
            3..=14 => draw.percent(70),
            _ => draw.percent(98),
        };
        (Story { account, culture: self.company(account).culture, opened, is_over }, draw)
    }

    fn case(&self, number: u64) -> Value {
        let (Story { account, culture, opened, is_over }, mut draw) = self.story(number);
        let trouble = company::entry(TROUBLES, draw.below(company::count(TROUBLES)));
        let contact = self.contact_of(&mut draw, account);
        let (product, _) = self.any_article(&mut draw);
        let status = match is_over {
            true => draw.weighted(&[("closed", 82), ("resolved", 18)]),
            false => draw.weighted(&[
                ("new", 22),
                ("open", 26),
                ("in_progress", 26),
                ("waiting_on_customer", 18),
                ("waiting_internal", 4),
                ("escalated", 4),
            ]),
        };
        let priority = match trouble.kind {
            "incident" => draw.weighted(&[("critical", 25), ("high", 50), ("medium", 25)]),
            _ => draw.weighted(&[("high", 12), ("medium", 58), ("low", 30)]),
        };
        let mood = draw.weighted(&[(5, 38), (4, 36), (3, 14), (2, 8), (1, 4)]);
        json!({
            "subject": in_words(culture, trouble.subject),
            "description": format!("{} ({opened})", in_words(culture, trouble.subject)),
            "status": status,
            "priority": priority,
            "severity": match priority {
                "critical" => "s1",
                "high" => "s2",
                "medium" => "s3",
                _ => "s4",
            },
            "type": trouble.kind,
            "origin": match culture {
                Culture::Chinese => draw.weighted(&[("wechat", 60), ("phone", 25), ("web", 15)]),
                _ => draw.weighted(&[("email", 45), ("web", 30), ("phone", 20), ("chat_bot", 5)]),
            },
            "owner_id": self.agent(1 + draw.below(self.agents() - 1)),
            "assigned_to_queue_id": self.case_queue(&mut draw),
            "account_id": self.id(ACCOUNT, account),
            "contact_id": self.id(CONTACT, contact),
            "product_id": self.id(PRODUCT, product),
            "sla_level": self.level_of(account).0,
            "is_escalated": status == "escalated",
            "escalation_reason": (status == "escalated").then_some("The customer's production stands still."),
            "resolution": is_over.then_some(trouble.resolution),
            "resolution_category": is_over.then_some(trouble.solved),
            "work_around_provided": is_over && mood > 3,
        })
    }

    /// The service level of an account, with its place among the levels.
    fn level_of(&self, account: u64) -> (&'static str, u64) {
        let place = match self.company(account).employees {
            2_000.. => 0,
            500.. => 1,
            100.. => 2,
            _ => 3,
        };
        (company::entry(LEVELS, place).0, place)
    }

    fn case_comment(&self, number: u64) -> Value {
        let (case, place) = (number / COMMENTS_MAX, number % COMMENTS_MAX);
        let (Story { account, culture, is_over, .. }, _) = self.story(case);
        let comments = self.draw("case comments", case).below(3) + u64::from(is_over);
        if place >= comments {
            return Value::Null;
        }
        let is_answer = place.is_multiple_of(2);
        let text = match is_answer {
            true => in_words(
                culture,
                ["Thank you, we are looking into it.", "Danke, wir sehen es uns an.", "谢谢，我们正在处理。"],
            ),
            false => in_words(culture, ["It happened again.", "Es ist wieder passiert.", "问题再次出现。"]),
        };
        let mut draw = self.draw("case comment record", number);
        let contact = self.contact_of(&mut draw, account);
        json!({
            "case_id": self.id(CASE, case),
            "comment_type": if is_answer { "agent" } else { "customer" },
            "body": text,
            "is_public": true,
            "contact_id": (!is_answer).then(|| self.id(CONTACT, contact)),
            "channel_source": "email",
            "is_solution": is_over && place + 1 == comments,
        })
    }

    fn case_article(&self, number: u64) -> Value {
        let (Story { is_over, .. }, _) = self.story(number);
        let mut draw = self.draw("case article record", number);
        if !is_over || !draw.percent(22) {
            return Value::Null;
        }
        json!({
            "case_id": self.id(CASE, number),
            "article_id": self.id(ARTICLE, draw.below(self.count(ARTICLE))),
            "is_solution": draw.percent(60),
        })
    }

    fn milestone(&self, number: u64) -> Value {
        let (Story { account, opened, is_over, .. }, _) = self.story(number);
        let mut draw = self.draw("milestone record", number);
        let (_, level) = self.level_of(account);
        let status = match is_over {
            true => draw.weighted(&[("completed", 88), ("violated", 12)]),
            false => draw.weighted(&[("in_progress", 80), ("paused", 20)]),
        };
        json!({
            "case_id": self.id(CASE, number),
            "sla_template_id": self.id(SLA_TEMPLATE, level),
            "milestone_type": "resolution",
            "name": "Solved",
            "target_date_time": instant(&mut draw, opened + chrono::Days::new(level + 1)),
            "status": status,
        })
    }
}

/// The day itself, or the Friday before.
fn working_day(day: NaiveDate) -> NaiveDate {
    match day.weekday() {
        Weekday::Sat => day.pred_opt().unwrap_or(day),
        Weekday::Sun => day - chrono::Days::new(2),
        _ => day,
    }
}
