//! A random world: records, permission sets, users, shares; and what each user sees of it, decided record by record. Nothing here is taken
//! from the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::{Value, json};

use super::dice::Dice;

/// A record by field.
pub type Record = BTreeMap<&'static str, Value>;

pub const OBJECTS: [&str; 2] = ["company", "deal"];
pub const USERS: usize = 8;
/// The user who sees everything.
pub const ALL_SEEING: usize = 7;
const COMPANIES: u64 = 18;
const DEALS: u64 = 50;

/// The fields of an object that are asked for.
pub fn fields(object: &str) -> &'static [&'static str] {
    match object {
        "company" => {
            &["name", "region", "stars", "phone", "notes", "rank", "active", "founded", "worth", "partner_id"]
        }
        _ => &["title", "amount", "won", "company_id"],
    }
}

/// What a set allows on one object.
#[derive(Clone, Debug)]
struct Grant {
    views_all: bool,
    hidden: Vec<&'static str>,
    /// The phone is shown as it is.
    clear: bool,
    /// Whether it denies, and on what condition.
    rules: Vec<(bool, &'static str)>,
}

#[derive(Clone, Debug)]
struct Set {
    name: String,
    grants: BTreeMap<&'static str, Grant>,
}

#[derive(Debug)]
pub struct World {
    sets: Vec<Set>,
    /// The sets of each user, by number.
    given: Vec<Vec<usize>>,
    sharing: BTreeMap<&'static str, &'static str>,
    /// User, object, record.
    pub shares: Vec<(usize, &'static str, String)>,
    /// Owners are numbers of users.
    pub records: BTreeMap<&'static str, Vec<(usize, Record)>>,
}

fn conditions(object: &str) -> &'static [&'static str] {
    match object {
        "company" => &[
            "region == 'north'",
            "stars > 3",
            "name == 'C07'",
            "partner_id.region == 'south'",
            "partner_id.stars >= 2",
            "active",
            "!active",
            "worth > 50",
            "'s0' in user.roles",
            "partner_id == null",
        ],
        _ => &[
            "amount > 2",
            "won",
            "company_id.region == 'north'",
            "title == 'D020'",
            "company_id.partner_id.active",
            "amount == null",
        ],
    }
}

impl World {
    pub fn random(seed: u64) -> World {
        let mut dice = Dice::of(seed.wrapping_mul(0x51ed_270b).wrapping_add(17));
        let sets: Vec<Set> = (0..7).map(|at| Set::random(&mut dice, at)).collect();
        let given =
            (0..USERS).map(|_| (0..1 + dice.roll(3)).map(|_| dice.place(sets.len())).collect()).collect();
        let sharing = BTreeMap::from([
            ("company", dice.one(&["private", "private", "public_read"])),
            ("deal", dice.one(&["controlled_by_parent", "controlled_by_parent", "private", "public_read"])),
        ]);
        let mut world = World { sets, given, sharing, shares: Vec::new(), records: BTreeMap::new() };
        world.fill(&mut dice);
        world.shares = (0..6)
            .filter_map(|_| {
                let object = if world.sharing["deal"] == "controlled_by_parent" {
                    "company"
                } else {
                    dice.one(&OBJECTS)
                };
                let all = &world.records[object];
                let (owner, record) = &all[dice.place(all.len())];
                let user = dice.place(ALL_SEEING);
                (*owner != user).then(|| (user, object, text(&record["id"])))
            })
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        world
    }

    fn fill(&mut self, dice: &mut Dice) {
        let maybe = |dice: &mut Dice, value: Value| if dice.roll(4) == 0 { Value::Null } else { value };
        let mut companies = Vec::new();
        for n in 0..COMPANIES {
            let (region, stars) = (dice.one(&["north", "south", "west"]), dice.roll(6));
            let notes = dice.one(&["alpha beta", "beta", "gamma alpha", "delta"]);
            let founded = format!("20{:02}-0{}-15", 10 + dice.roll(14), 1 + dice.roll(9));
            let worth = format!("{}.{}0", dice.roll(100), dice.roll(10));
            let partner = if n == 0 { Value::Null } else { json!(format!("com_{:02}", dice.roll(n))) };
            let stars = maybe(dice, json!(stars));
            let rank = stars.as_i64().map_or(Value::Null, |stars| json!(stars + 1));
            let active = json!(dice.roll(2) == 0);
            companies.push((
                dice.place(USERS),
                Record::from([
                    ("id", json!(format!("com_{n:02}"))),
                    ("name", json!(format!("C{n:02}"))),
                    ("region", maybe(dice, json!(region))),
                    ("stars", stars),
                    ("rank", rank),
                    ("phone", maybe(dice, json!(format!("+49 30 100000{}", n % 3)))),
                    ("notes", maybe(dice, json!(notes))),
                    ("active", maybe(dice, active)),
                    ("founded", maybe(dice, json!(founded))),
                    ("worth", maybe(dice, json!(worth))),
                    ("partner_id", maybe(dice, partner)),
                ]),
            ));
        }
        let mut deals = Vec::new();
        for n in 0..DEALS {
            let (amount, won) = (json!(dice.roll(6)), json!(dice.roll(2) == 0));
            deals.push((
                dice.place(USERS),
                Record::from([
                    ("id", json!(format!("dea_{n:03}"))),
                    ("title", json!(format!("D{n:03}"))),
                    ("amount", maybe(dice, amount)),
                    ("won", maybe(dice, won)),
                    ("company_id", json!(format!("com_{:02}", dice.roll(COMPANIES)))),
                ]),
            ));
        }
        self.records = BTreeMap::from([("company", companies), ("deal", deals)]);
    }

    /// The names of a user's sets.
    pub fn sets_of(&self, user: usize) -> Vec<String> {
        match user {
            ALL_SEEING => vec!["read_all_data".into()],
            _ => self.given[user]
                .iter()
                .map(|at| self.sets[*at].name.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
        }
    }

    /// The files of the package that say all of this.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> = self
            .sets
            .iter()
            .map(|set| (format!("permissions/{}.permissionset.yml", set.name), set.written()))
            .collect();
        for (object, model) in &self.sharing {
            files.push((format!("{object}.permission.yml"), format!("sharingModel: {model}\n")));
        }
        files
    }

    fn grants(&self, user: usize, object: &str) -> impl Iterator<Item = (&Set, &Grant)> {
        let sets = self.given[user].iter().map(|at| &self.sets[*at]);
        let object = object.to_owned();
        sets.filter_map(move |set| Some((set, set.grants.get(object.as_str())?)))
    }

    /// Whether an object is there for a user.
    pub fn reads(&self, user: usize, object: &str) -> bool {
        user == ALL_SEEING || self.grants(user, object).next().is_some()
    }

    fn grants_field(&self, user: usize, object: &str, field: &str) -> bool {
        self.grants(user, object).any(|(_, grant)| !grant.hidden.contains(&field))
    }

    /// Whether a field is there for a user.
    pub fn sees(&self, user: usize, object: &str, field: &str) -> bool {
        if user == ALL_SEEING || !self.reads(user, object) {
            return user == ALL_SEEING;
        }
        let leads = !matches!(field, "company_id" | "partner_id") || self.reads(user, "company");
        let computed = field != "rank" || self.grants_field(user, object, "stars");
        field == "id" || self.grants_field(user, object, field) && leads && computed
    }

    fn is_clear(&self, user: usize) -> bool {
        user == ALL_SEEING
            || self.grants(user, "company").any(|(_, grant)| grant.clear && !grant.hidden.contains(&"phone"))
    }

    fn raw(&self, object: &str, id: &Value) -> Option<&(usize, Record)> {
        self.records[object].iter().find(|(_, record)| record["id"] == *id)
    }

    /// Whether a condition holds of a record; what is null does not.
    fn holds(&self, user: usize, condition: &str, record: &Record) -> bool {
        let number = |record: &Record, name: &str| record[name].as_i64();
        let behind = |name: &str| self.raw("company", &record[name]).map(|(_, record)| record);
        match condition {
            "region == 'north'" => record["region"] == "north",
            "stars > 3" => number(record, "stars").is_some_and(|stars| stars > 3),
            "name == 'C07'" => record["name"] == "C07",
            "partner_id.region == 'south'" => {
                behind("partner_id").is_some_and(|partner| partner["region"] == "south")
            }
            "partner_id.stars >= 2" => behind("partner_id")
                .and_then(|partner| number(partner, "stars"))
                .is_some_and(|stars| stars >= 2),
            "active" => record["active"] == true,
            "!active" => record["active"] == false,
            "worth > 50" => {
                record["worth"].as_str().is_some_and(|worth| worth.parse::<f64>().unwrap() > 50.0)
            }
            "'s0' in user.roles" => self.sets_of(user).contains(&"s0".to_owned()),
            "partner_id == null" => record["partner_id"].is_null(),
            "amount > 2" => number(record, "amount").is_some_and(|amount| amount > 2),
            "won" => record["won"] == true,
            "company_id.region == 'north'" => {
                behind("company_id").is_some_and(|company| company["region"] == "north")
            }
            "title == 'D020'" => record["title"] == "D020",
            "company_id.partner_id.active" => behind("company_id")
                .and_then(|company| self.raw("company", &company["partner_id"]))
                .is_some_and(|(_, partner)| partner["active"] == true),
            "amount == null" => record["amount"].is_null(),
            other => panic!("{other}"),
        }
    }

    fn is_seen(&self, user: usize, object: &'static str, (owner, record): &(usize, Record)) -> bool {
        if user == ALL_SEEING {
            return true;
        }
        let id = text(&record["id"]);
        let shared = match self.sharing[object] {
            "public_read" => true,
            "controlled_by_parent" => self
                .raw("company", &record["company_id"])
                .is_some_and(|parent| self.is_seen(user, "company", parent)),
            _ => *owner == user || self.shares.contains(&(user, object, id)),
        };
        self.grants(user, object).any(|(_, grant)| {
            let is = |denies: bool| {
                grant.rules.iter().any(|(deny, when)| *deny == denies && self.holds(user, when, record))
            };
            (grant.views_all || shared || is(false)) && !is(true)
        })
    }

    /// Everything as a user sees it.
    pub fn seen(&self, user: usize) -> Seen {
        let mut objects = BTreeMap::new();
        for object in OBJECTS.into_iter().filter(|object| self.reads(user, object)) {
            let all = self.records[object].iter().filter(|record| self.is_seen(user, object, record));
            objects.insert(object, all.map(|(_, record)| self.shown(user, object, record)).collect());
        }
        Seen(objects)
    }

    fn shown(&self, user: usize, object: &'static str, record: &Record) -> Record {
        let mut shown = Record::new();
        for (name, value) in record.iter().filter(|(name, _)| self.sees(user, object, name)) {
            let value = match *name {
                "phone" if !self.is_clear(user) => value
                    .as_str()
                    .map_or(Value::Null, |phone| json!(format!("***{}", &phone[phone.len() - 4..]))),
                "partner_id" | "company_id" => {
                    let target =
                        self.raw("company", value).filter(|target| self.is_seen(user, "company", target));
                    target.map_or(Value::Null, |_| value.clone())
                }
                _ => value.clone(),
            };
            shown.insert(name, value);
        }
        shown
    }
}

/// The records that someone sees, as he sees them, by object.
pub struct Seen(BTreeMap<&'static str, Vec<Record>>);

impl Seen {
    pub fn of(&self, object: &str) -> &[Record] {
        self.0.get(object).map_or(&[], Vec::as_slice)
    }

    pub fn find(&self, object: &str, id: &Value) -> Option<&Record> {
        self.of(object).iter().find(|record| record["id"] == *id)
    }
}

impl Set {
    fn random(dice: &mut Dice, at: usize) -> Set {
        let mut grants = BTreeMap::new();
        for object in OBJECTS {
            if dice.roll(5) != 0 {
                grants.insert(object, Grant::random(dice, object));
            }
        }
        Set { name: format!("s{at}"), grants }
    }

    fn written(&self) -> String {
        let mut text = format!("label: {}\nobjects:\n", self.name);
        for (object, grant) in &self.grants {
            let all = if grant.views_all { ", viewAll" } else { "" };
            writeln!(text, "  {object}:\n    allow: [read{all}]").unwrap();
            let mut fields: Vec<String> = grant.hidden.iter().map(|field| format!("{field}: none")).collect();
            if grant.clear && *object == "company" && !grant.hidden.contains(&"phone") {
                fields.push("phone: { mask: false }".into());
            }
            writeln!(text, "    fields: {{ {} }}", fields.join(", ")).unwrap();
            let rule = |(at, (deny, when)): (usize, &(bool, &str))| {
                let effect = if *deny { "deny" } else { "allow" };
                format!("      - {{ name: r{at}, {effect}: [read], when: \"{when}\" }}\n")
            };
            if !grant.rules.is_empty() {
                text += "    records:\n";
                text.extend(grant.rules.iter().enumerate().map(rule));
            }
        }
        if self.grants.is_empty() {
            text = format!("label: {}\n", self.name);
        }
        text
    }
}

impl Grant {
    fn random(dice: &mut Dice, object: &str) -> Grant {
        let hidden = fields(object).iter().copied().filter(|_| dice.roll(6) == 0).collect();
        let rules = (0..dice.roll(3)).map(|_| (dice.roll(3) == 0, dice.one(conditions(object)))).collect();
        Grant { views_all: dice.roll(4) == 0, hidden, clear: dice.roll(3) == 0, rules }
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
