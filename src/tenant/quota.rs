//! `quarry tenant quota`: what a tenant may have and has.

use anyhow::{Context, Result};
use quarry_engine::{Engines, TenantLimits, TenantQuota};
use serde_json::{Map, Value, json};

use super::named;
use crate::{command::Reach, reach::Records, settings::Settings};

/// Says limits anew, in the order of [`TenantLimits::NAMES`], and tells what holds.
///
/// # Errors
///
/// What is no number; a tenant that there is not.
pub(super) fn run(settings: &Settings, name: &str, said: [&Option<String>; 6], reach: &Reach) -> Result<()> {
    let tenant = named(name)?;
    let mut changes = Vec::new();
    for (limit, said) in TenantLimits::NAMES.into_iter().zip(said) {
        if let Some(said) = said {
            changes.push((limit, parsed(said).with_context(|| format!("{limit}: {said:?} is no number"))?));
        }
    }
    let records = Records::open(settings, reach)?;
    match &records {
        Records::Local(local) => {
            let engines = Engines::open(local.engine.clone())?;
            if !changes.is_empty() {
                engines.set_limits(&tenant, |limits| {
                    changes.iter().try_for_each(|(name, limit)| limits.set(name, *limit))
                })?;
            }
            tell(&as_json(&engines.quota(&tenant)?));
        }
        Records::Remote(server) => {
            let path = format!("/api/v1/tenants/{name}/quota");
            if !changes.is_empty() {
                let body: Map<String, Value> =
                    changes.iter().map(|(name, limit)| ((*name).to_owned(), json!(limit))).collect();
                server.request("PUT", &path, Some(&Value::Object(body)))?;
            }
            tell(&server.fetch(&path)?);
        }
    }
    records.close()
}

fn parsed(said: &str) -> Result<Option<u64>> {
    match said {
        "default" => Ok(None),
        number => Ok(Some(number.parse()?)),
    }
}

/// As the HTTP door tells it.
fn as_json(quota: &TenantQuota) -> Value {
    let limits = |limits: &TenantLimits| -> Map<String, Value> {
        let told = TenantLimits::NAMES.into_iter().map(|name| (name.to_owned(), json!(limits.get(name))));
        told.collect()
    };
    json!({
        "quota": limits(&quota.own),
        "limits": limits(&quota.limits),
        "usage": {
            "rows": quota.usage.rows,
            "storageBytes": quota.usage.storage_bytes,
            "memoryBytes": quota.usage.memory_bytes,
        },
    })
}

fn tell(told: &Value) {
    println!("{:<20} {:>20} {:>20} {:>20}", "", "its own quota", "may have", "has");
    for name in TenantLimits::NAMES {
        let number = |part: &str, none: &str| {
            let number = told.pointer(&format!("/{part}/{name}")).and_then(Value::as_u64);
            match (part, number) {
                (_, None) => none.to_owned(),
                ("quota" | "limits", Some(0)) => "no bound".to_owned(),
                (_, Some(number)) => number.to_string(),
            }
        };
        let (own, limit, has) = (number("quota", "default"), number("limits", "as set"), number("usage", ""));
        println!("{name:<20} {own:>20} {limit:>20} {has:>20}");
    }
}
