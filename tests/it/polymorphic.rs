//! References to a record of one of several objects, by every door: written by one, read by all.

use serde_json::{Value, json};

use crate::server::{Server, root};

fn server() -> Server {
    let folder = |path: &str| root().join(path).display().to_string();
    let packages = format!("{}:{}", folder("packages/core"), folder("engine/fixtures/ties"));
    let server = Server::start_in(tempfile::tempdir().unwrap(), packages.as_ref(), &[]);
    for (object, id, name) in
        [("company", "acme", "Acme"), ("company", "same", "Same"), ("person", "ann", "Ann")]
    {
        create(&server, object, json!({ "id": id, "name": name }));
    }
    create(&server, "person", json!({ "id": "same", "name": "Sam" }));
    server
}

fn create(server: &Server, object: &str, data: Value) -> String {
    let changes = json!({ "changes": [{ "op": "create", "object": object, "data": data }] });
    let (status, answer) = server.post("/api/v1/changes", &changes);
    assert_eq!(status, 200, "{answer}");
    answer["results"][0]["ids"][0].as_str().or(answer["results"][0]["id"].as_str()).unwrap().to_owned()
}

#[test]
fn references_to_one_of_several_objects_by_every_door() {
    let server = server();
    let id = create(
        &server,
        "memo",
        json!({ "id": "m1", "title": "http", "about_id": { "object": "company", "id": "acme" } }),
    );
    assert_eq!(id, "m1");
    graphql_writes_it(&server);
    sql_writes_it(&server);
    all_read_it(&server);
    wrong_ones_are_refused(&server);
    a_renderer_is_told(&server);
    parameters_are_enums(&server);
    let server = server.crash_and_restart();
    assert_eq!(server.psql_ok("SELECT about_type, about_id FROM memo WHERE id = 'm2'"), "person|same");
    server.psql_ok("DELETE FROM person WHERE id = 'same'");
    assert_eq!(
        server.psql_ok("SELECT about_type IS NULL, about_id IS NULL FROM memo WHERE id = 'm2'"),
        "t|t"
    );
}

fn graphql_writes_it(server: &Server) {
    let made = server.graphql(
        r#"mutation { createMemo(input: { id: "m2", title: "graphql", aboutId: "same", aboutType: person }) {
            record { aboutId aboutType aboutPersonId aboutPerson { name } aboutCompany { name } aboutName } } }"#,
    );
    let expected = json!({ "aboutId": "same", "aboutType": "person", "aboutPersonId": "same",
        "aboutPerson": { "name": "Sam" }, "aboutCompany": null, "aboutName": "Sam" });
    assert_eq!(made["createMemo"]["record"], expected);
    server.graphql(r#"mutation { createMemo(input: { id: "m3", title: "by its lookup", aboutCompanyId: "same" }) { id } }"#);
    let moved = server.graphql(
        r#"mutation { updateMemo(id: "m3", set: { aboutPersonId: "ann" }) { record { aboutId aboutType aboutCompanyId } } }"#,
    );
    assert_eq!(
        moved["updateMemo"]["record"],
        json!({ "aboutId": "ann", "aboutType": "person", "aboutCompanyId": null })
    );
}

fn sql_writes_it(server: &Server) {
    server.psql_ok(
        "INSERT INTO memo (id, title, about_id, about_type) VALUES ('m4', 'sql', 'same', 'company')",
    );
    server.psql_ok("INSERT INTO memo (id, title, about_person_id) VALUES ('m5', 'sql', 'ann')");
    server.psql_ok("INSERT INTO memo (id, title, about_id) VALUES ('m6', 'sql', 'acme')");
    server.psql_ok("UPDATE memo SET about_id = 'ann' WHERE id = 'm6'");
    assert_eq!(
        server.psql_ok("SELECT id, about_type, about_id, about_company_id, about_person_id FROM memo WHERE id > 'm3' ORDER BY id"),
        "m4|company|same|same|\nm5|person|ann||ann\nm6|person|ann||ann"
    );
    assert_eq!(
        server.psql_ok("UPDATE memo SET about_id = 'same', about_type = 'person' WHERE id = 'm5' RETURNING about_person_id"),
        "same"
    );
    server.psql_ok("UPDATE memo SET about_id = NULL WHERE id = 'm5'");
}

fn all_read_it(server: &Server) {
    let people = json!({ "object": "memo", "fields": ["id", "about_id", "about_person.name"],
        "where": { "about_type": "person" }, "orderBy": ["id"] });
    let told = server.query(people);
    let shown: Vec<String> =
        told.iter().map(|record| format!("{} {}", record["id"], record["about_id"])).collect();
    assert_eq!(shown, [r#""m2" "same""#, r#""m3" "ann""#, r#""m6" "ann""#], "{told:?}");
    let expanded = server.query(
        json!({ "object": "memo", "fields": ["id"], "where": { "id": "m4" }, "expand": "about_company" }),
    );
    assert_eq!(expanded[0]["about_company"]["name"], "Same");
    let found = server.graphql(
        r#"{ memos(where: { aboutType: { in: [company] }, aboutId: { eq: "same" } }) { nodes { id aboutType } }
             company(id: "acme") { memos { nodes { id } } } person(id: "ann") { memos(orderBy: [{ id: ASC }]) { nodes { id } } } }"#,
    );
    assert_eq!(found["memos"]["nodes"], json!([{ "id": "m4", "aboutType": "company" }]));
    assert_eq!(found["company"]["memos"]["nodes"], json!([{ "id": "m1" }]));
    assert_eq!(found["person"]["memos"]["nodes"], json!([{ "id": "m3" }, { "id": "m6" }]));
    let joined = "SELECT m.id, c.name FROM memo m JOIN company c ON c.id = m.about_company_id ORDER BY m.id";
    assert_eq!(server.psql_ok(joined), "m1|Acme\nm4|Same");
    let keys =
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conname LIKE 'memo_about%' ORDER BY 1";
    assert_eq!(
        server.psql_ok(keys),
        "memo_about_company_id_fkey\nmemo_about_person_id_fkey\nmemo_about_user_id_fkey"
    );
}

fn wrong_ones_are_refused(server: &Server) {
    let said = |sql: &str| String::from_utf8(server.psql(sql).stderr).unwrap();
    let insert = |columns: &str, values: &str| {
        said(&format!("INSERT INTO memo (title, {columns}) VALUES ('x', {values})"))
    };
    let two = insert("about_id", "'same'");
    assert!(two.contains("company, person have a record \"same\"; say which in about_type"), "{two}");
    let none = insert("about_id, about_type", "'nobody', 'person'");
    assert!(none.contains("there is no person \"nobody\""), "{none}");
    let odd = insert("about_id, about_type", "'ann', 'persn'");
    assert!(odd.contains("is none of company, person, user; did you mean \"person\"?"), "{odd}");
    let changes = json!({ "changes": [
        { "op": "create", "object": "memo", "data": { "title": "x", "about_company_id": "acme", "about_person_id": "ann" } },
        { "op": "create", "object": "claim", "data": { "title": "x" } },
    ] });
    let (status, answer) = server.post("/api/v1/changes", &changes);
    let findings = answer["error"]["findings"].as_array().unwrap();
    let codes: Vec<&str> = findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert_eq!((status, codes), (400, vec!["several_references", "required"]), "{answer}");
}

fn a_renderer_is_told(server: &Server) {
    let (_, meta) = server.request("GET", "/api/v1/meta/objects/memo", None);
    let field = |name: &str| {
        meta["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap().clone()
    };
    let expected = json!({ "name": "about_id", "label": "About", "type": "lookup",
        "reference": ["company", "person", "user"], "typeField": "about_type",
        "lookups": ["about_company_id", "about_person_id", "about_user_id"] });
    assert_eq!(field("about_id"), expected);
    let options = &field("about_type")["options"];
    assert_eq!((&options[1]["value"], &options[1]["label"]), (&json!("person"), &json!("Person")));
    let lookup = field("about_person_id");
    assert_eq!(
        (&lookup["partOf"], &lookup["hidden"], &lookup["reference"]),
        (&json!("about_id"), &json!(true), &json!("person"))
    );
}

fn parameters_are_enums(server: &Server) {
    let done = server
        .graphql(r#"mutation { fileMemo(id: "m1", input: { how: thrown_away }) { record { title } } }"#);
    assert_eq!(done["fileMemo"]["record"]["title"], "thrown away");
}
