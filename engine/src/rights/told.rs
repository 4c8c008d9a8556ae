//! What is told to a client of findings: nothing of what it does not see.

use quarry_metadata::{FieldName, rules::Check};

use super::Rights;
use crate::{
    change::{Finding, Warnings},
    error::Error,
};

/// What stands where more may not be told.
const UNSEEN: &str = "a rule about what you may not see refuses it";

/// That there is something, and nothing of what.
fn unseen(finding: Finding) -> Finding {
    Finding { field: None, message: UNSEEN.into(), constraint: None, ..finding }
}

impl Rights {
    /// Findings by the names that are seen; what is about others is only told to be there.
    pub fn told(&self, findings: Vec<Finding>) -> Vec<Finding> {
        if self.shape().sees_all() {
            return findings;
        }
        findings.into_iter().map(|finding| self.one(finding)).collect()
    }

    /// The same of an error.
    pub fn told_error(&self, error: Error) -> Error {
        if error.findings.is_empty() || self.shape().sees_all() {
            return error;
        }
        let Error { path, findings, warnings, source, .. } = error;
        let warnings = warnings.map(|warnings| Box::new(self.told_warnings(*warnings)));
        Error { path, warnings, source, ..Error::of_findings(self.told(findings)) }
    }

    /// The same of warnings.
    pub fn told_warnings(&self, warnings: Warnings) -> Warnings {
        Warnings { told: self.told(warnings.told), ..warnings }
    }

    fn one(&self, finding: Finding) -> Finding {
        // A finding about no object is about the request.
        if finding.object.is_empty() {
            return finding;
        }
        let Some(view) = self.view(&finding.object) else {
            return Finding {
                object: String::new(),
                id: None,
                field: None,
                code: "refused".into(),
                message: UNSEEN.into(),
                constraint: None,
                ..finding
            };
        };
        let is_unknown = finding.code == "unknown_field";
        let sees = |field: &str| view.object.field(field).is_some();
        match finding.field.as_deref() {
            Some(field) if !is_unknown && !sees(field) => unseen(finding),
            // Several fields together: the message and the constraint's name tell them all.
            _ if self.fields_of(&finding).iter().any(|field| !sees(field.as_str())) => unseen(finding),
            _ => finding,
        }
    }

    /// The fields of the constraint that a finding is about.
    fn fields_of(&self, finding: &Finding) -> Vec<FieldName> {
        let whole = &self.views.whole;
        let (Some(constraint), Some(object)) = (finding.constraint.as_deref(), whole.get(&finding.object))
        else {
            return Vec::new();
        };
        if let Some(index) = object.indexes.iter().find(|index| &*index.name == constraint) {
            return index.fields.clone();
        }
        let rule = whole.rules.get(&object.name).and_then(|rules| rules.keeping(constraint));
        match rule.map(|rule| &rule.check) {
            Some(Check::Unique(unique)) => {
                let conditions = unique.when.iter().map(|requirement| requirement.field.clone());
                unique.fields.iter().cloned().chain(conditions).collect()
            }
            _ => Vec::new(),
        }
    }
}
