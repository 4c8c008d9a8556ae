//! What can be asked of `quarry tenant`.

use std::path::PathBuf;

use clap::Subcommand;

use super::Reach;

/// `quarry tenant`.
#[derive(Debug, Subcommand)]
pub enum Tenant {
    /// Make a tenant with a user admin; its password comes from QUARRY_NEW_PASSWORD, or is made up and printed once.
    Create {
        /// Its name: a-z, 0-9, - and _.
        name: String,
        /// The named location that its data is pinned to [default: the data folder].
        #[arg(long, value_name = "NAME")]
        location: Option<String>,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// List all tenants.
    List {
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// Let nobody in, and send away whoever is; records are kept.
    Suspend {
        /// Its name.
        name: String,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// Let people in again.
    Resume {
        /// Its name.
        name: String,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// Tell what a tenant may have and has; with options, say it anew. A number, 0 for no bound, or "default" for what the settings say.
    Quota {
        /// Its name; main is the main tenant.
        name: String,
        /// Records, those in recycle bins among them.
        #[arg(long, value_name = "N")]
        rows: Option<String>,
        /// Bytes of all its files.
        #[arg(long, value_name = "N")]
        storage_bytes: Option<String>,
        /// Bytes that its questions may hold together.
        #[arg(long, value_name = "N")]
        memory_bytes: Option<String>,
        /// Requests a second.
        #[arg(long, value_name = "N")]
        requests_per_second: Option<String>,
        /// Requests worked on at once.
        #[arg(long, value_name = "N")]
        requests_running: Option<String>,
        /// Days of history that are kept; 0: all of it.
        #[arg(long, value_name = "N")]
        history_days: Option<String>,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// Write all that a tenant has into a folder: records as NDJSON, packages, contents; while no server runs.
    Export {
        /// Its name; main is the main tenant.
        name: String,
        /// The folder; it must not be there yet.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Delete a tenant for good: its keys first, then its files.
    Delete {
        /// Its name.
        name: String,
        /// Its name once more: nothing brings it back.
        #[arg(long, value_name = "NAME")]
        confirm: String,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// Wrap the keys of all tenants with the first of the master keys that are given; while no server runs.
    Rewrap,
    /// Encrypt what a tenant writes from now on with a new data key; while no server runs.
    RotateKey {
        /// Its name; main is the main tenant.
        name: String,
    },
}
