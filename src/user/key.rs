//! `quarry user key`: API keys.

use anyhow::Result;
use quarry_engine::NewKey;
use serde_json::{Value, json};

use super::{instant, on, segment};
use crate::{
    command::{Key, Named},
    reach::Records,
    settings::Settings,
};

/// Does what was asked.
///
/// # Errors
///
/// A user or key that is not there, a permission set that the user does not have, a server that can't be reached.
pub fn run(settings: &Settings, what: &Key) -> Result<()> {
    match what {
        Key::Add { owner, name, sets, read_only, days, reach } => {
            let permission_sets = Some(sets.clone()).filter(|sets| !sets.is_empty());
            let new = NewKey { name: name.clone(), permission_sets, read_only: *read_only, days: *days };
            on(settings, reach, |records| add(records, owner, &new))
        }
        Key::List(Named { name, reach }) => on(settings, reach, |records| list(records, name)),
        Key::Revoke { owner, id, reach } => on(settings, reach, |records| revoke(records, owner, id)),
    }
}

fn add(records: &Records, user: &str, new: &NewKey) -> Result<()> {
    let (id, key) = match records {
        Records::Local(local) => {
            let made = local.session.make_key(user, new)?;
            (made.info.id, made.text)
        }
        Records::Remote(server) => {
            let mut body = json!({ "name": new.name, "readOnly": new.read_only });
            if let Some(body) = body.as_object_mut() {
                body.extend(
                    new.permission_sets.as_ref().map(|sets| ("permissionSets".to_owned(), json!(sets))),
                );
                body.extend(new.days.map(|days| ("days".to_owned(), json!(days))));
            }
            let path = format!("/api/v1/users/{}/keys", segment(user));
            let made = server.request("POST", &path, Some(&body))?;
            let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
            (text("id"), text("key"))
        }
    };
    eprintln!("made the key {id} of {user}; this is the only time it is shown:");
    println!("{key}");
    Ok(())
}

fn list(records: &Records, user: &str) -> Result<()> {
    match records {
        Records::Local(local) => {
            for key in local.session.keys_of(user)? {
                let sets =
                    key.permission_sets.map_or("all permission sets".to_owned(), |sets| sets.join(", "));
                let used = key.last_used_micros.map_or("never".to_owned(), instant);
                line(&key.id, &key.name, &sets, key.read_only, &instant(key.expires_micros), &used);
            }
        }
        Records::Remote(server) => {
            let told = server.fetch(&format!("/api/v1/users/{}/keys", segment(user)))?;
            for key in told["keys"].as_array().into_iter().flatten() {
                let text = |name: &str| key[name].as_str().unwrap_or("never");
                let sets = match &key["permissionSets"] {
                    Value::Array(sets) => {
                        sets.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
                    }
                    _ => "all permission sets".to_owned(),
                };
                let reads = key["readOnly"] == true;
                line(text("id"), text("name"), &sets, reads, text("expires"), text("lastUsed"));
            }
        }
    }
    Ok(())
}

fn line(id: &str, name: &str, sets: &str, read_only: bool, expires: &str, used: &str) {
    let sets = if sets.is_empty() { "no permission sets" } else { sets };
    let reads = if read_only { ", read only" } else { "" };
    println!("{id}  {name:?}  {sets}{reads}  ends {expires}  last used {used}");
}

fn revoke(records: &Records, user: &str, id: &str) -> Result<()> {
    match records {
        Records::Local(local) => local.session.revoke_key(user, id)?,
        Records::Remote(server) => {
            let path = format!("/api/v1/users/{}/keys/{}", segment(user), segment(id));
            drop(server.request("DELETE", &path, None)?);
        }
    }
    println!("revoked the key {id} of {user}");
    Ok(())
}
