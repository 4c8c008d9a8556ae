//! The same records as files and tables: what columns they have, and the indexes that fit what is asked.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};
use serde_json::Value;

use super::{Company, SELLERS};

/// Rows that are made at once.
const BATCH: u64 = 8_192;
/// Rows of a row group: small enough that two cores share a table.
const ROW_GROUP: usize = 131_072;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// Money.
    Money,
    /// A day.
    Date,
    /// An instant.
    Instant,
}

/// A table of [`Company`].
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns; the first is the key.
    pub columns: &'static [(&'static str, Kind)],
    /// Columns of each index that fits what is asked.
    pub indexes: &'static [&'static str],
    /// Columns that refer to a record of another table.
    pub references: &'static [(&'static str, &'static str)],
}

use Kind::{Date, Instant, Int, Money, Text};

/// All tables, those before that others refer to. What rules of the packages set (an account's `health_score`) is in none: no peer has them.
pub const TABLES: &[Table] = &[
    Table { name: "user", columns: &[("id", Text), ("name", Text)], indexes: &[], references: &[] },
    Table {
        name: "account",
        columns: &[
            ("id", Text),
            ("name", Text),
            ("account_number", Text),
            ("type", Text),
            ("industry", Text),
            ("ownership", Text),
            ("region", Text),
            ("annual_revenue", Money),
            ("number_of_employees", Int),
            ("rating", Text),
            ("customer_status", Text),
            ("sla_tier", Text),
            ("next_renewal_date", Date),
            ("owner_id", Text),
            ("sic_code", Text),
            ("ticker_symbol", Text),
            ("phone", Text),
            ("fax", Text),
            ("website", Text),
            ("email", Text),
            ("billing_street", Text),
            ("billing_city", Text),
            ("billing_postal_code", Text),
            ("billing_country", Text),
            ("shipping_street", Text),
            ("shipping_city", Text),
            ("shipping_postal_code", Text),
            ("shipping_country", Text),
            ("description", Text),
            ("tax_number", Text),
        ],
        indexes: &["owner_id, name", "industry", "name"],
        references: &[("owner_id", "user")],
    },
    Table {
        name: "contact",
        columns: &[
            ("id", Text),
            ("first_name", Text),
            ("last_name", Text),
            ("account_id", Text),
            ("title", Text),
            ("email", Text),
            ("mobile_phone", Text),
        ],
        indexes: &["account_id", "email"],
        references: &[("account_id", "account")],
    },
    Table {
        name: "opportunity",
        columns: &[
            ("id", Text),
            ("name", Text),
            ("account_id", Text),
            ("contact_id", Text),
            ("amount", Money),
            ("stage", Text),
            ("probability", Int),
            ("close_date", Date),
            ("type", Text),
            ("lead_source", Text),
            ("forecast_category", Text),
            ("loss_reason", Text),
            ("next_step", Text),
            ("owner_id", Text),
            ("decided_at", Instant),
        ],
        indexes: &[
            "account_id, close_date DESC, id",
            "contact_id",
            "owner_id, close_date DESC, id",
            "stage, close_date DESC, id",
        ],
        references: &[("account_id", "account"), ("contact_id", "contact"), ("owner_id", "user")],
    },
    Table {
        name: "activity",
        columns: &[
            ("id", Text),
            ("subject", Text),
            ("type", Text),
            ("status", Text),
            ("priority", Text),
            ("owner_id", Text),
            ("who_id", Text),
            ("what_id", Text),
            ("opportunity_id", Text),
            ("activity_date", Instant),
            ("duration_in_minutes", Int),
            ("location", Text),
            ("email_subject", Text),
        ],
        indexes: &[
            "opportunity_id, activity_date DESC, id",
            "what_id",
            "who_id",
            "owner_id",
            "status, activity_date",
        ],
        references: &[
            ("opportunity_id", "opportunity"),
            ("what_id", "account"),
            ("who_id", "contact"),
            ("owner_id", "user"),
        ],
    },
];

impl Table {
    /// Its columns for Arrow.
    pub fn schema(&self) -> SchemaRef {
        let field = |(name, kind): &(&str, Kind)| {
            let data = match kind {
                Kind::Text => DataType::Utf8,
                Kind::Int => DataType::Int64,
                Kind::Money => DataType::Decimal128(18, 2),
                Kind::Date => DataType::Date32,
                Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            };
            Field::new(*name, data, *name != "id")
        };
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    /// `CREATE TABLE`, with what each kind is called.
    pub fn ddl(&self, call: impl Fn(Kind) -> &'static str) -> String {
        let column = |(name, kind): &(&str, Kind)| {
            format!("\"{name}\" {}{}", call(*kind), if *name == "id" { " PRIMARY KEY" } else { "" })
        };
        let columns: Vec<_> = self.columns.iter().map(column).collect();
        format!("CREATE TABLE \"{}\" ({})", self.name, columns.join(", "))
    }

    /// `CREATE INDEX` for each index.
    pub fn index_statements(&self) -> Vec<String> {
        let statement = |(number, columns): (usize, &&str)| {
            format!("CREATE INDEX {0}_{number} ON \"{0}\" ({columns})", self.name)
        };
        self.indexes.iter().enumerate().map(statement).collect()
    }

    /// How many of its records a company has.
    pub fn count(&self, company: &Company) -> u64 {
        match self.name {
            "user" => SELLERS,
            "account" => company.accounts,
            "contact" => company.contacts,
            "opportunity" => company.opportunities,
            _ => company.activities,
        }
    }

    fn record(&self, company: &Company, number: u64) -> Value {
        match self.name {
            "user" => Company::seller(number),
            "account" => company.account(number),
            "contact" => company.contact(number),
            "opportunity" => company.opportunity(number),
            _ => company.activity(number),
        }
    }

    /// Its records, some thousand at a time.
    pub fn batches(&self, company: Company) -> impl Iterator<Item = Result<RecordBatch>> + '_ {
        let (schema, count) = (self.schema(), self.count(&company));
        (0..count.div_ceil(BATCH)).map(move |part| {
            let numbers = part * BATCH..count.min((part + 1) * BATCH);
            let mut lines = Vec::new();
            for number in numbers {
                serde_json::to_writer(&mut lines, &self.record(&company, number))?;
                lines.push(b'\n');
            }
            batch_of(&schema, &lines)
        })
    }
}

/// The rows that stand in these lines of JSON.
fn batch_of(schema: &SchemaRef, lines: &[u8]) -> Result<RecordBatch> {
    let builder = arrow::json::ReaderBuilder::new(schema.clone());
    let mut decoder = builder.with_batch_size(usize::try_from(BATCH)?).build_decoder()?;
    let mut rest = lines;
    while !rest.is_empty() {
        let taken = decoder.decode(rest)?;
        ensure!(taken > 0, "more lines than rows of a batch");
        rest = rest.get(taken..).unwrap_or_default();
    }
    decoder.flush()?.context("no rows")
}

/// A table as two files.
#[derive(Clone, Debug)]
pub struct Files {
    /// The table.
    pub table: String,
    /// Without a line of names; an empty cell is null.
    pub csv: PathBuf,
    /// With Snappy, in row groups of 131,072 rows.
    pub parquet: PathBuf,
    /// How many rows.
    pub rows: u64,
}

/// Writes both files.
///
/// # Errors
///
/// Those of the disk, and of the batches.
pub fn write(
    folder: &Path,
    table: &str,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<Files> {
    let path = |end: &str| folder.join(format!("{table}.{end}"));
    let (csv, parquet) = (path("csv"), path("parquet"));
    let settings = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP));
    let mut columns = ArrowWriter::try_new(File::create(&parquet)?, schema.clone(), Some(settings.build()))?;
    let mut lines =
        arrow::csv::WriterBuilder::new().with_header(false).build(BufWriter::new(File::create(&csv)?));
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        columns.write(&batch)?;
        lines.write(&batch)?;
    }
    columns.close()?;
    lines.into_inner().flush()?;
    Ok(Files { table: table.to_owned(), csv, parquet, rows })
}

/// Writes all tables of a company.
///
/// # Errors
///
/// As [`write`].
pub fn write_all(folder: &Path, company: Company) -> Result<Vec<Files>> {
    let files = TABLES.iter().map(|table| write(folder, table.name, &table.schema(), table.batches(company)));
    files.collect()
}
