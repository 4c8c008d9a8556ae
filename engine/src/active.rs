//! What serves now: a registry with all that is derived from it once, swapped as a whole by a reload.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;
use quarry_metadata::{Bundle, DeleteBehavior, FieldKind, FieldName, Object, ObjectName, Places, Registry};
use quarry_planner::{UserLists, Views, lower};
use quarry_storage::{ColumnSpec, Snapshot, TableSpec};

use crate::{
    error::{Error, Result},
    layout::Layout,
    opening,
    rights::Shapes,
    rules::{FieldRules, KeptFormulas, Rulebook},
    summaries::Summaries,
    system,
};

/// The object of people who may log in; `packages/core` declares it.
pub(crate) const USER: &str = "user";

/// The registry that serves, and what follows from it.
pub(crate) struct Active {
    pub registry: Arc<Registry>,
    pub views: Arc<Views>,
    /// What must hold, compiled.
    pub rules: Rulebook,
    /// What fields say in expressions, compiled.
    pub fields: FieldRules,
    /// Formulas that are kept in a column, compiled.
    pub formulas: KeptFormulas,
    /// What is summed up, compiled.
    pub summaries: Summaries,
    /// Who refers to an object, by the object referred to.
    pub referrers: HashMap<ObjectName, Vec<Referrer>>,
    /// The field of `user` that holds the login name.
    pub login_field: FieldName,
    /// The packages it was compiled from.
    pub bundles: Vec<Bundle>,
    /// Where everything in them is declared.
    pub places: Places,
    /// How often an activation has filled fields of records that were there: who began before the last one may not
    /// commit after it.
    fills: AtomicU64,
    /// What those see who do not see everything.
    pub shapes: Shapes,
    /// Who is below whom, and in which teams, as it was asked for last.
    pub lists: Arc<UserLists>,
    /// Objects beside their tables, as they were last asked for.
    layouts: RwLock<HashMap<ObjectName, Arc<Layout>>>,
}

/// A lookup seen from the object it points to.
#[derive(Clone, Debug)]
pub(crate) struct Referrer {
    pub object: ObjectName,
    pub field: FieldName,
    /// What deleting the target does, `SetNull` on a required field being `Restrict`.
    pub on_delete: DeleteBehavior,
    /// It holds a list of references, which no index knows.
    pub many: bool,
}

impl Active {
    /// Compiles packages, and derives what follows from them. What is as in what is `known` is held once, and not made anew.
    ///
    /// # Errors
    ///
    /// `Invalid` with all issues of the packages, and when no package declares the object `user` with a login name.
    pub fn of(bundles: Vec<Bundle>, known: Option<&Active>) -> Result<Self> {
        let are_known = |known: &&Active| {
            let pairs = || bundles.iter().zip(&known.bundles);
            bundles.len() == known.bundles.len() && pairs().all(|(one, other)| one.is_very_same(other))
        };
        let (registry, places) = match known.filter(are_known) {
            Some(known) => (Arc::clone(&known.registry), known.places.clone()),
            None => {
                let beside = known.map(|known| &*known.registry);
                let compiled = Registry::compile_beside(&bundles, beside).map_err(opening::uncompiled)?;
                (Arc::new(compiled.0), compiled.1)
            }
        };
        let login_field = login_field(&registry)?;
        let mut referrers: HashMap<ObjectName, Vec<Referrer>> = HashMap::new();
        for object in registry.objects.values() {
            for field in object.fields.values() {
                let (target, on_delete, many) = match &field.kind {
                    FieldKind::Lookup { target, on_delete, .. } => (target, on_delete, false),
                    FieldKind::References { target, on_delete } => (target, on_delete, true),
                    _ => continue,
                };
                let on_delete = match on_delete {
                    DeleteBehavior::SetNull if object.must_refer(field) => DeleteBehavior::Restrict,
                    other => *other,
                };
                let (object, field) = (object.name.clone(), field.name.clone());
                let referrer = Referrer { object, field, on_delete, many };
                referrers.entry(target.clone()).or_default().push(referrer);
            }
        }
        let views = Arc::new(Views::beside(registry.clone(), known.map(|known| &*known.views)));
        let rules = Rulebook::beside(&registry, known.map(|known| (&*known.registry, &known.rules)))?;
        let fields = FieldRules::beside(&registry, known.map(|known| (&*known.registry, &known.fields)))?;
        let formulas =
            KeptFormulas::beside(&registry, known.map(|known| (&*known.registry, &known.formulas)))?;
        let summaries =
            Summaries::beside(&registry, known.map(|known| (&*known.registry, &known.summaries)))?;
        Ok(Self {
            registry,
            views,
            rules,
            fields,
            formulas,
            summaries,
            referrers,
            login_field,
            bundles,
            places,
            fills: AtomicU64::default(),
            shapes: Shapes::default(),
            lists: Arc::default(),
            layouts: RwLock::default(),
        })
    }

    /// An object beside its table in this state.
    ///
    /// # Errors
    ///
    /// `Missing` with the nearest name.
    pub fn layout(&self, object: &str, snapshot: &Snapshot) -> Result<Arc<Layout>> {
        let object = self.object(object)?;
        let known = self.layouts.read().get(&object.name).filter(|known| known.is_of(snapshot)).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let layout = Arc::new(Layout::new(object, self.registry.rules.get(&object.name), snapshot)?);
        self.layouts.write().insert(object.name.clone(), layout.clone());
        Ok(layout)
    }

    /// See [`Self::fills`].
    pub fn fills(&self) -> u64 {
        self.fills.load(Ordering::Acquire)
    }

    /// Takes up the count of what served before it; one more where records are written for it to serve.
    pub fn follow(&self, before: &Active, fills: bool) {
        self.fills.store(before.fills() + u64::from(fills), Ordering::Release);
    }

    /// The object of that exact name.
    ///
    /// # Errors
    ///
    /// `Missing` with the nearest name.
    pub fn object(&self, name: &str) -> Result<&Arc<Object>> {
        self.registry.get(name).ok_or_else(|| {
            let near = nearest(name, self.registry.objects.keys().map(ObjectName::as_str));
            let message = format!("there is no object {name:?}{near}");
            Error::new(crate::ErrorKind::Missing, "OBJECT_NOT_FOUND", message)
        })
    }

    /// An error of the store by the names of today: it knows tables and columns by their first ones.
    pub fn named(&self, mut error: Error) -> Error {
        for finding in &mut error.findings {
            let of_table = |object: &&Arc<Object>| object.table() == finding.object;
            let Some(object) = self.registry.objects.values().find(of_table) else { continue };
            let column = finding.field.take();
            let field = object.fields.values().find(|field| Some(field.column()) == column.as_deref());
            finding.field = field.map(|field| field.name.to_string()).or(column);
            finding.object = object.name.to_string();
            let rules = self.registry.rules.get(&object.name);
            let rule = rules.and_then(|rules| rules.keeping(finding.constraint.as_deref()?));
            if let Some(rule) = rule {
                finding.code = rule.error_code.clone().into();
            }
        }
        error
    }

    /// Whether this very object serves, so that all that follows from it is there.
    pub fn serves(&self, object: &Arc<Object>) -> bool {
        self.registry.objects.get(&object.name).is_some_and(|known| Arc::ptr_eq(known, object))
    }

    /// Whether the rules of an object are the very same; some of them are kept by its table.
    fn has_rules_of(&self, other: &Active, object: &Object) -> bool {
        match (self.registry.rules.get(&object.name), other.registry.rules.get(&object.name)) {
            (Some(own), Some(others)) => Arc::ptr_eq(own, others),
            (None, None) => true,
            _ => false,
        }
    }

    /// The tables that the objects and the engine itself need. A table that is there keeps the order of its columns;
    /// what is new stands behind them, and a column that no object has any more stays, unused. Objects that are the very same in
    /// what is `serving`, rules and all, have their tables.
    pub fn tables(&self, stored: &Snapshot, serving: Option<&Active>) -> Vec<TableSpec> {
        let serves = |object: &&Arc<Object>| {
            serving.is_some_and(|serving| serving.serves(object) && self.has_rules_of(serving, object))
        };
        let objects = || self.registry.objects.values().filter(|object| !serves(object));
        let wanted = objects().map(|object| lower::table_spec(object, &self.registry));
        let bins = objects().filter(|object| object.recycle_bin).map(|object| lower::bin_spec(object));
        let wanted = wanted.chain(bins);
        let merged = wanted.map(|wanted| match stored.table(&wanted.name) {
            Ok(table) => merge(table.spec(), wanted),
            Err(_) => wanted,
        });
        merged.chain(system::tables()).collect()
    }
}

fn merge(stored: &TableSpec, wanted: TableSpec) -> TableSpec {
    let kept = stored.columns.iter().map(|old| match wanted.position(&old.name) {
        Some(position) => wanted.columns.get(position).unwrap_or(old).clone(),
        None => ColumnSpec { indexed: false, searchable: false, ..old.clone() },
    });
    let added = wanted.columns.iter().filter(|new| stored.position(&new.name).is_none()).cloned();
    let columns = kept.chain(added).collect();
    TableSpec { columns, ..wanted }
}

fn login_field(registry: &Registry) -> Result<FieldName> {
    let Some(user) = registry.get(USER) else {
        let message = "no package declares the object \"user\", which everyone who logs in is a record of; \
                       add the package \"core\" to the package folders";
        return Err(Error::new(crate::ErrorKind::Invalid, "INVALID_PACKAGES", message));
    };
    let is_text = |name: &&str| user.field(name).is_some_and(|f| matches!(f.kind, FieldKind::Text { .. }));
    match ["username", "name"].into_iter().find(is_text) {
        Some(name) => Ok(FieldName::from(name)),
        None => {
            let message =
                "the object \"user\" has neither a text field \"username\" nor \"name\" to log in by";
            Err(Error::new(crate::ErrorKind::Invalid, "INVALID_PACKAGES", message))
        }
    }
}

/// `; did you mean "account"?`, or nothing when no name is near.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    /// Names longer than this are not compared: the work grows with the square.
    const COMPARED_CHARACTERS_MAX: usize = 100;
    if wrong.chars().nth(COMPARED_CHARACTERS_MAX).is_some() {
        return String::new();
    }
    let best = known.map(|name| (strsim::jaro_winkler(wrong, name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, name)) if likeness > 0.8 => format!("; did you mean {name:?}?"),
        _ => String::new(),
    }
}
