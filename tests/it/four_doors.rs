//! The same question by the same user at every door: ObjectQL, REST, GraphQL and SQL give the same rows, or all refuse it; and the
//! names that can be found out at each are the same.
//!
//! That the rows are the right ones is shown where they are compared with what a role may see record by record (`planner/tests`).
//! `QUARRY_TEST_SEEDS` says how many questions each user asks (30 otherwise), `QUARRY_TEST_SEED` where they begin.

use std::{collections::BTreeSet, env, fs};

use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::server::{PASSWORD, Server, agent, basic, root};

/// Who asks, and what he was given.
const USERS: [(&str, &[&str]); 6] = [
    ("rep", &["rep"]),
    ("viewer", &["viewer"]),
    ("partner", &["partner"]),
    ("both", &["rep", "partner"]),
    ("deals", &["deals_only"]),
    ("reader", &["read_all_data"]),
];
const FIELDS: [(&str, &[&str]); 2] = [
    ("company", &["name", "region", "stars", "phone", "notes", "rank", "partner_id"]),
    ("deal", &["title", "amount", "company_id"]),
];

/// splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }
}

/// A condition, to be written for each door.
enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    /// A path, an operator, a value as JSON.
    Is(&'static str, &'static str, Value),
}

impl Filter {
    fn random(dice: &mut Dice, object: &str, depth: u64) -> Filter {
        let parts = |dice: &mut Dice| {
            (0..1 + dice.roll(2)).map(|_| Filter::random(dice, object, depth - 1)).collect()
        };
        match if depth == 0 { 9 } else { dice.roll(6) } {
            0 => Filter::All(parts(dice)),
            1 => Filter::Any(parts(dice)),
            _ => {
                let paths: &[&'static str] = match object {
                    "company" => &[
                        "name",
                        "region",
                        "stars",
                        "rank",
                        "phone",
                        "notes",
                        "partner_id",
                        "partner.region",
                        "partner.stars",
                    ],
                    _ => &[
                        "title",
                        "amount",
                        "company_id",
                        "company.region",
                        "company.name",
                        "company.partner.region",
                    ],
                };
                let path = dice.one(paths);
                if dice.roll(6) == 0 {
                    return Filter::Is(path, "null", (dice.roll(2) == 0).into());
                }
                match path.rsplit('.').next().unwrap() {
                    "stars" | "rank" | "amount" => {
                        Filter::Is(path, dice.one(&["eq", "gt", "lte"]), dice.roll(6).into())
                    }
                    "region" => Filter::Is(path, "eq", dice.one(&["north", "south", "west"]).into()),
                    "phone" => {
                        Filter::Is(path, "eq", dice.one(&["+49 30 1000001", "***0001", "***0002"]).into())
                    }
                    "partner_id" | "company_id" => {
                        Filter::Is(path, "eq", format!("com_{:02}", dice.roll(16)).into())
                    }
                    _ => Filter::Is(
                        path,
                        dice.one(&["eq", "gt", "lte"]),
                        dice.one(&["C03", "C07", "C11", "D020", "x"]).into(),
                    ),
                }
            }
        }
    }

    fn objectql(&self) -> Value {
        match self {
            Filter::All(parts) => json!({ "$and": parts.iter().map(Filter::objectql).collect::<Vec<_>>() }),
            Filter::Any(parts) => json!({ "$or": parts.iter().map(Filter::objectql).collect::<Vec<_>>() }),
            Filter::Is(path, operator, value) => json!({ *path: { format!("${operator}"): value } }),
        }
    }

    fn graphql(&self) -> String {
        let list = |parts: &[Filter]| parts.iter().map(Filter::graphql).collect::<Vec<_>>().join(", ");
        match self {
            Filter::All(parts) => format!("{{and: [{}]}}", list(parts)),
            Filter::Any(parts) => format!("{{or: [{}]}}", list(parts)),
            Filter::Is(path, operator, value) => {
                let operator = if *operator == "null" { "isNull" } else { operator };
                let value = if path.ends_with("region") && operator == "eq" {
                    value.as_str().unwrap().to_owned()
                } else {
                    value.to_string()
                };
                let mut text = format!("{{{operator}: {value}}}");
                for name in path.split('.').rev() {
                    text = format!("{{{}: {text}}}", camel(name));
                }
                text
            }
        }
    }

    fn sql(&self) -> String {
        let list = |parts: &[Filter], word: &str| {
            parts.iter().map(|part| format!("({})", part.sql())).collect::<Vec<_>>().join(word)
        };
        match self {
            Filter::All(parts) => list(parts, " AND "),
            Filter::Any(parts) => list(parts, " OR "),
            Filter::Is(path, operator, value) => {
                let column = match path.rsplit_once('.') {
                    Some(("partner" | "company", name)) => format!("one.{name}"),
                    Some((_, name)) => format!("two.{name}"),
                    None => format!("t.{path}"),
                };
                let value = match value {
                    Value::String(text) => format!("'{text}'"),
                    other => other.to_string(),
                };
                match *operator {
                    "null" if value == "true" => format!("{column} IS NULL"),
                    "null" => format!("{column} IS NOT NULL"),
                    "eq" => format!("{column} = {value}"),
                    "gt" => format!("{column} > {value}"),
                    _ => format!("{column} <= {value}"),
                }
            }
        }
    }

    /// Through how many records its paths go.
    fn far(&self) -> usize {
        match self {
            Filter::All(parts) | Filter::Any(parts) => parts.iter().map(Filter::far).max().unwrap_or(0),
            Filter::Is(path, ..) => path.matches('.').count(),
        }
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| text + &word[..1].to_uppercase() + &word[1..])
}

/// Someone at all doors.
struct Asker<'s> {
    server: &'s Server,
    name: &'static str,
    sql: Client,
}

/// Rows as texts, in order; none where the question was refused.
type Rows = Option<Vec<Vec<Option<String>>>>;

impl Asker<'_> {
    fn http(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let authorization = basic(self.name, PASSWORD);
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.server.url()));
        request = request.header("Authorization", authorization).header("Content-Type", "application/json");
        let response =
            agent().run(request.body(body.map(Value::to_string).unwrap_or_default()).unwrap()).unwrap();
        let status = response.status().as_u16();
        let text = response.into_body().read_to_string().unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn rows(answer: &Value, fields: &[&str], name: impl Fn(&str) -> String) -> Vec<Vec<Option<String>>> {
        let cell = |record: &Value, field: &str| match &record[name(field)] {
            Value::Null => None,
            Value::String(text) => Some(text.to_lowercase()),
            other => Some(other.to_string()),
        };
        let all = answer.as_array().unwrap_or_else(|| panic!("{answer}"));
        all.iter().map(|record| fields.iter().map(|field| cell(record, field)).collect()).collect()
    }

    fn objectql(&self, object: &str, fields: &[&str], filter: &Filter) -> Rows {
        let body = json!({ "object": object, "fields": fields, "where": filter.objectql(), "orderBy": ["id"], "count": true });
        let (status, answer) = self.http("POST", "/api/v1/query", Some(&body));
        self.told(status, &answer)?;
        let rows = Self::rows(&answer["records"], fields, str::to_owned);
        assert_eq!(answer["count"], rows.len(), "{body}");
        Some(rows)
    }

    fn rest(&self, object: &str, fields: &[&str], filter: &Filter) -> Rows {
        let filter = percent(&filter.objectql().to_string());
        let path = format!("/api/v1/objects/{object}?filter={filter}&select={}&sort=id", fields.join(","));
        let (status, answer) = self.http("GET", &path, None);
        self.told(status, &answer)?;
        Some(Self::rows(&answer["records"], fields, str::to_owned))
    }

    fn told(&self, status: u16, answer: &Value) -> Option<()> {
        assert!([200, 400, 404].contains(&status), "{}: {status} {answer}", self.name);
        (status == 200).then_some(())
    }

    fn graphql(&self, object: &str, fields: &[&str], filter: &Filter) -> Rows {
        let many = if object == "company" { "companies" } else { "deals" };
        let names: Vec<String> = fields.iter().map(|field| camel(field)).collect();
        let query = format!(
            "{{ {many}(where: {}, orderBy: [{{id: ASC}}]) {{ totalCount nodes {{ {} }} }} }}",
            filter.graphql(),
            names.join(" ")
        );
        let (_, answer) = self.http("POST", "/graphql", Some(&json!({ "query": query })));
        if answer.get("errors").is_some() {
            return None;
        }
        let rows = Self::rows(&answer["data"][many]["nodes"], fields, camel);
        assert_eq!(answer["data"][many]["totalCount"], rows.len(), "{query}");
        Some(rows)
    }

    async fn sql(&self, object: &str, fields: &[&str], filter: &Filter) -> Rows {
        let columns: Vec<String> = fields.iter().map(|field| format!("t.{field}")).collect();
        let link = if object == "company" { "partner_id" } else { "company_id" };
        let mut text = format!("SELECT {} FROM {object} t", columns.join(", "));
        if filter.far() > 0 {
            text += &format!(" LEFT JOIN company one ON one.id = t.{link}");
        }
        if filter.far() > 1 {
            text += " LEFT JOIN company two ON two.id = one.partner_id";
        }
        text += &format!(" WHERE {} ORDER BY t.id", filter.sql());
        let answer = self.sql.simple_query(&text).await.ok()?;
        let rows = answer.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..fields.len()).map(|at| row.get(at).map(str::to_lowercase)).collect())
            }
            _ => None,
        });
        Some(rows.collect())
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn start() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let packages = folder.path().join("packages");
    copy(&root().join("packages/core"), &packages.join("core"));
    copy(&root().join("tests/it/fixtures/four_doors"), &packages.join("trade"));
    let server = Server::start_in(folder, &packages, &[]);
    for (user, sets) in USERS {
        let (status, told) =
            server.post("/api/v1/auth/users", &json!({ "user": user, "password": PASSWORD }));
        assert_eq!(status, 201, "{told}");
        for set in sets {
            let (status, told) =
                server.request("PUT", &format!("/api/v1/users/{user}/permission-sets/{set}"), None);
            assert_eq!(status, 200, "{told}");
        }
    }
    server
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn fill(server: &Server) {
    let owners: Vec<Value> = server
        .query(json!({ "object": "user", "fields": ["id", "username"], "orderBy": ["username"] }))
        .iter()
        .filter(|user| ["rep", "partner", "both", "viewer"].contains(&user["username"].as_str().unwrap()))
        .map(|user| user["id"].clone())
        .collect();
    let mut dice = Dice(20_261_130);
    let mut changes = Vec::new();
    for n in 0..14_u64 {
        let maybe = |dice: &mut Dice, value: Value| if dice.roll(4) == 0 { Value::Null } else { value };
        let region = dice.one(&["north", "south", "west"]).into();
        let (stars, phone) = (dice.roll(6).into(), format!("+49 30 100000{}", n % 3).into());
        let partner = if n == 0 { Value::Null } else { format!("com_{:02}", dice.roll(n)).into() };
        let owner = owners[usize::try_from(dice.roll(owners.len() as u64)).unwrap()].clone();
        changes.push(json!({ "op": "create", "object": "company", "data": {
            "id": format!("com_{n:02}"), "name": format!("C{n:02}"), "region": maybe(&mut dice, region),
            "stars": maybe(&mut dice, stars), "phone": maybe(&mut dice, phone), "notes": "x",
            "partner_id": maybe(&mut dice, partner), "owner": owner } }));
    }
    for n in 0..40_u64 {
        changes.push(
            json!({ "op": "create", "object": "deal", "data": { "id": format!("dea_{n:03}"), "title": format!("D{n:03}"),
            "amount": dice.roll(6), "company_id": format!("com_{:02}", dice.roll(14)) } }),
        );
    }
    let (status, told) = server.post("/api/v1/changes", &json!({ "changes": changes }));
    assert_eq!(status, 200, "{told}");
}

#[tokio::test]
async fn every_door_gives_the_same_rows_and_the_same_names() {
    let server = start();
    fill(&server);
    let number = |name: &str, otherwise: u64| env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let (first, many) = (number("QUARRY_TEST_SEED", 1), number("QUARRY_TEST_SEEDS", 30));
    println!("QUARRY_TEST_SEED={first}, {many} questions each");
    let (mut answered, mut refused) = (0, 0);
    for (name, _) in USERS {
        let how =
            format!("host=127.0.0.1 port={} user={name} password='{PASSWORD}' dbname=main", server.pg_port);
        let (sql, connection) = tokio_postgres::connect(&how, NoTls).await.unwrap();
        tokio::spawn(connection);
        let asker = Asker { server: &server, name, sql };
        names(&asker).await;
        for seed in first..first + many {
            let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9));
            let (object, all) = FIELDS[usize::try_from(dice.roll(2)).unwrap()];
            let mut fields = vec!["id"];
            fields.extend(all.iter().filter(|_| dice.roll(4) == 0));
            let filter = Filter::random(&mut dice, object, 2);
            let wanted = asker.objectql(object, &fields, &filter);
            let about =
                || format!("QUARRY_TEST_SEED={seed} {name} {object} {fields:?} {}", filter.objectql());
            assert_eq!(asker.rest(object, &fields, &filter), wanted, "REST, {}", about());
            assert_eq!(asker.graphql(object, &fields, &filter), wanted, "GraphQL, {}", about());
            assert_eq!(asker.sql(object, &fields, &filter).await, wanted, "SQL, {}", about());
            match wanted {
                Some(_) => answered += 1,
                None => refused += 1,
            }
        }
    }
    assert!(many < 30 || answered > 60 && refused > 20, "{answered} answered, {refused} refused");
}

/// What is found out at each door without knowing it.
async fn names(asker: &Asker<'_>) {
    let (_, listed) = asker.http("GET", "/api/v1/meta/objects", None);
    let listed: BTreeSet<String> = listed["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| object["name"].as_str().unwrap().to_owned())
        .collect();
    let (_, document) = asker.http("GET", "/api/v1/openapi.json", None);
    let document = document.to_string();
    let (_, schema) = asker.http("POST", "/graphql", Some(&json!({ "query": "{ __schema { types { name fields { name type { kind ofType { kind } } } inputFields { name } enumValues { name } } } }" })));
    let types = schema["data"]["__schema"]["types"].as_array().unwrap();
    let text = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema IN ('trade', 'core')";
    let columns = asker.sql.simple_query(text).await.unwrap();
    let columns: BTreeSet<(String, String)> = columns
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())),
            _ => None,
        })
        .collect();
    let tables: BTreeSet<String> = columns.iter().map(|(table, _)| table.clone()).collect();
    assert_eq!(tables, listed, "{}: tables and objects", asker.name);
    for (object, fields) in FIELDS {
        let (status, told) = asker.http("GET", &format!("/api/v1/meta/objects/{object}"), None);
        if !listed.contains(object) {
            assert_eq!(status, 404, "{}: {told}", asker.name);
            let type_name = object[..1].to_uppercase() + &object[1..];
            assert!(
                types.iter().all(|known| !known["name"].as_str().unwrap().starts_with(&type_name)),
                "{}: {object}",
                asker.name
            );
            assert!(!document.contains(&format!("objects/{object}")), "{}: {object}", asker.name);
            continue;
        }
        let seen: BTreeSet<String> = told["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| field["name"].as_str().unwrap().to_owned())
            .collect();
        let of_table: BTreeSet<String> =
            columns.iter().filter(|(table, _)| table == object).map(|(_, column)| column.clone()).collect();
        assert_eq!(of_table, seen, "{}: columns of {object}", asker.name);
        let type_name = object[..1].to_uppercase() + &object[1..];
        let own = types.iter().find(|known| known["name"] == type_name.as_str()).unwrap();
        let shown: BTreeSet<&str> =
            own["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap()).collect();
        for field in fields {
            let is_seen = seen.contains(*field);
            assert_eq!(
                shown.contains(camel(field).as_str()),
                is_seen,
                "{}: GraphQL {object}.{field}",
                asker.name
            );
            // No input, filter or order names it either.
            let named = types.iter().filter(|known| known["name"].as_str().unwrap().starts_with(&type_name));
            let mut inner = named
                .flat_map(|known| {
                    known["inputFields"].as_array().into_iter().chain(known["enumValues"].as_array())
                })
                .flatten();
            assert!(
                is_seen || inner.all(|input| input["name"] != camel(field).as_str()),
                "{}: input {object}.{field}",
                asker.name
            );
        }
    }
}
