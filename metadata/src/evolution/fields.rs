//! Fields of two versions of an object side by side, property by property.

use serde_json::Value;

use crate::{
    evolution::{
        Class, Comparison, Concerned, Effect, Subject,
        objects::{Changed, Pair, changed, names, old_field, renamed},
        rules::{Of, Rule, Verdict, judge, rule},
    },
    model::{Default_, Field, FieldKind, Object},
    name::FieldName,
};

/// A field in both versions, and the old object.
#[derive(Clone, Copy)]
pub(super) struct FieldPair<'a> {
    pub(super) object: &'a Object,
    pub(super) old: &'a Field,
    pub(super) new: &'a Field,
}

impl FieldPair<'_> {
    pub(super) fn subject(&self) -> Subject {
        Subject::Field(self.object.name.clone(), self.old.name.clone())
    }

    /// A summary or a kept formula makes the values from now on, in the column where something else did. Clients never wrote
    /// them, and what they read keeps its type: nobody notices but by better values.
    fn is_taken_over(&self) -> bool {
        let made_by = |field: &Field| (field.summary.is_some(), is_kept(field));
        let is_readable_only = self.old.readonly && !self.old.system && !self.old.kind.is_computed();
        is_readable_only && made_by(self.new) != made_by(self.old) && made_by(self.new) != (false, false)
    }
}

impl Comparison<'_> {
    pub(super) fn fields(&mut self, Pair { old, new }: Pair<'_>) {
        for was in old.fields.values() {
            match new.field(was.name.as_str()) {
                Some(now) if was == now => {}
                Some(now) => self.field(FieldPair { object: old, old: was, new: now }),
                None => self.field_removed(old, was),
            }
        }
        for now in new.fields.values().filter(|now| old_field(old, new, &now.name).is_none()) {
            self.field_added(old, new, now);
        }
    }

    /// Where an object declares its owner, or ceases to, the other field is the same thing: it may not be exchanged.
    fn field_removed(&mut self, old: &Object, was: &Field) {
        let records = self.surroundings.records.count(old, &Concerned::Filled(&was.name));
        let message = format!(
            "the field is gone; keep it (`deprecated: true` hides it), and for another name list `{}` in its `alias`",
            was.name
        );
        let code = if was.system { "system-field-removed" } else { "field-removed" };
        let subject = Subject::Field(old.name.clone(), was.name.clone());
        self.add(Class::Refused, code, subject, message).records = records;
    }

    fn field_added(&mut self, old: &Object, new: &Object, now: &Field) {
        let subject = Subject::Field(new.name.clone(), now.name.clone());
        let records = self.surroundings.records.count(old, &Concerned::All);
        let column = Effect::NewColumn { object: new.name.clone(), field: now.name.clone() };
        let numbered = matches!(now.kind, FieldKind::AutoNumber { .. });
        if !now.required || now.system {
            let message = match (numbered, &now.summary) {
                (true, _) => "a new field; records that are there get no number",
                (_, Some(_)) => "a new summary, made of the records that are there",
                _ => "a new field",
            };
            let difference = self.add(Class::Allowed, "field-added", subject, message.to_owned());
            difference.effects = vec![column];
            if now.summary.is_some() || is_kept(now) {
                difference.records = records;
                difference.effects.push(made_anew(new, now));
            }
            return;
        }
        let can_fill = matches!(
            now.default,
            Some(Default_::Value(_) | Default_::Now | Default_::Today | Default_::Computed(_))
        );
        let (class, message) = match can_fill {
            true => (
                Class::Allowed,
                "a new required field; its default is written into the records that are there",
            ),
            false => (
                Class::NeedsDefault,
                "a new required field without a default that could be written into the records that are there, or by who knows only the old version",
            ),
        };
        let difference = self.add(class, "required-field-added", subject, message.to_owned());
        difference.records = records;
        difference.effects = vec![column];
        if can_fill {
            let fill = Effect::Backfill { object: new.name.clone(), field: now.name.clone() };
            difference.effects.push(fill);
        }
    }

    fn field(&mut self, pair: FieldPair<'_>) {
        self.field_name(pair);
        if pair.is_taken_over() {
            self.taken_over(pair);
        }
        let form = |field: &Field| {
            let bare = Field { kind: FieldKind::Boolean, ..field.clone() };
            serde_json::to_value(bare).unwrap_or(Value::Null)
        };
        for changed in changed(&form(pair.old), &form(pair.new)) {
            self.property(pair, Of::Field, &changed);
        }
        self.kind(pair);
    }

    fn field_name(&mut self, pair: FieldPair<'_>) {
        let FieldPair { old, new, .. } = pair;
        let (before, now) = (names(&old.alias, &old.name), names(&new.alias, &new.name));
        if before == now {
            return;
        }
        match renamed(&before, &now) {
            Ok(()) => {
                let message = format!("is called `{}` now; `{}` goes on answering", new.name, old.name);
                self.add(Class::Allowed, "field-renamed", pair.subject(), message);
            }
            Err(message) => drop(self.add(Class::Refused, "alias-changed", pair.subject(), message)),
        }
    }

    fn taken_over(&mut self, pair: FieldPair<'_>) {
        let how = if pair.new.summary.is_some() { "summed up" } else { "computed" };
        let message = format!("is {how} from now on, in all records: no client could write it");
        let effect = self.new.get(pair.object.name.as_str()).map(|new| made_anew(new, pair.new));
        self.add(Class::Allowed, "field-changed", pair.subject(), message).effects.extend(effect);
    }

    fn kind(&mut self, pair: FieldPair<'_>) {
        let FieldPair { object, old, new, .. } = pair;
        let (was, now) = match pair.is_taken_over() {
            true => (old.kind.of_values(), new.kind.of_values()),
            false => (&old.kind, &new.kind),
        };
        if was == now {
            return;
        }
        let is_reshaped = changes_shape(was, now);
        let (was, now) = (form_of(was), form_of(now));
        if was.0 != now.0 || is_reshaped {
            let records = self.surroundings.records.count(object, &Concerned::Filled(&old.name));
            let another = if old.declared == new.declared { " of another kind" } else { "" };
            let where_kept = match old.readonly && !old.kind.is_computed() && new.kind.is_computed() {
                true => ", for which its values would be kept no longer (`index: true` keeps them)",
                false => "",
            };
            let message = format!(
                "a {} can't become a {}{another}{where_kept}; add a field of that type and deprecate this one",
                old.declared, new.declared
            );
            self.add(Class::Refused, "type-changed", pair.subject(), message).records = records;
            return;
        }
        self.options(pair);
        self.target(pair);
        if whole_digits(&now.1) < whole_digits(&was.1) && now.1.get("scale") != was.1.get("scale") {
            let message = "digits before the point went; give it more `precision` too".to_owned();
            self.add(Class::Refused, "narrowed", pair.subject(), message);
        }
        for changed in changed(&was.1, &now.1) {
            self.property(pair, Of::Kind, &changed);
        }
    }

    fn target(&mut self, pair: FieldPair<'_>) {
        let target = |field: &'_ Field| match &field.kind {
            FieldKind::Lookup { target, .. } | FieldKind::References { target, .. } => Some(target.clone()),
            _ => None,
        };
        let (Some(was), Some(now)) = (target(pair.old), target(pair.new)) else { return };
        if was == now || self.new.get(was.as_str()).is_some_and(|object| object.name == now) {
            return;
        }
        let message = format!("refers to `{now}` instead of `{was}`; add a lookup for that");
        let records = self.surroundings.records.count(pair.object, &Concerned::Filled(&pair.old.name));
        self.add(Class::Refused, "target-changed", pair.subject(), message).records = records;
    }

    fn property(&mut self, pair: FieldPair<'_>, of: Of, changed: &Changed) {
        let Changed { property, from, to } = changed;
        let rule = rule(of, property);
        if rule == Rule::Summary && pair.is_taken_over() {
            return;
        }
        let mut verdict = judge(rule, from, to);
        if rule == Rule::Default && to.is_null() && !pair.new.required {
            verdict = Verdict::Wider;
        }
        let told = match (property.as_str(), &pair.new.kind) {
            ("format", FieldKind::Text { .. }) => "type".to_owned(),
            (other, _) => camel(other),
        };
        let message = match property.as_str() {
            "expression" => "another formula".to_owned(),
            "returns" if verdict == Verdict::Wider => {
                "may be of more objects, or is told otherwise".to_owned()
            }
            "returns" => "what it gives changes".to_owned(),
            "stored" if is_kept(pair.new) => "is kept in a column, for its index".to_owned(),
            "stored" => "is computed when it is read".to_owned(),
            "conditions" => "is required, readonly or visible under other conditions".to_owned(),
            "fields" => "what stands in its numbers is computed in another way".to_owned(),
            "content" => "takes other contents (`type`, `accept`, `maxSize`)".to_owned(),
            "mask" if to.is_null() => "is shown in clear from now on".to_owned(),
            "mask" => "is masked from now on, but for those who may see it in clear".to_owned(),
            "default" if is_computed(from) || is_computed(to) => "another default".to_owned(),
            "summary" if verdict == Verdict::Wider => "is summed up anew, in all records".to_owned(),
            "summary" if from.is_null() => {
                "can't become a summary: what clients wrote would be lost".to_owned()
            }
            "summary" => "is no summary any more: nobody would keep it".to_owned(),
            _ => format!("`{told}` goes from {from} to {to}"),
        };
        match verdict {
            Verdict::Wider if rule == Rule::Elsewhere => {}
            Verdict::Wider => {
                let code = if property == "deprecated" { "deprecated" } else { "field-changed" };
                let effects = match property.as_str() {
                    "summary" => self.new.get(pair.object.name.as_str()).map(|new| made_anew(new, pair.new)),
                    "expression" | "stored" if is_kept(pair.new) => {
                        self.new.get(pair.object.name.as_str()).map(|new| made_anew(new, pair.new))
                    }
                    _ => None,
                };
                self.add(Class::Allowed, code, pair.subject(), message).effects.extend(effects);
            }
            Verdict::Narrower => {
                let records = self.breaking(pair, property, to);
                let message = format!("{message}: what was fine before would be refused");
                self.add(Class::Refused, "narrowed", pair.subject(), message).records = records;
            }
            Verdict::Other => {
                let message = match property.as_str() {
                    "summary" => message,
                    _ => format!("{message}, which means something else"),
                };
                self.add(Class::Refused, "changed", pair.subject(), message);
            }
        }
    }

    /// The records that a narrowed rule would have refused.
    fn breaking(&self, pair: FieldPair<'_>, property: &str, to: &Value) -> Option<u64> {
        let name: &FieldName = &pair.old.name;
        let bound = match to {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let concerned = match property {
            "required" => Concerned::Empty(name),
            "min" | "min_length" => Concerned::Below(name, &bound),
            "max" | "max_length" => Concerned::Above(name, &bound),
            _ => return None,
        };
        self.surroundings.records.count(pair.object, &concerned)
    }
}

/// A default that is an expression: nobody wants to read its tree.
fn is_computed(default: &Value) -> bool {
    default.get("Computed").is_some()
}

/// A summary is made of the records that are there; a formula that is kept is computed for them.
fn made_anew(object: &Object, field: &Field) -> Effect {
    let (object, name) = (object.name.clone(), field.name.clone());
    match field.summary {
        Some(_) => Effect::Summarize { object, field: name },
        None => Effect::Recompute { object, field: name },
    }
}

/// A formula in a column.
fn is_kept(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Formula { stored: true, .. })
}

/// The variant and its properties.
fn form_of(kind: &FieldKind) -> (String, Value) {
    match serde_json::to_value(kind).unwrap_or(Value::Null) {
        Value::Object(form) => form.into_iter().next().unwrap_or_else(|| (String::new(), Value::Null)),
        Value::String(variant) => (variant, Value::Null),
        _ => (String::new(), Value::Null),
    }
}

/// A number that gets digits behind the point is written differently (`12`, then `"12.00"`), and so is one too long for an
/// integer of 32 or of 64 bits.
fn changes_shape(old: &FieldKind, new: &FieldKind) -> bool {
    let is_whole = |kind: &FieldKind| match kind {
        FieldKind::Number { precision: ..=9, scale: 0, .. } => Some(32),
        FieldKind::Number { precision: ..=18, scale: 0, .. } => Some(64),
        _ => None,
    };
    let owned = |kind: &FieldKind| matches!(kind, FieldKind::Lookup { owned: true, .. });
    is_whole(old) != is_whole(new) || owned(old) != owned(new)
}

fn whole_digits(form: &Value) -> Option<i64> {
    Some(form.get("precision")?.as_i64()? - form.get("scale")?.as_i64()?)
}

fn camel(property: &str) -> String {
    match property {
        "on_delete" => "deleteBehavior".to_owned(),
        other => crate::naming::camel_case(other),
    }
}
