//! The fields that every object has without saying so.

use crate::{
    compile::book::USER,
    model::{Default_, DeleteBehavior, Field, FieldKind, Labels},
    name::ObjectName,
};

/// The record's id. A client may give its own when it makes a record.
pub(super) fn id() -> Field {
    let labels = [("en", "ID"), ("zh-CN", "编号"), ("de", "ID")];
    Field { required: true, unique: true, index: true, ..field("id", labels, FieldKind::Id) }
}

/// The system fields behind the declared ones, in order.
pub(super) fn fields(has_owner: bool) -> Vec<Field> {
    let kept = |name: &str, labels: [(&str, &str); 3], kind: FieldKind, required: bool| Field {
        readonly: true,
        required,
        ..field(name, labels, kind)
    };
    let number = FieldKind::number(18, 0);
    let text = FieldKind::text();
    let mut fields = vec![
        kept(
            "created_at",
            [("en", "Created At"), ("zh-CN", "创建时间"), ("de", "Angelegt am")],
            FieldKind::DateTime,
            true,
        ),
        kept(
            "created_by",
            [("en", "Created By"), ("zh-CN", "创建人"), ("de", "Angelegt von")],
            user(),
            false,
        ),
        kept(
            "updated_at",
            [("en", "Updated At"), ("zh-CN", "更新时间"), ("de", "Geändert am")],
            FieldKind::DateTime,
            true,
        ),
        kept(
            "updated_by",
            [("en", "Updated By"), ("zh-CN", "更新人"), ("de", "Geändert von")],
            user(),
            false,
        ),
    ];
    if !has_owner {
        let owner = field("owner", [("en", "Owner"), ("zh-CN", "负责人"), ("de", "Zuständig")], user());
        fields.push(Field { index: true, default: Some(Default_::CurrentUser), ..owner });
    }
    fields.push(kept(
        "revision",
        [("en", "Revision"), ("zh-CN", "修订号"), ("de", "Revision")],
        number,
        true,
    ));
    fields.push(kept(
        "package_version",
        [("en", "Package Version"), ("zh-CN", "包版本"), ("de", "Paketversion")],
        text,
        true,
    ));
    fields
}

/// A lookup to the user, who can't be deleted while a record names him.
fn user() -> FieldKind {
    FieldKind::Lookup {
        target: ObjectName::from(USER),
        on_delete: DeleteBehavior::Restrict,
        owned: false,
        tree: false,
    }
}

fn field(name: &str, labels: [(&str, &str); 3], kind: FieldKind) -> Field {
    let declared = match &kind {
        FieldKind::Id => "id",
        FieldKind::Lookup { .. } => "lookup",
        FieldKind::DateTime => "datetime",
        FieldKind::Number { .. } => "number",
        _ => "text",
    };
    let labels = Labels(labels.map(|(locale, text)| (locale.to_owned(), text.to_owned())).into());
    Field { label: labels, system: true, ..Field::part(name, declared, kind, false) }
}
