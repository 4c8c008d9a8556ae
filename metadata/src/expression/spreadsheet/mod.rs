//! The spreadsheet-like and SQL-like dialects that older packages of this family use, written out in CEL:
//! `status = "New" AND owner = NULL`, `ISCHANGED(stage)`, `CASE WHEN … END`, `TODAY() - 7`, `CONCATENATE(a, " ", b)`.
//!
//! A text is read so when it is no CEL; what it was read as is told in a warning, and judged as if it had been written.

mod words;

use words::{Word, words};

/// Expressions within expressions.
const DEPTH_MAX: usize = 24;

/// The same expression in CEL; none for what is not one of these dialects.
pub(super) fn in_cel(text: &str) -> Option<String> {
    let words = words(text)?;
    let mut reader = Reader { words: &words, at: 0, depth: 0 };
    let read = reader.either()?;
    (reader.at == words.len()).then_some(read.text)
}

/// A part in CEL.
struct Part {
    text: String,
    /// It is a day or instant, to which days are added as numbers.
    is_moment: bool,
}

impl Part {
    fn new(text: impl Into<String>) -> Part {
        Part { text: text.into(), is_moment: false }
    }
}

struct Reader<'a> {
    words: &'a [Word],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<&Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// Takes a sign or a keyword, whatever its case.
    fn takes(&mut self, wanted: &str) -> bool {
        let found = match self.words.get(self.at) {
            Some(Word::Sign(sign)) => *sign == wanted,
            Some(Word::Name(name)) => name.eq_ignore_ascii_case(wanted),
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    fn must_take(&mut self, wanted: &str) -> Option<()> {
        self.takes(wanted).then_some(())
    }

    fn either(&mut self) -> Option<Part> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let mut left = self.both()?;
        while self.takes("OR") || self.takes("||") {
            left = Part::new(format!("{} || {}", left.text, self.both()?.text));
        }
        self.depth -= 1;
        Some(left)
    }

    fn both(&mut self) -> Option<Part> {
        let mut left = self.negated()?;
        while self.takes("AND") || self.takes("&&") {
            left = Part::new(format!("{} && {}", left.text, self.negated()?.text));
        }
        Some(left)
    }

    fn negated(&mut self) -> Option<Part> {
        let mut times = 0;
        while self.takes("NOT") || self.takes("!") {
            times += 1;
        }
        let inner = self.compared()?;
        Some(if times % 2 == 1 { Part::new(format!("!({})", inner.text)) } else { inner })
    }

    fn compared(&mut self) -> Option<Part> {
        let left = self.sum()?;
        let signs = [
            ("<>", "!="),
            ("!=", "!="),
            ("==", "=="),
            ("=", "=="),
            ("<=", "<="),
            (">=", ">="),
            ("<", "<"),
            (">", ">"),
        ];
        if let Some((_, cel)) = signs.iter().find(|(sign, _)| self.takes(sign)) {
            return Some(Part::new(format!("{} {cel} {}", left.text, self.sum()?.text)));
        }
        if self.takes("IS") {
            let sign = if self.takes("NOT") { "!=" } else { "==" };
            self.must_take("NULL")?;
            return Some(Part::new(format!("{} {sign} null", left.text)));
        }
        let negated = self.takes("NOT");
        if self.takes("IN") {
            self.must_take("(")?;
            let list = self.list()?.join(", ");
            let within = format!("{} in [{list}]", left.text);
            return Some(Part::new(if negated { format!("!({within})") } else { within }));
        }
        (!negated).then_some(left)
    }

    fn sum(&mut self) -> Option<Part> {
        let mut left = self.product()?;
        loop {
            let sign = match () {
                () if self.takes("+") => "+",
                () if self.takes("-") => "-",
                () if self.takes("&") => "&",
                () => return Some(left),
            };
            let right = self.product()?;
            left = match (sign, left.is_moment, right.text.parse::<u32>()) {
                ("+", true, Ok(days)) => {
                    Part { text: format!("addDays({}, {days})", left.text), is_moment: true }
                }
                ("-", true, Ok(days)) => {
                    Part { text: format!("addDays({}, -{days})", left.text), is_moment: true }
                }
                ("&", ..) => Part::new(format!("{} + {}", left.text, right.text)),
                _ => Part::new(format!("{} {sign} {}", left.text, right.text)),
            };
        }
    }

    fn product(&mut self) -> Option<Part> {
        let mut left = self.single()?;
        loop {
            let sign = match () {
                () if self.takes("*") => "*",
                () if self.takes("/") => "/",
                () => return Some(left),
            };
            left = Part::new(format!("{} {sign} {}", left.text, self.single()?.text));
        }
    }

    fn single(&mut self) -> Option<Part> {
        if self.takes("-") {
            return Some(Part::new(format!("-{}", self.single()?.text)));
        }
        if self.takes("(") {
            let inner = self.either()?;
            self.must_take(")")?;
            return Some(Part { text: format!("({})", inner.text), ..inner });
        }
        if self.takes("CASE") {
            return self.cases();
        }
        match self.next()?.clone() {
            Word::Text(text) => Some(Part::new(format!("{text:?}"))),
            Word::Number(number) => Some(Part::new(number)),
            Word::Name(name) if self.takes("(") => {
                let arguments = self.list()?;
                self.function(&name, &arguments)
            }
            Word::Name(name) => Some(Part::new(match name.to_ascii_uppercase().as_str() {
                "NULL" | "TRUE" | "FALSE" => name.to_ascii_lowercase(),
                _ => name,
            })),
            Word::Sign(_) => None,
        }
    }

    /// What stands in brackets, up to the one that closes.
    fn list(&mut self) -> Option<Vec<String>> {
        let mut items = Vec::new();
        if self.takes(")") {
            return Some(items);
        }
        loop {
            items.push(self.either()?.text);
            if self.takes(")") {
                return Some(items);
            }
            self.must_take(",")?;
        }
    }

    /// `CASE WHEN a THEN b WHEN c THEN d ELSE e END`.
    fn cases(&mut self) -> Option<Part> {
        let mut cases = Vec::new();
        while self.takes("WHEN") {
            let condition = self.either()?;
            self.must_take("THEN")?;
            cases.push((condition.text, self.either()?.text));
        }
        let otherwise = if self.takes("ELSE") { self.either()?.text } else { "null".to_owned() };
        self.must_take("END")?;
        let all = cases.into_iter().rev().fold(otherwise, |rest, (condition, then)| {
            // A condition on nothing is not met there.
            format!("(coalesce({condition}, false) ? {then} : {rest})")
        });
        Some(Part::new(all))
    }

    fn function(&self, name: &str, arguments: &[String]) -> Option<Part> {
        let upper = name.to_ascii_uppercase();
        let all = arguments.join(", ");
        let text = match (upper.as_str(), arguments) {
            ("TODAY" | "NOW", []) => {
                return Some(Part { text: format!("{}()", name.to_ascii_lowercase()), is_moment: true });
            }
            ("ISCHANGED", [field]) => format!("changed({field:?})"),
            ("PRIORVALUE", [field]) => format!("old.{field}"),
            ("ISNEW", []) => "old == null".to_owned(),
            ("ISNULL", [value]) => format!("({value} == null)"),
            ("NOT", [value]) => format!("!({value})"),
            ("IF", [condition, then, otherwise]) => {
                format!("(coalesce({condition}, false) ? {then} : {otherwise})")
            }
            ("AND", [_, ..]) => format!("({})", arguments.join(" && ")),
            ("OR", [_, ..]) => format!("({})", arguments.join(" || ")),
            ("CONCATENATE" | "CONCAT", [_, ..]) => {
                let parts: Vec<_> = arguments.iter().map(|part| filled(part)).collect();
                format!("({})", parts.join(" + "))
            }
            ("LEN" | "LENGTH", [value]) => format!("size({value})"),
            ("CEILING", [value]) => format!("ceil({value})"),
            ("ISBLANK", [_]) => format!("isBlank({all})"),
            ("BLANKVALUE" | "IFNULL" | "NULLVALUE", [_, _]) => format!("coalesce({all})"),
            (
                "UPPER" | "LOWER" | "TRIM" | "ABS" | "ROUND" | "FLOOR" | "MIN" | "MAX" | "YEAR" | "MONTH"
                | "DAY" | "COALESCE",
                _,
            ) => {
                format!("{}({all})", name.to_ascii_lowercase())
            }
            _ => format!("{name}({all})"),
        };
        Some(Part::new(text))
    }
}

/// Nothing is an empty text where texts are put together.
fn filled(part: &str) -> String {
    if part.starts_with('"') { part.to_owned() } else { format!("coalesce({part}, \"\")") }
}

#[cfg(test)]
mod tests;
