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
            match now.iter().find(|known| known.answers_to(&option.value)) {
                None => self.option_removed(pair, option, subject(option)),
                Some(found) => self.option(pair, option, found, subject(option)),
            }
        }
        for option in now {
            let known = was.iter().any(|old| old.answers_to(&option.value) || option.answers_to(&old.value));
            if !known {
                self.add(Class::Allowed, "option-added", subject(option), "a new option".to_owned());
            }
        }
    }

    fn option(&mut self, pair: FieldPair<'_>, was: &SelectOption, now: &SelectOption, subject: Subject) {
        if now.value != was.value {
            self.option_renamed(pair, was, now, subject.clone());
        }
        if let Some(lost) = was.alias.iter().find(|alias| !now.answers_to(alias)) {
            let message = format!("{lost:?} does not answer any more; keep it in `alias`");
            self.add(Class::Refused, "alias-changed", subject.clone(), message);
        }
        if now.active != was.active {
            let message = if now.active { "is offered again" } else { "is not offered any more" };
            self.add(Class::Allowed, "deprecated", subject.clone(), message.to_owned());
        }
        if now.label != was.label || now.color != was.color {
            self.add(Class::Allowed, "option-changed", subject, "another label or colour".to_owned());
        }
    }

    /// The value is what records hold and what older clients know; people read the label.
    fn option_renamed(
        &mut self,
        pair: FieldPair<'_>,
        was: &SelectOption,
        now: &SelectOption,
        subject: Subject,
    ) {
        let concerned = Concerned::Option(&pair.old.name, &was.value);
        let records = self.surroundings.records.count(pair.object, &concerned);
        let (class, message) = match records {
            Some(0) => (Class::Allowed, format!("is {:?} now; no record uses the former value", now.value)),
            _ => (Class::Refused, format!("is {:?} now; keep the value, and change its label", now.value)),
        };
        self.add(class, "option-renamed", subject, message).records = records;
    }

    /// An option that no record uses may go, when somebody could look.
    fn option_removed(&mut self, pair: FieldPair<'_>, option: &SelectOption, subject: Subject) {
        let concerned = Concerned::Option(&pair.old.name, &option.value);
        let records = self.surroundings.records.count(pair.object, &concerned);
        let (class, message) = match records {
            Some(0) => (Class::Allowed, "the option is gone; no record uses it"),
            _ => (Class::Refused, "the option is gone; `active: false` keeps it for the records that use it"),
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
