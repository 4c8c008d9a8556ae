//! The registry as someone may see it: what he may not read has no name in it.
//!
//! It is the same model with less in it, so whoever makes something of a registry (views, schemas, catalogs, documents) needs no second
//! look at permissions.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;

use super::{Act, Shape};
use crate::{
    expression::{Expression, Path, Root},
    issue::Issues,
    model::{
        Clause, Conditions, Default_, Field, FieldKind, Object, Package, Registry, Relation, RelationKind,
        Summary,
    },
    name::{FieldName, ObjectName},
    rules::Rules,
};

impl Registry {
    /// What someone of a shape sees of it. An object that he sees whole is the same one.
    ///
    /// Not there are: objects that he may not read, fields that he may not read or that lead to such objects only, relations by them, formulas
    /// that are computed of them, indexes over them; actions that he may not do. Rules are not told at all but for what a field may be next.
    pub fn seen_by(self: &Arc<Registry>, shape: &Shape) -> Arc<Registry> {
        if shape.sees_all() {
            return Arc::clone(self);
        }
        let sight = Sight { registry: self, shape };
        let objects: IndexMap<ObjectName, Arc<Object>> = self
            .objects
            .values()
            .filter(|object| shape.may(object, Act::Read))
            .map(|object| (object.name.clone(), sight.object(object)))
            .collect();
        let rules = |(name, rules): (&ObjectName, &Arc<Rules>)| {
            let object = objects.get(name)?;
            Some((name.clone(), Arc::new(sight.rules(object, rules))))
        };
        let rules = self.rules.iter().filter_map(rules).collect();
        let package = |package: &Package| {
            let mut package = package.clone();
            package.objects.retain(|name| objects.contains_key(name));
            (package.name.clone(), package)
        };
        let packages = self.packages.values().map(package).filter(|(_, package)| !package.objects.is_empty());
        let aliases = self.aliases.iter().filter(|(_, object)| objects.contains_key(*object));
        Arc::new(Registry {
            version: shape.version_of(&self.version),
            packages: packages.collect(),
            aliases: aliases.map(|(alias, object)| (alias.clone(), object.clone())).collect(),
            rules,
            objects,
            permission_sets: IndexMap::new(),
            cases: Vec::new(),
            digests: BTreeMap::new(),
            warnings: Issues::default(),
        })
    }
}

struct Sight<'a> {
    registry: &'a Registry,
    shape: &'a Shape,
}

impl Sight<'_> {
    fn object(&self, object: &Arc<Object>) -> Arc<Object> {
        let fields: IndexMap<FieldName, Field> = object
            .fields
            .iter()
            .filter(|(_, field)| self.is_seen(object, field))
            .map(|(name, field)| (name.clone(), self.field(object, field)))
            .collect();
        let relations = object.relations.values().filter(|relation| self.leads_on(object, relation, &fields));
        let relations: IndexMap<_, _> = relations.map(|way| (way.name.clone(), way.clone())).collect();
        let is_whole = fields == object.fields && relations.len() == object.relations.len();
        if is_whole {
            return Arc::clone(object);
        }
        let has = |name: &FieldName| fields.contains_key(name);
        let mut polymorphic = object.polymorphic.clone();
        for reference in &mut polymorphic {
            reference.members.retain(|member| has(&member.field));
        }
        polymorphic.retain(|reference| has(&reference.field) && has(&reference.type_field));
        let name_field =
            if has(&object.name_field) { object.name_field.clone() } else { FieldName::from("id") };
        Arc::new(Object {
            name_field,
            indexes: object.indexes.iter().filter(|index| index.fields.iter().all(has)).cloned().collect(),
            // What is masked is found by no word.
            searchable: object
                .searchable
                .iter()
                .filter(|name| fields.get(*name).is_some_and(|field| field.mask.is_none()))
                .cloned()
                .collect(),
            polymorphic,
            fields,
            relations,
            ..Object::clone(object)
        })
    }

    /// A field as it is shown: what may not be written is readonly; a list of objects names those that are seen.
    fn field(&self, object: &Object, field: &Field) -> Field {
        let right = self.shape.field(object, field);
        let mut seen = field.clone();
        seen.mask = right.mask;
        seen.readonly |= !right.writes();
        // What is masked is found by no index, and tells nothing of what others have.
        let is_masked = seen.mask.is_some();
        seen.searchable &= !is_masked;
        if let Some(reference) = object.polymorphic.iter().find(|it| it.type_field == field.name) {
            let seen_types = reference.members.iter().filter(|member| self.reads(&member.target));
            let seen_types: Vec<&str> = seen_types.map(|member| member.type_name.as_str()).collect();
            if let FieldKind::Formula { returns, .. } = &mut seen.kind
                && let FieldKind::Select { options } = &mut **returns
            {
                options.retain(|option| seen_types.contains(&option.value.as_str()));
            }
        }
        if seen.depends_on.as_ref().is_some_and(|name| !self.reads_field(object, name)) {
            seen.depends_on = None;
        }
        self.clauses(object, &mut seen);
        seen
    }

    fn reads(&self, object: &ObjectName) -> bool {
        self.registry.objects.get(object).is_some_and(|object| self.shape.may(object, Act::Read))
    }

    /// Whether a field is there: it may be read, or, if nobody reads it, be written; it leads to what may be read; and what it is
    /// computed of is there.
    fn is_seen(&self, object: &Object, field: &Field) -> bool {
        let right = self.shape.field(object, field);
        let is_there = if field.is_write_only() { right.writes() } else { right.reads };
        is_there && self.leads_to_seen(object, field) && self.is_computed_of_seen(object, field)
    }

    fn leads_to_seen(&self, object: &Object, field: &Field) -> bool {
        match &field.kind {
            FieldKind::Lookup { target, .. } | FieldKind::References { target, .. } => self.reads(target),
            _ => match object.polymorphic(field.name.as_str()) {
                Some(reference) => reference.members.iter().any(|member| self.reads(&member.target)),
                None => true,
            },
        }
    }

    fn is_computed_of_seen(&self, object: &Object, field: &Field) -> bool {
        match &field.kind {
            FieldKind::Formula { expression, stored: false, .. } => self.sees(object, expression),
            _ => true,
        }
    }

    /// Whether all that an expression about records of an object looks at is seen. Everyone sees himself.
    fn sees(&self, object: &Object, expression: &Expression) -> bool {
        let needs = expression.needs();
        let of_record = needs.fields.keys().filter(|(root, _)| *root != Root::User);
        of_record.map(|(_, path)| path).all(|path| self.sees_end(object, path))
            && needs.children.iter().all(|(children, paths)| {
                let child = self.registry.objects.get(&children.object);
                let reads = |field: &FieldName, child: &Object| self.reads_field(child, field);
                child.is_some_and(|child| {
                    self.reads(&children.object)
                        && reads(&children.lookup, child)
                        && paths.keys().all(|path| self.sees_end(child, path))
                })
            })
    }

    fn sees_end(&self, object: &Object, path: &Path) -> bool {
        let mut from = object;
        for step in &path.steps {
            if !self.reads_field(from, &step.lookup) || !self.reads(&step.target) {
                return false;
            }
            match self.registry.objects.get(&step.target) {
                Some(target) => from = target,
                None => return false,
            }
        }
        self.reads_field(from, &path.field)
    }

    fn reads_field(&self, object: &Object, field: &FieldName) -> bool {
        object.fields.get(field).is_some_and(|field| self.shape.field(object, field).reads)
    }

    /// What a field says beside its type, where that names nothing that is not seen. It holds all the same.
    fn clauses(&self, object: &Object, field: &mut Field) {
        let sees = |clause: &Clause| self.sees(object, &clause.expression);
        let keep = |clause: &Option<Clause>| clause.clone().filter(|clause| sees(clause));
        if let Some(conditions) = &field.conditions {
            let Conditions { required, readonly, visible } = &**conditions;
            let kept =
                Conditions { required: keep(required), readonly: keep(readonly), visible: keep(visible) };
            field.conditions = Some(Arc::new(kept)).filter(|kept| kept.each().next().is_some());
        }
        if matches!(&field.default, Some(Default_::Computed(clause)) if !sees(clause)) {
            field.default = None;
        }
        let sums_up_seen = |summary: &Summary| {
            self.registry.objects.get(&summary.object).is_some_and(|child| {
                let fields = summary.reads().into_iter().chain([summary.lookup.clone()]);
                self.reads(&summary.object) && fields.into_iter().all(|name| self.reads_field(child, &name))
            })
        };
        if field.summary.as_ref().is_some_and(|summary| !sums_up_seen(summary)) {
            field.summary = None;
        }
        if let FieldKind::Select { options } | FieldKind::MultiSelect { options } = &mut field.kind {
            for option in options {
                option.visible = keep(&option.visible);
            }
        }
    }

    fn leads_on(&self, object: &Object, relation: &Relation, fields: &IndexMap<FieldName, Field>) -> bool {
        let is_there = self.reads(&relation.target);
        match &relation.kind {
            RelationKind::ToOne { field } | RelationKind::ToSeveral { field } => {
                is_there && fields.contains_key(field)
            }
            RelationKind::ToMany { field } => {
                let other = self.registry.objects.get(&relation.target);
                let lookup = other.and_then(|other| Some((other, other.fields.get(field)?)));
                // The lookup over there leads here, to an object that is seen.
                is_there
                    && lookup.is_some_and(|(other, lookup)| self.shape.field(other, lookup).reads)
                    && self.reads(&object.name)
            }
        }
    }

    /// Of rules those that clients are told: states, and actions that may be done.
    fn rules(&self, object: &Object, rules: &Rules) -> Rules {
        let machines = rules.machines.iter().filter(|machine| object.fields.contains_key(&machine.field));
        let actions = rules.actions.iter().filter(|(name, _)| self.shape.may_act(object, name));
        Rules {
            validations: Vec::new(),
            machines: machines.cloned().collect(),
            triggers: Vec::new(),
            actions: actions.map(|(name, action)| (name.clone(), action.clone())).collect(),
        }
    }
}
