//! The command line: what can be asked of `quarry`.

mod tenant;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use tenant::Tenant;

use crate::settings::Given;

/// One server for business objects: ObjectQL, GraphQL and SQL over one consistent state.
#[derive(Debug, Parser)]
#[command(name = "quarry", version, about, max_term_width = 100)]
pub struct Command {
    /// A configuration file (TOML); without it ./quarry.toml is read where it exists.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data folder [default: ./quarry-data].
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Package folders, ':' between them [default: ./packages].
    #[arg(long, global = true, value_name = "DIR")]
    pub packages: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Serve HTTP, GraphQL and the Postgres wire protocol until Ctrl-C or SIGTERM.
    Serve(Serve),
    /// Bring records in: CSV, NDJSON or Parquet files, by a mapping.
    Import(Import),
    /// Ask an ObjectQL question (JSON; `-` reads it from standard input).
    Query(Question),
    /// Ask a SQL query (`-` reads it from standard input).
    Sql(Question),
    /// Look after packages.
    #[command(subcommand)]
    Package(Package),
    /// Look after users.
    #[command(subcommand)]
    User(User),
    /// Look after tenants.
    #[command(subcommand)]
    Tenant(Tenant),
    /// Write made-up CRM records, the same for the same seed.
    Demo(Demo),
    /// Take history out and check it, and hold records back from being purged.
    #[command(subcommand)]
    Audit(Audit),
    /// Look at settings, files and users, and tell what is weak. Exit code: 0 nothing, 1 warnings, 2 critical.
    Doctor {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Look at all that is stored and tell what is damaged; while no server runs.
    Verify,
    /// Make indexes anew from the records; while no server runs.
    Reindex {
        /// The objects; without any, all of them.
        #[arg(value_name = "OBJECT")]
        objects: Vec<String>,
    },
}

/// `quarry serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where HTTP and GraphQL listen [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    pub http: Option<String>,
    /// Where the Postgres wire protocol listens [default: 127.0.0.1:5433].
    #[arg(long, value_name = "ADDR")]
    pub pg: Option<String>,
    /// The certificate (PEM) for TLS on both doors.
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// Its private key (PEM).
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Refuse what comes without TLS.
    #[arg(long)]
    pub tls_required: bool,
    /// Write demo records at the first start.
    #[arg(long)]
    pub demo: bool,
    /// Print what holds and why, and stop.
    #[arg(long)]
    pub explain_config: bool,
}

/// Which state a command works on: a running server, or the data folder when none runs.
#[derive(Clone, Debug, Args)]
pub struct Reach {
    /// A running server, like http://127.0.0.1:8080; without it the data folder is opened.
    #[arg(long, env = "QUARRY_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// Certificates (PEM) to trust on https:// instead of those of the public authorities.
    #[arg(long, env = "QUARRY_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The user on that server; the password comes from QUARRY_PASSWORD or a prompt.
    #[arg(long, env = "QUARRY_USER", default_value = "admin", value_name = "NAME")]
    pub user: String,
}

/// `quarry import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The mapping: which file becomes which object, and how.
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// Folders and files to read.
    #[arg(required = true, value_name = "DIR|FILE")]
    pub sources: Vec<PathBuf>,
    /// Check everything, keep nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Where the findings go, a JSON line each [default: <mapping>.findings.ndjson here].
    #[arg(long, value_name = "FILE")]
    pub findings: Option<PathBuf>,
    /// Which state.
    #[command(flatten)]
    pub reach: Reach,
}

/// `quarry query` and `quarry sql`.
#[derive(Debug, Args)]
pub struct Question {
    /// The question.
    pub text: String,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Which state.
    #[command(flatten)]
    pub reach: Reach,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people.
    Table,
    /// A JSON object a line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
}

/// `quarry package`.
#[derive(Debug, Subcommand)]
pub enum Package {
    /// Compile package folders and print every finding.
    Check {
        /// The folders; without any, those that would be served.
        folders: Vec<PathBuf>,
    },
    /// Try the cases of package folders (`*.case.yml`), each on an empty store.
    Test {
        /// The folders; without any, those that would be served. What they depend on and do not hold is taken from there.
        folders: Vec<PathBuf>,
        /// Only cases with this in their name or in that of their file.
        #[arg(long, value_name = "TEXT")]
        filter: Option<String>,
    },
    /// Bring packages of other programs of this family into our form, and tell what became of everything in them.
    Import(Foreign),
    /// List every published version and its state.
    List {
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// Tell what package folders change for who uses the active versions.
    Diff(Folders),
    /// Tell also what activating them would do to the records.
    Plan(Folders),
    /// Keep package folders as versions that never change.
    Publish(Folders),
    /// Serve published versions from now on.
    Activate {
        /// The versions, like crm@1.2.0.
        #[arg(required = true, value_name = "VERSION")]
        versions: Vec<String>,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// Serve the version of a package that was active before.
    Rollback {
        /// The package.
        package: String,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
}

/// `quarry package import`.
#[derive(Debug, Args)]
pub struct Foreign {
    /// A folder of metadata files, or one file: an object, a list of them, a whole stack.
    pub from: PathBuf,
    /// The folder to make package folders in; none of theirs may be there yet.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Package folders that the imported ones may stand on [default: those that would be served].
    #[arg(long = "with", value_name = "DIR")]
    pub with: Vec<PathBuf>,
    /// The package of what names none [default: what the folder or file is called].
    #[arg(long)]
    pub name: Option<String>,
    /// The version of a package that says none.
    #[arg(long, default_value = "1.0.0", value_name = "VERSION")]
    pub package_version: String,
    /// The language that labels and messages are in.
    #[arg(long, default_value = "en")]
    pub locale: String,
    /// Write the whole report there, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print also what only has another name.
    #[arg(long)]
    pub all: bool,
}

/// Package folders and the state that they are held against.
#[derive(Debug, Args)]
pub struct Folders {
    /// The folders; without any, those that would be served.
    pub folders: Vec<PathBuf>,
    /// Which state.
    #[command(flatten)]
    pub reach: Reach,
}

/// `quarry user`.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Make a user; the password comes from QUARRY_NEW_PASSWORD or a prompt.
    Add {
        /// The login name.
        name: String,
        /// May look after users and packages.
        #[arg(long)]
        admin: bool,
        /// A service account: it has API keys, and no password.
        #[arg(long)]
        service: bool,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// Change a password.
    Passwd(Named),
    /// Tell what a user was given.
    Show(Named),
    /// Give a user a permission set.
    Grant {
        /// The login name.
        name: String,
        /// The permission set.
        set: String,
        /// When it ends by itself, like 2027-01-31T18:00:00Z.
        #[arg(long, value_name = "INSTANT")]
        until: Option<String>,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// Take a permission set from a user.
    Revoke {
        /// The login name.
        name: String,
        /// The permission set.
        set: String,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// List the sessions of a user.
    Sessions(Named),
    /// End all sessions of a user.
    Logout(Named),
    /// Let a name that failed too often log in again, on a running server.
    Unlock(Named),
    /// Look after API keys.
    #[command(subcommand)]
    Key(Key),
}

/// A user and where to look for him.
#[derive(Debug, Args)]
pub struct Named {
    /// The login name.
    pub name: String,
    /// Which state.
    #[command(flatten)]
    pub reach: Reach,
}

/// `quarry user key`.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make an API key; it is printed once.
    Add {
        /// The login name of its user.
        owner: String,
        /// What it is called.
        name: String,
        /// A permission set that it has, of those of its user; without any, it has all of them.
        #[arg(long = "set", value_name = "SET")]
        sets: Vec<String>,
        /// It changes nothing.
        #[arg(long)]
        read_only: bool,
        /// How long it lasts [default: 90].
        #[arg(long)]
        days: Option<u32>,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// List the API keys of a user.
    List(Named),
    /// Revoke an API key.
    Revoke {
        /// The login name of its user.
        owner: String,
        /// Its id, as the list tells it.
        id: String,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
}

/// `quarry audit`.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Write history with its hashes, NDJSON; while no server runs.
    Export(Export),
    /// Let go of history older than so many days, with a checkpoint in its place; while no server runs. Legal holds are kept.
    Forget {
        /// How many days are kept.
        #[arg(long, value_name = "N")]
        days: std::num::NonZeroU32,
        /// Of which tenant.
        #[arg(long, value_name = "NAME", default_value = "main")]
        tenant: String,
    },
    /// Check an export by itself, without a server and without the data folder.
    Check {
        /// The export.
        file: PathBuf,
    },
    /// Legal holds: what may not be purged.
    #[command(subcommand)]
    Hold(HoldCommand),
}

/// `quarry audit export`.
#[derive(Debug, Args)]
pub struct Export {
    /// From this date or instant on (UTC) [default: the first entry].
    #[arg(long, value_name = "WHEN")]
    pub from: Option<String>,
    /// Before this date or instant [default: to the last entry].
    #[arg(long, value_name = "WHEN")]
    pub to: Option<String>,
    /// Of which tenant.
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub tenant: String,
    /// The file, which may not be there yet [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// With the entries themselves, so that each hash can be made again. They hold everything, what proves who users are too.
    #[arg(long)]
    pub frames: bool,
}

/// `quarry audit hold`.
#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Hold something: `*`, an object, or object/record.
    Place {
        /// What.
        on: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// List what is held.
    List {
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
    /// Hold something no longer.
    Lift {
        /// What.
        on: String,
        /// Which state.
        #[command(flatten)]
        reach: Reach,
    },
}

/// `quarry demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// 1 is about 500 accounts with all that belongs to them.
    #[arg(long, default_value_t = 1)]
    pub scale: u32,
    /// The same seed makes the same records.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Which state.
    #[command(flatten)]
    pub reach: Reach,
}

impl Command {
    /// What the flags say about settings.
    pub fn given(&self) -> Given {
        let mut flags: Vec<(&'static str, String)> = Vec::new();
        let mut flag = |key, value: Option<String>| flags.extend(value.map(|v| (key, v)));
        flag("data", self.data.as_ref().map(|p| p.display().to_string()));
        flag("packages", self.packages.clone());
        if let What::Serve(serve) = &self.what {
            flag("http", serve.http.clone());
            flag("pg", serve.pg.clone());
            flag("tls_cert", serve.tls_cert.clone());
            flag("tls_key", serve.tls_key.clone());
            flag("tls_required", serve.tls_required.then(|| "true".to_owned()));
        }
        Given { file: self.config.clone(), flags }
    }
}
