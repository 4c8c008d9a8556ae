//! Campaigns and who they reached.

use chrono::Datelike;
use serde_json::{Value, json};

use super::{
    Kind, World,
    customers::{CONTACT, LEAD},
    money,
};
use crate::demo::draw::rounded;

pub(super) const CAMPAIGN: Kind = Kind::of("campaign", "cmp", |world| 24 * world.scale(), World::campaign);
pub(super) const CAMPAIGN_MEMBER: Kind =
    Kind::of("campaign_member", "cmm", |world| 1_500 * world.scale(), World::campaign_member);

/// Campaigns that others belong to: one for each year.
pub(super) const PROGRAMMES: u64 = 3;

impl World {
    pub(super) fn campaign(&self, number: u64) -> Value {
        let mut draw = self.draw("campaign record", number);
        if number < PROGRAMMES {
            return self.programme(number);
        }
        let begin = draw.day(self.day(-720), self.day(60));
        let (kind, what, days, budget) = draw.weighted(&[
            (("webinar", "Webinar", 1, 4_000.0), 26),
            (("email", "Newsletter", 14, 1_500.0), 26),
            (("conference", "User Conference", 3, 60_000.0), 8),
            (("trade_show", "Trade Show", 4, 38_000.0), 14),
            (("social_media", "Social Ads", 45, 9_000.0), 14),
            (("direct_mail", "Mailing", 21, 7_000.0), 6),
            (("partners", "Partner Day", 1, 12_000.0), 6),
        ]);
        let end = begin + chrono::Days::new(days);
        let status = match (end < self.today(), begin <= self.today()) {
            (true, _) if draw.percent(5) => "aborted",
            (true, _) => "completed",
            (false, true) => "in_progress",
            (false, false) => "planned",
        };
        let budget = rounded(draw.around(budget, 1.5));
        let topic = draw.pick(&[
            "Data Platform",
            "Cost Control",
            "Field Service",
            "Forecasting",
            "Security",
            "Customer Care",
        ]);
        let programme = number_of_year(begin.year(), self.today().year());
        json!({
            "name": format!("{topic} {what} {} #{number}", begin.format("%b %Y")),
            "type": kind,
            "status": status,
            "is_active": matches!(status, "planned" | "in_progress"),
            "start_date": begin.to_string(),
            "end_date": end.to_string(),
            "parent_campaign": self.id(CAMPAIGN, programme),
            "description": format!("{what} about {}.", topic.to_lowercase()),
            "budgeted_cost": money(budget),
            "actual_cost": (status != "planned").then(|| money(rounded(draw.around(budget as f64, 1.15)))),
            "expected_revenue": money(budget * draw.between(4, 12)),
        })
    }

    fn programme(&self, number: u64) -> Value {
        let year = self.today().year() - i32::try_from(PROGRAMMES - 1 - number).unwrap_or(0);
        let is_over = year < self.today().year();
        json!({
            "name": format!("Demand Generation {year}"),
            "type": "other",
            "status": if is_over { "completed" } else { "in_progress" },
            "is_active": !is_over,
            "start_date": format!("{year}-01-01"),
            "end_date": format!("{year}-12-31"),
            "description": "All that is done in the year to find new customers.",
            "budgeted_cost": money(600_000),
        })
    }

    pub(super) fn campaign_member(&self, number: u64) -> Value {
        let mut draw = self.draw("campaign member record", number);
        let campaign = PROGRAMMES + draw.below(self.count(CAMPAIGN) - PROGRAMMES);
        let is_lead = draw.percent(55);
        let lead = is_lead.then(|| self.id(LEAD, draw.below(self.count(LEAD))));
        let contact = (!is_lead).then(|| self.id(CONTACT, draw.below(self.count(CONTACT))));
        json!({
            "campaign": self.id(CAMPAIGN, campaign),
            "lead": lead,
            "contact": contact,
            "status": draw.weighted(&[("sent", 46), ("opened", 27), ("clicked", 14), ("responded", 9), ("unsubscribed", 4)]),
            "member_source": draw.weighted(&[("automation", 50), ("import", 30), ("manual", 20)]),
        })
    }
}

/// The programme of a year; the last one for years to come.
fn number_of_year(year: i32, this_year: i32) -> u64 {
    let ago = u64::try_from(this_year - year).unwrap_or(0);
    (PROGRAMMES - 1).saturating_sub(ago)
}
