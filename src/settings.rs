//! Settings: what holds, and why. A flag wins over the environment, that over the configuration file, that over the
//! default; `quarry serve --explain-config` prints each with where it came from.

mod definition;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use quarry_engine::{RequestLimits, TenantLimits};
use quarry_http::Origins;
use quarry_listen::{Tls, TlsFiles};

use definition::{DEFINITIONS, Definition};
use quarry_engine::{IdentityOptions, Lock};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag of the command.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag => f.write_str("flag"),
        }
    }
}

/// All settings, each with its value as text and its origin.
#[derive(Clone, Debug)]
pub struct Settings(BTreeMap<&'static str, (String, Origin)>);

/// What was given from outside, before it is laid over the defaults.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// `--config`; without it `./quarry.toml` is read where it exists.
    pub file: Option<PathBuf>,
    /// Flags by setting key; those not given are left out.
    pub flags: Vec<(&'static str, String)>,
}

impl Settings {
    /// Lays flags over the environment over the file over the defaults, and checks every value.
    ///
    /// # Errors
    ///
    /// An unknown key or `QUARRY_…` variable, a value of the wrong form, or an unreadable file, named.
    pub fn resolve(given: &Given, environment: impl Iterator<Item = (String, String)>) -> Result<Settings> {
        let defaults = DEFINITIONS.iter().map(|d| (d.key, (d.default.to_owned(), Origin::Default)));
        let mut settings = Settings(defaults.collect());
        settings.lay_file(given.file.as_deref())?;
        settings.lay_environment(environment)?;
        for (key, value) in &given.flags {
            settings.set(key, value.clone(), Origin::Flag)?;
        }
        settings.agree()?;
        Ok(settings)
    }

    /// What is right alone may be wrong together.
    fn agree(&self) -> Result<()> {
        if self.text("tls_cert").is_empty() != self.text("tls_key").is_empty() {
            bail!("tls_cert and tls_key are given together, or neither of them");
        }
        if self.tls_required() && self.tls().is_none() {
            bail!("tls_required needs tls_cert and tls_key");
        }
        self.origins().map(drop)
    }

    fn lay_file(&mut self, named: Option<&Path>) -> Result<()> {
        let usual = Path::new("quarry.toml");
        let path = match named {
            Some(path) => path,
            None if usual.exists() => usual,
            None => return Ok(()),
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the configuration file {} can't be read", path.display()))?;
        let table: toml::Table = text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
        for (key, value) in table {
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(truth) => truth.to_string(),
                other => bail!("{}: {key}: a {} can't be a setting", path.display(), other.type_str()),
            };
            self.set(&key, text, Origin::File(path.to_owned()))?;
        }
        Ok(())
    }

    fn lay_environment(&mut self, environment: impl Iterator<Item = (String, String)>) -> Result<()> {
        for (name, value) in environment {
            let Some(key) = name.strip_prefix("QUARRY_") else { continue };
            if definition::OTHER_VARIABLES.contains(&name.as_str()) || key.starts_with("TEST_") {
                continue;
            }
            self.set(&key.to_lowercase(), value, Origin::Environment(name.clone()))?;
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: String, origin: Origin) -> Result<()> {
        let Some(definition) = DEFINITIONS.iter().find(|d| d.key == key) else {
            let known: Vec<_> = DEFINITIONS.iter().map(|d| d.key).collect();
            bail!("{origin}: there is no setting {key:?}; there are {}", known.join(", "));
        };
        (definition.check)(&value).map_err(|why| anyhow::anyhow!("{origin}: {key} = {value:?}: {why}"))?;
        self.0.insert(definition.key, (value, origin));
        Ok(())
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).map_or("", |(value, _)| value.as_str())
    }

    fn truth(&self, key: &str) -> bool {
        self.text(key) == "true"
    }

    fn count(&self, key: &str) -> usize {
        usize::try_from(self.number(key)).unwrap_or(usize::MAX)
    }

    fn number(&self, key: &str) -> u64 {
        self.text(key).parse().unwrap_or_default()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        PathBuf::from(self.text("data"))
    }

    /// The file with the master key.
    pub fn master_key_file(&self) -> Option<PathBuf> {
        Some(self.text("master_key_file")).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    /// Folders that tenants can be pinned to.
    pub fn locations(&self) -> BTreeMap<String, PathBuf> {
        definition::places(self.text("locations")).unwrap_or_default()
    }

    /// Tenants that are open at a time.
    pub fn tenants_open_max(&self) -> usize {
        self.count("tenants_open_max")
    }

    /// The package folders, `:` between them.
    pub fn packages(&self) -> Vec<PathBuf> {
        std::env::split_paths(self.text("packages")).collect()
    }

    /// Where the HTTP door listens.
    pub fn http(&self) -> Option<SocketAddr> {
        self.text("http").parse().ok()
    }

    /// Where the Postgres door listens.
    pub fn pg(&self) -> Option<SocketAddr> {
        self.text("pg").parse().ok()
    }

    /// The filter of the log lines.
    pub fn log(&self) -> &str {
        self.text("log")
    }

    /// A question is ended when it has run so long; none when 0.
    pub fn query_timeout(&self) -> Option<Duration> {
        Some(self.number("query_timeout_ms")).filter(|ms| *ms > 0).map(Duration::from_millis)
    }

    /// What all running queries may hold together, bytes.
    pub fn query_memory_bytes(&self) -> u64 {
        self.number("query_memory_bytes")
    }

    /// Rows that a question may handle, by its estimate.
    pub fn plan_rows_max(&self) -> u64 {
        self.number("plan_rows_max")
    }

    /// Bytes that a question may read and join, by its estimate.
    pub fn plan_bytes_max(&self) -> u64 {
        self.number("plan_bytes_max")
    }

    /// A question over more rows is a heavy one.
    pub fn heavy_rows(&self) -> u64 {
        self.number("heavy_rows")
    }

    /// What caches may hold, bytes.
    pub fn cache_bytes(&self) -> u64 {
        self.number("cache_bytes")
    }

    /// How far back past states can be asked for, seconds.
    pub fn history_window_seconds(&self) -> u64 {
        self.number("history_window_seconds")
    }

    /// How long deleted records may come back, days; none when 0.
    pub fn recycle_bin_days(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(u32::try_from(self.number("recycle_bin_days")).unwrap_or(u32::MAX))
    }

    /// The file of issuers whose tokens are taken.
    pub fn issuers(&self) -> Option<PathBuf> {
        Some(self.text("issuers")).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// How logins are looked after.
    pub fn identity_options(&self) -> IdentityOptions {
        let failures = u32::try_from(self.number("lock_failures")).unwrap_or(u32::MAX);
        let lock = Lock { failures, seconds: self.number("lock_seconds") };
        let session_seconds = self.number("session_seconds");
        IdentityOptions { session_seconds, lock: Some(lock).filter(|lock| lock.failures > 0) }
    }

    /// How long an access token lasts, seconds.
    pub fn token_seconds(&self) -> u64 {
        self.number("token_seconds")
    }

    /// The largest content, bytes.
    pub fn content_bytes_max(&self) -> u64 {
        self.number("content_bytes_max")
    }

    /// Certificate and key.
    pub fn tls(&self) -> Option<TlsFiles> {
        let path = |key: &str| Some(self.text(key)).filter(|text| !text.is_empty()).map(PathBuf::from);
        Some(TlsFiles { certificate: path("tls_cert")?, key: path("tls_key")? })
    }

    /// Whether what comes without TLS is refused.
    pub fn tls_required(&self) -> bool {
        self.truth("tls_required")
    }

    /// Pages of which other sites may ask.
    ///
    /// # Errors
    ///
    /// Origins and credentials that don't go together.
    pub fn origins(&self) -> Result<Origins> {
        Origins::parse(self.text("cors_origins"), self.truth("cors_credentials"))
            .map_err(|why| anyhow::anyhow!("cors_origins, cors_credentials: {why}"))
    }

    /// Whether pages of other sites may use a login that the browser remembers.
    pub fn cors_credentials(&self) -> bool {
        self.truth("cors_credentials")
    }

    /// What a tenant may ask for.
    pub fn request_limits(&self) -> RequestLimits {
        let small = |key: &str| u32::try_from(self.number(key)).unwrap_or(u32::MAX);
        RequestLimits {
            per_second: NonZeroU32::new(small("tenant_requests_per_second")),
            burst: small("tenant_requests_burst"),
            running_max: self.count("tenant_requests_running_max"),
            waiting_max: self.count("tenant_requests_waiting_max"),
            ..RequestLimits::default()
        }
    }

    /// What a tenant may have.
    pub fn limits_of_all(&self) -> TenantLimits {
        let bound = |key: &str| Some(self.number(key)).filter(|limit| *limit > 0);
        TenantLimits {
            rows: bound("tenant_rows_max"),
            storage_bytes: bound("tenant_storage_bytes_max"),
            memory_bytes: bound("tenant_query_memory_bytes"),
            history_days: bound("history_days"),
            ..TenantLimits::default()
        }
    }

    /// Requests of all tenants that are worked on at once.
    pub fn requests_running_max(&self) -> usize {
        self.count("requests_running_max")
    }

    /// The limits of the HTTP door.
    ///
    /// # Errors
    ///
    /// Those of [`Self::origins`].
    pub fn http_options(&self, tls: Option<Arc<Tls>>) -> Result<quarry_http::HttpOptions> {
        Ok(quarry_http::HttpOptions {
            body_bytes_max: self.count("body_bytes_max"),
            open_body_bytes_max: self.count("open_body_bytes_max"),
            body_stalled_seconds_max: self.number("body_stalled_seconds_max"),
            request_seconds_max: self.number("request_seconds_max"),
            header_bytes_max: self.count("header_bytes_max"),
            headers_max: self.count("headers_max"),
            header_seconds_max: self.number("header_seconds_max"),
            connections_max: self.count("connections_max"),
            connections_per_address_max: self.count("connections_per_address_max"),
            query_timeout: self.query_timeout(),
            tls,
            tls_required: self.tls_required(),
            hsts_seconds: self.number("hsts_seconds"),
            origins: self.origins()?,
            proxies: quarry_http::Proxies::parse(self.text("trusted_proxies"))
                .map_err(|why| anyhow::anyhow!("trusted_proxies: {why}"))?,
            ..Default::default()
        })
    }

    /// The limits of the Postgres door.
    pub fn postgres_options(&self, tls: Option<Arc<Tls>>) -> quarry_postgres::PostgresOptions {
        quarry_postgres::PostgresOptions {
            connections_max: self.count("connections_max"),
            connections_per_address_max: self.count("connections_per_address_max"),
            authentication_timeout: Duration::from_secs(self.number("authentication_seconds_max")),
            message_bytes_max: self.count("message_bytes_max"),
            statement_timeout: self.query_timeout(),
            tls,
            tls_required: self.tls_required(),
            ..Default::default()
        }
    }

    /// How long a session can be refreshed after its login, seconds.
    pub fn session_seconds(&self) -> u64 {
        self.number("session_seconds")
    }

    /// Failed logins in a row that lock a name; none when 0.
    pub fn lock_failures(&self) -> u64 {
        self.number("lock_failures")
    }

    /// For how long browsers are told to come by TLS only, seconds.
    pub fn hsts_seconds(&self) -> u64 {
        self.number("hsts_seconds")
    }

    /// Connections of one door.
    pub fn connections_max(&self) -> u64 {
        self.number("connections_max")
    }

    /// Of these, from one address.
    pub fn connections_per_address_max(&self) -> u64 {
        self.number("connections_per_address_max")
    }

    /// The configuration file that was read.
    pub fn file(&self) -> Option<PathBuf> {
        self.0.values().find_map(|(_, origin)| match origin {
            Origin::File(path) => Some(path.clone()),
            _ => None,
        })
    }

    /// Every setting: key, value, origin and meaning, a line each.
    pub fn explain(&self) -> String {
        let line = |d: &Definition| {
            let (value, origin) = self.0.get(d.key)?;
            Some(format!("{:<27} {:<28} # {origin}: {}", d.key, format!("= {value:?}"), d.meaning))
        };
        DEFINITIONS.iter().filter_map(line).collect::<Vec<_>>().join("\n")
    }
}
