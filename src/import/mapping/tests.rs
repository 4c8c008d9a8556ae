//! What a mapping may say, and that every mistake in it is named with its place.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn parse(text: &str) -> Result<Mapping, Vec<String>> {
    Mapping::parse(Path::new("m.yml"), text)
        .map_err(|issues| issues.0.iter().map(ToString::to_string).collect())
}

#[test]
fn the_mapping_of_the_sales_pipeline_is_read() {
    let mapping = Mapping::read(Path::new("packages/sales_pipeline/import.yml")).unwrap();
    let names: Vec<_> = mapping.files.iter().map(|file| (file.file.as_str(), file.object.as_str())).collect();
    assert_eq!(
        names,
        [
            ("sales_teams.csv", "sales_agent"),
            ("products.csv", "item"),
            ("accounts.csv", "client"),
            ("sales_pipeline.csv", "deal")
        ]
    );
    assert_eq!(mapping.aliases["products"]["GTXPro"], "GTX Pro");
    let clients = &mapping.files[2];
    let own: Vec<_> =
        clients.columns.iter().filter(|c| clients.refers_to_itself(c)).map(|c| &c.column).collect();
    assert_eq!(own, ["subsidiary_of"]);
}

#[test]
fn a_short_mapping_gets_its_defaults() {
    let mapping = parse(
        "version: 1\nfiles:\n  - { file: a.tsv, object: item, key: [sku], columns: { SKU: sku }, set: { active: true, n: 1.50 } }",
    )
    .unwrap();
    let file = &mapping.files[0];
    assert_eq!(file.format, Format::Csv { delimiter: b'\t' });
    assert_eq!(file.nulls, [""]);
    assert_eq!(file.columns[0].empty, WhenEmpty::Clear);
    assert_eq!(file.set[1].1.to_string(), "1.50");
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let text = "\
version: 2
aliases:
  products: { GTXPro: [GTX] }
files:
  - file: data/a.csv
    object: item
    key: [product_nam]
    columns:
      product: { field: product_name, alias: product, transfrom: [trim] }
      series: { field: product_name, transform: [trimm], empty: ignore }
      price: { reference: { object: item } }
  - file: b.xls
    object: item
    key: [sku]
    columns: { sku: sku }
  - 5
";
    let found = parse(text).unwrap_err();
    for expected in [
        "m.yml:1: version: the only version so far is 1 [wrong-value]",
        "m.yml:3: aliases.products.GTXPro: text is needed, not a list [wrong-type]",
        "m.yml:5: files.0.file: a file's name stands without its folder [wrong-value]",
        "m.yml:5: files.0.key: the key field `product_nam` is filled from no column; did you mean `product_name`? [unknown-field]",
        "m.yml:9: files.0.columns.product.transfrom: unknown property `transfrom`; did you mean `transform`? [unknown-property]",
        "m.yml:5: files: `data/a.csv` uses an alias table `product` that is not declared; did you mean `products`? [unknown-alias]",
        "m.yml:11: files.0.columns.price.field: `field` is missing [missing-property]",
        "m.yml:13: files.1.format: the name `b.xls` doesn't say how it is written; add `format` [missing-property]",
        "m.yml:16: files.2: a mapping is needed, not a number [wrong-type]",
    ] {
        let expected = expected.split_once(": ").unwrap().1;
        assert!(
            found.iter().any(|issue| issue.ends_with(expected)),
            "missing: {expected}\nfound: {found:#?}"
        );
    }
    assert!(found.iter().any(|issue| issue.contains("did you mean `trim`?")), "{found:#?}");
    assert!(
        found.iter().any(|issue| issue.contains("`ignore` is not one of clear, count, leave, refuse")),
        "{found:#?}"
    );
}

#[test]
fn what_can_not_work_is_refused() {
    for (text, code) in [
        ("", "wrong-type"),
        ("version: 1", "missing-property"),
        ("version: 1\nfiles: []", "empty"),
        (
            "version: 1\nversion: 1\nfiles: [{ file: a.csv, object: o, key: [k], columns: { k: k } }]",
            "duplicate-key",
        ),
        (
            "version: 1\nfiles: [{ file: a.csv, object: o, key: [k], columns: { k: k, l: k } }]",
            "duplicate-field",
        ),
        (
            "version: 1\nfiles: [{ file: a.csv, object: o, key: [k], columns: { k: k }, ignore: [k] }]",
            "duplicate-column",
        ),
        (
            "version: 1\nfiles: [{ file: a.csv, object: o, key: [k], columns: { k: { field: k, date: '%Q' } } }]",
            "wrong-value",
        ),
        (
            "version: 1\nfiles: [{ file: a.csv, object: o, key: [k], delimiter: ';;', columns: { k: k } }]",
            "wrong-value",
        ),
        (
            "version: 1\nfiles: [{ file: a.csv, object: o, key: [k], columns: { k: { field: k, reference: { object: o, by: k } } } }]",
            "wrong-value",
        ),
    ] {
        let found = parse(text).unwrap_err();
        assert!(found.iter().any(|issue| issue.ends_with(&format!("[{code}]"))), "{text}\n{found:#?}");
    }
}
