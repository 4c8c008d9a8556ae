//! Who is connected, to what, with which settings.

use super::{Filler, Row, Source, known, row};
use crate::catalog::oid::hashed;

pub fn filler(table: &str) -> Option<Filler> {
    Some(match table {
        "pg_roles" => roles,
        "pg_user" => users,
        "pg_database" => databases,
        "pg_settings" => settings,
        "pg_stat_activity" => activity,
        "pg_stat_database" => database_statistics,
        _ => return None,
    })
}

/// The oid of a role by name.
pub fn role_oid(name: &str) -> u32 {
    if name == known::OWNER_NAME { known::OWNER } else { hashed("role", name, 0) }
}

/// The oid of a database by name.
pub fn database_oid(name: &str) -> u32 {
    hashed("database", name, 0)
}

/// The owner of everything, which nobody can log in as, and the session's user. Other users are not told.
fn roles(source: &Source<'_>) -> Vec<Row> {
    let role = |name: &str, owner: bool, login: bool| {
        row!["rolname" => name, "rolsuper" => owner, "rolinherit" => true, "rolcreaterole" => owner, "rolcreatedb" => owner,
            "rolcanlogin" => login, "rolreplication" => false, "rolconnlimit" => -1, "rolpassword" => "********",
            "rolbypassrls" => owner, "oid" => role_oid(name)]
    };
    let user = source.session.user.as_str();
    if user == known::OWNER_NAME {
        return vec![role(user, true, true)];
    }
    vec![role(known::OWNER_NAME, true, false), role(user, false, true)]
}

fn users(source: &Source<'_>) -> Vec<Row> {
    let user = source.session.user.as_str();
    vec![
        row!["usename" => user, "usesysid" => role_oid(user), "usecreatedb" => false, "usesuper" => false, "userepl" => false,
        "usebypassrls" => false, "passwd" => "********"],
    ]
}

fn databases(source: &Source<'_>) -> Vec<Row> {
    let name = source.session.database.as_str();
    vec![
        row!["oid" => database_oid(name), "datname" => name, "datdba" => known::OWNER, "encoding" => 6, "datlocprovider" => 'c',
        "datallowconn" => true, "datconnlimit" => -1, "dattablespace" => known::TABLESPACE, "datcollate" => "C.UTF-8",
        "datctype" => "C.UTF-8"],
    ]
}

fn settings(source: &Source<'_>) -> Vec<Row> {
    (source.session.all_settings)()
        .into_iter()
        .map(|setting| {
            row!["name" => setting.name, "setting" => setting.value.as_str(), "category" => "Quarry",
                "short_desc" => setting.description, "context" => setting.context, "vartype" => setting.vartype,
                "source" => if setting.value == setting.reset { "default" } else { "session" },
                "boot_val" => setting.reset.as_str(), "reset_val" => setting.reset.as_str(), "pending_restart" => false]
        })
        .collect()
}

/// The session itself; others' are not told.
fn activity(source: &Source<'_>) -> Vec<Row> {
    let session = source.session;
    vec![
        row!["datid" => database_oid(&session.database), "datname" => session.database.as_str(), "pid" => session.backend_pid,
        "usesysid" => role_oid(&session.user), "usename" => session.user.as_str(),
        "application_name" => (session.settings)("application_name").unwrap_or_default(), "state" => "active",
        "backend_type" => "client backend"],
    ]
}

fn database_statistics(source: &Source<'_>) -> Vec<Row> {
    let name = source.session.database.as_str();
    vec![row!["datid" => database_oid(name), "datname" => name]]
}
