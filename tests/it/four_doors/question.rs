//! A random question, and whether it names what someone does not see.

use serde_json::{Value, json};

use super::{
    dice::Dice,
    world::{World, fields},
};

/// A condition.
#[derive(Clone, Debug)]
pub enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    /// A path, an operator, a value.
    Is(&'static str, &'static str, Value),
    /// Some of the records behind a relation to many (or none) are so.
    Some(&'static str, bool, Box<Filter>),
}

/// What is to be told of the records.
#[derive(Clone, Debug)]
pub enum Kind {
    List {
        paths: Vec<&'static str>,
        order: Vec<(&'static str, bool)>,
        page: Option<(usize, usize)>,
    },
    Groups {
        keys: Vec<&'static str>,
        sums: Vec<(&'static str, &'static str)>,
    },
    /// Each record's id, and some fields of the records behind a relation.
    Expand {
        relation: &'static str,
        fields: Vec<&'static str>,
    },
}

#[derive(Clone, Debug)]
pub struct Question {
    pub object: &'static str,
    pub kind: Kind,
    pub filter: Option<Filter>,
    pub search: Option<&'static str>,
}

/// Paths that are asked for.
fn paths(object: &str) -> &'static [&'static str] {
    match object {
        "company" => &[
            "id",
            "name",
            "region",
            "stars",
            "phone",
            "notes",
            "rank",
            "active",
            "founded",
            "worth",
            "partner_id",
            "partner.region",
            "partner.stars",
            "partner.name",
            "partner.partner_id",
            "partner.partner.region",
        ],
        _ => &[
            "id",
            "title",
            "amount",
            "won",
            "company_id",
            "company.region",
            "company.name",
            "company.partner.region",
            "company.rank",
        ],
    }
}

/// Where a relation leads: the object, the field that refers, and whether that is the other object's.
pub fn way(object: &str, relation: &str) -> (&'static str, &'static str, bool) {
    match (object, relation) {
        ("company", "partner") => ("company", "partner_id", false),
        ("company", "partners") => ("company", "partner_id", true),
        ("company", "deals") => ("deal", "company_id", true),
        ("deal", "company") => ("company", "company_id", false),
        other => panic!("{other:?}"),
    }
}

impl Filter {
    fn random(dice: &mut Dice, object: &'static str, depth: u64) -> Filter {
        let parts = |dice: &mut Dice| {
            (0..1 + dice.roll(2)).map(|_| Filter::random(dice, object, depth - 1)).collect()
        };
        match if depth == 0 { 9 } else { dice.roll(9) } {
            0 => Filter::All(parts(dice)),
            1 => Filter::Any(parts(dice)),
            2 => Filter::Not(Box::new(Filter::random(dice, object, depth - 1))),
            3 if object == "company" => {
                let relation = dice.one(&["deals", "partners"]);
                let inner = Filter::random(dice, way(object, relation).0, 0);
                Filter::Some(relation, dice.roll(3) > 0, Box::new(inner))
            }
            _ => Filter::comparison(dice, object),
        }
    }

    fn comparison(dice: &mut Dice, object: &str) -> Filter {
        let path = dice.one(paths(object));
        if dice.roll(6) == 0 {
            return Filter::Is(path, "null", (dice.roll(2) == 0).into());
        }
        let number = |dice: &mut Dice| json!(dice.roll(7));
        let (operators, value): (&[&'static str], Value) = match path.rsplit('.').next().unwrap() {
            "stars" | "rank" | "amount" => (&["eq", "ne", "gt", "lte", "in"], number(dice)),
            "worth" => (&["gt", "lte"], json!(format!("{}.50", dice.roll(100)))),
            "active" | "won" => (&["eq", "ne"], json!(dice.roll(2) == 0)),
            "founded" => (
                &["eq", "ne", "gt", "lte"],
                json!(format!("20{:02}-0{}-15", 10 + dice.roll(14), 1 + dice.roll(9))),
            ),
            "region" => (&["eq", "ne", "in"], json!(dice.one(&["north", "south", "west"]))),
            "phone" => (
                &["eq", "ne", "startsWith"],
                json!(dice.one(&["+49 30 1000001", "***0001", "***0002", "+49", "***"])),
            ),
            "id" | "partner_id" | "company_id" => {
                (&["eq", "ne", "in"], json!(format!("com_{:02}", dice.roll(20))))
            }
            _ => (
                &["eq", "ne", "gt", "lte", "in", "startsWith"],
                json!(dice.one(&["C03", "C07", "C1", "D020", "beta", "alpha beta"])),
            ),
        };
        match dice.one(operators) {
            "in" => {
                let more = if value.is_string() { value.clone() } else { number(dice) };
                Filter::Is(path, "in", json!([value, more]))
            }
            operator => Filter::Is(path, operator, value),
        }
    }

    fn names_unseen(&self, world: &World, user: usize, object: &str) -> bool {
        match self {
            Filter::All(parts) | Filter::Any(parts) => {
                parts.iter().any(|part| part.names_unseen(world, user, object))
            }
            Filter::Not(part) => part.names_unseen(world, user, object),
            Filter::Is(path, ..) => is_unseen(world, user, object, path),
            Filter::Some(relation, _, part) => {
                let (target, link, _) = way(object, relation);
                !world.reads(user, target)
                    || !world.sees(user, target, link)
                    || part.names_unseen(world, user, target)
            }
        }
    }
}

/// Whether a path names what is not there for a user.
fn is_unseen(world: &World, user: usize, object: &str, path: &str) -> bool {
    match path.split_once('.') {
        None => !world.sees(user, object, path),
        Some((relation, rest)) => {
            let (target, link, _) = way(object, relation);
            !world.sees(user, object, link)
                || !world.reads(user, target)
                || is_unseen(world, user, target, rest)
        }
    }
}

impl Question {
    pub fn random(dice: &mut Dice) -> Question {
        let object = dice.one(&["company", "company", "deal"]);
        let filter = (dice.roll(4) > 0).then(|| Filter::random(dice, object, 2));
        let some = |dice: &mut Dice, of: &'static [&'static str], sides: u64| -> Vec<&'static str> {
            of.iter().copied().filter(|_| dice.roll(sides) == 0).collect()
        };
        let kind = match dice.roll(6) {
            0 | 1 => Kind::groups(dice, object),
            2 => {
                let relations: &[&'static str] =
                    if object == "company" { &["partner", "partners", "deals"] } else { &["company"] };
                let relation = dice.one(relations);
                let mut shown = vec!["id"];
                shown.extend(some(dice, fields(way(object, relation).0), 4));
                Kind::Expand { relation, fields: shown }
            }
            _ => {
                let mut shown = vec!["id"];
                shown.extend(some(dice, &paths(object)[1..], 5));
                let order: Vec<&'static str> = some(dice, &paths(object)[1..], 10);
                let page = (dice.roll(3) == 0).then(|| (1 + dice.place(8), dice.place(6)));
                Kind::List {
                    paths: shown,
                    order: order.into_iter().map(|path| (path, dice.roll(2) == 0)).collect(),
                    page,
                }
            }
        };
        let is_searched = object == "company" && matches!(kind, Kind::List { .. }) && dice.roll(6) == 0;
        let search =
            is_searched.then(|| dice.one(&["alpha", "beta", "c03", "alpha beta", "alpha c07", "nothing"]));
        Question { object, kind, filter, search }
    }

    /// Whether it names an object or a field that is not there for a user: then every door refuses it.
    pub fn names_unseen(&self, world: &World, user: usize) -> bool {
        if !world.reads(user, self.object) {
            return true;
        }
        let unseen = |path: &&str| is_unseen(world, user, self.object, path);
        let of_kind = match &self.kind {
            Kind::List { paths, order, .. } => {
                paths.iter().any(unseen) || order.iter().any(|(path, _)| unseen(path))
            }
            Kind::Groups { keys, sums } => {
                keys.iter().any(unseen) || sums.iter().any(|(_, field)| !field.is_empty() && unseen(field))
            }
            Kind::Expand { relation, fields } => {
                let (target, link, is_theirs) = way(self.object, relation);
                let from = if is_theirs { target } else { self.object };
                !world.reads(user, target)
                    || !world.sees(user, from, link)
                    || fields.iter().any(|field| !world.sees(user, target, field))
            }
        };
        of_kind || self.filter.as_ref().is_some_and(|filter| filter.names_unseen(world, user, self.object))
    }

    /// The paths of its list that are not there for a user.
    pub fn unseen(&self, world: &World, user: usize) -> Vec<&'static str> {
        let Kind::List { paths, order, .. } = &self.kind else { return Vec::new() };
        let named = paths.iter().chain(order.iter().map(|(path, _)| path));
        named.copied().filter(|path| is_unseen(world, user, self.object, path)).collect()
    }

    /// Whether it searches where nothing can be found by words.
    pub fn searches_nothing(&self, world: &World, user: usize) -> bool {
        self.search.is_some() && !world.sees(user, "company", "name") && !world.sees(user, "company", "notes")
    }
}

impl Kind {
    fn groups(dice: &mut Dice, object: &str) -> Kind {
        let (keys, numbers): (&[&'static str], &[&'static str]) = match object {
            "company" => (
                &["region", "active", "stars", "partner_id", "partner.region", "founded"],
                &["stars", "rank"],
            ),
            _ => (&["won", "amount", "company_id", "company.region", "company.active"], &["amount"]),
        };
        let keys = (0..dice.roll(3))
            .map(|_| dice.one(keys))
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut sums = vec![("count", "")];
        for function in ["sum", "min", "max"] {
            if dice.roll(3) == 0 {
                sums.push((function, dice.one(numbers)));
            }
        }
        if dice.roll(4) == 0 {
            sums.push(("count_distinct", dice.one(numbers)));
        }
        Kind::Groups { keys, sums }
    }
}
