//! The names that are found out at each door without knowing them: those that the role is permitted, and no others.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    doors::Asker,
    world::{OBJECTS, World, fields},
    written::camel,
};

const INTROSPECTION: &str =
    "{ __schema { types { name fields { name } inputFields { name } enumValues { name } } } }";

pub async fn must_be_those_permitted(world: &World, user: usize, asker: &Asker) {
    let (_, document) = asker.http("GET", "/api/v1/openapi.json", None);
    let (_, schema) = asker.http("POST", "/graphql", Some(&json!({ "query": INTROSPECTION })));
    let types = schema["data"]["__schema"]["types"].as_array().unwrap();
    let (_, listed) = asker.http("GET", "/api/v1/meta/objects", None);
    let listed: BTreeSet<String> = texts(&listed["objects"], "name");
    let text = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'trade'";
    let columns = asker.rows(text).await;
    let text = "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
                JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'trade' AND a.attnum > 0 AND c.relkind IN ('r', 'v')";
    let attributes = asker.rows(text).await;
    for object in OBJECTS {
        let about = format!("u{user} {:?} {object}", world.sets_of(user));
        let is_seen = world.reads(user, object);
        let title = object[..1].to_uppercase() + &object[1..];
        assert_eq!(listed.contains(object), is_seen, "meta, {about}");
        assert_eq!(types.iter().any(|known| known["name"] == title.as_str()), is_seen, "GraphQL, {about}");
        assert_eq!(document["components"]["schemas"].get(object).is_some(), is_seen, "OpenAPI, {about}");
        for rows in [&columns, &attributes] {
            assert_eq!(rows.iter().any(|row| row[0] == object), is_seen, "catalog, {about}");
        }
        let (_, told) = asker.http("GET", &format!("/api/v1/meta/objects/{object}"), None);
        let of_meta = texts(&told["fields"], "name");
        let own = types.iter().find(|known| known["name"] == title.as_str());
        let of_graphql = own.map(|own| texts(&own["fields"], "name")).unwrap_or_default();
        let inputs: BTreeSet<String> = types
            .iter()
            .filter(|known| known["name"].as_str().unwrap().starts_with(&title))
            .flat_map(|known| {
                texts(&known["inputFields"], "name").into_iter().chain(texts(&known["enumValues"], "name"))
            })
            .collect();
        let of_document = &document["components"]["schemas"][object]["properties"];
        for field in fields(object) {
            let is_seen = world.sees(user, object, field);
            let about = format!("{about}.{field}");
            assert_eq!(of_meta.contains(*field), is_seen, "meta, {about}");
            assert_eq!(of_graphql.contains(&camel(field)), is_seen, "GraphQL, {about}");
            assert_eq!(of_document.get(*field).is_some(), is_seen, "OpenAPI, {about}");
            for rows in [&columns, &attributes] {
                let is_there = rows.iter().any(|row| row[0] == object && row[1] == *field);
                assert_eq!(is_there, is_seen, "catalog, {about}");
            }
            // No filter, order or input names it either; a name of the other object's is none of this one's.
            assert!(is_seen || !inputs.contains(&camel(field)), "GraphQL input, {about}");
        }
    }
}

fn texts(list: &Value, name: &str) -> BTreeSet<String> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(|item| Some(item[name].as_str()?.to_owned())).collect()
}
