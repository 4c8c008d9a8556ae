//! A reference to a record that is not seen reads as null, whatever an index says of it: a predicate over it is answered by what is shown,
//! on every road there is (an index alone, few rows around the planner, a plan, a count, a group, a join).

use serde_json::{Value as Json, json};

use quarry_metadata::{Registry, permissions::Shape};
use quarry_planner::{PlannerOptions, sql::SqlExtras};

use crate::fixture::{Kept, Shop, to_json};

/// More than what is read without a plan.
const MANY: usize = 1_200;
const FEW: usize = 3;
const SET: &str = "
label: Of technology
objects:
  account: { allow: [read], records: [{ name: tech, allow: [read], when: 'industry == \"tech\"' }] }
  contact: [read, viewAll]
";

/// A store in which contacts of an account that is not seen are few, or many.
fn shop(hidden: usize, kept: Kept) -> Shop {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let manifest = "name: eyes\nversion: 1.0.0\nlabel: Eyes\ndepends: { shop: '*' }\n";
    std::fs::write(folder.path().join("package.yml"), manifest).unwrap();
    std::fs::write(folder.path().join("techie.permissionset.yml"), SET).unwrap();
    let folders = [here.join("../packages/core"), here.join("tests/shop"), folder.path().to_owned()];
    let mut shop = Shop::empty(PlannerOptions::default());
    shop.registry = std::sync::Arc::new(Registry::load(&folders).unwrap_or_else(|issues| panic!("{issues}")));
    let account = |id: &str, industry: &str| json!({"id": id, "name": id, "industry": industry});
    shop.insert("account", &[account("acc_seen", "tech"), account("acc_not", "retail")]);
    let contact = |n: usize, account: Option<&str>| json!({"id": format!("con_{n:05}"), "name": "C", "account_id": account});
    let mut contacts: Vec<Json> = (0..hidden).map(|n| contact(n, Some("acc_not"))).collect();
    contacts.extend((0..2).map(|n| contact(90_000 + n, Some("acc_seen"))));
    contacts.push(contact(99_999, None));
    shop.insert("contact", &contacts);
    if kept == Kept::Segment {
        shop.store.fold().unwrap();
    }
    shop
}

struct Asking<'s> {
    shop: &'s Shop,
    hidden: usize,
}

impl Asking<'_> {
    fn context(&self) -> quarry_planner::QueryContext {
        self.shop.context_as("usr_1", Shape::of(&self.shop.registry, ["techie"]))
    }

    /// How many contacts a filter finds: as rows, as a count beside them, as an aggregate, in groups.
    async fn found(&self, filter: Json, expected: usize) {
        let context = self.context();
        let about = format!("{filter} of {} hidden", self.hidden);
        let rows = json!({"object": "contact", "fields": ["id", "account_id"], "where": filter, "count": true, "limit": 5000});
        let rows = self.shop.ask(&context, &rows).await.unwrap();
        assert_eq!(rows["records"].as_array().unwrap().len(), expected, "rows, {about}");
        assert_eq!(rows["count"], expected, "count, {about}");
        assert!(!rows.to_string().contains("acc_not"), "{about}");
        let first = json!({"object": "contact", "fields": ["id"], "where": filter, "orderBy": ["account_id"], "limit": 2});
        let first = self.shop.ask(&context, &first).await.unwrap();
        assert_eq!(first["records"].as_array().unwrap().len(), expected.min(2), "first, {about}");
        let many =
            json!({"object": "contact", "where": filter, "aggregations": [{"function": "count", "as": "n"}]});
        assert_eq!(
            self.shop.ask(&context, &many).await.unwrap()["records"][0]["n"],
            expected,
            "aggregate, {about}"
        );
        let groups = json!({"object": "contact", "where": filter, "groupBy": ["account_id"], "aggregations": [{"function": "count", "as": "n"}]});
        let groups = self.shop.ask(&context, &groups).await.unwrap();
        let sum: u64 =
            groups["records"].as_array().unwrap().iter().map(|group| group["n"].as_u64().unwrap()).sum();
        assert_eq!(sum, u64::try_from(expected).unwrap(), "groups, {about}");
        assert!(!groups.to_string().contains("acc_not"), "{about}");
    }

    async fn sql(&self, condition: &str, expected: usize) {
        for text in [
            format!("SELECT count(*) AS n FROM contact WHERE {condition}"),
            format!(
                "SELECT count(id) AS n FROM (SELECT id FROM contact WHERE {condition} ORDER BY account_id, id) q"
            ),
            format!(
                "SELECT count(*) AS n FROM contact c JOIN contact d ON d.id = c.id WHERE c.id IN (SELECT id FROM contact WHERE {condition})"
            ),
        ] {
            let session = self.shop.planner.sql(&self.context(), &SqlExtras::default());
            let rows = session.ask(&text).await.unwrap();
            let rows = to_json(&futures::TryStreamExt::try_collect::<Vec<_>>(rows).await.unwrap());
            assert_eq!(rows, json!([{ "n": expected }]), "{text} of {} hidden", self.hidden);
        }
    }
}

#[tokio::test]
async fn an_index_does_not_answer_for_references_that_are_not_shown() {
    for (hidden, kept) in
        [(FEW, Kept::Delta), (FEW, Kept::Segment), (MANY, Kept::Delta), (MANY, Kept::Segment)]
    {
        let shop = shop(hidden, kept);
        let asking = Asking { shop: &shop, hidden };
        asking.found(json!({"account_id": "acc_not"}), 0).await;
        asking.found(json!({"account_id": "acc_seen"}), 2).await;
        asking.found(json!({"account_id": {"$in": ["acc_not", "acc_seen"]}}), 2).await;
        asking.found(json!({"account_id": null}), hidden + 1).await;
        asking.found(json!({"account_id": {"$null": false}}), 2).await;
        asking.found(json!({"account_id": {"$ne": "acc_seen"}}), hidden + 1).await;
        asking.found(json!({"$or": [{"account_id": "acc_not"}, {"account_id": "acc_seen"}]}), 2).await;
        asking.found(json!({"$or": [{"account_id": "acc_not"}, {"account_id": null}]}), hidden + 1).await;
        asking.found(json!({"$and": [{"account_id": "acc_not"}, {"name": "C"}]}), 0).await;
        asking.found(json!({"account_id": {"$gte": "acc_n", "$lt": "acc_o"}}), 0).await;
        asking.found(json!({"account.industry": "retail"}), 0).await;
        asking.sql("account_id = 'acc_not'", 0).await;
        asking.sql("account_id IN ('acc_not', 'acc_seen')", 2).await;
        asking.sql("account_id IS NULL", hidden + 1).await;
        asking.sql("account_id IS NOT NULL", 2).await;
        asking.sql("account_id <> 'acc_seen'", 0).await;
        asking.sql("account_id = 'acc_not' OR account_id IS NULL", hidden + 1).await;
        asking.sql("account_id BETWEEN 'acc_n' AND 'acc_o'", 0).await;
        asking.sql("account_id LIKE 'acc_n%'", 0).await;
        asking.sql("account_id = 'acc_not' AND name = 'C'", 0).await;
    }
}
