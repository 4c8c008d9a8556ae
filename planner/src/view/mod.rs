//! Object views: an object as one session may see it. The only way to a scan.
//!
//! Whatever wants to read (an ObjectQL plan, a SQL table, the table function `search`) asks a view for a
//! [`TableProvider`]; the scan behind it is private to this module and has no other constructor. A field that is not
//! in the view has no column in the provider, so no filter, sort, aggregate or error message can name it.

mod access;
mod audit;
mod columns;
mod first;
mod joined;
mod narrow;
mod parts;
mod scan;
mod shape;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use datafusion::catalog::TableProvider;
use indexmap::IndexMap;
use quarry_metadata::{
    Field, FieldName, Object, ObjectName, Registry, Relation, RelationKind,
    permissions::{Act, Shape as Sets},
};
use quarry_storage::{RowSet, TableSnapshot, TextQuery};

use crate::{
    error::{Error, Result},
    lower,
    policy::{Policies, Policy, Seeing},
    run::Pace,
};

pub(crate) use access::Access;
pub(crate) use audit::{AuditTable, EventsTable};
pub use audit::{EVENT_COLUMNS, EVENT_TABLE, changes_schema, event_table, events_schema};
use columns::{Columns, KnownColumns};
pub(crate) use first::FirstRows;
pub(crate) use joined::JoinedRows;
pub(crate) use scan::{FEW_ROWS_MAX, Few, Foremost, ScanSizes, Wanted};
use shape::Shape;

/// The rank of a text hit, a column behind the object's own.
pub(crate) const SCORE: &str = "_score";

/// An object as one session may see it.
#[derive(Debug)]
pub struct ObjectView {
    /// The object.
    pub object: Arc<Object>,
    /// The fields that the session may read, in the object's order.
    pub fields: Vec<FieldName>,
    /// What the session may do with records of it; with which of them is decided when it does.
    pub acts: BTreeSet<Act>,
    /// Which records and values of it are seen; none where all are.
    policy: Option<Arc<Policy>>,
    columns: KnownColumns,
    /// Where stored fields stand among those of the view.
    places: OnceLock<HashMap<String, usize>>,
    /// Of small questions for its records.
    pace: Pace,
}

/// Everything a session may see.
#[derive(Debug)]
pub struct Views {
    /// What the session sees of the registry: nothing in it has a name that it may not know.
    pub registry: Arc<Registry>,
    /// What it sees of records, and may do with them.
    pub policies: Arc<Policies>,
    /// The registry itself. Nothing of it may be shown.
    pub whole: Arc<Registry>,
    /// The views by object name.
    pub objects: IndexMap<ObjectName, Arc<ObjectView>>,
    /// Of deleted records, by the name of the object that they were of.
    pub bins: IndexMap<ObjectName, Arc<ObjectView>>,
    /// Former names of fields, of all objects; found out once.
    former: OnceLock<HashSet<String>>,
}

/// Which rows of a view a plan may touch at all.
#[derive(Clone, Debug, Default)]
pub(crate) enum Restriction {
    /// Every row.
    #[default]
    None,
    /// These rows (of the same snapshot).
    Rows(RowSet),
    /// Those that a text question hits; the scan has a column `_score` behind the fields.
    Text(TextQuery),
}

impl Views {
    /// The views of someone who sees everything.
    pub fn new(registry: Arc<Registry>) -> Views {
        Self::beside(registry, None)
    }

    /// As [`Self::new`]; views of objects that are the very same in what is `known`, which shows everything too, are held once.
    pub fn beside(registry: Arc<Registry>, known: Option<&Views>) -> Views {
        let policies = Policies::new(Arc::clone(&registry), Arc::new(Sets::all()));
        Self::over((Arc::clone(&registry), registry), Arc::new(policies), known)
    }

    /// The views of those who have a shape, on a registry that may be an older one: what may be seen is said by the one of `now`, which
    /// the shape is of.
    pub fn of(registry: &Arc<Registry>, now: &Arc<Registry>, shape: Arc<Sets>) -> Views {
        let seen = registry.seen_by(&shape);
        let policies = Policies::new(Arc::clone(now), shape);
        Self::over((Arc::clone(registry), seen), Arc::new(policies), None)
    }

    fn over(
        (whole, registry): (Arc<Registry>, Arc<Registry>),
        policies: Arc<Policies>,
        known: Option<&Views>,
    ) -> Views {
        let view = |object: &Arc<Object>| {
            let same = known.and_then(|known| known.objects.get(&object.name));
            same.filter(|same| Arc::ptr_eq(&same.object, object)).cloned().unwrap_or_else(|| {
                let fields = readable(object).cloned().collect();
                let policy = policies.of(&object.name, false).map(Arc::new);
                let acts = policies.acts(&object.name);
                Arc::new(ObjectView::new(Arc::clone(object), fields, acts, policy))
            })
        };
        let objects = registry.objects.iter().map(|(name, object)| (name.clone(), view(object))).collect();
        let bin = |name: &ObjectName, object: &Arc<Object>| {
            let same = known.filter(|known| {
                known.objects.get(name).is_some_and(|same| Arc::ptr_eq(&same.object, object))
            });
            same.and_then(|known| known.bins.get(name)).cloned().unwrap_or_else(|| {
                let bin = Arc::new(lower::bin_of(object));
                let fields = readable(&bin).cloned().collect();
                let policy = policies.of(name, true).map(Arc::new);
                Arc::new(ObjectView::new(bin, fields, policies.acts(name), policy))
            })
        };
        // Whoever may bring a record back sees what is in the bin.
        let binned = registry.objects.iter().filter(|(name, object)| {
            let whole = whole.objects.get(*name);
            object.recycle_bin && whole.is_some_and(|whole| policies.shape().may(whole, Act::Delete))
        });
        let bins = binned.map(|(name, object)| (name.clone(), bin(name, object))).collect();
        Views { registry, policies, whole, objects, bins, former: OnceLock::new() }
    }

    /// The former names of fields of all objects.
    pub(crate) fn former_names(&self) -> &HashSet<String> {
        self.former.get_or_init(|| {
            self.objects.values().flat_map(|view| view.former_names()).map(ToString::to_string).collect()
        })
    }

    /// The deleted records of an object; a former name of it answers too.
    pub fn bin(&self, object: &str) -> Option<&Arc<ObjectView>> {
        self.bins.get(object).or_else(|| self.bins.get(self.registry.aliases.get(object)?))
    }

    /// The objects whose history is shown to those who may look at histories: those of which every record is seen.
    pub(crate) fn audited(&self) -> impl Iterator<Item = &Arc<ObjectView>> {
        let leaves_out =
            |view: &&Arc<ObjectView>| view.policy.as_ref().is_some_and(|policy| policy.leaves_out());
        self.objects.values().filter(move |view| !leaves_out(view))
    }

    /// What a question names: an object, or `recycle_bin.` and an object.
    pub(crate) fn asked(&self, name: &str) -> Option<&Arc<ObjectView>> {
        self.get(name).or_else(|| self.bin(name.strip_prefix(lower::BIN_VIEW)?))
    }

    /// The view of an object; a former name of it answers too.
    pub fn get(&self, object: &str) -> Option<&Arc<ObjectView>> {
        self.objects.get(object).or_else(|| self.objects.get(self.registry.aliases.get(object)?))
    }
}

impl ObjectView {
    fn new(
        object: Arc<Object>,
        fields: Vec<FieldName>,
        acts: BTreeSet<Act>,
        policy: Option<Arc<Policy>>,
    ) -> ObjectView {
        let (columns, places, pace) = (KnownColumns::default(), OnceLock::new(), Pace::default());
        ObjectView { object, fields, acts, policy, columns, places, pace }
    }

    /// How long small questions for its records took.
    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// A field that the session may read.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let field = self.object.field(name)?;
        self.fields.contains(&field.name).then_some(field)
    }

    /// Whether a field of the object is read, and as it is stored: nothing masks or hides its value in any record.
    pub fn shows_in_full(&self, field: &Field) -> bool {
        let is_altered = self.policy.as_ref().is_some_and(|policy| policy.alters(field.column()));
        self.fields.contains(&field.name) && !is_altered
    }

    /// The former names of fields that the session may read.
    pub(crate) fn former_names(&self) -> impl Iterator<Item = &FieldName> {
        let visible = self.fields.iter().filter_map(|name| self.object.fields.get(name));
        visible.flat_map(|field| &field.alias)
    }

    /// A field that the session may write, read or not.
    pub fn writable(&self, name: &str) -> Option<&Field> {
        self.field(name).or_else(|| self.object.field(name).filter(|field| field.is_write_only()))
    }

    /// A to-one relation by its name or by the name of its lookup, with the lookup that carries it. The lookup must
    /// be in the view.
    pub fn to_one(&self, name: &str) -> Option<(&Relation, &Field)> {
        let by_name = self.object.relation(name).filter(|relation| is_to_one(relation));
        let relation = by_name
            .or_else(|| {
                self.object.relations.values().find(
                |relation| matches!(&relation.kind, RelationKind::ToOne { field } if field.as_str() == name),
            )
            })
            .or_else(|| {
                let lookup = self.object.field(name)?;
                self.object.relations.values().find(|relation| relation.is_carried_by(lookup.name.as_str()))
            })?;
        match &relation.kind {
            RelationKind::ToOne { field } => Some((relation, self.field(field.as_str())?)),
            RelationKind::ToMany { .. } | RelationKind::ToSeveral { .. } => None,
        }
    }

    /// A to-many relation with the name of the lookup over there.
    pub fn to_many(&self, name: &str) -> Option<(&Relation, &FieldName)> {
        let relation = self.object.relation(name)?;
        match &relation.kind {
            RelationKind::ToMany { field } => Some((relation, field)),
            RelationKind::ToOne { .. } | RelationKind::ToSeveral { .. } => None,
        }
    }

    /// A relation to the records of a list of references, with the list, which must be in the view.
    pub fn to_several(&self, name: &str) -> Option<(&Relation, &Field)> {
        let relation = self.object.relation(name)?;
        match &relation.kind {
            RelationKind::ToSeveral { field } => Some((relation, self.field(field.as_str())?)),
            RelationKind::ToOne { .. } | RelationKind::ToMany { .. } => None,
        }
    }

    /// Its fields that are computed when they are read.
    pub(crate) fn computed(&self) -> impl Iterator<Item = &Field> {
        self.fields
            .iter()
            .filter_map(|name| self.field(name.as_str()))
            .filter(|field| field.kind.is_computed())
    }

    /// The scan of this view's stored fields on a snapshot: the one door from a plan to storage.
    ///
    /// # Errors
    ///
    /// `Internal` when the snapshot's table is not the object's (the registry is newer than the snapshot).
    pub(crate) fn provider(
        &self,
        seeing: &Seeing,
        restriction: Restriction,
    ) -> Result<Arc<dyn TableProvider>> {
        self.provider_with(seeing, restriction, &[])
    }

    /// As [`Self::provider`], with former names of fields as columns of their own behind the others.
    ///
    /// # Errors
    ///
    /// As [`Self::provider`].
    pub(crate) fn provider_with(
        &self,
        seeing: &Seeing,
        restriction: Restriction,
        former: &[FieldName],
    ) -> Result<Arc<dyn TableProvider>> {
        Ok(Arc::new(self.table(seeing, restriction, former)?))
    }

    /// A few rows of this view's stored fields at once, through the same door; nothing when there may be many. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::provider`]; those of storage.
    pub(crate) fn few(
        &self,
        seeing: &Seeing,
        restriction: Restriction,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Few>> {
        Ok(self.table(seeing, restriction, &[])?.few(wanted)?)
    }

    /// Where stored fields stand among those of this view; behind them all stands the score. None when one of them does not.
    pub(crate) fn places(&self, names: &[String]) -> Option<Vec<usize>> {
        let is_stored = |name: &&FieldName| {
            self.object.field(name.as_str()).is_some_and(|field| !field.kind.is_computed())
        };
        let places = self.places.get_or_init(|| {
            let stored = self.fields.iter().filter(is_stored).map(FieldName::as_str).chain([SCORE]);
            stored.map(str::to_owned).zip(0..).collect()
        });
        names.iter().map(|name| places.get(name.as_str()).copied()).collect()
    }

    /// Whether nothing must be found out first about the one who looks.
    pub(crate) fn is_ready(&self, seeing: &Seeing) -> bool {
        self.policy.is_none() || seeing.viewer().is_at_hand()
    }

    fn table(
        &self,
        seeing: &Seeing,
        restriction: Restriction,
        former: &[FieldName],
    ) -> Result<scan::ScanTable> {
        let table = seeing.snapshot().table(self.object.table())?;
        let columns = match former {
            [] => self.columns.of(&table, || self.columns_of(&table, &[]))?,
            former => Arc::new(self.columns_of(&table, former)?),
        };
        let policy = self.policy.as_ref().map(|policy| (Arc::clone(policy), seeing.clone()));
        Ok(scan::ScanTable::new(table, columns, restriction, policy))
    }

    fn columns_of(&self, table: &TableSnapshot, former: &[FieldName]) -> Result<Columns> {
        let missing = |name: &FieldName| {
            Error::internal(format!("the table {:?} has no column {:?} yet", self.object.name, name))
        };
        let column = |(name, field): &(&FieldName, &Field)| {
            let position = table.spec().position(field.column());
            position.map(|position| (name.to_string(), position)).ok_or_else(|| missing(name))
        };
        let named = |name| self.object.field(FieldName::as_str(name)).map(|field| (name, field));
        let stored: Vec<(&FieldName, &Field)> = self
            .fields
            .iter()
            .chain(former)
            .filter_map(named)
            .filter(|(_, field)| !field.kind.is_computed())
            .collect();
        let columns = stored.iter().map(column).collect::<Result<Vec<_>>>()?;
        let shapes = stored.iter().map(|(name, _)| self.object.field(name.as_str()).map(Shape::of));
        let shapes = shapes.map(|shape| shape.unwrap_or_default()).collect();
        Ok(Columns::new(table, &columns, shapes))
    }
}

/// The fields that anybody may read: what is only written is in no view.
fn readable(object: &Object) -> impl Iterator<Item = &FieldName> {
    object.fields.iter().filter(|(_, field)| !field.is_write_only()).map(|(name, _)| name)
}

fn is_to_one(relation: &Relation) -> bool {
    matches!(relation.kind, RelationKind::ToOne { .. })
}
