//! `quarry user`: users, what they are given, their sessions and API keys, in the data folder or on a running server.

mod key;

use anyhow::{Context, Result};
use quarry_engine::{PermissionGrant, UserRights};
use serde_json::{Value, json};

use crate::{
    command::{Named, User},
    reach::Records,
    secret,
    settings::Settings,
};

/// Does what was asked.
///
/// # Errors
///
/// A name that is taken or unknown, a password that is too short, a server that can't be reached.
pub fn run(settings: &Settings, what: &User) -> Result<()> {
    match what {
        User::Add { name, admin, service, reach } => {
            on(settings, reach, |records| add(records, name, *admin, *service))
        }
        User::Passwd(Named { name, reach }) => on(settings, reach, |records| change_password(records, name)),
        User::Show(Named { name, reach }) => on(settings, reach, |records| show(records, name)),
        User::Grant { name, set, until, reach } => {
            on(settings, reach, |records| grant(records, name, set, until.as_deref()))
        }
        User::Revoke { name, set, reach } => on(settings, reach, |records| revoke(records, name, set)),
        User::Sessions(Named { name, reach }) => on(settings, reach, |records| sessions(records, name)),
        User::Logout(Named { name, reach }) => on(settings, reach, |records| log_out(records, name)),
        User::Unlock(Named { name, reach }) => on(settings, reach, |records| unlock(records, name)),
        User::Key(what) => key::run(settings, what),
    }
}

/// Works on a state, and closes it.
fn on(
    settings: &Settings,
    reach: &crate::command::Reach,
    work: impl FnOnce(&Records) -> Result<()>,
) -> Result<()> {
    let records = Records::open(settings, reach)?;
    work(&records)?;
    records.close()
}

fn add(records: &Records, name: &str, admin: bool, service: bool) -> Result<()> {
    let password = if service { None } else { Some(secret::new_password(name)?) };
    match (records, &password) {
        (Records::Local(local), Some(password)) => drop(local.engine.add_user(name, password, admin)?),
        (Records::Local(local), None) => drop(local.engine.add_service_account(name, admin)?),
        (Records::Remote(server), Some(password)) => {
            let body = json!({ "user": name, "password": password, "admin": admin });
            drop(server.call("/api/v1/auth/users", &body)?);
        }
        (Records::Remote(server), None) => {
            let body = json!({ "user": name, "service": true, "admin": admin });
            drop(server.call("/api/v1/auth/users", &body)?);
        }
    }
    println!("made {} {name}", if service { "service account" } else { "user" });
    Ok(())
}

fn change_password(records: &Records, name: &str) -> Result<()> {
    let password = secret::new_password(name)?;
    match records {
        Records::Local(local) => local.engine.set_password(name, &password)?,
        Records::Remote(server) => {
            let body = json!({ "user": name, "password": password });
            drop(server.call("/api/v1/auth/password", &body)?);
        }
    }
    println!("changed the password of {name}");
    Ok(())
}

fn show(records: &Records, name: &str) -> Result<()> {
    let told = match records {
        Records::Local(local) => rights_told(&local.session.rights_of(name)?),
        Records::Remote(server) => server.fetch(&format!("/api/v1/users/{}", segment(name)))?,
    };
    let text = |value: &Value| value.as_str().unwrap_or("–").to_owned();
    println!("{} {} ({})", text(&told["kind"]), text(&told["name"]), text(&told["id"]));
    if told["admin"] == true {
        println!("  administrator");
    }
    if told["password"] == false {
        println!("  has no password");
    }
    for set in told["permissionSets"].as_array().into_iter().flatten() {
        let until = set["expires"].as_str().map(|until| format!(" until {until}")).unwrap_or_default();
        println!(
            "  {}{until}, given {} by {}",
            text(&set["name"]),
            text(&set["given"]),
            text(&set["givenBy"])
        );
    }
    Ok(())
}

fn grant(records: &Records, name: &str, set: &str, until: Option<&str>) -> Result<()> {
    match records {
        Records::Local(local) => {
            let expires = until.map(micros).transpose()?;
            drop(local.session.grant(name, set, expires)?);
        }
        Records::Remote(server) => {
            drop(server.request("PUT", &set_path(name, set), Some(&json!({ "expires": until })))?);
        }
    }
    println!("gave {name} the permission set {set}");
    Ok(())
}

fn revoke(records: &Records, name: &str, set: &str) -> Result<()> {
    match records {
        Records::Local(local) => drop(local.session.revoke(name, set)?),
        Records::Remote(server) => drop(server.request("DELETE", &set_path(name, set), None)?),
    }
    println!("took the permission set {set} from {name}");
    Ok(())
}

fn sessions(records: &Records, name: &str) -> Result<()> {
    let line = |id: &str, began: &str, expires: &str, address: &str| {
        println!("{id}  began {began}  ends {expires}  {address}");
    };
    match records {
        Records::Local(local) => {
            for session in local.session.sessions_of(name)? {
                let address = session.address.as_deref().unwrap_or("–");
                line(&session.id, &instant(session.began_micros), &instant(session.expires_micros), address);
            }
        }
        Records::Remote(server) => {
            let told = server.fetch(&format!("/api/v1/users/{}/sessions", segment(name)))?;
            for session in told["sessions"].as_array().into_iter().flatten() {
                let text = |key: &str| session[key].as_str().unwrap_or("–");
                line(text("id"), text("began"), text("expires"), text("address"));
            }
        }
    }
    Ok(())
}

fn log_out(records: &Records, name: &str) -> Result<()> {
    let ended = match records {
        Records::Local(local) => u64::try_from(local.session.end_sessions(name)?).unwrap_or(u64::MAX),
        Records::Remote(server) => {
            let path = format!("/api/v1/users/{}/sessions", segment(name));
            server.request("DELETE", &path, None)?["ended"].as_u64().unwrap_or_default()
        }
    };
    println!("ended {ended} sessions of {name}");
    Ok(())
}

fn unlock(records: &Records, name: &str) -> Result<()> {
    let Records::Remote(server) = records else {
        anyhow::bail!("names are locked in the memory of a running server; name it with --server");
    };
    let told = server.request("DELETE", &format!("/api/v1/users/{}/lock", segment(name)), None)?;
    match told["lifted"] == true {
        true => println!("{name} may log in again"),
        false => println!("{name} was neither locked nor slowed down"),
    }
    Ok(())
}

fn rights_told(rights: &UserRights) -> Value {
    let grant = |grant: &PermissionGrant| {
        json!({
            "name": grant.set, "givenBy": grant.given_by, "given": instant(grant.given_at_micros),
            "expires": grant.expires_micros.map(instant),
        })
    };
    json!({
        "id": rights.user_id, "name": rights.user_name, "kind": rights.kind.name(), "admin": rights.admin,
        "password": rights.has_password,
        "permissionSets": rights.grants.iter().map(grant).collect::<Vec<_>>(),
    })
}

fn set_path(name: &str, set: &str) -> String {
    format!("/api/v1/users/{}/permission-sets/{}", segment(name), segment(set))
}

/// A text as a segment of a path.
fn segment(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~@".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn instant(micros: i64) -> String {
    let instant = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
    instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn micros(text: &str) -> Result<i64> {
    let instant = chrono::DateTime::parse_from_rfc3339(text)
        .with_context(|| format!("{text:?} is no instant like 2027-01-31T18:00:00Z"))?;
    Ok(instant.timestamp_micros())
}
