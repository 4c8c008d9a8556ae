//! Selects whose type names would be those of other types.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::PathBuf, sync::Arc};

use quarry_metadata::Registry;
use quarry_planner::Views;

#[test]
fn selects_never_break_the_schema() {
    let package = tempfile::tempdir().unwrap();
    let select = "{ type: select, options: [yes, no] }";
    let object = |label: &str, fields: &[&str]| {
        let fields: String = fields.iter().map(|field| format!("  {field}: {select}\n")).collect();
        format!("label: {label}\nnameField: name\nfields:\n  name: {{ type: text }}\n{fields}")
    };
    let files = [
        ("package.yml", "name: rooms\nversion: 1.0.0\nlabel: Rooms\ndepends: { core: ^1.0 }\n".to_owned()),
        (
            "interview.object.yml",
            object("Interview", &["result", "result_enum", "input", "outcome_kind", "mood"]),
        ),
        ("interview_outcome.object.yml", object("Outcome", &["kind"])),
        ("interview_mood_filter.object.yml", object("Mood Filter", &[])),
    ];
    for (name, text) in files {
        fs::write(package.path().join(name), text).unwrap();
    }
    let core = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../packages/core");
    let registry =
        Registry::load(&[core, package.path().to_owned()]).unwrap_or_else(|issues| panic!("{issues}"));
    let sdl = crate::sdl(&Views::new(Arc::new(registry))).unwrap();
    let enums: Vec<&str> = sdl.lines().filter_map(|line| line.strip_prefix("enum Interview")).collect();
    let wanted = [
        "ResultEnum {",
        "ResultEnumEnum {",
        "InputEnum {",
        "OutcomeKind {",
        "MoodEnum {",
        "OutcomeKindEnum {",
    ];
    for name in wanted {
        assert_eq!(enums.iter().filter(|found| **found == name).count(), 1, "{name} in {enums:?}");
    }
}

#[test]
fn parameters_of_actions_and_types_of_references_are_enums() {
    let package = tempfile::tempdir().unwrap();
    let files = [
        ("package.yml", "name: rooms\nversion: 1.0.0\ndepends: { core: ^1.0 }\n"),
        (
            "room.object.yml",
            "fields:\n  name: { type: text }\n  held_by: { type: lookup, reference: [room, user], reverseName: held }\n",
        ),
        (
            "room.action.yml",
            "actions:\n  - name: book\n    parameters:\n      how: { type: select, options: [part, whole], default: whole }\n      days: { type: multiselect, options: [mon, tue] }\n      place: { type: address }\n    steps:\n      - update: { path: this, values: { name: parameters.how } }\n",
        ),
    ];
    for (name, text) in files {
        fs::write(package.path().join(name), text).unwrap();
    }
    let core = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../packages/core");
    let registry =
        Registry::load(&[core, package.path().to_owned()]).unwrap_or_else(|issues| panic!("{issues}"));
    let sdl = crate::sdl(&Views::new(Arc::new(registry))).unwrap();
    let block = |head: &str| -> String {
        let lines = sdl.lines().skip_while(|line| *line != head).skip(1).take_while(|line| *line != "}");
        lines.map(str::trim).filter(|line| !line.starts_with('"')).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(block("enum BookRoomActionHow {"), "part whole");
    assert_eq!(block("enum BookRoomActionDays {"), "mon tue");
    let input = block("input BookRoomActionInput {");
    assert_eq!(input, "how: BookRoomActionHow days: [BookRoomActionDays!] place: JSON");
    assert_eq!(block("enum RoomHeldByType {"), "Room room User user", "each behind its label");
    let fields = block("type Room implements Node {") + &block("type Room {");
    for field in ["heldBy: ID", "heldByType: RoomHeldByType", "heldByRoom: Room", "heldByUserId: ID"] {
        assert!(fields.contains(field), "{field} in {fields}");
    }
    assert!(block("input RoomInput {").contains("heldByType: RoomHeldByType"));
}
