//! Users as a directory looks after them (SCIM): listed, made, changed, deactivated, deleted. Their records go through the pipeline as
//! every record; what they log in with is written in the same transaction.

use quarry_storage::{Key, ScanRequest, Snapshot, Value};

use crate::{
    active::USER,
    change::{Input, Record},
    error::{Error, ErrorKind, Result},
    identity::{EventKind, UserKind, credentials, grants},
    layout::Layout,
    opening,
    pipeline::{self, Action, Call, Step},
    session::Session,
    system::{CREDENTIAL, Credential, GRANT},
    work::{Work, keys_in, keys_of},
};

/// Users of one login name, where packages let several have it.
const NAMED_MAX: usize = 1_000;

/// A user as a directory sees him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryUser {
    /// The record's id.
    pub id: String,
    /// The login name.
    pub user_name: String,
    /// The name people call him by, where records of users have one.
    pub display_name: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// He may log in.
    pub active: bool,
    /// What the directory calls him.
    pub external_id: Option<String>,
    /// The permission sets that were given to him and hold.
    pub permission_sets: Vec<String>,
    /// When the record was made and last changed, microseconds UTC.
    pub changed: [Option<i64>; 2],
    /// The record's revision.
    pub revision: i64,
}

/// What a directory says of a user. What is none is as if it were not said: it is emptied when a user is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewDirectoryUser {
    /// The login name.
    pub user_name: String,
    /// The name people call him by; without one, the login name.
    pub display_name: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// He may log in.
    pub active: bool,
    /// What the directory calls him.
    pub external_id: Option<String>,
    /// His first password.
    pub password: Option<String>,
}

/// A page of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPage {
    /// All that match.
    pub total: usize,
    /// Those of the page, by id.
    pub users: Vec<DirectoryUser>,
}

/// Which users are looked for.
pub enum DirectoryFilter {
    /// All.
    All,
    /// The one of this id.
    Id(String),
    /// The one of this login name, to the letter.
    UserName(String),
    /// Those of whom this holds; each user is looked at.
    Matching(Box<dyn Fn(&DirectoryUser) -> bool + Send>),
}

impl Session {
    /// Users by id, of those that are looked for: so many from a place on. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; those of the store.
    pub fn directory_users(
        &self,
        filter: &DirectoryFilter,
        (from, count): (usize, usize),
    ) -> Result<UserPage> {
        self.must_administer("users")?;
        let directory = Directory::of(self)?;
        let ids = match filter {
            DirectoryFilter::All | DirectoryFilter::Matching(_) => directory.ids()?,
            DirectoryFilter::Id(id) => directory.existing(id)?,
            DirectoryFilter::UserName(name) => directory.named(name)?,
        };
        let DirectoryFilter::Matching(matches) = filter else {
            let page = ids.iter().skip(from).take(count).map(|id| directory.user(id));
            let users = page.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
            return Ok(UserPage { total: ids.len(), users });
        };
        let mut users = Vec::new();
        let mut total = 0;
        for id in ids {
            let Some(user) = directory.user(&id)?.filter(|user| matches(user)) else { continue };
            if total >= from && users.len() < count {
                users.push(user);
            }
            total += 1;
        }
        Ok(UserPage { total, users })
    }

    /// One user. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; `Missing`.
    pub fn directory_user(&self, id: &str) -> Result<DirectoryUser> {
        self.must_administer("users")?;
        Directory::of(self)?.user(&Key::from(id))?.ok_or_else(|| no_user(id))
    }

    /// Makes a user. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; `Violated` when the name is taken or the record refused.
    pub fn make_directory_user(&self, new: &NewDirectoryUser) -> Result<DirectoryUser> {
        self.must_administer("users")?;
        opening::check_name(&new.user_name)?;
        let engine = self.engine();
        let mut work = engine.work(&engine.active(), &self.principal().user_id);
        let id = Key::from(format!("{}_{}", work.active.object(USER)?.id_prefix, work.world.ids.ulid()));
        let layout = work.layout(USER)?;
        let mut data = record_of(&layout, work.active.login_field.as_str(), new)?;
        data.insert("id".to_owned(), Input::Typed(Value::Text(id.clone()), None));
        run(&mut work, Action::Create(data))?;
        let password = new.password.as_ref().map(|p| credentials::password(p, &work.world)).transpose()?;
        let credential = Credential {
            password,
            external_id: new.external_id.as_deref().map(Key::from),
            ..credentials::of_new(&id, &new.user_name, false, &work.world)
        };
        work.put_system(CREDENTIAL, credential.to_row())?;
        self.commit_named(work)?;
        self.tell(self.event(EventKind::UserMade).of_user(&id));
        self.directory_user(&id)
    }

    /// Gives a user these properties; those that are none are emptied, but for the password. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::make_directory_user`]; `Missing`.
    pub fn replace_directory_user(&self, id: &str, new: &NewDirectoryUser) -> Result<DirectoryUser> {
        self.must_administer("users")?;
        opening::check_name(&new.user_name)?;
        let engine = self.engine();
        let mut work = engine.work(&engine.active(), &self.principal().user_id);
        let layout = work.layout(USER)?;
        let key = Key::from(id);
        work.row(&layout.table, &key)?.ok_or_else(|| no_user(id))?;
        let data = record_of(&layout, work.active.login_field.as_str(), new)?;
        run(&mut work, Action::Update { ids: vec![key.clone()], data })?;
        let known = work.row(CREDENTIAL, &key)?.as_ref().map(Credential::from_row).transpose()?;
        let known = known.unwrap_or_else(|| credentials::of_new(&key, &new.user_name, false, &work.world));
        let mut credential = Credential { external_id: new.external_id.as_deref().map(Key::from), ..known };
        if let Some(password) = &new.password {
            if *self.principal().user_id == *id {
                self.must_be_in_person("password")?;
            }
            if credential.kind == UserKind::Service {
                let message = "a service account has API keys, and no password";
                return Err(Error::new(ErrorKind::Violated, "INVALID_PASSWORD", message));
            }
            credential.password = Some(credentials::password(password, &work.world)?);
            credential.changed_at_micros = work.actor.now_micros;
        }
        work.put_system(CREDENTIAL, credential.to_row())?;
        self.commit_named(work)?;
        self.tell(self.event(EventKind::UserChanged).of_user(id));
        if new.password.is_some() {
            self.tell(self.event(EventKind::PasswordChanged).of_user(id));
            engine.gate().forget(id, &new.user_name)?;
        }
        self.directory_user(id)
    }

    /// Deletes a user, with all that he was given. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; `Missing`; `Violated` when records refer to him that must refer to someone.
    pub fn delete_directory_user(&self, id: &str) -> Result<()> {
        self.must_administer("users")?;
        if id == self.principal().user_id {
            let message = "nobody deletes himself";
            return Err(Error::new(ErrorKind::Denied, "PERMISSION_DENIED", message));
        }
        let engine = self.engine();
        let mut work = engine.work(&engine.active(), &self.principal().user_id);
        let layout = work.layout(USER)?;
        let key = Key::from(id);
        work.row(&layout.table, &key)?.ok_or_else(|| no_user(id))?;
        run(&mut work, Action::Delete { ids: vec![key] })?;
        self.commit_named(work)?;
        self.tell(self.event(EventKind::UserDeleted).of_user(id));
        Ok(())
    }

    /// The users who have each of these permission sets, by id: id and login name. Reads all grants once. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; `Missing` for a set that is not there.
    pub fn members_of(&self, sets: &[&str]) -> Result<Vec<Vec<(String, String)>>> {
        self.must_administer("permission sets")?;
        sets.iter().try_for_each(|set| self.must_be_set(set))?;
        let (snapshot, now) = (self.engine().store().snapshot(), self.engine().gate().ledger.now());
        let mut members = vec![Vec::new(); sets.len()];
        for user_id in keys_of_table(&snapshot, GRANT)? {
            let given = grants::of_user(&snapshot, &user_id)?;
            let has = |set: &str| given.iter().any(|grant| grant.set == set && grant.holds_at(now));
            if !sets.iter().any(|set| has(set)) {
                continue;
            }
            let Some(known) = credentials::any_by_user(&snapshot, &user_id)? else { continue };
            for (members, _) in members.iter_mut().zip(sets).filter(|(_, set)| has(set)) {
                members.push((user_id.to_string(), known.name.to_string()));
            }
        }
        Ok(members)
    }

    /// The login name of a user who has a credential, by id.
    ///
    /// # Errors
    ///
    /// `Missing`.
    pub fn login_name_of(&self, id: &str) -> Result<String> {
        self.must_administer("users")?;
        let known = credentials::any_by_user(&self.engine().store().snapshot(), id)?;
        known.map(|known| known.name.to_string()).ok_or_else(|| no_user(id))
    }

    fn commit_named(&self, work: Work) -> Result<()> {
        let active = work.active.clone();
        let _right = self.engine().may_commit(active.fills())?;
        self.engine().commit_own(work).map_err(|error| active.named(error))
    }
}

fn run(work: &mut Work, action: Action) -> Result<()> {
    let mut call = Call::new(1);
    let step = Step { change: 0, object: USER.to_owned(), if_revision: None, action };
    pipeline::run(work, &mut call, vec![step])?;
    call.finish().map(drop)
}

/// The fields of a user's record. What the records of users have no field for is refused, not dropped.
fn record_of(layout: &Layout, login_field: &str, new: &NewDirectoryUser) -> Result<Record> {
    let mut data = Record::new();
    let text = |text: &str| Input::Typed(Value::Text(text.into()), None);
    data.insert(login_field.to_owned(), text(&new.user_name));
    let has = |field: &str| layout.object.field(field).is_some();
    if login_field != "name" && has("name") {
        data.insert("name".to_owned(), text(new.display_name.as_ref().unwrap_or(&new.user_name)));
    }
    let email = new.email.as_ref().map_or(Input::Typed(Value::Null, None), |email| text(email));
    match (has("email"), &new.email) {
        (true, _) => drop(data.insert("email".to_owned(), email)),
        (false, None) => {}
        (false, Some(_)) => return Err(no_field("email")),
    }
    match (has("active"), new.active) {
        (true, active) => drop(data.insert("active".to_owned(), Input::Typed(Value::Bool(active), None))),
        (false, true) => {}
        (false, false) => return Err(no_field("active")),
    }
    Ok(data)
}

fn no_field(field: &str) -> Error {
    Error::invalid(format!("records of users have no field {field:?} here")).at(field)
}

fn no_user(id: &str) -> Error {
    Error::new(ErrorKind::Missing, "USER_NOT_FOUND", format!("there is no user {id:?}"))
}

/// Users in one state.
struct Directory {
    snapshot: Snapshot,
    layout: std::sync::Arc<Layout>,
    login_field: String,
    now_micros: i64,
}

impl Directory {
    fn of(session: &Session) -> Result<Self> {
        let engine = session.engine();
        let (active, snapshot) = (engine.active(), engine.store().snapshot());
        let layout = active.layout(USER, &snapshot)?;
        let now_micros = engine.gate().ledger.now();
        Ok(Self { snapshot, layout, login_field: active.login_field.to_string(), now_micros })
    }

    fn ids(&self) -> Result<Vec<Key>> {
        keys_of_table(&self.snapshot, &self.layout.table)
    }

    /// An id, where there is a user of it.
    fn existing(&self, id: &str) -> Result<Vec<Key>> {
        let found = if id.is_empty() { None } else { self.snapshot.table(&self.layout.table)?.get(id)? };
        Ok(found.map(|_| Key::from(id)).into_iter().collect())
    }

    /// The ids of the users of a login name.
    fn named(&self, name: &str) -> Result<Vec<Key>> {
        let table = self.snapshot.table(&self.layout.table)?;
        let field = self.layout.object.field(&self.login_field);
        let column = field.and_then(|field| self.layout.stored_name(&field.name));
        match column.filter(|column| table.has_index(column)) {
            Some(column) => keys_of(&table, table.lookup(column, &[Value::Text(name.into())])?, NAMED_MAX),
            None => self.scan_named(name),
        }
    }

    fn scan_named(&self, name: &str) -> Result<Vec<Key>> {
        let mut found = Vec::new();
        for id in self.ids()? {
            if self.user(&id)?.is_some_and(|user| user.user_name == name) {
                found.push(id);
            }
        }
        Ok(found)
    }

    fn user(&self, id: &Key) -> Result<Option<DirectoryUser>> {
        let Some(row) = self.snapshot.table(&self.layout.table)?.get(id)? else { return Ok(None) };
        let column = |field: &str| self.layout.column(field).map(|column| row.get(column));
        let text = |field: &str| match column(field) {
            Some(Value::Text(text)) => Some(text.to_string()),
            _ => None,
        };
        let micros = |field: &str| match column(field) {
            Some(Value::Timestamp(micros)) => Some(*micros),
            _ => None,
        };
        let revision = match column("revision") {
            Some(Value::Int(revision)) => *revision,
            _ => 0,
        };
        let known = credentials::any_by_user(&self.snapshot, id)?;
        let given = grants::of_user(&self.snapshot, id)?;
        let held = grants::effective(&given, &[], self.now_micros);
        Ok(Some(DirectoryUser {
            id: id.to_string(),
            user_name: text(&self.login_field).unwrap_or_default(),
            display_name: text("name"),
            email: text("email"),
            active: column("active") != Some(&Value::Bool(false)),
            external_id: known.and_then(|known| known.external_id).map(|id| id.to_string()),
            permission_sets: held.iter().map(|set| set.to_string()).collect(),
            changed: [micros("created_at"), micros("updated_at")],
            revision,
        }))
    }
}

/// All keys of a table, in their order.
fn keys_of_table(snapshot: &Snapshot, table: &str) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    let request = ScanRequest { projection: Some(vec![0]), ..ScanRequest::default() };
    for part in snapshot.table(table)?.scan(request)? {
        for batch in part {
            keys_in(batch?.columns().first(), &mut keys)?;
        }
    }
    keys.sort_unstable();
    Ok(keys)
}
