//! What a field says beyond what its values are: written once, decided by another field, never read.

use serde_json::{Map, Value, json};

use super::{change, codes, create, graphql, server, try_create, update};
use crate::server::Server;

#[test]
fn what_a_field_says_beyond_its_type_holds() {
    let server = server();
    written_once(&server);
    dependent_options(&server);
    trees_have_no_circles(&server);
    lists_of_references_lead_to_their_records(&server);
    deleted_records_leave_lists(&server);
    passwords_are_never_read(&server);
    a_renderer_is_told(&server);
}

fn written_once(server: &Server) {
    let id = create(server, "sample", &json!({ "name": "once" }));
    update(server, &id, json!({ "part_number": "AB-1" })).unwrap();
    update(server, &id, json!({ "part_number": "AB-1", "name": "twice" })).unwrap();
    assert_eq!(codes(update(server, &id, json!({ "part_number": "AB-2" }))), ["readonly"]);
    assert_eq!(codes(update(server, &id, json!({ "part_number": null }))), ["readonly"]);
    let numbered = try_create(server, json!({ "name": "numbered", "number": "S-7" }));
    assert_eq!(codes(numbered), ["readonly"]);
}

fn dependent_options(server: &Server) {
    let chosen = |region: Value, country: &str| {
        try_create(server, json!({ "name": "dependent", "region": region, "country": country }))
    };
    let id = chosen("eu".into(), "de").unwrap();
    chosen("us".into(), "any").unwrap();
    chosen(Value::Null, "any").unwrap();
    assert_eq!(codes(chosen("us".into(), "de")), ["invalid_option"]);
    assert_eq!(codes(chosen(Value::Null, "fr")), ["invalid_option"]);
    assert_eq!(codes(update(server, &id, json!({ "region": "us" }))), ["invalid_option"]);
    update(server, &id, json!({ "region": "us", "country": "usa" })).unwrap();
    let stage = server.query(json!({ "object": "sample", "fields": ["stage"], "where": { "id": id } }));
    assert_eq!(stage[0]["stage"], "open", "the option that is the default");
}

fn trees_have_no_circles(server: &Server) {
    let below =
        |parent: Option<&String>| create(server, "sample", &json!({ "name": "t", "parent_id": parent }));
    let top = below(None);
    let middle = below(Some(&top));
    let low = below(Some(&middle));
    assert_eq!(codes(update(server, &top, json!({ "parent_id": low }))), ["cycle"]);
    assert_eq!(codes(update(server, &top, json!({ "parent_id": top }))), ["cycle"]);
    let children =
        server.graphql(&format!("{{ sample(id: \"{top}\") {{ children {{ nodes {{ id }} }} }} }}"));
    assert_eq!(children["sample"]["children"]["nodes"], json!([{ "id": middle }]));
}

fn lists_of_references_lead_to_their_records(server: &Server) {
    let id = create(
        server,
        "sample",
        &json!({ "name": "several", "watchers": ["usr_b", "usr_a"], "friends": ["smp_root"] }),
    );
    let none = create(server, "sample", &json!({ "name": "several" }));
    let found = server.query(json!({
        "object": "sample", "fields": ["id"], "where": { "name": "several" }, "orderBy": ["created_at"],
        "expand": { "watchers": { "fields": ["name"] }, "friends": { "fields": ["name"], "expand": { "watchers": {} } } }
    }));
    assert_eq!(
        found[0]["watchers"],
        json!([{ "name": "usr_b" }, { "name": "usr_a" }]),
        "in the order of the list"
    );
    assert_eq!(found[0]["friends"], json!([{ "name": "root", "watchers": [] }]));
    assert_eq!(found[1], json!({ "id": none, "watchers": [], "friends": [] }));
    let data = server.graphql(&format!(
        "{{ sample(id: \"{id}\") {{ watchersIds watchers {{ id name samples(first: 1) {{ totalCount }} }} }} }}"
    ));
    assert_eq!(data["sample"]["watchersIds"], json!(["usr_b", "usr_a"]));
    assert_eq!(data["sample"]["watchers"][1]["name"], "usr_a");
    let (status, refused) = server.post(
        "/api/v1/query",
        &json!({ "object": "sample", "expand": { "watchers": { "where": { "name": "x" } } } }),
    );
    assert_eq!(status, 400, "{refused}");
    let (status, refused) =
        server.post("/api/v1/query", &json!({ "object": "sample", "fields": ["watchers.name"] }));
    assert_eq!(status, 400, "{refused}");
}

fn deleted_records_leave_lists(server: &Server) {
    for id in ["usr_c", "usr_d"] {
        create(server, "user", &json!({ "id": id, "name": id, "username": id }));
    }
    let both = create(server, "sample", &json!({ "name": "both", "watchers": ["usr_c", "usr_a", "usr_d"] }));
    let one = create(server, "sample", &json!({ "name": "one", "watchers": ["usr_c"] }));
    for id in ["usr_c", "usr_d"] {
        change(server, json!({ "op": "delete", "object": "user", "id": id })).unwrap();
    }
    let watchers =
        |id: &str| server.query(json!({ "object": "sample", "where": { "id": id } }))[0]["watchers"].clone();
    assert_eq!(watchers(&both), json!(["usr_a"]));
    assert_eq!(watchers(&one), Value::Null);
    let friend = create(server, "sample", &json!({ "name": "friend" }));
    create(server, "sample", &json!({ "name": "held", "friends": ["smp_root", friend] }));
    let held = change(server, json!({ "op": "delete", "object": "sample", "id": friend }));
    assert_eq!(codes(held), ["delete_restricted"]);
    let (_, made) = server.post(
        "/api/v1/changes",
        &json!({ "changes": [
            { "op": "create", "object": "sample", "data": { "name": "first" } },
            { "op": "create", "object": "sample", "data": { "name": "second", "friends": ["$ref:0.id"] } }
        ] }),
    );
    assert!(made["error"].is_null(), "{made}");
}

fn passwords_are_never_read(server: &Server) {
    const CLEAR: &str = "open sesame 1";
    let id = create(server, "sample", &json!({ "name": "secret", "pass": CLEAR }));
    let made = graphql(
        server,
        "mutation($input: SampleInput!) { createSample(input: $input) { id record { name } } }",
        json!({ "input": { "name": "secret", "pass": CLEAR } }),
    );
    assert!(made["data"]["createSample"]["id"].is_string(), "{made}");
    server.psql_ok(&format!("INSERT INTO sample (name, pass) VALUES ('secret', '{CLEAR}')"));
    server.psql_ok(&format!("UPDATE sample SET pass = '{CLEAR} again' WHERE id = '{id}'"));
    assert_eq!(codes(try_create(server, json!({ "name": "short", "pass": "short" }))), ["min_length"]);

    let (status, refused) = server.post("/api/v1/query", &json!({ "object": "sample", "fields": ["pass"] }));
    assert_eq!(status, 400, "{refused}");
    let (_, refused) =
        server.post("/api/v1/query", &json!({ "object": "sample", "where": { "pass": { "$null": true } } }));
    assert!(refused["error"].is_object(), "{refused}");
    let refused = graphql(server, "{ samples { nodes { pass } } }", Value::Null);
    assert!(refused["errors"].is_array(), "{refused}");
    for sql in
        ["SELECT pass FROM sample", "UPDATE sample SET name = pass", "DELETE FROM sample WHERE pass IS NULL"]
    {
        assert!(!server.psql(sql).status.success(), "{sql}");
    }
    let everything = [
        server.psql_ok("SELECT * FROM sample"),
        server.psql_ok("SELECT * FROM audit.changes"),
        server.psql_ok("SELECT old, new FROM audit.changes"),
        json!(server.query(json!({ "object": "sample", "where": { "id": id } }))).to_string(),
    ];
    for shown in everything {
        assert!(!shown.contains("argon2") && !shown.contains("sesame"), "{shown}");
    }
    let told = server.psql_ok("SELECT count(*) FROM audit.changes WHERE field = 'pass' AND new IS NULL");
    assert_eq!(told, "1", "that it was changed is told");
}

fn a_renderer_is_told(server: &Server) {
    let (_, meta) = server.request("GET", "/api/v1/meta/objects/sample", None);
    let fields: Map<String, Value> = meta["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| (field["name"].as_str().unwrap().to_owned(), field.clone()))
        .collect();
    let told = |field: &str, key: &str| fields[field][key].clone();
    assert_eq!(told("stars", "type"), "rating");
    assert_eq!((told("stars", "min"), told("stars", "max")), (json!("0"), json!("5")));
    assert_eq!(told("volume", "step"), "10");
    assert_eq!(told("ratio", "dataType"), "float");
    assert_eq!(told("price", "currency"), "EUR");
    assert_eq!(told("cost", "currencyField"), "currency_code");
    assert_eq!(told("note", "rows"), 4);
    assert_eq!(told("note", "placeholder"), "What was said");
    assert_eq!(told("whole", "useGrouping"), true);
    assert_eq!(told("part_number", "group"), "codes");
    assert_eq!(told("part_number", "writeOnce"), true);
    assert_eq!(told("part_number", "pattern"), r"^[A-Z]{2}-\d+$");
    assert_eq!(told("country", "dependsOn"), "region");
    assert_eq!(told("country", "options")[0]["when"], json!(["eu"]));
    assert_eq!(told("stage", "options")[0]["value"], "open", "by their order");
    assert_eq!(told("watchers", "multiple"), true);
    assert_eq!(told("place", "fields")[0]["max"], "90");
    assert_eq!(told("embedding", "dimensions"), 3);
    assert_eq!(told("pass", "writeOnly"), true);
    assert_eq!(told("retired", "deprecated"), "Use note");
    let introspected = server.graphql(
        "{ __type(name: \"Sample\") { fields(includeDeprecated: true) { name isDeprecated deprecationReason } } }",
    );
    let fields = introspected["__type"]["fields"].as_array().unwrap();
    let retired = fields.iter().find(|field| field["name"] == "retired").unwrap();
    assert_eq!((&retired["isDeprecated"], &retired["deprecationReason"]), (&json!(true), &json!("Use note")));
}
