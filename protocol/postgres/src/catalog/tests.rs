//! Every question in `tests/catalog/*.sql` is asked of a small registry and its answer compared with the golden text beside it.
//! `QUARRY_BLESS=1` writes the answers instead; read them before committing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fmt::Write, fs, path::PathBuf, sync::Arc};

use arrow::{array::RecordBatch, util::pretty::pretty_format_batches};
use datafusion::{
    execution::SessionStateBuilder,
    prelude::{SessionConfig, SessionContext},
    sql::{
        parser::Statement as Planned,
        sqlparser::{dialect::PostgreSqlDialect, parser::Parser},
    },
};
use quarry_metadata::{
    ObjectName, Registry,
    permissions::{Act, FieldGrant, Grant, PermissionSet, Shape},
};

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
        setting("server_version", "15.12"),
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
    let extras = Catalog::new(&views(), true, &session());
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

/// The oids that a fixture writes as `@account@`, `@account_pkey@`.
fn with_oids(text: &str) -> String {
    let model = Model::new(&views(), true);
    let mut text = text.to_owned();
    for table in &model.relations {
        let indexes = table.indexes.iter().map(|index| (&index.name, index.oid));
        for (name, oid) in indexes.chain([(&table.name, table.oid)]).filter(|_| !table.only_read) {
            text = text.replace(&format!("@{name}@"), &oid.to_string());
        }
    }
    text
}

async fn answer(context: &SessionContext, mut statement: Statement) -> Result<Vec<RecordBatch>, String> {
    crate::names::name_outputs(&mut statement);
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

/// The views of a session that may not see contacts, nor what an account earns.
fn narrow_views() -> Arc<Views> {
    let mut registry =
        Registry::load(&[fixtures().join("packages")]).map_err(|issues| issues.to_string()).unwrap();
    let reads = |object: &ObjectName| {
        let hidden = (object.as_str() == "account").then(|| ("annual_revenue".into(), FieldGrant::NONE));
        let grant = Grant {
            allow: [Act::Read, Act::Create].into(),
            fields: hidden.into_iter().collect(),
            ..Grant::default()
        };
        (object.clone(), grant)
    };
    let seen = registry.objects.keys().filter(|name| name.as_str() != "contact");
    let set = PermissionSet {
        name: "narrow".into(),
        label: Default::default(),
        description: None,
        package: "crm".into(),
        includes: Default::default(),
        capabilities: Default::default(),
        objects: seen.map(reads).collect(),
    };
    registry.permission_sets.insert("narrow".into(), Arc::new(set));
    let registry = Arc::new(registry);
    let shape = Shape::of(&registry, ["narrow"]);
    Arc::new(Views::of(&registry, &registry, Arc::new(shape)))
}

#[test]
fn what_is_not_in_the_views_is_in_no_catalog_table() {
    let model = Model::new(&narrow_views(), false);
    let session = session();
    let source = rows::Source { model: &model, session: &session };
    for table in facts::TABLES.iter() {
        let batch = rows::batch(table, &source).unwrap();
        let text = pretty_format_batches(&[batch]).unwrap().to_string();
        assert!(!text.contains("contact"), "{} tells of contacts", table.name);
        assert!(!text.contains("annual_revenue"), "{} tells what an account earns", table.name);
        assert!(!text.contains("audit"), "{} tells of the audit trail", table.name);
    }
}

#[test]
fn every_table_fills_with_its_own_columns() {
    let model = Model::new(&views(), true);
    let session = session();
    let source = rows::Source { model: &model, session: &session };
    for table in facts::TABLES.iter() {
        let batch = rows::batch(table, &source).unwrap();
        assert_eq!(batch.num_columns(), table.columns.len(), "{}", table.name);
    }
}

#[test]
fn sessions_with_different_views_agree_on_oids() {
    let (wide, narrow) = (Model::new(&views(), true), Model::new(&narrow_views(), false));
    for table in &narrow.relations {
        let is_same = |other: &&model::Relation| (&other.schema, &other.name) == (&table.schema, &table.name);
        let same = wide.relations.iter().find(is_same).unwrap();
        assert_eq!(table.oid, same.oid, "{}", table.name);
    }
}

#[test]
fn an_oid_is_the_same_on_every_machine() {
    // These numbers were handed out: a change here breaks what clients have kept.
    let oids = oid::Oids::assign([("table", "crm.account.".to_owned()), ("schema", "crm".to_owned())]);
    assert_eq!((oids.get("table", "crm.account."), oids.get("schema", "crm")), (1_052_632_739, 915_905_955));
    assert_eq!(oids.get("table", "crm.nothing."), 0);
}

#[test]
fn statements_about_other_tables_are_not_catalog_questions() {
    let scope =
        |sql: &str| is_catalog_question(&Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0));
    assert!(scope("select * from pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"));
    assert!(scope("with t as (select 1 from information_schema.tables) select * from t"));
    assert!(!scope("select * from account"));
    assert!(!scope("select * from account a, pg_class c where c.relname = a.name"));
    assert!(!scope("select (select count(*) from crm.contact) from pg_class"));
    assert!(!scope("select 1"));
}

#[test]
fn user_statements_keep_their_meaning() {
    let rewritten = |sql: &str| {
        rewrite(Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0)).unwrap().to_string()
    };
    for same in [
        "SELECT a.name, (SELECT c.id FROM contact AS c WHERE c.account_id = a.id) FROM account AS a",
        "SELECT unnest(regions) FROM account WHERE name LIKE 'a%'",
        "SELECT (SELECT name FROM account LIMIT 1)",
        "SELECT name FROM account WHERE EXISTS (SELECT 1 FROM pg_trigger)",
    ] {
        assert_eq!(rewritten(same), same);
    }
    assert_eq!(rewritten("SELECT pg_catalog.lower(name) FROM account"), "SELECT lower(name) FROM account");
}
