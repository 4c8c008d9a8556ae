//! What was found in the data of a mutation's changes, told at the field that asked for them.

use quarry_engine::{Error, Finding, Warnings};

use crate::{
    compile::MutationPlan,
    error::{Failure, Fault, Result},
};

/// What did not stand in the way of a mutation.
#[derive(Default)]
pub(crate) struct Beside {
    /// As they stand in a response's `extensions.warnings`.
    pub warnings: Vec<Failure>,
    /// How many more there are.
    pub more: u64,
}

impl Beside {
    /// What a change found, at the fields of its mutation.
    pub fn of(plans: &[MutationPlan], warnings: &Warnings) -> Self {
        let told = warnings.told.iter().map(|finding| placed(plans, finding, Failure::from_warning(finding)));
        Self { warnings: told.collect(), more: warnings.more }
    }
}

/// The errors of a mutation that was refused, and what was found beside them.
pub(super) fn refusal(plans: &[MutationPlan], error: &Error) -> (Vec<Failure>, Beside) {
    let beside = error.warnings.as_ref().map(|warnings| Beside::of(plans, warnings)).unwrap_or_default();
    if !error.findings.is_empty() {
        let told = |finding| placed(plans, finding, Failure::from_finding(error, finding));
        return (error.findings.iter().map(told).collect(), beside);
    }
    let failure = Failure::from_engine(error);
    let mut changing = plans.iter().filter(|plan| plan.type_name.is_none());
    let failure = match (changing.next(), changing.next()) {
        (Some(only), None) => failure.at(only.position).under(&only.key),
        _ => failure,
    };
    (vec![failure], beside)
}

/// All fields of a mutation keep what they do, or none.
pub(super) fn is_dry_run(plans: &[MutationPlan]) -> Result<bool> {
    let changing = || plans.iter().filter(|plan| plan.type_name.is_none());
    let dry_run = changing().any(|plan| plan.dry_run);
    if let (true, Some(other)) = (dry_run, changing().find(|plan| !plan.dry_run)) {
        let message = "all fields of a mutation are one transaction: give dryRun to all of them, or to none";
        return Err(Failure::new(Fault::Value, message).at(other.position).under(&other.key));
    }
    Ok(dry_run)
}

/// A finding at the field whose change it is about; the record's field by its GraphQL name.
fn placed(plans: &[MutationPlan], finding: &Finding, failure: Failure) -> Failure {
    let mut owners = plans.iter().flat_map(|plan| plan.changes.iter().map(move |_| plan));
    let Some(plan) = owners.nth(finding.change) else { return failure };
    let failure = failure.at(plan.position).under(&plan.key);
    let object = plan.object.as_ref().filter(|object| object.name.as_str() == finding.object);
    match object.zip(finding.field.as_ref()).and_then(|(object, field)| object.name_of(field)) {
        Some(name) => failure.with("field", name),
        None => failure,
    }
}
