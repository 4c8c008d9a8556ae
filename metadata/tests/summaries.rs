//! What kind of field each summary is, and what it is made of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::path::Path;

use quarry_metadata::{Bundle, Field, FieldKind, Registry, SummaryFunction};

const ORDER: &str = "
fields:
  name: { type: text }
  account_id: { type: lookup, reference: account }
  lines: { type: summary, summaryOperations: { object: line, function: count } }
  priced: { type: summary, summaryOperations: { object: line, function: count, field: price } }
  pieces: { type: summary, summaryOperations: { object: Line, function: SUM, field: quantity } }
  net: { type: summary, index: true, summaryOperations: { relation: lines_of_it, function: sum, field: net } }
  open: { type: summary, summaryOperations: { relation: lines_of_it, function: sum, field: net, filter: '!paid && net > 0' } }
  first: { type: summary, summaryOperations: { object: line, function: min, field: due } }
  last_code: { type: summary, index: true, summaryOperations: { object: line, function: max, field: code } }
  most: { type: summary, summaryOperations: { object: line, function: max, field: quantity } }
  mean: { type: summary, summaryOperations: { object: line, function: avg, field: quantity } }
  price: { type: summary, scale: 2, summaryOperations: { object: line, function: avg, field: price } }
  weight: { type: summary, summary_object: line, summary_field: weight, summary_type: sum }
  heavy: { type: formula, expression: weight > double(10) && lines > 1 }
  due: { type: formula, expression: first == null || first > today() }
";
const LINE: &str = "
fields:
  order_id: { type: master_detail, reference: order, reverseName: lines_of_it }
  quantity: { type: number, scale: 0, precision: 9, max: 100 }
  price: { type: currency, precision: 12, scale: 2, min: 0 }
  net: { type: formula, expression: quantity * price }
  weight: { type: number, dataType: float }
  paid: { type: boolean }
  due: { type: date }
  code: { type: text, minLength: 3, pattern: '[A-Z]+' }
";
const ACCOUNT: &str = "
fields:
  name: { type: text }
  total: { type: summary, summaryOperations: { object: order, function: sum, field: twice } }
  heaviest: { type: summary, summaryOperations: { object: order, function: max, field: weight } }
";

fn registry(order: &str) -> Result<Registry, quarry_metadata::Issues> {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/core");
    let mut bundles = Bundle::read(&[core]).unwrap();
    let files = [
        ("package.yml", "{ name: shop, version: 1.0.0, depends: { core: ^1.0 }, defaultCurrency: EUR }"),
        ("order.object.yml", order),
        ("line.object.yml", LINE),
        ("account.object.yml", ACCOUNT),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    bundles.push(Bundle::of_files("shop", &files).unwrap());
    Registry::compile(&bundles).map(|(registry, _)| registry)
}

fn digits(field: &Field) -> (u8, i8) {
    match &field.kind {
        FieldKind::Number { precision, scale, min: None, max: None, .. }
        | FieldKind::Currency { precision, scale, min: None, max: None, .. } => (*precision, *scale),
        other => panic!("{}: {other:?}", field.name),
    }
}

#[test]
fn each_is_of_the_kind_that_its_function_gives() {
    let registry = registry(&format!("{ORDER}  twice: {{ type: formula, expression: net * 2 }}\n")).unwrap();
    let order = registry.get("order").unwrap();
    let field = |name: &str| order.field(name).unwrap();
    for (name, expected) in [
        ("lines", (18, 0)),
        ("priced", (18, 0)),
        ("pieces", (18, 0)),
        ("most", (9, 0)),
        ("mean", (13, 4)),
        ("price", (12, 2)),
        ("net", (38, 2)),
    ] {
        assert_eq!(digits(field(name)), expected, "{name}");
    }
    assert_eq!(field("first").kind, FieldKind::Date);
    assert_eq!(
        field("last_code").kind,
        FieldKind::text(),
        "what the field asks for was asked of its records"
    );
    assert_eq!(field("weight").kind, FieldKind::Float { min: None, max: None });
    assert!(
        matches!(&field("price").kind, FieldKind::Currency { currency, .. } if currency.code.as_deref() == Some("EUR"))
    );
    for field in order.fields.values().filter(|field| field.summary.is_some()) {
        assert!(field.readonly && !field.required && field.declared == "summary", "{}", field.name);
    }
    assert!(order.indexes.iter().any(|index| index.name == "order_net_idx"));
    let total = registry.get("account").unwrap().field("total").unwrap();
    assert_eq!(digits(total).1, 2, "over a formula over a summary over a formula");
}

#[test]
fn what_it_reads_is_known() {
    let registry = registry(&format!("{ORDER}  twice: {{ type: formula, expression: net * 2 }}\n")).unwrap();
    let summary = |name: &str| registry.get("order").unwrap().field(name).unwrap().summary.clone().unwrap();
    let open = summary("open");
    assert_eq!((open.object.as_str(), open.lookup.as_str()), ("line", "order_id"));
    assert_eq!((open.function, open.field.as_ref().unwrap().as_str()), (SummaryFunction::Sum, "net"));
    assert_eq!(open.filter.as_ref().unwrap().source, "!paid && net > 0");
    let reads: Vec<String> = open.reads().iter().map(ToString::to_string).collect();
    assert_eq!(reads, ["price", "quantity", "paid"]);
    assert!(summary("lines").reads().is_empty());
}

#[test]
fn what_it_is_over_may_be_named_wrongly_in_a_formula() {
    let issues =
        registry(&format!("{ORDER}  twice: {{ type: formula, expression: nett * 2 }}\n")).unwrap_err();
    let told: Vec<_> = issues.0.iter().map(|issue| (issue.code, issue.place.path.as_str())).collect();
    assert_eq!(told, [("unknown-field", "fields.twice.expression")], "and nothing about what stands on it");
}
