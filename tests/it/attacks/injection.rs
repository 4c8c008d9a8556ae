//! SQL, filters and markup in every text that a client sends: as a value it is kept to the letter, as a name it is refused, and nothing of
//! it is ever run.

use serde_json::{Value, json};

use super::stage::{Ask, Intruder, Stage, count, percent, send};
use crate::server::{PASSWORD, basic};

/// Texts that would do harm where somebody puts them into a statement, a filter, a path or a page.
const HOSTILE: &[&str] = &[
    "' OR '1'='1",
    "'; DELETE FROM deal; --",
    "x'); DROP TABLE company; --",
    "\" OR \"\"=\"",
    "\\'; DELETE FROM deal; --",
    "$$; DELETE FROM deal; $$",
    "1 OR 1=1",
    "%' OR id LIKE '%",
    "') UNION SELECT username FROM \"user\" --",
    "/* */ UNION /* */ SELECT 1",
    "{\"$or\": [{}]}",
    "{{7*7}}${7*7}#{7*7}",
    "{today}",
    "../../../etc/passwd",
    "%00%27",
    "\u{202e}txet\u{feff}",
    "<script>alert(1)</script>",
    "\r\nSet-Cookie: x=1",
    "company\u{0}",
];

/// What there is stays as it is.
async fn nothing_happened(stage: &Stage) {
    assert_eq!((count(stage, "company"), count(stage, "deal"), count(stage, "zqvault")), (4, 2, 1));
}

/// A text in quotes, as SQL writes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Refused, or an answer without rows; and silent.
async fn finds_nothing(clerk: &Intruder<'_>, ask: &Ask) {
    let told = clerk.ask(ask).await;
    assert!(told.status < 500, "{ask:?}: {told:?}");
    told.must_be_silent(ask);
    assert!(told.is_refused() || told.rows().is_empty(), "{ask:?}: {told:?}");
}

#[tokio::test]
async fn in_values_that_are_sought() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    for text in HOSTILE {
        let filter = json!({ "name": text });
        let mut asked = vec![
            Ask::ObjectQl(json!({ "object": "company", "where": filter })),
            Ask::ObjectQl(json!({ "object": "company", "where": { "name": { "$in": [text] } } })),
            Ask::ObjectQl(json!({ "object": "company", "where": { "name": { "$startsWith": text } } })),
            Ask::ObjectQl(json!({ "object": "company", "where": { "id": text } })),
            Ask::ObjectQl(json!({ "object": "company", "where": { "stars": text } })),
            Ask::ObjectQl(json!({ "object": "company", "where": { "region": text } })),
            Ask::ObjectQl(json!({ "object": "company", "where": [["name", "=", text]] })),
            Ask::Http(
                "GET",
                format!("/api/v1/objects/company?filter={}", percent(&filter.to_string())),
                None,
            ),
            Ask::Http("GET", format!("/api/v1/data/company?name={}", percent(text)), None),
            Ask::GraphQl(format!(
                "{{ companies(where: {{name: {{eq: {}}}}}) {{ nodes {{ id }} }} }}",
                json!(text)
            )),
        ];
        if !text.contains('\0') {
            asked.push(Ask::Sql(format!("SELECT id FROM company WHERE name = {}", quoted(text))));
            asked.push(Ask::Sql(format!("SELECT id FROM company WHERE name ILIKE {}", quoted(text))));
        }
        for ask in &asked {
            finds_nothing(&clerk, ask).await;
        }
        if !text.contains('\0') {
            for statement in [
                "SELECT id FROM company WHERE name = $1",
                "SELECT id FROM company WHERE id = $1 OR name = $1",
            ] {
                assert!(clerk.sql().query(statement, &[text]).await.unwrap().is_empty(), "{text}");
            }
        }
        let variables = json!({ "query": "query($x: String!) { companies(where: {name: {eq: $x}}) { nodes { id } } }", "variables": { "x": text } });
        let told = clerk.http("POST", "/graphql", Some(&variables));
        assert!(told.is_refused() || told.rows().is_empty(), "{text:?}: {told:?}");
    }
    nothing_happened(&stage).await;
}

#[tokio::test]
async fn in_a_search() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    for text in HOSTILE.iter().copied().chain([
        "name:umbra",
        "+umbra",
        "umbra*",
        "\"umbra",
        "*",
        "AND",
        "rumour:zq",
        "stars:[70 TO 80]",
        "umbra^9",
    ]) {
        for ask in [
            Ask::ObjectQl(json!({ "object": "company", "search": text })),
            Ask::ObjectQl(json!({ "object": "company", "search": { "query": text, "fields": ["name"] } })),
            Ask::Http("GET", format!("/api/v1/objects/company?search={}", percent(text)), None),
            Ask::Http("GET", format!("/api/v1/data/company?search={}", percent(text)), None),
            Ask::GraphQl(format!("{{ companies(search: {}) {{ nodes {{ id name }} }} }}", json!(text))),
        ] {
            let told = clerk.ask(&ask).await;
            assert!(told.status < 500, "{ask:?}: {told:?}");
            assert!(
                told.is_refused() || told.rows().iter().all(|row| row.to_string().contains("com_own")),
                "{ask:?}: {told:?}"
            );
        }
        if !text.contains('\0') {
            let told =
                clerk.ask(&Ask::Sql(format!("SELECT id FROM search('company', {})", quoted(text)))).await;
            assert!(
                told.is_refused() || told.rows().iter().all(|row| row.to_string().contains("com_own")),
                "{text}: {told:?}"
            );
        }
    }
    nothing_happened(&stage).await;
}

#[tokio::test]
async fn in_names() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    for text in HOSTILE.iter().copied().chain([
        "company; SELECT 1",
        "name, rumour",
        "name) FROM zqvault --",
        "*",
        "company.*",
        "name as rumour",
    ]) {
        let path = percent(text);
        let count = json!([{ "function": "count", "as": "n" }]);
        for ask in [
            Ask::ObjectQl(json!({ "object": text })),
            Ask::ObjectQl(json!({ "object": "company", "fields": [text] })),
            Ask::ObjectQl(json!({ "object": "company", "where": { text: 1 } })),
            Ask::ObjectQl(json!({ "object": "company", "where": { "name": { text: 1 } } })),
            Ask::ObjectQl(json!({ "object": "company", "orderBy": [{ "field": text }] })),
            Ask::ObjectQl(json!({ "object": "company", "groupBy": [text], "aggregations": count })),
            Ask::ObjectQl(
                json!({ "object": "company", "aggregations": [{ "function": text, "field": "stars" }] }),
            ),
            Ask::ObjectQl(json!({ "object": "company", "expand": [text] })),
            Ask::ObjectQl(json!({ "object": "company", "fields": [{ "formula": text, "as": "x" }] })),
            Ask::ObjectQl(json!({ "object": "company", text: 1 })),
            Ask::Http("GET", format!("/api/v1/objects/{path}"), None),
            Ask::Http("GET", format!("/api/v1/data/{path}"), None),
            Ask::Http("GET", format!("/api/v1/objects/company/{path}"), None),
            Ask::Http("GET", format!("/api/v1/data/company/{path}"), None),
            Ask::Http("GET", format!("/api/v1/meta/objects/{path}"), None),
            Ask::Http("GET", format!("/api/v1/objects/company?select={path}"), None),
            Ask::Http("GET", format!("/api/v1/objects/company?expand={path}"), None),
            Ask::Http("GET", format!("/api/v1/objects/company?{path}=1"), None),
            Ask::Http("GET", format!("/api/v1/data/company?{path}=1"), None),
            Ask::Http("POST", format!("/api/v1/objects/company/com_own1/actions/{path}"), Some(json!({}))),
            Ask::GraphQl(format!("{{ companies {{ nodes {{ {} }} }} }}", text.replace('\0', ""))),
        ] {
            let told = clerk.ask(&ask).await;
            // `*` is all columns where the family says so, and what is in quotes is a formula by itself.
            let is_formula =
                matches!(&ask, Ask::ObjectQl(asked) if asked["fields"][0]["formula"].is_string());
            if is_formula || text == "*" && matches!(&ask, Ask::ObjectQl(_)) {
                assert!(told.status < 500, "{ask:?}: {told:?}");
                told.must_be_silent(&Ask::Sql(text.to_owned()));
                continue;
            }
            assert!(told.is_refused() && told.status < 500, "{ask:?}: {told:?}");
            told.must_be_silent(&Ask::Sql(text.to_owned()));
        }
        // A name in quotes is one name, whatever is in it.
        if !text.contains('\0') {
            let name = text.replace('"', "\"\"");
            for statement in [
                format!("SELECT \"{name}\" FROM company"),
                format!("SELECT 1 FROM \"{name}\""),
                format!("SELECT * FROM \"{name}\".\"{name}\""),
            ] {
                let told = clerk.ask(&Ask::Sql(statement.clone())).await;
                assert!(told.is_refused(), "{statement}: {told:?}");
            }
        }
    }
    nothing_happened(&stage).await;
}

/// Names of one's own: of results, of cursors, of prepared statements.
#[tokio::test]
async fn in_names_of_ones_own() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    for text in HOSTILE {
        for ask in [
            json!({ "object": "company", "fields": [{ "field": "name", "as": text }], "orderBy": ["id"] }),
            json!({ "object": "company", "groupBy": [{ "field": "region", "as": text }], "aggregations": [{ "function": "count", "as": "n" }] }),
            json!({ "object": "company", "aggregations": [{ "function": "count", "as": text }] }),
            json!({ "object": "company", "fields": ["id"], "windows": [{ "function": "row_number", "orderBy": ["id"], "as": text }] }),
            json!({ "object": "company", "fields": ["id", { "formula": "stars + 1", "as": text }] }),
        ] {
            let told = clerk.ask(&Ask::ObjectQl(ask.clone())).await;
            assert!(told.status < 500, "{ask}: {told:?}");
            if !told.is_refused() {
                assert!(
                    told.rows().iter().all(|row| row.get(*text).is_some()),
                    "the name stands as it was said: {ask} {told:?}"
                );
            }
        }
        if text.contains('\0') {
            continue;
        }
        let name = text.replace('"', "\"\"");
        let told =
            clerk.ask(&Ask::Sql(format!("SELECT name AS \"{name}\" FROM company ORDER BY \"{name}\""))).await;
        assert_eq!(told.rows().len(), 2, "{told:?}");
        let script = format!("PREPARE \"{name}\" AS SELECT 1; EXECUTE \"{name}\"; DEALLOCATE \"{name}\"");
        assert!(!clerk.ask(&Ask::Sql(script.clone())).await.is_refused(), "{script}");
        let script = format!(
            "BEGIN; DECLARE \"{name}\" CURSOR FOR SELECT 1; FETCH ALL FROM \"{name}\"; SAVEPOINT \"{name}\"; COMMIT"
        );
        assert!(!clerk.ask(&Ask::Sql(script.clone())).await.is_refused(), "{script}");
    }
    nothing_happened(&stage).await;
}

#[tokio::test]
async fn in_orders_and_cursors() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let page = json!({ "object": "company", "fields": ["id"], "orderBy": ["name"], "limit": 1 });
    let first = clerk.ask(&Ask::ObjectQl(page.clone())).await;
    let cursor = first.body["cursor"]["next"].as_str().unwrap().to_owned();
    let plain = URL_SAFE_NO_PAD.decode(cursor.trim_end_matches('=')).unwrap_or_default();
    let plain = String::from_utf8_lossy(&plain).into_owned();
    let mut forged: Vec<String> = HOSTILE.iter().map(|text| (*text).to_owned()).collect();
    for (from, to) in [
        ("name", "rumour"),
        ("First", "' OR '1'='1"),
        ("com_own1", "com_hid1"),
        ("}", ",\"where\":{}}"),
        ("company", "zqvault"),
    ] {
        forged.push(URL_SAFE_NO_PAD.encode(plain.replace(from, to)));
    }
    forged.push(URL_SAFE_NO_PAD.encode("{}"));
    forged.push(URL_SAFE_NO_PAD.encode("[".repeat(10_000)));
    forged.push("A".repeat(100_000));
    for cursor in &forged {
        for more in [
            json!({ "after": cursor }),
            json!({ "before": cursor }),
            json!({ "cursor": { "name": cursor, "id": cursor } }),
        ] {
            let mut ask = page.clone();
            ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let ask = Ask::ObjectQl(ask);
            let told = clerk.ask(&ask).await;
            assert!(told.status < 500, "{told:?}");
            assert!(
                told.is_refused()
                    || told.rows().iter().all(|row| row["id"].as_str().unwrap().starts_with("com_own")),
                "{ask:?}: {told:?}"
            );
        }
        let ask = Ask::GraphQl(format!(
            "{{ companies(first: 1, orderBy: [{{name: ASC}}], after: {}) {{ nodes {{ id }} }} }}",
            json!(cursor)
        ));
        let told = clerk.ask(&ask).await;
        assert!(
            told.is_refused()
                || told.rows().iter().all(|row| row["id"].as_str().unwrap().starts_with("com_own")),
            "{told:?}"
        );
    }
    for text in HOSTILE.iter().copied().chain([
        "name; DELETE FROM deal",
        "name asc, (SELECT 1)",
        "name DESC NULLS FIRST, rumour",
        "1",
        "-",
        "name asc asc",
        "CASE WHEN 1=1 THEN name END",
    ]) {
        for ask in [
            Ask::ObjectQl(json!({ "object": "company", "orderBy": text })),
            Ask::ObjectQl(json!({ "object": "company", "orderBy": [text] })),
            Ask::ObjectQl(json!({ "object": "company", "orderBy": [{ "field": "name", "order": text }] })),
            Ask::ObjectQl(json!({ "object": "company", "orderBy": [{ "field": "name", "nulls": text }] })),
            Ask::ObjectQl(json!({ "object": "company", "limit": text })),
            Ask::ObjectQl(json!({ "object": "company", "offset": text })),
            Ask::Http("GET", format!("/api/v1/objects/company?sort={}", percent(text)), None),
            Ask::Http("GET", format!("/api/v1/objects/company?limit={}", percent(text)), None),
            Ask::Http("GET", format!("/api/v1/data/company?sort={}", percent(text)), None),
        ] {
            let told = clerk.ask(&ask).await;
            let asked = format!("{ask:?}");
            let is_number = text == "1" && (asked.contains("limit") || asked.contains("offset"));
            assert!(told.is_refused() && told.status < 500 || is_number, "{ask:?}: {told:?}");
            told.must_be_silent(&Ask::Sql(text.to_owned()));
        }
    }
    nothing_happened(&stage).await;
}

/// What is written is kept to the letter, by whatever door it came, and read so by all.
#[tokio::test]
async fn in_values_that_are_written() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    for (at, text) in HOSTILE.iter().filter(|text| !text.contains('\0')).enumerate() {
        let name = |door: &str| format!("{door}{at} {text}");
        let made =
            clerk.http("POST", "/api/v1/objects/company", Some(&json!({ "name": name("a"), "notes": text })));
        let by_data =
            clerk.http("POST", "/api/v1/data/company", Some(&json!({ "name": name("b"), "notes": text })));
        let by_graphql = clerk
            .ask(&Ask::GraphQl(format!(
                "mutation {{ createCompany(input: {{name: {}, notes: {}}}) {{ id }} }}",
                json!(name("c")),
                json!(text)
            )))
            .await;
        let by_sql = clerk
            .ask(&Ask::Sql(format!(
                "INSERT INTO company (name, notes) VALUES ({}, {})",
                quoted(&name("d")),
                quoted(text)
            )))
            .await;
        clerk
            .sql()
            .execute("INSERT INTO company (name, notes) VALUES ($1, $2)", &[&name("e"), text])
            .await
            .unwrap();
        for told in [&made, &by_data, &by_graphql, &by_sql] {
            assert!(!told.is_refused(), "{text}: {told:?}");
        }
        let question = json!({ "object": "company", "fields": ["name", "notes"], "where": { "notes": { "$eq": { "$literal": text } } }, "orderBy": ["name"] });
        let rows = clerk.ask(&Ask::ObjectQl(question)).await;
        let kept: Vec<&Value> = rows.rows().iter().map(|row| &row["notes"]).collect();
        assert_eq!(kept, vec![&json!(text); 5], "{rows:?}");
        let rows = clerk
            .sql()
            .query("SELECT name FROM company WHERE notes = $1 ORDER BY name", &[text])
            .await
            .unwrap();
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e"].map(name));
    }
    assert_eq!((count(&stage, "deal"), count(&stage, "zqvault")), (2, 1));
    // A byte that no text of PostgreSQL has is refused or kept, and cuts nothing off.
    let told = clerk.http("POST", "/api/v1/objects/company", Some(&json!({ "name": "cut\u{0}off" })));
    let kept = stage.server.query(
        json!({ "object": "company", "fields": ["name"], "where": { "name": { "$startsWith": "cut" } } }),
    );
    assert!(told.is_refused() && kept.is_empty() || kept[0]["name"] == "cut\u{0}off", "{told:?} {kept:?}");
    let ids = ["x' OR '1'='1", "../com_own1", "a b", "a/b", "com_own1;", "é", ""];
    for id in ids {
        let told = clerk.http(
            "POST",
            "/api/v1/objects/company",
            Some(&json!({ "id": id, "name": format!("Id {id}") })),
        );
        assert!(told.is_refused() && told.status < 500, "{id}: {told:?}");
    }
}

#[tokio::test]
async fn in_headers_settings_and_logins() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let question = json!({ "object": "company", "fields": ["id"] });
    for text in HOSTILE.iter().filter(|text| text.bytes().all(|byte| (0x20..0x7f).contains(&byte))) {
        for name in [
            "Accept-Language",
            "X-Quarry-Time-Zone",
            "X-Quarry-Version",
            "X-Request-Id",
            "User-Agent",
            "Accept",
            "If-None-Match",
            "X-Forwarded-For",
        ] {
            let told = clerk.http_with("POST", "/api/v1/query", Some(&question), &[(name, text)]);
            assert!(told.status < 500, "{name}: {text}: {told:?}");
            assert!(told.is_refused() || told.rows().len() == 2, "{name}: {text}: {told:?}");
        }
        let told = send(
            &stage.server,
            ("GET", "/api/v1/auth/me"),
            None,
            &[("Authorization", &format!("Bearer {text}"))],
        );
        assert_eq!(told.status, 401, "{told:?}");
        for name in [
            "application_name",
            "TimeZone",
            "search_path",
            "client_encoding",
            "DateStyle",
            "quarry.version",
            "app.user",
        ] {
            let told = clerk.ask(&Ask::Sql(format!("SET {name} = {}", quoted(text)))).await;
            let shown = clerk.ask(&Ask::Sql(format!("SHOW {name}"))).await;
            assert!(told.is_refused() || shown.rows()[0][0] == *text, "{name}: {told:?} {shown:?}");
            assert_eq!(
                clerk.ask(&Ask::Sql("SELECT count(*) FROM company".into())).await.rows()[0],
                json!(["2"])
            );
        }
    }
    for text in HOSTILE {
        let body = json!({ "user": text, "password": text });
        let told = send(&stage.server, ("POST", "/api/v1/auth/login"), Some(&body), &[]);
        assert!([401, 429].contains(&told.status), "{text:?}: {told:?}");
        let admin = [("Authorization", basic("admin", PASSWORD))];
        let admin: Vec<(&str, &str)> = admin.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let filter = percent(&format!("userName eq \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
        for path in [
            format!("/scim/v2/Users?filter={filter}"),
            format!("/api/v1/users/{}", percent(text)),
            format!("/api/v1/security/explain?object={}", percent(text)),
        ] {
            let told = send(&stage.server, ("GET", &path), None, &admin);
            let found = told.body["totalResults"].as_u64().unwrap_or(0);
            assert!(told.status < 500 && found == 0, "{path}: {told:?}");
        }
    }
    nothing_happened(&stage).await;
}
