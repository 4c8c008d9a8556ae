//! Actions at this door and at GraphQL's, and cases of packages.

use super::*;

const BOX: &str = "idPrefix: box\nfields:\n  name: { type: text, required: true }\n  weight: { type: number, scale: 2, default: 1 }\n";
const ACTIONS: &str = r#"
actions:
  - name: split
    label: { en: Split, de: Teilen }
    when: weight > 1
    errorCode: TOO_LIGHT
    message: "{name} is too light"
    parameters: { name: { type: text, required: true }, weight: { type: number, scale: 2, default: "0.50" } }
    steps:
      - create: { object: box, as: other, values: { name: parameters.name, weight: parameters.weight } }
      - update: { path: this, values: { weight: weight - other.weight } }
    returns: { other: other.id, rest: weight }
  - name: seal
    steps: [{ update: { path: this, values: { name: '"sealed " + name' } } }]
"#;
const CASES: &str = r#"
given: { box: { heavy: { name: Heavy, weight: 3 } } }
cases:
  - name: what is split off is taken away
    do: [{ action: { name: split, on: $heavy, parameters: { name: Light, weight: 1 } } }]
    expect: { records: [{ object: box, is: $heavy, has: { weight: 2 } }] }
  - name: wrong
    do: []
    expect: { records: [{ object: box, is: $heavy, has: { weight: 4 } }] }
"#;

fn package() -> Value {
    let files = json!({
        "package.yml": "name: boxes\nversion: 1.0.0\ndepends: { core: '*' }\n",
        "box.object.yml": BOX,
        "box.action.yml": ACTIONS,
        "box.case.yml": CASES,
    });
    json!({ "packages": [{ "files": files }] })
}

async fn with_boxes() -> (Shop, String) {
    let shop = Shop::open().await;
    let published = shop.post("/api/v1/packages/publish", package()).await;
    assert_eq!(published.status, StatusCode::CREATED, "{:?}", published.body);
    let active = shop.post("/api/v1/packages/activate", json!({ "versions": ["boxes@1.0.0"] })).await;
    assert_eq!(active.status, StatusCode::OK, "{:?}", active.body);
    let made = shop.post("/api/v1/objects/box", json!({ "name": "Large", "weight": 4 })).await.json();
    (shop, made["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_action_is_a_resource_of_its_record_and_a_change_like_others() {
    let (shop, id) = with_boxes().await;
    let path = format!("/api/v1/objects/box/{id}/actions/split");
    let answer = shop.post(&path, json!({ "name": "Small", "weight": "1.25" })).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let told = answer.json();
    assert_eq!((&told["done"], &told["id"]), (&json!("acted"), &json!(id)));
    assert_eq!(told["record"]["weight"], "2.75");
    assert_eq!(told["returned"]["rest"], "2.75");
    let other = told["returned"]["other"].as_str().unwrap();
    let other = shop.get(&format!("/api/v1/objects/box/{other}")).await.json();
    assert_eq!((&other["name"], &other["weight"]), (&json!("Small"), &json!("1.25")));
    assert!(answer.header("x-quarry-csn").parse::<u64>().is_ok());

    let bare = shop.send("POST", &format!("/api/v1/objects/box/{id}/actions/seal"), &[], Body::empty()).await;
    assert_eq!(bare.json()["record"]["name"], "sealed Large", "without a body: no parameters");

    let changes = json!([
        { "op": "create", "object": "box", "data": { "name": "New", "weight": 2 } },
        { "op": "action", "object": "box", "id": "$ref:0.id", "action": "split", "parameters": { "name": "Part" } },
    ]);
    let both = shop.post("/api/v1/changes", json!({ "changes": changes })).await.json();
    assert_eq!(both["results"][1]["returned"]["rest"], "1.50", "{both}");
    assert_eq!(both["results"][0]["record"]["weight"], "1.50");

    let stale = [("content-type", "application/json"), ("if-match", "\"1\"")];
    let stale = shop.send("POST", &path, &stale, json!({ "name": "Late" }).to_string()).await;
    assert_eq!(stale.problem(), (412, "CONCURRENT_UPDATE".to_owned()));
}

#[tokio::test]
async fn what_an_action_refuses_has_its_place_and_the_nearest_name() {
    let (shop, id) = with_boxes().await;
    let path = |action: &str| format!("/api/v1/objects/box/{id}/actions/{action}");
    let unknown = shop.post(&path("splt"), json!({})).await;
    assert_eq!(unknown.problem(), (404, "ACTION_NOT_FOUND".to_owned()));
    assert_eq!(unknown.json()["error"]["message"], "box has no action \"splt\"; did you mean \"split\"?");
    let wrong = shop.post(&path("split"), json!({ "nam": "x", "weight": "heavy" })).await;
    assert_eq!(wrong.problem(), (400, "VALIDATION_FAILED".to_owned()));
    let codes: Vec<(Value, Value)> = wrong.json()["error"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["field"].clone(), finding["code"].clone()))
        .collect();
    let told = |field: &str, code: &str| (json!(field), json!(code));
    assert_eq!(
        codes,
        [told("nam", "unknown_field"), told("weight", "invalid_number"), told("name", "required")]
    );
    let light = shop.post("/api/v1/objects/box", json!({ "name": "Light" })).await.json();
    let light = format!("/api/v1/objects/box/{}/actions/split", light["id"].as_str().unwrap());
    let refused = shop.post(&light, json!({ "name": "x" })).await.json();
    assert_eq!(refused["error"]["findings"][0]["code"], "TOO_LIGHT");
    assert_eq!(refused["error"]["findings"][0]["message"], "Light is too light");
    let change = json!({ "op": "action", "object": "box", "id": id });
    let missing = shop.post("/api/v1/changes", json!({ "changes": [change] })).await.json();
    assert_eq!(missing["error"]["path"], "changes[0].action");
    let change = json!({ "op": "update", "object": "box", "id": id, "data": {}, "action": "split" });
    let mixed = shop.post("/api/v1/changes", json!({ "changes": [change] })).await.json();
    assert_eq!(mixed["error"]["message"], "update takes no action");
}

#[tokio::test]
async fn actions_are_listed_with_the_model() {
    let (shop, _) = with_boxes().await;
    let german = [("accept-language", "de")];
    let told = shop.send("GET", "/api/v1/meta/objects/box", &german, Body::empty()).await.json();
    let split = &told["actions"][1];
    assert_eq!((&split["name"], &split["label"]), (&json!("split"), &json!("Teilen")));
    assert_eq!(split["parameters"][0]["required"], true);
    assert_eq!(split["returns"], json!(["other", "rest"]));
    let graphql = |query: &str| {
        let (shop, body) = (&shop, json!({ "query": query }));
        async move { shop.post("/graphql", body).await.json() }
    };
    let fields =
        graphql("{ __type(name: \"SplitBoxActionInput\") { inputFields { name type { kind } } } }").await;
    assert_eq!(fields["data"]["__type"]["inputFields"][0]["type"]["kind"], "NON_NULL", "{fields}");
}

#[tokio::test]
async fn an_action_is_a_mutation() {
    let (shop, id) = with_boxes().await;
    let graphql = |query: String| {
        let (shop, body) = (&shop, json!({ "query": query }));
        async move { shop.post("/graphql", body).await.json() }
    };
    let split = format!(
        "mutation {{ one: splitBox(id: \"{id}\", input: {{name: \"Small\", weight: \"1.5\"}}) \
         {{ id done dryRun record {{ weight }} returned {{ rest other __typename }} }} \
         two: sealBox(id: \"{id}\") {{ record {{ name }} }} }}"
    );
    let told = shop.post("/graphql", json!({ "query": split })).await.json();
    let one = &told["data"]["one"];
    assert_eq!((&one["done"], &one["record"]["weight"]), (&json!("ACTED"), &json!("2.50")), "{told}");
    assert_eq!(one["returned"]["rest"], "2.50");
    assert_eq!(one["returned"]["__typename"], "SplitBoxActionReturned");
    assert_eq!(told["data"]["two"]["record"]["name"], "sealed Large");
    let missing = graphql(format!("mutation {{ splitBox(id: \"{id}\") {{ id }} }}")).await;
    assert_eq!(missing["errors"][0]["extensions"]["kind"], "INVALID", "{missing}");
    let dry = graphql(format!(
        "mutation {{ splitBox(id: \"{id}\", dryRun: true, input: {{name: \"x\"}}) {{ dryRun csn returned {{ rest }} }} }}"
    ));
    let dry = dry.await;
    assert_eq!(
        dry["data"]["splitBox"],
        json!({ "dryRun": true, "csn": null, "returned": { "rest": "2.00" } })
    );
    let refused = graphql(format!(
        "mutation {{ splitBox(id: \"{id}\", input: {{name: \"Rest\", weight: \"2.5\"}}) {{ id }} other: splitBox(id: \"{id}\", input: {{name: \"x\"}}) {{ id }} }}"
    ))
    .await;
    assert_eq!(refused["errors"][0]["path"], json!(["other"]), "{refused}");
    assert_eq!(refused["errors"][0]["extensions"]["rule"], "TOO_LIGHT");
}

#[tokio::test]
async fn cases_of_packages_are_tried() {
    let shop = Shop::open().await;
    let tried = shop.post("/api/v1/packages/test", package()).await;
    assert_eq!(tried.status, StatusCode::OK, "{:?}", tried.body);
    let tried = tried.json();
    assert_eq!(tried["cases"], 2);
    let failure = &tried["failures"][0];
    assert_eq!((&failure["case"], &failure["found"]), (&json!("wrong"), &json!("\"3.00\"")));
    assert_eq!(
        (&failure["place"]["line"], &failure["expected"]),
        (&json!(9), &json!("box heavy with weight 4"))
    );
    let mut some = package();
    some["filter"] = json!("taken away");
    assert_eq!(shop.post("/api/v1/packages/test", some).await.json(), json!({ "cases": 1, "failures": [] }));
}
