//! The options of a choice in two versions.

use crate::{
    evolution::{Class, Comparison, Concerned, Subject, fields::FieldPair},
    model::{FieldKind, SelectOption},
};

impl Comparison<'_> {
    pub(super) fn options(&mut self, pair: FieldPair<'_>) {
        let (Some(was), Some(now)) = (options_of(&pair.old.kind), options_of(&pair.new.kind)) else { return };
        let subject = |option: &SelectOption| {
            Subject::Option(pair.object.name.clone(), pair.old.name.clone(), option.value.clone())
        };
        for option in was {
            match now.iter().find(|known| known.value == option.value) {
                None => self.option_removed(pair, option, subject(option)),
                Some(found) => self.option(option, found, subject(option)),
            }
        }
        for option in now {
            if was.iter().all(|old| old.value != option.value) {
                self.add(Class::Allowed, "option-added", subject(option), "a new option".to_owned());
            }
        }
    }

    fn option(&mut self, was: &SelectOption, now: &SelectOption, subject: Subject) {
        if now.when != was.when {
            let class = if now.when.is_empty() { Class::Allowed } else { Class::Refused };
            let message = "is offered for other values of the field that it depends on".to_owned();
            self.add(class, "option-changed", subject.clone(), message);
        }
        let condition =
            |option: &SelectOption| option.visible.as_ref().map(|clause| clause.expression.clone());
        if condition(now) != condition(was) {
            let message = "is offered under other conditions".to_owned();
            self.add(Class::Allowed, "option-changed", subject.clone(), message);
        }
        if now.active != was.active {
            let message = if now.active { "is offered again" } else { "is not offered any more" };
            self.add(Class::Allowed, "deprecated", subject.clone(), message.to_owned());
        }
        if now.label != was.label || now.color != was.color {
            self.add(Class::Allowed, "option-changed", subject, "another label or colour".to_owned());
        }
    }

    /// An option that no record uses may go, when somebody could look.
    fn option_removed(&mut self, pair: FieldPair<'_>, option: &SelectOption, subject: Subject) {
        let concerned = Concerned::Option(&pair.old.name, &option.value);
        let records = self.surroundings.records.count(pair.object, &concerned);
        let (class, message) = match records {
            Some(0) => (Class::Allowed, "the option is gone; no record uses it"),
            _ => (
                Class::Refused,
                "the option is gone; `active: false` keeps it for the records that use it, and another label renames it",
            ),
        };
        self.add(class, "option-removed", subject, message.to_owned()).records = records;
    }
}

fn options_of(kind: &FieldKind) -> Option<&[SelectOption]> {
    match kind {
        FieldKind::Select { options } | FieldKind::MultiSelect { options } => Some(options),
        _ => None,
    }
}
