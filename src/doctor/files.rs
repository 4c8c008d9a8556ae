//! What lies on this machine: who may read and write it, how much room there is, what the clock says.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use quarry_engine::upkeep;

use super::{Level, Report};
use crate::{reach::world, settings::Settings};

/// Files of the data folder that are looked at.
const FILES_MAX: usize = 20_000;
/// Less room than this is little.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// As is a smaller part of the disk.
const FREE_PERCENT_MIN: u64 = 5;
/// No clock that is right shows a time before this: 2026-01-01, in seconds.
const EARLIEST_SECONDS: u64 = 1_767_225_600;
/// A file written so far in the future was written by another clock.
const SKEW: Duration = Duration::from_secs(300);

pub(super) fn look(settings: &Settings, report: &mut Report) {
    let newest = data_folder(&settings.data(), report);
    secrets(settings, report);
    written_by_others(settings, report);
    disk(&settings.data(), report);
    encryption(settings, report);
    clock(newest, report);
    process(report);
}

/// Looks who may read the data; the instant at which the newest file was written.
fn data_folder(data: &Path, report: &mut Report) -> Option<SystemTime> {
    report.check("data_permissions");
    let about = match std::fs::metadata(data) {
        Ok(about) => about,
        Err(error) => {
            let message = format!("{} can't be looked at: {error}", data.display());
            report.add(Level::Note, message, "before the first start there is none");
            return None;
        }
    };
    let mode = about.permissions().mode();
    let closed = mode & 0o077 == 0;
    if mode & 0o022 != 0 {
        let message = format!("others may write into {} (mode {:o})", data.display(), mode & 0o777);
        report.add(Level::Critical, message, format!("chmod 700 {}", data.display()));
    }
    let (mut readable, mut newest, mut looked) = (Vec::new(), None, 0);
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        for entry in entries {
            let Ok(about) = entry.metadata() else { continue };
            looked += 1;
            if looked > FILES_MAX {
                break;
            }
            newest = newest.max(about.modified().ok());
            let mode = about.permissions().mode();
            if about.is_dir() {
                folders.push(entry.path());
            } else if mode & 0o004 != 0 {
                readable.push(entry.path());
            }
        }
    }
    if let Some(first) = readable.first().filter(|_| !closed && mode & 0o005 != 0) {
        let message = format!(
            "{} files of records can be read by every user of this machine: {}, …",
            readable.len(),
            first.display()
        );
        report.add(Level::Critical, message, format!("chmod 700 {}", data.display()));
    } else if !closed && mode & 0o070 != 0 {
        let message = format!("the group may look into {} (mode {:o})", data.display(), mode & 0o777);
        report.add(Level::Warning, message, format!("chmod 700 {}", data.display()));
    }
    newest
}

/// Keys, and what names them.
fn secrets(settings: &Settings, report: &mut Report) {
    report.check("secrets");
    let key = settings.tls().map(|files| ("the private key of TLS", files.key));
    let master = settings.master_key_file().map(|path| ("the master key", path));
    for (what, path) in key.into_iter().chain(master) {
        match mode_of(&path) {
            Some(mode) if mode & 0o007 != 0 => report.add(
                Level::Critical,
                format!("{what}, {}, can be read by every user of this machine", path.display()),
                format!("chmod 600 {}", path.display()),
            ),
            Some(mode) if mode & 0o070 != 0 => report.add(
                Level::Warning,
                format!("{what}, {}, can be read by its group", path.display()),
                format!("chmod 600 {}", path.display()),
            ),
            _ => {}
        }
        if is_below(&path, &settings.data()) {
            let message = format!("{what} lies in the data folder: a copy of that takes it along");
            report.add(Level::Warning, message, "keep it elsewhere");
        }
    }
    for name in ["QUARRY_ADMIN_PASSWORD", "QUARRY_PASSWORD", "QUARRY_NEW_PASSWORD"] {
        if std::env::var_os(name).is_some() {
            let message =
                format!("{name} is in the environment, where other processes of this user can read it");
            report.add(Level::Note, message, "take it out once it has done its work");
        }
    }
}

/// Whoever may write settings and packages decides what the server does.
fn written_by_others(settings: &Settings, report: &mut Report) {
    report.check("written_by_others");
    let file = settings.file();
    for path in settings.packages().into_iter().chain(file) {
        if mode_of(&path).is_some_and(|mode| mode & 0o002 != 0) {
            let message = format!("every user of this machine may write {}", path.display());
            report.add(Level::Critical, message, format!("chmod o-w {}", path.display()));
        }
    }
}

fn disk(data: &Path, report: &mut Report) {
    report.check("disk_space");
    let there = data.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let Ok(stat) = rustix::fs::statvfs(there) else { return };
    let (free, all) =
        (stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize));
    let percent = free.saturating_mul(100).checked_div(all).unwrap_or(100);
    if free < FREE_BYTES_MIN || percent < FREE_PERCENT_MIN {
        let message = format!("{} MiB are free where the data lie, {percent} % of the disk", free >> 20);
        report.add(Level::Warning, message, "without room nothing can be written any more");
    }
    if stat.f_favail == 0 && stat.f_files > 0 {
        report.add(Level::Critical, "no more files can be made where the data lie", "make room");
    }
}

/// A store that is encrypted says so by a file with its wrapped keys.
fn encryption(settings: &Settings, report: &mut Report) {
    report.check("encryption");
    let tenants = std::fs::read_dir(settings.data().join("tenant")).into_iter().flatten().flatten();
    let plain: Vec<PathBuf> = tenants
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !path.join("keys").exists())
        .collect();
    let has_key = settings.master_key_file().is_some() || std::env::var_os("QUARRY_MASTER_KEY").is_some();
    match plain.first() {
        Some(first) => report.add(
            Level::Warning,
            format!(
                "the records of {} tenants are not encrypted on disk: {}, …",
                plain.len(),
                first.display()
            ),
            "a tenant that is made where there is a master key is encrypted",
        ),
        None if !has_key => {
            let message = "there is no master key: tenants that are made are not encrypted on disk";
            report.add(Level::Warning, message, "give master_key_file");
        }
        None => {}
    }
    without_keys(settings, report);
}

/// A store that has taken the place of an encrypted one.
fn without_keys(settings: &Settings, report: &mut Report) {
    let lost = world(settings)
        .and_then(|world| Ok(upkeep::without_keys(&settings.data(), &world, &settings.locations())?));
    match lost {
        Ok(lost) => {
            for tenant in lost {
                let message = format!(
                    "the tenant {tenant} was encrypted, and its store has no keys now; it is not opened"
                );
                report.add(
                    Level::Critical,
                    message,
                    "put its files back from a backup, its file keys among them",
                );
            }
        }
        Err(error) => {
            let message =
                format!("whether encrypted stores still have their keys was not looked at: {error:#}");
            report.add(Level::Note, message, "");
        }
    }
}

fn clock(newest: Option<SystemTime>, report: &mut Report) {
    report.check("clock");
    let now = SystemTime::now();
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let advice = "let the machine ask a time server: tokens, grants and certificates go by it";
    if seconds < EARLIEST_SECONDS {
        report.add(Level::Critical, "the clock shows a time that is long over", advice);
    }
    if newest.is_some_and(|newest| newest > now + SKEW) {
        report.add(
            Level::Critical,
            "files of the data folder were written later than the clock shows",
            advice,
        );
    }
}

fn process(report: &mut Report) {
    report.check("user");
    if rustix::process::getuid().is_root() {
        let message = "this runs as root: a flaw in the server would be one of the whole machine";
        report.add(Level::Warning, message, "give the server a user of its own");
    }
}

fn mode_of(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|about| about.mode())
}

fn is_below(path: &Path, folder: &Path) -> bool {
    match (path.canonicalize(), folder.canonicalize()) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        _ => false,
    }
}
