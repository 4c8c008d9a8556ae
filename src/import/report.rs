//! What an import did, in numbers, and as people read it.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use quarry_metadata::ObjectName;

/// What became of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileReport {
    /// Its name.
    pub file: String,
    /// What its rows became.
    pub object: ObjectName,
    /// Data rows read.
    pub rows: u64,
    /// Records made.
    pub created: u64,
    /// Records that were there and were written again.
    pub updated: u64,
    /// Rows not imported; each has its lines in the findings file.
    pub refused: u64,
    /// Rows imported without a reference to another row of the file.
    pub incomplete: u64,
    /// What rules warn of in rows that were imported; what was told of it has its lines in the findings file.
    pub warnings: u64,
    /// Rows without a value, by column that counts them.
    pub empty: BTreeMap<String, u64>,
    /// Uses by alias table and alias; a declared alias that was not used is there with 0.
    pub aliases: BTreeMap<(String, String), u64>,
}

impl FileReport {
    /// A report of nothing yet.
    pub fn new(file: &str, object: &ObjectName) -> Self {
        Self {
            file: file.to_owned(),
            object: object.clone(),
            rows: 0,
            created: 0,
            updated: 0,
            refused: 0,
            incomplete: 0,
            warnings: 0,
            empty: BTreeMap::new(),
            aliases: BTreeMap::new(),
        }
    }
}

/// What an import did.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportReport {
    /// By file, in the order of the mapping.
    pub files: Vec<FileReport>,
    /// Data files in the folder that the mapping does not name.
    pub unmapped: Vec<PathBuf>,
    /// The findings file.
    pub findings: PathBuf,
    /// Its lines.
    pub findings_lines: u64,
    /// Nothing was kept.
    pub dry_run: bool,
}

impl ImportReport {
    /// Whether every row was imported whole.
    pub fn is_complete(&self) -> bool {
        self.files.iter().all(|file| file.refused == 0 && file.incomplete == 0)
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.files.iter().map(|file| file.file.len()).max().unwrap_or(0);
        for file in &self.files {
            let FileReport { rows, created, updated, refused, incomplete, warnings, object, .. } = file;
            write!(f, "{:width$}  {rows} rows → {object}: {created} created, {updated} updated", file.file)?;
            if *refused > 0 {
                write!(f, ", {refused} refused")?;
            }
            if *incomplete > 0 {
                write!(f, ", {incomplete} incomplete")?;
            }
            if *warnings > 0 {
                write!(f, ", {warnings} warnings")?;
            }
            writeln!(f)?;
            for (column, count) in &file.empty {
                writeln!(f, "{:width$}  {column}: no value in {count} rows", "")?;
            }
            for ((table, alias), uses) in &file.aliases {
                writeln!(f, "{:width$}  {table}: `{alias}` mended in {uses} rows", "")?;
            }
        }
        for path in &self.unmapped {
            writeln!(f, "{} is not in the mapping and was not read", path.display())?;
        }
        if self.findings_lines > 0 {
            writeln!(f, "{} lines in {}", self.findings_lines, self.findings.display())?;
        }
        if self.dry_run {
            writeln!(f, "dry run: nothing was kept")?;
        }
        Ok(())
    }
}
