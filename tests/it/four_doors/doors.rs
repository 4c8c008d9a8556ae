//! A question in the words of each door, and what came of it.

use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::{
    answer::{Rows, plain, shortened},
    question::{Kind, Question},
    written::{camel, graphql, objectql, plural, sql},
};
use crate::server::{PASSWORD, Server};

/// Someone at all doors, whose connections are kept.
pub struct Asker {
    url: String,
    agent: ureq::Agent,
    authorization: String,
    sql: Client,
    pub name: String,
}

impl Asker {
    pub async fn enter(server: &Server, name: &str) -> Asker {
        let how =
            format!("host=127.0.0.1 port={} user={name} password='{PASSWORD}' dbname=main", server.pg_port);
        let (sql, connection) = tokio_postgres::connect(&how, NoTls).await.unwrap();
        tokio::spawn(connection);
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut asker =
            Asker { url: server.url(), agent, authorization: String::new(), sql, name: name.to_owned() };
        let (_, told) =
            asker.http("POST", "/api/v1/auth/login", Some(&json!({ "user": name, "password": PASSWORD })));
        asker.authorization = format!("Bearer {}", told["token"].as_str().unwrap());
        asker
    }

    pub fn http(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !self.authorization.is_empty() {
            request = request.header("Authorization", &self.authorization);
        }
        if body.is_some() {
            request = request.header("Content-Type", "application/json");
        }
        let response =
            self.agent.run(request.body(body.map(Value::to_string).unwrap_or_default()).unwrap()).unwrap();
        let status = response.status().as_u16();
        let text = response.into_body().with_config().limit(64 << 20).read_to_string().unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Whether it was answered; refused for what is not there, or it is a fault.
    fn told(&self, status: u16, answer: &Value) -> Option<()> {
        assert!([200, 400, 404].contains(&status), "{}: {status} {answer}", self.name);
        (status == 200).then_some(())
    }

    pub fn objectql(&self, question: &Question) -> (Rows, Option<u64>) {
        let mut body = objectql(question);
        body.insert("object".into(), question.object.into());
        let (status, answer) = self.http("POST", "/api/v1/query", Some(&body.into()));
        match self.told(status, &answer) {
            None => (None, None),
            Some(()) => (Some(rows_of_json(question, &answer["records"])), answer["count"].as_u64()),
        }
    }

    /// The endpoints of the family: by parameters, or by a question that is sent.
    pub fn rest(&self, question: &Question, by_parameters: bool) -> (Rows, Option<u64>) {
        let body = objectql(question);
        let path = format!("/api/v1/data/{}", question.object);
        let (status, answer) = match by_parameters {
            true => {
                let names = |key: &str| {
                    match key {
                        "fields" => "select",
                        "orderBy" => "sort",
                        "where" => "filter",
                        "limit" => "top",
                        "offset" => "skip",
                        other => other,
                    }
                    .to_owned()
                };
                let written = |(key, value): (&String, &Value)| {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    format!("{}={}", names(key), percent(&text))
                };
                let parameters: Vec<String> = body.iter().map(written).collect();
                self.http("GET", &format!("{path}?{}", parameters.join("&")), None)
            }
            false => self.http("POST", &format!("{path}/query"), Some(&body.into())),
        };
        match self.told(status, &answer) {
            None => (None, None),
            Some(()) => (Some(rows_of_json(question, &answer["records"])), answer["total"].as_u64()),
        }
    }

    pub fn graphql(&self, question: &Question) -> (Rows, Option<u64>) {
        let text = graphql(question);
        let (_, answer) = self.http("POST", "/graphql", Some(&json!({ "query": text })));
        if let Some(errors) = answer.get("errors") {
            let code = errors[0]["extensions"]["code"].as_str().unwrap_or_default();
            assert!(
                ["GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "INVALID_FIELD", "OBJECT_NOT_FOUND"]
                    .contains(&code),
                "{text}: {answer}"
            );
            return (None, None);
        }
        let told = &answer["data"][plural(question.object)];
        (Some(rows_of_graphql(question, told)), told["totalCount"].as_u64())
    }

    pub async fn sql(&self, question: &Question) -> Rows {
        let text = sql(question);
        let answer = match self.sql.simple_query(&text).await {
            Ok(answer) => answer,
            Err(error) => {
                let code = error.code().map(|code| code.code().to_owned()).unwrap_or_default();
                assert!(["42P01", "42703"].contains(&code.as_str()), "{text}: {error:?}");
                return None;
            }
        };
        let rows = answer.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(of_sql)).collect()),
            _ => None,
        });
        Some(rows.collect())
    }

    pub async fn rows(&self, text: &str) -> Vec<Vec<String>> {
        let answer = self.sql.simple_query(text).await.unwrap();
        let rows = answer.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect())
            }
            _ => None,
        });
        rows.collect()
    }
}

fn of_sql(text: &str) -> String {
    match text {
        "t" => "true".into(),
        "f" => "false".into(),
        text => shortened(text),
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn rows_of_json(question: &Question, records: &Value) -> Vec<Vec<Option<String>>> {
    let records = records.as_array().unwrap_or_else(|| panic!("{records}"));
    match &question.kind {
        Kind::List { paths, .. } => {
            records.iter().map(|record| paths.iter().map(|path| plain(&record[*path])).collect()).collect()
        }
        Kind::Groups { keys, sums } => {
            let names: Vec<String> = keys
                .iter()
                .map(|key| (*key).to_owned())
                .chain((0..sums.len()).map(|at| format!("a{at}")))
                .collect();
            records.iter().map(|record| names.iter().map(|name| plain(&record[name])).collect()).collect()
        }
        Kind::Expand { relation, fields } => {
            let one = |record: &Value, other: &Value| {
                let shown = fields.iter().map(|field| plain(&other[*field]));
                std::iter::once(plain(&record["id"])).chain(shown).collect()
            };
            let all = |record: &Value| match &record[*relation] {
                Value::Array(many) => many.iter().map(|other| one(record, other)).collect(),
                other => vec![one(record, other)],
            };
            records.iter().flat_map(all).collect()
        }
    }
}

fn rows_of_graphql(question: &Question, told: &Value) -> Vec<Vec<Option<String>>> {
    let follow = |record: &Value, path: &str| {
        let mut at = record.clone();
        for name in path.split('.') {
            at = at[camel(name)].take();
        }
        plain(&at)
    };
    let nodes = || told["nodes"].as_array().unwrap_or_else(|| panic!("{told}"));
    match &question.kind {
        Kind::List { paths, .. } => {
            nodes().iter().map(|record| paths.iter().map(|path| follow(record, path)).collect()).collect()
        }
        Kind::Groups { keys, sums } => {
            let sum = |group: &Value, (function, field): &(&str, &str)| match *function {
                "count" => plain(&group["count"]),
                other => plain(
                    &group[if other == "count_distinct" { "countDistinct" } else { other }][camel(field)],
                ),
            };
            let row = |group: &Value| {
                let key = group["keys"].as_array().into_iter().flatten().map(plain);
                key.chain(sums.iter().map(|each| sum(group, each))).collect()
            };
            match keys.is_empty() {
                true => vec![row(&told["aggregate"])],
                false => told["groups"].as_array().unwrap().iter().map(row).collect(),
            }
        }
        Kind::Expand { relation, fields } => {
            let one = |record: &Value, other: &Value| {
                let shown = fields.iter().map(|field| plain(&other[camel(field)]));
                std::iter::once(plain(&record["id"])).chain(shown).collect()
            };
            let all = |record: &Value| match record[*relation]["nodes"].as_array() {
                Some(many) => many.iter().map(|other| one(record, other)).collect(),
                None => vec![one(record, &record[*relation])],
            };
            nodes().iter().flat_map(all).collect()
        }
    }
}
