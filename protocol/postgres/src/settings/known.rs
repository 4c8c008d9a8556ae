//! Every setting this door knows, with what it may be. What is not here is refused with `42704`, save for custom ones, which have a dot.

use super::value::{SettingValue, read_bool, read_millis, read_zone};
use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
};

/// The version that is told: the one whose behaviour is kept to.
pub const SERVER_VERSION: &str = "15.12";

/// What values a setting may have.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// On or off.
    Bool,
    /// A number between the two.
    Integer(i64, i64),
    /// A time.
    Millis,
    /// One of these, in any case; kept as written here.
    Choice(&'static [&'static str]),
    /// A time zone.
    Zone,
    /// Any text.
    Text,
    /// `ISO` with a field order.
    DateStyle,
    /// Nothing but what it is.
    Fixed,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its name as shown.
    pub name: &'static str,
    kind: Kind,
    default: &'static str,
    /// The client is told when it changes.
    pub reported: bool,
    /// What it does.
    pub description: &'static str,
}

const fn own(name: &'static str, kind: Kind, default: &'static str, description: &'static str) -> Known {
    Known { name, kind, default, reported: false, description }
}

const fn told(name: &'static str, kind: Kind, default: &'static str, description: &'static str) -> Known {
    Known { name, kind, default, reported: true, description }
}

const ON: &[&str] = &["on"];
const LEVELS: &[&str] =
    &["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"];
const ISOLATION: &[&str] = &["repeatable read", "read committed", "read uncommitted"];
const ENCODINGS: &[&str] = &["UTF8"];

/// All of them. Those that steer PostgreSQL's own planner and storage are accepted, as drivers set them; they have nothing to steer here.
#[rustfmt::skip]
pub const ALL: &[Known] = &[
    told("application_name", Kind::Text, "", "The name the client gave itself."),
    own("backslash_quote", Kind::Choice(&["safe_encoding", "on", "off"]), "safe_encoding", "Whether \\' is allowed in strings."),
    own("block_size", Kind::Fixed, "8192", "The size of a disk block."),
    own("bytea_output", Kind::Choice(&["hex"]), "hex", "How bytea is shown."),
    own("check_function_bodies", Kind::Bool, "on", "Without effect."),
    told("client_encoding", Kind::Choice(ENCODINGS), "UTF8", "The client's character set."),
    own("client_min_messages", Kind::Choice(LEVELS), "notice", "Which notices are sent."),
    told("DateStyle", Kind::DateStyle, "ISO, MDY", "How dates are shown."),
    own("default_tablespace", Kind::Text, "", "Without effect."),
    own("default_table_access_method", Kind::Text, "heap", "Without effect."),
    own("default_text_search_config", Kind::Text, "pg_catalog.simple", "Without effect."),
    own("default_transaction_deferrable", Kind::Bool, "off", "Without effect."),
    own("default_transaction_isolation", Kind::Choice(ISOLATION), "repeatable read", "The isolation of new transactions; all run as repeatable read."),
    told("default_transaction_read_only", Kind::Bool, "off", "Whether new transactions only read."),
    own("enable_bitmapscan", Kind::Bool, "on", "Without effect."),
    own("enable_hashjoin", Kind::Bool, "on", "Without effect."),
    own("enable_indexscan", Kind::Bool, "on", "Without effect."),
    own("enable_mergejoin", Kind::Bool, "on", "Without effect."),
    own("enable_nestloop", Kind::Bool, "on", "Without effect."),
    own("enable_seqscan", Kind::Bool, "on", "Without effect."),
    own("enable_sort", Kind::Bool, "on", "Without effect."),
    own("escape_string_warning", Kind::Bool, "on", "Without effect."),
    own("extra_float_digits", Kind::Integer(-15, 3), "1", "Floats are always shown exactly."),
    own("geqo", Kind::Bool, "on", "Without effect."),
    own("idle_in_transaction_session_timeout", Kind::Millis, "0", "Ends a connection that idles so long in a transaction."),
    own("idle_session_timeout", Kind::Millis, "0", "Ends a connection that idles so long."),
    told("in_hot_standby", Kind::Fixed, "off", "Whether this is a replica."),
    told("integer_datetimes", Kind::Fixed, "on", "Instants are whole microseconds."),
    told("IntervalStyle", Kind::Choice(&["postgres"]), "postgres", "How intervals are shown."),
    told("is_superuser", Kind::Fixed, "off", "Whether the user administers the server."),
    own("jit", Kind::Bool, "off", "Without effect."),
    own("lc_collate", Kind::Fixed, "C", "How text sorts."),
    own("lc_ctype", Kind::Fixed, "C.UTF-8", "What letters are."),
    own("lc_messages", Kind::Text, "C", "The language of messages."),
    own("lc_monetary", Kind::Text, "C", "Without effect."),
    own("lc_numeric", Kind::Text, "C", "Without effect."),
    own("lc_time", Kind::Text, "C", "Without effect."),
    own("lock_timeout", Kind::Millis, "0", "Without effect: nothing waits for a lock."),
    own("max_connections", Kind::Fixed, "200", "How many may be connected."),
    own("max_identifier_length", Kind::Fixed, "63", "The longest name."),
    own("max_index_keys", Kind::Fixed, "32", "The most columns of an index."),
    own("quote_all_identifiers", Kind::Bool, "off", "Whether names are always quoted."),
    own("role", Kind::Choice(&["none"]), "none", "The role taken on."),
    own("row_security", Kind::Choice(ON), "on", "Policies always hold."),
    own("search_path", Kind::Text, "\"$user\", public", "The schemas whose names need no prefix. Object names are unique over all packages: every object is found without one."),
    told("server_encoding", Kind::Fixed, "UTF8", "The server's character set."),
    told("server_version", Kind::Fixed, SERVER_VERSION, "The version of PostgreSQL whose behaviour is kept to."),
    own("server_version_num", Kind::Fixed, "150012", "The same as a number."),
    told("session_authorization", Kind::Fixed, "", "The user logged in."),
    own("session_replication_role", Kind::Choice(&["origin"]), "origin", "Rules always run."),
    own("ssl", Kind::Fixed, "off", "Whether connections may be encrypted."),
    told("standard_conforming_strings", Kind::Choice(ON), "on", "A backslash in a string is one."),
    own("statement_timeout", Kind::Millis, "0", "Ends a statement that runs so long."),
    own("synchronize_seqscans", Kind::Bool, "on", "Without effect."),
    own("synchronous_commit", Kind::Choice(ON), "on", "A commit is durable when it is told."),
    told("TimeZone", Kind::Zone, "UTC", "The zone instants are shown in."),
    own("transaction_deferrable", Kind::Bool, "off", "Without effect."),
    own("transaction_isolation", Kind::Choice(ISOLATION), "repeatable read", "The isolation of this transaction."),
    own("transaction_read_only", Kind::Bool, "off", "Whether this transaction only reads."),
    own("work_mem", Kind::Text, "4MB", "Without effect: memory is limited for all together."),
    own("xmloption", Kind::Choice(&["content", "document"]), "content", "Without effect."),
];

/// The setting of that name, in any case.
pub fn find(name: &str) -> Option<&'static Known> {
    ALL.iter().find(|k| k.name.eq_ignore_ascii_case(name))
}

impl Known {
    /// The value when nobody has set one.
    pub fn default(&self) -> SettingValue {
        let text = self.default;
        match self.kind {
            Kind::Fixed => SettingValue::Text(text.to_owned()),
            _ => self.read(text).unwrap_or_else(|_| SettingValue::Text(text.to_owned())),
        }
    }

    /// Whether a client may set it.
    pub fn is_settable(&self) -> bool {
        !matches!(self.kind, Kind::Fixed)
    }

    /// Its type, in PostgreSQL's words.
    pub fn vartype(&self) -> &'static str {
        match self.kind {
            Kind::Bool => "bool",
            Kind::Integer(..) | Kind::Millis => "integer",
            Kind::Choice(_) => "enum",
            Kind::Zone | Kind::Text | Kind::DateStyle | Kind::Fixed => "string",
        }
    }

    /// Reads a value for it.
    ///
    /// # Errors
    ///
    /// `22023`, `55P02`.
    pub fn read(&self, text: &str) -> Result<SettingValue> {
        let value = match self.kind {
            Kind::Bool => read_bool(text).map(SettingValue::Bool),
            Kind::Integer(least, most) => {
                let number = text.trim().parse().ok().filter(|n| (least..=most).contains(n));
                number.map(SettingValue::Integer)
            }
            Kind::Millis => read_millis(text).map(SettingValue::Millis),
            Kind::Choice(choices) => read_choice(self.name, text, choices),
            Kind::Zone => read_zone(text).map(SettingValue::Zone),
            Kind::Text => Some(SettingValue::Text(text.to_owned())),
            Kind::DateStyle => read_date_style(text),
            Kind::Fixed if text == self.default => Some(SettingValue::Text(text.to_owned())),
            Kind::Fixed => {
                let message = format!("parameter \"{}\" cannot be changed", self.name);
                return Err(PgError::new(SqlState::CANT_CHANGE_SETTING, message));
            }
        };
        value.ok_or_else(|| self.refuse(text))
    }

    fn refuse(&self, text: &str) -> PgError {
        let message = format!("invalid value for parameter \"{}\": \"{text}\"", self.name);
        let error = PgError::new(SqlState::INVALID_PARAMETER_VALUE, message);
        match self.kind {
            Kind::Choice(choices) => error.with_hint(format!("available values: {}", choices.join(", "))),
            Kind::DateStyle => error.with_hint("dates are shown in ISO style only"),
            _ => error,
        }
    }
}

fn read_choice(name: &str, text: &str, choices: &[&'static str]) -> Option<SettingValue> {
    let text = text.trim();
    let same = |c: &&&str| c.eq_ignore_ascii_case(text);
    let found = choices.iter().find(same).copied();
    let found = found.or_else(|| {
        let switch = read_bool(text)?;
        choices.iter().copied().find(|c| *c == if switch { "on" } else { "off" })
    });
    let found = found.or_else(|| (name == "client_encoding" && is_unicode(text)).then_some("UTF8"));
    found.map(|c| SettingValue::Text(c.to_owned()))
}

/// As PostgreSQL compares names of encodings: letters and digits count, so that `'utf-8'`, quoted as some drivers send it
/// at start-up, is one too.
fn is_unicode(text: &str) -> bool {
    let name: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    ["utf8", "unicode"].contains(&name.to_ascii_lowercase().as_str())
}

fn read_date_style(text: &str) -> Option<SettingValue> {
    let mut order = "MDY";
    for part in text.split(',') {
        match part.trim().to_ascii_uppercase().as_str() {
            "ISO" | "DEFAULT" => {}
            "MDY" | "US" | "NONEURO" => order = "MDY",
            "DMY" | "EURO" | "EUROPEAN" => order = "DMY",
            "YMD" => order = "YMD",
            _ => return None,
        }
    }
    Some(SettingValue::Text(format!("ISO, {order}")))
}
