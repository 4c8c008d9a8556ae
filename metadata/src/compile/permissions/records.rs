//! The record rules of a grant: conditions over the record, its to-one paths and the user.

use std::sync::Arc;

use super::Compiler;
use crate::{
    compile::{Draft, lists, summaries::Settled},
    definition::grant::{GrantDefinition, RecordRuleDefinition, name_of},
    expression::{Expression, Scope, Use},
    issue::Issues,
    permissions::{Act, Effect, RecordRule, Sharing},
};

/// Compiles the rules of a grant.
pub(super) fn rules(
    compiler: &Compiler<'_>,
    draft: &Draft<'_>,
    grant: &GrantDefinition,
    issues: &mut Issues,
) -> Vec<RecordRule> {
    let known = Settled(compiler.drafts);
    let scope = Scope::new(&known, &draft.object, Use::Policy);
    let mut rules = Vec::with_capacity(grant.records.len());
    for written in &grant.records {
        check_acts(written, grant, &draft.object.sharing, issues);
        let Some(when) = Expression::condition(&written.when.value, &written.when.place, &scope, issues)
        else {
            continue;
        };
        lists::check_roles(&[&when], &written.when.place, compiler.book, issues);
        rules.push(RecordRule {
            name: written.name.value.clone(),
            effect: written.effect,
            acts: written.acts.iter().map(|act| act.value).collect(),
            when: Arc::new(when),
        });
    }
    rules
}

/// A rule is about what the grant allows; one that adds nothing to what holds of all records is told.
fn check_acts(
    written: &RecordRuleDefinition,
    grant: &GrantDefinition,
    sharing: &Sharing,
    issues: &mut Issues,
) {
    for act in written.acts.iter().filter(|act| !grant.allows(act.value)) {
        let message = format!(
            "the grant does not allow `{}`, of which records ever; allow it, or take it out of the rule",
            name_of(act.value)
        );
        issues.error(&act.place, "contradicts-itself", message);
    }
    let is_of_all = |act: Act| match act {
        _ if grant.allows(Act::ModifyAll) || *sharing == Sharing::PublicReadWrite => true,
        Act::Read => grant.allows(Act::ViewAll) || *sharing == Sharing::PublicRead,
        _ => false,
    };
    if written.effect == Effect::Allow && written.acts.iter().all(|act| is_of_all(act.value)) {
        let message = "all records are allowed without this rule; it only adds to what sharing gives";
        issues.warning(&written.name.place, "inert-rule", message);
    }
}
