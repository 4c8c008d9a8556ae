//! A server with something to hide, and an intruder at all of its doors.

use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::server::{PASSWORD, Server, agent, basic, copy, root};

/// The field that the clerk does not see, and one that nobody has.
pub const HIDDEN: &str = "rumour";
pub const NOTHING: &str = "rumoux";

/// What stands in no answer to the clerk: names and values that he does not see.
const SECRETS: &[&str] = &[
    "zqvault",
    "zqlabel",
    "zqdescription",
    "zqworth",
    "zqmood",
    "zqcalm",
    "zqangry",
    "zqtitle",
    "zqsecret",
    "zqkeepers",
    "zqv_",
    "zq com_",
    "umbra",
    "rumour",
    "worth",
    "mood",
    "909090909",
];

/// A server with the package of `tests/it/fixtures/attacks`, and some records.
pub struct Stage {
    pub server: Server,
}

/// A question in the words of a door.
#[derive(Clone, Debug)]
pub enum Ask {
    /// `POST /api/v1/query`.
    ObjectQl(Value),
    /// A method, a path and a body of the HTTP door.
    Http(&'static str, String, Option<Value>),
    /// `POST /graphql`.
    GraphQl(String),
    /// The Postgres door.
    Sql(String),
}

/// What a door has told: a status (of SQL 200 or 400), and all of it but the request's id.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub status: u16,
    pub body: Value,
}

/// Someone who has logged in at every door.
pub struct Intruder<'s> {
    server: &'s Server,
    authorization: String,
    sql: Client,
}

impl Stage {
    pub fn open() -> Stage {
        Stage::with(&[])
    }

    /// With settings in the environment.
    pub fn with(variables: &[(&str, &str)]) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let packages = folder.path().join("packages");
        copy(&root().join("packages/core"), &packages.join("core"));
        copy(&root().join("tests/it/fixtures/attacks"), &packages.join("vault"));
        let stage = Stage { server: Server::start_of(folder, &packages, variables) };
        stage.user("clerk", &["clerk"]);
        stage.fill();
        stage
    }

    /// Makes a user with some permission sets; the id of his record.
    pub fn user(&self, name: &str, sets: &[&str]) -> String {
        let body = json!({ "user": name, "password": PASSWORD });
        let (status, told) = self.server.post("/api/v1/auth/users", &body);
        assert_eq!(status, 201, "{told}");
        for set in sets {
            let path = format!("/api/v1/users/{name}/permission-sets/{set}");
            assert_eq!(self.server.request("PUT", &path, None).0, 200, "{set}");
        }
        let question = json!({ "object": "user", "fields": ["id"], "where": { "username": name } });
        self.server.query(question)[0]["id"].as_str().unwrap().to_owned()
    }

    fn fill(&self) {
        let clerk = self.id_of("clerk");
        let company = |id: &str, stars: i64, own: bool, more: Value| {
            let mut data = json!({ "id": id, "stars": stars, "region": "north", "worth": 909_090_909, "mood": "zqangry",
                "rumour": format!("zq {id}"), "code": "shared", "phone": "+49 30 1000001" });
            data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            if own {
                data["owner"] = clerk.clone().into();
            }
            json!({ "op": "create", "object": "company", "data": data })
        };
        let deal = |id: &str, company: &str, amount: i64| json!({ "op": "create", "object": "deal", "data": { "id": id, "title": format!("Deal {id}"), "amount": amount, "company_id": company } });
        let changes = json!({ "changes": [
            { "op": "create", "object": "zqvault", "data": { "id": "zqv_1", "zqtitle": "zqsecret" } },
            company("com_hid1", 77, false, json!({ "name": "Umbra", "notes": "12x" })),
            company("com_hid2", 0, false, json!({ "name": "Penumbra", "notes": "no number", "partner_id": "com_hid1" })),
            company("com_own1", 3, true, json!({ "name": "First", "notes": "1", "partner_id": "com_hid1", "keeper_id": "zqv_1" })),
            company("com_own2", 5, true, json!({ "name": "Second", "notes": "2", "partner_id": "com_own1" })),
            deal("dea_hid", "com_hid1", 1000), deal("dea_own", "com_own1", 10),
        ] });
        let (status, told) = self.server.post("/api/v1/changes", &changes);
        assert_eq!(status, 200, "{told}");
    }

    pub fn id_of(&self, user: &str) -> String {
        let question = json!({ "object": "user", "fields": ["id"], "where": { "username": user } });
        self.server.query(question)[0]["id"].as_str().unwrap().to_owned()
    }

    /// Whoever attacks: a clerk, who sees two of four companies, and three of their fields not at all.
    pub async fn clerk(&self) -> Intruder<'_> {
        Intruder::enter(&self.server, "clerk", "main").await
    }

    pub async fn admin(&self) -> Intruder<'_> {
        Intruder::enter(&self.server, "admin", "main").await
    }
}

impl<'s> Intruder<'s> {
    /// Logs in at every door.
    pub async fn enter(server: &'s Server, user: &str, database: &str) -> Intruder<'s> {
        let how = format!(
            "host=127.0.0.1 port={} user={user} password='{PASSWORD}' dbname={database}",
            server.pg_port
        );
        let (sql, connection) = tokio_postgres::connect(&how, NoTls).await.unwrap();
        tokio::spawn(connection);
        let name = if database == "main" { user.to_owned() } else { format!("{user}@{database}") };
        Intruder { server, authorization: basic(&name, PASSWORD), sql }
    }

    /// The connection to the Postgres door.
    pub fn sql(&self) -> &Client {
        &self.sql
    }

    pub async fn ask(&self, ask: &Ask) -> Told {
        match ask {
            Ask::ObjectQl(question) => self.http("POST", "/api/v1/query", Some(question)),
            Ask::Http(method, path, body) => self.http(method, path, body.as_ref()),
            Ask::GraphQl(query) => self.http("POST", "/graphql", Some(&json!({ "query": query }))),
            Ask::Sql(text) => self.statement(text).await,
        }
    }

    pub fn http(&self, method: &str, path: &str, body: Option<&Value>) -> Told {
        self.http_with(method, path, body, &[])
    }

    /// The same with headers of the intruder's own.
    pub fn http_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Told {
        send(
            self.server,
            (method, path),
            body,
            &[&[("Authorization", &*self.authorization)], headers].concat(),
        )
    }

    async fn statement(&self, text: &str) -> Told {
        match self.sql.simple_query(text).await {
            Ok(messages) => {
                let row = |message: &SimpleQueryMessage| match message {
                    SimpleQueryMessage::Row(row) => {
                        Some((0..row.len()).map(|at| row.get(at).into()).collect::<Vec<Value>>())
                    }
                    _ => None,
                };
                let rows: Vec<_> = messages.iter().filter_map(row).collect();
                Told { status: 200, body: json!({ "rows": rows }) }
            }
            Err(error) => Told { status: 400, body: sql_error(&error) },
        }
    }
}

/// A request with whatever it brings.
pub fn send(
    server: &Server,
    (method, path): (&str, &str),
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> Told {
    let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", server.url()));
    if body.is_some() {
        request = request.header("Content-Type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let text = body.map(Value::to_string).unwrap_or_default();
    let response = agent().run(request.body(text).unwrap()).unwrap();
    let status = response.status().as_u16();
    let text = response.into_body().read_to_string().unwrap();
    let mut body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut) {
        error.remove("requestId");
    }
    Told { status, body }
}

/// All that an error of the Postgres door tells.
pub fn sql_error(error: &tokio_postgres::Error) -> Value {
    let Some(told) = error.as_db_error() else { panic!("the connection ended: {error}") };
    json!({ "error": { "code": told.code().code(), "message": told.message(), "detail": told.detail(),
        "hint": told.hint(), "column": told.column(), "table": told.table(), "constraint": told.constraint() } })
}

impl Told {
    pub fn is_refused(&self) -> bool {
        self.status != 200 && self.status != 201 || self.body.get("errors").is_some()
    }

    /// The rows of an answer, whatever door gave it.
    pub fn rows(&self) -> &Vec<Value> {
        assert!(!self.is_refused(), "{self:?}");
        let nodes = || self.body["data"].as_object()?.values().next()?["nodes"].as_array();
        let rows = self.body["records"].as_array().or_else(|| self.body["rows"].as_array()).or_else(nodes);
        rows.unwrap_or_else(|| panic!("no rows: {self:?}"))
    }

    /// Fails where a secret stands in it; `asked` is what the intruder has said himself.
    pub fn must_be_silent(&self, asked: &Ask) {
        let (told, asked) = (self.body.to_string().to_lowercase(), format!("{asked:?}").to_lowercase());
        for secret in SECRETS.iter().filter(|secret| !asked.contains(**secret)) {
            assert!(!told.contains(secret), "{secret:?} is told by {asked}: {told}");
        }
    }
}

/// Each of these is refused for what is hidden exactly as for what is not there. To who may see it they are not the same, or they would show
/// nothing.
pub async fn is_as_nothing(intruder: &Intruder<'_>, make: impl Fn(&str) -> Vec<Ask>) {
    for (hidden, nothing) in make(HIDDEN).iter().zip(make(NOTHING)) {
        let (told, wanted) = (intruder.ask(hidden).await, intruder.ask(&nothing).await);
        assert!(told.is_refused(), "{hidden:?} was answered: {told:?}");
        assert!(wanted.is_refused(), "{nothing:?} was answered: {wanted:?}");
        let told = told.body.to_string().to_lowercase().replace(HIDDEN, "it");
        assert_eq!(told, wanted.body.to_string().to_lowercase().replace(NOTHING, "it"), "{hidden:?}");
        Told { status: 0, body: told.into() }.must_be_silent(hidden);
    }
    let admin = Intruder::enter(intruder.server, "admin", "main").await;
    for (hidden, nothing) in make(HIDDEN).iter().zip(make(NOTHING)) {
        let (told, other) = (admin.ask(hidden).await, admin.ask(&nothing).await);
        let plain = |told: &Told, name: &str| told.body.to_string().to_lowercase().replace(name, "it");
        assert_ne!(plain(&told, HIDDEN), plain(&other, NOTHING), "{hidden:?} shows nothing, whoever asks");
    }
}

/// The helpers of the attacks can fail: what is there is told to who may see it, and found in what is told.
#[tokio::test]
async fn the_helpers_find_what_there_is() {
    let stage = Stage::open();
    let (admin, clerk) = (stage.admin().await, stage.clerk().await);
    let fields = json!({ "object": "company", "fields": ["id", HIDDEN] });
    let all = [
        Ask::ObjectQl(fields),
        Ask::Http("GET", "/api/v1/objects/company?fields=id,rumour".to_owned(), None),
        Ask::GraphQl("{ companies { nodes { id rumour } } }".to_owned()),
        Ask::Sql("SELECT id, rumour FROM company".to_owned()),
    ];
    for ask in all {
        let told = admin.ask(&ask).await;
        assert_eq!(told.rows().len(), 4, "{ask:?}");
        let is_found = std::panic::catch_unwind(|| told.must_be_silent(&Ask::Sql(String::new())));
        assert!(is_found.is_err(), "a secret that is told is found: {ask:?}");
        assert!(clerk.ask(&ask).await.is_refused(), "{ask:?}");
    }
    let own = clerk.ask(&Ask::Sql("SELECT id FROM company".to_owned())).await;
    assert_eq!(own.rows().len(), 2, "who may see some sees them");
    own.must_be_silent(&Ask::Sql(String::new()));
    assert!(admin.ask(&Ask::Sql("SELECT nothing FROM company".to_owned())).await.is_refused());
}

/// Text as it stands in an address.
pub fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// How many records of an object there are.
pub fn count(stage: &Stage, object: &str) -> usize {
    let question = json!({ "object": object, "fields": ["id"] });
    stage.server.query(question).len()
}
