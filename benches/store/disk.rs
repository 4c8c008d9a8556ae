//! The same rows in a store and in PostgreSQL, and what they take on disk.

use std::{path::Path, sync::Arc};

use anyhow::{Result, ensure};
use futures::{SinkExt, pin_mut};
use quarry_benches::{
    measure::{Line, Timing, Unit},
    process::Postgres,
};
use quarry_storage::{Store, StoreOptions};
use tempfile::TempDir;
use tokio_postgres::Client;

use crate::wide;

/// Lines of CSV sent at once.
const LINES: u64 = 1_000;

/// Both, loaded.
pub struct Both {
    /// Quarry's store.
    pub store: Arc<Store>,
    /// A connection to the peer.
    pub peer: Client,
    folder: TempDir,
    _postgres: Postgres,
}

impl Both {
    /// The rows `0..rows` in both.
    pub async fn load(rows: u64) -> Result<Both> {
        let folder = tempfile::tempdir()?;
        // Without a window for past states: the peer keeps none.
        let options = StoreOptions { history_window_seconds: 0, ..StoreOptions::default() };
        let store = wide::open(folder.path(), options)?;
        wide::load(&store, rows)?;
        let postgres = Postgres::start()?;
        let peer = postgres.connect().await?;
        peer.batch_execute(&wide::ddl()?).await?;
        copy(&peer, rows).await?;
        for index in wide::indexes() {
            peer.batch_execute(&index).await?;
        }
        peer.batch_execute("VACUUM ANALYZE").await?;
        Ok(Both { store, peer, folder, _postgres: postgres })
    }

    /// Bytes of the rows with their indexes: of the store's segments, and of the whole folder with log and history.
    pub async fn bytes(&self) -> Result<Vec<Line>> {
        let relation =
            self.peer.query_one("SELECT pg_total_relation_size($1::text::regclass)::float8", &[&wide::TABLE]);
        let theirs: f64 = relation.await?.get(0);
        ensure!(theirs > 0.0, "the peer has no rows");
        let line = |name, bytes: u64, targets| Line {
            name,
            subject: Timing::once(bytes as f64),
            peer: Timing::once(theirs),
            targets,
            unit: Unit::Bytes,
        };
        Ok(vec![
            line(
                "disk: rows and indexes",
                bytes_in(&self.folder.path().join("segments"))?,
                ("0.5 ×", "0.2 ×"),
            ),
            line(
                "disk: with log and audit trail (the peer has none)",
                bytes_in(self.folder.path())?,
                ("–", "–"),
            ),
        ])
    }
}

/// Sends rows by `COPY`.
pub async fn copy(peer: &Client, rows: u64) -> Result<()> {
    let sink = peer.copy_in(&format!("COPY {} FROM STDIN (FORMAT csv)", wide::TABLE)).await?;
    pin_mut!(sink);
    for from in (0..rows).step_by(1_000) {
        let lines: String = (from..rows.min(from + LINES)).map(wide::line).collect();
        sink.send(bytes::Bytes::from(lines)).await?;
    }
    let copied = sink.finish().await?;
    ensure!(copied == rows, "{copied} of {rows} rows were copied");
    Ok(())
}

fn bytes_in(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { bytes_in(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}
