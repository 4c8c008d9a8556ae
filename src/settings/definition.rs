//! The settings there are: key, default, meaning, form.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

/// One setting.
pub struct Definition {
    /// In the file; `QUARRY_<KEY>` in the environment.
    pub key: &'static str,
    /// When nobody says anything.
    pub default: &'static str,
    /// For people.
    pub meaning: &'static str,
    /// Is the value of the right form?
    pub check: fn(&str) -> Result<(), String>,
}

/// `QUARRY_` variables that are no settings: secrets, and what clients read. (Nor are those of the tests, `QUARRY_TEST_…`.)
pub const OTHER_VARIABLES: &[&str] = &[
    "QUARRY_ADMIN_PASSWORD",
    "QUARRY_MASTER_KEY",
    "QUARRY_PASSWORD",
    "QUARRY_NEW_PASSWORD",
    "QUARRY_SERVER",
    "QUARRY_CA",
    "QUARRY_USER",
    "QUARRY_TARGET_DIR",
    "QUARRY_CACHE",
];

fn any(_: &str) -> Result<(), String> {
    Ok(())
}

fn path(value: &str) -> Result<(), String> {
    if value.is_empty() { Err("a path is needed".into()) } else { Ok(()) }
}

fn address(value: &str) -> Result<(), String> {
    value.parse::<SocketAddr>().map(drop).map_err(|_| "an address like 127.0.0.1:8080 is needed".into())
}

fn number(value: &str) -> Result<(), String> {
    value.parse::<u64>().map(drop).map_err(|_| "a whole number is needed".into())
}

fn positive(value: &str) -> Result<(), String> {
    match value.parse::<u64>() {
        Ok(1..) => Ok(()),
        _ => Err("a whole number above 0 is needed".into()),
    }
}

fn proxies(value: &str) -> Result<(), String> {
    quarry_http::Proxies::parse(value).map(drop)
}

/// `eu=/srv/eu,us=/srv/us`.
pub(super) fn places(value: &str) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut places = BTreeMap::new();
    for place in value.split(',').map(str::trim).filter(|place| !place.is_empty()) {
        let (name, folder) = place.split_once('=').unwrap_or((place, ""));
        let (name, folder) = (name.trim(), folder.trim());
        if name.is_empty() || folder.is_empty() {
            return Err(format!("{place:?} is not name=folder"));
        }
        if places.insert(name.to_owned(), PathBuf::from(folder)).is_some() {
            return Err(format!("{name:?} is there twice"));
        }
    }
    Ok(places)
}

fn locations(value: &str) -> Result<(), String> {
    places(value).map(drop)
}

fn truth(value: &str) -> Result<(), String> {
    value.parse::<bool>().map(drop).map_err(|_| "true or false is needed".into())
}

fn origins(value: &str) -> Result<(), String> {
    quarry_http::Origins::parse(value, false).map(drop)
}

fn header_bytes(value: &str) -> Result<(), String> {
    match value.parse::<u64>() {
        Ok(8192..=1_048_576) => Ok(()),
        _ => Err("a whole number from 8192 to 1048576 is needed".into()),
    }
}

const fn define(
    key: &'static str,
    default: &'static str,
    check: fn(&str) -> Result<(), String>,
    meaning: &'static str,
) -> Definition {
    Definition { key, default, meaning, check }
}

/// Every setting, in the order it is explained.
pub const DEFINITIONS: &[Definition] = &[
    define("data", "./quarry-data", path, "the data folder"),
    define(
        "master_key_file",
        "",
        any,
        "the file with the master key that data is encrypted under (or QUARRY_MASTER_KEY); none: new data is not encrypted",
    ),
    define(
        "locations",
        "",
        locations,
        "folders that tenants can be pinned to: name=folder, ',' between them",
    ),
    define("tenants_open_max", "256", positive, "tenants that are open at a time"),
    define("packages", "./packages", path, "package folders, ':' between them"),
    define("http", "127.0.0.1:8080", address, "where HTTP and GraphQL listen"),
    define("pg", "127.0.0.1:5433", address, "where the Postgres wire protocol listens"),
    define("log", "info", any, "which log lines are written, as tracing filters say it"),
    define("query_timeout_ms", "60000", number, "a question is ended when it has run so long; 0: never"),
    define("query_memory_bytes", "2147483648", positive, "what all running questions may hold together"),
    define(
        "plan_rows_max",
        "10000000000",
        positive,
        "rows that a question may handle, by the estimate made before it runs",
    ),
    define(
        "plan_bytes_max",
        "1099511627776",
        positive,
        "bytes that a question may read and join, by the same estimate",
    ),
    define(
        "heavy_rows",
        "500000",
        positive,
        "a question over more rows runs on threads that give way to others",
    ),
    define("cache_bytes", "1073741824", positive, "what decoded columns and index readers may hold"),
    define("history_window_seconds", "86400", number, "how far back past states can be asked for"),
    define("recycle_bin_days", "30", number, "how long deleted records may come back, days; 0: for ever"),
    define("token_seconds", "3600", positive, "how long an access token lasts"),
    define("session_seconds", "2592000", positive, "how long a session can be refreshed after its login"),
    define("lock_failures", "50", number, "failed logins in a row that lock a name; 0: it is never locked"),
    define("lock_seconds", "3600", positive, "how long a name is locked, unless an administrator lifts it"),
    define("tls_cert", "", any, "the certificate (PEM) for TLS on both doors; without one there is no TLS"),
    define("tls_key", "", any, "its private key (PEM)"),
    define("tls_required", "false", truth, "whether what comes without TLS is refused"),
    define(
        "hsts_seconds",
        "31536000",
        number,
        "for so long browsers that came by TLS come by nothing else; 0: not told",
    ),
    define(
        "cors_origins",
        "",
        origins,
        "pages of which other origins may ask, blanks between them; none, or * for all",
    ),
    define("cors_credentials", "false", truth, "whether they may use a login that the browser remembers"),
    define(
        "issuers",
        "",
        any,
        "a TOML file of OpenID Connect issuers whose tokens are taken; none where empty",
    ),
    define("body_bytes_max", "8388608", positive, "the largest HTTP request body"),
    define(
        "content_bytes_max",
        "268435456",
        positive,
        "the largest content that is sent (a document, a picture)",
    ),
    define("open_body_bytes_max", "16384", positive, "the largest body of who has not logged in"),
    define(
        "body_stalled_seconds_max",
        "30",
        positive,
        "a body of which nothing comes for so long is given up",
    ),
    define(
        "request_seconds_max",
        "120",
        positive,
        "a request has come in, and begins to be answered, within this",
    ),
    define("header_bytes_max", "65536", header_bytes, "a request line with its headers"),
    define("headers_max", "100", positive, "headers of a request"),
    define(
        "header_seconds_max",
        "15",
        positive,
        "handshake and headers come within this; so long a connection may idle",
    ),
    define(
        "authentication_seconds_max",
        "30",
        positive,
        "who connects by the Postgres wire has proven who it is",
    ),
    define("message_bytes_max", "67108864", positive, "the longest message of the Postgres wire"),
    define(
        "tenant_requests_per_second",
        "0",
        number,
        "requests a second that a tenant may make; 0: as many as it likes",
    ),
    define(
        "tenant_requests_burst",
        "0",
        number,
        "requests it may make at once after a quiet time; at least a second's",
    ),
    define("tenant_requests_running_max", "128", positive, "requests of a tenant that are worked on at once"),
    define("tenant_requests_waiting_max", "1024", positive, "requests of a tenant that wait for that"),
    define(
        "history_days",
        "0",
        number,
        "days that history is kept, unless a tenant's quota says otherwise; 0: for good",
    ),
    define(
        "tenant_rows_max",
        "0",
        number,
        "records that a tenant may have, unless its own quota says otherwise; 0: as many as it likes",
    ),
    define(
        "tenant_storage_bytes_max",
        "0",
        number,
        "bytes that a tenant's files may have, unless its own quota says otherwise; 0: as many as there is room for",
    ),
    define(
        "tenant_query_memory_bytes",
        "0",
        number,
        "of query_memory_bytes, what the questions of one tenant may hold together; 0: half where several are open",
    ),
    define("requests_running_max", "256", positive, "requests of all tenants that are worked on at once"),
    define(
        "trusted_proxies",
        "",
        proxies,
        "addresses and networks of proxies whose X-Forwarded-For is believed, with commas between",
    ),
    define("connections_max", "256", positive, "connections per door"),
    define(
        "connections_per_address_max",
        "192",
        positive,
        "of these, from one address (of IPv6, from one /64)",
    ),
];
