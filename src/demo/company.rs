//! A made-up company, known by its number alone: name, address and size are the same wherever it is asked for.

use super::{
    draw::{Draw, rounded},
    words::{CULTURES, City, Culture, words},
};

/// A company.
#[derive(Clone, Debug)]
pub struct Company {
    /// Where its people are from.
    pub culture: Culture,
    /// Its name; no other number has it.
    pub name: String,
    /// Its internet domain; no other number has it.
    pub domain: String,
    /// The value of `industry`.
    pub industry: &'static str,
    /// Where it is.
    pub city: City,
    /// Its street and house number.
    pub street: String,
    /// Its postal code.
    pub postal_code: String,
    /// Its telephone number.
    pub phone: String,
    /// How many work there.
    pub employees: i64,
    /// A year's revenue in whole units of money.
    pub revenue: i64,
}

impl Company {
    /// Company number `number`; a larger `size` makes larger companies.
    pub fn of(seed: u64, number: u64, size: f64) -> Company {
        let mut draw = Draw::of(seed, "company", number);
        let culture = draw.weighted(CULTURES);
        let words = words(culture);
        let (root, root_address) = entry(words.roots, number);
        let (trade, trade_address, industry) = entry(words.trades, number);
        let round = number / (count(words.roots) * count(words.trades));
        let city = if round == 0 && culture != Culture::Chinese {
            draw.pick(words.cities)
        } else {
            entry(words.cities, round)
        };
        let again = round / count(words.cities);
        let form = draw.pick(words.forms);
        let number_text = if again == 0 { String::new() } else { format!(" {}", again + 1) };
        let name = match (culture, round) {
            (Culture::Chinese, _) => format!("{}{root}{trade}{}{form}", city.name, number_text.trim_start()),
            (_, 0) => format!("{root} {trade} {form}"),
            _ => format!("{root} {trade} {}{number_text} {form}", city.name),
        };
        let domain = match round {
            0 => format!("{root_address}-{trade_address}.example"),
            _ => format!("{root_address}-{trade_address}{}.example", round + 1),
        };
        let employees = rounded(draw.around(90.0 * size, 3.2));
        let revenue = rounded(draw.around(employees as f64 * 160_000.0, 1.7));
        let house = draw.between(1, 180);
        let street = match culture {
            Culture::English => format!("{house} {}", draw.pick(words.streets)),
            Culture::German => format!("{} {house}", draw.pick(words.streets)),
            Culture::Chinese => format!("{}{house}号", draw.pick(words.streets)),
        };
        let postal_code = postal_code(&mut draw, &city);
        let phone = phone(&mut draw, &city);
        Company { culture, name, domain, industry, city, street, postal_code, phone, employees, revenue }
    }
}

/// A telephone number in a city.
pub fn phone(draw: &mut Draw, city: &City) -> String {
    format!("{} {:03} {:04}", city.phone, draw.between(200, 989), draw.between(0, 9_999))
}

fn postal_code(draw: &mut Draw, city: &City) -> String {
    let digits = match city.country {
        "Germany" | "United States" => 5,
        "China" => 6,
        "Austria" | "Switzerland" | "Australia" => 4,
        _ => {
            return format!(
                "{}{}{}{}",
                city.postal,
                draw.between(1, 9),
                draw.pick(&["A", "B", "L", "R"]),
                draw.between(1, 9)
            );
        }
    };
    let missing = digits - city.postal.len();
    let number: String =
        (0..missing).map(|_| char::from(b'0' + u8::try_from(draw.below(10)).unwrap_or(0))).collect();
    format!("{}{number}", city.postal)
}

/// The entry of a table for a number that counts round and round.
pub fn entry<T: Copy>(table: &[T], number: u64) -> T {
    let index = usize::try_from(number % count(table)).unwrap_or(0);
    table[index]
}

/// A table's length.
pub fn count<T>(table: &[T]) -> u64 {
    u64::try_from(table.len()).unwrap_or(1)
}
