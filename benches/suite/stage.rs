//! The stage: everyone who is asked, set up with the same records, and stopped when it is dropped.
//!
//! 1. [`tables::write_all`] writes the records as files.
//! 2. [`load::load`] puts them through Quarry's pipeline, and the `quarry` beside this program serves them.
//! 3. PostgreSQL copies the files and builds its indexes and references; SQLite and ObjectStack insert them; DuckDB and DataFusion read the
//!    Parquet files where they lie; PostGraphile stands before PostgreSQL.
//!
//! Who can't be set up is absent, with the reason; everybody else goes on without.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use quarry_benches::{
    company::{
        self, Company, SALES, load,
        tables::{self, Files, Kind, TABLES},
    },
    process::{POSTGRES_SETTINGS, Postgres, Quarry},
    results::Peer,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    peers,
    sides::{Side, Way, frames::Frames, http::Http, name, program::Program, sql::Sql},
};

/// Who is to be there beside Quarry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// Everyone.
    All,
    /// Those that are asked in SQL.
    Sql,
}

/// What loading one side took.
pub struct Loading {
    /// Whom.
    pub side: &'static str,
    /// Until all was there and durable, with indexes.
    pub time: Duration,
    /// How.
    pub how: String,
}

/// Everyone.
pub struct Stage {
    /// The records.
    pub company: Company,
    /// The same as files.
    pub files: Vec<Files>,
    /// Quarry.
    pub quarry: Quarry,
    /// PostgreSQL.
    pub postgres: Option<Postgres>,
    /// PostGraphile, and where.
    pub postgraphile: Option<(Program, String)>,
    /// DuckDB.
    pub duckdb: Option<Rc<Program>>,
    /// SQLite.
    pub sqlite: Option<Rc<Program>>,
    /// ObjectStack.
    pub objectstack: Option<Rc<Program>>,
    /// Everyone who was to be there.
    pub peers: Vec<Peer>,
    /// What loading took.
    pub loadings: Vec<Loading>,
    /// Where the files lie, and the libraries' databases.
    pub folder: TempDir,
    /// How long one answer may take.
    pub limit: Duration,
}

impl Stage {
    /// Sets everyone up.
    ///
    /// # Errors
    ///
    /// Quarry that can't be set up; a disk that is full.
    pub async fn set(company: Company, cast: Cast, limit: Duration) -> Result<Stage> {
        let folder = tempfile::tempdir()?;
        let begin = Instant::now();
        let files =
            tables::write_all(folder.path(), company).context("the records can't be written as files")?;
        let written = begin.elapsed();
        tell(&format!("{} records written as files", company.records()));
        let data = tempfile::tempdir()?;
        let loaded = load::load(data.path(), company).await.context("Quarry can't be loaded")?;
        let quarry = Quarry::start(data, &company::packages())?;
        tell("Quarry is loaded and serves");
        let how = "the whole pipeline in process (rules, references, permissions, indexes, log), making the records included".to_owned();
        let mut stage = Stage {
            company,
            files,
            quarry,
            postgres: None,
            postgraphile: None,
            duckdb: None,
            sqlite: None,
            objectstack: None,
            peers: vec![peers::quarry()?],
            loadings: vec![Loading { side: name::QUARRY, time: loaded.total(), how }],
            folder,
            limit,
        };
        let postgres = stage.add_postgres().await;
        stage.tell_of(name::POSTGRES, postgres);
        if cast == Cast::All {
            let postgraphile = stage.add_postgraphile();
            stage.tell_of(name::POSTGRAPHILE, postgraphile);
        }
        let duckdb = stage.add_duckdb(written);
        stage.tell_of(name::DUCKDB, duckdb);
        stage.peers.push(peers::datafusion());
        let sqlite = stage.add_sqlite();
        stage.tell_of(name::SQLITE, sqlite);
        if cast == Cast::All {
            let objectstack = stage.add_objectstack();
            stage.tell_of(name::OBJECTSTACK, objectstack);
        }
        Ok(stage)
    }

    fn tell_of(&mut self, name: &str, peer: Result<Peer>) {
        let peer = peer.unwrap_or_else(|error| peers::absent(name, &error));
        tell(&format!("{name} {}", peer.absent.as_deref().unwrap_or("is loaded")));
        self.peers.push(peer);
    }

    async fn add_postgres(&mut self) -> Result<Peer> {
        let postgres = Postgres::start()?;
        let time = peers::postgres_load(&postgres, &self.files).await?;
        let client = postgres.connect().await?;
        let version: String = client.query_one("SHOW server_version", &[]).await?.get(0);
        let how =
            "COPY from CSV over its socket, then primary keys, foreign keys and indexes, VACUUM ANALYZE"
                .to_owned();
        self.loadings.push(Loading { side: name::POSTGRES, time, how });
        self.postgres = Some(postgres);
        let mut settings: Vec<_> = POSTGRES_SETTINGS.map(str::to_owned).to_vec();
        settings.push("all else by default; indexes that fit every question, references kept".into());
        Ok(Peer { name: name::POSTGRES.into(), version, settings, absent: None })
    }

    fn add_postgraphile(&mut self) -> Result<Peer> {
        let postgres = self.postgres.as_ref().context("there is no PostgreSQL")?;
        let address = format!("postgres://bench@127.0.0.1:{}/postgres", postgres.port);
        let (program, greeting) = peers::node("postgraphile.mjs", &[&address], self.limit)?;
        let port = greeting.get("port").and_then(Value::as_u64).context("it tells no port")?;
        self.postgraphile = Some((program, format!("http://127.0.0.1:{port}/graphql")));
        Ok(peers::of(
            name::POSTGRAPHILE,
            &greeting,
            &[
                "over the PostgreSQL of this run; Amber preset, its aggregates plugin; 32 connections; one process of Node.js",
            ],
        ))
    }

    fn add_duckdb(&mut self, written: Duration) -> Result<Peer> {
        let cores = std::thread::available_parallelism()?.get().to_string();
        let (program, greeting) = peers::python(&["duckdb", &cores], self.limit)?;
        let tables: Value = self
            .files
            .iter()
            .map(|file| (file.table.clone(), Value::String(file.parquet.to_string_lossy().into_owned())))
            .collect::<serde_json::Map<_, _>>()
            .into();
        program.call(&json!({ "do": "parquet", "tables": tables }), self.limit)?;
        self.duckdb = Some(Rc::new(program));
        let how = "nothing: DuckDB and DataFusion read the Parquet files; this is what writing them (and the CSV) took".to_owned();
        self.loadings.push(Loading { side: name::DUCKDB, time: written, how });
        let setting = format!(
            "views over the Parquet files; threads={cores}; from its Python module, rows fetched as Python objects"
        );
        Ok(peers::of(name::DUCKDB, &greeting, &[setting.as_str()]))
    }

    fn add_sqlite(&mut self) -> Result<Peer> {
        let path = self.library("sqlite.db");
        let (program, greeting) = peers::python(&["sqlite", &path.to_string_lossy()], self.limit)?;
        let call = |kind| match kind {
            Kind::Text | Kind::Date | Kind::Instant => "TEXT",
            Kind::Int => "INTEGER",
            Kind::Money => "NUMERIC",
        };
        let tables = self.tables(|table| {
            json!({ "name": table.name, "columns": table.columns.len(), "ddl": table.ddl(call), "indexes": table.index_statements() })
        });
        let time = self.insert(&program, &tables)?;
        let how = "Python's csv and executemany in one transaction for each table, then indexes, ANALYZE"
            .to_owned();
        self.loadings.push(Loading { side: name::SQLITE, time, how });
        self.sqlite = Some(Rc::new(program));
        Ok(peers::of(
            name::SQLITE,
            &greeting,
            &[
                "journal_mode=WAL, synchronous=FULL, cache_size=1 GB, mmap_size=8 GB, temp_store=memory; the indexes of PostgreSQL; from Python's own module",
            ],
        ))
    }

    fn add_objectstack(&mut self) -> Result<Peer> {
        let path = self.library("objectstack.db");
        let (program, greeting) = peers::node("objectstack.mjs", &[&path.to_string_lossy()], self.limit)?;
        let tables = self.tables(|table| {
            let columns: Vec<_> =
                table.columns.iter().map(|(name, kind)| json!([name, format!("{kind:?}")])).collect();
            json!({ "name": table.name, "columns": columns, "indexes": table.index_statements() })
        });
        let time = self.insert(&program, &tables)?;
        let how = "into the tables that it makes, by better-sqlite3 from CSV, then indexes: its own insert takes a record at a time".to_owned();
        self.loadings.push(Loading { side: name::OBJECTSTACK, time, how });
        self.objectstack = Some(Rc::new(program));
        Ok(peers::of(
            name::OBJECTSTACK,
            &greeting,
            &[
                "@objectstack/objectql with driver-sql on better-sqlite3; the indexes of PostgreSQL; asked as the system, no permission looked at",
            ],
        ))
    }

    fn library(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// What programs are told about the tables, each with its file.
    fn tables(&self, tell: impl Fn(&tables::Table) -> Value) -> Value {
        let with_file = |table: &tables::Table| {
            let mut told = tell(table);
            let file = self.files.iter().find(|file| file.table == table.name);
            if let (Some(told), Some(file)) = (told.as_object_mut(), file) {
                told.insert("csv".into(), Value::String(file.csv.to_string_lossy().into_owned()));
            }
            told
        };
        TABLES.iter().map(with_file).collect()
    }

    fn insert(&self, program: &Program, tables: &Value) -> Result<Duration> {
        let begin = Instant::now();
        // Millions of rows take their time, far beyond that of an answer.
        let limit = Duration::from_secs(3 * 3_600);
        program.call(&json!({ "do": "load", "tables": tables, "limit": limit.as_secs() }), limit)?;
        Ok(begin.elapsed())
    }

    /// Those that are asked in SQL: Quarry as who sees by his policy and as an administrator, and everyone who is there.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub async fn sql_sides(&self) -> Result<Vec<Side>> {
        let mut sides = vec![
            Side {
                name: name::QUARRY,
                way: Way::Sql(Sql::over(self.quarry.connect_as(SALES).await?, self.limit).await?),
            },
            Side {
                name: name::ADMIN,
                way: Way::Sql(Sql::over(self.quarry.connect().await?, self.limit).await?),
            },
        ];
        self.add_peers(&mut sides).await?;
        Ok(sides)
    }

    /// As [`Self::sql_sides`], Quarry asked over HTTP.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub async fn http_sides(&self, path: &str) -> Result<Vec<Side>> {
        let mut sides = self.quarry_over_http(path);
        self.add_peers(&mut sides).await?;
        Ok(sides)
    }

    /// Quarry, PostGraphile, and the PostgreSQL behind it.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub async fn graphql_sides(&self) -> Result<Vec<Side>> {
        let mut sides = self.quarry_over_http("/graphql");
        if let Some((_, url)) = &self.postgraphile {
            let way = Way::Http(Http::at(url.clone(), None, self.limit));
            sides.push(Side { name: name::POSTGRAPHILE, way });
        }
        if let Some(postgres) = &self.postgres {
            let way = Way::Sql(Sql::over(postgres.connect().await?, self.limit).await?);
            sides.push(Side { name: name::POSTGRES, way });
        }
        Ok(sides)
    }

    fn quarry_over_http(&self, path: &str) -> Vec<Side> {
        let side = |name, user| {
            let authorization = Some(self.quarry.authorization(user));
            let url = format!("{}{path}", self.quarry.url);
            Side { name, way: Way::Http(Http::at(url, authorization, self.limit)) }
        };
        vec![side(name::QUARRY, SALES), side(name::ADMIN, "admin")]
    }

    async fn add_peers(&self, sides: &mut Vec<Side>) -> Result<()> {
        if let Some(postgres) = &self.postgres {
            let way = Way::Sql(Sql::over(postgres.connect().await?, self.limit).await?);
            sides.push(Side { name: name::POSTGRES, way });
        }
        let mut add = |name, program: &Option<Rc<Program>>| {
            if let Some(program) = program {
                sides.push(Side { name, way: Way::Program(Rc::clone(program)) });
            }
        };
        add(name::DUCKDB, &self.duckdb);
        add(name::SQLITE, &self.sqlite);
        add(name::OBJECTSTACK, &self.objectstack);
        let frames = Frames::over(&self.files, self.limit).await?;
        sides.push(Side { name: name::DATAFUSION, way: Way::Frames(frames) });
        Ok(())
    }

    /// What a library's calls took beyond what is counted.
    pub fn outside(&self, side: &str) -> Option<String> {
        let program = match side {
            name::DUCKDB => self.duckdb.as_ref(),
            name::SQLITE => self.sqlite.as_ref(),
            name::OBJECTSTACK => self.objectstack.as_ref(),
            _ => None,
        };
        program.map(|program| {
            format!("a call's way there and back took {:.0} µs more, not counted", program.outside())
        })
    }

    /// How much there is, in words.
    pub fn sizes(&self) -> String {
        sizes(&self.company)
    }

    /// Where a library keeps its records.
    pub fn libraries(&self) -> &Path {
        self.folder.path()
    }
}

/// How much there is, in words.
pub fn sizes(company: &Company) -> String {
    let Company { accounts, contacts, opportunities, activities, .. } = company;
    let count =
        |number: &u64| quarry_benches::page::amount(*number as f64, quarry_benches::results::Unit::Count);
    format!(
        "{} accounts, {} contacts, {} opportunities, {} activities.",
        count(accounts),
        count(contacts),
        count(opportunities),
        count(activities)
    )
}

/// Says what goes on, on standard error.
#[allow(clippy::print_stderr)]
pub fn tell(what: &str) {
    eprintln!("{} {what}", chrono::Local::now().format("%H:%M:%S"));
}
