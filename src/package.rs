//! `quarry package`: package folders checked, compared, published and activated, on a running server or in the data folder.

mod foreign;

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use anyhow::{Result, anyhow};
use quarry_metadata::{Bundle, PackageName, Registry};
use serde_json::{Value, json};

use crate::{
    command::{Folders, Package},
    reach::Records,
    settings::Settings,
};

/// Does what was asked; fails when something is refused.
///
/// # Errors
///
/// Findings, versions that are not there, a server that can't be reached.
pub fn run(settings: &Settings, what: &Package) -> Result<ExitCode> {
    match what {
        Package::Check { folders } => return Ok(check(settings, folders)),
        Package::Test { folders, filter } => return test(settings, folders, filter.as_deref()),
        Package::Import(asked) => return foreign::import(settings, asked),
        Package::List { reach } => {
            let records = Records::open(settings, reach)?;
            list(&ask(&records, "", Asked::List)?);
            records.close()?;
        }
        Package::Diff(asked) => return told(settings, asked, "diff"),
        Package::Plan(asked) => return told(settings, asked, "plan"),
        Package::Publish(asked) => {
            let (records, bundles) = open(settings, asked)?;
            let published = ask(&records, "publish", Asked::Packages(&bundles))?;
            list(&published);
            records.close()?;
        }
        Package::Activate { versions, reach } => {
            let records = Records::open(settings, reach)?;
            plan(&ask(&records, "activate", Asked::Versions(versions))?);
            println!("active: {}", versions.join(", "));
            records.close()?;
        }
        Package::Rollback { package, reach } => {
            let records = Records::open(settings, reach)?;
            let done = ask(&records, "rollback", Asked::Package(package))?;
            println!("active: {}", texts(&done["packages"]).join(", "));
            records.close()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Compiles packages and prints what was found; fails on an error, not on a warning.
fn check(settings: &Settings, folders: &[PathBuf]) -> ExitCode {
    let usual = settings.packages();
    let folders = if folders.is_empty() { &usual } else { folders };
    match Registry::load(folders) {
        Ok(registry) => {
            eprint!("{}", registry.warnings);
            for package in registry.packages.values() {
                println!("{} {}: {} objects", package.name, package.version, package.objects.len());
            }
            println!("{} objects, registry {}", registry.objects.len(), registry.version);
            ExitCode::SUCCESS
        }
        Err(issues) => {
            eprint!("{issues}");
            eprintln!("{} findings; nothing was compiled", issues.0.len());
            ExitCode::FAILURE
        }
    }
}

/// Tries the cases of packages and prints what was not as expected; fails when something was not.
fn test(settings: &Settings, folders: &[PathBuf], filter: Option<&str>) -> Result<ExitCode> {
    let unread = |issues| anyhow!("the packages can't be read:\n{issues}");
    let usual = settings.packages();
    let mut bundles = Bundle::read(if folders.is_empty() { &usual } else { folders }).map_err(unread)?;
    let tested: BTreeSet<PackageName> = bundles.iter().map(|bundle| bundle.name().clone()).collect();
    if !folders.is_empty() {
        bundles = with_ground(bundles, &usual);
    }
    let tried = quarry_engine::test_bundles(bundles, &tested, filter)?;
    for failure in &tried.failures {
        println!("{failure}");
    }
    let failed: BTreeSet<_> =
        tried.failures.iter().map(|f| (&f.package, &f.case, f.place.file.clone())).collect();
    println!("{} cases, {} failed", tried.cases, failed.len());
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Packages with those that they stand on and do not hold themselves, as far as these lie where packages usually do.
fn with_ground(mut bundles: Vec<Bundle>, usual: &[PathBuf]) -> Vec<Bundle> {
    let mut others = Bundle::read(usual).unwrap_or_default();
    let mut looked_at = 0;
    while let Some(bundle) = bundles.get(looked_at) {
        let depends = bundle.depends().to_vec();
        looked_at += 1;
        for name in depends {
            let is_there = bundles.iter().any(|known| *known.name() == name);
            let place = others.iter().position(|other| *other.name() == name).filter(|_| !is_there);
            bundles.extend(place.map(|place| others.swap_remove(place)));
        }
    }
    bundles
}

/// Prints differences, and for a plan what would be done.
fn told(settings: &Settings, asked: &Folders, what: &str) -> Result<ExitCode> {
    let (records, bundles) = open(settings, asked)?;
    let answer = ask(&records, "plan", Asked::Packages(&bundles))?;
    records.close()?;
    differences(&answer);
    if what == "plan" {
        plan(&answer);
    }
    let allowed = answer["allowed"] == true;
    println!("{}", if allowed { "may be activated" } else { "refused" });
    Ok(if allowed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn open(settings: &Settings, asked: &Folders) -> Result<(Records, Vec<Bundle>)> {
    let usual = settings.packages();
    let folders = if asked.folders.is_empty() { &usual } else { &asked.folders };
    let bundles = Bundle::read(folders).map_err(|issues| anyhow!("the packages can't be read:\n{issues}"))?;
    Ok((Records::open(settings, &asked.reach)?, bundles))
}

/// What a command is about.
enum Asked<'a> {
    List,
    Packages(&'a [Bundle]),
    Versions(&'a [String]),
    Package(&'a str),
}

/// Asks the server, or the engine of this process, which answers in the same words.
fn ask(records: &Records, action: &str, asked: Asked<'_>) -> Result<Value> {
    match records {
        Records::Remote(server) => match asked {
            Asked::List => server.fetch("/api/v1/packages"),
            Asked::Packages(bundles) => {
                let files = |bundle: &Bundle| json!({ "files": bundle.files() });
                let packages: Vec<Value> = bundles.iter().map(files).collect();
                server.call(&format!("/api/v1/packages/{action}"), &json!({ "packages": packages }))
            }
            Asked::Versions(ids) => {
                server.call(&format!("/api/v1/packages/{action}"), &json!({ "versions": ids }))
            }
            Asked::Package(package) => {
                server.call(&format!("/api/v1/packages/{action}"), &json!({ "package": package }))
            }
        },
        Records::Local(local) => {
            let session = &local.session;
            Ok(match asked {
                Asked::List => json!({ "packages": session.packages()? }),
                Asked::Packages(bundles) if action == "publish" => {
                    json!({ "packages": session.publish(bundles)? })
                }
                Asked::Packages(bundles) => serde_json::to_value(session.plan_packages(bundles)?)?,
                Asked::Versions(ids) => serde_json::to_value(session.activate(ids)?)?,
                Asked::Package(package) => serde_json::to_value(session.rollback(package)?)?,
            })
        }
    }
}

fn list(answer: &Value) {
    for version in answer["packages"].as_array().into_iter().flatten() {
        let id = format!("{}@{}", text(&version["name"]), text(&version["version"]));
        let hash: String = text(&version["hash"]).chars().take(12).collect();
        println!("{id:<32} {:<12} {hash}", text(&version["state"]));
    }
}

fn differences(answer: &Value) {
    for difference in answer["differences"].as_array().into_iter().flatten() {
        let sign = match difference["class"].as_str() {
            Some("allowed") => " ",
            _ => "!",
        };
        print!("{sign} {}: {}", text(&difference["subject"]), text(&difference["message"]));
        if let Some(records) = difference["records"].as_u64() {
            print!("; {records} records");
        }
        let dependents = difference["dependents"].as_array().into_iter().flatten();
        let dependents: Vec<String> =
            dependents.map(|d| format!("{} {}", text(&d["kind"]), text(&d["name"]))).collect();
        if !dependents.is_empty() {
            print!("; used by {}", dependents.join(", "));
        }
        println!(" [{}]", text(&difference["code"]));
    }
}

fn plan(answer: &Value) {
    for step in answer["steps"].as_array().into_iter().flatten() {
        for (what, of) in step["effect"].as_object().into_iter().flatten() {
            let names: Vec<&str> =
                ["object", "field", "index"].iter().filter_map(|key| of[*key].as_str()).collect();
            println!("  {} {} ({} records)", what.replace('_', " "), names.join("."), step["records"]);
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|item| text(item).to_owned()).collect()
}
