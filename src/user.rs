//! `quarry user`: adds users and changes passwords, in the data folder or on a running server.

use anyhow::Result;
use serde_json::json;

use crate::{command::User, reach::Records, secret, settings::Settings};

/// Does what was asked.
///
/// # Errors
///
/// A name that is taken or unknown, a password that is too short, a server that can't be reached.
pub fn run(settings: &Settings, what: &User) -> Result<()> {
    match what {
        User::Add { name, admin, reach } => {
            let records = Records::open(settings, reach)?;
            let password = secret::new_password(name)?;
            match &records {
                Records::Local(local) => drop(local.engine.add_user(name, &password, *admin)?),
                Records::Remote(server) => {
                    let body = json!({ "user": name, "password": password, "admin": admin });
                    drop(server.call("/api/v1/auth/users", &body)?);
                }
            }
            println!("made user {name}");
            records.close()
        }
        User::Passwd { name, reach } => {
            let records = Records::open(settings, reach)?;
            let password = secret::new_password(name)?;
            match &records {
                Records::Local(local) => local.engine.set_password(name, &password)?,
                Records::Remote(server) => {
                    let body = json!({ "user": name, "password": password });
                    drop(server.call("/api/v1/auth/password", &body)?);
                }
            }
            println!("changed the password of {name}");
            records.close()
        }
    }
}
