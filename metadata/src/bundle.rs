//! A package as it is shipped: its files, and the hash that names what is written in them.
//!
//! The hash is BLAKE3 over a canonical form: the tree of values of each file, with the keys of a mapping sorted (but those of
//! `fields`, whose order is that of the columns) and every scalar as it is read. Comments, quoting, indentation, the order of
//! keys, folders and the difference between YAML and JSON are no part of it; nor is anything that this program derives, so
//! that a published package keeps its name when the program is renewed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use semver::{BuildMetadata, Version};

use crate::{
    compile::{ParsedSource, compile},
    definition::{package::PackageDefinition, value::parse},
    issue::{Issues, Places},
    model::Registry,
    name::PackageName,
    read::{self, PACKAGE_FILE, PackageSource},
    yaml::{Content, Node},
};

/// A package as it is shipped.
#[derive(Clone, Debug)]
pub struct Bundle {
    source: Arc<PackageSource>,
    /// What its files say by themselves: parsed when it is first wanted, and once for all copies.
    parsed: Arc<OnceLock<ParsedSource>>,
    /// Its files as one text.
    text: Arc<OnceLock<Arc<str>>>,
    /// Which build of its version it is, where the version's own content is another.
    build: Option<BuildMetadata>,
    name: PackageName,
    version: Version,
    depends: Vec<PackageName>,
    hash: String,
}

impl Bundle {
    /// Reads every package folder in `folders`, as [`Registry::load`] does.
    ///
    /// # Errors
    ///
    /// Files that can't be read, and those of which `package.yml` can't be understood, all at once.
    pub fn read(folders: &[PathBuf]) -> Result<Vec<Bundle>, Issues> {
        Self::read_beside(folders, &[])
    }

    /// As [`Self::read`]; a package whose files are word for word those of one that is known is that one, and not parsed again.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn read_beside(folders: &[PathBuf], known: &[Bundle]) -> Result<Vec<Bundle>, Issues> {
        let mut issues = Issues::default();
        let sources = read::read_packages(folders, &mut issues);
        let of = |source: PackageSource| {
            let same = known.iter().find(|known| known.build.is_none() && known.source.has_files_of(&source));
            same.cloned().or_else(|| Self::of(source, &mut issues))
        };
        let bundles = sources.into_iter().filter_map(of).collect();
        match issues.has_errors() {
            // The compiler finds all that is wrong.
            true => Err(Registry::load(folders).err().unwrap_or(issues)),
            false => Ok(bundles),
        }
    }

    /// A package of files that are at hand: paths below the package folder, each with its text. `origin` stands for the
    /// folder in the places of findings.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn of_files(origin: &str, files: &BTreeMap<String, String>) -> Result<Bundle, Issues> {
        let mut issues = Issues::default();
        let source = read::sort_files(Path::new(origin), files, &mut issues);
        let bundle = source.and_then(|source| Self::of(source, &mut issues));
        match bundle {
            Some(bundle) if !issues.has_errors() => Ok(bundle),
            _ => Err(issues),
        }
    }

    fn of(source: PackageSource, issues: &mut Issues) -> Option<Bundle> {
        let definition = PackageDefinition::read(&source.package, issues)?;
        let hash = hash(&source, issues);
        let depends = definition.depends.iter().map(|(name, _)| name.value.clone()).collect();
        let name = definition.name.value;
        let version = definition.version?;
        let (source, parsed, text) = (Arc::new(source), Arc::default(), Arc::default());
        Some(Bundle { source, parsed, text, build: None, name, version, depends, hash })
    }

    /// Whether it is the very same, so that the same comes of it.
    pub fn is_very_same(&self, other: &Bundle) -> bool {
        Arc::ptr_eq(&self.parsed, &other.parsed) && self.build == other.build
    }

    /// The package's name.
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// The version that it is published as: that of its `package.yml`, or a build of it.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The packages that it stands on.
    pub fn depends(&self) -> &[PackageName] {
        &self.depends
    }

    /// `crm@1.2.0`.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// What is written in it, as 64 hexadecimal digits of BLAKE3.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What stands for its folder in the places of findings.
    pub fn origin(&self) -> &Path {
        &self.source.root
    }

    /// The same content from elsewhere.
    #[must_use]
    pub fn moved(&self, origin: &str) -> Bundle {
        if self.source.root == Path::new(origin) {
            return self.clone();
        }
        let source = Arc::new(self.source.moved(Path::new(origin)));
        Bundle { source, parsed: Arc::default(), ..self.clone() }
    }

    /// The same content as a build of its version: `1.2.0+3f2a9c01`.
    #[must_use]
    pub fn as_build(mut self, build: BuildMetadata) -> Bundle {
        self.version.build = build.clone();
        self.build = (!build.is_empty()).then_some(build);
        self
    }

    /// The files: paths below the package folder, each with its text.
    pub fn files(&self) -> BTreeMap<String, String> {
        let texts = self.source.texts().into_iter();
        texts.map(|(path, text)| (path.to_string_lossy().into_owned(), text.to_owned())).collect()
    }

    /// [`Self::files`] as a JSON object in the order of paths. It is made when it is first wanted, and once for all copies:
    /// whoever keeps it keeps no more than a pointer.
    pub fn text(&self) -> Arc<str> {
        let made = || {
            let texts = self.files().into_iter().map(|(path, text)| (path, serde_json::Value::String(text)));
            serde_json::Value::Object(texts.collect()).to_string().into()
        };
        Arc::clone(self.text.get_or_init(made))
    }
}

impl Registry {
    /// Compiles packages together, as [`Registry::load`] does, and tells where everything is declared.
    ///
    /// # Errors
    ///
    /// All issues of all files at once.
    pub fn compile(bundles: &[Bundle]) -> Result<(Registry, Places), Issues> {
        Self::compile_beside(bundles, None)
    }

    /// As [`Registry::compile`]: what is the same in `known` is held once, and not looked at again.
    ///
    /// # Errors
    ///
    /// All issues of all files at once.
    pub fn compile_beside(
        bundles: &[Bundle],
        known: Option<&Registry>,
    ) -> Result<(Registry, Places), Issues> {
        let parsed = bundles.iter().map(|bundle| {
            (bundle.parsed.get_or_init(|| ParsedSource::of(&bundle.source)), bundle.build.as_ref())
        });
        compile(parsed, known, Issues::default())
    }
}

fn hash(source: &PackageSource, issues: &mut Issues) -> String {
    let mut parts = Vec::new();
    for file in source.files() {
        let Some(node) = parse(&file.file, &file.text, issues) else { continue };
        let mut form = String::new();
        write(&node, true, &mut form);
        parts.push((role(&source.root, &file.file), form));
    }
    parts.sort();
    let mut hasher = blake3::Hasher::new();
    for (role, form) in parts {
        for text in [role, form] {
            hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// What a file is, without the folder that it lies in and how it is written: `account.object`.
fn role(root: &Path, file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
    match file.parent() == Some(root.join("i18n").as_path()) {
        true => format!("{stem}.i18n"),
        false if name == PACKAGE_FILE => "package".to_owned(),
        false => stem,
    }
}

/// A value in canonical form; the depth of a file is limited, and so is this recursion.
fn write(node: &Node, top: bool, into: &mut String) {
    match &node.content {
        Content::Null => into.push('~'),
        Content::Boolean(flag) => into.push_str(if *flag { "true" } else { "false" }),
        Content::Number(text) => into.push_str(&number(text)),
        Content::Text(text) => into.push_str(&format!("{text:?}")),
        Content::List(items) => {
            into.push('[');
            for item in items {
                write(item, false, into);
                into.push(',');
            }
            into.push(']');
        }
        Content::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            into.push('{');
            for entry in entries {
                into.push_str(&format!("{:?}:", entry.key));
                match &entry.value.content {
                    Content::Map(fields) if top && entry.key == "fields" => {
                        into.push('<');
                        for field in fields {
                            into.push_str(&format!("{:?}:", field.key));
                            write(&field.value, false, into);
                            into.push(',');
                        }
                        into.push('>');
                    }
                    _ => write(&entry.value, false, into),
                }
                into.push(',');
            }
            into.push('}');
        }
    }
}

fn number(text: &str) -> String {
    crate::decimal::Decimal::parse(text).map_or_else(|| text.to_owned(), crate::decimal::Decimal::text)
}

#[cfg(test)]
mod tests;
