//! What happens before anyone is there: packages are loaded, the server's secret and the first user are made. The first
//! user comes through the same pipeline as every record.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use quarry_metadata::Issues;
use quarry_storage::{CommitInfo, Key, Row, Store, Value, World, WriteSet};

use crate::{
    active::{Active, USER},
    change::{Input, Record},
    error::{Error, ErrorKind, Result},
    identity::{Means, Principal, UserKind, credentials, principal::Basis},
    layout::Once,
    pipeline::{self, Action, Call, Step},
    system::{CREDENTIAL, Credential, SECRET, table_name},
    work::{Actor, Work},
};

/// The login name of the first user.
const ADMIN: &str = "admin";
/// The key of the secret that fake SCRAM verifiers are made from.
const SCRAM_SECRET: &str = "scram";

/// What is told of packages that do not compile.
pub(crate) fn uncompiled(issues: Issues) -> Error {
    let message = format!("the packages do not compile:\n{issues}");
    Error::new(ErrorKind::Invalid, "INVALID_PACKAGES", message).caused_by(issues)
}

/// The server's secret for SCRAM, made at first start.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn scram_secret(store: &Store, world: &World) -> Result<Vec<u8>> {
    let snapshot = store.snapshot();
    if let Some(row) = snapshot.table(SECRET)?.get(SCRAM_SECRET)? {
        return match row.get(1) {
            Value::Bytes(secret) => Ok(secret.to_vec()),
            _ => Err(Error::internal("the server's secret can't be read")),
        };
    }
    let secret = world.ids.secret();
    let row = Row([Value::Text(SCRAM_SECRET.into()), Value::Bytes(secret.as_slice().into())].into());
    let mut writes = WriteSet::new(snapshot.csn());
    writes.insert(&table_name(SECRET), row)?;
    let info = CommitInfo { time_micros: world.clock.now_micros(), ..CommitInfo::default() };
    store.commit(writes, info)?;
    Ok(secret.to_vec())
}

/// Makes the user `admin` when nobody can log in yet; returns the password when it is a random one.
///
/// # Errors
///
/// As [`add_user`].
pub(crate) fn first_admin(
    store: &Store,
    active: &Arc<Active>,
    world: &World,
    password: Option<String>,
) -> Result<Option<String>> {
    if store.snapshot().table(CREDENTIAL)?.statistics().rows > 0 {
        return Ok(None);
    }
    let random = || {
        let secret = world.ids.secret();
        URL_SAFE_NO_PAD.encode(secret.get(..18).unwrap_or(&secret))
    };
    let (password, told) = match password {
        Some(given) => (given, None),
        None => {
            let random = random();
            (random.clone(), Some(random))
        }
    };
    let kind = UserKind::Person;
    add_user(
        store,
        active,
        world,
        NewUser {
            name: ADMIN,
            display_name: None,
            password: Some(&password),
            admin: true,
            kind,
            adopts: true,
        },
    )?;
    Ok(told)
}

/// Someone who shall be able to log in.
pub(crate) struct NewUser<'a> {
    pub name: &'a str,
    /// What people call him; without one, the login name.
    pub display_name: Option<&'a str>,
    /// None for who proves himself otherwise: by a key, or by an issuer.
    pub password: Option<&'a str>,
    pub admin: bool,
    pub kind: UserKind,
    /// The record of that name that nobody logs in by becomes his: only an administrator makes somebody of whom there is one.
    pub adopts: bool,
}

/// Makes a user: the record of the object `user` (the one that has this login name, when there is one) and the
/// credential, in one transaction.
///
/// # Errors
///
/// `Violated` when the name is taken, or the password may not be chosen; `Invalid` when the object `user` requires
/// more than a name.
pub(crate) fn add_user(
    store: &Store,
    active: &Arc<Active>,
    world: &World,
    user: NewUser<'_>,
) -> Result<Principal> {
    let snapshot = store.snapshot();
    check_name(user.name)?;
    let made = Key::from(format!("{}_{}", active.object(USER)?.id_prefix, world.ids.ulid()));
    let now_micros = world.clock.now_micros();
    let actor = Actor::of(made.clone(), now_micros);
    let mut work = Work::new(active.clone(), snapshot, actor, world.clone());
    let layout = work.layout(USER)?;
    let by_login = Once::new(&layout, "", std::slice::from_ref(&active.login_field))?;
    let known = work.holders(&layout, &by_login, &[Value::Text(user.name.into())])?.into_iter().next();
    let user_id = known.clone().unwrap_or(made);
    let taken = || {
        Error::new(
            ErrorKind::Violated,
            "UNIQUE_VIOLATION",
            format!("there is a user {:?} already", user.name),
        )
    };
    if credentials::any_by_name(&store.snapshot(), user.name)?.is_some()
        || work.row(CREDENTIAL, &user_id)?.is_some()
        || known.is_some() && !user.adopts
    {
        return Err(taken());
    }
    if known.is_none() {
        create_record(&mut work, &user_id, user.name, user.display_name)?;
    }
    let password = user.password.map(|password| credentials::password(password, world)).transpose()?;
    let new = credentials::of_new(&user_id, user.name, user.admin, world);
    let credential = Credential { password, kind: user.kind, ..new };
    work.put_system(CREDENTIAL, credential.to_row())?;
    commit(store, work)?;
    principal_of(store, &credential, world)
}

/// Whether someone may log in by a name.
///
/// # Errors
///
/// `Violated`.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let refuse = |message: &str| Err(Error::new(ErrorKind::Violated, "INVALID_USER", message));
    if name.trim().is_empty() {
        return refuse("a user needs a name");
    }
    if name.starts_with(crate::identity::KEY_PREFIX) {
        return refuse("no user's name begins as API keys do");
    }
    Ok(())
}

/// A user as a process sees him that has opened the data folder itself.
fn principal_of(store: &Store, credential: &Credential, world: &World) -> Result<Principal> {
    let basis = Basis::of(Means::Console, credential);
    Principal::of(&store.snapshot(), credential, basis, world.clock.now_micros())
}

/// Makes the record of a user who has nothing but a name.
///
/// # Errors
///
/// `Violated` when the object `user` requires more.
pub(crate) fn create_record(work: &mut Work, id: &Key, name: &str, display_name: Option<&str>) -> Result<()> {
    let object = work.active.object(USER)?.clone();
    let text = |text: &str| Input::Typed(Value::Text(text.into()), None);
    let mut data = Record::new();
    data.insert("id".to_owned(), text(id));
    for field in ["name", "username"].into_iter().filter(|field| object.field(field).is_some()) {
        data.insert(field.to_owned(), text(name));
    }
    if let Some(display_name) =
        display_name.filter(|_| data.contains_key("username") && data.contains_key("name"))
    {
        data.insert("name".to_owned(), text(display_name));
    }
    let mut call = Call::new(1);
    let step = Step { change: 0, object: USER.to_owned(), if_revision: None, action: Action::Create(data) };
    pipeline::run(work, &mut call, vec![step])?;
    call.finish().map(drop)
}

/// The user that the first start made.
///
/// # Errors
///
/// `Missing` when there is none any more.
pub(crate) fn operator(store: &Store, world: &World) -> Result<Principal> {
    let Some(known) = credentials::any_by_name(&store.snapshot(), ADMIN)? else {
        let message = format!("there is no user {ADMIN:?} any more");
        return Err(Error::new(ErrorKind::Missing, "USER_NOT_FOUND", message));
    };
    principal_of(store, &known, world)
}

/// Gives a user a new password; his id.
///
/// # Errors
///
/// `Violated` when there is no such user, he is a service account, or the password may not be chosen.
pub(crate) fn set_password(
    store: &Store,
    active: &Arc<Active>,
    world: &World,
    name: &str,
    password: &str,
) -> Result<Key> {
    let snapshot = store.snapshot();
    let Some(known) = credentials::any_by_name(&snapshot, name)? else {
        return Err(Error::new(ErrorKind::Violated, "USER_NOT_FOUND", format!("there is no user {name:?}")));
    };
    if known.kind == UserKind::Service {
        let message = "a service account has API keys, and no password";
        return Err(Error::new(ErrorKind::Violated, "INVALID_PASSWORD", message));
    }
    let now_micros = world.clock.now_micros();
    let user_id = known.user_id.clone();
    let mut work = Work::new(active.clone(), snapshot, Actor::of(user_id.clone(), now_micros), world.clone());
    let password = Some(credentials::password(password, world)?);
    let credential = Credential { password, changed_at_micros: now_micros, ..known };
    work.put_system(CREDENTIAL, credential.to_row())?;
    commit(store, work)?;
    Ok(user_id)
}

/// Makes it durable.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn commit(store: &Store, work: Work) -> Result<()> {
    let info = CommitInfo {
        actor: work.actor.user_id.to_string(),
        transaction: work.world.ids.ulid(),
        time_micros: work.actor.now_micros,
        package_version: work.active.registry.version.clone(),
        origin: None,
    };
    store.commit(work.writes().clone(), info)?;
    Ok(())
}
