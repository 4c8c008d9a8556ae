//! Permission sets that users are given.

use super::*;
use crate::{ErrorKind, EventKind};

#[tokio::test]
async fn what_is_given_holds_at_once_until_it_is_taken_or_ends() {
    let shop = Shop::open();
    let li = someone(&shop, "li");
    assert!(li.permission_sets.is_empty());
    let sets = || async {
        let li = shop.engine.login("li", PASSWORD).await.unwrap();
        li.permission_sets.iter().map(|set| set.to_string()).collect::<Vec<_>>()
    };
    let now = shop.engine.world().clock.now_micros();
    shop.session.grant("li", "write_all_data", None).unwrap();
    let given = shop.session.grant("li", "read_all_data", Some(now + 60_000_000)).unwrap();
    assert_eq!(sets().await, ["read_all_data", "write_all_data"]);
    assert_eq!(given[0].given_by, shop.session.principal().user_id);
    // Given anew, it ends earlier: the clock is past that by the next look.
    let soon = shop.engine.world().clock.now_micros() + 4_000;
    shop.session.grant("li", "read_all_data", Some(soon)).unwrap();
    while shop.engine.world().clock.now_micros() <= soon {}
    assert_eq!(sets().await, ["write_all_data"]);
    assert_eq!(shop.session.rights_of("li").unwrap().grants.len(), 2);
    shop.session.revoke("li", "write_all_data").unwrap();
    assert!(sets().await.is_empty());
    let shop = shop.reopen();
    assert_eq!(shop.session.rights_of("li").unwrap().grants[0].set, "read_all_data");
}

#[tokio::test]
async fn only_administrators_give_and_only_what_there_is() {
    let shop = Shop::open();
    someone(&shop, "li");
    let li = shop.engine.session(shop.engine.login("li", PASSWORD).await.unwrap(), SessionOptions::default());
    let kind = |result: Result<_, Error>| result.map(|_: Vec<crate::PermissionGrant>| ()).unwrap_err().kind;
    assert_eq!(kind(li.grant("li", "write_all_data", None)), ErrorKind::Denied);
    assert_eq!(kind(li.revoke("admin", "write_all_data")), ErrorKind::Denied);
    assert_eq!(li.rights_of("admin").unwrap_err().kind, ErrorKind::Denied);
    assert!(li.rights_of("li").unwrap().grants.is_empty());
    let error = shop.session.grant("li", "read_all_dat", None).unwrap_err();
    assert_eq!(error.code, "PERMISSION_SET_NOT_FOUND");
    assert!(error.to_string().contains("read_all_data"), "{error}");
    assert_eq!(kind(shop.session.grant("li", "no such\nset", None)), ErrorKind::Invalid);
    assert_eq!(shop.session.grant("nobody", "read_all_data", None).unwrap_err().code, "USER_NOT_FOUND");
    assert_eq!(shop.session.revoke("li", "read_all_data").unwrap_err().code, "GRANT_NOT_FOUND");
    assert_eq!(kind(shop.session.grant("li", "read_all_data", Some(1))), ErrorKind::Invalid);
}

#[tokio::test]
async fn whoever_gets_an_id_again_has_nothing_of_the_one_before() {
    let shop = Shop::open();
    let li = someone(&shop, "li");
    shop.session.grant("li", "write_all_data", None).unwrap();
    shop.change(vec![delete("user", &li.user_id)]).await.unwrap();
    let again = json!({ "id": li.user_id, "name": "Li", "username": "li" });
    shop.change(vec![create("user", again)]).await.unwrap();
    let li_again = someone(&shop, "li");
    assert_eq!(li_again.user_id, li.user_id);
    assert!(li_again.permission_sets.is_empty());
}

#[tokio::test]
async fn who_gave_what_to_whom_is_told() {
    let shop = Shop::open();
    let li = someone(&shop, "li");
    shop.session.grant("li", "write_all_data", None).unwrap();
    shop.session.revoke("li", "write_all_data").unwrap();
    let told = shop.engine.recent_events();
    let [.., granted, revoked] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((granted.kind, revoked.kind), (EventKind::Granted, EventKind::Revoked));
    for event in [granted, revoked] {
        assert_eq!(event.user.as_deref(), Some(&*li.user_id));
        assert_eq!(event.actor.as_deref(), Some(&*shop.session.principal().user_id));
        assert_eq!((event.subject.as_deref(), event.means), (Some("write_all_data"), Some("console")));
    }
}
