//! Chance that is the same every time: each record draws from its own stream, made of the seed, its kind and its number. So a
//! record does not depend on which ones were made before it, and any of them can be made alone.

use chrono::{Days, NaiveDate};
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};

/// One record's stream of chance.
pub struct Draw(StdRng);

impl Draw {
    /// The stream of record `number` of a kind.
    pub fn of(seed: u64, kind: &str, number: u64) -> Self {
        let mut state = seed;
        for byte in kind.bytes().chain(number.to_le_bytes()) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(17);
        }
        Self(StdRng::seed_from_u64(state))
    }

    /// 128 bits.
    pub fn bits(&mut self) -> u128 {
        (u128::from(self.0.next_u64()) << 64) | u128::from(self.0.next_u64())
    }

    /// From 0 to just below `end`; 0 when that is nothing.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.0.random_range(0..end) }
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high.max(low))
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, times: u64) -> bool {
        self.below(100) < times
    }

    /// One of a table's entries. The table is not empty.
    pub fn pick<T: Copy>(&mut self, table: &[T]) -> T {
        table[self.0.random_range(0..table.len())]
    }

    /// One of a table's entries, by weight. The table is not empty.
    pub fn weighted<T: Copy>(&mut self, table: &[(T, u64)]) -> T {
        let mut left = self.below(table.iter().map(|(_, weight)| weight).sum());
        for (value, weight) in table {
            if left < *weight {
                return *value;
            }
            left -= weight;
        }
        table[0].0
    }

    /// A positive number around `median`, most within a factor `spread` of it, a few far above: log-normal, its normal
    /// being the sum of twelve evens.
    pub fn around(&mut self, median: f64, spread: f64) -> f64 {
        let normal = (0..12).map(|_| self.0.random::<f64>()).sum::<f64>() - 6.0;
        median * (spread.ln() * normal).exp()
    }

    /// A day from `first` to `last`, later ones more often: business grows.
    pub fn day(&mut self, first: NaiveDate, last: NaiveDate) -> NaiveDate {
        let span = last.signed_duration_since(first).num_days().max(0);
        let share = self.0.random::<f64>().powf(0.75);
        first + Days::new((share * span as f64) as u64)
    }
}

/// A whole number from a positive one; a fraction is cut off.
pub fn whole(number: f64) -> i64 {
    number as i64
}

/// Rounded to two digits that matter: 28,431 becomes 28,000.
pub fn rounded(number: f64) -> i64 {
    let number = whole(number).max(1);
    let step = 10_i64.pow(number.ilog10().saturating_sub(1));
    number / step * step
}

#[cfg(test)]
mod tests;
