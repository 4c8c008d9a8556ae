//! Every type of field over every door: what is written by one is read by all, found by its value, and refused when it is
//! wrong. The cases are in `fixtures/field_kinds.json`; what goes beyond one value is in `beyond`.
//!
//! Of a case: `json` is what is written, `reads` what is read (where it differs), `graphql` the same in GraphQL, `sql` the
//! literal, `shown` what psql shows. `wrong` lists values with the code of their finding; those marked `json` have no form
//! in the other doors, which refuse them by their own rules. `$upload name type bytes` stands for the id of a content that
//! is sent anew each time, `$any` for any text that is read.

mod beyond;

use std::{
    cell::RefCell,
    fs,
    io::{BufRead, BufReader, Lines, Write},
    ops::Deref,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, root};

/// A server over the package of this test, with two users and a record to refer to.
fn server() -> Server {
    let packages = format!(
        "{}:{}",
        root().join("packages/core").display(),
        root().join("tests/it/fixtures/field_kinds").display()
    );
    let server = Server::start_in(tempfile::tempdir().unwrap(), packages.as_ref(), &[]);
    for id in ["usr_a", "usr_b"] {
        create(&server, "user", &json!({ "id": id, "name": id, "username": id }));
    }
    create(&server, "sample", &json!({ "id": "smp_root", "name": "root" }));
    server
}

/// A server with one psql that stays: a process per statement would take most of the time.
struct Doors {
    server: Server,
    psql: RefCell<Psql>,
}

struct Psql {
    child: Child,
    statements: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

/// What psql says when a statement is through.
const THROUGH: &str = "<through>";

impl Psql {
    fn open(server: &Server) -> Psql {
        let psql = format!("exec psql -X -q -A -t -h 127.0.0.1 -p {} -U admin -d main 2>&1", server.pg_port);
        let mut child = Command::new("sh")
            .args(["-c", &psql])
            .env("PGPASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql is installed by ./test");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Psql { statements: child.stdin.take().unwrap(), child, lines }
    }

    /// What a statement gives, or its error.
    fn run(&mut self, sql: &str) -> Result<String, String> {
        writeln!(self.statements, "{sql};\n\\echo {THROUGH}").unwrap();
        let said = self.lines.by_ref().map(Result::unwrap).take_while(|line| line != THROUGH);
        let said = said.collect::<Vec<_>>().join("\n");
        if said.starts_with("ERROR:") { Err(said) } else { Ok(said) }
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Deref for Doors {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Doors {
    fn open() -> Doors {
        let server = server();
        Doors { psql: RefCell::new(Psql::open(&server)), server }
    }

    fn sql(&self, sql: &str) -> String {
        self.psql.borrow_mut().run(sql).unwrap_or_else(|error| panic!("{sql}\n{error}"))
    }
}

fn change(server: &Server, change: Value) -> Result<String, Vec<Value>> {
    let (status, answer) = server.post("/api/v1/changes", &json!({ "changes": [change] }));
    match status {
        200 => Ok(answer["results"][0]["ids"][0]
            .as_str()
            .or(answer["results"][0]["id"].as_str())
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()),
        _ => Err(answer["error"]["findings"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()),
    }
}

fn create(server: &Server, object: &str, data: &Value) -> String {
    change(server, json!({ "op": "create", "object": object, "data": data }))
        .unwrap_or_else(|findings| panic!("{data}: {findings:?}"))
}

fn update(server: &Server, id: &str, data: Value) -> Result<String, Vec<Value>> {
    change(server, json!({ "op": "update", "object": "sample", "id": id, "data": data }))
}

/// The codes of what is found in a new record.
fn codes(outcome: Result<String, Vec<Value>>) -> Vec<String> {
    match outcome {
        Ok(id) => panic!("{id} was written"),
        Err(findings) => {
            findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
        }
    }
}

fn try_create(server: &Server, data: Value) -> Result<String, Vec<Value>> {
    change(server, json!({ "op": "create", "object": "sample", "data": data }))
}

fn graphql(server: &Server, query: &str, variables: Value) -> Value {
    server.post("/graphql", &json!({ "query": query, "variables": variables })).1
}

/// `unit_price` → `unitPrice`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |all, word| {
        let (head, tail) = word.split_at(1);
        all + &head.to_uppercase() + tail
    })
}

/// A value as SQL writes it: what is no number or truth is a text, of JSON where it is a list or an object.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        json => format!("'{}'", json.to_string().replace('\'', "''")),
    }
}

/// The same value; numbers by their value, however they are written.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(_), Value::String(any)) if any == "$any" => true,
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => one == other,
    }
}

/// The value with contents that are sent now.
fn sent(server: &Server, value: &Value) -> Value {
    match value {
        Value::String(text) => match upload_of(text) {
            Some([name, media_type, bytes]) => server.upload(name, media_type, bytes)["id"].clone(),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| sent(server, item)).collect(),
        Value::Object(parts) => parts.iter().map(|(name, part)| (name.clone(), sent(server, part))).collect(),
        value => value.clone(),
    }
}

/// Name, media type and bytes of a content that is to be sent.
fn upload_of(text: &str) -> Option<[&str; 3]> {
    text.strip_prefix("$upload ")?.splitn(3, ' ').collect::<Vec<_>>().try_into().ok()
}

/// One field with the values that are tried.
struct Case(Value);

/// One value of a case, in the forms of every door.
struct Spelling<'a> {
    case: &'a Case,
    given: &'a Value,
}

impl Case {
    fn field(&self) -> &str {
        self.0["field"].as_str().unwrap()
    }

    /// The field's name in GraphQL.
    fn graphql_name(&self) -> String {
        self.0["graphql_name"].as_str().map_or_else(|| camel(self.field()), str::to_owned)
    }

    /// The field's name and selection in GraphQL.
    fn selection(&self) -> String {
        format!("value: {} {}", self.graphql_name(), self.0["select"].as_str().unwrap_or_default())
    }

    fn spellings(&self) -> impl Iterator<Item = Spelling<'_>> {
        self.0["values"].as_array().unwrap().iter().map(|given| Spelling { case: self, given })
    }
}

impl Spelling<'_> {
    fn reads(&self) -> &Value {
        self.given.get("reads").unwrap_or(&self.given["json"])
    }

    fn graphql(&self) -> &Value {
        self.given.get("graphql").unwrap_or(self.reads())
    }

    /// What is given to GraphQL: what is made of parts goes in as JSON.
    fn to_graphql(&self) -> &Value {
        let made_of_parts = self.case.0.get("select").is_some();
        self.given.get("graphql").filter(|_| !made_of_parts).unwrap_or(&self.given["json"])
    }

    fn sql(&self, server: &Server) -> String {
        self.given["sql"].as_str().map_or_else(|| literal(&sent(server, &self.given["json"])), str::to_owned)
    }

    /// Writes it by every door; the ids of the records.
    fn write(&self, server: &Doors) -> [String; 3] {
        let field = self.case.field();
        let by_http =
            create(server, "sample", &json!({ "name": "http", field: sent(server, &self.given["json"]) }));
        let made = graphql(
            server,
            "mutation($input: SampleInput!) { createSample(input: $input) { id } }",
            json!({ "input": { "name": "graphql", self.case.graphql_name(): sent(server, self.to_graphql()) } }),
        );
        let by_graphql = made["data"]["createSample"]["id"].as_str();
        let by_graphql = by_graphql.unwrap_or_else(|| panic!("{field}: {made}")).to_owned();
        let insert =
            format!("INSERT INTO sample (name, {field}) VALUES ('sql', {}) RETURNING id", self.sql(server));
        [by_http, by_graphql, server.sql(&insert)]
    }

    /// Reads a record by every door.
    fn check(&self, server: &Doors, id: &str) {
        let field = self.case.field();
        let records = server.query(json!({ "object": "sample", "fields": [field], "where": { "id": id } }));
        assert!(same(&records[0][field], self.reads()), "{id} {field}: {} in ObjectQL", records[0]);
        let query = format!("query($id: ID!) {{ sample(id: $id) {{ {} }} }}", self.case.selection());
        let answer = graphql(server, &query, json!({ "id": id }));
        let value = &answer["data"]["sample"]["value"];
        assert!(same(value, self.graphql()), "{id} {field}: {answer} in GraphQL");
        let shown = server.sql(&format!("SELECT {field} FROM sample WHERE id = '{id}'"));
        let is_shown = match (self.given.get("shown"), self.reads()) {
            (Some(Value::String(wanted)), _) => shown == *wanted,
            (_, Value::String(wanted)) => shown == *wanted,
            (_, Value::Bool(flag)) => shown == if *flag { "t" } else { "f" } || shown == flag.to_string(),
            (_, Value::Number(wanted)) => shown.parse().ok() == wanted.as_f64(),
            (_, wanted) => {
                let list = shown.strip_prefix('{').and_then(|shown| shown.strip_suffix('}'));
                let shown = match list.filter(|_| wanted.is_array()) {
                    Some(items) => format!("[{items}]"),
                    None => shown.clone(),
                };
                same(&serde_json::from_str(&shown).unwrap_or_else(|_| panic!("{field}: {shown}")), wanted)
            }
        };
        assert!(is_shown, "{id} {field}: {shown} in SQL");
        if let Some([.., bytes]) = self.given["json"].as_str().and_then(upload_of) {
            let path = format!("/api/v1/objects/sample/{id}/content/{field}");
            assert_eq!(server.request("GET", &path, None), (200, json!(bytes)));
        }
    }

    /// Finds the records by the value, by every door that can say it.
    fn find(&self, server: &Doors, ids: &[String; 3]) {
        let field = self.case.field();
        let reads = self.reads();
        let (objectql, on_graphql, sql) = match &self.case.0["filter"] {
            Value::Null => (
                json!({ field: { "$eq": reads } }),
                json!({ self.case.graphql_name(): { "eq": self.graphql() } }),
                format!(
                    "{field} = {}",
                    self.given["sql"].as_str().map_or_else(|| literal(reads), str::to_owned)
                ),
            ),
            Value::String(how) if how == "has" && reads != &json!([]) => (
                json!({ field: { "$has": reads[0] } }),
                json!({ self.case.graphql_name(): { "has": self.graphql()[0] } }),
                format!("array_has({field}, {})", literal(&reads[0])),
            ),
            Value::String(_) => (
                json!({ field: { "$null": false } }),
                json!({ self.case.graphql_name(): { "isNull": false } }),
                format!("{field} IS NOT NULL"),
            ),
            own => (own["objectql"].clone(), own["graphql"].clone(), own["sql"].as_str().unwrap().to_owned()),
        };
        let mine = json!({ "$and": [objectql, { "id": { "$in": ids } }] });
        let found = server.query(json!({ "object": "sample", "fields": ["id"], "where": mine }));
        assert_eq!(found.len(), 3, "{field} = {reads} in ObjectQL: {found:?}");
        let query = "query($where: SampleWhere, $ids: [ID!]) { samples(where: {and: [$where, {id: {in: $ids}}]}) { totalCount } }";
        let answer = graphql(server, query, json!({ "where": on_graphql, "ids": ids }));
        assert_eq!(answer["data"]["samples"]["totalCount"], 3, "{field} = {reads} in GraphQL: {answer}");
        let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
        let count = format!("SELECT count(*) FROM sample WHERE {sql} AND id IN ({})", ids.join(","));
        assert_eq!(server.sql(&count), "3", "{field} = {reads} in SQL: {count}");
    }
}

#[test]
fn every_type_goes_in_and_out_by_every_door() {
    let server = Doors::open();
    let text = fs::read_to_string(root().join("tests/it/fixtures/field_kinds.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    for case in cases.into_iter().map(Case) {
        for spelling in case.spellings() {
            let ids = spelling.write(&server);
            ids.iter().for_each(|id| spelling.check(&server, id));
            spelling.find(&server, &ids);
            nothing_is_left_where_null_is_written(&server, &case, &ids);
        }
        for wrong in case.0["wrong"].as_array().into_iter().flatten() {
            it_is_refused(&server, &case, wrong);
        }
    }
    every_field_had_its_case(&server, &text);
    let server = server.server.crash_and_restart();
    let left = server.psql_ok("SELECT count(*) FROM sample WHERE name = 'sql'");
    assert!(left.parse::<usize>().unwrap() > 50, "{left} records after a restart");
}

fn nothing_is_left_where_null_is_written(server: &Doors, case: &Case, ids: &[String; 3]) {
    let field = case.field();
    if field == "part_number" {
        return;
    }
    update(server, &ids[0], json!({ field: null })).unwrap();
    let patch = json!({ "id": ids[1], "set": { case.graphql_name(): null } });
    let query = "mutation($id: ID!, $set: SamplePatch!) { updateSample(id: $id, set: $set) { id } }";
    let answer = graphql(server, query, patch);
    assert_eq!(answer["data"]["updateSample"]["id"], *ids[1], "{field}: {answer}");
    server.sql(&format!("UPDATE sample SET {field} = NULL WHERE id = '{}'", ids[2]));
    let left = server
        .query(json!({ "object": "sample", "where": { "id": { "$in": ids }, field: { "$null": true } } }));
    assert_eq!(left.len(), 3, "{field}: {left:?}");
}

fn it_is_refused(server: &Doors, case: &Case, wrong: &Value) {
    let field = case.field();
    let (value, code) = (&sent(server, &wrong[0]), wrong[1].as_str().unwrap());
    let found = try_create(server, json!({ "name": "wrong", field: value }));
    assert_eq!(codes(found), [code], "{field} = {value}");
    if wrong[2] == "json" {
        return;
    }
    let refused = graphql(
        server,
        "mutation($input: SampleInput!) { createSample(input: $input) { id } }",
        json!({ "input": { "name": "wrong", case.graphql_name(): value } }),
    );
    assert!(refused["errors"][0]["message"].is_string(), "{field} = {value}: {refused}");
    let insert = format!("INSERT INTO sample (name, {field}) VALUES ('wrong', {})", literal(value));
    assert!(server.psql.borrow_mut().run(&insert).is_err(), "{insert}");
}

/// No type is forgotten: each field of the package stands in a case, or in a test below.
fn every_field_had_its_case(server: &Doors, cases: &str) {
    let (_, meta) = server.request("GET", "/api/v1/meta/objects/sample", None);
    let elsewhere = ["id", "name", "region", "country", "number", "pass", "retired"];
    for field in meta["fields"].as_array().unwrap() {
        let name = field["name"].as_str().unwrap();
        let is_there = cases.contains(&format!("\"field\": \"{name}\""));
        assert!(is_there || field["system"] == true || elsewhere.contains(&name), "no case for {name}");
    }
}
