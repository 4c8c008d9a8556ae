//! `enable: { drafts: true }`: records that may be saved incomplete, and are validated in full when they are submitted.
//!
//! It is laid out in what is known: a field says whether a record is a draft, what is required is required of others, and rules are
//! not asked of drafts ([`Asked`]). One more rule keeps what was submitted from becoming a draft.

use std::sync::Arc;

use crate::{
    compile::Parsed,
    definition::{
        Located,
        conditions::ConditionsDefinition,
        default::DefaultDefinition,
        field::{FieldDefinition, KindDefinition},
        object::ObjectDefinition,
        reference::LookupDefinition,
        rule::RefusalDefinition,
        validation::{Asked, CheckDefinition, ValidationDefinition},
    },
    issue::{Issues, Place},
    model::{Default_, FieldKind, Hints, Labels, SelectOption},
    name::FieldName,
    rules::{Event, Weight},
};

/// The field that says whether a record is a draft.
const STATE: &str = "record_state";

/// What is no draft, in CEL.
pub(super) const NOT_A_DRAFT: &str = r#"record_state != "draft""#;
/// What is no draft now, and was one or was not there.
pub(super) const SUBMITTED_NOW: &str =
    r#"record_state != "draft" && (old == null || old.record_state == "draft")"#;

/// Gives every object that keeps drafts its field, and asks for what is required when a record is none.
pub(super) fn lay_out(parsed: &mut Parsed, issues: &mut Issues) {
    for object in parsed.packages.iter_mut().flat_map(|package| &mut package.objects) {
        if object.enabled.drafts {
            of_object(Arc::make_mut(object), issues);
        }
    }
}

fn of_object(object: &mut ObjectDefinition, issues: &mut Issues) {
    if let Some(declared) = object.fields.get(STATE) {
        let message =
            format!("`{STATE}` is what says whether a record is a draft (`enable.drafts`); rename it");
        issues.error(&declared.place, "duplicate-field", message);
        return;
    }
    for field in object.fields.values_mut().filter(|field| can_wait(field)) {
        field.required_of_submitted = std::mem::replace(&mut field.required, false);
    }
    object.fields.insert(FieldName::from(STATE), state(&object.name.place));
}

/// What nobody fills in later stays as it is: a draft is a part of its whole too, and has its number.
fn can_wait(field: &FieldDefinition) -> bool {
    !matches!(
        &field.kind,
        KindDefinition::Lookup(LookupDefinition { owned: true, .. })
            | KindDefinition::Plain(FieldKind::AutoNumber { .. })
    )
}

fn state(place: &Place) -> FieldDefinition {
    let options = [
        ("draft", [("en", "Draft"), ("zh-CN", "草稿"), ("de", "Entwurf")]),
        ("submitted", [("en", "Submitted"), ("zh-CN", "已提交"), ("de", "Eingereicht")]),
    ];
    let option = |(value, label): (&str, [(&str, &str); 3])| SelectOption {
        value: value.to_owned(),
        label: labels(label),
        color: None,
        active: true,
        when: Vec::new(),
        visible: None,
    };
    let default = DefaultDefinition::Known(Default_::Value("submitted".into()));
    FieldDefinition {
        place: place.clone(),
        alias: Vec::new(),
        added_by: None,
        declared: "select",
        kind: KindDefinition::Plain(FieldKind::Select { options: options.map(option).into() }),
        label: Some(labels([("en", "Record State"), ("zh-CN", "记录状态"), ("de", "Stand der Erfassung")])),
        description: Some("A draft may be incomplete; what is submitted was validated in full.".to_owned()),
        help: None,
        required: true,
        required_of_submitted: false,
        unique: false,
        index: Some(true),
        readonly: false,
        write_once: false,
        hidden: false,
        searchable: false,
        external_id: false,
        mask: None,
        deprecated: None,
        depends_on: None,
        hints: Hints::default(),
        default: Some(Located { value: default, place: place.clone() }),
        conditions: ConditionsDefinition::default(),
        option_conditions: Vec::new(),
    }
}

fn labels(texts: [(&str, &str); 3]) -> Labels {
    Labels(texts.map(|(locale, text)| (locale.to_owned(), text.to_owned())).into())
}

/// What was submitted stays so.
pub(super) fn stays_submitted(object: &ObjectDefinition) -> ValidationDefinition {
    let place = &object.name.place;
    let located = |text: &str| Located { value: text.to_owned(), place: place.clone() };
    let message = labels([
        ("en", "What was submitted can't become a draft again"),
        ("zh-CN", "已提交的记录不能再变回草稿"),
        ("de", "Was eingereicht ist, kann nicht wieder Entwurf werden"),
    ]);
    ValidationDefinition {
        name: located("stays_submitted"),
        on: [Event::Update].into(),
        asked: Asked::OfDraftsToo,
        when: None,
        fields: vec![Located { value: FieldName::from(STATE), place: place.clone() }],
        refusal: RefusalDefinition {
            severity: Weight::Error,
            error_code: Some("NO_DRAFT_ANY_MORE".to_owned()),
            message: Located { value: message, place: place.clone() },
        },
        check: CheckDefinition::Holds(located(r#"record_state != "draft" || old.record_state == "draft""#)),
    }
}
