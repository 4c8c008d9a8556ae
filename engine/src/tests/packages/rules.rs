//! Rules that come, change and go with versions, over records that are there.

use super::*;

/// What a rule asks concerns later writes; a state that records are in is not forgotten.
#[tokio::test]
async fn rules_come_and_change_under_records_that_would_break_them() {
    const OBJECT: &str = "fields:\n  name: { type: text }\n  stage: { type: select, options: [new, held, done], default: new }\n";
    let version = |version: &str, transitions: &str, rules: &str| {
        let machine = format!("field: stage\ntransitions: {transitions}\nmessage: No\n");
        let rules =
            format!("rules: [{rules}{{ name: x, kind: length, fields: [name], max: 50, message: No }}]\n");
        let files = [
            ("item.object.yml", OBJECT),
            ("item.workflow.yml", machine.as_str()),
            ("item.validation.yml", rules.as_str()),
        ];
        store_files(version, &files)
    };
    let named = "{ name: named, kind: required, fields: [name], message: What is it }, ";
    let shop = Shop::open();
    shop.install(version("1.0.0", "{ new: [held], held: [done] }", ""));
    let held = shop.create("item", json!({ "stage": "held" })).await.unwrap();
    // It has no name, and may go on without one until it is written.
    shop.install(version("1.1.0", "{ new: [held], held: [done] }", named));
    let error = shop.change(vec![update("item", &held, json!({ "stage": "done" }))]).await.unwrap_err();
    assert!(error.findings.iter().any(|f| f.message == "What is it"), "{error}");

    let forgetful = version("1.2.0", "{ new: [done] }", named);
    let plan = shop.session.plan_packages(std::slice::from_ref(&forgetful)).unwrap();
    let forgotten = plan.differences.iter().find(|d| d.code == "state-removed").unwrap();
    assert_eq!(
        (forgotten.subject.to_string().as_str(), forgotten.records),
        ("item.stage = \"held\"", Some(1))
    );
    assert!(forgotten.dependents.iter().any(|d| d.to_string() == "rule item.stage"), "{forgotten:?}");
    let refused = shop.session.publish(&[forgetful]).unwrap_err();
    assert_eq!(refused.code, "BREAKING_CHANGE");
    shop.change(vec![delete("item", &held)]).await.unwrap();
    shop.install(version("1.3.0", "{ new: [done] }", named));
    let id = shop.create("item", json!({ "name": "Lamp" })).await.unwrap();
    let error = shop.change(vec![update("item", &id, json!({ "stage": "held" }))]).await.unwrap_err();
    assert!(
        error.to_string().contains("STAGE_STATE") || error.findings.iter().any(|f| f.message == "No"),
        "{error}"
    );
}
