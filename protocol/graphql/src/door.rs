//! One schema's door: documents in, responses out. Documents that fit are kept, so that a known one is neither parsed
//! nor validated again.

use std::{cell::Cell, collections::HashMap, sync::Arc};

use async_graphql::{
    Pos, Positioned, Request, Response, Variables, dynamic,
    parser::types::{
        DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
    },
};
use quarry_engine::{QueryContext, Session};
use quarry_planner::Views;
use quick_cache::sync::Cache;

use crate::{
    GraphqlOptions,
    collect::Collector,
    compile::{Compiler, OperationPlan, RootKind, RootPlan},
    document::operation,
    error::{Failure, Fault, Result},
    model::Model,
    request::Question,
    run::{self, Ran, RunLimits},
    schema::{self, CheckOnly},
    values,
};

/// What clients see of one set of views.
pub(crate) struct Door {
    model: Model,
    schema: dynamic::Schema,
    documents: Cache<String, Arc<ExecutableDocument>>,
    /// By document and operation: the schema stays as it is while this door is kept.
    introspections: Cache<(String, Option<String>), Arc<Introspected>>,
}

/// What the schema says of itself, by response key: JSON.
pub(crate) type Introspected = HashMap<String, Vec<u8>>;

/// What to answer.
pub(crate) enum Reply {
    /// The request was not run: nothing but errors.
    Refused(Vec<Failure>),
    Ran(Ran),
}

/// Documents longer than this are not kept, bytes.
const KEPT_DOCUMENT_BYTES_MAX: usize = 16 << 10;
/// Introspection answers kept.
const INTROSPECTIONS_KEPT: usize = 4;
/// Introspection answers longer than this are not kept, bytes.
const KEPT_INTROSPECTION_BYTES_MAX: usize = 4 << 20;

impl Door {
    /// # Errors
    ///
    /// Internal when the views make no schema.
    pub fn new(views: &Views, options: &GraphqlOptions) -> Result<Self> {
        let model = Model::new(views)?;
        let schema = schema::build(&model, options.document.depth_max)?;
        let documents = Cache::new(options.documents_kept);
        Ok(Self { model, schema, documents, introspections: Cache::new(INTROSPECTIONS_KEPT) })
    }

    /// The schema in GraphQL's own language.
    pub fn sdl(&self) -> String {
        self.schema.sdl()
    }

    /// Answers one request; a query on the state that `context` holds.
    pub async fn answer(
        &self,
        session: &Session,
        context: &QueryContext,
        asked: Question,
        options: &GraphqlOptions,
    ) -> Reply {
        let prepared = match self.prepare(asked, options).await {
            Ok(prepared) => prepared,
            Err(failures) => return Reply::Refused(failures),
        };
        let limits =
            RunLimits { response_bytes: options.response_bytes_max, answer_bytes: options.answer_bytes_max };
        match &prepared.plan {
            OperationPlan::Query(plans) => {
                let introspected = match self.introspect(&prepared, plans).await {
                    Ok(introspected) => introspected,
                    Err(failures) => return Reply::Refused(failures),
                };
                Reply::Ran(run::query(session, context, plans, &introspected, limits).await)
            }
            OperationPlan::Mutation(plans) => Reply::Ran(run::mutation(session, plans, limits).await),
        }
    }

    /// Everything that can be said without asking the engine.
    async fn prepare(&self, asked: Question, options: &GraphqlOptions) -> Result<Prepared, Vec<Failure>> {
        let known = self.documents.get(&asked.query);
        let is_known = known.is_some();
        let document = match known {
            Some(document) => document,
            None => Arc::new(options.document.parse(&asked.query).map_err(|failure| vec![failure])?),
        };
        let chosen =
            operation(&document, asked.operation_name.as_deref()).map_err(|failure| vec![failure])?;
        if asked.reads_only && chosen.node.ty != OperationType::Query {
            let message = "GET asks queries only; send mutations with POST";
            return Err(vec![Failure::new(Fault::Method, message).at(chosen.pos)]);
        }
        let (variables, failures) = values::variables(&chosen.node, asked.variables, self.schema.registry());
        if !is_known {
            self.validate(&asked.query, &document, asked.operation_name.as_deref(), &variables).await?;
        }
        if !failures.is_empty() {
            return Err(failures);
        }
        if !is_known && asked.query.len() <= KEPT_DOCUMENT_BYTES_MAX {
            self.documents.insert(asked.query.clone(), Arc::clone(&document));
        }
        let plan =
            self.compile(&document, &variables, &chosen.node, options).map_err(|failure| vec![failure])?;
        Ok(Prepared { plan, variables, text: asked.query, operation_name: asked.operation_name, document })
    }

    fn compile(
        &self,
        document: &ExecutableDocument,
        variables: &Variables,
        operation: &OperationDefinition,
        options: &GraphqlOptions,
    ) -> Result<OperationPlan> {
        let sites = Cell::new(0);
        let collector = Collector { document, variables };
        Compiler { model: &self.model, collector, limits: &options.page, sites: &sites }.operation(operation)
    }

    /// The library's validation rules over the whole document.
    async fn validate(
        &self,
        text: &str,
        document: &ExecutableDocument,
        operation_name: Option<&str>,
        variables: &Variables,
    ) -> Result<(), Vec<Failure>> {
        let mut request = Request::new(text).variables(variables.clone()).data(CheckOnly);
        request.operation_name = operation_name.map(str::to_owned);
        request.set_parsed_query(document.clone());
        failures(&self.schema.execute(request).await)
    }

    /// What the schema says of itself: the library answers, from a document that holds nothing else.
    async fn introspect(
        &self,
        prepared: &Prepared,
        plans: &[RootPlan],
    ) -> Result<Arc<Introspected>, Vec<Failure>> {
        if !plans.iter().any(|plan| matches!(plan.what, RootKind::Introspection)) {
            return Ok(Arc::default());
        }
        let Prepared { document, variables, operation_name, text, .. } = prepared;
        let key = (variables.is_empty() && text.len() <= KEPT_DOCUMENT_BYTES_MAX)
            .then(|| (text.clone(), operation_name.clone()));
        if let Some(known) = key.as_ref().and_then(|key| self.introspections.get(key)) {
            return Ok(known);
        }
        let chosen = operation(document, operation_name.as_deref()).map_err(|failure| vec![failure])?;
        let mut request = Request::new("").variables(variables.clone()).data(schema::Unchecked);
        request.set_parsed_query(only(document, &chosen.node, variables).map_err(|failure| vec![failure])?);
        let response = self.schema.execute(request).await;
        failures(&response)?;
        let serde_json::Value::Object(fields) = values::to_json(&response.data) else {
            return Err(vec![Failure::internal("introspection gave no object")]);
        };
        let told = fields.into_iter().map(|(name, value)| (name, value.to_string().into_bytes()));
        let told: Arc<Introspected> = Arc::new(told.collect());
        if let Some(key) = key
            && told.values().map(Vec::len).sum::<usize>() <= KEPT_INTROSPECTION_BYTES_MAX
        {
            self.introspections.insert(key, Arc::clone(&told));
        }
        Ok(told)
    }
}

struct Prepared {
    plan: OperationPlan,
    variables: Variables,
    text: String,
    operation_name: Option<String>,
    document: Arc<ExecutableDocument>,
}

fn failures(response: &Response) -> Result<(), Vec<Failure>> {
    if response.errors.is_empty() {
        return Ok(());
    }
    Err(response.errors.iter().map(|error| Failure::from_server(error, Fault::Validation)).collect())
}

/// A document with the introspection fields of an operation, and nothing else.
fn only(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Result<ExecutableDocument> {
    let mut items = Vec::new();
    let set = &operation.selection_set.node;
    for (_, asked) in (Collector { document, variables }).fields(schema::QUERY, &[set])? {
        if !matches!(asked.field.name.node.as_str(), "__schema" | "__type") {
            continue;
        }
        let mut field = asked.field.clone();
        field.selection_set.node.items =
            asked.sets.iter().flat_map(|set| set.items.iter().cloned()).collect();
        items.push(Positioned::new(Selection::Field(Positioned::new(field, asked.position)), asked.position));
    }
    let operation = OperationDefinition {
        ty: OperationType::Query,
        variable_definitions: operation.variable_definitions.clone(),
        directives: Vec::new(),
        selection_set: Positioned::new(SelectionSet { items }, Pos::default()),
    };
    Ok(ExecutableDocument {
        operations: DocumentOperations::Single(Positioned::new(operation, Pos::default())),
        fragments: document.fragments.clone(),
    })
}
