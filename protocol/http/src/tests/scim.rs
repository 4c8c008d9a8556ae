//! A directory looks after users and groups.

use super::*;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const SCIM: (&str, &str) = ("content-type", "application/scim+json");

impl Shop {
    async fn scim(&self, method: &str, path: &str, body: Value) -> Answer {
        self.send(method, &format!("/scim/v2{path}"), &[SCIM], body.to_string()).await
    }

    async fn made(&self, name: &str) -> Value {
        let body = json!({
            "schemas": [USER], "userName": name, "externalId": format!("ext-{name}"),
            "name": { "givenName": "Li", "familyName": "Wei" }, "active": true,
            "emails": [{ "value": format!("{name}@example.com"), "type": "work", "primary": true }],
            "groups": [], "meta": { "resourceType": "User" },
        });
        let answer = self.scim("POST", "/Users", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        assert_eq!(answer.header("content-type"), "application/scim+json");
        let made = answer.json();
        assert_eq!(answer.header("location"), made["meta"]["location"].as_str().unwrap());
        made
    }

    async fn patched(&self, id: &str, operations: Value) -> Answer {
        let body = json!({ "schemas": [PATCH], "Operations": operations });
        self.scim("PATCH", &format!("/Users/{id}"), body).await
    }
}

fn id(user: &Value) -> &str {
    user["id"].as_str().unwrap()
}

fn refusal(answer: &Answer) -> (u16, String, String) {
    let told = answer.json();
    assert_eq!(told["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(told["status"], answer.status.as_u16().to_string());
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), text("scimType"), text("detail"))
}

#[tokio::test]
async fn a_user_is_made_found_changed_and_deleted() {
    let shop = Shop::open().await;
    let made = shop.made("li").await;
    assert_eq!((&made["userName"], &made["displayName"]), (&json!("li"), &json!("Li Wei")));
    assert_eq!((&made["externalId"], &made["active"]), (&json!("ext-li"), &json!(true)));
    assert_eq!(made["emails"][0]["value"], "li@example.com");
    let path = format!("/scim/v2/Users/{}", id(&made));
    assert_eq!(shop.get(&path).await.json(), made);
    let filters = [
        "userName eq \"li\"",
        "USERNAME EQ \"li\"",
        "externalId eq \"ext-li\"",
        "emails.value eq \"li@example.com\"",
    ];
    for filter in filters {
        let path = format!("/scim/v2/Users?filter={}", filter.replace(' ', "%20").replace('"', "%22"));
        let found = shop.get(&path).await.json();
        assert_eq!((&found["totalResults"], &found["Resources"][0]), (&json!(1), &made), "{filter}");
    }
    for nobody in [
        "userName%20eq%20%22nobody%22",
        "userName%20eq%207",
        "id%20eq%20%22%22",
        "id%20eq%20%22usr_x%22",
        "active%20eq%20false",
    ] {
        let none = shop.get(&format!("/scim/v2/Users?filter={nobody}")).await.json();
        assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(0), &json!([])), "{nobody}");
    }
    // What is left out when a user is replaced is emptied.
    let body = json!({ "schemas": [USER], "userName": "wei", "displayName": "Wei Li", "active": true });
    let replaced = shop.scim("PUT", &format!("/Users/{}", id(&made)), body).await.json();
    assert_eq!((&replaced["userName"], &replaced["displayName"]), (&json!("wei"), &json!("Wei Li")));
    assert!(replaced.get("emails").is_none() && replaced.get("externalId").is_none(), "{replaced}");
    assert_eq!(shop.send("DELETE", &path, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(refusal(&shop.get(&path).await).0, 404);
    assert_eq!(refusal(&shop.send("DELETE", &path, &[], "").await).0, 404);
}

#[tokio::test]
async fn whoever_is_deactivated_is_out_at_once() {
    let shop = Shop::open().await;
    let made = shop.made("li").await;
    let password = "a password from the directory";
    let set = json!([{ "op": "add", "path": "password", "value": password }]);
    let answer = shop.patched(id(&made), set).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert!(answer.json().get("password").is_none());
    let login = json!({ "user": "li", "password": password });
    let token =
        shop.post("/api/v1/auth/login", login.clone()).await.json()["token"].as_str().unwrap().to_owned();
    let key = shop.post("/api/v1/users/li/keys", json!({ "name": "k" })).await.json()["key"]
        .as_str()
        .unwrap()
        .to_owned();
    // As Entra ID writes it.
    let out = json!([{ "op": "Replace", "path": "active", "value": "False" }]);
    assert_eq!(shop.patched(id(&made), out).await.json()["active"], false);
    let mut stranger = shop;
    for secret in [token, key] {
        stranger.token = secret;
        assert_eq!(stranger.get("/api/v1/auth/me").await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(stranger.post("/api/v1/auth/login", login).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn patches_change_what_they_name_and_nothing_else() {
    let shop = Shop::open().await;
    let made = shop.made("li").await;
    let id = id(&made);
    let cases = [
        (json!([{ "op": "replace", "path": "name.formatted", "value": "One" }]), "displayName", json!("One")),
        (
            json!([{ "op": "replace", "value": { "displayName": "Two", "active": true } }]),
            "displayName",
            json!("Two"),
        ),
        (
            json!([{ "op": "add", "path": format!("{USER}:name.givenName"), "value": "Three" }]),
            "displayName",
            json!("Three"),
        ),
        (json!([{ "op": "replace", "value": { "name.formatted": "Four" } }]), "displayName", json!("Four")),
        (
            json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@example.com" }]),
            "emails",
            json!([{ "value": "b@example.com", "type": "work", "primary": true }]),
        ),
        (json!([{ "op": "remove", "path": "externalId" }]), "externalId", Value::Null),
        (
            json!([{ "op": "replace", "path": "userName", "value": "wei" }, { "op": "add", "path": "externalId", "value": "x" }]),
            "userName",
            json!("wei"),
        ),
        (json!([{ "op": "remove", "path": "emails" }]), "emails", Value::Null),
    ];
    for (operations, attribute, expected) in cases {
        let answer = shop.patched(id, operations.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{operations} {:?}", answer.body);
        assert_eq!(answer.json()[attribute], expected, "{operations}");
    }
    let last = shop.get(&format!("/scim/v2/Users/{id}")).await.json();
    assert_eq!((&last["displayName"], &last["externalId"]), (&json!("Four"), &json!("x")));
}

#[tokio::test]
async fn what_is_wrong_is_told_in_scims_form() {
    let shop = Shop::open().await;
    let made = shop.made("li").await;
    let users = format!("/Users/{}", id(&made));
    let patch = |operation: Value| json!({ "schemas": [PATCH], "Operations": [operation] });
    let cases = [
        ("POST", "/Users", json!({ "schemas": [USER], "userName": "li" }), 409, "uniqueness"),
        ("POST", "/Users", json!({ "schemas": [USER] }), 400, "invalidValue"),
        ("POST", "/Users", json!({ "userName": "x", "nickName": "X" }), 400, "invalidValue"),
        ("POST", "/Users", json!({ "userName": "x", "active": "maybe" }), 400, "invalidValue"),
        ("POST", "/Users", json!({ "userName": "qk_x" }), 400, "invalidValue"),
        ("POST", "/Users", json!({ "userName": "x", "password": "short" }), 400, "invalidValue"),
        (
            "POST",
            "/Users",
            json!({ "userName": "x", "emails": [{ "value": "no address" }] }),
            400,
            "invalidValue",
        ),
        (
            "POST",
            "/Users",
            json!({ "userName": "x", "emails": [{ "value": "a@b.example" }, { "value": "c@d.example" }] }),
            400,
            "invalidValue",
        ),
        ("PATCH", &users, patch(json!({ "op": "move", "path": "active" })), 400, "invalidValue"),
        ("PATCH", &users, patch(json!({ "op": "remove" })), 400, "noTarget"),
        (
            "PATCH",
            &users,
            patch(json!({ "op": "replace", "path": "title", "value": "Dr" })),
            400,
            "invalidPath",
        ),
        (
            "PATCH",
            &users,
            patch(json!({ "op": "replace", "path": "emails[", "value": "x" })),
            400,
            "invalidPath",
        ),
        (
            "PATCH",
            &users,
            patch(json!({ "op": "replace", "path": "emails[a b c d].value", "value": "x" })),
            400,
            "invalidFilter",
        ),
        ("PATCH", &users, json!({ "Operations": [] }), 400, "invalidValue"),
        ("GET", "/Users?filter=userName%20sw%20%22l%22", Value::Null, 400, "invalidFilter"),
        ("GET", "/Users?filter=title%20eq%20%22l%22", Value::Null, 400, "invalidFilter"),
        ("GET", "/Users?sortBy=userName", Value::Null, 400, "invalidValue"),
        ("POST", "/Groups", json!({ "displayName": "new" }), 501, ""),
        ("POST", "/Bulk", json!({}), 501, ""),
        ("GET", "/Groups/nothing", Value::Null, 404, ""),
        ("GET", "/Nowhere", Value::Null, 404, ""),
    ];
    for (method, path, body, status, kind) in cases {
        let told = refusal(&shop.scim(method, path, body.clone()).await);
        assert_eq!((told.0, told.1.as_str()), (status, kind), "{method} {path} {body}: {}", told.2);
    }
    let no_json = shop.send("POST", "/scim/v2/Users", &[SCIM], "{").await;
    assert_eq!(refusal(&no_json).1, "invalidSyntax");
    let mut stranger = shop;
    stranger.token.clear();
    assert_eq!(refusal(&stranger.get("/scim/v2/Users").await).0, 401);
}

#[tokio::test]
async fn only_administrators_see_the_directory() {
    let mut shop = Shop::open().await;
    let li = shop.made("li").await;
    let key = shop.post("/api/v1/users/li/keys", json!({ "name": "k" })).await.json();
    shop.token = key["key"].as_str().unwrap().to_owned();
    let user = format!("/Users/{}", id(&li));
    for (method, path) in [
        ("GET", "/Users"),
        ("GET", &user),
        ("DELETE", &user),
        ("GET", "/Groups"),
        ("GET", "/Groups/read_all_data"),
    ] {
        assert_eq!(refusal(&shop.scim(method, path, Value::Null).await).0, 403, "{method} {path}");
    }
    let make = shop.scim("POST", "/Users", json!({ "userName": "x" })).await;
    assert_eq!(refusal(&make).0, 403);
}

#[tokio::test]
async fn groups_are_permission_sets_and_their_members_change() {
    let shop = Shop::open().await;
    let (li, wei) = (shop.made("li").await, shop.made("wei").await);
    let listed = shop.get("/scim/v2/Groups?excludedAttributes=members").await.json();
    let names: Vec<_> =
        listed["Resources"].as_array().unwrap().iter().map(|group| group["displayName"].clone()).collect();
    for name in ["read_all_data", "write_all_data", "employee"] {
        assert!(names.contains(&json!(name)), "{name} of {names:?}");
    }
    assert!(listed["Resources"][0].get("members").is_none());
    let members = |answer: &Answer| -> Vec<String> {
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        answer.json()["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["display"].as_str().unwrap().to_owned())
            .collect()
    };
    let patch = |operation: Value| {
        let body = json!({ "schemas": [PATCH], "Operations": [operation] });
        async { shop.scim("PATCH", "/Groups/read_all_data", body).await }
    };
    let both = json!([{ "value": id(&li) }, { "value": id(&wei) }]);
    assert_eq!(
        members(&patch(json!({ "op": "add", "path": "members", "value": both })).await),
        ["li", "wei"]
    );
    let user = shop.get(&format!("/scim/v2/Users/{}", id(&li))).await.json();
    assert_eq!(user["groups"][0]["value"], "read_all_data");
    let path = format!("members[value eq \"{}\"]", id(&li));
    assert_eq!(members(&patch(json!({ "op": "remove", "path": path })).await), ["wei"]);
    let value = json!([{ "value": id(&li) }]);
    assert_eq!(members(&patch(json!({ "op": "replace", "path": "members", "value": value })).await), ["li"]);
    let nobody = json!([{ "value": id(&wei) }, { "value": "usr_nobody" }]);
    assert_eq!(refusal(&patch(json!({ "op": "add", "path": "members", "value": nobody })).await).0, 400);
    assert_eq!(members(&shop.get("/scim/v2/Groups/read_all_data").await), ["li"]);
    let renamed = patch(json!({ "op": "replace", "path": "displayName", "value": "other" })).await;
    assert_eq!(refusal(&renamed).1, "mutability");
    let body = json!({ "displayName": "read_all_data", "members": [{ "value": id(&wei) }] });
    assert_eq!(members(&shop.scim("PUT", "/Groups/read_all_data", body).await), ["wei"]);
    assert!(members(&patch(json!({ "op": "remove", "path": "members" })).await).is_empty());
}

#[tokio::test]
async fn lists_come_in_pages() {
    let shop = Shop::open().await;
    for name in ["a", "b", "c"] {
        shop.made(name).await;
    }
    let mut seen = Vec::new();
    for start in [1, 3] {
        let path = format!("/scim/v2/Users?startIndex={start}&count=2&attributes=userName");
        let page = shop.get(&path).await.json();
        assert_eq!(
            (&page["totalResults"], &page["startIndex"], &page["itemsPerPage"]),
            (&json!(4), &json!(start), &json!(2))
        );
        for user in page["Resources"].as_array().unwrap() {
            assert!(user.get("emails").is_none() && user.get("id").is_some());
            seen.push(user["userName"].as_str().unwrap().to_owned());
        }
    }
    seen.sort();
    assert_eq!(seen, ["a", "admin", "b", "c"]);
    let counted = shop.get("/scim/v2/Users?count=0").await.json();
    assert_eq!((&counted["totalResults"], &counted["itemsPerPage"]), (&json!(4), &json!(0)));
    let page = shop.get("/scim/v2/Users?startIndex=-5&count=-1").await.json();
    assert_eq!((&page["startIndex"], &page["itemsPerPage"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn the_service_tells_what_it_offers() {
    let shop = Shop::open().await;
    let config = shop.get("/scim/v2/ServiceProviderConfig").await.json();
    assert_eq!((&config["patch"]["supported"], &config["bulk"]["supported"]), (&json!(true), &json!(false)));
    for path in ["/ResourceTypes", "/Schemas"] {
        let listed = shop.get(&format!("/scim/v2{path}")).await.json();
        assert_eq!(listed["totalResults"], 2);
        for one in listed["Resources"].as_array().unwrap() {
            let path = format!("/scim/v2{path}/{}", one["id"].as_str().unwrap());
            assert_eq!(shop.get(&path).await.json(), *one);
        }
    }
}
