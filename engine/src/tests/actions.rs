//! Actions: parameters checked as fields are, steps in one transaction, and what is returned.

use super::*;
use crate::{Done, ErrorKind};

fn act(object: &str, id: &str, action: &str, parameters: Json) -> Change {
    let (id, action) = (id.to_owned(), action.to_owned());
    change(object, Operation::Act { id, action, parameters: record(parameters) })
}

async fn client(shop: &Shop) -> String {
    shop.create("client", json!({ "name": "Ann", "state": "late" })).await.unwrap()
}

#[tokio::test]
async fn an_action_does_its_steps_and_returns_what_it_says() {
    let shop = Shop::with("desk");
    let ann = client(&shop).await;
    let twin = shop.create("ticket", json!({ "subject": "Twin", "client_id": ann })).await.unwrap();
    let given = json!({ "subject": "Printer", "weight": "2.5", "twin_id": twin, "due": "2026-12-24" });
    let done = shop.change(vec![act("client", &ann, "open_ticket", given)]).await.unwrap();
    let outcome = &done[0];
    assert_eq!((outcome.done, outcome.ids.as_slice()), (Done::Acted, std::slice::from_ref(&ann)));
    let returned = outcome.returned.as_ref().unwrap();
    let made = returned["ticket"].as_str().unwrap();
    assert_eq!(returned["weight"], "2.50", "decimals as text, with all their digits");
    assert_eq!(returned["open"], 2, "as the record is then");
    assert!(returned["at"].as_str().unwrap().starts_with("2026-03-01T00:00:"), "{returned:?}");
    assert_eq!(shop.field("ticket", made, "client_id"), Some(text(&ann)));
    assert_eq!(shop.field("ticket", &twin, "twin_id"), Some(text(made)), "what a parameter refers to");
    assert_eq!(shop.field("client", &ann, "state"), Some(text("good")));
    assert_eq!(shop.rows("note"), 3, "its triggers ran, and the step that depends on a parameter");
    shop.change(vec![act("client", &ann, "close_all", json!({}))]).await.unwrap();
    assert_eq!(shop.field("client", &ann, "open_tickets"), Some(Value::Int(0)));
    let others = change("client", Operation::Create(record(json!({ "name": "Bob" }))));
    let both = vec![others, act("client", "$ref:0.id", "open_ticket", json!({ "subject": "Chair" }))];
    let done = shop.change(both).await.unwrap();
    assert_eq!(done[1].ids, done[0].ids, "with the record of an earlier change");
}

#[tokio::test]
async fn what_it_is_given_is_checked_as_fields_are() {
    let shop = Shop::with("desk");
    let ann = client(&shop).await;
    let wrong =
        json!({ "weight": -1, "status": "closed", "twin_id": "tic_none", "due": "soon", "wieght": 1 });
    let refused = shop.change(vec![act("client", &ann, "open_ticket", wrong)]).await.unwrap_err();
    let expected = [
        "0 client.wieght unknown_field",
        "0 client.due invalid_date",
        "0 client.subject required",
        "0 client.weight min_value",
        "0 client.status invalid_option",
        "0 client.twin_id reference_not_found",
    ];
    assert_eq!(told(&refused), expected, "{refused:?}");
    let unknown = &refused.findings[0];
    assert_eq!(unknown.message, "client.open_ticket has no parameter \"wieght\"; did you mean \"weight\"?");
    assert_eq!(unknown.id.as_deref(), Some(ann.as_str()), "the record that it is given for");
    assert_eq!(shop.rows("ticket"), 0);
}

#[tokio::test]
async fn an_action_may_be_refused() {
    let shop = Shop::with("desk");
    let ann = client(&shop).await;
    let open = || act("client", &ann, "open_ticket", json!({ "subject": "Printer" }));
    let barred = update("client", &ann, json!({ "state": "barred" }));
    let refused = shop.change(vec![barred, open()]).await.unwrap_err();
    assert_eq!(told(&refused), ["1 client CLIENT_BARRED"]);
    assert_eq!(refused.findings[0].message, "Ann is barred");
    assert_eq!(shop.field("client", &ann, "state"), Some(text("late")), "all or nothing");
    let long = act("client", &ann, "open_ticket", json!({ "subject": "Twenty characters ok" }));
    shop.change(vec![long]).await.unwrap();
    let unknown = shop.change(vec![act("client", &ann, "open_tickets", json!({}))]).await.unwrap_err();
    assert_eq!((unknown.kind, unknown.code), (ErrorKind::Missing, "ACTION_NOT_FOUND"));
    assert_eq!(unknown.message, "client has no action \"open_tickets\"; did you mean \"open_ticket\"?");
    assert_eq!(unknown.path, "changes[0].action");
    let gone = shop.change(vec![act("client", "cli_none", "close_all", json!({}))]).await.unwrap_err();
    assert_eq!(gone.code, "RECORD_NOT_FOUND");
    let stale = Change { if_revision: Some(99), ..act("client", &ann, "close_all", json!({})) };
    assert_eq!(shop.change(vec![stale]).await.unwrap_err().code, "CONCURRENT_UPDATE");
}
