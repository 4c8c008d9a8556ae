//! Every operator, function, granularity, key and token that the language knows has a golden case (`tests/golden`), and every refusal
//! there names something of what it refuses. Whoever adds a spelling adds its case, or this fails and says which is missing.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

use crate::objectql::parse::{
    grouping::{FUNCTIONS, GRANULARITIES},
    operators::{ARRAY_FORM, Meaning, OBJECT_FORM},
    windows::RANKS,
};

/// What the questions of the golden cases are made of.
#[derive(Default)]
struct Said {
    /// Keys of objects.
    keys: BTreeSet<String>,
    /// Names of operators where the array form, rules and nodes have them, as they are compared.
    operators: BTreeSet<String>,
    functions: BTreeSet<String>,
    granularities: BTreeSet<String>,
    /// Every text.
    texts: BTreeSet<String>,
}

impl Said {
    fn hear(&mut self, value: &Value) {
        match value {
            Value::Object(object) => object.iter().for_each(|(key, value)| self.hear_key(key, value)),
            Value::Array(items) => {
                self.operators.extend(items.iter().skip(1).filter_map(Value::as_str).map(plain));
                items.iter().for_each(|item| self.hear(item));
            }
            Value::String(text) => {
                self.texts.insert(text.clone());
                // A filter may come as a text.
                if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                    self.hear(&inner);
                }
            }
            _ => {}
        }
    }

    fn hear_key(&mut self, key: &str, value: &Value) {
        self.keys.insert(key.to_owned());
        if let Some(text) = value.as_str() {
            match key {
                "operator" => drop(self.operators.insert(plain(text))),
                "function" | "func" | "method" => drop(self.functions.insert(text.to_lowercase())),
                "granularity" | "dateGranularity" | "interval" => {
                    self.granularities.insert(text.to_lowercase());
                }
                _ => {}
            }
        }
        self.hear(value);
    }
}

/// As `of_array_form` compares names.
fn plain(name: &str) -> String {
    let name = name.strip_prefix('$').unwrap_or(name);
    name.chars().filter(|c| !matches!(c, '_' | ' ')).flat_map(char::to_lowercase).collect()
}

fn here(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The golden cases, with the names of their files.
fn cases() -> Vec<(String, Value)> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(here("tests/golden")).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let of_file: Vec<Value> = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        cases.extend(of_file.into_iter().map(|case| (name.clone(), case)));
    }
    assert!(!cases.is_empty());
    cases
}

fn said() -> Said {
    let mut said = Said::default();
    cases().iter().for_each(|(_, case)| said.hear(&case["ask"]));
    said
}

fn must_have_all<'n>(what: &str, names: impl IntoIterator<Item = &'n str>, has: impl Fn(&str) -> bool) {
    let missing: Vec<&str> = names.into_iter().filter(|name| !has(name)).collect();
    assert!(missing.is_empty(), "{what} without a golden case: {missing:?}");
}

#[test]
fn every_operator_function_and_granularity_has_a_golden_case() {
    let said = said();
    let names = |table: &'static [(&'static str, Meaning)]| table.iter().map(|(name, _)| *name);
    must_have_all("operators of the object form", names(OBJECT_FORM), |name| said.keys.contains(name));
    must_have_all("operators of the array form", names(ARRAY_FORM), |name| {
        said.operators.contains(&plain(name))
    });
    let functions = FUNCTIONS.iter().map(|(name, _)| *name).chain(RANKS.iter().map(|(name, _)| *name));
    must_have_all("functions", functions, |name| said.functions.contains(&name.to_lowercase()));
    let granularities = GRANULARITIES.iter().map(|(name, _)| *name);
    must_have_all("granularities", granularities, |name| said.granularities.contains(name));
}

/// The first two columns of a table of the manual below a heading: what stands in code in them.
fn told_under(heading: &str) -> Vec<String> {
    let page = fs::read_to_string(here("../docs/objectql.md")).unwrap();
    let (_, section) = page.split_once(heading).unwrap_or_else(|| panic!("no {heading:?} in the manual"));
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).skip(2);
    let mut told = Vec::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let columns: Vec<&str> = row.split('|').collect();
        for column in columns.iter().skip(1).take(2) {
            told.extend(column.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    assert!(told.len() > 10, "{told:?}");
    told
}

#[test]
fn every_key_of_the_manual_has_a_golden_case() {
    let said = said();
    let told = told_under("\n## Keys\n");
    must_have_all("keys", told.iter().map(String::as_str), |name| said.keys.contains(name));
}

#[test]
fn every_token_and_period_has_a_golden_case() {
    let said = said();
    let mut tokens: Vec<String> =
        ["today", "yesterday", "tomorrow", "now", "current_user", "current_user_id", "current_org_id"]
            .map(|name| format!("{{{name}}}"))
            .into();
    for unit in ["week", "month", "quarter", "year"] {
        for which in ["", "current_", "this_", "last_", "next_"] {
            tokens.extend(["start", "end"].map(|edge| format!("{{{which}{unit}_{edge}}}")));
        }
    }
    must_have_all("tokens", tokens.iter().map(String::as_str), |token| said.texts.contains(token));
    let counted = |unit: &str, end: &str| {
        let fits = |text: &String| {
            let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            let rest = inner.and_then(|inner| inner.split_once('_')).map(|(_, rest)| rest);
            rest == Some(&format!("{unit}_{end}")) || rest == Some(&format!("{unit}s_{end}"))
        };
        said.texts.iter().any(fits)
    };
    for unit in ["minute", "hour", "day", "week", "month", "quarter", "year"] {
        assert!(counted(unit, "ago"), "no golden case of {{N_{unit}s_ago}}");
        assert!(counted(unit, "from_now"), "no golden case of {{N_{unit}s_from_now}}");
    }
    let mut periods: Vec<String> =
        ["today", "yesterday", "tomorrow", "current_week"].map(str::to_owned).into();
    for unit in ["week", "month", "quarter", "year"] {
        periods.extend(["this", "last", "next"].map(|which| format!("{which}_{unit}")));
    }
    periods.extend(["last_7_days", "last_30_days", "last_90_days"].map(str::to_owned));
    must_have_all("periods", periods.iter().map(String::as_str), |period| said.texts.contains(period));
    let older = [
        "${today}",
        "$today",
        "$now",
        "NOW()",
        "TODAY()",
        "$current_user",
        "$currentUser",
        "${currentUser.id}",
        "THIS_YEAR",
        "THIS_QUARTER",
        "LAST_30_DAYS",
        "LAST_60_DAYS",
        "LAST_12_MONTHS",
        "LAST_YEAR",
        "LAST_QUARTER",
        "LAST_MONTH",
    ];
    must_have_all("older tokens", older, |token| said.texts.contains(token));
}

#[test]
fn every_golden_refusal_names_something_of_what_it_refuses() {
    let mut silent = Vec::new();
    for (file, case) in cases() {
        let (ask, expect) = (&case["ask"], &case["expect"]);
        let Some(message) = expect["message"].as_str() else { continue };
        // Of what is no question there is nothing to name.
        if ask.get("object").is_none() {
            continue;
        }
        let mut words = BTreeSet::new();
        words_of(ask, &mut words);
        // What is missing is named by the place where it would stand.
        words.extend(expect["path"].as_str().and_then(|path| path.rsplit('.').next()).map(str::to_owned));
        let mut told = BTreeSet::new();
        words_of(&message.into(), &mut told);
        let is_told = |word: &String| {
            let is_quoted = message.contains(&format!("{word:?}"));
            let is_said = word.len() > 1 && told.contains(word);
            word != "object" && (is_quoted || is_said || word.len() > 3 && message.contains(word.as_str()))
        };
        if !words.iter().any(is_told) {
            silent.push(format!("{file}: {ask}: {message}"));
        }
    }
    assert!(silent.is_empty(), "{} refusals name nothing:\n{}", silent.len(), silent.join("\n"));
}

/// Keys, texts and the words in them, and numbers.
fn words_of(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                words.insert(key.clone());
                words_of(value, words);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| words_of(item, words)),
        Value::String(text) => {
            words.insert(text.clone());
            let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
            words.extend(parts.map(str::to_owned));
        }
        other => drop(words.insert(other.to_string())),
    }
}
