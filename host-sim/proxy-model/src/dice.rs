//! Random numbers: where they come from, which share a number falls on, and which number falls on a share.
//!
//! Envoy takes the number modulo the sum of the weights, and modulo a million for faults and mirrors.

/// Numbers of which any is as likely as any other. An argument, so that a test can name them.
pub trait Dice {
    /// The next number.
    fn roll(&mut self) -> u64;
}

impl<F: FnMut() -> u64> Dice for F {
    fn roll(&mut self) -> u64 {
        self()
    }
}

/// One number for all draws about one request that Envoy bases on its stream: shares and mirrors.
pub(crate) struct StreamRoll<'d> {
    dice: &'d mut dyn Dice,
    rolled: Option<u64>,
}

impl<'d> StreamRoll<'d> {
    pub(crate) fn new(dice: &'d mut dyn Dice) -> Self {
        Self { dice, rolled: None }
    }

    /// The number of this stream.
    pub(crate) fn stable(&mut self) -> u64 {
        *self.rolled.get_or_insert_with(|| self.dice.roll())
    }

    /// A number for one decision.
    pub(crate) fn fresh(&mut self) -> u64 {
        self.dice.roll()
    }
}

/// The share on which the number of this stream falls. A single share takes everything, without a number.
pub(crate) fn pick<'s, T>(
    shares: &'s [T],
    weight: impl Fn(&T) -> u64,
    dice: &mut StreamRoll<'_>,
) -> Option<&'s T> {
    if let [only] = shares {
        return Some(only);
    }
    let total: u64 = shares.iter().map(&weight).sum();
    let mut slot = dice.stable().checked_rem(total)?;
    shares.iter().find(|share| match slot.checked_sub(weight(share)) {
        None => true,
        Some(left) => {
            slot = left;
            false
        }
    })
}

/// The denominator of most fractions in Envoy.
const MILLION: u64 = 1_000_000;

/// A number that falls on `slot` of `total` weights, and within as many fractions as possible: low modulo a million.
#[must_use]
pub fn lowest_roll(slot: u64, total: u64) -> u64 {
    rolls(slot, total).min_by_key(|it| it % MILLION).unwrap_or(slot)
}

/// A number that falls on `slot` of `total` weights, and outside as many fractions as possible: high modulo a million.
#[must_use]
pub fn highest_roll(slot: u64, total: u64) -> u64 {
    let top = MILLION - 1;
    let last = top.checked_sub(slot).map(|room| top - room % total.max(1));
    let all = rolls(slot, total).chain(last);
    all.max_by_key(|it| it % MILLION).unwrap_or(slot)
}

fn rolls(slot: u64, total: u64) -> impl Iterator<Item = u64> {
    (0..10_000).map(move |round| slot + round * total)
}

/// A part of all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fraction {
    pub(crate) numerator: u64,
    pub(crate) denominator: u64,
}

impl Fraction {
    /// Whether a request is in it. No dice are thrown where there is nothing to decide.
    pub(crate) fn takes(self, roll: impl FnOnce() -> u64) -> bool {
        if self.numerator == 0 {
            return false;
        }
        self.numerator >= self.denominator || roll() % self.denominator < self.numerator
    }
}

#[cfg(test)]
mod tests {
    use super::{MILLION, StreamRoll, highest_roll, lowest_roll, pick};

    #[test]
    fn a_roll_falls_on_its_slot_and_as_far_out_as_possible() {
        for (slot, total) in [(0, 1), (0, 100), (90, 100), (3, 7)] {
            assert_eq!(lowest_roll(slot, total) % total, slot);
            assert_eq!(highest_roll(slot, total) % total, slot);
        }
        assert_eq!(lowest_roll(90, 100), 90);
        assert_eq!(highest_roll(90, 100) % MILLION, 999_990);
        assert_eq!(highest_roll(0, 1), 999_999);
    }

    #[test]
    fn a_roll_picks_the_share_that_it_falls_on() {
        let shares = [("a", 90), ("b", 0), ("c", 10)];
        let picked = |slot| {
            let mut roll = || highest_roll(slot, 100);
            pick(&shares, |it| it.1, &mut StreamRoll::new(&mut roll)).map(|it| it.0)
        };
        assert_eq!(
            [0, 89, 90, 99].map(picked),
            [Some("a"), Some("a"), Some("c"), Some("c")]
        );
        let mut never = || -> u64 { panic!("one share needs no number") };
        let mut dice = StreamRoll::new(&mut never);
        assert_eq!(pick(&["a"], |_| 0, &mut dice), Some(&"a"));
    }
}
