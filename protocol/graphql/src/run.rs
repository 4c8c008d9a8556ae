//! Running an operation: questions on one state, changes as one transaction, and the response's `data`.

mod told;

use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::{
    array::{RecordBatch, StructArray},
    compute::concat_batches,
};
use futures::{StreamExt, future::join_all};
use quarry_engine::{ChangeReport, Outcome, Query, QueryContext, Session, change::Done};
use quarry_planner::{
    answer::bytes_of,
    objectql::{Filter, GroupKey, Operator},
};
use tokio::sync::Semaphore;

pub(crate) use told::Beside;

use crate::{
    compile::{
        ConnectionPlan, KeyBytes, MutationPlan, ObjectPlan, PARENT, RESULT_ID, ResultItem, ReturnedItem,
        RootKind, RootPlan, filter::all, key_bytes, text_bytes,
    },
    door::Introspected,
    error::{Failure, Fault, Result},
    write::{
        BoundConnection, BoundObject, Numbers, Out, ParentNumbers, RootRows, Texts, column, counting,
        counting_in,
    },
};

/// What an operation gave.
pub(crate) struct Ran {
    /// The response's `data`.
    pub data: Vec<u8>,
    pub failures: Vec<Failure>,
    pub beside: Beside,
}

/// Questions of one operation that run at the same time; more wait for their turn.
const QUESTIONS_RUNNING_MAX: usize = 4;

/// What running an operation may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunLimits {
    /// Of the response, bytes.
    pub response_bytes: usize,
    /// Of all answers that the operation holds at once, bytes of their Arrow arrays.
    pub answer_bytes: usize,
}

/// Asks the engine; every question on the same state. What it is answered is kept until the response is written.
struct Asker<'a> {
    session: &'a Session,
    context: &'a QueryContext,
    turns: Semaphore,
    kept_bytes: AtomicUsize,
    kept_bytes_max: usize,
}

impl<'a> Asker<'a> {
    fn new(session: &'a Session, context: &'a QueryContext, limits: RunLimits) -> Self {
        let turns = Semaphore::new(QUESTIONS_RUNNING_MAX);
        Self { session, context, turns, kept_bytes: AtomicUsize::new(0), kept_bytes_max: limits.answer_bytes }
    }

    /// Counts a batch that is kept.
    fn keep(&self, batch: &RecordBatch) -> Result<()> {
        let bytes = bytes_of(batch);
        let kept = self.kept_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if kept <= self.kept_bytes_max {
            return Ok(());
        }
        let allowed = self.kept_bytes_max;
        let message = format!(
            "the answers of one operation may take {allowed} bytes (answer_bytes_max); ask for fewer records or fields"
        );
        Err(Failure::new(Fault::Limit, message).with("limit", allowed))
    }
}

/// What was fetched for one field of the query root.
enum Fetched {
    Text(&'static str),
    Introspection,
    Record(StructArray, Numbers),
    Connection(RootRows),
}

/// Answers the fields of a query, all on the state that is the newest now. `introspected` holds what the library
/// answered for `__schema` and `__type`.
pub(crate) async fn query(
    session: &Session,
    context: &QueryContext,
    plans: &[RootPlan],
    introspected: &Introspected,
    limits: RunLimits,
) -> Ran {
    let asker = Asker::new(session, context, limits);
    let fetched = join_all(plans.iter().map(|plan| asker.root(&plan.what))).await;
    let mut out = Out::new(limits.response_bytes);
    let mut failures = Vec::new();
    let mut whole = true;
    out.push(b"{");
    for (index, (plan, fetched)) in plans.iter().zip(fetched).enumerate() {
        if index > 0 {
            out.push(b",");
        }
        out.push(&key_bytes(&plan.key));
        let start = out.bytes.len();
        let written = fetched.and_then(|fetched| write_root(plan, &fetched, introspected, &mut out));
        if let Err(failure) = written {
            failures.push(failure.at(plan.position).under(&plan.key));
            out.bytes.truncate(start);
            out.push(b"null");
            // A list can't be null, so its error takes the whole of `data` with it (6.4.4 of the specification).
            whole &= !matches!(plan.what, RootKind::Connection(_));
        }
    }
    out.push(b"}");
    let data = if whole { out.bytes } else { b"null".to_vec() };
    Ran { data, failures, beside: Beside::default() }
}

fn write_root(plan: &RootPlan, fetched: &Fetched, introspected: &Introspected, out: &mut Out) -> Result<()> {
    match (&plan.what, fetched) {
        (_, Fetched::Text(text)) => out.push(&text_bytes(text)),
        (_, Fetched::Introspection) => {
            out.push(introspected.get(&plan.key).map_or(b"null", Vec::as_slice));
        }
        (RootKind::Record(record), Fetched::Record(rows, numbers)) => {
            let object = BoundObject::new(&record.1, rows, numbers)?;
            if arrow::array::Array::is_empty(rows) {
                out.push(b"null");
            } else {
                object.write(0, out)?;
            }
        }
        (RootKind::Connection(plan), Fetched::Connection(fetched)) => {
            let rows = arrow::array::Array::len(&fetched.rows);
            BoundConnection::root(plan, fetched)?.write_root(rows, out)?;
        }
        _ => return Err(Failure::internal("what was fetched is not what was asked")),
    }
    out.check()
}

impl Asker<'_> {
    async fn root(&self, what: &RootKind) -> Result<Fetched> {
        match what {
            RootKind::TypeName(name) => Ok(Fetched::Text(name)),
            RootKind::Introspection => Ok(Fetched::Introspection),
            RootKind::Record(record) => {
                let (rows, _) = self.rows(&record.0).await?;
                let numbers = self.numbers_of_object(&record.1, &rows).await?;
                Ok(Fetched::Record(rows, numbers))
            }
            RootKind::Connection(plan) => Ok(Fetched::Connection(self.connection(plan).await?)),
        }
    }

    async fn connection(&self, plan: &ConnectionPlan) -> Result<RootRows> {
        let groups = join_all(plan.groups.iter().map(|groups| self.rows(&groups.query)));
        let (rows, aggregate, groups) = futures::join!(
            self.maybe_rows(plan.rows.as_ref()),
            self.maybe_rows(plan.aggregate.as_ref()),
            groups
        );
        let (rows, count) = match rows? {
            Some((rows, count)) => (rows, count),
            None => (StructArray::new_empty_fields(0, None), None),
        };
        let groups = groups.into_iter().map(|group| group.map(|(rows, _)| rows)).collect::<Result<_>>()?;
        let mut lists = Vec::new();
        if plan.rows.is_some() {
            counting(plan, &rows, &mut lists)?;
        }
        let numbers = self.numbers(lists).await?;
        Ok(RootRows { count, aggregate: aggregate?.map(|(rows, _)| rows), groups, numbers, rows })
    }

    async fn numbers_of_object(&self, plan: &ObjectPlan, rows: &StructArray) -> Result<Numbers> {
        let mut lists = Vec::new();
        counting_in(plan, rows, &mut lists)?;
        self.numbers(lists).await
    }

    /// Asks each related list that counts for its numbers, of all parents at once.
    async fn numbers(
        &self,
        lists: Vec<(&crate::compile::ToMany, &arrow::array::ArrayRef)>,
    ) -> Result<Numbers> {
        let mut questions = Vec::with_capacity(lists.len());
        for (many, parents) in lists {
            let plan = &many.connection;
            let (Some(query), Some(lookup)) = (&plan.aggregate, &plan.lookup) else { continue };
            let texts = Texts::new(parents)?;
            let mut ids: Vec<String> =
                (0..texts.len()).filter_map(|row| texts.get(row)).map(str::to_owned).collect();
            ids.sort_unstable();
            ids.dedup();
            let key = GroupKey {
                path: lookup.clone(),
                granularity: None,
                time_zone: None,
                alias: Some(PARENT.into()),
            };
            let own = Filter::literal(lookup, Operator::In, ids.into());
            let filter = all([own].into_iter().chain(query.filter.clone()));
            questions.push((many.site, Query { group_by: vec![key], filter, ..query.clone() }));
        }
        let answers = join_all(questions.iter().map(|(_, query)| self.rows(query))).await;
        let mut numbers = Numbers::new();
        for ((site, _), answer) in questions.iter().zip(answers) {
            let (rows, _) = answer?;
            let by_parent = match column(&rows, PARENT) {
                Some(parents) => {
                    let texts = Texts::new(parents)?;
                    (0..texts.len()).filter_map(|row| Some((texts.get(row)?.to_owned(), row))).collect()
                }
                None => return Err(Failure::internal("the answer has no parents")),
            };
            numbers.insert(*site, ParentNumbers { rows, by_parent });
        }
        Ok(numbers)
    }

    async fn maybe_rows(&self, query: Option<&Query>) -> Result<Option<(StructArray, Option<u64>)>> {
        match query {
            Some(query) => self.rows(query).await.map(Some),
            None => Ok(None),
        }
    }

    /// All rows of an answer as one array: a page is small, and its end is written before its records may be.
    async fn rows(&self, query: &Query) -> Result<(StructArray, Option<u64>)> {
        let _turn = self.turns.acquire().await.map_err(Failure::internal)?;
        let mut answer = self.session.engine().planner().query(self.context, query).await?;
        let mut batches: Vec<RecordBatch> = Vec::new();
        while let Some(batch) = answer.batches.next().await {
            let batch = batch.map_err(quarry_planner::Error::from)?;
            self.keep(&batch)?;
            batches.push(batch);
        }
        let batch = match batches.as_slice() {
            [one] => one.clone(),
            several => concat_batches(&answer.schema, several).map_err(Failure::internal)?,
        };
        Ok((StructArray::from(batch), answer.count))
    }
}

/// Makes the changes of a mutation, all of its fields in one transaction, and answers with the records as that
/// transaction left them.
pub(crate) async fn mutation(session: &Session, plans: &[MutationPlan], limits: RunLimits) -> Ran {
    let refused = |failures, beside| Ran { data: nothing(plans), failures, beside };
    let dry_run = match told::is_dry_run(plans) {
        Ok(dry_run) => dry_run,
        Err(failure) => return refused(vec![failure], Beside::default()),
    };
    let changes = plans.iter().flat_map(|plan| plan.changes.iter().cloned()).collect();
    match session.change_and_see(changes, dry_run).await {
        Ok((report, context)) => {
            let asker = Asker::new(session, &context, limits);
            let beside = Beside::of(plans, &report.warnings);
            Ran { beside, ..results(&asker, plans, &report, dry_run, limits.response_bytes).await }
        }
        Err(error) => {
            let (failures, beside) = told::refusal(plans, &error);
            refused(failures, beside)
        }
    }
}

/// Every field null: nothing of it was done.
fn nothing(plans: &[MutationPlan]) -> Vec<u8> {
    let mut out = Out::new(usize::MAX);
    let items: Vec<_> = plans.iter().map(|plan| (key_bytes(&plan.key), plan)).collect();
    // Writing without a limit does not fail.
    let written = out.object(&items, |out, plan| {
        match plan.type_name {
            Some(name) => out.push(&text_bytes(name)),
            None => out.push(b"null"),
        }
        Ok(())
    });
    if written.is_ok() { out.bytes } else { b"null".to_vec() }
}

async fn results(
    asker: &Asker<'_>,
    plans: &[MutationPlan],
    report: &ChangeReport,
    dry_run: bool,
    bytes_max: usize,
) -> Ran {
    let mut outcomes = report.outcomes.iter();
    let of_plans: Vec<Vec<&Outcome>> =
        plans.iter().map(|plan| outcomes.by_ref().take(plan.changes.len()).collect()).collect();
    let fetched =
        join_all(plans.iter().zip(&of_plans).map(|(plan, outcomes)| asker.records(plan, outcomes))).await;
    let mut out = Out::new(bytes_max);
    let mut failures = Vec::new();
    out.push(b"{");
    for (index, ((plan, outcomes), fetched)) in plans.iter().zip(&of_plans).zip(fetched).enumerate() {
        if index > 0 {
            out.push(b",");
        }
        out.push(&key_bytes(&plan.key));
        let start = out.bytes.len();
        let change = Changed { outcomes, csn: report.csn, dry_run };
        let written = fetched.and_then(|fetched| change.write(plan, fetched.as_ref(), &mut out));
        if let Err(failure) = written {
            let failure = failure.at(plan.position).under(&plan.key);
            failures.push(failure.with("committed", !dry_run));
            out.bytes.truncate(start);
            out.push(b"null");
        }
    }
    out.push(b"}");
    Ran { data: out.bytes, failures, beside: Beside::default() }
}

impl Asker<'_> {
    async fn records(
        &self,
        plan: &MutationPlan,
        outcomes: &[&Outcome],
    ) -> Result<Option<(StructArray, Numbers)>> {
        let Some(query) = &plan.records else { return Ok(None) };
        let ids: Vec<String> = ids(outcomes).cloned().collect();
        let limit = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let query = Query { filter: Some(Filter::ids(ids)), limit: Some(limit), ..query.clone() };
        let (rows, _) = self.rows(&query).await?;
        let mut lists = Vec::new();
        for (_, item) in &plan.result {
            if let ResultItem::Record(object) | ResultItem::Records(object) = item {
                counting_in(object, &rows, &mut lists)?;
            }
        }
        let numbers = self.numbers(lists).await?;
        Ok(Some((rows, numbers)))
    }
}

fn ids<'a>(outcomes: &'a [&'a Outcome]) -> impl Iterator<Item = &'a String> {
    outcomes.iter().flat_map(|outcome| &outcome.ids)
}

/// What became of the changes of one field.
struct Changed<'a> {
    outcomes: &'a [&'a Outcome],
    csn: Option<u64>,
    dry_run: bool,
}

impl Changed<'_> {
    fn write(
        &self,
        plan: &MutationPlan,
        fetched: Option<&(StructArray, Numbers)>,
        out: &mut Out,
    ) -> Result<()> {
        if let Some(name) = plan.type_name {
            out.push(&text_bytes(name));
            return Ok(());
        }
        out.object(&plan.result, |out, item| {
            match item {
                ResultItem::Text(text) => out.push(text),
                ResultItem::Id => match ids(self.outcomes).next() {
                    Some(id) => out.push(&text_bytes(id)),
                    None => return Err(Failure::internal("a change of one record has no id")),
                },
                ResultItem::Ids => out.list(ids(self.outcomes), |out, id| {
                    out.push(&text_bytes(id));
                    Ok(())
                })?,
                ResultItem::Count => out.push(ids(self.outcomes).count().to_string().as_bytes()),
                ResultItem::Done => out.push(&text_bytes(self.done(plan))),
                ResultItem::Csn => match self.csn {
                    Some(csn) => out.push(csn.to_string().as_bytes()),
                    None => out.push(b"null"),
                },
                ResultItem::DryRun => out.push(if self.dry_run { b"true" } else { b"false" }),
                ResultItem::Record(object) => {
                    let (found, object) = self.records(object, fetched)?;
                    match found.first() {
                        Some(row) => object.write(*row, out)?,
                        None => out.push(b"null"),
                    }
                }
                ResultItem::Returned(items) => self.returned(items, out)?,
                ResultItem::Records(object) => {
                    let (found, object) = self.records(object, fetched)?;
                    out.list(found, |out, row| {
                        object.write(row, out)?;
                        out.check()
                    })?;
                }
            }
            out.check()
        })
    }

    /// What an action returned.
    fn returned(&self, items: &[(KeyBytes, ReturnedItem)], out: &mut Out) -> Result<()> {
        let returned = self.outcomes.first().and_then(|outcome| outcome.returned.as_ref());
        let Some(returned) = returned else {
            out.push(b"null");
            return Ok(());
        };
        out.object(items, |out, item| {
            match item {
                ReturnedItem::Text(text) => out.push(text),
                ReturnedItem::Value(name) => match returned.get(name) {
                    Some(value) => out.push(value.to_string().as_bytes()),
                    None => out.push(b"null"),
                },
            }
            out.check()
        })
    }

    /// The rows of the records that are there, in the order of the changes.
    fn records<'b>(
        &self,
        plan: &'b ObjectPlan,
        fetched: Option<&'b (StructArray, Numbers)>,
    ) -> Result<(Vec<usize>, BoundObject<'b>)> {
        let (rows, numbers) =
            fetched.ok_or_else(|| Failure::internal("the changed records were not read"))?;
        let ids_column = column(rows, RESULT_ID).ok_or_else(|| Failure::internal("the answer has no ids"))?;
        let texts = Texts::new(ids_column)?;
        let places: std::collections::HashMap<&str, usize> =
            (0..texts.len()).filter_map(|row| Some((texts.get(row)?, row))).collect();
        let found = ids(self.outcomes).filter_map(|id| places.get(id.as_str()).copied()).collect();
        Ok((found, BoundObject::new(plan, rows, numbers)?))
    }

    fn done(&self, plan: &MutationPlan) -> &'static str {
        match self.outcomes.first().map(|outcome| outcome.done) {
            Some(Done::Created) => "CREATED",
            Some(Done::Updated) => "UPDATED",
            Some(Done::Deleted) => "DELETED",
            Some(Done::Undeleted) => "UNDELETED",
            Some(Done::Acted) => "ACTED",
            // No record was given, or none matched: what would have been done.
            None => plan.done_otherwise(),
        }
    }
}
