//! Names made from names: what people read and what GraphQL and relations call a thing that has only one given name.
//!
//! Every door that shows an object under a derived name takes it from here, so that the compiler's collision
//! check sees the same names as the door's clients.

/// What the GraphQL door puts behind an object's type name to name the types that go with it: `AccountConnection`. An object
/// that would be called so itself (`account_connection`) is refused.
pub const GRAPHQL_TYPE_SUFFIXES: &[&str] = &[
    "Aggregate",
    "Avg",
    "AvgOrder",
    "Connection",
    "CountDistinct",
    "CountDistinctOrder",
    "Edge",
    "Field",
    "Group",
    "GroupKey",
    "GroupOrder",
    "Input",
    "ManyResult",
    "Max",
    "MaxOrder",
    "Min",
    "MinOrder",
    "Order",
    "Patch",
    "Result",
    "Sum",
    "SumOrder",
    "Where",
    "WhereMany",
];

/// `campaign_member` → `Campaign Member`.
pub fn title_case(name: &str) -> String {
    words(name).map(capitalized).collect::<Vec<_>>().join(" ")
}

/// `annual_revenue` → `annualRevenue`.
pub fn camel_case(name: &str) -> String {
    let mut words = words(name);
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| text + &capitalized(word))
}

/// `case_comment` → `CaseComment`.
pub fn pascal_case(name: &str) -> String {
    words(name).map(capitalized).collect()
}

/// The English plural, never the word itself: `opportunity` → `opportunities`, `Campaign Member` →
/// `Campaign Members`, `news` → `newses`. Irregular nouns are not known; packages write `pluralLabel` and `reverseName`.
pub fn plural(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let before_y = lower.strip_suffix('y').and_then(|stem| stem.chars().last());
    if let (Some(letter), Some(stem)) = (before_y, name.get(..name.len().saturating_sub(1)))
        && !"aeiou".contains(letter)
    {
        return format!("{stem}ies");
    }
    let hisses = ["s", "x", "z", "ch", "sh"].iter().any(|end| lower.ends_with(end));
    format!("{name}{}", if hisses { "es" } else { "s" })
}

/// What the deleted records of an object are called: `account` → `deleted_account`.
pub fn deleted(object: &str) -> String {
    format!("deleted_{object}")
}

/// The to-one relation of a lookup: `account_id` → `account`, `campaign` → `campaign`.
pub fn relation_of_lookup(field: &str) -> &str {
    field.strip_suffix("_id").filter(|name| !name.is_empty()).unwrap_or(field)
}

/// The relation of a list of references: `watcher_ids` → `watchers`, `friends` → `friends`.
pub fn relation_of_references(field: &str) -> String {
    match field.strip_suffix("_ids").filter(|name| !name.is_empty()) {
        Some(name) => plural(name),
        None => field.to_owned(),
    }
}

/// What GraphQL calls the ids of a list of references: `watcher_ids` → `watcherIds`, `friends` → `friendsIds`.
pub fn ids_of_references(field: &str) -> String {
    let name = field.strip_suffix("_ids").filter(|name| !name.is_empty()).unwrap_or(field);
    format!("{}Ids", camel_case(name))
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split('_').filter(|word| !word.is_empty())
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
