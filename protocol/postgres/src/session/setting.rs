//! SET, SHOW, RESET, and the settings of a start-up message.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::{
    ContextModifier, Expr, Ident, ObjectName, Reset, Set, TransactionAccessMode, TransactionIsolationLevel,
    TransactionMode, UnaryOperator, Value,
};

use super::{Outcome, Session, SessionLimits, Tag};
use crate::{
    error::{PgError, Result},
    names::folded,
    run::Rows,
    settings::{Scope, Settings},
    sqlstate::SqlState,
};

/// The setting that holds a session to older versions of packages: `crm@1.4`.
pub const VERSION: &str = "quarry.version";

/// Settings that a start-up message may carry beside those that `SET` knows.
const NOT_SETTINGS: &[&str] = &["options"];

/// Takes the settings of a start-up message, `options` (`-c name=value`) among them.
///
/// # Errors
///
/// Those of `SET`.
pub fn begin_with(
    settings: &Settings,
    parameters: &BTreeMap<String, String>,
    limits: &SessionLimits,
) -> Result<()> {
    let millis =
        |d: Option<std::time::Duration>| d.map_or_else(|| "0".to_owned(), |d| d.as_millis().to_string());
    settings.begin_with("statement_timeout", &millis(limits.statement_timeout))?;
    settings
        .begin_with("idle_in_transaction_session_timeout", &millis(limits.idle_in_transaction_timeout))?;
    // A client may have less of them, not more, and not for ever.
    let bounds = [
        ("statement_timeout", limits.statement_timeout),
        ("idle_in_transaction_session_timeout", limits.idle_in_transaction_timeout),
    ];
    for (name, most) in bounds {
        most.into_iter().for_each(|most| settings.bound(name, most));
    }
    for (name, value) in parameters.iter().filter(|(name, _)| !NOT_SETTINGS.contains(&name.as_str())) {
        settings.begin_with(name, value)?;
    }
    for (name, value) in parameters.get("options").map(|o| read_options(o)).transpose()?.unwrap_or_default() {
        settings.begin_with(&name, &value)?;
    }
    Ok(())
}

/// `-c a=b --c=d`; a backslash keeps a space.
fn read_options(text: &str) -> Result<Vec<(String, String)>> {
    let mut words = vec![String::new()];
    let mut chars = text.chars();
    while let Some(next) = chars.next() {
        match (next, words.last_mut()) {
            ('\\', Some(word)) => word.extend(chars.next()),
            (c, _) if c.is_whitespace() => words.push(String::new()),
            (c, Some(word)) => word.push(c),
            (_, None) => {}
        }
    }
    let mut found = Vec::new();
    let mut words = words.into_iter().filter(|w| !w.is_empty());
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix("-c").or_else(|| word.strip_prefix("--")) {
            Some("") => words.next().unwrap_or_default(),
            Some(rest) => rest.to_owned(),
            None => word.clone(),
        };
        match assignment.split_once('=') {
            Some((name, value)) if word.starts_with('-') => {
                found.push((name.replace('-', "_"), value.to_owned()))
            }
            _ => {
                let message = format!("invalid command-line argument for server process: {word}");
                return Err(PgError::new(SqlState::SYNTAX, message));
            }
        }
    }
    Ok(found)
}

impl Session {
    /// `SET …`.
    pub(super) fn do_set(&mut self, set: &Set) -> Result<Outcome> {
        match set {
            Set::SingleAssignment { scope, variable, values, .. } => {
                let scope = self.scope_of(*scope)?;
                self.assign(&dotted(variable), values, scope)?;
            }
            Set::SetTimeZone { local, value } => {
                let scope = self.scope_of(local.then_some(ContextModifier::Local))?;
                self.assign("TimeZone", std::slice::from_ref(value), scope)?;
            }
            Set::SetNames { charset_name, .. } => {
                self.settings.set("client_encoding", &charset_name.value, Scope::Session)?;
            }
            Set::SetNamesDefault {} => self.settings.reset("client_encoding")?,
            Set::SetRole { role_name, .. } => {
                let role = role_name.as_ref().map_or_else(|| "none".to_owned(), folded);
                self.settings.set("role", &role, Scope::Session)?;
            }
            Set::SetTransaction { modes, session, snapshot } => {
                if snapshot.is_some() {
                    let hint = "begin a transaction: it has a snapshot of its own";
                    return Err(PgError::unsupported("snapshots can't be imported", hint));
                }
                self.set_transaction(modes, *session)?;
            }
            _ => {
                let hint = "write SET name TO value";
                return Err(PgError::unsupported("this form of SET is not supported", hint));
            }
        }
        Ok(Outcome::done("SET"))
    }

    /// A local value outside a transaction has no effect, and the client is warned of it.
    fn scope_of(&mut self, modifier: Option<ContextModifier>) -> Result<Scope> {
        match modifier {
            Some(ContextModifier::Local) => {
                if !self.block.is_open() {
                    self.warn(
                        SqlState::NO_ACTIVE_TRANSACTION,
                        "SET LOCAL can only be used in transaction blocks",
                    );
                }
                Ok(Scope::Local)
            }
            Some(ContextModifier::Global) => {
                let hint = "settings belong to a connection";
                Err(PgError::unsupported("SET GLOBAL is not supported", hint))
            }
            _ => Ok(Scope::Session),
        }
    }

    fn assign(&mut self, name: &str, values: &[Expr], scope: Scope) -> Result<()> {
        if let [Expr::Identifier(word)] = values
            && word.quote_style.is_none()
            && word.value.eq_ignore_ascii_case("default")
        {
            return self.reset(name);
        }
        let texts = values.iter().map(|v| text_of(name, v)).collect::<Result<Vec<_>>>()?;
        if name.eq_ignore_ascii_case(VERSION) {
            return self.set_version(&texts.join(", "), scope);
        }
        let is_outside = scope == Scope::Local && !self.block.is_open();
        if is_outside {
            // Checked as any other, and gone at once: the statement is its own transaction.
            self.settings.begin();
        }
        let set = self.settings.set(name, &texts.join(", "), scope);
        let holds = self.settings.get(name);
        if is_outside {
            self.settings.end(true);
        }
        let set = set?;
        if let Some(holds) = holds.filter(|holds| *holds != set) {
            self.warn(SqlState::WARNING, &format!("{name} is at most {holds} on this server"));
        }
        Ok(())
    }

    /// `SET quarry.version`: the statements that follow see the objects as those versions declare them.
    fn set_version(&mut self, text: &str, scope: Scope) -> Result<()> {
        self.must_be_outside(scope == Scope::Local)?;
        self.user.pin(text)?;
        self.settings.set(VERSION, text, Scope::Session).map(drop)
    }

    fn must_be_outside(&self, is_local: bool) -> Result<()> {
        if is_local || self.block.is_open() {
            let hint = "set it before the transaction";
            return Err(PgError::unsupported("a transaction can't change its version", hint));
        }
        Ok(())
    }

    fn reset(&mut self, name: &str) -> Result<()> {
        if name.eq_ignore_ascii_case(VERSION) {
            self.must_be_outside(false)?;
        }
        self.settings.reset(name)?;
        self.follow_version()
    }

    /// Every setting as the connection began with it, the version among them.
    pub(super) fn reset_all(&mut self) -> Result<()> {
        if !self.user.pinned_version().is_empty() {
            self.must_be_outside(false)?;
        }
        self.settings.reset_all();
        self.follow_version()
    }

    /// Brings the engine's session to the version that the settings say.
    fn follow_version(&mut self) -> Result<()> {
        let text = self.settings.get(VERSION).unwrap_or_default();
        if text != self.user.pinned_version() {
            self.user.pin(&text)?;
        }
        Ok(())
    }

    /// `SET TRANSACTION`, `SET SESSION CHARACTERISTICS`, and the modes of `BEGIN`.
    pub(super) fn set_transaction(&mut self, modes: &[TransactionMode], is_session: bool) -> Result<()> {
        let (isolation, read_only, scope) = if is_session {
            ("default_transaction_isolation", "default_transaction_read_only", Scope::Session)
        } else {
            ("transaction_isolation", "transaction_read_only", Scope::Local)
        };
        if !is_session && !self.block.is_open() {
            self.warn(
                SqlState::NO_ACTIVE_TRANSACTION,
                "SET TRANSACTION can only be used in transaction blocks",
            );
            return Ok(());
        }
        for mode in modes {
            match mode {
                TransactionMode::AccessMode(mode) => {
                    let value = if *mode == TransactionAccessMode::ReadOnly { "on" } else { "off" };
                    self.settings.set(read_only, value, scope)?;
                }
                // All levels below it are kept by this one, which is what is told.
                TransactionMode::IsolationLevel(TransactionIsolationLevel::Serializable) => {
                    let hint = "repeatable read (snapshot isolation) is the strictest level here";
                    return Err(PgError::unsupported("isolation level serializable is not supported", hint));
                }
                TransactionMode::IsolationLevel(_) => {
                    self.settings.set(isolation, "repeatable read", scope)?;
                }
            }
        }
        Ok(())
    }

    /// `RESET name`, `RESET ALL`.
    pub(super) fn do_reset(&mut self, reset: &Reset) -> Result<Outcome> {
        match reset {
            Reset::ALL => self.reset_all()?,
            Reset::ConfigurationParameter(name) => self.reset(&dotted(name))?,
        }
        Ok(Outcome::done("RESET"))
    }

    /// `SHOW name`, `SHOW ALL`.
    pub(super) fn do_show(&mut self, words: &[Ident]) -> Result<Outcome> {
        let name = shown_name(words);
        if name.eq_ignore_ascii_case("all") {
            let all = self.settings.all();
            let column =
                |of: fn(&crate::catalog::Setting) -> &String| all.iter().map(|s| of(s).clone()).collect();
            let rows = Rows::texts(vec![
                ("name", column(|s| &s.name)),
                ("setting", column(|s| &s.value)),
                ("description", column(|s| &s.description)),
            ])?;
            return Ok(Outcome::Rows(rows, Tag::Fixed("SHOW".into())));
        }
        let Some(value) = self.settings.get(&name) else {
            let message = format!("unrecognized configuration parameter \"{name}\"");
            return Err(PgError::new(SqlState::UNDEFINED_OBJECT, message));
        };
        let rows = Rows::texts(vec![(name.as_str(), vec![value])])?;
        Ok(Outcome::Rows(rows, Tag::Fixed("SHOW".into())))
    }
}

/// Whether a version of a package is asked for.
pub fn names_version(set: &Set) -> bool {
    matches!(set, Set::SingleAssignment { variable, .. } if dotted(variable).eq_ignore_ascii_case(VERSION))
}

/// The setting that `SHOW` is about: `SHOW TIME ZONE`, `SHOW TRANSACTION ISOLATION LEVEL` are phrases.
pub fn shown_name(words: &[Ident]) -> String {
    let joined: Vec<String> = words.iter().map(|w| w.value.to_ascii_lowercase()).collect();
    let joined: Vec<&str> = joined.iter().map(String::as_str).collect();
    match joined.as_slice() {
        ["time", "zone"] => "TimeZone".into(),
        ["transaction", "isolation", "level"] => "transaction_isolation".into(),
        ["session", "authorization"] => "session_authorization".into(),
        parts => parts.join("."),
    }
}

fn dotted(name: &ObjectName) -> String {
    let parts: Vec<String> = name.0.iter().filter_map(|p| p.as_ident()).map(folded).collect();
    parts.join(".")
}

/// A value as it is written in SET: a string, a number, a word.
fn text_of(name: &str, expr: &Expr) -> Result<String> {
    match expr {
        Expr::Identifier(word) => Ok(word.value.clone()),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => Ok(digits.clone()),
            Value::Boolean(on) => Ok(if *on { "on" } else { "off" }.into()),
            other => match other.clone().into_string() {
                Some(text) => Ok(text),
                None => Err(not_a_value(name)),
            },
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(format!("-{}", text_of(name, expr)?)),
        _ => Err(not_a_value(name)),
    }
}

fn not_a_value(name: &str) -> PgError {
    let message = format!("SET {name} takes a string, a number or a word");
    PgError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
