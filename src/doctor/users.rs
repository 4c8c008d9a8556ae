//! Who may log in. It is in the store, which only one process has open at a time.

use quarry_engine::upkeep;

use super::{Level, Report};
use crate::{
    reach::{engine_options, world},
    settings::Settings,
};

pub(super) fn look(settings: &Settings, report: &mut Report) {
    report.check("users");
    let store = engine_options(settings).tenants.store;
    let world = world(settings).map_err(|error| error.to_string());
    let look =
        |world| upkeep::look_at_users(&settings.data(), store, &world).map_err(|error| error.to_string());
    let seen = match world.and_then(look) {
        Ok(seen) => seen,
        Err(error) => {
            let message = format!("users were not looked at: {error}");
            return report.add(Level::Note, message, "while a server runs, only it can look at them");
        }
    };
    if seen.admins == 1 {
        let message = "there is one administrator: who loses that password, or takes it, has all or nothing";
        report.add(Level::Warning, message, "make a second one: quarry user add NAME --admin");
    }
    if seen.weak_hashes > 0 {
        let message = format!("{} passwords are hashed with less effort than is made now", seen.weak_hashes);
        report.add(Level::Warning, message, "let these users change their password");
    }
    if seen.old_passwords > 0 {
        let (count, days) = (seen.old_passwords, upkeep::OLD_PASSWORD_DAYS);
        let message = format!("{count} passwords were not changed for more than {days} days");
        report.add(Level::Note, message, "old ones have often been used elsewhere too");
    }
    if seen.changed_later > 0 {
        let message = format!("{} users were changed at a time that is yet to come", seen.changed_later);
        report.add(Level::Critical, message, "look at the clock");
    }
}
