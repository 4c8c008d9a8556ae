//! `quarry package import`: packages of other programs of this family as package folders, with a report.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path},
    process::ExitCode,
};

use anyhow::{Context, Result, anyhow, bail};
use quarry_metadata::{
    Bundle,
    foreign::{Wanted, import as bring, read_files},
};

use crate::{command::Foreign, settings::Settings};

/// What the command ends with when something that was read is not there.
const IN_PART: u8 = 3;

/// Reads, writes and reports; ends with 3 when something was left out.
///
/// # Errors
///
/// What can't be read; findings where nothing that compiles could be made; a package folder that is there already.
pub(super) fn import(settings: &Settings, asked: &Foreign) -> Result<ExitCode> {
    let files = read_files(&asked.from).map_err(|issues| anyhow!("nothing was imported:\n{issues}"))?;
    let usual = settings.packages();
    let folders = if asked.with.is_empty() { &usual } else { &asked.with };
    let with = Bundle::read(folders)
        .map_err(|issues| anyhow!("the packages to stand on can't be read (see --with):\n{issues}"))?;
    let wanted = Wanted {
        name: asked.name.clone().unwrap_or_else(|| called(&asked.from)),
        version: asked.package_version.clone(),
        locale: asked.locale.clone(),
    };
    let imported =
        bring(&files, &with, &wanted).map_err(|issues| anyhow!("nothing was imported:\n{issues}"))?;
    if imported.packages.is_empty() {
        print!("{}", imported.report);
        bail!("there is no object in {}", asked.from.display());
    }
    for name in imported.packages.keys() {
        let folder = asked.out.join(name);
        if folder.exists() {
            bail!("{} is there already; take it away, or write elsewhere", folder.display());
        }
    }
    for (name, files) in &imported.packages {
        write(&asked.out.join(name), files)?;
    }
    if let Some(path) = &asked.report {
        let text = serde_json::to_string_pretty(&imported.report)?;
        fs::write(path, text + "\n").with_context(|| format!("can't write {}", path.display()))?;
    }
    match asked.all {
        true => print!("{:#}", imported.report),
        false => print!("{}", imported.report),
    }
    for (name, files) in &imported.packages {
        println!("{}: {} files", asked.out.join(name).display(), files.len());
    }
    Ok(if imported.report.is_in_part() { ExitCode::from(IN_PART) } else { ExitCode::SUCCESS })
}

/// What a folder or file is called, without what its name ends with.
fn called(from: &Path) -> String {
    let whole = fs::canonicalize(from).unwrap_or_else(|_| from.to_owned());
    let name = whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    let snake: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let words: Vec<&str> = snake.split('_').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "imported".to_owned() } else { words.join("_") }
}

fn write(folder: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    for (path, text) in files {
        let below = Path::new(path);
        // Names come from files of others: none may lead out of the folder.
        if !below.components().all(|part| matches!(part, Component::Normal(_))) {
            bail!("{path:?} is no path below a package folder");
        }
        let file = folder.join(below);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).with_context(|| format!("can't make {}", parent.display()))?;
        }
        fs::write(&file, text).with_context(|| format!("can't write {}", file.display()))?;
    }
    Ok(())
}
