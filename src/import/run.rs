//! The import itself: the files of a mapping, one after the other, in batches.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{
    batch::{BatchWriter, Pass},
    findings::{Fault, Findings, Kind},
    mapping::{FileMapping, Mapping},
    prepare::{Prepared, Preparer},
    reference::{Resolver, Which},
    report::{FileReport, ImportReport},
    seen::Seen,
    source::Source,
    target::{AtOnce, Target, text_of},
};

/// Rows refused in one file whose numbers are remembered for its second pass.
const REFUSED_MAX: usize = 1_000_000;

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The mapping file.
    pub mapping: PathBuf,
    /// Folders that hold all files of the mapping, or files of it.
    pub sources: Vec<PathBuf>,
    /// Where findings are written; made anew.
    pub findings: PathBuf,
    /// Check everything, keep nothing.
    pub dry_run: bool,
    /// Rows of one transaction.
    pub batch_rows: NonZeroUsize,
    /// Show a progress bar where standard error is a terminal.
    pub progress: bool,
}

impl ImportOptions {
    /// The usual ones: batches of 500 rows, findings beside where the command was called.
    pub fn new(mapping: &Path, sources: &[PathBuf]) -> Self {
        let stem = mapping.file_stem().unwrap_or_default().to_string_lossy();
        Self {
            mapping: mapping.to_owned(),
            sources: sources.to_owned(),
            findings: PathBuf::from(format!("{stem}.findings.ndjson")),
            dry_run: false,
            batch_rows: NonZeroUsize::new(500).unwrap_or(NonZeroUsize::MIN),
            progress: true,
        }
    }
}

/// Imports files into `target`. Safe to run again after any stop: rows are matched by key.
///
/// # Errors
///
/// When the mapping has findings, a file is missing or unreadable as a whole, or the target fails. What was written before
/// stays; rows at fault are no error but lines of the findings file.
pub fn run(options: &ImportOptions, target: &dyn Target) -> Result<ImportReport> {
    let mapping = Mapping::read(&options.mapping)?;
    let (paths, unmapped) = locate(&mapping, &options.sources)?;
    let mut findings = Findings::create(&options.findings)?;
    let mut resolver = Resolver::new(target, &mapping, options.dry_run);
    let mut files = Vec::new();
    for (file, path) in mapping.files.iter().zip(&paths) {
        let Some(path) = path else { continue };
        let mut report = FileReport::new(&file.file, &file.object);
        declare_aliases(&mapping, file, &mut report);
        let import = FileImport { options, mapping: &mapping, file, path, target };
        import.run(&mut resolver, &mut report, &mut findings)?;
        note_counts(&mapping, &report, &mut findings)?;
        files.push(report);
    }
    for path in &unmapped {
        findings.line(&UnmappedLine { kind: "unmapped_file", file: &path.display().to_string() })?;
    }
    let findings_lines = findings.finish()?;
    Ok(ImportReport {
        files,
        unmapped,
        findings: options.findings.clone(),
        findings_lines,
        dry_run: options.dry_run,
    })
}

/// One file of an import.
struct FileImport<'a> {
    options: &'a ImportOptions,
    mapping: &'a Mapping,
    file: &'a FileMapping,
    path: &'a Path,
    target: &'a dyn Target,
}

impl FileImport<'_> {
    fn run(
        &self,
        resolver: &mut Resolver<'_>,
        report: &mut FileReport,
        findings: &mut Findings,
    ) -> Result<()> {
        let refused = self.records(resolver, report, findings)?;
        if self.file.columns.iter().any(|column| self.file.refers_to_itself(column)) {
            // The counts of the first pass hold for the file; the second adds what stayed incomplete, and warnings.
            let mut second = FileReport::new(&self.file.file, &self.file.object);
            self.pass(Pass::OwnReferences, &refused, resolver, &mut second, findings)?;
            report.incomplete = second.incomplete;
            report.warnings += second.warnings;
        }
        Ok(())
    }

    /// The first pass. New records are written at once at its end, where the target can.
    fn records(
        &self,
        resolver: &mut Resolver<'_>,
        report: &mut FileReport,
        findings: &mut Findings,
    ) -> Result<BTreeSet<u64>> {
        let none = BTreeSet::new();
        let at_once = if self.options.dry_run { None } else { AtOnce::over(self.target) };
        let Some(at_once) = at_once else {
            return self.pass(Pass::Records, &none, resolver, report, findings);
        };
        let import = FileImport { target: &at_once, ..*self };
        let refused = import.pass(Pass::Records, &none, resolver, report, findings)?;
        at_once.commit()?;
        Ok(refused)
    }

    /// Goes through the file once; returns the rows that were refused.
    fn pass(
        &self,
        pass: Pass,
        skip: &BTreeSet<u64>,
        resolver: &mut Resolver<'_>,
        report: &mut FileReport,
        findings: &mut Findings,
    ) -> Result<BTreeSet<u64>> {
        let mut source = Source::open(self.path, self.file)?;
        let bar = self.bar(source.total());
        let preparer = Preparer::new(self.mapping, self.file);
        let mut keys = Seen::default();
        let mut refused = BTreeSet::new();
        let mut waiting = Vec::with_capacity(self.options.batch_rows.get());
        while let Some(row) = source.next() {
            let (number, cells) = row.with_context(|| self.path.display().to_string())?;
            if skip.contains(&number) {
                continue;
            }
            report.rows += 1;
            let prepared = cells
                .map_err(|fault| (super::findings::Place { row: number, ..Default::default() }, vec![fault]))
                .and_then(|cells| preparer.prepare(number, cells, report))
                .and_then(|prepared| self.check_key(prepared, &mut keys));
            match prepared {
                Ok(prepared) if pass == Pass::Records || !prepared.own_references.is_empty() => {
                    waiting.push(prepared)
                }
                Ok(_) => {}
                Err((place, faults)) => {
                    findings.row(Kind::Refused, (&self.file.file, &self.file.object), &place, &faults)?;
                    report.refused += 1;
                    refused.insert(number);
                }
            }
            if waiting.len() == self.options.batch_rows.get() {
                refused.extend(self.flush(std::mem::take(&mut waiting), pass, resolver, report, findings)?);
                bar.set_position(source.position());
            }
            if refused.len() > REFUSED_MAX {
                bail!("more than {REFUSED_MAX} rows of {} were refused; see the findings", self.file.file);
            }
        }
        refused.extend(self.flush(waiting, pass, resolver, report, findings)?);
        bar.finish_and_clear();
        Ok(refused)
    }

    fn check_key(
        &self,
        prepared: Prepared,
        keys: &mut Seen,
    ) -> Result<Prepared, (super::findings::Place, Vec<Fault>)> {
        let parts: Vec<String> = prepared.place.key.values().map(text_of).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match keys.insert(&parts) {
            Ok(true) => Ok(prepared),
            Ok(false) => {
                let message = "a row before has the same key; this one was not imported".to_owned();
                Err((prepared.place, vec![Fault::row("duplicate_key", message)]))
            }
            Err(error) => Err((prepared.place, vec![Fault::row("too_many_rows", error.to_string())])),
        }
    }

    fn flush(
        &self,
        mut rows: Vec<Prepared>,
        pass: Pass,
        resolver: &mut Resolver<'_>,
        report: &mut FileReport,
        findings: &mut Findings,
    ) -> Result<BTreeSet<u64>> {
        let mut faults = resolver.resolve(&mut rows, Which::Other)?;
        if pass == Pass::OwnReferences {
            faults.extend(resolver.resolve(&mut rows, Which::Own)?);
        }
        let dry_run = self.options.dry_run;
        let mut writer = BatchWriter { target: self.target, dry_run, file: self.file, report, findings };
        let mut refused: BTreeSet<u64> = writer.refuse(&mut rows, &faults, pass)?.into_iter().collect();
        let good = rows.clone();
        refused.extend(writer.write(rows, pass)?);
        for row in good.iter().filter(|row| !refused.contains(&row.place.row)) {
            resolver.on_good(&self.file.object, row)?;
        }
        Ok(refused)
    }

    fn bar(&self, total: u64) -> ProgressBar {
        if !self.options.progress {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} [{bar:40}] {percent} % {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(total).with_style(style.progress_chars("=> ")).with_message(self.file.file.clone())
    }
}

/// A line for what was mended, or was not there.
#[derive(Serialize)]
struct CountLine<'a> {
    kind: &'static str,
    file: &'a str,
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    rows: u64,
}

#[derive(Serialize)]
struct UnmappedLine<'a> {
    kind: &'static str,
    file: &'a str,
}

/// Every alias that the file may use is in the report, used or not.
fn declare_aliases(mapping: &Mapping, file: &FileMapping, report: &mut FileReport) {
    for table in file.columns.iter().filter_map(|column| column.alias.as_ref()) {
        for from in mapping.aliases.get(table).into_iter().flat_map(BTreeMap::keys) {
            report.aliases.insert((table.clone(), from.clone()), 0);
        }
    }
}

fn note_counts(mapping: &Mapping, report: &FileReport, findings: &mut Findings) -> Result<()> {
    let (file, object) = (report.file.as_str(), report.object.as_str());
    for ((table, from), rows) in report.aliases.iter().filter(|(_, rows)| **rows > 0) {
        let to = mapping.aliases.get(table).and_then(|aliases| aliases.get(from)).map(String::as_str);
        let (table, from) = (Some(table.as_str()), Some(from.as_str()));
        findings.line(&CountLine {
            kind: "alias",
            file,
            object,
            column: None,
            table,
            from,
            to,
            rows: *rows,
        })?;
    }
    for (column, rows) in &report.empty {
        let column = Some(column.as_str());
        findings.line(&CountLine {
            kind: "empty",
            file,
            object,
            column,
            table: None,
            from: None,
            to: None,
            rows: *rows,
        })?;
    }
    Ok(())
}

/// Where each file of the mapping is, and the data files in the folders that it does not name. A folder has to hold
/// every file that is not given by itself.
fn locate(mapping: &Mapping, sources: &[PathBuf]) -> Result<(Vec<Option<PathBuf>>, Vec<PathBuf>)> {
    let mut paths: Vec<Option<PathBuf>> = vec![None; mapping.files.len()];
    let folders: Vec<_> = sources.iter().filter(|source| source.is_dir()).collect();
    for source in sources.iter().filter(|source| !source.is_dir()) {
        let name = source.file_name().unwrap_or_default().to_string_lossy();
        let Some(index) = mapping.files.iter().position(|file| file.file == name) else {
            bail!("the mapping has no file \"{name}\"");
        };
        place(&mut paths, index, source.clone())?;
    }
    for (index, file) in mapping.files.iter().enumerate() {
        for folder in folders.iter().filter(|folder| folder.join(&file.file).is_file()) {
            place(&mut paths, index, folder.join(&file.file))?;
        }
        if !folders.is_empty() && paths.get(index).is_none_or(Option::is_none) {
            bail!("\"{}\" is in none of the folders", file.file);
        }
    }
    let mut unmapped = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let is_data = matches!(
                path.extension().and_then(|end| end.to_str()),
                Some("csv" | "tsv" | "ndjson" | "jsonl" | "parquet")
            );
            if is_data && path.is_file() && !mapping.files.iter().any(|file| path.ends_with(&file.file)) {
                unmapped.push(path);
            }
        }
    }
    unmapped.sort();
    Ok((paths, unmapped))
}

fn place(paths: &mut [Option<PathBuf>], index: usize, path: PathBuf) -> Result<()> {
    match paths.get_mut(index) {
        Some(slot @ None) => *slot = Some(path),
        _ => bail!("{} is there twice", path.display()),
    }
    Ok(())
}
