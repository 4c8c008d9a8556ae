//! What a role may see, decided record by record.

use std::{collections::BTreeSet, sync::Arc};

use indexmap::IndexMap;
use quarry_metadata::{
    FieldName, Issues, Labels, Object, ObjectName, PackageName, Place, Registry,
    expression::{Expression, Scope, Use},
    permissions::{
        Act, Actions, Effect, FieldGrant, FieldRead, Grant, Mask, PermissionSet, RecordRule, Sharing,
    },
};
use serde_json::Value as Json;

use crate::{
    dice::Dice,
    oracle::{
        Records,
        records::{Record, fields},
    },
};

/// Users with their roles, of which each is below the one before.
pub const USERS: [(&str, Option<&str>); 4] =
    [("usr_1", Some("rol_1")), ("usr_2", Some("rol_2")), ("usr_3", Some("rol_3")), ("usr_4", None)];
const OBJECTS: [&str; 3] = ["account", "contact", "order"];

/// Someone with some permission sets.
#[derive(Debug)]
pub struct Role {
    pub user: &'static str,
    pub sets: Vec<Set>,
    sharing: [(&'static str, Shared); 3],
    pub shares: Vec<Share>,
}

#[derive(Debug)]
pub struct Set {
    pub name: String,
    objects: Vec<(&'static str, Granted)>,
}

#[derive(Debug)]
struct Granted {
    views_all: bool,
    hidden: Vec<&'static str>,
    clear: bool,
    rules: Vec<(Effect, &'static str)>,
}

/// A record that was shared.
#[derive(Debug)]
pub struct Share {
    pub object: &'static str,
    pub record: String,
    pub to: &'static str,
    pub is_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shared {
    Private,
    PublicRead,
    AsAccount,
}

/// Conditions of rules, by object.
fn conditions(object: &str) -> &'static [&'static str] {
    match object {
        "account" => &[
            "industry == 'tech'",
            "revenue > 50",
            "active",
            "parent.industry == 'retail'",
            "name == user.name",
            "'s0' in user.roles",
            "!active",
        ],
        "contact" => {
            &["account.active", "name != 'Acme'", "account.parent.industry == 'tech'", "account_id == null"]
        }
        _ => &[
            "stage == 'open'",
            "amount >= 0",
            "account.industry == 'tech'",
            "closes < today()",
            "contact.name == 'Acme'",
            "owner in user.subordinates",
            "'tea_1' in user.teams",
        ],
    }
}

/// The records with an owner each.
pub fn owned(dice: &mut Dice, records: &Records) -> Records {
    let seed = dice.roll(u64::MAX);
    records.changed(|_, record| {
        let id = record["id"].as_str().unwrap();
        let mut own =
            Dice::of(seed ^ id.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte)));
        let owner = USERS[own.place(4)].0;
        let mut record = record.clone();
        record.insert("owner".into(), owner.into());
        Some(record)
    })
}

impl Role {
    pub fn random(dice: &mut Dice, records: &Records) -> Role {
        let sets = (0..=dice.roll(2)).map(|at| Set::random(dice, at)).collect();
        let shared = |dice: &mut Dice, object: &str| match dice.roll(4) {
            0 => Shared::PublicRead,
            1 | 2 if object != "account" => Shared::AsAccount,
            _ => Shared::Private,
        };
        let sharing = OBJECTS.map(|object| (object, shared(dice, object)));
        let share = |dice: &mut Dice| {
            let object = OBJECTS[dice.place(3)];
            let all = records.of(object);
            let record = all[dice.place(all.len())]["id"].as_str().unwrap();
            let to = one_of(dice, &["usr_1", "usr_2", "usr_3", "tea_1"]);
            Share { object, record: record.to_owned(), to, is_over: dice.roll(4) == 0 }
        };
        let shares = (0..dice.roll(8)).map(|_| share(dice)).collect();
        Role { user: USERS[dice.place(4)].0, sets, sharing, shares }
    }

    fn grants(&self, object: &str) -> impl Iterator<Item = &Granted> {
        self.sets
            .iter()
            .flat_map(|set| &set.objects)
            .filter(move |(name, _)| *name == object)
            .map(|(_, grant)| grant)
    }

    /// Whether the object is seen.
    pub fn reads(&self, object: &str) -> bool {
        self.grants(object).next().is_some()
    }

    /// Whether the field is seen: one of the sets shows it, and what it leads to is seen.
    pub fn seen_field(&self, object: &str, field: &str) -> bool {
        let leads_to = crate::oracle::records::to_one(object).iter().find(|(_, link, _)| *link == field);
        field == "id"
            || self.grants(object).any(|grant| !grant.hidden.contains(&field))
                && leads_to.is_none_or(|(_, _, target)| self.reads(target))
    }

    /// What is left of the records.
    pub fn seen(&self, records: &Records) -> Records {
        records.changed(|object, record| {
            if !self.sees(records, object, record) {
                return None;
            }
            let mut seen = Record::new();
            for (name, _) in fields(object).iter().filter(|(name, _)| self.seen_field(object, name)) {
                let Some(value) = record.get(*name) else { continue };
                let leads_to =
                    crate::oracle::records::to_one(object).iter().find(|(_, link, _)| link == name);
                if let Some((_, _, target)) = leads_to {
                    let there = records.of(target).iter().find(|other| other["id"] == *value).unwrap();
                    if !self.sees(records, target, there) {
                        continue;
                    }
                }
                let is_clear = self.grants(object).any(|grant| grant.clear && !grant.hidden.contains(name));
                let value = match (is_clear, masked(object, name)) {
                    (true, _) | (_, None) => value.clone(),
                    (false, Some("")) => continue,
                    (false, Some(text)) => text.into(),
                };
                seen.insert((*name).into(), value);
            }
            Some(seen)
        })
    }

    fn sees(&self, records: &Records, object: &str, record: &Record) -> bool {
        self.grants(object).any(|grant| {
            let rule = |effect: Effect| {
                let rules = grant.rules.iter().filter(move |(known, _)| *known == effect);
                rules.into_iter().any(|(_, condition)| self.holds(records, record, condition))
            };
            let given = grant.views_all || self.is_shared(records, object, record) || rule(Effect::Allow);
            given && !rule(Effect::Deny)
        })
    }

    fn is_shared(&self, records: &Records, object: &str, record: &Record) -> bool {
        match self.sharing.iter().find(|(name, _)| *name == object).unwrap().1 {
            Shared::PublicRead => true,
            Shared::AsAccount => {
                let account = at(records, record, "account_id", "account");
                account.is_some_and(|account| self.sees(records, "account", account))
            }
            Shared::Private => {
                let owner = record["owner"].as_str().unwrap();
                let to_me = |share: &Share| {
                    let is_mine = share.to == self.user || share.to == "tea_1" && self.user == "usr_2";
                    share.object == object
                        && record["id"] == share.record.as_str()
                        && is_mine
                        && !share.is_over
                };
                owner == self.user || self.below().contains(&owner) || self.shares.iter().any(to_me)
            }
        }
    }

    /// Users whose roles are below that of the role's user.
    fn below(&self) -> &'static [&'static str] {
        match self.user {
            "usr_1" => &["usr_2", "usr_3"],
            "usr_2" => &["usr_3"],
            _ => &[],
        }
    }

    fn holds(&self, records: &Records, record: &Record, condition: &str) -> bool {
        let text = |record: Option<&Record>, field: &str| {
            record.and_then(|record| record.get(field)).and_then(Json::as_str).map(str::to_owned)
        };
        let is = |record: Option<&Record>, field: &str, wanted: &str| {
            text(record, field).as_deref() == Some(wanted)
        };
        let flag =
            |record: Option<&Record>| record.and_then(|record| record.get("active")).and_then(Json::as_bool);
        let cents = |field: &str| -> Option<i64> { text(Some(record), field)?.replace('.', "").parse().ok() };
        let own = Some(record);
        let account = at(records, record, "account_id", "account");
        let parent = |record: Option<&'_ Record>| -> Option<Record> {
            at(records, record?, "parent_id", "account").cloned()
        };
        match condition {
            "industry == 'tech'" => is(own, "industry", "tech"),
            "revenue > 50" => cents("revenue").is_some_and(|cents| cents > 5_000),
            "active" => flag(own) == Some(true),
            "!active" => flag(own) == Some(false),
            "parent.industry == 'retail'" => is(parent(own).as_ref(), "industry", "retail"),
            "name == user.name" => is(own, "name", "Acme"),
            "'s0' in user.roles" => self.sets.iter().any(|set| set.name == "s0"),
            "account.active" => flag(account) == Some(true),
            "name != 'Acme'" => !is(own, "name", "Acme"),
            "account.parent.industry == 'tech'" => is(parent(account).as_ref(), "industry", "tech"),
            "account_id == null" => record.get("account_id").is_none(),
            "stage == 'open'" => is(own, "stage", "open"),
            "amount >= 0" => cents("amount").is_some_and(|cents| cents >= 0),
            "account.industry == 'tech'" => is(account, "industry", "tech"),
            "closes < today()" => record.get("closes").is_some(),
            "contact.name == 'Acme'" => is(at(records, record, "contact", "contact"), "name", "Acme"),
            "owner in user.subordinates" => self.below().contains(&record["owner"].as_str().unwrap()),
            "'tea_1' in user.teams" => self.user == "usr_2",
            other => panic!("{other}"),
        }
    }

    /// Writes the same into a registry.
    pub fn declare(&self, registry: &mut Registry) {
        for (name, shared) in self.sharing {
            let known = registry.objects.get(name).unwrap();
            let mut object = Object::clone(known);
            object.sharing = match shared {
                Shared::Private => Sharing::Private,
                Shared::PublicRead => Sharing::PublicRead,
                Shared::AsAccount => Sharing::Parent(FieldName::from("account_id")),
            };
            for (field, declared) in &mut object.fields {
                declared.mask = masked(name, field.as_str()).map(|_| Mask::All);
            }
            registry.objects.insert(ObjectName::from(name), Arc::new(object));
        }
        for set in &self.sets {
            let objects = set
                .objects
                .iter()
                .map(|(name, grant)| (ObjectName::from(*name), grant.declared(registry, name)));
            let declared = PermissionSet {
                name: set.name.clone(),
                label: Labels::default(),
                description: None,
                package: PackageName::from("shop"),
                includes: BTreeSet::new(),
                capabilities: BTreeSet::new(),
                objects: objects.collect(),
            };
            registry.permission_sets.insert(set.name.clone(), Arc::new(declared));
        }
    }
}

/// What is shown of a masked field; empty for nothing.
fn masked(object: &str, field: &str) -> Option<&'static str> {
    match (object, field) {
        ("account", "revenue") => Some(""),
        ("contact", "name") => Some("***"),
        _ => None,
    }
}

fn at<'r>(records: &'r Records, record: &Record, link: &str, object: &str) -> Option<&'r Record> {
    let id = record.get(link)?;
    records.of(object).iter().find(|other| other["id"] == *id)
}

impl Set {
    fn random(dice: &mut Dice, at: u64) -> Set {
        let mut objects = Vec::new();
        for object in OBJECTS {
            if dice.roll(7) == 0 {
                continue;
            }
            let names = fields(object).iter().filter(|(name, _)| *name != "id");
            let hidden = names.filter(|_| dice.roll(9) == 0).map(|(name, _)| *name).collect();
            let rules = (0..dice.roll(4)).map(|_| {
                let effect = if dice.roll(4) == 0 { Effect::Deny } else { Effect::Allow };
                (effect, one_of(dice, conditions(object)))
            });
            let rules = rules.collect();
            objects.push((
                object,
                Granted { views_all: dice.roll(4) == 0, hidden, clear: dice.roll(3) == 0, rules },
            ));
        }
        Set { name: format!("s{at}"), objects }
    }
}

impl Granted {
    fn declared(&self, registry: &Registry, object: &str) -> Grant {
        let object = registry.objects.get(object).unwrap();
        let read = if self.clear { FieldRead::Clear } else { FieldRead::AsDeclared };
        let rules = self.rules.iter().enumerate().map(|(at, (effect, text))| {
            let (mut issues, place) =
                (Issues::default(), Place { file: "test".into(), line: 1, path: String::new() });
            let scope = Scope::new(registry, object, Use::Policy);
            let when = Expression::condition(text, &place, &scope, &mut issues);
            let when = Arc::new(when.unwrap_or_else(|| panic!("{text}: {issues}")));
            RecordRule { name: format!("r{at}"), effect: *effect, acts: [Act::Read].into(), when }
        });
        let mut allow = BTreeSet::from([Act::Read]);
        if self.views_all {
            allow.insert(Act::ViewAll);
        }
        let hidden = self.hidden.iter().map(|name| (FieldName::from(*name), FieldGrant::NONE));
        Grant {
            allow,
            actions: Actions::default(),
            fields: hidden.collect::<IndexMap<_, _>>(),
            other_fields: FieldGrant { read, update: false },
            records: rules.collect(),
            ..Grant::default()
        }
    }
}

fn one_of(dice: &mut Dice, of: &[&'static str]) -> &'static str {
    dice.one(of)
}
