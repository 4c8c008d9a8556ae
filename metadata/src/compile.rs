//! The later stages: all packages together, from definitions to a registry.
//!
//! 1. [`Parsed::read`] parses every file of every package by itself.
//! 2. [`extensions::merge`] lays what one package adds to another's object into it.
//! 3. [`book::Book::open`] gives every name its one owner: packages, objects.
//! 4. [`dependencies::check`] holds `depends` against what is there.
//! 5. [`objects::draft`] resolves each object by itself: fields with their references, system fields, name field, search, indexes.
//! 6. [`relations::connect`] makes the ways between objects, [`summaries::settle`] types
//!    summaries and formulas, [`clauses::settle`] what fields say in expressions beside, [`prefixes::assign`] gives the id prefixes, [`texts::apply`] the translations.
//! 7. [`aliases::check`] and [`graphql::check`] see whether two names become one.
//! 8. [`rules::compile`] resolves what must hold and happen.
//! 9. [`freeze`] makes the registry, unless there was an error.
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
mod objects;
mod prefixes;
mod relations;
mod rules;
mod search;
mod summaries;
mod system;
mod texts;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use indexmap::IndexMap;

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

/// A package whose files have been parsed.
#[derive(Debug)]
struct ParsedPackage {
    definition: PackageDefinition,
    objects: Vec<ObjectDefinition>,
    texts: Vec<TextsDefinition>,
    shelf: rules::Shelf,
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
}

/// Every object on its way, by name.
type Drafts<'a> = IndexMap<ObjectName, Draft<'a>>;

/// Compiles what was read. Nothing comes of it when there is an error among the issues.
pub(crate) fn compile(sources: &[PackageSource], issues: Issues) -> Result<(Registry, Places), Issues> {
    compile_rules(sources, rules::Kept::Only, issues)
}

/// As [`compile`], with these rules.
fn compile_rules(
    sources: &[PackageSource],
    kept: rules::Kept,
    mut issues: Issues,
) -> Result<(Registry, Places), Issues> {
    let mut parsed = Parsed::read(sources, &mut issues);
    extensions::merge(&mut parsed, &mut issues);
    let book = book::Book::open(&parsed, &mut issues);
    dependencies::check(&book, &parsed, &mut issues);
    let mut drafts = objects::draft(&book, &mut issues);
    relations::connect(&mut drafts, &mut issues);
    summaries::settle(&mut drafts, &book, &mut issues);
    clauses::settle(&mut drafts, &mut issues);
    prefixes::assign(&mut drafts, &mut issues);
    texts::apply(&parsed, &book, &mut drafts, &mut issues);
    aliases::check(&drafts, &mut issues);
    graphql::check(&drafts, &mut issues);
    let rules = rules::compile(&parsed.packages, &book, &drafts, kept, &mut issues);
    issues.sort();
    if issues.has_errors() {
        return Err(issues);
    }
    let places = places(&parsed, &drafts);
    let aliases = book.aliases();
    let mut registry = freeze(&parsed, drafts, rules, issues);
    registry.aliases = aliases;
    Ok((registry, places))
}

impl Parsed {
    fn read(sources: &[PackageSource], issues: &mut Issues) -> Self {
        let mut parsed = Self::default();
        for source in sources {
            let definition = PackageDefinition::read(&source.package, issues);
            let mut objects = Vec::new();
            for (stem, file) in &source.objects {
                match ObjectDefinition::read(stem, file, issues) {
                    ObjectFile::Read(object) => objects.push(*object),
                    ObjectFile::Broken(name) => drop(parsed.broken_objects.insert(name)),
                }
            }
            let read_texts = |(locale, file): &(String, _)| TextsDefinition::read(locale, file, issues);
            let texts = source.texts.iter().filter_map(read_texts).collect();
            let shelf = rules::Shelf::read(source, issues);
            match definition {
                Some(mut definition) => {
                    definition.build(source.build.as_ref());
                    parsed.packages.push(ParsedPackage { definition, objects, texts, shelf });
                }
                None => {
                    let folder = source.package.file.parent().and_then(|folder| folder.file_name());
                    parsed.broken_packages.extend(folder.map(|name| name.to_string_lossy().into_owned()));
                    parsed.broken_objects.extend(objects.iter().map(|object| object.name.value.to_string()));
                }
            }
        }
        parsed.packages.sort_by(|a, b| a.definition.name.value.cmp(&b.definition.name.value));
        parsed
    }
}

/// Where everything is declared.
fn places(parsed: &Parsed, drafts: &Drafts<'_>) -> Places {
    let mut places = Places::default();
    for package in &parsed.packages {
        let name = &package.definition.name;
        places.packages.insert(name.value.clone(), name.place.clone());
    }
    for draft in drafts.values() {
        let object = draft.definition.name.value.clone();
        for (name, field) in &draft.definition.fields {
            places.fields.insert((object.clone(), name.clone()), field.place.clone());
        }
        places.objects.insert(object, draft.definition.name.place.clone());
    }
    places
}

fn freeze(
    parsed: &Parsed,
    drafts: Drafts<'_>,
    (rules, cases): (rules::AllRules, Vec<Case>),
    warnings: Issues,
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
    let objects = drafts.into_iter().map(|(name, draft)| (name, Arc::new(draft.object))).collect();
    let aliases = BTreeMap::new();
    let mut registry =
        Registry { version: String::new(), packages, objects, aliases, rules, cases, warnings };
    registry.version = content_hash(&registry);
    registry
}

/// The BLAKE3 hash of the registry's JSON form, in hex.
fn content_hash(registry: &Registry) -> String {
    let mut hasher = blake3::Hasher::new();
    // Writing into a hasher can't fail, and the model has no map whose keys are not text.
    match serde_json::to_writer(&mut hasher, registry) {
        Ok(()) => hasher.finalize().to_hex().to_string(),
        Err(error) => unreachable!("the model has a JSON form: {error}"),
    }
}
