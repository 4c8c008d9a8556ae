//! Opportunities: a funnel that narrows, cycles of a few weeks to half a year, and a rush at each end of a quarter.

use chrono::{Datelike, Days, NaiveDate};
use serde_json::{Value, json};

use super::{
    Draw, Kind, World,
    customers::{ACCOUNT, CONTACT},
    marketing::{CAMPAIGN, PROGRAMMES},
    money, month_end,
};
use crate::demo::{company::Company, draw::rounded, words::Culture};

/// A stage with its probability and forecast category.
type Stage = (&'static str, i64, &'static str);

/// The open stages in their order.
const OPEN: &[Stage] = &[
    ("prospecting", 10, "pipeline"),
    ("qualification", 20, "pipeline"),
    ("needs_analysis", 40, "pipeline"),
    ("proposal", 60, "best_case"),
    ("negotiation", 80, "commit"),
];
const WON: Stage = ("closed_won", 100, "closed");
const LOST: Stage = ("closed_lost", 0, "omitted");

/// So many days back the first opportunity began.
const HISTORY_DAYS: i64 = 730;

/// Where an opportunity stands today.
struct Standing {
    stage: Stage,
    close: NaiveDate,
}

pub(super) const OPPORTUNITY: Kind =
    Kind::of("opportunity", "opp", |world| 1_500 * world.scale(), World::opportunity);

/// What the records that follow from an opportunity have to know of it.
pub(super) struct Sale {
    pub(super) account: u64,
    pub(super) company: Company,
    pub(super) amount: i64,
    pub(super) close: NaiveDate,
    stage: Stage,
}

impl Sale {
    pub(super) fn is_won(&self) -> bool {
        self.stage == WON
    }

    pub(super) fn is_lost(&self) -> bool {
        self.stage == LOST
    }

    /// Whether it has come so far that the customer knows a price.
    pub(super) fn is_quoted(&self) -> bool {
        self.is_won() || self.is_lost() || matches!(self.stage.0, "proposal" | "negotiation")
    }
}

impl World {
    /// The sale of opportunity `number`, and the chance that goes on from it.
    pub(super) fn sale(&self, number: u64) -> (Sale, Draw) {
        let mut draw = self.draw("opportunity record", number);
        let account = self.any_account(&mut draw);
        let company = self.company(account);
        let size = (company.employees as f64 / 200.0).powf(0.35);
        let amount = rounded(draw.around(26_000.0 * size, 2.4));
        let Standing { stage, close } = self.standing(&mut draw, amount);
        (Sale { account, company, amount, close, stage }, draw)
    }

    fn opportunity(&self, number: u64) -> Value {
        let (sale, mut draw) = self.sale(number);
        let Sale { account, company, amount, close, stage: (stage, probability, forecast) } = sale;
        let kind = draw.weighted(&[
            ("new_business", 52),
            ("existing_business_upgrade", 20),
            ("existing_business_renewal", 22),
            ("existing_business_replacement", 6),
        ]);
        let product = match company.culture {
            Culture::Chinese => {
                draw.pick(&["数据平台", "移动应用", "分析服务", "系统集成", "年度维护", "安全审计"])
            }
            Culture::German => draw.pick(&[
                "Datenplattform",
                "Mobile App",
                "Analyse",
                "Systemintegration",
                "Wartung",
                "Sicherheitsprüfung",
            ]),
            Culture::English => draw.pick(&[
                "Data Platform",
                "Mobile App",
                "Analytics",
                "System Integration",
                "Annual Support",
                "Security Review",
            ]),
        };
        let contact = self.contact_of(&mut draw, account);
        let mut more = self.draw("opportunity origin", number);
        let campaign = more
            .percent(35)
            .then(|| self.id(CAMPAIGN, PROGRAMMES + more.below(self.count(CAMPAIGN) - PROGRAMMES)));
        let reasons = [
            ("price", 34),
            ("competitor", 24),
            ("no_decision", 18),
            ("no_budget", 14),
            ("product", 7),
            ("other", 3),
        ];
        let reason = (stage == LOST.0).then(|| more.weighted(&reasons));
        json!({
            "name": format!("{} – {product}", shortened(&company.name)),
            "account_id": self.id(ACCOUNT, account),
            "contact_id": draw.percent(85).then(|| self.id(CONTACT, contact)),
            "amount": money(amount),
            "stage": stage,
            "probability": probability.to_string(),
            "close_date": close.to_string(),
            "type": kind,
            "lead_source": draw.weighted(&[
                ("web", 30),
                ("phone_inquiry", 10),
                ("partner_referral", 18),
                ("trade_show", 12),
                ("social_media", 8),
                ("advertisement", 7),
                ("customer_referral", 12),
                ("other", 3),
            ]),
            "forecast_category": forecast,
            "next_step": next_step(stage),
            "campaign_id": campaign,
            "loss_reason": reason,
            "owner_id": self.owner_of(account),
        })
    }

    /// An opportunity begins on a day of the last two years and takes some weeks, longer when it is large. If that time is over,
    /// it was won or lost; if not, its stage is how much of the time has gone.
    fn standing(&self, draw: &mut Draw, amount: i64) -> Standing {
        let begin = draw.day(self.day(-HISTORY_DAYS), self.day(-2));
        let slowness = (amount as f64 / 26_000.0).powf(0.18);
        let days = rounded(draw.around(74.0 * slowness, 1.7)).clamp(7, 400);
        let planned = begin.checked_add_days(Days::new(days.unsigned_abs())).unwrap_or(begin);
        let is_quarter_end = planned.month().is_multiple_of(3);
        let close =
            if draw.percent(if is_quarter_end { 60 } else { 25 }) { month_end(planned) } else { planned };
        if close < self.today() && !draw.percent(4) {
            // The last quarter of a year is the best.
            let chance = if close.month() >= 10 { 45 } else { 37 };
            return Standing { stage: if draw.percent(chance) { WON } else { LOST }, close };
        }
        let gone = self.today().signed_duration_since(begin).num_days() * 100 / days.max(1);
        let stage = match gone {
            // Overdue, and still open: those that nobody got round to.
            101.. => {
                draw.weighted(&[(OPEN[0], 30), (OPEN[1], 30), (OPEN[2], 20), (OPEN[3], 12), (OPEN[4], 8)])
            }
            88.. => OPEN[4],
            70.. => OPEN[3],
            50.. => OPEN[2],
            30.. => OPEN[1],
            _ => OPEN[0],
        };
        Standing { stage, close }
    }
}

/// A name without its legal form, at most 60 characters.
fn shortened(name: &str) -> String {
    let forms = [
        " Inc.",
        " LLC",
        " Ltd.",
        " Group",
        " Co.",
        " GmbH & Co. KG",
        " GmbH",
        " AG",
        " KG",
        "股份有限公司",
        "有限公司",
    ];
    let name = forms.iter().find_map(|form| name.strip_suffix(form)).unwrap_or(name);
    name.chars().take(60).collect()
}

fn next_step(stage: &str) -> Option<&'static str> {
    match stage {
        "prospecting" => Some("Arrange a first call"),
        "qualification" => Some("Find out who decides"),
        "needs_analysis" => Some("Workshop with the department"),
        "proposal" => Some("Walk through the offer"),
        "negotiation" => Some("Agree on terms with procurement"),
        _ => None,
    }
}
