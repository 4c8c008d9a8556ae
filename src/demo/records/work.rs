//! Activities, tasks and notes: what was done and what is to be done.

use serde_json::{Value, json};

use super::{
    Kind, World,
    customers::{ACCOUNT, CONTACT},
    instant,
};
use crate::demo::words::Culture;

pub(super) const KINDS: &[Kind] = &[
    Kind::of("activity", "act", |world| 2_500 * world.scale(), World::activity),
    Kind::of("task", "tsk", |world| 900 * world.scale(), World::task),
    Kind::of("note", "nte", |world| 400 * world.scale(), World::note),
];

impl World {
    pub(super) fn activity(&self, number: u64) -> Value {
        let mut draw = self.draw("activity record", number);
        let account = self.any_account(&mut draw);
        let contact = self.contact_of(&mut draw, account);
        let day = if draw.percent(88) {
            draw.day(self.day(-180), self.day(-1))
        } else {
            self.day(draw.between(0, 21))
        };
        let is_past = day < self.today();
        let status = match is_past {
            true => draw.weighted(&[("completed", 88), ("cancelled", 7), ("deferred", 5)]),
            false => draw.weighted(&[("planned", 90), ("in_progress", 10)]),
        };
        let (kind, subject, minutes) = draw.weighted(&[
            (("call", "Call about open points", 15), 34),
            (("email", "Sent the documents", 5), 26),
            (("meeting", "Meeting with the project team", 60), 18),
            (("demo", "Product demo", 45), 9),
            (("proposal", "Proposal presented", 60), 6),
            (("lunch", "Lunch", 90), 3),
            (("sms", "Reminder by text message", 1), 4),
        ]);
        let is_online = matches!(kind, "meeting" | "demo" | "proposal") && draw.percent(65);
        let is_call = kind == "call";
        json!({
            "subject": subject,
            "type": kind,
            "status": status,
            "priority": draw.weighted(&[("high", 18), ("medium", 60), ("low", 22)]),
            "owner_id": self.owner_of(account),
            "who_id": self.id(CONTACT, contact),
            "what_id": self.id(ACCOUNT, account),
            "activity_date": instant(&mut draw, day),
            "due_date": (!is_past).then(|| day.to_string()),
            "duration_in_minutes": minutes,
            "location": (kind == "meeting" && !is_online).then_some(self.company(account).city.name),
            "email_subject": (kind == "email").then_some(subject),
            "is_online": is_online,
            "meeting_link": is_online.then(|| format!("https://meet.quarry.example/{:06}", number + 1)),
            "call_type": is_call.then(|| draw.weighted(&[("outbound", 75), ("inbound", 25)])),
            "call_result": (is_call && is_past).then(|| {
                draw.weighted(&[("connected", 55), ("not_connected", 20), ("left_message", 15), ("call_back_later", 10)])
            }),
        })
    }

    pub(super) fn task(&self, number: u64) -> Value {
        let mut draw = self.draw("task record", number);
        let account = self.any_account(&mut draw);
        let contact = self.contact_of(&mut draw, account);
        let due = self.day(draw.between(-60, 30));
        let is_due = due < self.today();
        let status = match is_due {
            true => draw.weighted(&[("completed", 85), ("in_progress", 7), ("waiting", 5), ("deferred", 3)]),
            false => draw.weighted(&[("not_started", 60), ("in_progress", 28), ("waiting", 12)]),
        };
        let (percent, column) = match status {
            "completed" => (100, "done"),
            "in_progress" => (draw.between(1, 9) * 10, "in_progress"),
            "waiting" => (draw.between(1, 9) * 10, "review"),
            _ => (0, "todo"),
        };
        let subject = match self.company(account).culture {
            Culture::Chinese => draw.pick(&["发送报价", "确认需求", "准备合同", "安排演示", "回访客户"]),
            Culture::German => draw.pick(&[
                "Angebot senden",
                "Bedarf klären",
                "Vertrag vorbereiten",
                "Vorführung planen",
                "Nachfassen",
            ]),
            Culture::English => draw.pick(&[
                "Send the offer",
                "Clarify the needs",
                "Prepare the contract",
                "Plan the demo",
                "Follow up",
            ]),
        };
        json!({
            "subject": subject,
            "status": status,
            "priority": draw.weighted(&[("high", 20), ("normal", 60), ("low", 20)]),
            "due_date": due.to_string(),
            "owner_id": self.owner_of(account),
            "what_id": self.id(ACCOUNT, account),
            "who_id": draw.percent(70).then(|| self.id(CONTACT, contact)),
            "estimated_hours": draw.pick(&["0.50", "1.00", "2.00", "4.00", "8.00"]),
            "percent_complete": percent.to_string(),
            "kanban_column": column,
            "kanban_order": number % 50,
        })
    }

    pub(super) fn note(&self, number: u64) -> Value {
        let mut draw = self.draw("note record", number);
        let account = self.any_account(&mut draw);
        let name = self.company(account).name;
        let (title, body) = draw.pick(&[
            ("First meeting", "They replace their old system next year. **Budget is approved**; the board decides in spring."),
            ("Competition", "A second vendor is in the race, cheaper but without support on site."),
            ("People", "The head of IT decides together with procurement. Keep both in the loop."),
            ("Contract", "The current contract ends in six months; they want a data platform with reports for every plant."),
            ("Support", "Two open questions from last week; answered by phone, they are content."),
        ]);
        json!({
            "title": title,
            "body": format!("{name}: {body}"),
            "related_to_account_id": self.id(ACCOUNT, account),
            "is_private": draw.percent(8),
            "is_pinned": draw.percent(10),
            "tags": draw.pick(&["meeting", "competition", "people", "contract", "support"]),
            "owner_id": self.owner_of(account),
        })
    }
}
