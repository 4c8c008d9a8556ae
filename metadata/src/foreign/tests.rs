//! What is written is read as the same; names and words that stand for others.

#![allow(clippy::unwrap_used)]

use crate::{
    foreign::{
        expression::cel,
        names::{meant, snake_case},
        tree::{Step, steps},
        write::yaml,
    },
    yaml::{Content, Entry, Node, parse},
};

#[test]
fn names_of_every_spelling_become_snake_case() {
    for (given, expected) in [
        ("EmailTemplate", "email_template"),
        ("SLATemplate", "sla_template"),
        ("firstName", "first_name"),
        ("first-name", "first_name"),
        ("Closed Won", "closed_won"),
        ("p_d_f_url", "p_d_f_url"),
        ("address2", "address2"),
        ("__x__", "x"),
        ("../../etc/passwd", "etc_passwd"),
        ("/", "unnamed"),
    ] {
        assert_eq!(snake_case(given), expected, "{given}");
    }
    assert_eq!(meant("closed won", ["Closed Won", "closed_lost"].into_iter()), Some("Closed Won"));
    // What two are meant by is neither.
    assert_eq!(meant("a b", ["a_b", "ab"].into_iter()), None);
}

#[test]
fn expressions_of_every_dialect_become_cel() {
    let fields = ["stage", "amount", "due_date"];
    for (given, expected) in [
        ("amount * 2", "amount * 2"),
        ("{amount} * 2", "amount * 2"),
        ("due_date < $today && Stage !== 'x'", "due_date < today() && stage != 'x'"),
        ("amount === 1", "amount == 1"),
        ("stage.toUpperCase()", "stage.upper()"),
        ("stage = \"{amount}\" AND amount > 1", "stage == \"{amount}\" && amount > 1"),
        ("CONCATENATE(stage, ' ')", "(coalesce(stage, \"\") + \" \")"),
        ("record.amount > $current_user.limit", "record.amount > user.limit"),
    ] {
        let written = cel(&Node::of_text(1, given), fields.into_iter()).map(|written| written.text);
        assert_eq!(written.as_deref(), Ok(expected), "{given}");
    }
    assert!(cel(&Node::of_text(1, "if (a) { return 1; }"), fields.into_iter()).is_err());
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let text = |text: &str| Content::Text(text.to_owned());
    let node = |content| Node { line: 1, content };
    let texts = [
        "plain",
        "true",
        "1.0",
        "~",
        "",
        " edge ",
        "a: b",
        "a # b",
        "- x",
        "\"q\" \\ '",
        "zwei\nZeilen\t",
        "客户 🔥",
        "{a}",
        "null",
        "@x",
        "%x",
        "*x",
        "&x",
        "!x",
        "|",
        ">",
        "?",
        ":",
        "-",
        "a,b",
        "[a]",
        "\u{7}\u{2028}",
        "key:",
        "1e5",
        "0x1F",
        "..",
    ];
    let entries = |contents: Vec<Content>| -> Vec<Entry> {
        contents
            .into_iter()
            .enumerate()
            .map(|(at, content)| Entry {
                key: format!("{}{at}", texts[at % texts.len()]),
                line: 1,
                value: node(content),
            })
            .collect()
    };
    let scalars: Vec<Content> = texts
        .iter()
        .map(|t| text(t))
        .chain([Content::Null, Content::Boolean(true), Content::Number("1.50".to_owned())])
        .collect();
    let list = Content::List(scalars.iter().cloned().map(node).collect());
    let inner = Content::Map(entries(scalars.clone()));
    let of_maps = Content::List(vec![
        node(inner.clone()),
        node(Content::Map(entries(vec![Content::Null]))),
        node(Content::List(Vec::new())),
    ]);
    let root = node(Content::Map(entries(vec![list, inner, of_maps, Content::Map(Vec::new())])));
    let written = yaml(&root);
    assert_eq!(stripped(&parse(&written).unwrap()), stripped(&root), "{written}");
}

/// Without lines.
fn stripped(node: &Node) -> Node {
    let content = match &node.content {
        Content::List(items) => Content::List(items.iter().map(stripped).collect()),
        Content::Map(entries) => Content::Map(
            entries
                .iter()
                .map(|e| Entry { key: e.key.clone(), line: 1, value: stripped(&e.value) })
                .collect(),
        ),
        other => other.clone(),
    };
    Node { line: 1, content }
}

#[test]
fn a_path_finds_keys_with_points_in_them() {
    let root = parse("a:\n  b.c: [1, {d: 2}]\n").unwrap();
    let path = steps("a.b.c[1].d", &root);
    let key = |key: &str| Step::Key(key.to_owned());
    assert_eq!(path, [key("a"), key("b.c"), Step::Item(1), key("d")]);
    assert_eq!(root.at(&path).map(|node| node.content.clone()), Some(Content::Number("2".to_owned())));
}
