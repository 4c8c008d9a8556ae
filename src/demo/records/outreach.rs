//! How marketing reaches people: templates, forms, landing pages, lists, and those who want no more of it.

use serde_json::{Value, json};

use super::{
    Kind, Person, World,
    customers::CONTACT,
    instant,
    marketing::{CAMPAIGN, PROGRAMMES},
    people::{QUEUE, USER},
};
use crate::demo::company;

pub(super) const KINDS: &[Kind] = &[
    EMAIL_TEMPLATE,
    FORM,
    Kind::of("landing_page", "lpg", |_| company::count(PAGES), World::landing_page),
    LIST,
    Kind::of("unsubscribe", "uns", |world| 30 * world.scale(), World::unsubscribe),
    Kind::of("assignment_rule", "asr", |_| company::count(RULES), World::assignment_rule),
];
const EMAIL_TEMPLATE: Kind =
    Kind::of("email_template", "emt", |_| company::count(TEMPLATES), World::email_template);
const FORM: Kind = Kind::of("form", "frm", |_| company::count(PAGES), World::form);
const LIST: Kind = Kind::of("marketing_list", "mkl", |_| company::count(LISTS), World::marketing_list);

/// A template: name, code, kind, subject.
const TEMPLATES: &[(&str, &str, &str, &str)] = &[
    ("Newsletter", "NEWSLETTER", "marketing", "What is new this month"),
    ("Invitation", "INVITATION", "marketing", "{{FirstName}}, join us"),
    ("Welcome", "WELCOME", "welcome", "Welcome, {{FirstName}}"),
    ("Case Received", "CASE-RECEIVED", "transactional", "We are looking into it"),
    ("Case Escalated", "CASE-ESCALATED", "notification", "A case needs you"),
];

/// A page and its form: title, path, what it is for.
const PAGES: &[(&str, &str, &str)] = &[
    ("See the data platform", "demo", "lead_capture"),
    ("Cost control: the handbook", "handbook", "resource_download"),
    ("User conference", "conference", "event_registration"),
];

const LISTS: &[(&str, &str, &str)] = &[
    ("All Customers", "CUSTOMERS", "contact"),
    ("Open Leads", "OPEN-LEADS", "lead"),
    ("Conference Guests", "GUESTS", "mixed"),
];

/// An assignment rule: name, field, operator, value.
const RULES: &[(&str, &str, &str, &str)] = &[
    ("China", "country", "equals", "China"),
    ("Large Firms", "number_of_employees", "greater_than", "1000"),
    ("Energy", "industry", "equals", "energy"),
];

impl World {
    fn email_template(&self, number: u64) -> Value {
        let (name, code, kind, subject) = company::entry(TEMPLATES, number);
        json!({
            "name": name,
            "template_code": code,
            "template_type": kind,
            "subject": subject,
            "html_body": format!("<h1>{subject}</h1><p>Dear {{{{FirstName}}}},</p>"),
            "plain_text_body": format!("{subject}\n\nDear {{{{FirstName}}}},"),
            "status": "published",
            "owner_id": self.id(USER, 1),
        })
    }

    fn form(&self, number: u64) -> Value {
        let (title, path, kind) = company::entry(PAGES, number);
        json!({
            "name": title,
            "form_code": path.to_uppercase(),
            "form_type": kind,
            "campaign_id": self.id(CAMPAIGN, PROGRAMMES + number),
            "fields_json": [{ "name": "email", "required": true }, { "name": "last_name" }, { "name": "company" }],
            "status": "published",
            "owner_id": self.id(USER, 1),
            "confirmation_email_template_id": self.id(EMAIL_TEMPLATE, 2),
        })
    }

    fn landing_page(&self, number: u64) -> Value {
        let (title, path, _) = company::entry(PAGES, number);
        json!({
            "name": title,
            "title": title,
            "slug": path,
            "page_type": if number == 2 { "event_registration" } else { "lead_generation" },
            "campaign_id": self.id(CAMPAIGN, PROGRAMMES + number),
            "form_id": self.id(FORM, number),
            "meta_title": title,
            "status": "published",
            "owner_id": self.id(USER, 1),
        })
    }

    fn marketing_list(&self, number: u64) -> Value {
        let (name, code, members) = company::entry(LISTS, number);
        json!({
            "name": name,
            "list_code": code,
            "list_type": if number == 2 { "static" } else { "dynamic" },
            "member_type": members,
            "filter_criteria_json": match number {
                0 => json!({ "account.customer_status": "active_customer" }),
                1 => json!({ "status": { "$in": ["new", "contacted"] } }),
                _ => Value::Null,
            },
            "refresh_frequency": if number == 2 { "manual" } else { "daily" },
            "owner_id": self.id(USER, 1),
        })
    }

    fn unsubscribe(&self, number: u64) -> Value {
        let mut draw = self.draw("unsubscribe record", number);
        let contact = draw.below(self.count(CONTACT));
        let (account, place) = self.place_of_contact(contact);
        let company = self.company(account);
        let person = Person::any(&mut self.draw("contact record", contact), company.culture);
        let day = self.day(-draw.between(1, 400));
        let is_bounce = draw.percent(30);
        json!({
            "email": format!("{}@{}", person.mailbox(place), company.domain),
            "contact_id": self.id(CONTACT, contact),
            "unsubscribe_type": if is_bounce { "global" } else { "list" },
            "unsubscribe_source": if is_bounce { "bounce" } else { "email_link" },
            "unsubscribe_reason": (!is_bounce).then(|| draw.weighted(&[("too_frequent", 55), ("not_relevant", 45)])),
            "unsubscribe_date": instant(&mut draw, day),
            "marketing_list_id": (!is_bounce).then(|| self.id(LIST, 0)),
            "is_bounce": is_bounce,
            "bounce_type": is_bounce.then_some("hard_bounce"),
        })
    }

    fn assignment_rule(&self, number: u64) -> Value {
        let (name, field, operator, value) = company::entry(RULES, number);
        json!({
            "name": name,
            "object_name": "lead",
            "sort_order": number + 1,
            "criteria_field": field,
            "criteria_operator": operator,
            "criteria_value": value,
            "assign_to": (number > 0).then(|| self.id(USER, 4 + number)),
            "assign_to_queue": (number == 0).then(|| self.id(QUEUE, 0)),
        })
    }
}
