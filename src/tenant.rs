//! `quarry tenant`: tenants made, listed, suspended, resumed, exported and deleted, in the data folder or on a running server.

mod export;
mod quota;

use anyhow::{Context, Result, bail};
use quarry_engine::{Engines, NewTenant, TenantName, TenantState, upkeep};
use serde_json::{Value, json};

use crate::{
    command::{Reach, Tenant},
    reach::{Local, Records, world},
    settings::Settings,
};

/// Does what was asked.
///
/// # Errors
///
/// A name that is taken or unknown, a server that can't be reached, a data folder that a server has.
pub fn run(settings: &Settings, what: &Tenant) -> Result<()> {
    match what {
        Tenant::Create { name, location, reach } => create(settings, name, location.as_deref(), reach),
        Tenant::List { reach } => list(settings, reach),
        Tenant::Suspend { name, reach } => {
            change(settings, reach, name, "suspend", Engines::suspend)?;
            println!("suspended {name}");
            Ok(())
        }
        Tenant::Resume { name, reach } => {
            change(settings, reach, name, "resume", Engines::resume)?;
            println!("resumed {name}");
            Ok(())
        }
        Tenant::Delete { name, confirm, .. } if name != confirm => {
            bail!("--confirm says {confirm:?}, not {name:?}; nothing was deleted")
        }
        Tenant::Delete { name, reach, .. } => delete(settings, name, reach),
        Tenant::Quota {
            name,
            rows,
            storage_bytes,
            memory_bytes,
            requests_per_second,
            requests_running,
            history_days,
            reach,
        } => {
            let said =
                [rows, storage_bytes, memory_bytes, requests_per_second, requests_running, history_days];
            quota::run(settings, name, said, reach)
        }
        Tenant::Export { name, out } => {
            let local = Local::open(settings)?;
            let engines = Engines::open(local.engine.clone())?;
            let exported = export::export(&local, &engines.engine_of(&named(name)?)?, out);
            engines.close()?;
            exported
        }
        Tenant::Rewrap => {
            let done = upkeep::rewrap_keys(&settings.data(), &world(settings)?, &settings.locations())?;
            for (tenant, is_changed) in done {
                println!(
                    "{tenant}: {}",
                    if is_changed { "wrapped anew" } else { "is so already, or is not encrypted" }
                );
            }
            Ok(())
        }
        Tenant::RotateKey { name } => {
            let places = settings.locations();
            upkeep::rotate_key(&settings.data(), &world(settings)?, &places, &named(name)?)?;
            println!("{name} writes with a new data key from now on");
            Ok(())
        }
    }
}

fn named(name: &str) -> Result<TenantName> {
    TenantName::try_from(name).with_context(|| format!("{name:?} is no name of a tenant"))
}

fn create(settings: &Settings, name: &str, location: Option<&str>, reach: &Reach) -> Result<()> {
    let password = std::env::var("QUARRY_NEW_PASSWORD").ok();
    let records = Records::open(settings, reach)?;
    let told = match &records {
        Records::Local(local) => {
            let new = NewTenant { location: location.map(str::to_owned), admin_password: password };
            Engines::open(local.engine.clone())?.create(&named(name)?, new)?
        }
        Records::Remote(server) => {
            let body = json!({ "name": name, "location": location, "adminPassword": password });
            let made = server.call("/api/v1/tenants", &body)?;
            made.get("password").and_then(Value::as_str).map(str::to_owned)
        }
    };
    println!("made tenant {name}; its administrator is admin@{name}");
    if let Some(password) = told {
        println!("password {password}   (printed this once)");
    }
    records.close()
}

fn list(settings: &Settings, reach: &Reach) -> Result<()> {
    let records = Records::open(settings, reach)?;
    let line = |name: &str, state: &str, location: Option<&str>, key: Option<&str>| {
        let (location, key) = (location.unwrap_or("-"), key.unwrap_or("not encrypted"));
        println!("{name:<32} {state:<10} {location:<12} {key}");
    };
    println!("{:<32} {:<10} {:<12} master key", "tenant", "state", "location");
    match &records {
        Records::Local(local) => {
            for tenant in Engines::open(local.engine.clone())?.list()? {
                let state = match tenant.state {
                    TenantState::Making => "making",
                    TenantState::Active => "active",
                    TenantState::Suspended => "suspended",
                    TenantState::Deleting => "deleting",
                };
                line(
                    &tenant.name.to_string(),
                    state,
                    tenant.location.as_deref(),
                    tenant.master_key.as_deref(),
                );
            }
        }
        Records::Remote(server) => {
            let told = server.fetch("/api/v1/tenants")?;
            for tenant in told.get("tenants").and_then(Value::as_array).into_iter().flatten() {
                let text = |key: &str| tenant.get(key).and_then(Value::as_str);
                let (name, state) = (text("name").unwrap_or_default(), text("state").unwrap_or_default());
                line(name, state, text("location"), text("masterKey"));
            }
        }
    }
    records.close()
}

fn change(
    settings: &Settings,
    reach: &Reach,
    name: &str,
    what: &str,
    how: fn(&Engines, &TenantName) -> Result<(), quarry_engine::Error>,
) -> Result<()> {
    let tenant = named(name)?;
    let records = Records::open(settings, reach)?;
    match &records {
        Records::Local(local) => how(&Engines::open(local.engine.clone())?, &tenant)?,
        Records::Remote(server) => {
            server.request("POST", &format!("/api/v1/tenants/{name}/{what}"), None).map(drop)?
        }
    }
    records.close()
}

fn delete(settings: &Settings, name: &str, reach: &Reach) -> Result<()> {
    let tenant = named(name)?;
    let records = Records::open(settings, reach)?;
    let erased = match &records {
        Records::Local(local) => Engines::open(local.engine.clone())?.delete(&tenant)?,
        Records::Remote(server) => {
            let told = server.request("DELETE", &format!("/api/v1/tenants/{name}"), None)?;
            told.get("erased").and_then(Value::as_bool).unwrap_or(false)
        }
    };
    match erased {
        true => {
            println!("deleted {name}: its keys are destroyed, so no copy of its files can be read any more")
        }
        false => println!("deleted {name}: it was not encrypted, so copies of its files can still be read"),
    }
    records.close()
}
