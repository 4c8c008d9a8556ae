//! Who finds a place while others flood.
#![allow(clippy::unwrap_used)]

use super::*;

/// All that there are for these.
fn all_of(places: &Arc<Places>, tenant: u64, address: Option<&str>) -> Vec<Place> {
    std::iter::from_fn(|| places.take(tenant, address.map(str::to_owned))).collect()
}

#[test]
fn who_floods_a_tenant_takes_its_share_and_no_other_s() {
    let places = Arc::new(Places::default());
    let flood = all_of(&places, 1, None);
    assert_eq!(flood.len(), TENANT_MAX);
    assert!(places.take(1, Some("10.0.0.1".into())).is_none(), "from wherever");
    assert!(places.take(2, None).is_some());
    drop(flood);
    assert_eq!(all_of(&places, 1, None).len(), TENANT_MAX, "they are given back");
}

#[test]
fn who_floods_from_one_address_leaves_a_place_at_every_tenant() {
    let places = Arc::new(Places::default());
    let flood: Vec<Place> = (0..10).flat_map(|tenant| all_of(&places, tenant, Some("10.0.0.1"))).collect();
    assert_eq!(flood.len(), ADDRESS_MAX);
    for tenant in 0..20 {
        assert!(places.take(tenant, Some("10.0.0.1".into())).is_none(), "{tenant}");
        assert!(places.take(tenant, Some("10.0.0.2".into())).is_some(), "{tenant}");
        assert!(places.take(tenant, None).is_some(), "{tenant}");
    }
}

#[test]
fn there_are_only_so_many_of_all_together_and_nothing_is_remembered_of_who_has_gone() {
    let places = Arc::new(Places::default());
    let names = u64::try_from(ALL_MAX / TENANT_MAX).unwrap();
    let flood: Vec<Place> = (0..names).flat_map(|tenant| all_of(&places, tenant, None)).collect();
    assert_eq!(flood.len(), ALL_MAX);
    assert!(places.take(names, Some("10.0.0.1".into())).is_none());
    drop(flood);
    drop(places.take(names, Some("10.0.0.1".into())).unwrap());
    let taken = places.taken.lock();
    assert_eq!((taken.all, taken.shares.len()), (0, 0));
}
