//! A made-up person's name, in the way of their culture.

use super::{
    company::entry,
    draw::Draw,
    words::{Culture, words},
};

/// A person.
#[derive(Clone, Debug)]
pub struct Person {
    /// Given name.
    pub first: &'static str,
    /// Family name.
    pub last: &'static str,
    /// Given name as an address has it.
    first_address: &'static str,
    /// Family name as an address has it.
    last_address: &'static str,
    culture: Culture,
}

impl Person {
    /// Someone, by chance.
    pub fn any(draw: &mut Draw, culture: Culture) -> Person {
        let words = words(culture);
        Self::new(culture, draw.pick(words.first), draw.pick(words.last))
    }

    /// Someone by number: no name comes twice before all have come once.
    pub fn numbered(culture: Culture, number: u64) -> Person {
        let words = words(culture);
        Self::new(culture, entry(words.first, number), entry(words.last, number))
    }

    fn new(
        culture: Culture,
        first: (&'static str, &'static str),
        last: (&'static str, &'static str),
    ) -> Person {
        Person { first: first.0, last: last.0, first_address: first.1, last_address: last.1, culture }
    }

    /// Both names in their order.
    pub fn name(&self) -> String {
        match self.culture {
            Culture::Chinese => format!("{}{}", self.last, self.first),
            _ => format!("{} {}", self.first, self.last),
        }
    }

    /// What stands before the @; `again` above 1 tells namesakes apart.
    pub fn mailbox(&self, again: u64) -> String {
        let number = if again > 1 { again.to_string() } else { String::new() };
        format!("{}.{}{number}", self.first_address, self.last_address)
    }
}
