//! What policies ask about a user, read when it is first asked for.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use arrow::array::AsArray;
use quarry_metadata::{
    FieldKind, FieldName, Object, ObjectName, Registry,
    expression::{Expression, Path, UserList},
    permissions::{Act, Shape},
};
use quarry_storage::{Row, RowSet, ScanRequest, Snapshot, TableName, TableSnapshot, Value};

use super::{
    condition::{Compiled, Given, Origin},
    far::Ends,
    ids::{IdList, IdSet},
    lists::{Kind, List, UserLists},
    meaning::{Meaning, Number},
    share::{self, Shares},
};
use crate::error::{Error, Result};

/// The object of people.
const USER: &str = "user";
/// Roles below one in the hierarchy.
const ROLES_BELOW_MAX: usize = 10_000;
/// Users below one in the hierarchy.
const USERS_BELOW_MAX: u64 = 100_000;
/// Teams of one user.
const TEAMS_MAX: u64 = 10_000;

/// One user, as policies see him: on the newest state when he asked, whatever past state he asks about.
pub struct Viewer {
    user_id: Arc<str>,
    registry: Arc<Registry>,
    shape: Arc<Shape>,
    snapshot: Snapshot,
    now_micros: i64,
    time_zone: chrono_tz::Tz,
    record: OnceLock<Option<Row>>,
    teams: OnceLock<List>,
    subordinates: OnceLock<List>,
    shares: OnceLock<Shares>,
    ends: Ends,
    /// Lists that others asked for before, where they are remembered.
    lists: Option<Arc<UserLists>>,
}

impl std::fmt::Debug for Viewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Viewer").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

impl Viewer {
    /// A user with the sets of a shape; `snapshot` is the newest state, in which he is looked up.
    pub fn new(
        user_id: &str,
        (registry, shape): (Arc<Registry>, Arc<Shape>),
        snapshot: Snapshot,
        (now_micros, time_zone): (i64, chrono_tz::Tz),
    ) -> Viewer {
        Viewer {
            user_id: user_id.into(),
            registry,
            shape,
            snapshot,
            now_micros,
            time_zone,
            record: OnceLock::new(),
            teams: OnceLock::new(),
            subordinates: OnceLock::new(),
            shares: OnceLock::new(),
            ends: Ends::default(),
            lists: None,
        }
    }

    /// The same, with what is remembered of users in the registry.
    #[must_use]
    pub fn remembering(self, lists: Arc<UserLists>) -> Viewer {
        Viewer { lists: Some(lists), ..self }
    }

    /// His id.
    pub fn user_id(&self) -> &Arc<str> {
        &self.user_id
    }

    /// The number under which rows that this decides are remembered; none where nothing is, and when it is asked for the first time.
    pub(super) fn number_of(&self, meaning: impl FnOnce() -> Option<Meaning>) -> Option<Number> {
        self.lists.as_ref()?.number_of(meaning()?)
    }

    /// A condition about records of an object, seen at the end of so many lookups: as it was made before, where all that it takes of him is the
    /// same.
    ///
    /// # Errors
    ///
    /// Those of finding out about him, and of making it.
    pub(super) fn compiled(
        &self,
        (object, expression, followed): (&ObjectName, &Expression, usize),
        make: impl FnOnce() -> Result<Compiled>,
    ) -> Result<Arc<Compiled>> {
        let given = match &self.lists {
            Some(lists) => Given::of(expression, self)?.map(|given| (lists, given)),
            None => None,
        };
        let Some((lists, given)) = given else { return make().map(Arc::new) };
        let (object, expression) = (object.clone(), expression.clone());
        lists.compiled(Origin { object, expression, followed, given }, make)
    }

    /// Records that what he asks about leads to.
    pub(super) fn ends(&self) -> &Ends {
        &self.ends
    }

    pub(super) fn now_micros(&self) -> i64 {
        self.now_micros
    }

    pub(super) fn time_zone(&self) -> chrono_tz::Tz {
        self.time_zone
    }

    /// One of his lists. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage; `Limited` when it is too long.
    pub(super) fn list(&self, list: UserList) -> Result<IdList> {
        match list {
            UserList::Roles => Ok(IdList::new(self.shape.roles())),
            UserList::Teams => {
                Ok(kept(&self.teams, || self.remembered(Kind::Teams, || self.find_teams()))?.ids)
            }
            UserList::Subordinates => Ok(self.below()?.ids),
        }
    }

    /// Whose records are his: his own, and those of the users below him. Blocks.
    pub(super) fn owners(&self) -> Result<IdSet> {
        Ok(self.below()?.with_own)
    }

    fn below(&self) -> Result<List> {
        let find = || self.find_subordinates();
        kept(&self.subordinates, || self.remembered(Kind::Subordinates, find))
    }

    /// What policies ask about him is known, or found at once.
    pub(crate) fn is_at_hand(&self) -> bool {
        let knows = |kind| {
            let tables = self.tables(kind);
            let lists = self.lists.as_ref();
            lists.is_some_and(|lists| lists.knows((&self.user_id, kind), (&self.snapshot, &tables)))
        };
        let is_known = |cell: &OnceLock<List>, kind| cell.get().is_some() || knows(kind);
        is_known(&self.subordinates, Kind::Subordinates)
            && is_known(&self.teams, Kind::Teams)
            && (self.shares.get().is_some()
                || self
                    .list(UserList::Teams)
                    .is_ok_and(|teams| share::are_few(&self.snapshot, &self.user_id, teams.ids())))
    }

    /// The tables that a list comes of.
    fn tables(&self, kind: Kind) -> Vec<TableName> {
        let objects: &[&str] = match kind {
            Kind::Teams => &["team_member"],
            Kind::Subordinates => &[USER, "role"],
        };
        let objects = objects.iter().filter_map(|object| self.registry.get(object));
        objects.map(|object| object.table().into()).collect()
    }

    /// A list as it is remembered, or is found now.
    fn remembered(&self, kind: Kind, find: impl FnOnce() -> Result<Arc<[Arc<str>]>>) -> Result<List> {
        let find = || {
            let ids = find()?;
            let with_own = IdSet::new(ids.iter().chain([&self.user_id]).cloned().collect());
            Ok(List { ids: IdList::new(ids), with_own })
        };
        match &self.lists {
            Some(lists) => lists.of((&self.user_id, kind), (&self.snapshot, &self.tables(kind)), find),
            None => find(),
        }
    }

    /// The ids of the records of an object that were shared with him for an act. Blocks.
    pub(super) fn shared(&self, object: &Object, act: Act) -> Result<IdSet> {
        let shares = kept(&self.shares, || {
            let teams = self.list(UserList::Teams)?;
            share::of(&self.snapshot, &self.user_id, teams.ids(), self.now_micros)
        })?;
        Ok(shares.of(object.table(), act))
    }

    /// A field of his record, or of one that it leads to; null where there is none. Blocks.
    pub(super) fn value(&self, path: &Path) -> Result<Value> {
        let Some(mut object) = self.registry.get(USER) else { return Ok(Value::Null) };
        let mut row = kept(&self.record, || Ok(self.table(object)?.get(&self.user_id)?))?;
        for step in &path.steps {
            let Some(Value::Text(key)) = row.as_ref().and_then(|row| self.cell(object, row, &step.lookup))
            else {
                return Ok(Value::Null);
            };
            let Some(target) = self.registry.objects.get(&step.target) else { return Ok(Value::Null) };
            object = target;
            row = self.table(object)?.get(&key)?;
        }
        Ok(row.and_then(|row| self.cell(object, &row, &path.field)).unwrap_or(Value::Null))
    }

    fn table(&self, object: &Object) -> Result<TableSnapshot> {
        Ok(self.snapshot.table(object.table())?)
    }

    fn cell(&self, object: &Object, row: &Row, field: &FieldName) -> Option<Value> {
        let column = object.field(field.as_str())?.column();
        let table = self.snapshot.table(object.table()).ok()?;
        Some(row.get(table.spec().position(column)?).clone())
    }

    fn find_teams(&self) -> Result<Arc<[Arc<str>]>> {
        let Some(member) = self.registry.get("team_member") else { return Ok([].into()) };
        let (Some(user), Some(team)) = (lookup_to(member, USER), lookup_to(member, "team")) else {
            return Ok([].into());
        };
        let table = self.table(member)?;
        let rows = table.lookup(user, &[Value::Text(Arc::clone(&self.user_id))])?;
        let teams: BTreeSet<Arc<str>> =
            texts(&table, rows, team, ("teams of one user", TEAMS_MAX))?.into_iter().collect();
        Ok(teams.into_iter().collect())
    }

    /// The users whose role is below his own.
    fn find_subordinates(&self) -> Result<Arc<[Arc<str>]>> {
        let (Some(user), Some(role)) = (self.registry.get(USER), self.registry.get("role")) else {
            return Ok([].into());
        };
        let own = user.fields.values().find(|field| leads_to(&field.kind, "role"));
        let above = lookup_to(role, "role");
        let (Some(own), Some(above)) = (own, above) else { return Ok([].into()) };
        let Value::Text(top) = self.value(&Path::field(own.name.clone()))? else { return Ok([].into()) };
        let (roles, users) = (self.table(role)?, self.table(user)?);
        let mut below: HashSet<Arc<str>> = HashSet::new();
        let mut level = vec![Arc::clone(&top)];
        while !level.is_empty() {
            let parents: Vec<Value> = level.drain(..).map(Value::Text).collect();
            let found = roles.lookup(above, &parents)?;
            for role in texts(&roles, found, "id", ("roles below one", to_u64(ROLES_BELOW_MAX)))? {
                // In a circle nobody is below himself.
                if role != top && below.insert(Arc::clone(&role)) {
                    level.push(role);
                }
            }
            if below.len() > ROLES_BELOW_MAX {
                return Err(too_many(("roles below one", to_u64(ROLES_BELOW_MAX))));
            }
        }
        let below: Vec<Value> = below.into_iter().map(Value::Text).collect();
        let found = if below.is_empty() { RowSet::default() } else { users.lookup(own.column(), &below)? };
        let mut ids = texts(&users, found, "id", ("users below one", USERS_BELOW_MAX))?;
        ids.sort_unstable();
        Ok(ids.into())
    }
}

/// What is known already, or is found now: two who ask at once find the same.
fn kept<T: Clone>(cell: &OnceLock<T>, find: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(known) = cell.get() {
        return Ok(known.clone());
    }
    let found = find()?;
    Ok(cell.get_or_init(|| found).clone())
}

fn leads_to(kind: &FieldKind, object: &str) -> bool {
    matches!(kind, FieldKind::Lookup { target, .. } if target.as_str() == object)
}

/// The column of the first lookup to an object.
fn lookup_to<'a>(object: &'a Object, target: &str) -> Option<&'a str> {
    object
        .fields
        .values()
        .find(|field| !field.system && leads_to(&field.kind, target))
        .map(|field| field.column())
}

/// A text column of some rows, without nulls.
pub(super) fn texts(
    table: &TableSnapshot,
    rows: RowSet,
    column: &str,
    limit: (&str, u64),
) -> Result<Vec<Arc<str>>> {
    if rows.len() > limit.1 {
        return Err(too_many(limit));
    }
    let position = table.spec().position(column);
    let position = position.ok_or_else(|| Error::internal(format!("no column {column:?}")))?;
    let request =
        ScanRequest { projection: Some(vec![position]), rows: Some(rows), ..ScanRequest::default() };
    let mut found = Vec::new();
    for batch in table.scan(request)?.into_iter().flatten() {
        let batch = batch?;
        let column = batch.columns().first().and_then(|column| column.as_string_view_opt());
        let column = column.ok_or_else(|| Error::internal("a column that is no text"))?;
        found.extend(column.iter().flatten().map(Arc::from));
    }
    Ok(found)
}

pub(super) fn too_many((what, most): (&str, u64)) -> Error {
    Error::limited("permissions", format!("more than {most} {what}: permissions can't be decided by them"))
}

pub(super) fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Ids by what they are of.
pub(super) type Ids = HashMap<Arc<str>, IdSet>;
