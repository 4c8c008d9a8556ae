//! `<name>.case.yml`: what a package promises, told as records given, changes done and what is expected then.

use serde_json::Value as Json;

use crate::{
    definition::{
        Located,
        default::json,
        mapping::{Keys, Mapping},
        rule::items,
        value::{Value, parse},
    },
    issue::Issues,
    name::{FieldName, ObjectName},
    nearest::did_you_mean,
    read::Source,
    rules::Weight,
};

/// One case.
#[derive(Debug)]
pub(crate) struct CaseDefinition {
    pub(crate) name: Located<String>,
    pub(crate) now: Option<Located<String>>,
    pub(crate) given: Vec<RecordDefinition>,
    pub(crate) steps: Vec<DoDefinition>,
    pub(crate) records: Vec<ExpectedRecords>,
    pub(crate) findings: Vec<ExpectedFinding>,
    /// All warnings of the last transaction, where the case says which.
    pub(crate) warnings: Option<Vec<Located<String>>>,
}

/// A record by a key of the case.
#[derive(Clone, Debug)]
pub(crate) struct RecordDefinition {
    pub(crate) object: Located<ObjectName>,
    pub(crate) key: Located<String>,
    pub(crate) values: ValuesDefinition,
}

/// Values of fields.
pub(crate) type ValuesDefinition = Vec<(Located<FieldName>, Json)>;

/// One transaction of a case.
#[derive(Debug)]
pub(crate) struct DoDefinition {
    pub(crate) as_system: bool,
    pub(crate) kind: DoKind,
}

#[derive(Debug)]
pub(crate) enum DoKind {
    Create(Vec<RecordDefinition>),
    Update(Vec<RecordDefinition>),
    Delete(Vec<(Located<ObjectName>, Located<String>)>),
    Undelete(Vec<(Located<ObjectName>, Located<String>)>),
    Action { name: Located<String>, on: Located<String>, parameters: ValuesDefinition },
}

/// Records that are there in the end.
#[derive(Debug)]
pub(crate) struct ExpectedRecords {
    pub(crate) object: Located<ObjectName>,
    pub(crate) which: Which,
    pub(crate) count: Option<u32>,
    pub(crate) has: ValuesDefinition,
}

#[derive(Debug)]
pub(crate) enum Which {
    Is(Located<String>),
    Where(ValuesDefinition),
}

/// A finding of the last transaction.
#[derive(Debug)]
pub(crate) struct ExpectedFinding {
    pub(crate) error_code: Located<String>,
    pub(crate) severity: Weight,
}

const FILE_KEYS: Keys = Keys { of: "a file of cases", known: &[("given", &[]), ("cases", &[])], later: &[] };
const KEYS: Keys = Keys {
    of: "a case",
    known: &[("name", &[]), ("now", &[]), ("given", &[]), ("do", &[]), ("expect", &[])],
    later: &[],
};
const DO_KEYS: Keys = Keys {
    of: "a transaction of a case",
    known: &[
        ("as", &[]),
        ("create", &[]),
        ("update", &[]),
        ("delete", &[]),
        ("undelete", &[]),
        ("action", &[]),
    ],
    later: &[],
};
const ACTION_KEYS: Keys =
    Keys { of: "`action`", known: &[("name", &[]), ("on", &[]), ("parameters", &[])], later: &[] };
const EXPECT_KEYS: Keys =
    Keys { of: "`expect`", known: &[("records", &[]), ("findings", &[]), ("warnings", &[])], later: &[] };
const RECORD_KEYS: Keys = Keys {
    of: "expected records",
    known: &[("object", &[]), ("is", &[]), ("where", &[]), ("count", &[]), ("has", &[])],
    later: &[],
};
const FINDING_KEYS: Keys = Keys {
    of: "an expected finding",
    known: &[("errorCode", &[]), ("severity", &[])],
    later: &["field", "message"],
};
const WARNING_KEYS: Keys =
    Keys { of: "an expected warning", known: &[("errorCode", &[])], later: &["field", "message"] };

/// Reads the cases of a file; what the file says with `given` is given to those that do not say so themselves.
pub(crate) fn read_cases(source: &Source, issues: &mut Issues) -> Option<Vec<CaseDefinition>> {
    let node = parse(&source.file, &source.text, issues)?;
    let root = Value::root(&source.file, &node);
    let mapping = Mapping::read(&root, &FILE_KEYS, issues)?;
    let given = mapping.get("given").map(|value| records(value, issues)).unwrap_or_default();
    let items = items(&mapping, "cases", issues);
    Some(items.iter().filter_map(|item| case(item, &given, issues)).collect())
}

fn case(value: &Value<'_>, given: &[RecordDefinition], issues: &mut Issues) -> Option<CaseDefinition> {
    let mapping = Mapping::read(value, &KEYS, issues)?;
    let name = mapping.must_get("name", issues).and_then(|value| located_text(value, issues));
    let now = mapping.get("now").and_then(|value| located_text(value, issues));
    let given = mapping.get("given").map_or_else(|| given.to_vec(), |value| records(value, issues));
    let list = mapping.must_get("do", issues).and_then(|value| value.list(issues)).unwrap_or_default();
    let steps = list.iter().filter_map(|item| transaction(item, issues)).collect();
    let expect =
        mapping.must_get("expect", issues).and_then(|value| Mapping::read(value, &EXPECT_KEYS, issues));
    let (name, expect) = (name?, expect?);
    if expect.iter().next().is_none() {
        let message = "a case expects something: `records`, `findings` or `warnings`";
        issues.error(expect.place(), "empty", message);
    }
    let mut list = |key: &str| expect.get(key).and_then(|value| value.list(issues)).unwrap_or_default();
    let (records, findings) = (list("records"), list("findings"));
    let records = records.iter().filter_map(|item| expected_records(item, issues)).collect();
    let findings = findings.iter().filter_map(|item| expected_finding(item, issues)).collect();
    let warnings = expect.get("warnings").and_then(|value| value.list(issues));
    let warnings =
        warnings.map(|items| items.iter().filter_map(|item| expected_warning(item, issues)).collect());
    Some(CaseDefinition { name, now, given, steps, records, findings, warnings })
}

fn transaction(value: &Value<'_>, issues: &mut Issues) -> Option<DoDefinition> {
    let mapping = Mapping::read(value, &DO_KEYS, issues)?;
    let as_system = match mapping.get("as").map(|value| (value, value.text(issues))) {
        None => false,
        Some((_, Some("system"))) => true,
        Some((value, _)) => value.wrong(issues, "`system`")?,
    };
    let mut entries = mapping.iter().filter(|(key, _)| *key != "as");
    let (Some((what, value)), None) = (entries.next(), entries.next()) else {
        issues.error(mapping.place(), "wrong-type", "a transaction does one thing; write two of them");
        return None;
    };
    let kind = match what {
        "create" => DoKind::Create(records(value, issues)),
        "update" => DoKind::Update(records(value, issues)),
        "delete" => DoKind::Delete(keys(value, issues)),
        "undelete" => DoKind::Undelete(keys(value, issues)),
        _ => {
            let mapping = Mapping::read(value, &ACTION_KEYS, issues)?;
            let name = mapping.must_get("name", issues).and_then(|value| located_text(value, issues));
            let on = mapping.must_get("on", issues).and_then(|value| located_text(value, issues));
            let parameters = mapping.get("parameters").map(|value| values(value, issues)).unwrap_or_default();
            DoKind::Action { name: name?, on: on?, parameters }
        }
    };
    Some(DoDefinition { as_system, kind })
}

/// `{object: {key: values}}`.
fn records(value: &Value<'_>, issues: &mut Issues) -> Vec<RecordDefinition> {
    let mut records = Vec::new();
    for (object, value) in value.entries(issues).unwrap_or_default() {
        let object = value.located(ObjectName::from(object));
        for (key, value) in value.entries(issues).unwrap_or_default() {
            let (object, key) = (object.clone(), value.located(key.to_owned()));
            records.push(RecordDefinition { object, key, values: values(&value, issues) });
        }
    }
    records
}

/// `{object: [key]}`.
fn keys(value: &Value<'_>, issues: &mut Issues) -> Vec<(Located<ObjectName>, Located<String>)> {
    let mut keys = Vec::new();
    for (object, value) in value.entries(issues).unwrap_or_default() {
        for item in value.list(issues).unwrap_or_default() {
            let key = located_text(&item, issues);
            keys.extend(key.map(|key| (value.located(ObjectName::from(object)), key)));
        }
    }
    keys
}

fn expected_records(value: &Value<'_>, issues: &mut Issues) -> Option<ExpectedRecords> {
    let mapping = Mapping::read(value, &RECORD_KEYS, issues)?;
    let object = mapping.must_get("object", issues).and_then(|value| located_text(value, issues))?;
    let which = match (mapping.get("is"), mapping.get("where")) {
        (Some(is), None) => Which::Is(located_text(is, issues)?),
        (None, Some(filter)) => Which::Where(values(filter, issues)),
        _ => {
            issues.error(mapping.place(), "missing-property", "which record? Say either `is` or `where`");
            return None;
        }
    };
    let count = mapping.get("count").and_then(|value| value.count(issues));
    let has = mapping.get("has").map(|value| values(value, issues)).unwrap_or_default();
    if count.is_none() && has.is_empty() {
        issues.error(mapping.place(), "empty", "nothing is expected of them; say `count` or `has`");
    }
    let object = Located { value: ObjectName::from(object.value.as_str()), place: object.place };
    Some(ExpectedRecords { object, which, count, has })
}

fn expected_finding(value: &Value<'_>, issues: &mut Issues) -> Option<ExpectedFinding> {
    let mapping = Mapping::read(value, &FINDING_KEYS, issues)?;
    let error_code = mapping.must_get("errorCode", issues).and_then(|value| located_text(value, issues))?;
    let severity = match mapping.get("severity").map(|value| (value, value.text(issues))) {
        None | Some((_, Some("error"))) => Weight::Error,
        Some((_, Some("warning"))) => Weight::Warning,
        Some((value, other)) => {
            let near = did_you_mean(other.unwrap_or_default(), ["error", "warning"]);
            let message = format!("a finding is an `error` or a `warning`{near}");
            issues.error(&value.place(), "wrong-value", message);
            return None;
        }
    };
    Some(ExpectedFinding { error_code, severity })
}

fn expected_warning(value: &Value<'_>, issues: &mut Issues) -> Option<Located<String>> {
    let mapping = Mapping::read(value, &WARNING_KEYS, issues)?;
    mapping.must_get("errorCode", issues).and_then(|value| located_text(value, issues))
}

fn values(value: &Value<'_>, issues: &mut Issues) -> ValuesDefinition {
    let entries = value.entries(issues).unwrap_or_default();
    let one =
        |(name, value): (&str, Value<'_>)| (value.located(FieldName::from(name)), json(value.content()));
    entries.into_iter().map(one).collect()
}

fn located_text(value: &Value<'_>, issues: &mut Issues) -> Option<Located<String>> {
    value.text(issues).map(|text| value.located(text.to_owned()))
}
