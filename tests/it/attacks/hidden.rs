//! A field that is not seen, named wherever a question names one: refused at every door in the very words for a field that is not there.

use serde_json::{Value, json};

use super::stage::{Ask, Stage, is_as_nothing, percent};

fn question(more: Value) -> Ask {
    let mut question = json!({ "object": "company" });
    question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Ask::ObjectQl(question)
}

fn list(parameters: &str) -> [Ask; 2] {
    [
        Ask::Http("GET", format!("/api/v1/objects/company?{parameters}"), None),
        Ask::Http("GET", format!("/api/v1/data/company?{parameters}"), None),
    ]
}

fn graphql(text: String) -> Ask {
    Ask::GraphQl(text)
}

fn sql(text: String) -> Ask {
    Ask::Sql(text)
}

#[tokio::test]
async fn a_filter_by_it() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    is_as_nothing(&clerk, |name| {
        let filter = percent(&json!({ name: { "$startsWith": "z" } }).to_string());
        let mut asked = vec![
            question(json!({ "where": { name: "zq com_own1" } })),
            question(json!({ "where": { name: null } })),
            question(json!({ "where": { name: { "$ne": "x" } } })),
            question(json!({ "where": { "$not": { "$or": [{ name: { "$in": ["a"] } }] } } })),
            question(json!({ "where": [[name, "=", "x"], "or", ["stars", ">", 0]] })),
            question(json!({ "where": { "notes": { "$gt": { "$field": name } } } })),
            question(json!({ "where": { format!("partner.{name}"): "x" } })),
            question(json!({ "where": { "deals": { "$some": { format!("company.{name}"): "x" } } } })),
            question(json!({ "fields": ["id"], "limit": 0, "count": true, "where": { name: "x" } })),
            Ask::Http("GET", format!("/api/v1/data/company?{name}=x"), None),
            Ask::Http("POST", "/api/query".into(), Some(json!({ "object": "company", "filters": [[name, "=", "x"]] }))),
            Ask::Http(
                "POST",
                "/api/v1/changes".into(),
                Some(json!({ "changes": [{ "op": "update", "object": "company", "where": { name: "x" }, "data": { "stars": 1 } }] })),
            ),
            graphql(format!("{{ companies(where: {{{name}: {{eq: \"x\"}}}}) {{ totalCount }} }}")),
            graphql(format!("{{ companies(where: {{partner: {{{name}: {{isNull: false}}}}}}) {{ totalCount }} }}")),
            graphql(format!("{{ deals(where: {{company: {{{name}: {{like: \"z%\"}}}}}}) {{ nodes {{ id }} }} }}")),
            sql(format!("SELECT id FROM company WHERE {name} = 'x'")),
            sql(format!("SELECT id FROM company c WHERE c.\"{name}\" IS NULL")),
            sql(format!("SELECT count(*) FROM company WHERE stars > 0 OR {name} LIKE 'z%'")),
            sql(format!("SELECT d.id FROM deal d JOIN company c ON c.id = d.company_id AND c.{name} > 'a'")),
            sql(format!("SELECT id FROM deal WHERE EXISTS (SELECT 1 FROM company WHERE {name} = title)")),
            sql(format!("UPDATE company SET stars = 1 WHERE {name} = 'x'")),
            sql(format!("DELETE FROM deal USING company c WHERE c.{name} = 'x'")),
        ];
        asked.extend(list(&format!("filter={filter}")));
        asked
    })
    .await;
}

#[tokio::test]
async fn a_sort_by_it() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    is_as_nothing(&clerk, |name| {
        let mut asked = vec![
            question(json!({ "orderBy": [name] })),
            question(json!({ "orderBy": [format!("-{name}")], "limit": 1 })),
            question(json!({ "orderBy": [{ "field": name, "order": "desc", "nulls": "first" }] })),
            question(json!({ "orderBy": [format!("partner.{name}")] })),
            question(json!({ "orderBy": [name], "cursor": { name: "a", "id": "com_own1" } })),
            question(json!({ "fields": ["id"], "expand": { "partners": { "orderBy": [name] } } })),
            graphql(format!("{{ companies(orderBy: [{{{name}: ASC}}]) {{ nodes {{ id }} }} }}")),
            graphql(format!(
                "{{ companies(orderBy: [{{partner: {{{name}: DESC}}}}], first: 1) {{ nodes {{ id }} }} }}"
            )),
            sql(format!("SELECT id FROM company ORDER BY {name}")),
            sql(format!("SELECT id FROM company c ORDER BY c.{name} DESC LIMIT 1")),
            sql(format!("SELECT id, row_number() OVER (ORDER BY {name}) FROM company")),
            sql(format!("SELECT array_agg(id ORDER BY {name}) FROM company")),
            sql(format!("SELECT DISTINCT ON ({name}) id FROM company")),
        ];
        asked.extend(list(&format!("sort={name}")));
        asked
    })
    .await;
}

#[tokio::test]
async fn a_group_by_it() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let counted = json!([{ "function": "count", "as": "n" }]);
    is_as_nothing(&clerk, |name| {
        vec![
            question(json!({ "groupBy": [name], "aggregations": counted })),
            question(json!({ "groupBy": [format!("partner.{name}")], "aggregations": counted })),
            question(json!({ "groupBy": [{ "formula": format!("{name} == 'x'"), "as": "k" }], "aggregations": counted })),
            question(json!({ "aggregations": [{ "function": "max", "field": name, "as": "m" }] })),
            question(json!({ "aggregations": [{ "function": "count", "as": "n", "filter": { name: "x" } }] })),
            question(json!({ "aggregations": [{ "function": "count_distinct", "field": name, "as": "n" }] })),
            question(json!({ "groupBy": [name], "aggregations": counted, "having": { name: "x" } })),
            question(json!({ "aggregations": counted, "pivot": { "on": name, "values": ["x"] } })),
            question(json!({ "object": "deal", "groupBy": [format!("company.{name}")], "aggregations": counted })),
            Ask::Http("GET", format!("/api/v1/data/company?groupBy={name}&aggregations={}", percent(&counted.to_string())), None),
            graphql(format!("{{ companies {{ groups(by: [{{{name}: VALUE}}]) {{ count }} }} }}")),
            graphql(format!("{{ companies {{ aggregate {{ max {{ {name} }} }} }} }}")),
            graphql(format!("{{ companies {{ aggregate {{ countDistinct {{ {name} }} }} }} }}")),
            sql(format!("SELECT count(*) FROM company GROUP BY {name}")),
            sql(format!("SELECT max({name}) FROM company")),
            sql(format!("SELECT count(*) FILTER (WHERE {name} = 'x') FROM company")),
            sql(format!("SELECT stars FROM company GROUP BY stars HAVING max({name}) > 'a'")),
            sql(format!("SELECT stars, count(*) FROM company GROUP BY ROLLUP (stars, {name})")),
        ]
    })
    .await;
}

#[tokio::test]
async fn a_selection_of_it() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    is_as_nothing(&clerk, |name| {
        let mut asked = vec![
            question(json!({ "fields": ["id", name] })),
            question(json!({ "fields": [{ "field": name, "as": "x" }] })),
            question(json!({ "fields": [format!("partner.{name}")] })),
            question(json!({ "fields": [{ "formula": format!("{name} + 'x'"), "as": "x" }] })),
            question(json!({ "fields": [name], "distinct": true })),
            question(json!({ "fields": ["id"], "expand": { "partner": { "fields": [name] } } })),
            question(json!({ "fields": ["id"], "windows": [{ "function": "lag", "field": name, "orderBy": ["id"], "as": "w" }] })),
            question(json!({ "fields": ["id"], "search": { "query": "x", "fields": [name] } })),
            Ask::Http("GET", format!("/api/v1/objects/company/com_own1?select={name}"), None),
            Ask::Http("GET", format!("/api/v1/data/company/com_own1?select={name}"), None),
            graphql(format!("{{ companies {{ nodes {{ {name} }} }} }}")),
            graphql(format!("{{ company(id: \"com_own1\") {{ partner {{ {name} }} }} }}")),
            graphql(format!("mutation {{ createCompany(input: {{name: \"x\", {name}: \"x\"}}) {{ id }} }}")),
            graphql(format!("mutation {{ updateCompany(id: \"com_own1\", set: {{stars: 3}}) {{ record {{ {name} }} }} }}")),
            sql(format!("SELECT {name} FROM company")),
            sql(format!("SELECT (SELECT {name} FROM company LIMIT 1)")),
            sql(format!("SELECT c.* FROM company c JOIN company d USING ({name})")),
            sql(format!("WITH q ({name}) AS (SELECT {name} FROM company) SELECT * FROM q")),
            sql(format!("INSERT INTO company (name, {name}) VALUES ('x', 'x')")),
            sql(format!("UPDATE company SET {name} = 'x'")),
            sql(format!("UPDATE company SET stars = 3 WHERE id = 'com_own1' RETURNING {name}")),
            sql(format!("INSERT INTO company (name) VALUES ('x') ON CONFLICT (code, {name}) DO NOTHING")),
            sql(format!("SELECT upper({name}) COLLATE \"C\" FROM company")),
        ];
        asked.extend(list(&format!("select=id,{name}")));
        asked
    })
    .await;
}

/// What is not named is not brought along either.
#[tokio::test]
async fn everything_there_is() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let asked = [
        question(json!({})),
        question(json!({ "expand": ["partner", "partners", "deals"] })),
        Ask::Http("GET", "/api/v1/objects/company/com_own1".into(), None),
        Ask::Http("GET", "/api/v1/data/company/com_own1".into(), None),
        Ask::Http("GET", "/api/v1/data/company?expand=partner".into(), None),
        Ask::Http(
            "POST",
            "/api/objectql".into(),
            Some(json!({ "op": "findOne", "object": "company", "args": "com_own1" })),
        ),
        Ask::Http("POST", "/api/v1/sql".into(), Some(json!({ "sql": "SELECT * FROM company" }))),
        sql("SELECT * FROM company".into()),
        sql("TABLE company".into()),
        sql("SELECT c FROM (SELECT * FROM company) c".into()),
        sql("SELECT * FROM company NATURAL JOIN company d".into()),
        sql("UPDATE company SET stars = 3 WHERE id = 'com_own1' RETURNING *".into()),
    ];
    for ask in &asked {
        let told = clerk.ask(ask).await;
        told.must_be_silent(ask);
    }
    let rows = clerk.ask(&asked[0]).await;
    assert_eq!(rows.rows().len(), 2, "{rows:?}");
    let listed =
        clerk.http_with("GET", "/api/v1/objects/company", None, &[("Accept", "application/x-ndjson")]);
    assert_eq!(listed.status, 403, "a stream is an export: {listed:?}");
    listed.must_be_silent(&asked[0]);
    assert_eq!(stage.admin().await.ask(&sql("SELECT rumour FROM company".into())).await.rows().len(), 4);
}

/// Words that only stand in what is not seen find nothing, and rank nothing.
#[tokio::test]
async fn a_search_in_it() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    for ask in [
        question(json!({ "fields": ["id"], "search": "zq" })),
        question(json!({ "fields": ["id"], "search": "com_own1", "count": true })),
        Ask::Http("GET", "/api/v1/objects/company?search=zq".into(), None),
        Ask::Http("GET", "/api/v1/data/company?search=zq".into(), None),
        graphql("{ companies(search: \"zq\") { nodes { id } } }".into()),
        sql("SELECT id FROM search('company', 'zq')".into()),
    ] {
        assert_eq!(clerk.ask(&ask).await.rows().len(), 0, "{ask:?}");
        let admin = stage.admin().await.ask(&ask).await;
        assert!(!admin.rows().is_empty(), "who sees it finds it: {ask:?}");
    }
}
