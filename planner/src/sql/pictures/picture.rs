//! What a picture asks for: PostgreSQL's words (its manual, 9.8), each with what stands before and behind it, and letters as they are.

/// A picture, word by word.
pub(super) struct Picture(pub(super) Vec<Part>);

/// A part of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// To be filled in.
    Word(Word),
    /// To be left.
    Letter(char),
}

/// A word, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Word {
    pub(super) what: What,
    pub(super) casing: Casing,
    /// `FM`: without blanks and zeros that fill it.
    pub(super) is_bare: bool,
    /// `TM`: names without blanks. The names themselves are English, as in PostgreSQL's own locale.
    pub(super) is_local: bool,
    pub(super) ending: Ending,
}

/// `AM`, `Am` and `am`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Casing {
    Upper,
    Title,
    Lower,
}

/// `TH` and `th`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ending {
    None,
    Upper,
    Lower,
}

/// What there is to be told.
#[derive(Clone, Copy, Debug, PartialEq)]
#[rustfmt::skip]
pub(super) enum What {
    Era { has_points: bool }, HalfDay { has_points: bool },
    Century, ThousandsOfYears, Year { digits: u8 }, IsoYear { digits: u8 }, Quarter,
    Month, MonthName, MonthShort, RomanMonth,
    WeekOfYear, WeekOfMonth, IsoWeek,
    DayOfYear, IsoDayOfYear, DayOfMonth, DayOfWeek, IsoDayOfWeek, DayName, DayShort, Julian,
    Hour12, Hour24, Minute, Second, SecondOfDay, Fraction { digits: u8 },
    ZoneName, ZoneHours, ZoneMinutes, Offset,
    /// `FX`, which says something of reading only.
    Exact,
}

/// The words in upper case, longer ones before those that they begin with.
#[rustfmt::skip]
const WORDS: &[(&str, What)] = &[
    ("A.D.", What::Era { has_points: true }), ("A.M.", What::HalfDay { has_points: true }),
    ("AD", What::Era { has_points: false }), ("AM", What::HalfDay { has_points: false }),
    ("B.C.", What::Era { has_points: true }), ("BC", What::Era { has_points: false }),
    ("CC", What::Century),
    ("DAY", What::DayName), ("DDD", What::DayOfYear), ("DD", What::DayOfMonth), ("DY", What::DayShort),
    ("D", What::DayOfWeek),
    ("FF1", What::Fraction { digits: 1 }), ("FF2", What::Fraction { digits: 2 }),
    ("FF3", What::Fraction { digits: 3 }), ("FF4", What::Fraction { digits: 4 }),
    ("FF5", What::Fraction { digits: 5 }), ("FF6", What::Fraction { digits: 6 }), ("FX", What::Exact),
    ("HH24", What::Hour24), ("HH12", What::Hour12), ("HH", What::Hour12),
    ("IDDD", What::IsoDayOfYear), ("ID", What::IsoDayOfWeek), ("IW", What::IsoWeek),
    ("IYYY", What::IsoYear { digits: 4 }), ("IYY", What::IsoYear { digits: 3 }),
    ("IY", What::IsoYear { digits: 2 }), ("I", What::IsoYear { digits: 1 }),
    ("J", What::Julian),
    ("MI", What::Minute), ("MM", What::Month), ("MONTH", What::MonthName), ("MON", What::MonthShort),
    ("MS", What::Fraction { digits: 3 }),
    ("OF", What::Offset),
    ("P.M.", What::HalfDay { has_points: true }), ("PM", What::HalfDay { has_points: false }),
    ("Q", What::Quarter),
    ("RM", What::RomanMonth),
    ("SSSSS", What::SecondOfDay), ("SSSS", What::SecondOfDay), ("SS", What::Second),
    ("TZH", What::ZoneHours), ("TZM", What::ZoneMinutes), ("TZ", What::ZoneName),
    ("US", What::Fraction { digits: 6 }),
    ("WW", What::WeekOfYear), ("W", What::WeekOfMonth),
    ("Y,YYY", What::ThousandsOfYears), ("YYYY", What::Year { digits: 4 }), ("YYY", What::Year { digits: 3 }),
    ("YY", What::Year { digits: 2 }), ("Y", What::Year { digits: 1 }),
];

/// The words that have a capital letter and small ones.
const TITLES: &[(&str, What)] =
    &[("Day", What::DayName), ("Dy", What::DayShort), ("Month", What::MonthName), ("Mon", What::MonthShort)];

impl Picture {
    /// Takes a picture apart. There is none that is wrong: what is no word is left as it is.
    pub(super) fn of(text: &str) -> Picture {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (is_bare, is_local, behind) = before(rest);
            rest = behind;
            if let Some((what, casing, behind)) = word(rest) {
                let (ending, behind) = ending(behind);
                parts.push(Part::Word(Word { what, casing, is_bare, is_local, ending }));
                rest = behind;
                continue;
            }
            rest = match rest.strip_prefix('"') {
                Some(quoted) => quoted_letters(quoted, &mut parts),
                None => one_letter(rest, &mut parts),
            };
        }
        Picture(parts)
    }
}

/// `FM` or `TM` before a word, and what comes behind.
fn before(text: &str) -> (bool, bool, &str) {
    let strip = |of: [&str; 2]| of.into_iter().find_map(|prefix| text.strip_prefix(prefix));
    match (strip(["FM", "fm"]), strip(["TM", "tm"])) {
        (Some(behind), _) => (true, false, behind),
        (_, Some(behind)) => (false, true, behind),
        _ => (false, false, text),
    }
}

/// The longest word that a text begins with, and what comes behind.
fn word(text: &str) -> Option<(What, Casing, &str)> {
    for (title, what) in TITLES {
        if let Some(behind) = text.strip_prefix(title) {
            return Some((*what, Casing::Title, behind));
        }
    }
    WORDS.iter().find_map(|(word, what)| {
        let (begin, behind) = text.split_at_checked(word.len())?;
        let casing = match begin {
            begin if begin == *word => Casing::Upper,
            begin if begin == word.to_ascii_lowercase() => Casing::Lower,
            _ => return None,
        };
        Some((*what, casing, behind))
    })
}

/// `TH`, `th` and `SP` behind a word; the last of them does nothing, in PostgreSQL neither.
fn ending(text: &str) -> (Ending, &str) {
    for (suffix, ending) in [("TH", Ending::Upper), ("th", Ending::Lower), ("SP", Ending::None)] {
        if let Some(behind) = text.strip_prefix(suffix) {
            return (ending, behind);
        }
    }
    (Ending::None, text)
}

/// Letters up to the closing quote; a backslash takes the next one as it is.
fn quoted_letters<'a>(text: &'a str, parts: &mut Vec<Part>) -> &'a str {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            '"' => break,
            '\\' => letters.next().unwrap_or(letter),
            letter => letter,
        };
        parts.push(Part::Letter(letter));
    }
    letters.as_str()
}

/// One letter; a backslash before a quote is left out.
fn one_letter<'a>(text: &'a str, parts: &mut Vec<Part>) -> &'a str {
    let mut letters = text.strip_prefix('\\').filter(|rest| rest.starts_with('"')).unwrap_or(text).chars();
    parts.extend(letters.next().map(Part::Letter));
    letters.as_str()
}
