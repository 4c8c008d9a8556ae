//! The later stages: all packages together, from definitions to a registry.
//!
//! 1. [`ParsedSource::of`] parses every file of a package by itself, once for as long as the package is at hand.
//! 2. [`extensions::merge`] lays what one package adds to another's object into it; [`polymorphic::lay_out`] makes fields of references to one of several objects, [`submission::lay_out`] of what says which records are drafts.
//! 3. [`book::Book::open`] gives every name its one owner: packages, objects.
//! 4. [`dependencies::check`] holds `depends` against what is there.
//! 5. [`objects::draft`] resolves each object by itself: fields with their references, system fields, name field, search, indexes.
//! 6. [`relations::connect`] makes the ways between objects, [`summaries::settle`] types
//!    summaries and formulas, [`clauses::settle`] what fields say in expressions beside, [`prefixes::assign`] gives the id prefixes, [`texts::apply`] the translations.
//! 7. [`sharing::settle`] says whose an object's records are for everyone, [`masks::check`] looks at masked fields.
//! 8. [`recognize`] finds what is as in a registry that is known: it is held once, and not checked again. [`aliases::check`] and [`graphql::check`] see whether two names become one.
//! 9. [`rules::compile`] resolves what must hold and happen, [`permissions::compile`] who may do what.
//! 10. [`freeze`] makes the registry, unless there was an error.
//!
//! A later stage runs on what the earlier ones could make sense of, and says nothing about what is already reported: a
//! field that could not be read is not also "unknown" where an index names it.

mod aliases;
mod book;
mod clauses;
mod companions;
mod dependencies;
mod extensions;
mod fields;
mod formulas;
mod graphql;
mod indexes;
mod lists;
mod masks;
mod objects;
mod permissions;
mod polymorphic;
mod prefixes;
mod relations;
mod rules;
mod search;
mod sharing;
mod submission;
mod summaries;
mod system;
mod texts;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use indexmap::IndexMap;
use semver::BuildMetadata;
use serde::Serialize;

use crate::{
    definition::{
        object::{ObjectDefinition, ObjectFile},
        package::PackageDefinition,
        texts::TextsDefinition,
    },
    issue::{Issues, Places},
    model::{Object, Package, Registry},
    name::ObjectName,
    read::PackageSource,
    rules::Case,
};

/// A package whose files have been parsed; a copy holds the same.
#[derive(Clone, Debug)]
struct ParsedPackage {
    definition: PackageDefinition,
    objects: Vec<Arc<ObjectDefinition>>,
    texts: Arc<Vec<TextsDefinition>>,
    shelf: Arc<rules::Shelf>,
}

/// What the files of one package say by themselves, and what is wrong in them.
#[derive(Debug, Default)]
pub(crate) struct ParsedSource {
    package: Option<ParsedPackage>,
    broken_package: Option<String>,
    broken_objects: BTreeSet<String>,
    issues: Issues,
}

/// All that was parsed, and the names of what could not be.
#[derive(Debug, Default)]
struct Parsed {
    packages: Vec<ParsedPackage>,
    broken_packages: BTreeSet<String>,
    broken_objects: BTreeSet<String>,
}

/// An object on its way into the registry, beside what its author wrote.
#[derive(Debug)]
struct Draft<'a> {
    definition: &'a ObjectDefinition,
    object: Object,
    /// The same object in the registry that was known before: nothing more need be asked of it alone.
    same: Option<Arc<Object>>,
}

/// Every object on its way, by name.
type Drafts<'a> = IndexMap<ObjectName, Draft<'a>>;

/// Compiles what was parsed, with the build that each is published as. Nothing comes of it when there is an error among the issues.
pub(crate) fn compile<'s>(
    sources: impl Iterator<Item = (&'s ParsedSource, Option<&'s BuildMetadata>)>,
    known: Option<&Registry>,
    issues: Issues,
) -> Result<(Registry, Places), Issues> {
    compile_rules(sources, known, rules::Kept::Only, issues)
}

/// As [`compile`], with these rules.
fn compile_rules<'s>(
    sources: impl Iterator<Item = (&'s ParsedSource, Option<&'s BuildMetadata>)>,
    known: Option<&Registry>,
    kept: rules::Kept,
    mut issues: Issues,
) -> Result<(Registry, Places), Issues> {
    let mut parsed = Parsed::gather(sources, &mut issues);
    extensions::merge(&mut parsed, &mut issues);
    polymorphic::lay_out(&mut parsed, &mut issues);
    submission::lay_out(&mut parsed, &mut issues);
    let book = book::Book::open(&parsed, &mut issues);
    dependencies::check(&book, &parsed, &mut issues);
    let mut drafts = objects::draft(&book, &mut issues);
    relations::connect(&mut drafts, &mut issues);
    summaries::settle(&mut drafts, &book, &mut issues);
    clauses::settle(&mut drafts, &book, &mut issues);
    prefixes::assign(&mut drafts, &mut issues);
    texts::apply(&parsed, &book, &mut drafts, &mut issues);
    sharing::settle(&parsed, &book, &mut drafts, &mut issues);
    masks::check(&drafts, &mut issues);
    recognize(&mut drafts, known);
    aliases::check(&drafts, &mut issues);
    graphql::check(&drafts, &mut issues);
    let rules = rules::compile(&parsed.packages, &book, &drafts, kept, &mut issues);
    let (sets, set_places) = permissions::compile(&parsed.packages, &book, &drafts, &mut issues);
    issues.sort();
    if issues.has_errors() {
        return Err(issues);
    }
    let mut places = places(&parsed);
    places.permissions = set_places;
    let aliases = book.aliases();
    let mut registry = freeze(&parsed, drafts, (rules, sets), known);
    registry.warnings = issues;
    registry.aliases = aliases;
    Ok((registry, places))
}

/// Finds the objects that are as they were.
fn recognize(drafts: &mut Drafts<'_>, known: Option<&Registry>) {
    let Some(known) = known else { return };
    for (name, draft) in drafts {
        draft.same = known.objects.get(name).filter(|was| ***was == draft.object).cloned();
    }
}

impl ParsedSource {
    /// Parses every file by itself.
    pub(crate) fn of(source: &PackageSource) -> Self {
        let mut parsed = Self::default();
        let issues = &mut parsed.issues;
        let definition = PackageDefinition::read(&source.package, issues);
        let mut objects = Vec::new();
        for (stem, file) in &source.objects {
            match ObjectDefinition::read(stem, file, issues) {
                ObjectFile::Read(object) => objects.push(Arc::new(*object)),
                ObjectFile::Broken(name) => drop(parsed.broken_objects.insert(name)),
            }
        }
        let read_texts = |(locale, file): &(String, _)| TextsDefinition::read(locale, file, issues);
        let texts = Arc::new(source.texts.iter().filter_map(read_texts).collect());
        let shelf = Arc::new(rules::Shelf::read(source, issues));
        match definition {
            Some(definition) => {
                parsed.package = Some(ParsedPackage { definition, objects, texts, shelf });
            }
            None => {
                let folder = source.package.file.parent().and_then(|folder| folder.file_name());
                parsed.broken_package = folder.map(|name| name.to_string_lossy().into_owned());
                parsed.broken_objects.extend(objects.iter().map(|object| object.name.value.to_string()));
            }
        }
        parsed
    }
}

impl Parsed {
    /// Brings together what packages say by themselves.
    fn gather<'s>(
        sources: impl Iterator<Item = (&'s ParsedSource, Option<&'s BuildMetadata>)>,
        issues: &mut Issues,
    ) -> Self {
        let mut parsed = Self::default();
        for (source, build) in sources {
            issues.0.extend(source.issues.0.iter().cloned());
            parsed.broken_packages.extend(source.broken_package.clone());
            parsed.broken_objects.extend(source.broken_objects.iter().cloned());
            if let Some(mut package) = source.package.clone() {
                package.definition.build(build);
                parsed.packages.push(package);
            }
        }
        parsed.packages.sort_by(|a, b| a.definition.name.value.cmp(&b.definition.name.value));
        parsed
    }
}

/// Where everything is declared.
fn places(parsed: &Parsed) -> Places {
    let mut places = Places::default();
    for package in &parsed.packages {
        let name = &package.definition.name;
        places.packages.insert(name.value.clone(), name.place.clone());
        for object in &package.objects {
            places.objects.insert(object.name.value.clone(), Arc::clone(object));
        }
    }
    places
}

fn freeze(
    parsed: &Parsed,
    drafts: Drafts<'_>,
    ((mut rules, cases), mut sets): ((rules::AllRules, Vec<Case>), permissions::AllSets),
    known: Option<&Registry>,
) -> Registry {
    let mut packages = IndexMap::new();
    for ParsedPackage { definition, objects, .. } in &parsed.packages {
        let mut names: Vec<_> = objects.iter().map(|object| object.name.value.clone()).collect();
        names.sort();
        let package = Package {
            name: definition.name.value.clone(),
            version: definition.version.clone().unwrap_or(semver::Version::new(0, 0, 0)),
            label: definition.label.clone(),
            description: definition.description.clone(),
            default_currency: definition.default_currency.clone(),
            depends: definition.depends.iter().map(|(name, req)| (name.value.clone(), req.clone())).collect(),
            objects: names,
        };
        packages.insert(package.name.clone(), package);
    }
    let mut objects = IndexMap::with_capacity(drafts.len());
    let mut digests = BTreeMap::new();
    for (name, draft) in drafts {
        let was = draft.same.as_ref().and_then(|_| known?.digests.get(&name));
        let digest = was.copied().unwrap_or_else(|| digest(&draft.object));
        digests.insert(name.clone(), digest);
        objects.insert(name, draft.same.unwrap_or_else(|| Arc::new(draft.object)));
    }
    for (name, rules) in rules.iter_mut() {
        let was = known.and_then(|known| known.rules.get(name)).filter(|was| *was == rules);
        *rules = was.unwrap_or(rules).clone();
    }
    for (name, set) in sets.iter_mut() {
        let was = known.and_then(|known| known.permission_sets.get(name)).filter(|was| *was == set);
        *set = was.unwrap_or(set).clone();
    }
    let mut registry = Registry {
        version: String::new(),
        packages,
        objects,
        aliases: BTreeMap::new(),
        rules,
        permission_sets: sets,
        cases,
        digests,
        warnings: Issues::default(),
    };
    registry.version = version(&registry);
    registry
}

/// Names the content of a registry: the BLAKE3 hash of its packages, of the hash of each object, and of its rules, in hex.
fn version(registry: &Registry) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&digest(&registry.packages));
    for digest in registry.digests.values() {
        hasher.update(digest);
    }
    hasher.update(&digest(&registry.rules));
    if !registry.permission_sets.is_empty() {
        hasher.update(&digest(&registry.permission_sets));
    }
    hasher.finalize().to_hex().to_string()
}

/// The BLAKE3 hash of a part's JSON form.
fn digest(part: &impl Serialize) -> [u8; 32] {
    // The hash is quick with much at once, and the serializer writes little by little.
    match serde_json::to_vec(part) {
        Ok(json) => blake3::hash(&json).into(),
        // The model has no map whose keys are not text.
        Err(error) => unreachable!("the model has a JSON form: {error}"),
    }
}
