//! Every question in `tests/catalog/*.sql` is asked of a small registry and its answer compared with the golden text beside it.
//! `QUARRY_BLESS=1` writes the answers instead; read them before committing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fmt::Write, fs, path::PathBuf, sync::Arc};

use arrow::{array::RecordBatch, datatypes::DataType, util::pretty::pretty_format_batches};
use datafusion::{
    execution::SessionStateBuilder,
    prelude::{SessionConfig, SessionContext},
    sql::{
        parser::Statement as Planned,
        sqlparser::{ast::Statement, dialect::PostgreSqlDialect, parser::Parser},
    },
};
use quarry_metadata::Registry;

use super::*;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/catalog")
}

fn views() -> Arc<Views> {
    static VIEWS: LazyLock<Arc<Views>> = LazyLock::new(|| {
        let registry =
            Registry::load(&[fixtures().join("packages")]).map_err(|issues| issues.to_string()).unwrap();
        Arc::new(Views::new(Arc::new(registry)))
    });
    Arc::clone(&VIEWS)
}

fn session() -> CatalogSession {
    let setting = |name: &str, value: &str| Setting {
        name: name.into(),
        value: value.into(),
        reset: value.into(),
        description: "A setting.".into(),
        vartype: "string",
        context: "user",
    };
    let all = vec![
        setting("TimeZone", "UTC"),
        setting("application_name", "test"),
        setting("default_table_access_method", "heap"),
        setting("max_index_keys", "32"),
        setting("search_path", "\"$user\", public"),
        setting("server_version_num", "150000"),
    ];
    let read = all.clone();
    CatalogSession {
        user: "ada".into(),
        database: "main".into(),
        backend_pid: 42,
        settings: Arc::new(move |name| {
            read.iter().find(|setting| setting.name == name).map(|setting| setting.value.clone())
        }),
        all_settings: Arc::new(move || all.clone()),
        set_setting: Arc::new(
            |name, value, _| if name == "fixed" { Err("it is fixed".into()) } else { Ok(value.into()) },
        ),
    }
}

fn context() -> SessionContext {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_default_catalog_and_schema("main", "pg_catalog")
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false);
    config.options_mut().sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    let context = SessionContext::new_with_state(
        SessionStateBuilder::new_with_default_features().with_config(config).build(),
    );
    let extras = Catalog::new(&views(), &session());
    let catalog = Arc::new(datafusion::catalog::MemoryCatalogProvider::new());
    for (name, schema) in extras.schemas {
        datafusion::catalog::CatalogProvider::register_schema(&*catalog, &name, schema).unwrap();
    }
    context.register_catalog("main", catalog);
    for function in extras.functions {
        context.register_udf(function.as_ref().clone());
    }
    context
}

/// The oid that a fixture writes as `@account@`.
fn with_oids(text: &str) -> String {
    let model = Model::new(&views());
    model.relations.iter().fold(text.to_owned(), |text, table| {
        text.replace(&format!("@{}@", table.name), &table.oid.to_string())
    })
}

async fn answer(context: &SessionContext, statement: Statement) -> Result<Vec<RecordBatch>, String> {
    let statement = rewrite(statement).map_err(|error| error.to_string())?;
    let plan = context.state().statement_to_plan(Planned::Statement(Box::new(statement.clone()))).await;
    let rows = match plan {
        Ok(plan) => {
            context.execute_logical_plan(plan).await.map_err(|error| error.strip_backtrace())?.collect().await
        }
        Err(error) => Err(error),
    };
    rows.map_err(|error| format!("{}\n   as: {statement}", error.strip_backtrace()))
}

/// A question in one line, for the golden file.
fn headline(statement: &Statement) -> String {
    let text = statement.to_string();
    if text.chars().count() > 120 {
        format!("{} …", text.chars().take(120).collect::<String>())
    } else {
        text
    }
}

async fn run_file(sql: &str) -> String {
    let context = context();
    let mut out = String::new();
    for statement in Parser::parse_sql(&PostgreSqlDialect {}, &with_oids(sql)).unwrap() {
        writeln!(out, "-- {}", headline(&statement)).unwrap();
        match answer(&context, statement).await {
            Ok(batches) if batches.iter().all(|batch| batch.num_rows() == 0) => {
                writeln!(out, "(no rows)\n").unwrap()
            }
            Ok(batches) => writeln!(out, "{}\n", pretty_format_batches(&batches).unwrap()).unwrap(),
            Err(error) => writeln!(out, "ERROR: {error}\n").unwrap(),
        }
    }
    out
}

#[tokio::test]
async fn the_questions_of_tools_are_answered_as_before() {
    let bless = std::env::var_os("QUARRY_BLESS").is_some();
    let only = std::env::var("QUARRY_ONLY").unwrap_or_default();
    let mut wrong = Vec::new();
    let mut files: Vec<PathBuf> =
        fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "sql")) {
        if !file.to_string_lossy().contains(&only) {
            continue;
        }
        let answers = run_file(&fs::read_to_string(&file).unwrap()).await;
        let golden = file.with_extension("txt");
        if bless {
            fs::write(&golden, &answers).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != answers {
            wrong.push(format!("{}:\n{answers}", file.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} files differ from their golden answers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
