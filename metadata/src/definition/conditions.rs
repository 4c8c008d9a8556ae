//! When a field is required, readonly or visible, as its author wrote it.

use crate::{
    definition::{Located, mapping::Mapping},
    expression::read,
    issue::Issues,
};

/// Expressions, which are typed when all objects are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConditionsDefinition {
    pub(crate) required: Option<Located<String>>,
    pub(crate) readonly: Option<Located<String>>,
    pub(crate) visible: Option<Located<String>>,
}

impl ConditionsDefinition {
    /// Reads `requiredWhen`, `readonlyWhen` and `visibleWhen`, as far as the field takes them.
    pub(crate) fn read(mapping: &Mapping<'_>, takes: impl Fn(&str) -> bool, issues: &mut Issues) -> Self {
        let mut clause = |key: &str, always: &str| {
            let value = mapping.get(key).filter(|_| takes(key))?;
            if let Some(flag) = mapping.get(always)
                && flag.content() == &crate::yaml::Content::Boolean(true)
            {
                let message = format!("`{always}: true` holds always; take `{key}` out");
                issues.error(&value.place(), "wrong-value", message);
            }
            read(value, issues)
        };
        let (required, readonly) = (clause("requiredWhen", "required"), clause("readonlyWhen", "readonly"));
        Self { required, readonly, visible: clause("visibleWhen", "") }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.required.is_none() && self.readonly.is_none() && self.visible.is_none()
    }
}
