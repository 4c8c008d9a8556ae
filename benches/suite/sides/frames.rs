//! DataFusion alone, in this process, over the Parquet files that the others read.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use arrow::{
    array::RecordBatch,
    util::display::{ArrayFormatter, FormatOptions},
};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use quarry_benches::{answer::Row, company::tables::Files};

use super::written_out;

/// A context with the files as its tables.
pub struct Frames {
    context: SessionContext,
    limit: Duration,
}

impl Frames {
    /// Over these files, with as many partitions as there are cores and all else by default.
    ///
    /// # Errors
    ///
    /// Files that are missing.
    pub async fn over(files: &[Files], limit: Duration) -> Result<Frames> {
        let cores = std::thread::available_parallelism()?.get();
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(cores));
        for file in files {
            let path = file.parquet.to_string_lossy().into_owned();
            let name = format!("\"{}\"", file.table);
            context.register_parquet(name, path, ParquetReadOptions::default()).await?;
        }
        Ok(Frames { context, limit })
    }

    async fn run(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let run = async { anyhow::Ok(self.context.sql(sql).await?.collect().await?) };
        tokio::time::timeout(self.limit, run)
            .await
            .with_context(|| format!("over {} s", self.limit.as_secs()))?
    }

    /// All rows, as text.
    ///
    /// # Errors
    ///
    /// What DataFusion refuses, and what takes too long.
    pub async fn answer(&self, sql: &str, parameter: Option<&str>) -> Result<Vec<Row>> {
        rows(&self.run(&written_out(sql, parameter)).await?)
    }

    /// Microseconds from the text to the last batch.
    ///
    /// # Errors
    ///
    /// As [`Self::answer`].
    pub async fn time(&self, sql: &str, parameter: Option<&str>) -> Result<f64> {
        let sql = written_out(sql, parameter);
        let begin = Instant::now();
        self.run(&sql).await?;
        Ok(begin.elapsed().as_secs_f64() * 1e6)
    }
}

/// Batches as text.
fn rows(batches: &[RecordBatch]) -> Result<Vec<Row>> {
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Result<Vec<_>, _> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect();
        let columns = columns?;
        for number in 0..batch.num_rows() {
            let cell = |(column, formatter): (&arrow::array::ArrayRef, &ArrayFormatter)| {
                column.is_valid(number).then(|| formatter.value(number).to_string())
            };
            rows.push(batch.columns().iter().zip(&columns).map(cell).collect());
        }
    }
    Ok(rows)
}
