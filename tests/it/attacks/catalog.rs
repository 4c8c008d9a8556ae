//! Catalogs, introspection, documents, comments, hints: none of them names what is not seen.

use serde_json::{Value, json};

use super::stage::{Ask, Stage, is_as_nothing};

/// Rows of a statement, as one text.
async fn told(stage: &Stage, user: &str, text: &str) -> Option<String> {
    let intruder = super::stage::Intruder::enter(&stage.server, user, "main").await;
    let told = intruder.ask(&Ask::Sql(text.to_owned())).await;
    (!told.is_refused()).then(|| told.body.to_string().to_lowercase())
}

#[tokio::test]
async fn tables_of_the_catalog() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let names =
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname IN ('pg_catalog', 'information_schema')";
    let tables = clerk.ask(&Ask::Sql(names.into())).await;
    let mut tables: Vec<String> =
        tables.rows().iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
    let known = [
        "pg_class",
        "pg_attribute",
        "pg_attrdef",
        "pg_constraint",
        "pg_index",
        "pg_indexes",
        "pg_description",
        "pg_enum",
        "pg_type",
        "pg_depend",
        "pg_stats",
        "pg_statistic",
        "pg_views",
        "pg_tables",
        "pg_proc",
        "pg_rewrite",
        "pg_trigger",
        "pg_policies",
        "pg_roles",
        "pg_stat_user_tables",
        "pg_stat_user_indexes",
        "pg_settings",
        "pg_shdescription",
        "pg_seclabel",
        "pg_sequences",
    ];
    tables.extend(known.iter().map(|name| format!("pg_catalog.{name}")));
    let standard = [
        "columns",
        "tables",
        "table_constraints",
        "key_column_usage",
        "constraint_column_usage",
        "referential_constraints",
        "views",
        "column_privileges",
        "role_table_grants",
        "check_constraints",
    ];
    tables.extend(standard.iter().map(|name| format!("information_schema.{name}")));
    tables.sort();
    tables.dedup();
    let mut answered = 0;
    for table in tables {
        let ask = Ask::Sql(format!("SELECT * FROM {table}"));
        let told = clerk.ask(&ask).await;
        told.must_be_silent(&ask);
        answered += usize::from(!told.is_refused());
    }
    assert!(answered > 30, "{answered} tables were answered");
    // The administrator is told all of it there: what is looked for above is written there.
    let all = "SELECT attname FROM pg_attribute UNION ALL SELECT relname FROM pg_class UNION ALL SELECT description FROM pg_description";
    let seen = told(&stage, "admin", all).await.unwrap();
    for secret in ["rumour", "worth", "mood", "zqvault", "zqlabel"] {
        assert!(seen.contains(secret), "{secret}");
    }
    let seen = told(&stage, "clerk", all).await.unwrap();
    assert!(seen.contains("company") && seen.contains("stars"));
}

#[tokio::test]
async fn comments_and_definitions() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    for text in [
        "SELECT obj_description(oid, 'pg_class') FROM pg_class",
        "SELECT col_description(c.oid, n) FROM pg_class c, generate_series(1, 40) AS s(n) WHERE c.relname = 'company'",
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index",
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint",
        "SELECT conname, confrelid::regclass FROM pg_constraint",
        "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef",
        "SELECT pg_get_viewdef(oid) FROM pg_class",
        "SELECT attname, format_type(atttypid, atttypmod), attnum FROM pg_attribute WHERE attrelid = 'company'::regclass",
        "SELECT enumlabel FROM pg_enum",
        "SELECT indexdef FROM pg_indexes",
        "SELECT has_column_privilege('company', a, 'SELECT') FROM generate_series(1, 40) AS s(a)",
    ] {
        let ask = Ask::Sql(text.into());
        clerk.ask(&ask).await.must_be_silent(&ask);
    }
    is_as_nothing(&clerk, |name| vec![Ask::Sql(format!("SELECT length({name}) FROM company"))]).await;
    for (seen, unseen) in [
        (
            "has_column_privilege('company', 'rumour', 'SELECT')",
            "has_column_privilege('company', 'rumoux', 'SELECT')",
        ),
        ("to_regclass('zqvault')", "to_regclass('zqvaulx')"),
        ("has_table_privilege('zqvault', 'SELECT')", "has_table_privilege('zqvaulx', 'SELECT')"),
    ] {
        let (hidden, none) = (
            clerk.ask(&Ask::Sql(format!("SELECT {seen}"))).await,
            clerk.ask(&Ask::Sql(format!("SELECT {unseen}"))).await,
        );
        let plain = |told: &super::stage::Told| {
            told.body
                .to_string()
                .replace("rumour", "it")
                .replace("rumoux", "it")
                .replace("zqvault", "it")
                .replace("zqvaulx", "it")
        };
        assert_eq!((hidden.status, plain(&hidden)), (none.status, plain(&none)), "{seen}");
    }
}

/// Object numbers have no gaps that tell how much there is that is not seen: what stands between is not counted on by number.
#[tokio::test]
async fn numbers_of_columns() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let numbers =
        "SELECT attnum FROM pg_attribute WHERE attrelid = 'company'::regclass AND attnum > 0 ORDER BY attnum";
    let told = clerk.ask(&Ask::Sql(numbers.into())).await;
    let numbers: Vec<usize> =
        told.rows().iter().map(|row| row[0].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "{told:?}");
    let ordinal =
        "SELECT ordinal_position FROM information_schema.columns WHERE table_name = 'company' ORDER BY 1";
    let told = clerk.ask(&Ask::Sql(ordinal.into())).await;
    let numbers: Vec<usize> =
        told.rows().iter().map(|row| row[0].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "{told:?}");
}

#[tokio::test]
async fn introspection_and_documents() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let introspection = "{ __schema { types { name description fields { name description args { name } } inputFields { name description }
        enumValues { name description } } queryType { fields { name } } mutationType { fields { name } } } }";
    let get = |path: &str| Ask::Http("GET", path.to_owned(), None);
    for ask in [
        Ask::GraphQl(introspection.into()),
        Ask::GraphQl("{ __type(name: \"Company\") { fields { name } } a: __type(name: \"CompanyMood\") { enumValues { name } } }".into()),
        get("/api/v1/openapi.json"),
        get("/api/v1/meta/objects"),
        get("/api/v1/meta/objects/company"),
        get("/api/v1/meta/object"),
        get("/api/v1/meta/object/company"),
        get("/api/metadata/objects"),
        get("/api/v1/discovery"),
        get("/.well-known/objectstack"),
        get("/api/v1/auth/me"),
        get("/api/v1/permission-sets"),
        get("/api/v1/packages"),
        get("/api/v1/packages/vault/1.0.0"),
        get("/api/v1/security/explain?object=company"),
        get("/api/v1/security/explain?object=company&id=com_own1"),
        get("/api/v1/objects/company/com_own1/shares"),
        get("/scim/v2/Groups"),
    ] {
        let told = clerk.ask(&ask).await;
        assert!(told.status < 500, "{ask:?}: {told:?}");
        told.must_be_silent(&ask);
    }
    for language in ["de", "zh-CN", "zq", "*"] {
        let told = clerk.http_with("GET", "/api/v1/openapi.json", None, &[("Accept-Language", language)]);
        told.must_be_silent(&get("/api/v1/openapi.json"));
    }
    let seen = stage.admin().await.ask(&get("/api/v1/openapi.json")).await;
    assert!(seen.body.to_string().contains("zqvault"), "who sees it is told");
    // Nor does a document that is kept from before his rights were taken.
    stage.user("soon", &["read_all_data"]);
    let soon = super::stage::Intruder::enter(&stage.server, "soon", "main").await;
    let before = soon.http("GET", "/api/v1/openapi.json", None);
    assert!(before.body.to_string().contains("rumour"));
    assert_eq!(
        stage.server.request("DELETE", "/api/v1/users/soon/permission-sets/read_all_data", None).0,
        200
    );
    assert_eq!(stage.server.request("PUT", "/api/v1/users/soon/permission-sets/clerk", None).0, 200);
    let after = soon.http("GET", "/api/v1/openapi.json", None);
    after.must_be_silent(&get("/api/v1/openapi.json"));
}

/// A hint at what is near names only what is seen.
#[tokio::test]
async fn hints_of_errors() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let count: Value = json!([{ "function": "count", "as": "n" }]);
    for name in
        ["rumor", "rumours", "wort", "worths", "moods", "zqvaul", "zqvaults", "keeper.zqtitl", "rumou"]
    {
        for ask in [
            Ask::ObjectQl(json!({ "object": name })),
            Ask::ObjectQl(json!({ "object": "company", "fields": [name] })),
            Ask::ObjectQl(json!({ "object": "company", "where": { name: 1 } })),
            Ask::ObjectQl(json!({ "object": "company", "orderBy": [name] })),
            Ask::ObjectQl(json!({ "object": "company", "groupBy": [name], "aggregations": count })),
            Ask::ObjectQl(json!({ "object": "company", "expand": [name] })),
            Ask::ObjectQl(
                json!({ "object": "company", "fields": [{ "formula": format!("{name} == 1"), "as": "x" }] }),
            ),
            Ask::Http("GET", format!("/api/v1/objects/{name}"), None),
            Ask::Http("GET", format!("/api/v1/data/{name}"), None),
            Ask::Http("GET", format!("/api/v1/meta/objects/{name}"), None),
            Ask::Http("GET", format!("/api/v1/objects/company?select={name}"), None),
            Ask::Http("POST", "/api/v1/objects/company".into(), Some(json!({ "name": "x", name: 1 }))),
            Ask::Http("PATCH", "/api/v1/data/company/com_own1".into(), Some(json!({ name: 1 }))),
            Ask::Http(
                "POST",
                "/api/v1/changes".into(),
                Some(
                    json!({ "changes": [{ "op": "upsert", "object": "company", "on": [name], "data": { name: 1 } }] }),
                ),
            ),
            Ask::GraphQl(format!("{{ companies {{ nodes {{ {} }} }} }}", name.replace('.', "_"))),
            Ask::GraphQl(format!("{{ {}s {{ totalCount }} }}", name.replace('.', "_"))),
            Ask::GraphQl(format!(
                "{{ companies(where: {{{}: {{eq: 1}}}}) {{ totalCount }} }}",
                name.replace('.', "_")
            )),
            Ask::Sql(format!("SELECT {name} FROM company")),
            Ask::Sql(format!("SELECT * FROM {name}")),
            Ask::Sql(format!("INSERT INTO company (name, {name}) VALUES ('x', 1)")),
        ] {
            let told = clerk.ask(&ask).await;
            assert!(told.is_refused(), "{ask:?}: {told:?}");
            // What he said himself stands in the answer; what he only came near to must not.
            let told = told
                .body
                .to_string()
                .to_lowercase()
                .replace(&name.to_lowercase(), "it")
                .replace(&name.replace('.', "_"), "it");
            for secret in ["rumour", "worth", "mood", "zqvault", "zqtitle"] {
                assert!(!told.contains(secret), "{ask:?}: {told}");
            }
        }
    }
}
