//! From a socket to someone proven.
//!
//! [`open`] is the only way to an [`Opened`], and nothing that answers queries can be made without one: what a client sends behind a
//! password is not even looked at before the password has been checked. **Every error here is fatal.**

mod oauth;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use pgwire::{
    api::auth::sasl::scram::{ScramSecret, ScramServerAuth},
    error::PgWireError,
    messages::startup::{Authentication, NegotiateProtocolVersion},
};
use quarry_engine::{Database, Engine, Engines, Origin, Principal, ScramVerifier};
use quarry_listen::Tls;

use crate::{
    cancel::Cancels,
    error::{PgError, Result},
    sqlstate::SqlState,
    wire::{Frontend, Opening, Reader, Wire},
};

/// The database of the main tenant. Another tenant's has the tenant's name.
pub const DATABASE: &str = "main";
/// The mechanism that every client has.
const MECHANISM: &str = "SCRAM-SHA-256";
/// The same, bound to the certificate (`tls-server-end-point`): nobody who shows another can pass the proof on.
const MECHANISM_BOUND: &str = "SCRAM-SHA-256-PLUS";
/// The newest minor version of protocol 3 that is spoken.
const MINOR_MAX: u16 = 2;

/// Someone proven, with what they asked for.
pub struct Opened {
    /// The tenant's engine.
    pub engine: Arc<Engine>,
    /// Who.
    pub principal: Principal,
    /// Settings of the start-up message.
    pub parameters: BTreeMap<String, String>,
    /// The protocol's minor version agreed on.
    pub minor: u16,
}

/// Whom somebody says he is.
#[derive(Clone, Copy)]
struct Login<'a> {
    /// As he wrote it.
    user: &'a str,
    /// As the engine knows it.
    login: &'a str,
    /// It is not looked whether anybody has that name.
    is_nobody: bool,
}

/// What a connection may be, before anybody is known.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// The engines.
    pub engines: &'a Engines,
    /// Who may be cancelled.
    pub cancels: &'a Cancels,
    /// The certificate, where there is one.
    pub tls: Option<&'a Tls>,
    /// Whether nobody may come in without TLS.
    pub tls_required: bool,
}

/// Reads until someone is proven; none when the connection was only a cancel request, or the client has gone.
///
/// # Errors
///
/// Always fatal: `28P01` for a wrong password as for an unknown user or tenant, `28000` without TLS where it is required, `57P03` to who has
/// proven himself to a suspended tenant, `3D000` to who has proven himself to the main one for what can't be a tenant's name, `08P01`,
/// and the store's.
pub async fn open(wire: &mut Wire, entry: Entry<'_>) -> Result<Option<Opened>> {
    read_opening(wire, entry).await.map_err(PgError::into_fatal)
}

async fn read_opening(wire: &mut Wire, entry: Entry<'_>) -> Result<Option<Opened>> {
    if let Some(tls) = entry.tls
        && wire.begins_with_handshake().await?
    {
        wire.handshake(tls).await?;
    }
    // Each kind of encryption may be asked for, and TLS twice: a client goes on after a refusal.
    for _ in 0..4 {
        match (wire.next_opening().await?, entry.tls) {
            (None, _) => return Ok(None),
            (Some(Opening::Tls), Some(tls)) if wire.certificate().is_none() => wire.encrypt(tls).await?,
            (Some(Opening::Tls | Opening::Gss), _) => wire.answer_byte(b'N').await?,
            (Some(Opening::Cancel { pid, key }), _) => {
                entry.cancels.cancel(pid, &key);
                return Ok(None);
            }
            (Some(Opening::Startup { .. }), _) if entry.tls_required && wire.certificate().is_none() => {
                let error = PgError::fatal(
                    SqlState::INVALID_AUTHORIZATION,
                    "connections without encryption are not accepted",
                );
                return Err(error.with_hint("connect with sslmode=verify-full"));
            }
            (Some(Opening::Startup { minor, parameters }), _) => {
                return begin(wire, entry.engines, minor, parameters).await.map(Some);
            }
        }
    }
    Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, "too many requests for encryption"))
}

async fn begin(
    wire: &mut Wire,
    engines: &Engines,
    minor: u16,
    mut parameters: BTreeMap<String, String>,
) -> Result<Opened> {
    let agreed = negotiate(wire, minor, &mut parameters);
    let user = parameters.remove("user").filter(|u| !u.is_empty()).ok_or_else(|| {
        PgError::fatal(SqlState::INVALID_AUTHORIZATION, "no PostgreSQL user name specified in startup packet")
    })?;
    let database = parameters.remove("database").filter(|d| !d.is_empty());
    if parameters.remove("replication").is_some_and(|r| !["false", "off", "0", "no"].contains(&r.as_str())) {
        let hint = "read the change events instead";
        return Err(PgError::unsupported("replication connections are not supported", hint).into_fatal());
    }
    let database = database.as_deref().unwrap_or(DATABASE);
    // What is too long for a name of any tenant is refused alike, whether there is that tenant or not.
    let named = match Engines::may_be_login(&user, database) {
        true => {
            let named = engines.of_database(database, &user, &origin(wire)).await;
            named.map_err(|error| PgError::from(error).into_fatal())?
        }
        false => Database::Nobodys(engines.main().clone()),
    };
    let proven = prove(wire, named, (&user, database)).await;
    let (engine, principal) = proven.inspect_err(|_| engines.turned_away(database, &origin(wire)))?;
    engines.came_in(&engine, &origin(wire));
    engine.must_serve().map_err(|error| PgError::from(error).into_fatal())?;
    wire.trust();
    Ok(Opened { engine, principal, parameters, minor: agreed })
}

/// Proves somebody to whom he is led to.
async fn prove(
    wire: &mut Wire,
    named: Database,
    (user, database): (&str, &str),
) -> Result<(Arc<Engine>, Principal)> {
    let known = Login { user, login: user, is_nobody: false };
    match named {
        Database::Of(engine) => {
            let principal = authenticate(wire, &engine, known).await?;
            Ok((engine, principal))
        }
        // Whether there is such a tenant is nobody's business: it is refused as a wrong password is.
        Database::Nobodys(main) => {
            let login = format!("{user}@{database}");
            authenticate(wire, &main, Login { user, login: &login, is_nobody: true }).await?;
            Err(wrong_password(user))
        }
        Database::NoTenants(main) => {
            authenticate(wire, &main, known).await?;
            let message = format!("database \"{database}\" does not exist");
            let error = PgError::fatal(SqlState::INVALID_DATABASE, message);
            Err(error.with_hint(format!("the database is \"{DATABASE}\", or the tenant's name")))
        }
    }
}

/// Agrees on a version, and says which extensions (`_pq_.`) are not known.
fn negotiate(wire: &mut Wire, minor: u16, parameters: &mut BTreeMap<String, String>) -> u16 {
    let unknown: Vec<String> = parameters.keys().filter(|k| k.starts_with("_pq_.")).cloned().collect();
    parameters.retain(|k, _| !k.starts_with("_pq_."));
    // 3.1 was never a version: what asks for it gets 3.0.
    let agreed = if minor >= MINOR_MAX { MINOR_MAX } else { 0 };
    if minor != agreed || !unknown.is_empty() {
        let version = (3 << 16) | i32::from(agreed);
        wire.put(&NegotiateProtocolVersion::new(version, unknown));
    }
    agreed
}

/// The SCRAM-SHA-256 exchange (RFC 5802, RFC 7677), or that of a token ([`oauth`]) where the client chooses it. An unknown user goes through it with a verifier that nothing satisfies.
async fn authenticate(wire: &mut Wire, engine: &Arc<Engine>, named: Login<'_>) -> Result<Principal> {
    let Login { user, login, is_nobody } = named;
    let takes_tokens = oauth::is_offered(wire, engine);
    // A name whose passwords are throttled may still come by a token: it is not known yet by what he comes.
    let found = look_up(engine, named).await;
    let found = if takes_tokens { found } else { Ok(found?) };
    let (server, is_bound) = scram_over(wire);
    // The better one first, as PostgreSQL has it.
    let all = [(is_bound, MECHANISM_BOUND), (true, MECHANISM), (takes_tokens, oauth::MECHANISM)];
    let offered: Vec<&str> =
        all.into_iter().filter(|(is_there, _)| *is_there).map(|(_, name)| name).collect();
    wire.put(&Authentication::SASL(offered.iter().map(|name| (*name).to_owned()).collect()));
    wire.flush().await?;

    let (mechanism, first) = read_initial(wire, &offered).await?;
    if mechanism == oauth::MECHANISM {
        return oauth::exchange(wire, engine, named, &first).await;
    }
    let (verifier, principal) = found?;
    let (answer, exchange) = server
        .on_client_first_message_with_secret(&first, secret_of(verifier)?)
        .map_err(|e| refused(&e, user))?;
    wire.put(&Authentication::SASLContinue(Bytes::from(answer)));
    wire.flush().await?;

    let last = read_password(wire).await?;
    // Nothing is waited for between the turn and what comes of it: a client can't hold up those who log in by this name.
    let origin = origin(wire);
    let attempt = match is_nobody {
        true => engine.attempt_of_nobody(login, &origin).await,
        false => engine.attempt(login, &origin).await,
    };
    let attempt = attempt.map_err(|error| PgError::from(error).into_fatal())?;
    let answer = exchange.on_client_final_message(&last).map_err(|e| refused(&e, user))?;
    let principal = principal.ok_or_else(|| wrong_password(user))?;
    attempt.proven(&principal);
    wire.put(&Authentication::SASLFinal(Bytes::from(answer)));
    wire.put(&Authentication::Ok);
    Ok(principal)
}

/// From where a client comes.
pub fn origin(wire: &Wire) -> Origin {
    Origin { door: Some("postgres"), address: wire.peer(), ..Origin::default() }
}

/// The store is read off the sockets' threads.
async fn look_up(engine: &Arc<Engine>, named: Login<'_>) -> Result<(ScramVerifier, Option<Principal>)> {
    let (engine, login, is_nobody) = (engine.clone(), named.login.to_owned(), named.is_nobody);
    let look = move || match is_nobody {
        true => engine.scram_of_nobody(&login).map(|verifier| (verifier, None)),
        false => engine.scram(&login),
    };
    let found = tokio::task::spawn_blocking(look).await;
    let found =
        found.map_err(|e| PgError::fatal(SqlState::INTERNAL, format!("the user could not be read: {e}")))?;
    found.map_err(|error| PgError::from(error).into_fatal())
}

fn secret_of(verifier: ScramVerifier) -> Result<ScramSecret> {
    let iterations = usize::try_from(verifier.iterations)
        .map_err(|_| PgError::fatal(SqlState::INTERNAL, "a verifier has too many iterations"))?;
    Ok(ScramSecret::Verifier {
        salt: verifier.salt,
        iterations,
        stored_key: verifier.stored_key,
        server_key: verifier.server_key,
    })
}

async fn read_password(wire: &mut Wire) -> Result<Bytes> {
    match wire.next().await? {
        Some(Frontend::Password(body)) => Ok(body),
        Some(_) => Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, "expected a SASL response")),
        None => Err(PgError::fatal(SqlState::CONNECTION_FAILURE, "the client left during authentication")),
    }
}

/// The exchange, bound to the certificate that the client was shown, where it was shown one that says how it is hashed (RFC 5929: one
/// signed by Ed25519 does not).
fn scram_over(wire: &Wire) -> (ScramServerAuth, bool) {
    let mut server = ScramServerAuth::new();
    let Some(certificate) = wire.certificate() else { return (server, false) };
    match server.configure_certificate(certificate.leaf_pem.as_bytes()) {
        Ok(()) => (server, true),
        Err(error) => {
            tracing::debug!(%error, "no channel binding");
            (ScramServerAuth::new(), false)
        }
    }
}

/// `SASLInitialResponse`: the mechanism, then the client's first message. Who chooses the bound mechanism binds, and nobody else.
async fn read_initial(wire: &mut Wire, offered: &[&str]) -> Result<(String, Bytes)> {
    let mut reader = Reader::new(read_password(wire).await?);
    let mechanism = reader.text()?;
    if !offered.contains(&mechanism.as_str()) {
        let message = "client selected an invalid SASL authentication mechanism";
        return Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, message));
    }
    let length = usize::try_from(reader.i32()?)
        .map_err(|_| PgError::fatal(SqlState::PROTOCOL_VIOLATION, "the first SASL message is missing"))?;
    let message = reader.bytes(length)?;
    reader.end()?;
    if mechanism != oauth::MECHANISM && (mechanism == MECHANISM_BOUND) != message.starts_with(b"p") {
        let message = "malformed SCRAM message: the mechanism and its channel binding don't agree";
        return Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, message));
    }
    Ok((mechanism, message))
}

fn refused(error: &PgWireError, user: &str) -> PgError {
    match error {
        PgWireError::InvalidPassword(_) => wrong_password(user),
        _ => PgError::fatal(SqlState::PROTOCOL_VIOLATION, "malformed SCRAM message"),
    }
}

fn wrong_password(user: &str) -> PgError {
    PgError::fatal(SqlState::INVALID_PASSWORD, format!("password authentication failed for user \"{user}\""))
}
