//! The formats of the text family, checked for what keeps people and programs from using a value, not for what exists.
//!
//! | format | accepted |
//! |---|---|
//! | email | `local@domain`: one `@`, no spaces or control characters, local part up to 64 bytes, domain of dot-separated labels of letters, digits and inner hyphens (any alphabet) |
//! | url | `http://`, `https://` or `ftp://`, then a host, no spaces or control characters |
//! | phone | at least 3 digits, with `+ ( ) - . / #`, spaces, `x` and `ext` between them, up to 40 characters |
//! | color | `#rgb`, `#rgba`, `#rrggbb` or `#rrggbbaa` |
//!
//! Every other text may hold anything.

use quarry_metadata::TextFormat;

use super::draft::Fault;

/// What is wrong with a text of a format.
pub(super) fn fault(format: TextFormat, text: &str) -> Option<Fault> {
    let (right, code, message) = match format {
        TextFormat::Email => {
            (is_email(text), "invalid_email", "an e-mail address looks like name@example.com")
        }
        TextFormat::Url => {
            (is_url(text), "invalid_url", "an address on the web begins with https:// or http://")
        }
        TextFormat::Phone => {
            (is_phone(text), "invalid_phone", "a phone number is made of digits, spaces and + ( ) - . / #")
        }
        TextFormat::Color => (is_color(text), "invalid_format", "a color looks like #1e90ff"),
        TextFormat::Text
        | TextFormat::TextArea
        | TextFormat::Markdown
        | TextFormat::Html
        | TextFormat::RichText
        | TextFormat::Code => return None,
    };
    (!right).then(|| Fault::new(code, message))
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let label = |label: &str| {
        let inner = |c: char| c.is_alphanumeric() || c == '-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(inner)
    };
    let quiet = |c: char| !c.is_whitespace() && !c.is_control() && !"@<>()[],;:\\\"".contains(c);
    (1..=64).contains(&local.len())
        && local.chars().all(quiet)
        && domain.len() <= 253
        && domain.split('.').all(label)
}

fn is_url(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let Some(scheme) = ["https://", "http://", "ftp://"].into_iter().find(|scheme| lower.starts_with(scheme))
    else {
        return false;
    };
    let rest = text.get(scheme.len()..).unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty()
        && !host.starts_with([':', '.'])
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let plain = text.to_ascii_lowercase().replace("ext", "");
    let allowed = |c: char| c.is_ascii_digit() || "+()-./# x".contains(c);
    digits >= 3 && text.chars().count() <= 40 && plain.chars().all(allowed)
}

fn is_color(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('#') else { return false };
    matches!(digits.len(), 3 | 4 | 6 | 8) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
