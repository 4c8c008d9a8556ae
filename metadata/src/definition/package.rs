//! `package.yml`: what a package is and what it stands on.

use semver::{BuildMetadata, Version, VersionReq};

use crate::{
    definition::{
        Located, currency,
        identifier::{NameOf, check},
        mapping::{Keys, Mapping},
        value::{Value, parse},
    },
    issue::Issues,
    model::Labels,
    name::PackageName,
    naming::title_case,
    nearest::did_you_mean,
    read::Source,
};

/// A package as its author wrote it.
#[derive(Clone, Debug)]
pub(crate) struct PackageDefinition {
    pub(crate) name: Located<PackageName>,
    /// Nothing when it could not be read.
    pub(crate) version: Option<Version>,
    pub(crate) label: Labels,
    pub(crate) description: Option<String>,
    pub(crate) default_currency: Option<String>,
    pub(crate) depends: Vec<(Located<PackageName>, VersionReq)>,
    /// It is one tenant's own.
    pub(crate) is_of_tenant: bool,
}

const KEYS: Keys = Keys {
    of: "a package",
    known: &[
        ("name", &[]),
        ("version", &[]),
        ("label", &[]),
        ("description", &[]),
        ("defaultCurrency", &[]),
        ("depends", &["dependencies"]),
        ("scope", &[]),
    ],
    later: &["author", "license", "settings", "permissions", "namespace", "hooks"],
};

impl PackageDefinition {
    /// Reads `package.yml`. Without a name there is no package; every other fault leaves one that the other stages can go on with.
    pub(crate) fn read(source: &Source, issues: &mut Issues) -> Option<Self> {
        let node = parse(&source.file, &source.text, issues)?;
        let mapping = Mapping::read(&Value::root(&source.file, &node), &KEYS, issues)?;
        let name = name(&mapping, issues);
        let version = mapping.must_get("version", issues).and_then(|value| version(value, issues));
        let label = mapping.get("label").and_then(|value| value.labels(issues));
        let description = mapping.get("description").and_then(|value| value.text(issues)).map(str::to_owned);
        let default_currency = mapping.get("defaultCurrency").and_then(|value| currency::code(value, issues));
        let depends = mapping.get("depends").map(|value| depends(value, issues)).unwrap_or_default();
        let is_of_tenant = mapping.get("scope").is_some_and(|value| is_of_tenant(value, issues));
        let name = name?;
        let mut label = label.unwrap_or_default();
        label.0.entry("en".to_owned()).or_insert_with(|| title_case(name.value.as_str()));
        Some(Self { name, version, label, description, default_currency, depends, is_of_tenant })
    }
}

impl PackageDefinition {
    /// Makes it a build of its version, as which it is published.
    pub(crate) fn build(&mut self, build: Option<&BuildMetadata>) {
        if let (Some(version), Some(build)) = (&mut self.version, build) {
            version.build = build.clone();
        }
    }
}

fn name(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<Located<PackageName>> {
    let value = mapping.must_get("name", issues)?;
    let name = value.text(issues)?;
    check(name, NameOf::Package, &value.place(), issues);
    Some(value.located(PackageName::from(name)))
}

fn version(value: &Value<'_>, issues: &mut Issues) -> Option<Version> {
    let text = value.text(issues)?;
    Version::parse(text)
        .inspect_err(|error| {
            let message = format!("`{text}` is not a version such as `1.4.0`: {error}");
            issues.error(&value.place(), "bad-version", message);
        })
        .ok()
}

fn depends(value: &Value<'_>, issues: &mut Issues) -> Vec<(Located<PackageName>, VersionReq)> {
    let mut depends = Vec::new();
    for (name, range) in value.entries(issues).unwrap_or_default() {
        if !check(name, NameOf::Package, &range.place(), issues) {
            continue;
        }
        let Some(text) = range.text(issues) else { continue };
        match VersionReq::parse(text) {
            Ok(req) => depends.push((range.located(PackageName::from(name)), req)),
            Err(error) => {
                let message = format!("`{text}` is not a range of versions such as `^1.4`: {error}");
                issues.error(&range.place(), "bad-version", message);
            }
        }
    }
    depends
}

fn is_of_tenant(value: &Value<'_>, issues: &mut Issues) -> bool {
    match value.text(issues) {
        None | Some("global") => false,
        Some("tenant") => true,
        Some(other) => {
            let message = format!("`{other}` is not a scope{}", did_you_mean(other, ["global", "tenant"]));
            issues.error(&value.place(), "wrong-value", message);
            false
        }
    }
}
