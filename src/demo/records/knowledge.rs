//! What customers and agents can read: articles, and what customers ask each other in the forum.

use serde_json::{Value, json};

use super::{
    Draw, Kind, Person, World,
    customers::{ACCOUNT, CONTACT},
};
use crate::demo::company;

pub(super) const KINDS: &[Kind] = &[
    ARTICLE,
    PORTAL_USER,
    TOPIC,
    Kind::of("forum_post", "fps", |world| world.count(TOPIC) * POSTS_MAX, World::forum_post),
];
pub(super) const ARTICLE: Kind =
    Kind::of("knowledge_article", "kna", |_| company::count(ARTICLES) * 3, World::article);
const PORTAL_USER: Kind = Kind::of("portal_user", "ptu", |world| 150 * world.scale(), World::portal_user);
const TOPIC: Kind = Kind::of("forum_topic", "ftp", |world| 40 * world.scale(), World::topic);

const POSTS_MAX: u64 = 4;

/// An article in English, German and Chinese: title and summary, with its category and tag.
type Article = ([(&'static str, &'static str); 3], &'static str, &'static str);

const ARTICLES: &[Article] = &[
    (
        [
            ("Set up the data platform", "From the first login to the first report, step by step."),
            ("Die Datenplattform einrichten", "Von der ersten Anmeldung zum ersten Bericht."),
            ("设置数据平台", "从首次登录到第一份报表的步骤。"),
        ],
        "how_to",
        "getting_started",
    ),
    (
        [
            ("Reset a password", "What to do when nobody can log in."),
            ("Ein Passwort zurücksetzen", "Was zu tun ist, wenn sich niemand anmelden kann."),
            ("重置密码", "无法登录时的处理方法。"),
        ],
        "faq",
        "security",
    ),
    (
        [
            ("A report is slow", "Find the filter that costs the time, and make it quick."),
            ("Ein Bericht ist langsam", "Den Filter finden, der Zeit kostet, und ihn beschleunigen."),
            ("报表运行缓慢", "找出耗时的筛选条件并加速。"),
        ],
        "troubleshooting",
        "performance",
    ),
    (
        [
            ("Connect the edge gateway", "Cables, addresses, and how to see that it is alive."),
            ("Das Edge-Gateway anschließen", "Kabel, Adressen, und woran man sieht, dass es läuft."),
            ("连接边缘网关", "线缆、地址以及如何确认运行正常。"),
        ],
        "technical",
        "installation",
    ),
    (
        [
            ("Read an invoice", "What each line means and where to ask."),
            ("Eine Rechnung lesen", "Was jede Zeile bedeutet und wer Fragen beantwortet."),
            ("如何查看发票", "每一行的含义以及联系方式。"),
        ],
        "billing",
        "billing",
    ),
    (
        [
            ("The mobile app without a network", "What works offline, and when it is sent."),
            ("Die mobile App ohne Netz", "Was ohne Netz geht, und wann es gesendet wird."),
            ("离线使用移动应用", "离线可用的功能以及同步时间。"),
        ],
        "product",
        "mobile",
    ),
];
const LANGUAGES: &[&str] = &["en", "de", "zh-CN"];

const QUESTIONS: &[(&str, &str)] = &[
    ("Can reports be sent by mail every Monday?", "qa"),
    ("Gateway loses its address after an update", "technical"),
    ("Wish: dark colours in the app", "feature_request"),
    ("How do you count your sensors?", "general"),
    ("Export stops at a million rows", "bug_reports"),
];
const ANSWERS: &[&str] = &[
    "We had the same. A restart of the service helped.",
    "Look under settings, there is a box for it.",
    "It is on our list for the next version.",
    "Could you tell us which version you use?",
];

impl World {
    fn article(&self, number: u64) -> Value {
        let languages = company::count(LANGUAGES);
        let (place, language) = (number / languages, number % languages);
        let (texts, category, tag) = company::entry(ARTICLES, place);
        let (title, summary) = company::entry(&texts, language);
        let mut draw = self.draw("article record", number);
        json!({
            "title": title,
            "summary": summary,
            "content": format!("# {title}\n\n{summary}\n\n1. Open the console.\n2. Choose what it is about.\n3. Follow what it says."),
            "category": category,
            "tags": [tag],
            "keywords": title.to_lowercase(),
            "status": draw.weighted(&[("published", 84), ("needs_update", 10), ("draft", 6)]),
            "language": company::entry(LANGUAGES, language),
            "translation_of_id": (language > 0).then(|| self.id(ARTICLE, number - language)),
            "owner_id": self.agent(0),
            "author_id": self.agent(place),
            "next_review_date": self.day(draw.between(-20, 180)).to_string(),
        })
    }

    fn portal_user(&self, number: u64) -> Value {
        let contact = self.portal_contact(number);
        let (account, place) = self.place_of_contact(contact);
        let company = self.company(account);
        let person = Person::any(&mut self.draw("contact record", contact), company.culture);
        let mut draw = self.draw("portal user record", number);
        let email = format!("{}@{}", person.mailbox(place), company.domain);
        json!({
            "username": email,
            "email": email,
            "first_name": person.first,
            "last_name": person.last,
            "contact_id": self.id(CONTACT, contact),
            "account_id": self.id(ACCOUNT, account),
            "status": draw.weighted(&[("active", 90), ("locked", 4), ("pending_approval", 6)]),
            "user_role": if number.is_multiple_of(7) { "admin" } else { "standard" },
            "customer_tier": draw.weighted(&[("basic", 40), ("professional", 40), ("enterprise", 20)]),
            "can_view_all_account_cases": number.is_multiple_of(7),
            "digest_frequency": draw.weighted(&[("weekly", 60), ("daily", 15), ("never", 25)]),
        })
    }

    /// The contact of a portal user: the first ones of the first accounts.
    fn portal_contact(&self, portal_user: u64) -> u64 {
        portal_user % self.count(CONTACT)
    }

    fn portal_id(&self, draw: &mut Draw) -> String {
        self.id(PORTAL_USER, draw.below(self.count(PORTAL_USER)))
    }

    fn topic(&self, number: u64) -> Value {
        let mut draw = self.draw("topic record", number);
        let (title, category) = company::entry(QUESTIONS, number);
        json!({
            "title": title,
            "description": format!("{title} We would like to know how others do it."),
            "category": category,
            "author_id": self.portal_id(&mut draw),
            "status": draw.weighted(&[("open", 45), ("answered", 45), ("closed", 10)]),
            "is_pinned": draw.percent(5),
            "tags": "platform",
        })
    }

    fn forum_post(&self, number: u64) -> Value {
        let (topic, place) = (number / POSTS_MAX, number % POSTS_MAX);
        if place >= self.draw("posts", topic).below(POSTS_MAX + 1) {
            return Value::Null;
        }
        let mut draw = self.draw("forum post record", number);
        json!({
            "topic_id": self.id(TOPIC, topic),
            "content": draw.pick(ANSWERS),
            "author_id": self.portal_id(&mut draw),
            "is_helpful": draw.percent(30),
        })
    }
}
