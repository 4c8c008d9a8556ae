//! `precision`, which most packages of this family mean as digits behind the point.

use crate::{
    foreign::pen::Pen,
    yaml::{Content, Node},
};

/// From so many on, `precision` alone is read as SQL reads it: digits in all.
const DIGITS_IN_ALL_MIN: u32 = 11;

/// Writes the digits behind the point as `scale`.
pub(super) fn digits(field: &mut Node, pen: &mut Pen<'_>) {
    of_currency(field, pen);
    let Some(precision) = field.get("precision").cloned() else { return };
    let Some(digits) = precision.said().and_then(|text| text.parse::<u32>().ok()) else { return };
    if field.get("scale").is_some() {
        return;
    }
    if digits >= DIGITS_IN_ALL_MIN {
        let scale = if field.text_of("type") == Some("currency") { "2" } else { "0" };
        let to = format!("precision: {digits}, scale: {scale}");
        pen.mapped("precision", &precision, &to, "so many digits are meant in all");
        field.set("scale", Node::new(precision.line, Content::Number(scale.to_owned())));
        return;
    }
    field.remove("precision");
    pen.mapped("precision", &precision, &format!("scale: {digits}"), "digits behind the point");
    field.set("scale", Node::new(precision.line, Content::Number(digits.to_string())));
}

/// `currencyConfig.precision` beside digits of the field's own.
fn of_currency(field: &mut Node, pen: &mut Pen<'_>) {
    let own = field.any(&["scale", "precision"]).and_then(Node::said);
    let (Some(own), Some(mut config)) = (own, field.get("currencyConfig").cloned()) else { return };
    let Some(digits) = config.remove("precision") else { return };
    match digits.said().as_deref() == Some(own.as_str()) {
        true => pen.mapped("currencyConfig.precision", &digits, "scale", "the field says it"),
        false => pen.left_out("currencyConfig.precision", &digits, "the field says other digits"),
    }
    field.remove("currencyConfig");
    if !config.entries().is_empty() {
        field.set("currencyConfig", config);
    }
}
