//! Random choices that a seed repeats.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of choices: SplitMix64.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same way for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for part number `part` of what a seed stands for: parts can then be made in any order.
    #[must_use]
    pub fn of_part(seed: u64, part: usize) -> Self {
        let mut dice = Self(seed ^ (part as u64).wrapping_mul(0xA24B_AED4_963E_E407));
        dice.draw();
        dice
    }

    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = end.max(1) as u64;
        usize::try_from(self.draw() % end).unwrap_or_default()
    }

    /// A number from `first` to `last`.
    pub fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `items`, which must not be empty.
    pub fn pick<'i, T: ?Sized>(&mut self, items: &[&'i T]) -> &'i T {
        items[self.below(items.len())]
    }

    /// One of `numbers`, which must not be empty.
    pub fn number(&mut self, numbers: &[u32]) -> u32 {
        numbers[self.below(numbers.len())]
    }
}

/// The seed that `FINGERPOST_SEED` gives.
#[must_use]
pub fn given_seed() -> Option<u64> {
    env::var("FINGERPOST_SEED").ok()?.parse().ok()
}

/// The seed of this run: the one that is given, else the time.
#[must_use]
pub fn seed() -> u64 {
    given_seed().unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.as_secs() % 1_000_000_000
    })
}

/// How many cases are wanted: `FINGERPOST_GENERATED`, else `usual`.
#[must_use]
pub fn wanted(usual: usize) -> usize {
    let given = env::var("FINGERPOST_GENERATED")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn a_seed_repeats_its_choices_and_each_part_has_others() {
        let drawn = |mut dice: Dice| [dice.below(1000), dice.below(1000), dice.below(1000)];
        assert_eq!(drawn(Dice::of_part(7, 1)), drawn(Dice::of_part(7, 1)));
        assert_ne!(drawn(Dice::of_part(7, 1)), drawn(Dice::of_part(7, 2)));
        assert_ne!(drawn(Dice::of_part(7, 1)), drawn(Dice::of_part(8, 1)));
    }
}
