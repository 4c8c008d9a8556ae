//! Answers on standard output, written as the rows arrive.

use std::io::{BufWriter, Write};

use anyhow::Result;
use arrow::{csv, json, util::pretty::pretty_format_batches};

use crate::{command::Format, remote::Batches};

/// Writes the rows; a table for people is drawn anew for each batch, so that nothing is collected.
///
/// # Errors
///
/// Those of the rows, and those of writing.
pub fn print(batches: Batches, format: Format) -> Result<()> {
    write(batches, format, BufWriter::new(std::io::stdout().lock()))
}

/// As [`print`], elsewhere.
///
/// # Errors
///
/// As [`print`].
pub fn write(batches: Batches, format: Format, out: impl Write) -> Result<()> {
    match format {
        Format::Table => table(batches, out),
        Format::Ndjson => ndjson(batches, out),
        Format::Csv => comma_separated(batches, out),
    }
}

fn table(batches: Batches, mut out: impl Write) -> Result<()> {
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        if batch.num_rows() > 0 {
            rows += batch.num_rows();
            writeln!(out, "{}", pretty_format_batches(&[batch])?)?;
        }
    }
    writeln!(out, "({rows} {})", if rows == 1 { "row" } else { "rows" })?;
    Ok(out.flush()?)
}

fn ndjson(batches: Batches, out: impl Write) -> Result<()> {
    let mut writer =
        json::WriterBuilder::new().with_explicit_nulls(true).build::<_, json::writer::LineDelimited>(out);
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.finish()?;
    Ok(writer.into_inner().flush()?)
}

fn comma_separated(batches: Batches, out: impl Write) -> Result<()> {
    let mut writer = csv::WriterBuilder::new().with_header(true).build(out);
    for batch in batches {
        writer.write(&batch?)?;
    }
    Ok(writer.into_inner().flush()?)
}
