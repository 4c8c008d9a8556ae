//! First stage: which files there are, what each of them is, and their text. Nothing is looked into yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    issue::{Issues, Place},
    limits::{FILE_BYTES_MAX, FILES_MAX, FOLDER_DEPTH_MAX},
    nearest::nearest,
};

/// The texts of one package folder.
#[derive(Clone, Debug)]
pub(crate) struct PackageSource {
    /// The folder, or what stands for it in the places of findings.
    pub(crate) root: PathBuf,
    /// Its `package.yml`.
    pub(crate) package: Source,
    /// Its objects with the name that the file's stem gives.
    pub(crate) objects: Vec<(String, Source)>,
    /// Its texts for people, by locale.
    pub(crate) texts: Vec<(String, Source)>,
    /// What must hold and happen, with the name that the file's stem gives.
    pub(crate) rules: Vec<(RuleKind, String, Source)>,
}

/// A kind of file that says what must hold, what happens, what is expected of it, and who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleKind {
    Validation,
    Workflow,
    Trigger,
    Action,
    Case,
    PermissionSet,
    Permission,
}

/// The kinds of files with rules, by their suffix.
const RULE_KINDS: &[(&str, RuleKind)] = &[
    ("validation", RuleKind::Validation),
    ("workflow", RuleKind::Workflow),
    ("trigger", RuleKind::Trigger),
    ("action", RuleKind::Action),
    ("case", RuleKind::Case),
    ("permissionset", RuleKind::PermissionSet),
    ("permission", RuleKind::Permission),
];

/// One file that was read.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
}

/// What a file is, by its name and where it lies.
#[derive(Debug, PartialEq, Eq)]
enum Role {
    Object(String),
    Texts(String),
    Rules(RuleKind, String),
    /// Its suffix is known and means something that can't be kept yet.
    Later,
    Unknown,
    /// Nothing of the compiler's business.
    Other,
}

pub(crate) const PACKAGE_FILE: &str = "package.yml";

/// Kinds of files that the format knows beside objects.
const LATER_KINDS: &[&str] = &[
    "agent",
    "app",
    "approval",
    "dashboard",
    "data",
    "dataset",
    "flow",
    "form",
    "hook",
    "job",
    "menu",
    "page",
    "policy",
    "rag",
    "report",
    "role",
    "seed",
    "statemachine",
    "translation",
    "view",
    "webhook",
];

/// Reads every package folder in `folders`: each entry is one, or holds some.
pub(crate) fn read_packages(folders: &[PathBuf], issues: &mut Issues) -> Vec<PackageSource> {
    let mut reader = Reader { issues, files: 0, texts: None, root: PathBuf::new() };
    let mut seen = BTreeSet::new();
    let mut packages = Vec::new();
    for folder in package_folders(folders, reader.issues) {
        let canonical = fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone());
        if seen.insert(canonical) {
            packages.extend(reader.package(&folder));
        }
    }
    packages
}

fn package_folders(folders: &[PathBuf], issues: &mut Issues) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        if folder.join(PACKAGE_FILE).is_file() {
            found.push(folder.clone());
            continue;
        }
        let entries = match entries(folder) {
            Ok(entries) => entries,
            Err(error) => {
                issues.error(&place(folder), "unreadable", format!("can't read the folder: {error}"));
                continue;
            }
        };
        let inner: Vec<_> = entries.into_iter().filter(|path| path.is_dir()).collect();
        if inner.is_empty() {
            let message =
                "neither a package folder (one with a `package.yml`) nor a folder of package folders";
            issues.error(&place(folder), "no-package", message);
        }
        for path in inner {
            if path.join(PACKAGE_FILE).is_file() {
                found.push(path);
            } else {
                issues.error(&place(&path), "no-package", "a folder among packages without a `package.yml`");
            }
        }
    }
    found
}

struct Reader<'a> {
    issues: &'a mut Issues,
    files: usize,
    /// The files, where they do not come from a folder.
    texts: Option<&'a BTreeMap<String, String>>,
    /// What their paths are below.
    root: PathBuf,
}

/// Sorts the files of one package that came without a folder: paths below it, each with its text.
pub(crate) fn sort_files(
    root: &Path,
    files: &BTreeMap<String, String>,
    issues: &mut Issues,
) -> Option<PackageSource> {
    let mut reader = Reader { issues, files: 0, texts: Some(files), root: root.to_owned() };
    let package = reader.source(&root.join(PACKAGE_FILE))?;
    let mut source = PackageSource {
        root: root.to_owned(),
        package,
        objects: Vec::new(),
        texts: Vec::new(),
        rules: Vec::new(),
    };
    for path in files.keys().filter(|path| path.as_str() != PACKAGE_FILE) {
        reader.file(root, &root.join(path), &mut source);
    }
    Some(source)
}

impl PackageSource {
    /// The same files below another root.
    pub(crate) fn moved(&self, root: &Path) -> PackageSource {
        let Self { root: before, package, objects, texts, rules } = self;
        let moved = |source: &Source| Source {
            file: root.join(source.file.strip_prefix(before).unwrap_or(&source.file)),
            text: source.text.clone(),
        };
        let named = |sources: &[(String, Source)]| {
            sources.iter().map(|(name, source)| (name.clone(), moved(source))).collect()
        };
        PackageSource {
            root: root.to_owned(),
            package: moved(package),
            objects: named(objects),
            texts: named(texts),
            rules: rules.iter().map(|(kind, name, source)| (*kind, name.clone(), moved(source))).collect(),
        }
    }

    /// Whether its files are those of another one word for word, wherever the two lie.
    pub(crate) fn has_files_of(&self, other: &PackageSource) -> bool {
        self.package.text == other.package.text && self.texts() == other.texts()
    }

    /// The text of every file by its path below the package folder.
    pub(crate) fn texts(&self) -> BTreeMap<&Path, &str> {
        let mut texts = BTreeMap::new();
        for file in self.files() {
            let path = file.file.strip_prefix(&self.root).unwrap_or(&file.file);
            texts.insert(path, file.text.as_str());
        }
        texts
    }

    /// Every file.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Source> {
        // A kind of file that is added must stand here too: what is published is what is listed.
        let Self { root: _, package, objects, texts, rules } = self;
        let named = objects.iter().chain(texts).map(|(_, source)| source);
        let rules = rules.iter().map(|(_, _, source)| source);
        std::iter::once(package).chain(named).chain(rules)
    }
}

impl Reader<'_> {
    fn package(&mut self, folder: &Path) -> Option<PackageSource> {
        let package = self.source(&folder.join(PACKAGE_FILE))?;
        let mut source = PackageSource {
            root: folder.to_owned(),
            package,
            objects: Vec::new(),
            texts: Vec::new(),
            rules: Vec::new(),
        };
        self.folder(folder, folder, &mut source);
        Some(source)
    }

    fn folder(&mut self, root: &Path, folder: &Path, into: &mut PackageSource) {
        let depth = folder.strip_prefix(root).map_or(0, |below| below.components().count());
        if depth > FOLDER_DEPTH_MAX {
            let message = format!("more than {FOLDER_DEPTH_MAX} folders within folders");
            self.issues.error(&place(folder), "too-deep", message);
            return;
        }
        let entries = match entries(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.issues.error(&place(folder), "unreadable", format!("can't read the folder: {error}"));
                return;
            }
        };
        for path in entries {
            if path.is_dir() {
                self.folder(root, &path, into);
            } else if path != root.join(PACKAGE_FILE) {
                self.file(root, &path, into);
            }
        }
    }

    fn file(&mut self, root: &Path, path: &Path, into: &mut PackageSource) {
        match role(root, path) {
            Role::Other => {}
            Role::Object(stem) => into.objects.extend(self.source(path).map(|source| (stem, source))),
            Role::Texts(locale) => into.texts.extend(self.source(path).map(|source| (locale, source))),
            Role::Rules(kind, stem) => {
                into.rules.extend(self.source(path).map(|source| (kind, stem, source)));
            }
            Role::Later => self.refuse(path),
            Role::Unknown => {
                let message = format!("not a file of a package; {}", what_it_may_be(path));
                self.issues.error(&place(path), "unknown-file", message);
            }
        }
    }

    fn refuse(&mut self, path: &Path) {
        let message = "this kind of file can't be kept yet; take it out of the package";
        self.issues.error(&place(path), "not-supported-yet", message);
    }

    fn source(&mut self, path: &Path) -> Option<Source> {
        self.files += 1;
        if self.files > FILES_MAX {
            if self.files == FILES_MAX + 1 {
                self.issues.error(
                    &place(path),
                    "too-many",
                    format!("more than {FILES_MAX} files in one load"),
                );
            }
            return None;
        }
        match self.text(path) {
            Ok(Some(text)) => Some(Source { file: path.to_owned(), text }),
            Ok(None) => {
                self.issues.error(
                    &place(path),
                    "too-large",
                    format!("the file has more than {FILE_BYTES_MAX} bytes"),
                );
                None
            }
            Err(error) => {
                self.issues.error(&place(path), "unreadable", format!("can't read the file: {error}"));
                None
            }
        }
    }
}

impl Reader<'_> {
    fn text(&self, path: &Path) -> io::Result<Option<String>> {
        let Some(texts) = self.texts else { return read_bounded(path) };
        let below = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy();
        let text = texts.get(below.as_ref()).ok_or_else(|| io::Error::other("it is not among the files"))?;
        let fits = u64::try_from(text.len()).is_ok_and(|bytes| bytes <= FILE_BYTES_MAX);
        Ok(fits.then(|| text.clone()))
    }
}

/// The text, or nothing when it is longer than a file may be.
pub(crate) fn read_bounded(path: &Path) -> io::Result<Option<String>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Ok(None);
    }
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("not UTF-8 text"))?;
    Ok(Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}

/// What is in a folder, by name, without what is hidden.
pub(crate) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| !file_name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn role(root: &Path, path: &Path) -> Role {
    let name = file_name(path);
    let Some(stem) = [".yml", ".yaml", ".json"].iter().find_map(|end| name.strip_suffix(end)) else {
        return Role::Other;
    };
    if path.parent() == Some(root.join("i18n").as_path()) {
        return Role::Texts(stem.to_owned());
    }
    match stem.rsplit_once('.') {
        Some((object, "object")) if !object.is_empty() => Role::Object(object.to_owned()),
        Some((_, "import")) => Role::Other,
        Some((name, kind)) if let Some(kind) = rule_kind(kind).filter(|_| !name.is_empty()) => {
            Role::Rules(kind, name.to_owned())
        }
        Some((_, kind)) if LATER_KINDS.contains(&kind) => Role::Later,
        None if stem == "import" => Role::Other,
        _ => Role::Unknown,
    }
}

fn rule_kind(suffix: &str) -> Option<RuleKind> {
    RULE_KINDS.iter().find(|(known, _)| *known == suffix).map(|(_, kind)| *kind)
}

fn what_it_may_be(path: &Path) -> String {
    let name = file_name(path);
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [object, kind, end] if nearest(kind, ["object"]).is_some() => {
            format!("did you mean `{object}.object.{end}`?")
        }
        _ => "objects are `<name>.object.yml`, texts `i18n/<locale>.yml`".to_owned(),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn place(path: &Path) -> Place {
    Place { file: path.to_owned(), line: 1, path: String::new() }
}

#[cfg(test)]
mod tests;
