//! A logged-in connection: what it has set, prepared, opened and begun, and the loop that answers its messages.
//!
//! The road of a message: [`Session::serve`] reads it → `simple` or `extended` → `statement` says what kind it is →
//! `control` (settings, cursors), `block` (transactions), `query` (rows) or the change road in `dml` → `reply` writes what came of it.

mod block;
mod control;
mod cursor;
mod describe;
mod extended;
mod known;
mod notice;
mod query;
mod reply;
mod security;
mod setting;
mod simple;
mod statement;

use std::{collections::HashMap, sync::Arc, time::Duration};

use arrow::datatypes::SchemaRef;
use datafusion::{scalar::ScalarValue, sql::sqlparser::ast::Statement};
use parking_lot::Mutex;
use pgwire::{
    api::Type,
    messages::{
        response::{ReadyForQuery, TransactionStatus},
        startup::{BackendKeyData, ParameterStatus, SecretKey},
    },
};
use quarry_engine::{Engine, Engines, Origin, RequestTurn, SessionOptions, Warnings};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use block::Block;
pub use reply::{Outcome, Tag};
pub use statement::refuse;

use crate::{
    cancel::{Cancels, Registration},
    catalog::CatalogSession,
    encode::{OutColumn, columns_of},
    error::{PgError, Result},
    run::{Guard, Queries, Rows},
    settings::{SettingValue, Settings},
    sqlstate::SqlState,
    startup::{self, DATABASE, Opened},
    wire::{Frontend, Wire},
};

/// Prepared statements, and portals, that a connection may hold.
const HELD_MAX: usize = 10_000;

/// What one connection may do.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// The longest statement text, bytes.
    pub statement_bytes_max: usize,
    /// Rows that one statement may change.
    pub rows_changed_max: usize,
    /// Cursors and named portals with rows still to come.
    pub cursors_max: usize,
    /// What `statement_timeout` begins with, and the most that it may be.
    pub statement_timeout: Option<Duration>,
    /// What `idle_in_transaction_session_timeout` begins with, and the most that it may be.
    pub idle_in_transaction_timeout: Option<Duration>,
}

/// A statement that was parsed, and whose parameters have types.
pub struct Prepared {
    /// The statement; none for an empty one.
    pub statement: Option<Arc<Statement>>,
    /// The types of its parameters.
    pub parameters: Vec<Type>,
    /// As its rows were told last, and what they were told of.
    columns: Mutex<Option<Announced>>,
}

/// Columns, of rows with such a schema, in these formats.
struct Announced {
    schema: SchemaRef,
    formats: Vec<i16>,
    columns: Arc<[OutColumn]>,
}

impl Prepared {
    /// A statement; none for an empty one.
    pub fn new(statement: Option<Arc<Statement>>, parameters: Vec<Type>) -> Prepared {
        Prepared { statement, parameters, columns: Mutex::default() }
    }

    /// The columns of its rows in the formats that were asked for.
    ///
    /// # Errors
    ///
    /// `08P01` for formats that are not.
    fn columns(&self, schema: &SchemaRef, formats: &[i16]) -> Result<Arc<[OutColumn]>> {
        let mut known = self.columns.lock();
        if let Some(Announced { schema: told, formats: as_told, columns }) = &*known
            && Arc::ptr_eq(told, schema)
            && as_told == formats
        {
            return Ok(Arc::clone(columns));
        }
        let columns: Arc<[OutColumn]> = extended::formatted(columns_of(schema), formats)?.into();
        let (schema, formats) = (Arc::clone(schema), formats.to_vec());
        *known = Some(Announced { schema, formats, columns: Arc::clone(&columns) });
        Ok(columns)
    }
}

/// A statement with its values, or a cursor.
pub struct Portal {
    prepared: Arc<Prepared>,
    values: Vec<ScalarValue>,
    result_formats: Vec<i16>,
    state: PortalState,
    is_held: bool,
}

enum PortalState {
    New,
    Open {
        rows: Rows,
        columns: Arc<[OutColumn]>,
        tag: Tag,
    },
    Finished {
        tag: Tag,
    },
    /// What its user may has changed since it was opened.
    Revoked,
}

/// A logged-in connection.
pub struct Session {
    pub(crate) user: quarry_engine::Session,
    pub(crate) wire: Wire,
    pub(crate) settings: Arc<Settings>,
    pub(crate) queries: Queries,
    pub(crate) limits: SessionLimits,
    pub(crate) guard: Guard,
    /// Of the change that runs, while it does; questions have their own.
    turn: Option<RequestTurn>,
    pub(crate) block: block::Work,
    /// Of the running statement, not told yet.
    warnings: Warnings,
    catalog: Arc<CatalogSession>,
    registration: Registration,
    prepared: HashMap<String, Arc<Prepared>>,
    known: known::Known,
    portals: HashMap<String, Portal>,
    is_skipping: bool,
    is_flush_due: bool,
}

/// What a session is made of besides its client.
pub struct Surroundings {
    /// The engines.
    pub engines: Engines,
    /// Where queries run.
    pub queries: Queries,
    /// Who may be cancelled.
    pub cancels: Arc<Cancels>,
    /// Limits.
    pub limits: SessionLimits,
    /// The server is closing.
    pub closing: CancellationToken,
}

impl Session {
    /// A session of someone proven: the only constructor, and an [`Opened`] comes from nowhere but the authentication.
    ///
    /// # Errors
    ///
    /// Fatal, for a setting of the start-up message that can't be.
    pub fn new(wire: Wire, opened: Opened, around: &Surroundings) -> Result<Session, Box<(Wire, PgError)>> {
        let settings = Arc::new(Settings::default());
        let limits = around.limits;
        let user_name = opened.principal.user_name.clone();
        let is_admin = opened.principal.admin;
        let begun = setting::begin_with(&settings, &opened.parameters, &limits);
        if let Err(error) = begun {
            return Err(Box::new((wire, error.into_fatal())));
        }
        settings.fix("session_authorization", SettingValue::Text(user_name.clone()));
        settings.fix("is_superuser", SettingValue::Bool(is_admin));
        let registration = around.cancels.register(if opened.minor >= 2 { 32 } else { 4 });
        let catalog = catalog_session(&settings, user_name, registration.pid);
        let request_id = Some(format!("pg-{}", registration.pid).into());
        let said = opened.parameters.get("application_name").map(String::as_str).unwrap_or_default();
        let origin = Origin { request_id, ..startup::origin(&wire) }.with_client(said);
        let time_zone = settings.time_zone();
        let options = SessionOptions { time_zone, timeout: None, origin, ..SessionOptions::default() };
        let guard = Guard::new(registration.running.begin(), None);
        let mut user = opened.engine.session(opened.principal, options);
        if let Err(error) = user.pin(&settings.get(setting::VERSION).unwrap_or_default()) {
            return Err(Box::new((wire, PgError::from(error).into_fatal())));
        }
        Ok(Session {
            user,
            wire,
            settings,
            queries: around.queries.of(&opened.engine),
            limits,
            guard,
            turn: None,
            block: block::Work::default(),
            warnings: Warnings::default(),
            catalog: Arc::new(catalog),
            registration,
            prepared: HashMap::new(),
            known: known::Known::default(),
            portals: HashMap::new(),
            is_skipping: false,
            is_flush_due: false,
        })
    }

    /// Answers messages until the client leaves, the server closes, or a fatal error.
    pub async fn serve(mut self, closing: CancellationToken) {
        self.greet();
        let ended = loop {
            // As PostgreSQL: what was answered is sent at the end of a pipeline, after an error, and when it is asked for.
            if std::mem::take(&mut self.is_flush_due)
                && let Err(error) = self.wire.flush().await
            {
                break Err(error);
            }
            let engine = Arc::clone(self.user.engine());
            let message = tokio::select! {
                message = self.next_message() => message,
                () = engine.ended() => Err(suspended(&engine)),
                () = closing.cancelled() => {
                    let message = "terminating connection due to administrator command";
                    Err(PgError::fatal(SqlState::ADMIN_SHUTDOWN, message))
                }
            };
            match message {
                Err(error) => break Err(error),
                Ok(None | Some(Frontend::Terminate)) => break Ok(()),
                Ok(Some(message)) => {
                    if let Err(error) = self.on_message(message).await {
                        break Err(error);
                    }
                }
            }
        };
        self.block.forget();
        if let Err(error) = ended {
            self.wire.put(&error.to_message());
        }
        self.wire.close().await;
    }

    fn greet(&mut self) {
        self.tell_settings();
        let key = SecretKey::Bytes(self.registration.key.clone());
        self.wire.put(&BackendKeyData::new(self.registration.pid, key));
        self.ready();
    }

    /// Reads the next message, no longer than the session may idle.
    async fn next_message(&mut self) -> Result<Option<Frontend>> {
        let (limit, state, message) = if self.block.is_open() {
            let limit = self.settings.duration("idle_in_transaction_session_timeout");
            (
                limit,
                SqlState::IDLE_IN_TRANSACTION_TIMEOUT,
                "terminating connection due to idle-in-transaction timeout",
            )
        } else {
            let limit = self.settings.duration("idle_session_timeout");
            (limit, SqlState::ADMIN_SHUTDOWN, "terminating connection due to idle-session timeout")
        };
        match limit {
            None => self.wire.next().await,
            Some(limit) => match timeout(limit, self.wire.next()).await {
                Ok(read) => read,
                Err(_) => Err(PgError::fatal(state, message)),
            },
        }
    }

    /// Answers one message; an error that is given back ends the connection.
    async fn on_message(&mut self, message: Frontend) -> Result<()> {
        if matches!(message, Frontend::Query(_) | Frontend::Parse { .. } | Frontend::Execute { .. }) {
            // A connection may live for days: what its user may is looked up for each statement, and when he may nothing any more it ends.
            let is_other = self.user.renew().map_err(|error| PgError::from(error).into_fatal())?;
            self.block.renew(&self.user);
            self.revoke_portals(is_other);
        }
        match message {
            Frontend::Sync => return self.on_sync().await,
            _ if self.is_skipping => return Ok(()),
            Frontend::Query(text) => return self.on_query(&text).await,
            Frontend::Flush => return self.wire.flush().await,
            // As PostgreSQL: what is left of a COPY that was refused is not an error again.
            Frontend::Copy => return Ok(()),
            Frontend::FunctionCall => {
                let error = PgError::unsupported("the function call protocol is not supported", "use SELECT");
                self.fail(&error);
                self.ready();
                return Ok(());
            }
            Frontend::Password(_) => {
                return Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, "a password was not asked for"));
            }
            _ => {}
        }
        let done = match message {
            Frontend::Parse { name, text, types } => self.on_parse(name, &text, &types).await,
            Frontend::Bind(bind) => self.on_bind(bind),
            Frontend::Describe(target, name) => self.on_describe(target, &name).await,
            Frontend::Execute { portal, rows_max } => self.on_execute(&portal, rows_max).await,
            Frontend::Close(target, name) => {
                self.on_close(target, &name);
                Ok(())
            }
            _ => Ok(()),
        };
        match done {
            Err(error) if !error.is_fatal() => {
                self.fail(&error);
                self.is_skipping = true;
                Ok(())
            }
            other => other,
        }
    }

    /// Tells an error, and what it does to the transaction.
    fn fail(&mut self, error: &PgError) {
        self.wire.put(&error.to_message());
        if error.state == SqlState::INSUFFICIENT_PRIVILEGE {
            self.user.tell_denied("a statement", "PERMISSION_DENIED");
        }
        self.is_flush_due = true;
        if self.block.fail() {
            self.settings.end(false);
            self.drop_portals();
        }
    }

    /// A new statement: earlier cancel requests are not for it, and its time begins.
    fn begin_statement(&mut self) {
        if !self.block.is_open() {
            self.settings.forget_local();
        }
        let timeout = self.settings.duration("statement_timeout");
        self.guard = Guard::new(self.registration.running.begin(), timeout);
    }

    /// Waits for work of the running statement, unless a cancel request, the deadline or the client's leaving ends it. They end it where it
    /// waits for a turn, too: that of a change is given back and taken again within what is waited for here.
    ///
    /// # Errors
    ///
    /// The work's; `57014`; `08006`, fatal, when the client has gone.
    pub(crate) async fn wait<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match &self.turn {
            Some(turn) => {
                let (engine, line) = (self.user.engine(), self.user.line());
                self.guard.wait(&mut self.wire, engine.in_turn(turn, line, work)).await
            }
            None => self.guard.wait(&mut self.wire, work).await,
        }
    }

    fn ready(&mut self) {
        let status = match self.block.block() {
            Block::None | Block::Implicit => TransactionStatus::Idle,
            Block::Explicit => TransactionStatus::Transaction,
            Block::Failed => TransactionStatus::Error,
        };
        self.wire.put(&ReadyForQuery::new(status));
        self.is_flush_due = true;
    }

    /// Tells the client which of its settings have changed, and the engine's session its time zone.
    fn tell_settings(&mut self) {
        for (name, value) in self.settings.untold() {
            self.wire.put(&ParameterStatus::new(name.to_owned(), value));
        }
        self.user.options_mut().time_zone = self.settings.time_zone();
    }

    /// What a cursor or a portal would still give was decided by what its user could when it was opened: it gives no more when that has changed, by
    /// a grant or by other packages that were activated.
    fn revoke_portals(&mut self, is_other: bool) {
        for portal in self.portals.values_mut() {
            if let PortalState::Open { rows, .. } = &portal.state
                && rows.seen_through.as_ref().is_some_and(|views| is_other || !self.user.sees_as(views))
            {
                portal.state = PortalState::Revoked;
            }
        }
    }

    /// Portals end with their transaction, save for held cursors.
    fn drop_portals(&mut self) {
        self.portals.retain(|_, portal| portal.is_held);
    }
}

fn catalog_session(settings: &Arc<Settings>, user: String, backend_pid: i32) -> CatalogSession {
    let (read, all, write) = (settings.clone(), settings.clone(), settings.clone());
    CatalogSession {
        user,
        database: DATABASE.to_owned(),
        backend_pid,
        settings: Arc::new(move |name| read.get(name)),
        all_settings: Arc::new(move || all.all()),
        set_setting: Arc::new(move |name, value, is_local| {
            if name.eq_ignore_ascii_case(setting::VERSION) {
                return Err("quarry.version is set by SET, before a transaction".to_owned());
            }
            let scope =
                if is_local { crate::settings::Scope::Local } else { crate::settings::Scope::Session };
            write.set(name, value, scope).map_err(|error| error.message)
        }),
    }
}

/// Nobody of this tenant is served any more.
fn suspended(engine: &Engine) -> PgError {
    let message = format!("terminating connection: the tenant {} is suspended or deleted", engine.tenant());
    PgError::fatal(SqlState::CANNOT_CONNECT_NOW, message)
}
