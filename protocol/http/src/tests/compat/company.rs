//! A package of a company's own, and users who see and may do different parts of it.

use super::*;

const CLIENT: &str = "
label: Client
sharingModel: private
fields:
  name: { type: text, required: true, unique: true }
  region: { type: select, options: [{ value: north, label: { en: The North, de: Norden } }, { value: south, label: The South }] }
  secret: { type: text }
  phone: { type: phone, maskAs: phone }
  stars: { type: number, scale: 0 }
";
const SEAL: &str = "enable: { clone: false }\nfields:\n  name: { type: text, required: true }\n";
const VAULT: &str = "fields:\n  name: { type: text, required: true }\n";
const NORTH: &str = "
    fields: { secret: none, stars: read }
    records:
      - { name: north, allow: [read], when: 'region == \"north\"' }
";

impl Shop {
    /// Two clients, and beside the administrator `rep`, who sees those of the north and may write, `taker`, who may read and
    /// export them, and `looker`, who may read them.
    pub(super) async fn company() -> Shop {
        let shop = Shop::open().await;
        let set = |allow: &str| {
            format!(
                "objects:\n  client:\n    allow: [{allow}]{NORTH}  seal: [create, read]\n  user: [read, viewAll]\n"
            )
        };
        let files = json!({
            "package.yml": "name: sale\nversion: 1.0.0\ndepends: { core: '*' }\n",
            "client.object.yml": CLIENT, "seal.object.yml": SEAL, "vault.object.yml": VAULT,
            "rep.permissionset.yml": set("create, read, update"),
            "taker.permissionset.yml": set("read, export"),
            "looker.permissionset.yml": set("read"),
        });
        let published =
            shop.post("/api/v1/packages/publish", json!({ "packages": [{ "files": files }] })).await;
        assert_eq!(published.status, StatusCode::CREATED, "{:?}", published.body);
        let active = shop.post("/api/v1/packages/activate", json!({ "versions": ["sale@1.0.0"] })).await;
        assert_eq!(active.status, StatusCode::OK, "{:?}", active.body);
        for user in ["rep", "taker", "looker"] {
            let made = shop.post("/api/v1/auth/users", json!({ "user": user, "password": PASSWORD })).await;
            assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
            let granted =
                shop.send("PUT", &format!("/api/v1/users/{user}/permission-sets/{user}"), &[], "").await;
            assert!(granted.status.is_success(), "{:?}", granted.body);
        }
        let client = |id: &str, name: &str, region: &str| {
            let data = json!({ "name": name, "region": region, "secret": "hush", "phone": "+49 30 1234567", "stars": 4 });
            json!({ "op": "create", "object": "client", "id": id, "data": data })
        };
        let seal = json!({ "op": "create", "object": "seal", "id": "one", "data": { "name": "One" } });
        let changes = [client("acme", "Acme", "north"), client("south", "South", "south"), seal];
        let made = shop.post("/api/v1/changes", json!({ "changes": changes })).await;
        assert_eq!(made.status, StatusCode::OK, "{:?}", made.body);
        shop
    }

    /// Goes on as somebody else.
    pub(super) async fn log_in(&mut self, user: &str) {
        self.token.clear();
        let answer = self.post("/api/v1/auth/login", json!({ "user": user, "password": PASSWORD })).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        self.token = answer.json()["token"].as_str().unwrap().to_owned();
    }
}
